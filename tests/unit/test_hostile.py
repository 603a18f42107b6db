"""Hostile messages by name, at the gate and at the centre: none is obeyed, each is counted, the alarm goes on.

Certificates and the broker's access rules have their own cases; here the broker lets everything through.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from centre.gate_keys import GateKeys
from centre.inbox import Arrival
from edge import core, seals, wire
from edge.chain import WindowOpened
from edge.events import Boot, MessageRefused, ReceiptCame, Stage
from edge.ledger_key import PublicKey, pem_of
from edge.state import Rules, begin
from tests.unit.signers import ADDRESS, CENTRE, ELSEWHERE, GATE, STRANGER, WALL_MS, CentreEnd, GateEnd, window
from tests.unit.test_centre_notary import Desk

OTHER = "fedcba9876543210"


class Line:
    """A gate with one press on its way, the centre that has it, and somebody between them who can say anything."""

    def __init__(self) -> None:
        self.gate, self.centre = GateEnd(), CentreEnd()
        self.centre.hear(self.gate.beat())
        self.press = self.gate.press(1)
        self.id = f"{self.gate.boot}-1"
        self.receipt = self.centre.receipt(self.press)[1]
        self.before: list[tuple[str, bytes]] = []
        self.retained = False

    def by_centre(self, topic: str, body: bytes) -> bytes:
        """As if the centre's own key had signed it: the worst case."""
        return seals.sealed(topic, body, CENTRE.sign)

    def seen(self, **changes: object) -> bytes:
        """An officer's word with its proof changed."""
        body = wire.encode(wire.receipt_of(self.id, Stage.SEEN, "Wang", WALL_MS))
        return self.by_centre(ADDRESS.receipts, body[:-1] + b',"proof":' + self.proof(**changes) + b"}")

    def asked(self, field: bytes, value: bytes, **proof: object) -> bytes:
        """A command, genuine but for one field."""
        fields = {
            b"schema": b"1", b"command": b'"open_window"', b"nonce": b'"0123456789abcdef"', b"kind": b'"human"',
            b"by": b'"Li"', b"for_ms": b"600000", b"issued_wall_ms": b"1", b"expires_wall_ms": b"9007199254740992",
            b"proof": self.proof(**proof), field: value,
        }  # fmt: skip
        body = b"{" + b",".join(b'"%b":%b' % one for one in fields.items()) + b"}"
        return self.by_centre(ADDRESS.commands, body)

    def proof(self, **changes: object) -> bytes:
        """What makes a word new, unless changed."""
        challenge = self.gate.trust._challenges.current(self.gate.now_ms)
        return wire.encode({"challenge": challenge, "number": 1, "within_ms": 60_000, **changes})

    def later(self, word: tuple[str, bytes], by_ms: int) -> bytes:
        """A word that was held back."""
        self.gate.now_ms += by_ms
        return word[1]

    def again(self, *words: tuple[str, bytes]) -> bytes:
        """The first of these words, after all of them but the first, or it alone, were obeyed."""
        self.before = list(words[1:] or words)
        return words[0][1]


Make = Callable[[Line], bytes]

FOREIGN = CentreEnd(STRANGER)

ACKS: Mapping[str, tuple[str, Make]] = {
    "unsigned": ("unsigned", lambda line: wire.encode(wire.receipt_of(line.id, Stage.RECEIVED, "", 1))),
    "signed by a stranger": ("signature", lambda line: FOREIGN.receipt(line.press)[1]),
    "signed by the gate's own key": (
        "signature",
        lambda line: seals.sealed(ADDRESS.receipts, seals.taken_off(line.receipt)[0], GATE.sign),
    ),
    "with the seal of another receipt": (
        "signature",
        lambda line: seals.put_on(seals.taken_off(line.receipt)[0], seals.taken_off(line.centre.act(line.id)[1])[1]),
    ),
    "for another gate": ("signature", lambda line: line.centre.act(line.id, address=ELSEWHERE)[1]),
    "signed as a command": (
        "signature",
        lambda line: seals.sealed(ADDRESS.commands, seals.taken_off(line.receipt)[0], CENTRE.sign),
    ),
    "the gate's own event sent back": ("signature", lambda line: line.press.payload),
    "one bit changed": ("signature", lambda line: line.receipt.replace(b"received", b"seceived")),
    "a field put in": ("signature", lambda line: b'{"id":"x",' + line.receipt[1:]),
    "a field put behind the seal": ("unsigned", lambda line: line.receipt[:-1] + b',"id":"x"}'),
    "a space behind the seal": ("unsigned", lambda line: line.receipt + b" "),
    "the seal in capitals": (
        "unsigned",
        lambda line: seals.put_on(seals.taken_off(line.receipt)[0], seals.taken_off(line.receipt)[1].upper()),
    ),
    "the seal twice": ("signature", lambda line: seals.put_on(line.receipt, seals.taken_off(line.receipt)[1])),
    "the digest of another sending": (
        "digest",
        lambda line: line.centre.receipt(GateEnd(life=1, signer=STRANGER).press(1, age_ms=9))[1],
    ),
    "without a digest": (
        "digest",
        lambda line: line.by_centre(ADDRESS.receipts, wire.encode(wire.receipt_of(line.id, Stage.RECEIVED, "", 1))),
    ),
    "for an event that was never sent": ("digest", lambda line: line.centre.receipt(GateEnd(life=1).press(77))[1]),
    "for an event of another life": ("digest", lambda line: line.centre.receipt(GateEnd(life=9).press(1))[1]),
    "a digest that is none": (
        "malformed",
        lambda line: line.by_centre(
            ADDRESS.receipts, wire.encode(wire.receipt_of(line.id, Stage.RECEIVED, "", 1, "x"))
        ),
    ),
    "a stage that nobody knows": (
        "stage",
        lambda line: line.by_centre(
            ADDRESS.receipts, b'{"schema":1,"id":"%b","stage":"disarmed","by":"","centre_wall_ms":1}' % line.id.encode()
        ),
    ),
    "a stage in capitals": (
        "stage",
        lambda line: line.by_centre(
            ADDRESS.receipts, b'{"schema":1,"id":"%b","stage":"CLOSED","by":"","centre_wall_ms":1}' % line.id.encode()
        ),
    ),
    "of another schema": (
        "schema",
        lambda line: line.by_centre(
            ADDRESS.receipts, b'{"schema":2,"id":"%b","stage":"closed","by":"","centre_wall_ms":1}' % line.id.encode()
        ),
    ),
    "an id with a line feed": (
        "id",
        lambda line: line.by_centre(
            ADDRESS.receipts,
            b'{"schema":1,"id":"%b\\n","stage":"received","by":"","centre_wall_ms":1}' % line.id.encode(),
        ),
    ),
    "a name too long": (
        "malformed",
        lambda line: line.by_centre(ADDRESS.receipts, wire.encode(wire.receipt_of(line.id, Stage.CLOSED, "x" * 81, 1))),
    ),
    "oversized": ("oversized", lambda line: line.by_centre(ADDRESS.receipts, b'{"by":"' + b"x" * 5_000 + b'"}')),
    "an officer's word without a proof": (
        "unproved",
        lambda line: line.by_centre(ADDRESS.receipts, wire.encode(wire.receipt_of(line.id, Stage.CLOSED, "", 1))),
    ),
    "a challenge that was never drawn": ("challenge", lambda line: line.seen(challenge=OTHER)),
    "a challenge with a line feed": ("malformed", lambda line: line.seen(challenge=OTHER + "\n")),
    "number 0": ("malformed", lambda line: line.seen(number=0)),
    "good for a day": ("malformed", lambda line: line.seen(within_ms=86_400_000)),
    "held back": ("expired", lambda line: line.later(line.centre.act(line.id, Stage.CLOSED), 120_001)),
    "said twice": ("replayed", lambda line: line.again(line.centre.act(line.id))),
    "overtaken": (
        "reordered",
        lambda line: line.again(line.centre.act(line.id, Stage.CLOSED), line.centre.act(line.id, Stage.SEEN)),
    ),
}

COMMANDS: Mapping[str, tuple[str, Make]] = {
    "unsigned": ("unsigned", lambda line: wire.encode(window())),
    "signed by a stranger": ("signature", lambda line: FOREIGN.window()[1]),
    "signed by the gate's own key": (
        "signature",
        lambda line: seals.sealed(ADDRESS.commands, wire.encode(window()), GATE.sign),
    ),
    "for another gate": ("signature", lambda line: line.centre.window(address=ELSEWHERE)[1]),
    "a receipt on this topic": ("signature", lambda line: line.receipt),
    "held back": ("expired", lambda line: line.later(line.centre.window(), 60_001)),
    "said twice": ("replayed", lambda line: line.again(line.centre.window())),
    "overtaken": ("reordered", lambda line: line.again(line.centre.window("aa" * 8), line.centre.window("bb" * 8))),
    "of an earlier life": ("challenge", lambda line: line.asked(b"by", b'"Li"', challenge="0000000900000001")),
    "without a proof": ("unproved", lambda line: line.asked(b"proof", b"null")),
    "that disarms": ("malformed", lambda line: line.asked(b"command", b'"disarm"')),
    "that is a list": ("malformed", lambda line: line.asked(b"command", b'["open_window"]')),
    "of another kind": ("malformed", lambda line: line.asked(b"kind", b'"full"')),
    "for ever": ("malformed", lambda line: line.asked(b"for_ms", b"1800001")),
    "for no time": ("malformed", lambda line: line.asked(b"for_ms", b"0")),
    "for a negative time": ("malformed", lambda line: line.asked(b"for_ms", b"-600000")),
    "for a number of 300 digits": ("malformed", lambda line: line.asked(b"for_ms", b"9" * 300)),
    "for no number": ("malformed", lambda line: line.asked(b"for_ms", b"NaN")),
    "a name of a window with a line feed": ("malformed", lambda line: line.asked(b"nonce", b'"0123456789abcdef\\n"')),
    "by nobody": ("malformed", lambda line: line.asked(b"by", b'""')),
    "in bad UTF-8": ("malformed", lambda line: line.asked(b"by", b'"\xff\xfe"')),
    "of another schema": ("schema", lambda line: line.asked(b"schema", b"0")),
    "nested deeply": ("malformed", lambda line: line.asked(b"x", b"[" * 3_000)),
}

TOPICS = (
    f"gate/{ELSEWHERE}/down/receipt", f"gate/{ADDRESS}/down/receipt/x", f"gate/{ADDRESS}/down/disarm",
    f"gate/{ADDRESS}/down/", f"gate/{ADDRESS}/alarm", f"gate/{ADDRESS}/down/Receipt", "centre/county-2/status",
    f"GATE/{ADDRESS}/down/receipt", f"gate/{ADDRESS}/down/receipt\n", "", "$SYS/broker", "gate/+/+/+/down/receipt",
)  # fmt: skip


def hears(line: Line, topic: str, payload: bytes, reason: str, *, retained: bool = False) -> None:
    """The gate hears this: it is refused for this reason and counted, and the alarm stands and gets its receipt."""
    state = begin(Boot(line.gate.boot, 1, "kernel"), Rules(), 1_000)
    for word in line.before:
        assert line.gate.refuses(*word) == ""
    assert line.gate.refuses(topic, payload, retained=retained) == reason
    after, _ = core.step(state, MessageRefused(reason, 1_001))
    assert after.health.counters == {f"refused_{reason}": 1}
    assert after.alarm == state.alarm
    assert isinstance(line.gate.hear(ADDRESS.receipts, line.receipt), ReceiptCame), "the genuine one is still good"


@pytest.mark.parametrize("name", ACKS)
def test_a_hostile_receipt_is_refused(name: str) -> None:
    line = Line()
    reason, make = ACKS[name]
    hears(line, ADDRESS.receipts, make(line), reason)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_hostile_command_is_refused(name: str) -> None:
    line = Line()
    reason, make = COMMANDS[name]
    hears(line, ADDRESS.commands, make(line), reason)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_genuine_word_on_a_hostile_topic_is_refused(topic: str) -> None:
    line = Line()
    hears(line, topic, line.centre.window()[1], "topic")


@pytest.mark.parametrize("kind", ["receipt", "act", "window"])
def test_a_genuine_word_that_is_retained_is_refused(kind: str) -> None:
    line = Line()
    words = {
        "receipt": line.centre.receipt(line.press),
        "act": line.centre.act(line.id),
        "window": line.centre.window(),
    }
    hears(line, *words[kind], "retained", retained=True)


def test_the_same_command_unchanged_is_obeyed() -> None:
    """Else the cases above would prove nothing."""
    line = Line()
    assert isinstance(line.gate.hear(ADDRESS.commands, line.asked(b"by", b'"Li"')), WindowOpened)
    assert isinstance(line.gate.hear(ADDRESS.receipts, line.seen(number=2)), ReceiptCame)


def moved(arrival: Arrival, **changes: object) -> Arrival:
    """A message as it comes, changed."""
    fields = {"topic": arrival.topic, "payload": arrival.payload, "retained": arrival.retained, **changes}
    return Arrival(0, settle=arrival.settle, **fields)  # type: ignore[arg-type]


def signed(body: bytes, word: str = "alarm", address: wire.Address = ADDRESS) -> Arrival:
    """By the gate's own key: the worst case."""
    topic = address.up(word)
    return Arrival(0, topic, seals.sealed(topic, body, GATE.sign), False, lambda: None)


UP: Mapping[str, tuple[str, Callable[[GateEnd], Arrival]]] = {
    "an alarm without a seal": (
        "unsigned",
        lambda gate: moved(gate.press(2), payload=seals.taken_off(gate.press(2).payload)[0]),
    ),
    "an alarm of a stranger": ("signature", lambda gate: GateEnd(signer=STRANGER).press(2)),
    "an alarm of another gate": (
        "signature",
        lambda gate: moved(GateEnd(address=ELSEWHERE).press(2), topic=ADDRESS.up("alarm")),
    ),
    "an alarm turned into a test": (
        "signature",
        lambda gate: moved(gate.press(2), payload=gate.press(2).payload.replace(b'"person"', b'"drill"')),
    ),
    "an alarm on a test's topic": ("signature", lambda gate: moved(gate.press(2), topic=ADDRESS.up("selftest"))),
    "a heartbeat on the alarm's topic": ("signature", lambda gate: moved(gate.beat(), topic=ADDRESS.up("alarm"))),
    "a receipt sent back up": (
        "signature",
        lambda gate: moved(gate.press(2), payload=CentreEnd().receipt(gate.press(2))[1]),
    ),
    "an alarm that is retained": ("retained", lambda gate: moved(gate.press(2), retained=True)),
    "a heartbeat that is retained": ("retained", lambda gate: moved(gate.beat(), retained=True)),
    "presence without a seal": ("unsigned", lambda gate: moved(gate.beat(), topic=ADDRESS.up("status"), payload=b"{}")),
    "oversized": ("oversized", lambda gate: signed(b'{"a":"' + b"x" * 70_000 + b'"}')),
    "no event": ("malformed", lambda gate: signed(b'{"a":1}')),
    "no object": ("signature", lambda gate: signed(b"[1]", "heartbeat")),
    "an event nested deeply": ("malformed", lambda gate: signed(b'{"body":' + b"[" * 3_000 + b"]" * 3_000 + b"}")),
    "an event of another schema": (
        "schema",
        lambda gate: signed(seals.taken_off(gate.press(2).payload)[0].replace(b'"schema":1', b'"schema":3')),
    ),
    "an event with two counters": (
        "id",
        lambda gate: signed(seals.taken_off(gate.press(2).payload)[0].replace(b'"counter":2', b'"counter":3')),
    ),
    "an event of the past": (
        "range",
        lambda gate: signed(seals.taken_off(gate.press(2).payload)[0].replace(b'"monotonic_ms":', b'"monotonic_ms":-')),
    ),
    "an event for another topic": ("topic", lambda gate: signed(seals.taken_off(gate.press(2).payload)[0], "trouble")),
    "another county": ("topic", lambda gate: signed(b"{}", "alarm", wire.Address("county-2", "school-1", "gate-1"))),
    "a topic that is none": ("topic", lambda gate: moved(gate.press(2), topic="gate/county-1/school-1/alarm")),
    "a topic that is too long": ("topic", lambda gate: moved(gate.press(2), topic=ADDRESS.up("alarm") + "/x")),
    "a word that nobody knows": ("topic", lambda gate: moved(gate.press(2), topic=ADDRESS.up("disarm"))),
}


@pytest.mark.parametrize("name", UP)
def test_a_hostile_message_to_the_centre_is_refused(name: str, tmp_path: Path) -> None:
    GateKeys(tmp_path / "keys").add(str(ADDRESS), pem_of(PublicKey(GATE.public_key)))
    desk, gate = Desk(tmp_path), GateEnd()
    reason, make = UP[name]
    assert desk.refuses(make(gate)) == reason
    assert desk.register.refused == {reason: 1}
    assert (desk.archive.count(), desk.intake.open_incidents(), dict(desk.register.gates)) == (0, [], {})
    assert desk.refuses(gate.press(1)) == "", "the alarm goes on"
    assert len(desk.intake.open_incidents()) == 1
    desk.archive.close()


def test_there_are_sixty_cases_and_more() -> None:
    assert len(ACKS) + len(COMMANDS) + len(TOPICS) + len(UP) >= 60


# --- ten thousand, with restarts between ------------------------------------------------------------------------


def bent(luck: random.Random, payload: bytes) -> bytes:
    """One bit changed."""
    changed = bytearray(payload)
    place = luck.randrange(len(changed))
    changed[place] ^= 1 << luck.randrange(8)
    return bytes(changed)


@pytest.mark.slow
def test_of_10000_replayed_bent_reordered_expired_and_strange_words_none_is_obeyed_over_20_restarts() -> None:
    luck, recorded, genuine, refused = random.Random(6), list[tuple[str, bytes]](), 0, 0
    for life in range(1, 21):
        gate, other, centre = GateEnd(life), GateEnd(life + 100, ELSEWHERE), CentreEnd()
        for _ in range(4):
            centre.hear(gate.beat())
            centre.hear(other.beat())
            words = [centre.receipt(gate.press(luck.randint(1, 9))), centre.act(f"{gate.boot}-1"), centre.window()]
            held = [centre.act(f"{gate.boot}-1", Stage.CLOSED), centre.window("cd" * 8)]  # overtaken by what follows
            words += [centre.act(f"{gate.boot}-1", Stage.DISPATCHED)]
            for word in words:
                assert gate.refuses(*word) == "", "what is genuine and new is obeyed"
            genuine += len(words)
            # A receipt may be said again: the brain knows what it still owes, and counts the rest.
            recorded += [*words[1:], *held, centre.act("00000000000000aa-1", address=ELSEWHERE)]
        for _ in range(500):
            topic, payload = luck.choice(recorded)
            match luck.randrange(4):
                case 0:
                    payload = bent(luck, payload)
                case 1:
                    topic = luck.choice((ADDRESS.commands, ADDRESS.receipts))
                case 2:
                    gate.now_ms += luck.choice((1, 1_000))
            refused += gate.refuses(topic, payload) != ""
    assert genuine == 320
    assert refused == 10_000


def test_of_2000_replayed_bent_and_strange_messages_none_is_news_to_the_centre_over_4_restarts(tmp_path: Path) -> None:
    GateKeys(tmp_path / "keys").add(str(ADDRESS), pem_of(PublicKey(GATE.public_key)))
    luck, recorded, presses = random.Random(7), list[Arrival](), 0
    for life in range(1, 5):
        desk, gate, other = Desk(tmp_path), GateEnd(life), GateEnd(life, ELSEWHERE)
        for counter in range(1, 6):
            recorded += [gate.press(counter), gate.beat(), moved(other.press(counter), topic=ADDRESS.up("alarm"))]
            assert (desk.refuses(recorded[-3]), desk.refuses(recorded[-2])) == ("", "")
            presses += 1
        heard_ms = desk.register.gates[ADDRESS].heard_ms
        desk.now_ms = 10_000
        said = [luck.choice(recorded) for _ in range(500)]
        desk.takes_all([moved(one, payload=bent(luck, one.payload)) if luck.random() < 0.5 else one for one in said])
        assert desk.archive.count() == presses
        assert desk.register.gates[ADDRESS].heard_ms == heard_ms, "no sign of life"
        desk.intake.keep_signs(WALL_MS)
        desk.archive.close()

"""Nothing that comes from outside disarms, mutes or delays the button: every word there is, on the real brain.

The words are put together from the types themselves, and go through the real reader: a new word, or a new field of
one, makes a test fail until somebody has said here what may stand in it.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from msgspec.structs import replace

from edge import below, wire
from edge.alarm import AlarmRules
from edge.chain import WindowClosed, WindowOpened
from edge.events import CentreStatus, Contact, Origin, ReceiptCame, Stage
from edge.sim.clocks import EPOCH_MS
from edge.sim.phases import ARRIVE_MS, Bench
from edge.trust import Trust

ADDRESS = wire.Address("county-1", "school-1", "gate-1")
OPEN, NEXT, UNKNOWN = "open", "next", "unknown"
"""Names for ids that only the running gate knows: its open incident's, its next event's, nobody's."""

HOLD_MS = 120
PAUSE_MS = 400
"""A finger's pause before the next press, and longer than a receipt takes in fair weather."""


def choices(struct: type[msgspec.Struct], field: str) -> tuple[object, ...]:
    """What a field of a fixed vocabulary may say."""
    return get_args(get_type_hints(struct)[field])


VALUES: Mapping[type[msgspec.Struct], Mapping[str, tuple[object, ...]]] = {
    wire.CentreCommand: {
        "schema": (wire.SCHEMA,),
        "command": choices(wire.CentreCommand, "command"),
        "nonce": ("0123456789abcdef",),
        "kind": choices(wire.CentreCommand, "kind"),
        "by": ("somebody",),
        "for_ms": (1, 1_800_000),
        "issued_wall_ms": (EPOCH_MS,),
        "expires_wall_ms": (EPOCH_MS - 1, 2**52),
        "proof": (None, wire.Proof("0123456789abcdef", 1, 300_000)),
    },
    wire.Receipt: {
        "schema": (wire.SCHEMA,),
        "id": (OPEN, NEXT, UNKNOWN),
        "stage": tuple(wire.RECEIPT_STAGES),
        "by": ("", "somebody"),
        "centre_wall_ms": (None,),
        "digest": (None, "0" * 64),
        "proof": (None,),
    },
    wire.CentreWord: {"schema": (wire.SCHEMA,), "listening": (True, False), "centre_wall_ms": (None, 0)},
}

TOPICS = {
    wire.CentreCommand: ADDRESS.commands,
    wire.Receipt: ADDRESS.receipts,
    wire.CentreWord: ADDRESS.centre_status,
}

Word = tuple[str, dict[str, Any]]


def words() -> Iterator[Word]:
    """Everything that can be said to a gate, as topic and fields."""
    for struct, values in VALUES.items():
        for chosen in itertools.product(*values.values()):
            yield TOPICS[struct], dict(zip(values, chosen, strict=True))


def say(bench: Bench, word: Word) -> below.Below:
    """The gate hears this word, through the real reader."""
    topic, fields = word
    state = bench.gate.state
    ids = {
        OPEN: str(state.alarm.ids[0]) if state.alarm.ids else "00000000000000ee-1",
        NEXT: f"{state.boot.id}-{state.counter + 1}",
        UNKNOWN: "00000000000000ee-1",
    }
    if "id" in fields:
        fields = {**fields, "id": ids[fields["id"]]}
    fact = below.read(
        topic, wire.encode(fields), retained=False, address=ADDRESS, broker=0, now_ms=0, trust=Trust()
    )  # fmt: skip
    if isinstance(fact, ReceiptCame) and fact.stage is not Stage.RECEIVED:
        # The world's judge of the lamp is to know that somebody said so.
        officer = bench.truth.officer
        officer[fact.id] = max(fact.stage, officer.get(fact.id, fact.stage))
    bench.gate.ask(fact)
    return fact


def press(bench: Bench) -> Origin:
    """One push of a finger, which must be at the centre in time, and live; whose press the gate took it for."""
    bench.pass_by(PAUSE_MS)
    before, pressed_ms = set(bench.centre.arrivals), bench.time.now_ms
    bench.terminals.press(Contact.KEY, HOLD_MS)
    bench.pass_by(ARRIVE_MS)
    codes = [one.publish for id, one in bench.centre.arrivals.items() if id not in before]
    found = [one for one in codes if one.record.code.value in (122, 123)]
    assert len(found) == 1, f"one push of a finger, {len(found)} presses at the centre"
    assert not found[0].replayed
    assert bench.gate.kernel.started_ms + found[0].record.at_ms == pressed_ms, "dated by the finger, to the ms"
    return found[0].record.origin


def alarm_follows(bench: Bench) -> None:
    """The next press, or at the latest the one after it, is an alarm: a window takes one quiet press and no more."""
    if press(bench) is not Origin.PERSON:
        assert press(bench) is Origin.PERSON


def test_the_words_are_all_that_the_reader_can_understand() -> None:
    """A new fact from below, a new word on the wire or a new field of one belongs into ``VALUES``."""
    for struct, values in VALUES.items():
        assert tuple(values) == struct.__struct_fields__
    made = {type(say(Bench(1), word)) for word in words()}
    assert made == set(get_args(below.Below)) == {CentreStatus, WindowClosed, WindowOpened, ReceiptCame}


def test_there_is_no_other_topic_to_say_anything_on() -> None:
    for last in ("reset", "disarm", "mute", "config", "receipt/x", "command/x", ""):
        with pytest.raises(wire.WireError, match="topic"):
            below.read(
                f"gate/{ADDRESS}/down/{last}", b"{}", retained=False, address=ADDRESS, broker=0, now_ms=0,
                trust=Trust(),
            )  # fmt: skip


@pytest.mark.parametrize("moment", ["before", "between edge and alarm", "after", "both sides"])
def test_no_word_at_any_moment_disarms_or_delays_the_button(moment: str) -> None:
    for number, word in enumerate(words()):
        bench = Bench(number)
        try:
            if moment in ("before", "both sides"):
                say(bench, word)
            if moment == "between edge and alarm":
                bench.time.after(PAUSE_MS + 5, lambda bench=bench, word=word: say(bench, word))
            alarm_follows(bench)
            if moment in ("after", "both sides"):
                say(bench, word)
                alarm_follows(bench)
        except AssertionError as error:
            raise AssertionError(f"after {word}: {error}") from error


def test_no_flood_of_words_disarms_or_delays_the_button() -> None:
    """Without a signature, which would refuse them all. One word is left out: a forged receipt makes the lamp lie."""
    vocabulary = [word for word in words() if (word[1].get("id"), word[1].get("stage")) != (OPEN, "received")]
    for seed in range(10):
        bench, luck = Bench(seed), random.Random(seed)
        for _ in range(4):
            for word in luck.choices(vocabulary, k=200):
                bench.time.after(luck.randint(0, 2 * PAUSE_MS), lambda bench=bench, word=word: say(bench, word))
            alarm_follows(bench)


def test_no_word_mutes_the_siren_of_an_alarm_but_the_officers_end_of_that_very_alarm() -> None:
    for number, word in enumerate(words()):
        bench = Bench(number)
        state = bench.gate.state
        bench.gate.state = replace(state, alarm=replace(state.alarm, rules=AlarmRules(audible=True)))
        press(bench)
        assert bench.gate.state.alarm.siren_on
        fact = say(bench, word)
        ended = isinstance(fact, ReceiptCame) and fact.stage is Stage.CLOSED and word[1]["id"] == OPEN
        assert bench.gate.state.alarm.siren_on is not ended, word
        if press(bench) is Origin.PERSON:
            assert bench.gate.state.alarm.siren_on, f"the press after {word} is silent"

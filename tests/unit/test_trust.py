"""Whom the gate believes: the centre's signature, meant for this gate, said after the gate asked, and only once."""

from __future__ import annotations

import json

import pytest

from edge import seals, wire
from edge.chain import WindowOpened
from edge.events import ReceiptCame, Stage, Topic
from edge.ledger_key import PublicKey
from edge.trust import KeyHolder, Trust
from tests.unit.signers import ADDRESS, CENTRE, ELSEWHERE, GATE, STRANGER, CentreEnd, GateEnd, key, window


@pytest.fixture
def gate() -> GateEnd:
    return GateEnd()


@pytest.fixture
def centre(gate: GateEnd) -> CentreEnd:
    centre = CentreEnd()
    centre.hear(gate.beat())
    return centre


def test_a_receipt_for_a_press_of_this_life_is_obeyed(gate, centre):
    word = centre.receipt(gate.press(1))
    assert gate.hear(*word) == ReceiptCame(gate.record(1).id, Stage.RECEIVED, "", 1_764_000_000_000, gate.now_ms)


def test_what_an_officer_says_is_obeyed_once(gate, centre):
    word = centre.act(str(gate.record(1).id))
    assert isinstance(gate.hear(*word), ReceiptCame)
    assert gate.refuses(*word) == "replayed"


def test_a_window_is_opened_once_and_asks_no_clock(gate, centre):
    word = centre.window()
    opened = gate.hear(*word)
    assert isinstance(opened, WindowOpened)
    assert opened.expires_wall_ms is None
    assert gate.refuses(*word) == "replayed"


def test_a_word_of_the_centre_can_be_read_by_a_gate_of_the_version_before(gate, centre):
    assert wire.decode_receipt(centre.receipt(gate.press(1))[1])[:2] == (gate.record(1).id, Stage.RECEIVED)
    assert wire.decode_command(centre.window()[1]).nonce == "ab" * 8


def test_what_the_gate_seals_can_be_read_by_a_centre_of_the_version_before(gate):
    press = gate.press(1)
    assert wire.decode_event(press.payload).id == f"{gate.boot}-1"
    fields = json.loads(press.payload)
    assert list(fields)[-1] == "signature"
    body, signature = seals.taken_off(press.payload)
    assert GATE.sign(seals.digest_of(press.topic, body)) == signature


def test_a_gate_without_a_key_of_the_centre_obeys_what_is_unsigned(gate):
    trusting = GateEnd()
    trusting.keys = None
    trusting.trust = Trust()
    opened = trusting.hear(ADDRESS.commands, wire.encode(window()))
    assert isinstance(opened, WindowOpened)
    assert opened.expires_wall_ms == window().expires_wall_ms


def test_a_word_for_another_gate_is_refused_on_either_topic(gate, centre):
    other = GateEnd(2, ELSEWHERE)
    centre.hear(other.beat())
    topic, payload = centre.window(address=ELSEWHERE)
    assert gate.refuses(topic, payload) == "topic"
    assert gate.refuses(ADDRESS.commands, payload) == "signature"


def test_a_receipt_is_no_command_and_a_command_no_receipt(gate, centre):
    assert gate.refuses(ADDRESS.commands, centre.act("00000000000000aa-1")[1]) == "signature"
    assert gate.refuses(ADDRESS.receipts, centre.window()[1]) == "signature"


def test_what_somebody_else_signed_is_refused(gate):
    stranger = CentreEnd(STRANGER)
    stranger.hear(gate.beat())
    assert gate.refuses(*stranger.window()) == "signature"
    assert gate.refuses(*stranger.receipt(gate.press(1))) == "signature"
    assert gate.refuses(ADDRESS.commands, wire.encode(window())) == "unsigned"


def test_each_bit_of_a_signed_word_counts(gate, centre):
    topic, payload = centre.receipt(gate.press(1))
    for place in range(len(payload) * 8):
        changed = bytearray(payload)
        changed[place // 8] ^= 1 << place % 8
        assert gate.refuses(topic, bytes(changed)) in ("signature", "unsigned"), bytes(changed)
    assert gate.refuses(topic, payload) == ""


def test_a_retained_word_is_refused_however_well_it_is_signed(gate, centre):
    assert gate.refuses(*centre.window(), retained=True) == "retained"
    assert gate.refuses(*centre.receipt(gate.press(1)), retained=True) == "retained"


def test_a_word_that_was_held_back_expires_by_the_gates_own_clock(gate, centre):
    late, in_time = centre.window("aa" * 8), centre.window("bb" * 8)
    gate.now_ms += 60_000
    assert gate.refuses(*in_time) == ""
    gate.now_ms += 1
    assert gate.refuses(*late) == "expired"


def test_what_an_officer_said_of_an_alarm_lives_for_two_minutes(gate, centre):
    word = centre.act("00000000000000aa-1")
    gate.now_ms += 120_001
    assert gate.refuses(*word) == "expired"


def test_a_word_that_a_later_one_has_overtaken_is_refused(gate, centre):
    earlier, later = centre.act("00000000000000aa-1", Stage.CLOSED), centre.act("00000000000000aa-1", Stage.SEEN)
    assert gate.refuses(*later) == ""
    assert gate.refuses(*earlier) == "reordered"


def test_the_order_holds_over_several_challenges(gate, centre):
    earlier = centre.window("aa" * 8)
    centre.hear(gate.beat())
    later = centre.window("bb" * 8)
    assert gate.refuses(*later) == ""
    assert gate.refuses(*earlier) == "reordered"


def test_nothing_that_was_said_to_an_earlier_life_of_the_gate_is_obeyed(gate, centre):
    window_word, act, receipt = centre.window(), centre.act(f"{gate.boot}-1"), centre.receipt(gate.press(1))
    assert gate.refuses(*window_word) == ""
    again = GateEnd(life=2)
    again.beat()
    assert again.refuses(*window_word) == "challenge"
    assert again.refuses(*act) == "challenge"
    assert again.refuses(*receipt) == "digest"


def test_an_alarm_sent_again_after_a_restart_gets_a_receipt_of_its_own(gate, centre):
    again = GateEnd(life=2)
    again.boot = gate.boot
    sent = again.press(1, age_ms=5_000)
    assert again.refuses(*centre.receipt(gate.press(1))) == "digest"
    assert again.refuses(*centre.receipt(sent)) == ""


def test_a_receipt_for_any_sending_of_an_alarm_is_good(gate, centre):
    sendings = [gate.press(1, age_ms=count) for count in range(16)]
    assert gate.refuses(*centre.receipt(sendings[0])) == ""
    assert gate.refuses(*centre.receipt(sendings[-1])) == ""
    gate.press(1, age_ms=16)
    assert gate.refuses(*centre.receipt(sendings[0])) == "digest", "it is one of the last 16"
    assert gate.refuses(*centre.receipt(sendings[1])) == ""


def test_a_receipt_made_before_the_press_is_worth_nothing(gate, centre):
    """Somebody who knows the boot can name the next event; what is in it nobody knows before the button is pressed."""
    guessed = GateEnd(life=1, signer=STRANGER)
    guessed.now_ms = gate.now_ms - 500
    early = centre.receipt(guessed.press(1))
    gate.press(1)
    assert gate.refuses(*early) == "digest"


def test_a_receipt_for_what_was_never_sent_is_refused(gate, centre):
    assert gate.refuses(*centre.receipt(GateEnd(life=9).press(1))) == "digest"


def test_the_memory_of_what_was_sent_has_an_end(gate, centre):
    first = gate.press(1)
    for counter in range(2, 1_001):
        gate.trust.seal_event(first.topic, b'{"a":1}', gate.record(counter))
    assert gate.refuses(*centre.receipt(first)) == ""
    gate.trust.seal_event(first.topic, b'{"a":1}', gate.record(1_001))
    assert gate.refuses(*centre.receipt(first)) == "digest"


def test_a_word_that_proves_nothing_is_refused_though_it_is_signed(gate):
    deaf = CentreEnd()  # has heard no heartbeat
    assert gate.refuses(*deaf.window()) == "unproved"
    assert gate.refuses(*deaf.act("00000000000000aa-1")) == "unproved"


def test_a_centre_that_was_restarted_is_obeyed_again_after_the_next_heartbeat(gate, centre):
    assert gate.refuses(*centre.window("aa" * 8)) == ""
    again = CentreEnd()
    assert gate.refuses(*again.window("bb" * 8)) == "unproved"
    again.hear(gate.beat())
    assert gate.refuses(*again.window("cc" * 8)) == ""


def test_a_centre_that_hears_an_old_heartbeat_after_its_restart_repeats_no_number_to_effect(gate):
    beat, centre, again = gate.beat(), CentreEnd(), CentreEnd()
    centre.hear(beat)
    again.hear(beat)  # kept for it by the broker
    assert gate.refuses(*centre.window("aa" * 8)) == ""
    assert gate.refuses(*again.window("bb" * 8)) == "replayed"
    again.hear(gate.beat())
    assert gate.refuses(*again.window("cc" * 8)) == ""


def test_a_number_counts_only_once_it_was_obeyed(gate, centre):
    forged = CentreEnd(STRANGER)
    forged.hear(gate.beat())
    for _ in range(100):
        assert gate.refuses(*forged.window()) == "signature"
    assert gate.refuses(*centre.window()) == ""


def test_two_keys_are_valid_while_the_centre_replaces_one(gate):
    new = CentreEnd(key(7))
    new.hear(gate.beat())
    old = CentreEnd(CENTRE)
    old.hear(gate.beat())
    assert gate.refuses(*new.window()) == "signature"
    gate.keys = (*gate.keys, PublicKey(key(7).public_key))
    gate.trust.read_keys()
    assert gate.refuses(*new.act("00000000000000aa-1")) == ""
    assert gate.refuses(*old.act("00000000000000aa-1")) == ""


def test_a_key_that_cannot_be_read_any_more_stays_and_one_that_never_could_lets_nothing_through(gate, centre):
    gate.keys = ()
    gate.trust.read_keys()
    assert gate.refuses(*centre.window()) == ""
    never = GateEnd(life=3)
    never.trust = Trust(centre_keys=lambda: ())
    assert never.refuses(*centre.window()) == "signature"


def test_a_heartbeat_tells_the_challenge_and_those_of_one_second_the_same(gate):
    health = {"schema": 1}
    first = json.loads(gate.trust.heartbeat("t", health, 10_000))["challenge"]
    assert json.loads(gate.trust.heartbeat("t", health, 10_900))["challenge"] == first
    assert json.loads(gate.trust.heartbeat("t", health, 11_000))["challenge"] != first


def test_a_gate_whose_key_cannot_be_used_sends_unsigned():
    gate = GateEnd(signer=None)
    assert seals.taken_off(gate.press(1).payload)[1] == ""
    assert "signature" not in json.loads(gate.beat().payload)


def test_without_a_key_of_the_centre_words_are_obeyed_and_prove_nothing():
    trust = Trust()
    seen = wire.encode(wire.receipt_of("00000000000000aa-1", Stage.SEEN, "officer", 1_764_000_000_000))
    assert trust.receipt("t", seen, 0)[1] is Stage.SEEN
    command, is_new = trust.command("t", wire.encode(window()), 0)
    assert (command.nonce, is_new) == ("ab" * 8, False)


def test_a_challenge_is_16_digits_that_nobody_can_guess():
    drawn = {json.loads(Trust().heartbeat("t", {"schema": 1}, 0))["challenge"] for _ in range(10)}
    assert len(drawn) == 10
    assert {len(one) for one in drawn} == {16}


def test_what_is_longer_than_any_word_is_refused_before_it_is_looked_at(gate):
    for size, reason in ((wire.DOWN_BYTES_MAX, "unsigned"), (wire.DOWN_BYTES_MAX + 1, "oversized")):
        with pytest.raises(wire.WireError) as caught:
            gate.trust.receipt("t", b"x" * size, 0)
        assert caught.value.reason == reason


def test_the_key_that_ledger_and_line_share_is_loaded_once_and_tried_again_after_a_failure():
    loads = []

    def load() -> object:
        loads.append(1)
        if len(loads) == 1:
            raise OSError("the card")
        return GATE

    holder = KeyHolder(load)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="card"):
        holder.load()
    assert holder.key is None
    assert holder.load() is holder.load() is holder.key is GATE
    assert len(loads) == 2


def test_only_what_is_answered_is_remembered(gate):
    for counter in range(10):
        gate.trust.seal_event("t", b'{"a":1}', gate.record(counter, Topic.TEMPERATURE))
    assert gate.trust._sent == {}

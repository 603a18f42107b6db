"""The ledger: what belongs in it, how an entry is written, and that nothing can be done to it unnoticed."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge.chain import Result, Verdict
from edge.events import EventId, Topic
from edge.ledger import (
    NOTHING,
    Entry,
    Head,
    Note,
    What,
    belongs,
    content_of,
    entry_of,
    head_of,
    is_whole,
    line_of,
    next_entry,
    text_of,
)
from edge.ledger_check import FINDINGS_MAX, RUN_MAX, Checker, Fault, Outcome
from edge.ledger_key import GateKey, PublicKey
from tests.unit.ledgers import began, chained, event, key_in, ledger_of, report


@dataclass
class Gate:
    """A key, another one, and a ledger."""

    key: GateKey
    other: GateKey
    entries: list[Entry]

    def check(self, entries: list[Entry], **more: object) -> Outcome:
        keys = more.pop("keys", [PublicKey(self.key.public_key)])
        checker = Checker(keys, judge_of=PublicKey, **more)  # type: ignore[arg-type]
        for entry in entries:
            checker.take(entry)
        return checker.outcome()

    @property
    def head(self) -> Head:
        return self.entries[-1].head


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    key = key_in(tmp_path_factory.mktemp("one"))
    return Gate(key, key_in(tmp_path_factory.mktemp("two")), ledger_of(key))


def faults(outcome: Outcome) -> list[tuple[Fault, int, int]]:
    return [(one.fault, one.first, one.last) for one in outcome.findings]


# --- entries ------------------------------------------------------------------------------------------------------


def test_alarms_tests_and_the_log_belong_in_it_and_nothing_personal_does() -> None:
    kept = {topic for topic in Topic if belongs(event(1, topic))}
    assert kept == {Topic.ALARM, Topic.SELF_TEST, Topic.LOG}


def test_the_first_entry_has_nothing_before_it_and_the_next_repeats_its_hash(gate: Gate) -> None:
    first, second = gate.entries[:2]
    assert (first.number, first.previous) == (1, NOTHING)
    assert (second.number, second.previous) == (2, first.hash)


def test_an_entry_comes_back_from_its_line_and_its_record_from_the_entry(gate: Gate) -> None:
    for entry in gate.entries:
        assert entry_of(line_of(entry)) == entry
        assert is_whole(entry)
    assert content_of(gate.entries[2].record) == report(2)
    assert content_of(gate.entries[0].record) == began(gate.key)


def test_a_note_says_why_a_ledger_began_anew(gate: Gate) -> None:
    note = began(gate.key, "the file was damaged", Head(7, "a" * 64))
    assert content_of(text_of(note)) == note


@pytest.mark.parametrize("text", ["{", '{"note":"joke"}', '{"id":5}', "\udcff"])
def test_what_is_neither_event_nor_note_has_no_content(text: str) -> None:
    assert content_of(text) is None


def test_a_head_is_a_number_and_a_hash_and_nothing_else() -> None:
    assert head_of(f" 12:{'AB' * 32}\n") == Head(12, "ab" * 32)
    for text in ("", "12", f"0:{'a' * 64}", f"12:{'a' * 63}", f"12:{'a' * 65}", f"-1:{'a' * 64}"):
        with pytest.raises(ValueError, match="NUMBER:HASH"):
            head_of(text)


@given(st.data())
def test_a_line_that_differs_by_one_byte_is_no_entry_or_not_a_whole_one(gate: Gate, data: st.DataObject) -> None:
    entry = data.draw(st.sampled_from(gate.entries))
    line = bytearray(line_of(entry))
    place = data.draw(st.integers(0, len(line) - 1))
    line[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[place]))
    try:
        changed = entry_of(bytes(line))
    except ValueError:
        return
    assert not is_whole(changed)


# --- what is found ------------------------------------------------------------------------------------------------


def test_a_ledger_that_nobody_touched_passes_with_key_and_head(gate: Gate) -> None:
    outcome = gate.check(gate.entries, head=gate.head)
    assert (outcome.result, outcome.findings) == (Result.PASS, ())
    assert (outcome.entries, outcome.first, outcome.head) == (20, 1, gate.head)


def test_without_a_head_from_outside_nobody_can_say_that_the_end_is_there(gate: Gate) -> None:
    outcome = gate.check(gate.entries)
    assert (outcome.result, outcome.end, outcome.chain) == (Result.PARTIAL, Verdict.NOT_TESTED, Verdict.PASS)


def test_without_a_key_nothing_is_said_of_the_signatures(gate: Gate) -> None:
    outcome = gate.check(gate.entries, head=gate.head, keys=[])
    assert (outcome.result, outcome.signatures) == (Result.PARTIAL, Verdict.NOT_TESTED)


def test_an_empty_ledger_proves_nothing(gate: Gate) -> None:
    outcome = gate.check([])
    assert (outcome.result, outcome.chain, outcome.signatures) == (
        Result.PARTIAL, Verdict.NOT_TESTED, Verdict.NOT_TESTED,
    )  # fmt: skip
    assert faults(gate.check([], head=gate.head)) == [(Fault.CUT, 1, 20)]


@pytest.mark.parametrize("place", [0, 9, 19])
def test_an_edited_entry_is_found_and_only_that_one(gate: Gate, place: int) -> None:
    entries = list(gate.entries)
    entries[place] = replace(entries[place], record=entries[place].record.replace('"', "'", 1))
    outcome = gate.check(entries, head=gate.head)
    assert (Fault.EDITED, place + 1, place + 1) in faults(outcome)
    assert {one.fault for one in outcome.findings} <= {Fault.EDITED, Fault.CUT}
    assert outcome.result is Result.FAIL


@pytest.mark.parametrize("place", [1, 9])
def test_an_entry_that_was_written_anew_with_a_right_hash_is_found(gate: Gate, place: int) -> None:
    entries = list(gate.entries)
    before = entries[place - 1].head
    entries[place] = next_entry(before, text_of(event(99)), lambda _: entries[place].signature)
    outcome = gate.check(entries, head=gate.head)
    assert faults(outcome)[0] == (Fault.FORGED, place + 1, place + 1)
    assert (Fault.REPLACED, place + 1, place + 2) in faults(outcome)


def test_a_chain_that_was_worked_out_anew_from_an_edit_on_is_found_from_there_on(gate: Gate) -> None:
    entries = gate.entries[:10]
    for old in gate.entries[10:]:
        text = old.record if old.number != 11 else text_of(event(99))
        entries.append(next_entry(entries[-1].head, text, lambda _, old=old: old.signature))
    outcome = gate.check(entries, head=gate.head)
    assert faults(outcome) == [(Fault.FORGED, 11, 20), (Fault.REWRITTEN, 20, 20)]


def test_a_deleted_entry_is_found_as_the_gap_it_leaves(gate: Gate) -> None:
    outcome = gate.check([*gate.entries[:5], *gate.entries[8:]], head=gate.head)
    assert faults(outcome) == [(Fault.DELETED, 6, 8)]
    assert outcome.result is Result.FAIL


def test_a_deletion_that_was_closed_up_is_found(gate: Gate) -> None:
    entries = gate.entries[:5]
    for old in gate.entries[6:]:
        entries.append(next_entry(entries[-1].head, old.record, lambda _, old=old: old.signature))
    assert faults(gate.check(entries, head=gate.head)) == [(Fault.FORGED, 6, 19), (Fault.CUT, 20, 20)]


def test_two_that_changed_places_are_told_as_such_and_not_as_missing(gate: Gate) -> None:
    entries = list(gate.entries)
    entries[6], entries[7] = entries[7], entries[6]
    assert faults(gate.check(entries, head=gate.head)) == [(Fault.REORDERED, 7, 7)]


def test_an_entry_that_stands_twice_is_found(gate: Gate) -> None:
    assert faults(gate.check([*gate.entries, gate.entries[-1]], head=gate.head)) == [(Fault.REORDERED, 20, 20)]


def test_a_cut_tail_is_found_by_the_head_that_somebody_outside_knows(gate: Gate) -> None:
    outcome = gate.check(gate.entries[:-3], head=gate.head)
    assert (outcome.result, outcome.end) == (Result.FAIL, Verdict.FAIL)
    assert faults(outcome) == [(Fault.CUT, 18, 20)]


def test_entries_after_the_known_head_are_no_fault(gate: Gate) -> None:
    assert gate.check(gate.entries, head=gate.entries[4].head).result is Result.PASS


def test_a_tail_that_was_written_anew_with_the_gates_own_key_is_found_by_the_head_alone(gate: Gate) -> None:
    """What somebody with all rights at the gate can do: the reason why heads go to the centre."""
    rewritten = [*gate.entries[:10], *chained(gate.key, [event(n) for n in range(10, 20)], gate.entries[9].head)]
    assert faults(gate.check(rewritten)) == []
    assert faults(gate.check(rewritten, head=gate.head)) == [(Fault.REWRITTEN, 20, 20)]


def test_a_missing_beginning_is_found_where_it_is_known_what_came_before(gate: Gate) -> None:
    months = gate.entries[10:]
    assert gate.check(months, head=gate.head).start is Verdict.NOT_TESTED
    assert gate.check(months, head=gate.head, after=gate.entries[9].head).result is Result.PASS
    outcome = gate.check(months[1:], head=gate.head, after=gate.entries[9].head)
    assert faults(outcome) == [(Fault.OTHER_START, 12, 12)]


# --- signatures ---------------------------------------------------------------------------------------------------


def test_a_ledger_of_another_key_is_told_with_that_key(gate: Gate) -> None:
    outcome = gate.check(ledger_of(gate.other))
    assert faults(outcome) == [(Fault.WRONG_KEY, 1, 20)]
    assert outcome.findings[0].detail == gate.other.public_key


def test_a_gate_that_got_a_new_key_passes_only_with_the_new_one(gate: Gate) -> None:
    note = Note(What.KEY, "a/b/c", "the old key file was lost", gate.other.public_key)
    entries = [*gate.entries, *chained(gate.other, [note, event(30)], gate.head)]
    head = entries[-1].head
    assert faults(gate.check(entries, head=head)) == [(Fault.WRONG_KEY, 21, 22)]
    assert gate.check(entries, head=head, keys=[PublicKey(gate.other.public_key)]).result is Result.PASS


def test_entries_without_a_signature_are_a_doubt_and_the_reason_is_said(gate: Gate) -> None:
    note = Note(What.UNSIGNED, "a/b/c", "ledger.key can be used by others")
    entries = [*gate.entries, *chained(None, [note, event(30)], gate.head)]
    outcome = gate.check(entries, head=entries[-1].head)
    assert outcome.result is Result.PARTIAL
    assert faults(outcome) == [(Fault.UNSIGNED, 21, 22)]
    assert "used by others" in outcome.findings[0].detail


def test_signatures_that_were_taken_away_are_not_taken_for_a_gate_without_a_key(gate: Gate) -> None:
    """Worked out anew without signatures, the tail is all doubt; with the signed head it is a failure."""
    bare = [*gate.entries[:15]]
    for old in gate.entries[15:]:
        bare.append(next_entry(bare[-1].head, old.record, None))
    outcome = gate.check(bare, head=gate.head)
    assert faults(outcome) == [(Fault.UNSIGNED, 16, 20), (Fault.REWRITTEN, 20, 20)]
    assert gate.check(bare).result is Result.PARTIAL


def test_one_bad_signature_in_the_middle_is_found_by_looking_at_every_one(gate: Gate) -> None:
    """The entries are proved by what follows all the same: the gate itself must have written it so."""
    entries = gate.entries[:5]
    entries.append(next_entry(entries[-1].head, text_of(event(50)), lambda _: "0" * 128))
    entries += chained(gate.key, [event(51)], entries[-1].head)
    assert gate.check(entries, head=entries[-1].head).result is Result.PASS
    outcome = gate.check(entries, head=entries[-1].head, every_signature=True)
    assert faults(outcome) == [(Fault.FORGED, 6, 6)]


# --- a ledger that began anew ---------------------------------------------------------------------------------------


def test_a_ledger_that_goes_on_in_a_new_file_says_what_was_lost(gate: Gate) -> None:
    note = began(gate.key, "the file was damaged", gate.head)
    entries = chained(gate.key, [note, event(40)], gate.head)
    outcome = gate.check(entries, head=entries[-1].head)
    assert (outcome.result, outcome.start) == (Result.PARTIAL, Verdict.NOT_TESTED)
    assert faults(outcome) == [(Fault.BEGAN_ANEW, 21, 21)]
    whole = gate.check([*gate.entries, *entries], head=entries[-1].head)
    assert whole.result is Result.PASS, "with the old file's entries before it nothing is in doubt"


def test_an_older_copy_that_was_put_back_under_a_running_gate_is_told_by_the_gate(gate: Gate) -> None:
    older = gate.entries[:10]
    note = began(gate.key, "an older file was put in its place", gate.head)
    entries = [*older, *chained(gate.key, [note, event(40)], older[-1].head)]
    assert faults(gate.check(entries)) == [(Fault.ROLLED_BACK, 11, 20)]
    assert gate.check(entries).result is Result.FAIL


# --- size and damage ----------------------------------------------------------------------------------------------


def test_a_ledger_longer_than_one_run_is_judged_to_its_last_entry(gate: Gate) -> None:
    entries = chained(gate.key, [began(gate.key), *(event(n) for n in range(1, RUN_MAX + 5))])
    assert gate.check(entries, head=entries[-1].head).result is Result.PASS
    entries[-1] = next_entry(entries[-2].head, entries[-1].record, lambda _: "0" * 128)
    assert faults(gate.check(entries)) == [(Fault.FORGED, RUN_MAX + 5, RUN_MAX + 5)]


def test_a_new_key_vouches_for_what_the_old_one_signed_however_long_that_is(gate: Gate) -> None:
    note = Note(What.KEY, "a/b/c", "the old key file was lost", gate.other.public_key)
    old = chained(gate.key, [began(gate.key), *(event(n) for n in range(1, 2 * RUN_MAX + 5))])
    entries = [*old, *chained(gate.other, [note, event(9)], old[-1].head)]
    head = entries[-1].head
    assert gate.check(entries, head=head, keys=[PublicKey(gate.other.public_key)]).result is Result.PASS
    first = 2 * RUN_MAX + 6
    assert faults(gate.check(entries, head=head)) == [(Fault.WRONG_KEY, first, first + 1)]


def test_a_thousand_faults_are_told_as_some_and_a_number(gate: Gate) -> None:
    entries = [replace(entry, hash=NOTHING) for entry in gate.entries * 50]
    outcome = gate.check(entries)
    assert len(outcome.findings) == FINDINGS_MAX
    assert outcome.more == 50 * 20 - FINDINGS_MAX


def test_an_entry_that_claims_to_be_very_far_away_does_not_hold_up_the_check(gate: Gate) -> None:
    far = next_entry(Head(10**15, NOTHING), text_of(event(1)), gate.other.sign)
    outcome = gate.check([*gate.entries, far, gate.entries[3]], head=gate.head)
    assert (Fault.DELETED, 21, 10**15) in faults(outcome)


def test_a_row_that_is_no_entry_is_told_by_its_place(gate: Gate) -> None:
    checker = Checker([PublicKey(gate.key.public_key)], head=gate.head)
    for entry in gate.entries:
        if entry.number == 7:
            checker.malformed(7)
        else:
            checker.take(entry)
    assert faults(checker.outcome()) == [(Fault.MALFORMED, 7, 7)]


def test_of_1000_random_changed_bytes_none_goes_unnoticed(gate: Gate) -> None:
    randomly = random.Random(4)
    text = b"".join(line_of(entry) + b"\n" for entry in gate.entries)
    for _ in range(1000):
        changed = bytearray(text)
        place = randomly.randrange(len(changed))
        changed[place] ^= randomly.randrange(1, 256)
        assert checked(bytes(changed), gate).result is Result.FAIL, place


def checked(text: bytes, gate: Gate) -> Outcome:
    checker = Checker([PublicKey(gate.key.public_key)], head=gate.head)
    for place, line in enumerate(text.split(b"\n")[:-1], 1):
        try:
            checker.take(entry_of(line))
        except ValueError:
            checker.malformed(place)
    if not text.endswith(b"\n"):
        checker.malformed(place + 1)
    return checker.outcome()


@given(st.data())
def test_no_deletion_insertion_or_change_of_order_goes_unnoticed(gate: Gate, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(gate.entries) - 1), max_size=30))
    entries = [gate.entries[place] for place in places]
    outcome = gate.check(entries, head=gate.head)
    assert (outcome.result is Result.PASS) == (entries == gate.entries)
    if entries != sorted(set(entries), key=lambda one: one.number) or not entries or entries[-1] != gate.entries[-1]:
        assert outcome.result is Result.FAIL


def test_the_ids_of_events_are_in_the_text_that_is_hashed() -> None:
    assert EventId("00000000000000aa", 5) == content_of(text_of(event(5))).id  # type: ignore[union-attr]


def test_a_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(Exception, match="64 hexadecimal digits"):
        PublicKey("abcd")

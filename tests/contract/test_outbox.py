"""What every outbox promises, run over the card's and memory's."""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from edge.chain import Kind, Result
from edge.diary import Diary, PastTest
from edge.drivers.memory_outbox import MemoryOutbox
from edge.drivers.store import SqliteOutbox
from edge.events import (
    Backlog,
    ClockFix,
    ClockQuality,
    Code,
    EventId,
    Lane,
    Latch,
    Origin,
    Qualifier,
    Record,
    Topic,
    WallStamp,
)
from edge.ledger_table import Scribe
from edge.measuring import CrowdKept
from tests.unit.ledgers import GATE, key_in

BOOT = "00000000000000aa"
KERNEL = "kernel-1"
SYNCED = WallStamp(1_760_000_000_000, ClockQuality.SYNCED, 20)
UNSYNCED = WallStamp(1_000, ClockQuality.UNSYNCED, None)
LIMIT = 10
WALL_MS = SYNCED.wall_ms
CROWD = CrowdKept((33.9, 34.25), (9_000, 2_000), "BCC", WALL_MS, True, KERNEL, 5_000)


def record(counter, lane=Lane.ROUTINE, wall=SYNCED, at_ms=0, origin=Origin.PERSON):
    topic = Topic.ALARM if lane is Lane.ALARM else Topic.LOG
    id = EventId(BOOT, counter)
    return Record(
        id, 3, KERNEL, at_ms, wall, origin, lane, topic, Code.SILENT_PANIC, Qualifier.NEW, id,
        {"text": "ä", "number": 1.5, "flag": True, "none": None},
    )  # fmt: skip


def records(lane, *counters):
    return [record(counter, lane) for counter in counters]


def loaded(outbox, lane, after_seq=0, limit=100):
    return [row.record.id.counter for row in outbox.load(lane, after_seq, limit)]


@pytest.fixture(params=["sqlite", "memory"])
def outbox(request, tmp_path):
    made = SqliteOutbox(tmp_path / "events.db", LIMIT) if request.param == "sqlite" else MemoryOutbox(1, LIMIT)
    yield made
    made.close()


def test_a_record_comes_back_as_it_went_in(outbox):
    original = record(1, Lane.ALARM, origin=Origin.SELF_TEST)

    (seq,) = outbox.append([original], None)
    (row,) = outbox.load(Lane.ALARM, 0, 10)

    assert (row.seq, row.record, row.backfilled) == (seq, original, None)


def test_numbers_rise_and_are_not_used_again_after_everything_was_evicted(outbox):
    first = outbox.append(records(Lane.ROUTINE, *range(1, 8)), None)
    outbox.mark_done([EventId(BOOT, counter) for counter in range(1, 8)])
    later = outbox.append(records(Lane.ROUTINE, *range(8, 28)), None)

    assert list(first) + list(later) == sorted(set(first) | set(later))
    assert outbox.last_seq() == later[-1]


def test_an_id_is_kept_once_and_stays_owed_as_it_was(outbox):
    first = outbox.append(records(Lane.ALARM, 1, 2), None)
    outbox.mark_done([EventId(BOOT, 1)])
    again = outbox.append(records(Lane.ALARM, 1, 2, 3), None)

    assert list(again[:2]) == list(first)
    assert loaded(outbox, Lane.ALARM) == [2, 3]
    assert outbox.backlog() == Backlog(alarm=2, last_id=EventId(BOOT, 3))


def test_storing_an_old_event_again_does_not_make_it_the_newest(outbox):
    outbox.append(records(Lane.ALARM, 1, 2), None)
    outbox.append(records(Lane.ALARM, 1), None)

    assert outbox.backlog().last_id == EventId(BOOT, 2)


def test_a_lane_is_read_in_order_from_a_cursor_without_the_other_lanes(outbox):
    outbox.append([*records(Lane.ROUTINE, 1), *records(Lane.TROUBLE, 2), *records(Lane.ROUTINE, 3, 4)], None)

    (first,) = outbox.load(Lane.ROUTINE, 0, 1)

    assert first.record.id.counter == 1
    assert loaded(outbox, Lane.ROUTINE, first.seq) == [3, 4]
    assert loaded(outbox, Lane.ALARM) == []


def test_done_events_are_owed_no_more_and_stay_in_the_log(outbox):
    outbox.append(records(Lane.TROUBLE, 1, 2), None)

    outbox.mark_done([EventId(BOOT, 1), EventId(BOOT, 1), EventId("ffffffffffffffff", 9)])

    assert loaded(outbox, Lane.TROUBLE) == [2]
    assert outbox.backlog().trouble == 1
    assert [row.record.id.counter for row in outbox.history(0, 10)] == [1, 2]
    assert [row.record.id.counter for row in outbox.history(0, 1)] == [1]


def test_only_owed_events_tell_their_lane(outbox):
    outbox.append([*records(Lane.TROUBLE, 1), *records(Lane.ALARM, 2, 3)], None)
    outbox.mark_done([EventId(BOOT, 3)])

    lanes = outbox.owed_lanes([EventId(BOOT, counter) for counter in (1, 2, 3, 4)])

    assert sorted(lanes) == [Lane.ALARM, Lane.TROUBLE]


def test_alarms_are_never_evicted_and_count_for_nothing(outbox):
    """However many there are, done or not, and however many routine events press on them."""
    outbox.append(records(Lane.ALARM, *range(1, 41)), None)
    outbox.mark_done([EventId(BOOT, 1)])
    for counter in range(100, 160):
        outbox.append(records(Lane.ROUTINE, counter), None)

    assert loaded(outbox, Lane.ALARM) == list(range(2, 41))
    assert len(loaded(outbox, Lane.ROUTINE)) == LIMIT
    assert outbox.history(0, 1)[0].record.id.counter == 1


def test_the_limit_takes_delivered_events_first_then_routine_then_trouble(outbox):
    outbox.append([*records(Lane.TROUBLE, 1, 2), *records(Lane.ROUTINE, *range(3, 11))], None)
    outbox.mark_done([EventId(BOOT, 9), EventId(BOOT, 1)])

    outbox.append(records(Lane.ROUTINE, 11, 12), None)
    assert outbox.take_dropped() == 0
    assert [row.record.id.counter for row in outbox.history(0, 99)] == [2, 3, 4, 5, 6, 7, 8, 10, 11, 12]

    outbox.append(records(Lane.TROUBLE, *range(13, 23)), None)
    assert outbox.take_dropped() == 10
    assert loaded(outbox, Lane.ROUTINE) == []
    assert loaded(outbox, Lane.TROUBLE) == list(range(13, 23))
    assert outbox.take_dropped() == 0
    assert outbox.backlog() == Backlog(trouble=10, last_id=EventId(BOOT, 22))


def test_the_latch_is_kept_with_a_record_or_alone(outbox):
    latch = Latch((EventId(BOOT, 1),), None, 1, 5_000, KERNEL)

    assert outbox.latch() is None
    outbox.append(records(Lane.ALARM, 1), latch)
    assert outbox.latch() == latch
    outbox.append(records(Lane.ALARM, 2), None)
    assert outbox.latch() == latch

    outbox.keep_latch(Latch((), None, 0, None, KERNEL))
    assert outbox.latch() == Latch((), None, 0, None, KERNEL)


def test_nothing_has_been_dropped_before_anything_was(outbox):
    assert outbox.take_dropped() == 0
    outbox.append(records(Lane.ALARM, 1), None)
    assert outbox.take_dropped() == 0


def test_the_sign_of_life_is_the_last_one(outbox):
    assert outbox.last_alive_wall_ms() is None
    outbox.note_alive(SYNCED)
    outbox.note_alive(WallStamp(SYNCED.wall_ms + 60_000, ClockQuality.SYNCED, 20))
    assert outbox.last_alive_wall_ms() == SYNCED.wall_ms + 60_000


def test_rows_that_move_here_keep_their_numbers(outbox):
    outbox.append(records(Lane.ALARM, 1), None)

    assert list(outbox.append(records(Lane.ALARM, 2, 3), None, [17, 19])) == [17, 19]
    assert list(outbox.append(records(Lane.ALARM, 4), None)) == [20]
    for taken in ([20], [3], [20, 25]):
        with pytest.raises(ValueError, match=f"number {taken[0]} has been given before"):
            outbox.append(records(Lane.ALARM, 5, 6)[: len(taken)], None, taken)
    assert loaded(outbox, Lane.ALARM) == [1, 2, 3, 4]


def test_events_before_the_first_synchronisation_are_dated_from_it(outbox):
    """By the monotonic time between, with 100 ppm of it as the bound; the original stamp is kept."""
    early = record(1, Lane.ALARM, UNSYNCED, at_ms=10_000)
    after = record(2, Lane.ALARM, UNSYNCED, at_ms=2_000_001)
    outbox.append([early, after, record(3, Lane.ALARM)], None)

    fix = ClockFix(KERNEL, 2_000_000, 1_760_000_000_000, 15)
    while outbox.backfill(fix):
        pass
    rows = outbox.load(Lane.ALARM, 0, 10)

    assert rows[0].backfilled == WallStamp(1_760_000_000_000 - 1_990_000, ClockQuality.BACKFILLED, 15 + 199)
    assert [row.backfilled for row in rows[1:]] == [None, None]
    assert [row.record for row in rows][:2] == [early, after]


def test_dating_goes_in_bounded_steps_to_an_end(tmp_path):
    for outbox in (SqliteOutbox(tmp_path / "events.db", 5_000), MemoryOutbox(1, 5_000)):
        outbox.append([record(n, Lane.ROUTINE, UNSYNCED, at_ms=n) for n in range(1, 1201)], None)
        steps = []
        while settled := outbox.backfill(ClockFix(KERNEL, 5_000, 1_760_000_000_000, 15)):
            steps.append(settled)
        assert sum(steps) == 1200
        assert max(steps) <= 500
        outbox.close()


def test_nothing_at_all_can_be_appended_as_a_proof(outbox):
    assert list(outbox.append((), None)) == []
    assert outbox.latch() is None
    assert outbox.last_seq() == 0


# --- what must not stay -------------------------------------------------------------------------------------------


def screened(counter, wall_ms=WALL_MS, topic=Topic.TEMPERATURE, lane=Lane.ROUTINE):
    wall = WallStamp(wall_ms, ClockQuality.SYNCED, 20)
    return replace(record(counter, lane, wall), topic=topic, code=Code.TEMPERATURE_SCREENED)


def kept(outbox):
    return [row.record.id.counter for row in outbox.history(0, 1_000)]


def test_what_is_too_old_is_forgotten_whether_delivered_or_owed(outbox):
    outbox.append([screened(counter, WALL_MS + counter) for counter in range(1, 7)], None)
    outbox.mark_done([EventId(BOOT, 1), EventId(BOOT, 5)])

    assert outbox.count_older(Topic.TEMPERATURE, WALL_MS + 4) == 3
    assert outbox.forget(Topic.TEMPERATURE, WALL_MS + 4, 100) == 3
    assert outbox.forget(Topic.TEMPERATURE, WALL_MS + 4, 100) == 0

    assert outbox.count_older(Topic.TEMPERATURE, WALL_MS + 4) == 0
    assert kept(outbox) == [4, 5, 6]
    assert outbox.backlog() == Backlog(routine=2, last_id=EventId(BOOT, 6))
    assert outbox.owed_lanes([EventId(BOOT, 2), EventId(BOOT, 4)]) == [Lane.ROUTINE]


def test_forgetting_goes_in_steps_of_the_asked_size(outbox):
    outbox.append([screened(counter) for counter in range(1, 8)], None)
    assert [outbox.forget(Topic.TEMPERATURE, WALL_MS + 1, 3) for _ in range(4)] == [3, 3, 1, 0]


def test_a_topic_is_forgotten_without_the_other(outbox):
    outbox.append([screened(1), screened(2, topic=Topic.PICTURE)], None)
    assert outbox.forget(Topic.PICTURE, WALL_MS + 1, 100) == 1
    assert kept(outbox) == [1]


def test_the_date_that_was_worked_out_counts_before_what_the_clock_said(outbox):
    """A Pi that starts in 1970 must not lose this morning's events, nor keep last month's for ever."""
    early, late, undated = (replace(screened(n), wall=UNSYNCED, at_ms=n * 1_000_000) for n in (1, 2, 3))
    outbox.append([early, late, undated], None)
    while outbox.backfill(ClockFix(KERNEL, 2_500_000, WALL_MS, 15)):
        pass

    assert outbox.count_older(Topic.TEMPERATURE, WALL_MS - 1_000_000) == 2
    assert outbox.forget(Topic.TEMPERATURE, WALL_MS - 1_000_000, 100) == 2
    assert kept(outbox) == [2]


def test_older_events_are_counted_between_two_numbers(outbox):
    numbers = outbox.append([screened(counter) for counter in range(1, 6)], None)

    def counted(after_seq, up_to_seq):
        return outbox.count_older(Topic.TEMPERATURE, WALL_MS + 1, after_seq, up_to_seq)

    assert counted(0, numbers[1]) == 2
    assert counted(numbers[1], numbers[4]) == 3
    assert counted(numbers[4], numbers[4] + 1_000) == 0


def test_a_cursor_in_the_middle_of_what_was_forgotten_reads_on(outbox):
    numbers = outbox.append([screened(counter, WALL_MS + counter) for counter in range(1, 7)], None)
    outbox.forget(Topic.TEMPERATURE, WALL_MS + 5, 100)

    assert loaded(outbox, Lane.ROUTINE, numbers[1]) == [5, 6]
    outbox.mark_done([EventId(BOOT, 1), EventId(BOOT, 5)])
    assert outbox.backlog().routine == 1
    assert outbox.append([screened(7)], None)[0] > numbers[-1]
    assert outbox.append([screened(1)], None)[0] > numbers[-1] + 1


def test_a_number_is_not_used_again_when_the_newest_were_forgotten(outbox):
    (number,) = outbox.append([screened(1)], None)
    outbox.forget(Topic.TEMPERATURE, WALL_MS + 1, 100)
    assert (outbox.last_seq(), list(outbox.append([screened(2)], None))) == (number, [number + 1])


def test_a_topic_that_is_not_personal_is_counted_and_never_forgotten(outbox):
    outbox.append([screened(1, topic=Topic.LOG), screened(2, lane=Lane.TROUBLE)], None)

    for topic in Topic:
        assert outbox.forget(topic, WALL_MS + 1, 100) == 0
    assert [outbox.count_older(topic, WALL_MS + 1) for topic in (Topic.LOG, Topic.TEMPERATURE)] == [1, 1]
    assert kept(outbox) == [1, 2]


ANY_RECORD = st.tuples(st.sampled_from(Lane), st.sampled_from(Topic), st.integers(-3, 3), st.booleans())


@settings(max_examples=60)
@given(st.lists(ANY_RECORD, max_size=30), st.sampled_from(Topic), st.integers(-3, 3), st.integers(1, 5))
def test_alarms_and_troubles_and_what_is_young_are_never_touched(drawn, topic, before, limit):
    before_wall_ms = WALL_MS + before
    written = [screened(n, WALL_MS + day, about, lane) for n, (lane, about, day, _) in enumerate(drawn, 1)]
    done = [one.id for one, (_, _, _, delivered) in zip(written, drawn, strict=True) if delivered]
    goes = {
        one.id
        for one in written
        if topic in (Topic.TEMPERATURE, Topic.PICTURE)
        and (one.topic, one.lane) == (topic, Lane.ROUTINE)
        and one.wall.wall_ms < before_wall_ms
    }
    stays = [one for one in written if one.id not in goes]
    with ExitStack() as stack:
        path = Path(stack.enter_context(TemporaryDirectory())) / "events.db"
        for outbox in (SqliteOutbox(path, 1_000), MemoryOutbox(1, 1_000)):
            stack.callback(outbox.close)
            outbox.append(written, None)
            outbox.mark_done(done)

            forgotten = 0
            while rows := outbox.forget(topic, before_wall_ms, limit):
                assert rows <= limit
                forgotten += rows

            assert forgotten == len(goes)
            assert [row.record for row in outbox.history(0, 100)] == stays
            for lane in Lane:
                owed = [one for one in stays if one.lane is lane and one.id not in done]
                assert [row.record for row in outbox.load(lane, 0, 100)] == owed
            backlog = outbox.backlog()
            assert (backlog.alarm, backlog.trouble, backlog.routine) == tuple(
                sum(one.lane is lane and one.id not in done for one in stays) for lane in Lane
            )
            older = sum(one.topic is topic and one.wall.wall_ms < before_wall_ms for one in stays)
            assert outbox.count_older(topic, before_wall_ms) == older


def test_where_no_damaged_file_lies_none_is_forgotten(outbox):
    assert (outbox.forget_damaged(2**62), outbox.count_damaged(2**62)) == (0, 0)


def test_the_crowd_is_the_last_one_and_apart_from_latch_and_sign_of_life(outbox):
    assert outbox.crowd() is None
    outbox.keep_note(CROWD)
    outbox.keep_note(replace(CROWD, residuals_celsius=(34.5, 34.0)))
    outbox.note_alive(SYNCED)
    assert outbox.crowd() == replace(CROWD, residuals_celsius=(34.5, 34.0))
    assert (outbox.latch(), outbox.last_alive_wall_ms()) == (None, WALL_MS)


def test_where_no_damaged_file_lies_no_entry_of_a_ledger_is_brought_over(outbox):
    outbox.append(records(Lane.ALARM, 1), None)
    assert outbox.salvage(10) == 0


def test_without_anybody_to_write_it_there_is_no_ledger(outbox):
    outbox.append(records(Lane.ALARM, 1), None)
    assert outbox.backlog().ledger is None


def test_an_event_is_read_back_as_somebody_else_would_find_it(outbox):
    outbox.append(records(Lane.ALARM, 1), None)

    assert outbox.read_back(EventId(BOOT, 1)) == (True, None, "")
    assert outbox.read_back(EventId(BOOT, 2)) == (False, None, "")


def test_the_diary_of_tests_is_kept_in_the_place_of_the_last(outbox):
    assert outbox.diary() is None
    for tests in (1, 2):
        kept = Diary(tests=(PastTest(Kind.FULL, Result.PASS, 1_760_000_000_000, KERNEL, 5, True),) * tests)
        outbox.keep_note(kept)
    assert outbox.diary() == kept
    assert outbox.crowd() is None


# --- the ledger through the port ----------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "memory"])
def signed(request, tmp_path):
    """An outbox as the daemon makes it: the card's with a scribe and a key, memory as it is."""
    key = key_in(tmp_path / "key")
    scribe = Scribe(GATE, lambda: key, lambda *_: None)
    made = (
        SqliteOutbox(tmp_path / "events.db", LIMIT, scribe=scribe)
        if request.param == "sqlite"
        else MemoryOutbox(1, LIMIT)
    )
    yield made
    made.close()


def test_the_head_rises_with_what_is_kept_where_a_ledger_is(signed):
    assert signed.backlog().ledger is None
    signed.append(records(Lane.ALARM, 1), None)
    first = signed.backlog().ledger
    signed.append([*records(Lane.TROUBLE, 2), *records(Lane.ALARM, 3)], None)
    second = signed.backlog().ledger
    assert (first is None) == (second is None) == (not signed.durable), "memory keeps no ledger, and tells no head"
    if first is not None:
        assert second.number == first.number + 2


def test_an_event_that_is_kept_already_is_no_new_entry(signed):
    signed.append(records(Lane.ALARM, 1), None)
    head = signed.backlog().ledger
    signed.append(records(Lane.ALARM, 1), None)
    signed.mark_done([EventId(BOOT, 1)])
    signed.keep_latch(Latch((EventId(BOOT, 1),), None, 1, None, KERNEL))
    assert signed.backlog().ledger == head


def test_what_is_about_persons_leaves_no_trace_in_the_ledger(signed):
    signed.append([screened(1), screened(2, topic=Topic.PICTURE)], None)
    assert signed.backlog().ledger is None


def test_the_ledgers_end_is_looked_at_when_an_event_is_read_back(signed):
    signed.append(records(Lane.ALARM, 1, 2), None)
    found, entries, fault = signed.read_back(EventId(BOOT, 2))
    assert (found, fault) == (True, "")
    assert entries == (3 if signed.durable else None), "the opening note and both"


def test_what_the_limit_drops_stays_in_the_ledger(signed):
    for counter in range(1, 2 * LIMIT):
        signed.append(records(Lane.TROUBLE, counter), None)
    assert len(kept(signed)) == LIMIT
    head = signed.backlog().ledger
    assert head is None if not signed.durable else head.number == 2 * LIMIT


def test_rows_that_move_here_are_chained_on_in_their_order(signed):
    signed.append(records(Lane.ALARM, 1), None)
    signed.append(records(Lane.ALARM, 2, 3), None, [7, 9])
    _, entries, fault = signed.read_back(EventId(BOOT, 3))
    assert fault == ""
    assert entries == (4 if signed.durable else None)

"""What every outbox promises, run over the card's and memory's."""

import msgspec
import pytest

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

BOOT = "00000000000000aa"
KERNEL = "kernel-1"
SYNCED = WallStamp(1_760_000_000_000, ClockQuality.SYNCED, 20)
UNSYNCED = WallStamp(1_000, ClockQuality.UNSYNCED, None)
LIMIT = 10


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


def test_the_sign_of_life_is_the_last_one(outbox):
    assert outbox.last_alive_wall_ms() is None
    outbox.note_alive(SYNCED)
    outbox.note_alive(WallStamp(SYNCED.wall_ms + 60_000, ClockQuality.SYNCED, 20))
    assert outbox.last_alive_wall_ms() == SYNCED.wall_ms + 60_000


def test_rows_that_move_here_keep_their_numbers(outbox):
    outbox.append(records(Lane.ALARM, 1), None)

    assert list(outbox.append(records(Lane.ALARM, 2, 3), None, [17, 19])) == [17, 19]
    assert list(outbox.append(records(Lane.ALARM, 4), None)) == [20]
    with pytest.raises(ValueError, match="given before"):
        outbox.append(records(Lane.ALARM, 5), None, [20])
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


OLD = WallStamp(SYNCED.wall_ms - 20 * 86_400_000, ClockQuality.SYNCED, 20)


def personal(counter, wall=SYNCED, topic=Topic.TEMPERATURE, lane=Lane.ROUTINE):
    return msgspec.structs.replace(record(counter, lane, wall), topic=topic)


def forget(outbox, delete, before_ms=SYNCED.wall_ms - 14 * 86_400_000):
    found, seq = 0, 0
    while seq is not None:
        here, seq = outbox.forget((Topic.TEMPERATURE, Topic.PICTURE), before_ms, seq, delete=delete)
        found += here
    return found


def test_temperatures_and_pictures_go_when_their_days_are_over_owed_or_not_and_nothing_else_does(outbox):
    outbox.append([personal(1, OLD), personal(2, OLD, Topic.PICTURE), personal(3), personal(4, OLD, Topic.LOG)], None)
    outbox.append([personal(5, OLD, Topic.TEMPERATURE, Lane.ALARM)], None)
    outbox.mark_done([EventId(BOOT, 1)])
    assert forget(outbox, delete=False) == 2
    assert forget(outbox, delete=True) == 2
    assert forget(outbox, delete=False) == 0
    assert loaded(outbox, Lane.ROUTINE) == [3, 4]
    assert loaded(outbox, Lane.ALARM) == [5]
    assert outbox.backlog().routine == 2


def test_a_date_that_was_worked_out_counts_more_than_what_the_clock_said(outbox):
    outbox.append([personal(1, UNSYNCED)], None)
    outbox.backfill(ClockFix(KERNEL, 1_000, SYNCED.wall_ms, 5))
    assert forget(outbox, delete=True) == 0


def test_what_was_deleted_can_not_be_read_in_the_file_either(tmp_path):
    file = tmp_path / "events.db"
    outbox = SqliteOutbox(file, LIMIT)
    secret = msgspec.structs.replace(personal(1, OLD), body={"skin_celsius": "a-secret-temperature"})
    outbox.append([secret, *records(Lane.ROUTINE, 2, 3)], None)
    forget(outbox, delete=True)
    outbox.close()
    assert b"a-secret-temperature" not in file.read_bytes()


def test_a_large_log_is_looked_through_piece_by_piece(tmp_path):
    outbox = SqliteOutbox(tmp_path / "events.db", 10_000)
    outbox.append([personal(counter, OLD) for counter in range(1, 5_001)], None)
    found, following = outbox.forget((Topic.TEMPERATURE,), SYNCED.wall_ms, 0, delete=True)
    assert 0 < found < 5_000
    assert following is not None
    assert found + forget(outbox, delete=True) == 5_000
    outbox.close()

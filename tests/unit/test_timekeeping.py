"""What a wall time is worth."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge import timekeeping
from edge.events import ClockQuality, ClockRead, Trouble, WallStamp
from edge.timekeeping import ClockStepped, ClockTrouble, Timekeeping
from tests.unit.machines import record

DAY_MS = 86_400_000


def read(at_ms: int, wall_ms: int, error_ms: int | None = None) -> ClockRead:
    return ClockRead(at_ms, wall_ms, error_ms)


def clock(*readings: ClockRead) -> Timekeeping:
    state = Timekeeping(kernel_boot="k1")
    for reading in readings:
        state, _ = timekeeping.step(state, reading)
    return state


def test_a_clock_that_was_never_set_bounds_nothing() -> None:
    assert timekeeping.stamp(clock(read(0, 5_000)), 100) == WallStamp(5_100, ClockQuality.UNSYNCED, None)


def test_a_synchronised_clock_carries_the_kernel_s_bound() -> None:
    assert timekeeping.stamp(clock(read(0, 5_000, 3)), 100) == WallStamp(5_100, ClockQuality.SYNCED, 3)


def test_a_clock_left_alone_is_held_over_with_a_bound_that_grows() -> None:
    state = clock(read(0, 0, 3), read(DAY_MS, DAY_MS))
    assert timekeeping.stamp(state, DAY_MS) == WallStamp(DAY_MS, ClockQuality.HOLDOVER, 3 + 8_640)


def test_holdover_counts_on_from_the_last_trusted_time_whatever_hands_set_the_clock_to() -> None:
    state = clock(read(0, 0, 3), read(1_000, 1_000 + DAY_MS))
    assert timekeeping.stamp(state, 2_000) == WallStamp(2_000, ClockQuality.HOLDOVER, 3 + 1)
    old = record(1, at_ms=400, kernel_boot="k0")
    assert timekeeping.age_ms(state, old, WallStamp(500, ClockQuality.SYNCED, 3), 2_000) == 1_500


@given(st.integers(0, 10**9), st.integers(0, 10**8), st.integers(0, 2_000))
def test_the_first_synchronisation_dates_what_came_before_and_keeps_both(ago: int, wall_ms: int, error_ms: int) -> None:
    at_ms = 10**9
    early = record(1, at_ms=at_ms - ago)
    state = clock(read(0, 0), read(at_ms, wall_ms, error_ms))
    stamp = timekeeping.dated(state, early, None)
    assert stamp.quality is ClockQuality.BACKFILLED
    assert stamp.wall_ms == wall_ms - ago
    assert stamp.bound_ms is not None
    assert stamp.bound_ms >= error_ms + ago * 100 // 1_000_000
    assert early.wall.quality is ClockQuality.UNSYNCED


def test_another_kernel_s_time_is_not_worked_out_from_this_clock() -> None:
    state = clock(read(1_000, 9_000, 1))
    old = record(1, at_ms=500, kernel_boot="k0")
    assert timekeeping.dated(state, old, None) == old.wall
    stored = WallStamp(77, ClockQuality.BACKFILLED, 5)
    assert timekeeping.dated(state, old, stored) == stored


def test_an_event_knows_its_age_as_far_as_any_clock_can_tell() -> None:
    state = clock(read(1_000, 9_000, 1))
    assert timekeeping.age_ms(state, record(1, at_ms=400), record(1).wall, 2_000) == 1_600
    old = record(1, at_ms=400, kernel_boot="k0")
    assert timekeeping.age_ms(state, old, old.wall, 2_000) is None
    assert timekeeping.age_ms(state, old, WallStamp(8_000, ClockQuality.BACKFILLED, 5), 2_000) == 2_000


def test_the_first_trust_and_every_jump_are_told() -> None:
    state = clock(read(0, 0))
    state, news = timekeeping.step(state, read(1_000, 1_000, 2))
    assert [one.fix is not None for one in news if isinstance(one, ClockStepped)] == [True]
    state, news = timekeeping.step(state, read(2_000, 2_400, 2))
    assert news == ()
    state, news = timekeeping.step(state, read(3_000, 3_000 + DAY_MS, 2))
    assert [(one.by_ms, one.fix) for one in news if isinstance(one, ClockStepped)] == [(DAY_MS - 400, None)]


def test_ten_minutes_without_synchronisation_are_a_trouble() -> None:
    state = clock(read(0, 0))
    state, news = timekeeping.step(state, read(600_000, 600_000))
    assert [(one.trouble, one.raised) for one in news if isinstance(one, ClockTrouble)] == [
        (Trouble.CLOCK_UNSYNCED, True)
    ]
    _, news = timekeeping.step(state, read(601_000, 601_000, 1))
    assert [one.raised for one in news if isinstance(one, ClockTrouble)] == [False]

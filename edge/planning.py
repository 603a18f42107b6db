"""When the next whole test is due. A function of what was done, never of what time it is.

Pure. So no clock that is wrong, stepped or unset can move the plan; it can only make the gate wait, until the centre
has confirmed the time (``edge.schedule``).
"""

from __future__ import annotations

from enum import Enum
from itertools import islice

from edge.chain import Result
from edge.diary import SPACING_MS, WHOLE, Diary, PastTest, last_counted
from edge.local_time import DAY_MS, HOUR_MS, MINUTE_MS, monday_of
from edge.timetable import Timetable, permitted_from, slots, slots_after
from edge.value import Value

APART_MS = SPACING_MS + 10_000
"""What the plan keeps between two passes. Each of their times may be wrong by a second and still pass."""

SERVED_MS = 78 * HOUR_MS
"""A pass less than 24 h before a planned time serves it, if the next one is no further off than this: six hours are
left in which to make up for that one, should it be missed, before 84 h are over."""

PASSES_EARLY = 2
"""So many of a week's tests are made up in that week; one that was missed after that serves the 84 h alone."""

FAIL_AGAIN_MS = tuple(MINUTE_MS * minutes for minutes in (15, 30, 60, 120, 240))
"""Pauses before a failed test is repeated. The first are short: most faults are a moment's. The last goes on for ever:
a gate that is broken says so six times a day at most, and is in order within four hours of its repair."""

PARTIAL_AGAIN_MS = tuple(HOUR_MS * hours for hours in (1, 2, 4, 8, 12))
"""The same for a test that nobody confirmed: an officer who is busy must not be asked four times an hour."""


class Why(Enum):
    """Why a test is due."""

    PLANNED = "planned"
    MISSED = "missed"
    FAILED = "failed"
    FIRST = "first"
    POWER_ON = "power_on"
    CLOCK = "clock"
    DAILY = "daily"


class Planned(Value, frozen=True):
    """A whole test that is due at ``wall_ms`` or, if that has passed, as soon as one is possible and permitted."""

    wall_ms: int
    why: Why


def plan(table: Timetable, diary: Diary, until_wall_ms: int) -> Planned | None:
    """The next whole test; None before the clock was right for the first time.

    ``until_wall_ms``: tests dated later than this were dated by a wrong clock, and are passed over.
    """
    if diary.since_wall_ms is None:
        return None
    last = last_counted(diary, until_wall_ms)
    planned = _first(diary.since_wall_ms) if last is None else _after(table, diary, last)
    failed = _failed_since(diary, last, until_wall_ms)
    if failed:
        earliest_ms = 0 if last is None else last.wall_ms + APART_MS
        planned = Planned(max(earliest_ms, failed[-1].wall_ms + _pause_ms(failed)), Why.FAILED)
    return Planned(permitted_from(table, planned.wall_ms), planned.why)


def _first(since_wall_ms: int) -> Planned:
    return Planned(since_wall_ms, Why.FIRST)


def _after(table: Timetable, diary: Diary, last: PastTest) -> Planned:
    """Due after a pass: at the next planned time, or earlier where the week would else have to do with one."""
    earliest_ms = last.wall_ms + APART_MS
    monday = monday_of(table.zone, last.wall_ms)
    due = _next_slot(table, last.wall_ms, monday)
    made = sum(
        test.counts and abs(test.wall_ms - last.wall_ms) < 7 * DAY_MS and monday_of(table.zone, test.wall_ms) == monday
        for test in diary.tests
    )
    if made < PASSES_EARLY:
        owed_ms = max(slots(table, monday)[made], earliest_ms)
        if owed_ms < due and monday_of(table.zone, owed_ms) == monday:
            due = owed_ms
    return Planned(due, Why.PLANNED)


def _next_slot(table: Timetable, passed_wall_ms: int, monday: int) -> int:
    """The first planned time that a pass does not serve already."""
    earliest_ms = passed_wall_ms + APART_MS
    first, second = islice(slots_after(table, passed_wall_ms), 2)
    same_week = monday_of(table.zone, first) == monday
    if first < earliest_ms and same_week and second <= passed_wall_ms + SERVED_MS:
        return max(second, earliest_ms)
    return max(first, earliest_ms)


def _failed_since(diary: Diary, last: PastTest | None, until_wall_ms: int) -> list[PastTest]:
    """The whole tests after the last pass that counts, none of which passed."""
    failed: list[PastTest] = []
    for test in reversed(diary.tests):
        if test is last:
            break
        if test.kind in WHOLE and test.result is not Result.PASS and test.wall_ms <= until_wall_ms:
            failed.insert(0, test)
    return failed


def _pause_ms(failed: list[PastTest]) -> int:
    pauses = FAIL_AGAIN_MS if failed[-1].result is Result.FAIL else PARTIAL_AGAIN_MS
    return pauses[min(len(failed), len(pauses)) - 1]


def path_pause_ms(failures: int) -> int:
    """The pause before a path test is repeated that did not pass, ``failures`` times in a row (1 or more)."""
    return FAIL_AGAIN_MS[min(failures, len(FAIL_AGAIN_MS)) - 1]

"""Whether a week fulfilled the rule: two passes of the whole chain, 24 h apart on different days, no gap over 84 h.

Pure. A week runs from Monday to Sunday in the gate's time zone. It is judged once, when it is over, and what is
written then stays so for ever: no later test can repair it (alarm-standards, section 4).

Time in which no whole test could be made does not count towards the 84 h: a gate without power, or a centre that is
not there, breaks no promise of the tests. It still needs its two passes.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from edge.chain import Kind
from edge.diary import KEPT_WEEKS_MAX, SPACING_MS, WHOLE, Diary, Lack, Outage, Week, passed, with_week
from edge.local_time import HOUR_MS, Zone, local, monday_of, wall_of

PASSES_MIN = 2
GAP_MS_MAX = 84 * HOUR_MS


def judge(zone: Zone, diary: Diary, monday: int, *, human_weekly: bool) -> Week:
    """A week that is over. ``human_weekly``: it also needs a press by a person (the strict profile)."""
    begin, end = wall_of(zone, monday, 0), wall_of(zone, monday + 7, 0)
    passes = sorted(test.wall_ms for test in diary.tests if passed(test) and test.wall_ms < end)
    inside = [wall_ms for wall_ms in passes if wall_ms >= begin]
    gap_ms, too_long = _gap(diary, passes, begin, end)
    lacks = []
    if len(inside) < PASSES_MIN:
        lacks.append(Lack.TOO_FEW)
    elif not _apart(zone, inside[0], inside[-1]):
        lacks.append(Lack.TOO_CLOSE)
    if too_long:
        lacks.append(Lack.GAP)
    if human_weekly and not any(
        passed(test) and test.kind is Kind.HUMAN and begin <= test.wall_ms < end for test in diary.tests
    ):
        lacks.append(Lack.NO_PERSON)
    return Week(
        monday=monday,
        lacks=tuple(lacks),
        passes=len(inside),
        tests=sum(begin <= test.wall_ms < end for test in diary.tests if test.kind is not Kind.PATH),
        gap_ms=gap_ms,
        out_ms=_out_ms(diary.outages, begin, end),
    )


def judge_past(zone: Zone, diary: Diary, wall_ms: int, *, human_weekly: bool) -> tuple[Diary, list[Week]]:
    """Judge the weeks that are over, at most as many as are kept: the diary with them, and the new ones."""
    this_monday = monday_of(zone, wall_ms)
    monday = this_monday + 7 if diary.judge_monday is None else diary.judge_monday
    if not this_monday - 7 * KEPT_WEEKS_MAX <= monday <= this_monday + 7:
        monday = max(this_monday - 7 * KEPT_WEEKS_MAX, min(monday, this_monday))
        diary = replace(diary, judge_monday=monday)
    weeks: list[Week] = []
    begun = diary.begun
    while monday < this_monday:
        if begun is not None and begun.kind in WHOLE and begun.wall_ms < wall_of(zone, monday + 7, 0):
            break  # it may still pass
        week = judge(zone, diary, monday, human_weekly=human_weekly)
        diary = with_week(diary, week)
        weeks.append(week)
        monday += 7
    return diary, weeks


def runs_out(outages: Iterable[Outage], from_wall_ms: int) -> int:
    """When 84 h have passed since a wall time in which a test could have been made. ``outages`` in their order."""
    left, cursor = GAP_MS_MAX, from_wall_ms
    for outage in outages:
        free = outage.from_wall_ms - cursor
        if free >= left:
            break
        left -= max(0, free)
        cursor = max(cursor, outage.to_wall_ms)
    return cursor + left


def _gap(diary: Diary, passes: list[int], begin: int, end: int) -> tuple[int, bool]:
    """The longest stretch without a pass that reaches into the week, and whether one ran out of its 84 h in it."""
    longest, too_long = 0, False
    since = begin if diary.since_wall_ms is None else diary.since_wall_ms
    starts = sorted({since, *passes})
    for start, following in zip(starts, (*starts[1:], end), strict=True):
        if following >= begin:
            longest = max(longest, following - start)
            too_long = too_long or begin <= runs_out(diary.outages, start) < following
    return longest, too_long


def _apart(zone: Zone, first_wall_ms: int, last_wall_ms: int) -> bool:
    """24 h and another day: when the clocks go back, 24 h may pass within one."""
    days_differ = local(zone, first_wall_ms).day != local(zone, last_wall_ms).day
    return days_differ and last_wall_ms - first_wall_ms >= SPACING_MS


def _out_ms(outages: Iterable[Outage], begin: int, end: int) -> int:
    return sum(max(0, min(outage.to_wall_ms, end) - max(outage.from_wall_ms, begin)) for outage in outages)

"""When tests may and should be made: the days of the week, the hours that are quiet, the days without school.

Pure. The holidays change no more than the quiet hours: children are away, but boarders, guards and burglars are not,
and the rule of two passes a week knows no holidays.
"""

from __future__ import annotations

from collections.abc import Iterator

from edge.local_time import MINUTE_MS, Zone, local, monday_of, wall_of
from edge.value import Value

STRETCH_DAYS_MAX = 3
"""Four days between two tests would be 96 h, and 84 h is the limit: then a test is added after three."""

NEVER_MS = 1 << 62


class Timetable(Value, frozen=True):
    """One gate's. ``days`` are weekdays in order (0 is Monday); ``quiet`` are minutes since midnight, sorted.

    ``spread_ms`` is how much later than the county's time this gate begins. ``holidays`` are days.
    """

    zone: Zone
    days: tuple[int, ...] = (1, 4)
    minute: int = 610
    path_minute: int = 330
    spread_ms: int = 0
    quiet: tuple[tuple[int, int], ...] = ((420, 510), (690, 840), (960, 1110))
    holidays: frozenset[int] = frozenset()


def all_days(days: tuple[int, ...]) -> tuple[int, ...]:
    """The days that were set, and one more wherever too many lie between two of them.

    Tuesday and Friday become Monday, Tuesday and Friday. That the added one falls at the beginning of the week is
    worth more than an even spacing: two passes are then in hand before Tuesday noon, whatever the rest of it brings.
    """
    added = set(days)
    for day, following in zip(days, (*days[1:], days[0] + 7), strict=True):
        if following - day > STRETCH_DAYS_MAX:
            added.add((day + STRETCH_DAYS_MAX) % 7)
    return tuple(sorted(added))


def slots(table: Timetable, monday: int) -> tuple[int, ...]:
    """When the whole tests of a week are planned, as wall times."""
    return tuple(wall_of(table.zone, monday + day, table.minute) + table.spread_ms for day in all_days(table.days))


def slots_after(table: Timetable, wall_ms: int) -> Iterator[int]:
    """The planned times later than a wall time, without end."""
    monday = monday_of(table.zone, wall_ms)
    while True:
        yield from (slot for slot in slots(table, monday) if slot > wall_ms)
        monday += 7


def path_slot_after(table: Timetable, wall_ms: int) -> int:
    """The first time of a daily path test that is later than a wall time."""
    day = local(table.zone, wall_ms).day
    slot = wall_of(table.zone, day, table.path_minute) + table.spread_ms
    return slot if slot > wall_ms else wall_of(table.zone, day + 1, table.path_minute) + table.spread_ms


def permitted_from(table: Timetable, wall_ms: int) -> int:
    """The first wall time, not before this one, at which a whole test may begin."""
    while (end := _quiet_until(table, wall_ms)) is not None:
        # An hour that comes twice in autumn could name an end that has passed.
        wall_ms = max(end, wall_ms + MINUTE_MS)
    return wall_ms


def _quiet_until(table: Timetable, wall_ms: int) -> int | None:
    there = local(table.zone, wall_ms)
    if there.day in table.holidays:
        return None
    for begin, end in table.quiet:
        if begin <= there.minute < end:
            return wall_of(table.zone, there.day, end)
    return None

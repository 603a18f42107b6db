"""Where a wall time falls on the calendar of a time zone, and back. The one place that knows dates.

Calendar arithmetic only: nothing here asks what time it is (a test sees to that). ``zone`` reads the zone's file; a
``Zone`` in hand touches nothing more, so that the machines that hold one stay pure. A day is its ordinal number, as
``datetime.date.toordinal`` counts; wall times are milliseconds since 1970 in UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edge.value import Value

Zone = ZoneInfo

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
"""Twenty-four hours. A day of the calendar may be longer or shorter."""

WALL_MS_MAX = 4_102_444_800_000  # 2100-01-01
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Local(Value, frozen=True):
    """A moment on the calendar. ``weekday`` 0 is Monday; ``minute`` counts from midnight, 0 to 1439."""

    day: int
    weekday: int
    minute: int


def zone(name: str) -> Zone:
    """The time zone of that name (``Asia/Shanghai``). Raises ValueError where this system knows none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"no time zone {name!r} is known here; take one as in /usr/share/zoneinfo") from error


def local(where: Zone, wall_ms: int) -> Local:
    """Where a wall time falls. A clock before 1970 or after 2100 is taken as that limit: it is wrong anyway."""
    there = _there(where, wall_ms)
    return Local(there.toordinal(), there.weekday(), there.hour * 60 + there.minute)


def wall_of(where: Zone, day: int, minute: int) -> int:
    """The wall time of a minute of a day, 0 to 1440.

    An hour that is skipped in spring is taken by the clock that was right before it; of an hour that comes twice in
    autumn, the first.
    """
    there = datetime.combine(date.fromordinal(day), datetime.min.time()) + timedelta(minutes=minute)
    return (there.replace(tzinfo=where) - _EPOCH) // timedelta(milliseconds=1)


def monday_of(where: Zone, wall_ms: int) -> int:
    """The Monday (a day) of the week in which a wall time falls."""
    there = local(where, wall_ms)
    return there.day - there.weekday


def day_of(text: str) -> int:
    """The day written as ``2026-10-01``. Raises ValueError."""
    if len(text) != 10 or text[4:8:3] != "--":
        raise ValueError(f"{text!r} is no date; write it as 2026-10-01")
    return date.fromisoformat(text).toordinal()


def text_of(day: int) -> str:
    """A day as ``2026-10-01``."""
    return date.fromordinal(day).isoformat()


def spoken(where: Zone, wall_ms: int) -> str:
    """A wall time as people at the gate write it: ``2026-10-01 10:10``."""
    return _there(where, wall_ms).strftime("%Y-%m-%d %H:%M")


def _there(where: Zone, wall_ms: int) -> datetime:
    sane_ms = min(max(wall_ms, DAY_MS), WALL_MS_MAX)
    return (_EPOCH + timedelta(milliseconds=sane_ms)).astimezone(where)

"""From the settings to the rules of the schedule."""

from __future__ import annotations

from hashlib import sha256

from edge.local_time import MINUTE_MS, zone
from edge.schedule import SETTLE_MS, SETTLE_SPREAD_MS_MAX, ScheduleRules
from edge.selftest_settings import WEEKDAYS, SelfTestSettings, minute_of, span_of
from edge.timetable import Timetable


def schedule_rules_of(selftest: SelfTestSettings, address: str, holidays: frozenset[int]) -> ScheduleRules:
    """The rules of one gate. ``address`` is ``county/school/gate``: it alone decides how much later this gate begins.

    Reads the time zone's file. ``holidays`` come from ``edge.school_days``.
    """
    chance = int.from_bytes(sha256(address.encode()).digest()[:8]) / 2**64
    return ScheduleRules(
        table=Timetable(
            zone=zone(selftest.time_zone),
            days=tuple(WEEKDAYS.index(day) for day in selftest.days),
            minute=minute_of(selftest.time),
            path_minute=minute_of(selftest.path_time),
            spread_ms=int(chance * selftest.spread_minutes * MINUTE_MS),
            quiet=tuple(sorted(span_of(span) for span in selftest.quiet_hours)),
            holidays=holidays,
        ),
        enabled=selftest.enabled,
        human_weekly=selftest.human_test == "weekly",
        settle_ms=SETTLE_MS + int(chance * SETTLE_SPREAD_MS_MAX),
    )

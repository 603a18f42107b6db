"""The settings of the self-test: when it is made, how its parts are wired, how long a person may take.

The rule behind them (two passes a week, no gap over 84 h) is no setting: it is in ``edge.compliance``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta

from edge.local_time import zone
from edge.setting_types import FilePath, Gpio, Table
from edge.tables import Mistakes

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

ClockTime = Annotated[
    str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z", extra={"allowed": "a time of day, 00:00 to 23:59"})
]
Span = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)\Z")]

PERMITTED_MINUTES_MIN = 240
"""So much of each day must stay outside the quiet hours: less leaves no room to make up a test that was missed."""


class SelfTestSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The test of the whole alarm chain, at least twice a week, and the quiet one of every day."""

    enabled: bool = True
    days: Annotated[
        tuple[Weekday, ...],
        Meta(
            min_length=2,
            max_length=7,
            extra={"allowed": "a list of 2 to 7 of 'monday', 'tuesday' and so on, in the order of the week"},
        ),
    ] = ("tuesday", "friday")
    time: ClockTime = "10:10"
    spread_minutes: Annotated[int, Meta(ge=0, le=120)] = 60
    path_time: ClockTime = "05:30"
    quiet_hours: Annotated[
        tuple[Span, ...],
        Meta(max_length=8, extra={"allowed": "a list of at most 8 spans such as '07:00-08:30', each within one day"}),
    ] = ("07:00-08:30", "11:30-14:00", "16:00-18:30")
    time_zone: Annotated[str, Meta(min_length=1, max_length=60)] = "Asia/Shanghai"
    calendar_file: FilePath | None = None
    human_test: Literal["weekly", "monthly"] = "monthly"
    officer_s_max: Annotated[int, Meta(ge=30, le=600)] = 90
    loopback_gpio: Gpio | None = None
    siren_sense_gpio: Gpio | None = None
    lamp_sense_gpio: Gpio | None = None


def minute_of(time: str) -> int:
    """``10:10`` as minutes since midnight, 0 to 1440."""
    return int(time[:2]) * 60 + int(time[3:])


def span_of(span: str) -> tuple[int, int]:
    """``07:00-08:30`` as minutes since midnight: the first that is quiet, and the first that is not any more."""
    begin, _, end = span.partition("-")
    return minute_of(begin), minute_of(end)


def check_selftest(good: Mapping[str, Any], mistakes: Mistakes) -> None:
    """What no single key of ``[selftest]`` can tell. A key that is wrong in itself is absent from ``good``."""
    _check_days(good, mistakes)
    quiet = sorted(span_of(span) for span in good.get("quiet_hours", ()))
    if any(begin >= end for begin, end in quiet):
        given = ", ".join(good["quiet_hours"])
        mistakes.add(
            "selftest.quiet_hours", given, "spans that end later than they begin; write one over midnight as two"
        )
    elif 1440 - _quiet_minutes(quiet) < PERMITTED_MINUTES_MIN:
        mistakes.add(
            "selftest.quiet_hours", "nearly the whole day", "spans that leave at least 4 hours of a day for tests"
        )
    elif {"time", "spread_minutes"} <= good.keys():
        first = minute_of(good["time"])
        last = first + good["spread_minutes"]
        for begin, end in quiet:
            if begin <= last and first < end:
                allowed = (
                    f"a time from which selftest.spread_minutes ({good['spread_minutes']}) reach into no quiet hours"
                )
                mistakes.add("selftest.time", repr(good["time"]), allowed)
                break
        if last >= 1440:
            mistakes.add(
                "selftest.time", repr(good["time"]), "a time after which selftest.spread_minutes end before 24:00"
            )
    if "time_zone" in good:
        try:
            zone(good["time_zone"])
        except ValueError:
            mistakes.add("selftest.time_zone", repr(good["time_zone"]), "a time zone such as 'Asia/Shanghai'")


def _check_days(good: Mapping[str, Any], mistakes: Mistakes) -> None:
    places = [WEEKDAYS.index(day) for day in good.get("days", ())]
    if places != sorted(set(places)):
        mistakes.add("selftest.days", ", ".join(good["days"]), "each day once, in the order of the week")


def _quiet_minutes(spans: list[tuple[int, int]]) -> int:
    """Minutes of a day that any of the spans, sorted, covers."""
    total = until = 0
    for begin, end in spans:
        total += max(0, end - max(begin, until))
        until = max(until, end)
    return total

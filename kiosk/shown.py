"""What of the daemon's view each page may show, as ready words and figures. Pure.

The student's page gets the screen and its words; the estimate only with *normal*. Whatever is missing, unknown or
malformed is *out of order*: no page says *normal* by default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from edge.measuring import Reason, Screen, Verdict
from kiosk.words import Words

FLOW_MINUTES = 60
MINUTE_MS = 60_000


class Sensor(msgspec.Struct, frozen=True):
    """How the infrared sensor is; ``error_share`` is 0 to 1."""

    error_share: float
    fault: bool
    ambient_celsius: float | None
    detector: str | None


class Visit(msgspec.Struct, frozen=True):
    """One student whom a teacher may want to measure again."""

    visit: int
    wall_ms: int
    clock: str
    verdict: Verdict
    reason: Reason
    skin_celsius: float | None
    estimate_celsius: float | None
    above_crowd_celsius: float | None


class Teacher(msgspec.Struct, frozen=True):
    """What the teacher on duty sees of today. ``flow`` is (begin of the minute in wall ms, students)."""

    today: dict[Verdict, int]
    flow: list[tuple[int, int]]
    recent: list[Visit]
    crowd_celsius: float | None
    crowd_students: int


class KioskView(msgspec.Struct, frozen=True):
    """The key ``kiosk`` of the daemon's view. ``visit`` grows by one with each student."""

    screen: Screen
    reason: Reason
    visit: int
    estimate_celsius: float | None
    warming_up: bool
    sensor: Sensor
    teacher: Teacher


def kiosk_view(view: dict[str, Any]) -> KioskView | None:
    """The kiosk's part of a view; None where the gate has no thermometer. Raises msgspec.ValidationError."""
    said = view.get("kiosk")
    return None if said is None else msgspec.convert(said, KioskView)


def for_student(kiosk: KioskView | None, words: Words) -> dict[str, object]:
    """What the student's page shows now. None is out of order."""
    screen = Screen.OUT_OF_ORDER if kiosk is None else kiosk.screen
    estimate = kiosk.estimate_celsius if kiosk is not None and screen is Screen.NORMAL else None
    detail = "" if kiosk is None or screen is Screen.NORMAL else words.for_students[kiosk.reason]
    return {
        "screen": screen.value,
        "visit": 0 if kiosk is None else kiosk.visit,
        "detail": detail or words.prompts[screen].detail,
        "estimate": _figure(estimate),
    }


def for_teacher(
    kiosk: KioskView | None, words: Words, now_wall_ms: int, clock_time: Callable[[int], str]
) -> dict[str, object] | None:
    """What the teacher's page shows now; None while nothing is known. ``clock_time`` writes a wall time for people."""
    if kiosk is None:
        return None
    teacher, sensor = kiosk.teacher, kiosk.sensor
    bars = _bars(teacher.flow, now_wall_ms)
    flow = words.teacher.flow_summary.format(students=sum(bars), most=max(bars))
    return {
        "today": [{"verdict": one.value, "students": teacher.today.get(one, 0)} for one in Verdict],
        "bars": bars,
        "flow": flow,
        "recent": [
            {
                "visit": one.visit,
                "time": clock_time(one.wall_ms),
                "verdict": one.verdict.value,
                "word": words.verdicts[one.verdict],
                "reason": words.for_teachers[one.reason],
                "skin": _figure(one.skin_celsius),
                "estimate": _figure(one.estimate_celsius),
                "above": _figure(one.above_crowd_celsius, "+.1f"),
            }
            for one in teacher.recent
        ],
        "clock_unsure": any(one.clock == "unsynced" for one in teacher.recent),
        "crowd": _figure(teacher.crowd_celsius),
        "crowd_students": words.teacher.crowd_students.format(students=teacher.crowd_students),
        "warming_up": kiosk.warming_up,
        "sensor_fault": sensor.fault,
        "missed": f"{100 * sensor.error_share:.0f} %",
        "air": _figure(sensor.ambient_celsius),
        "detector": sensor.detector or words.teacher.no_detector,
    }


def _bars(flow: list[tuple[int, int]], now_wall_ms: int) -> list[int]:
    """Students in each of the last 60 minutes, oldest first; none of another time, as before a clock was set."""
    this_minute = now_wall_ms // MINUTE_MS
    bars = [0] * FLOW_MINUTES
    for start_ms, students in flow:
        ago = this_minute - start_ms // MINUTE_MS
        if 0 <= ago < FLOW_MINUTES:
            bars[-1 - ago] += students
    return bars


def _figure(celsius: float | None, form: str = ".1f") -> str | None:
    return None if celsius is None else format(celsius, form).replace("-", "−")

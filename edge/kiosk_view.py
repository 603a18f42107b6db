"""What screens and the teacher see of the kiosk, as plain values. Pure.

The public part has a number only beside *normal*. The teacher's part has numbers, and no names: nobody here has any.
"""

from __future__ import annotations

from collections.abc import Mapping

from edge import crowd, soundness, tally, timekeeping
from edge.measuring import Verdict
from edge.screening import Thermometer, ambient
from edge.tally import Screened
from edge.timekeeping import Timekeeping

ESTIMATE_DIGITS = 1
"""A tenth of a degree is more than is known."""


def view(thermometer: Thermometer, clock: Timekeeping, now_ms: int) -> Mapping[str, object]:
    """The key ``kiosk`` of the gate's view."""
    shown, sound = thermometer.shown, thermometer.sound
    rules, estimate = thermometer.rules.crowd, thermometer.estimate_celsius
    return {
        "screen": shown.screen.value,
        "reason": shown.reason.value,
        "visit": thermometer.visits,
        "since_ms": thermometer.since_ms,
        "estimate_celsius": None if estimate is None else round(estimate, ESTIMATE_DIGITS),
        "warming_up": not crowd.is_warm(crowd.aged(thermometer.crowd, rules, now_ms), rules),
        "sensor": {
            "error_share": round(soundness.error_share(sound), 2),
            "fault": sound.fault,
            "ambient_celsius": tally.rounded(ambient(thermometer, now_ms)),
            "detector": thermometer.eyes.detector,
        },
        "teacher": _teacher(thermometer, clock, now_ms),
    }


def _teacher(thermometer: Thermometer, clock: Timekeeping, now_ms: int) -> Mapping[str, object]:
    counts, rules = thermometer.tally, thermometer.rules.crowd
    people = crowd.aged(thermometer.crowd, rules, now_ms)
    hour_ago_ms = now_ms - tally.MINUTES * tally.MINUTE_MS
    return {
        "today": {verdict.value: counts.today.get(verdict, 0) for verdict in Verdict},
        "flow": [
            [_minute(timekeeping.stamp(clock, from_ms).wall_ms), students]
            for from_ms, students in counts.minutes
            if from_ms > hour_ago_ms
        ],
        "recent": [_student(one, clock) for one in counts.recent],
        "crowd_celsius": tally.rounded(crowd.baseline(people)),
        "crowd_students": len(people.members),
    }


def _student(one: Screened, clock: Timekeeping) -> Mapping[str, object]:
    stamp = timekeeping.stamp(clock, one.at_ms)
    return {
        "visit": one.visit,
        "wall_ms": stamp.wall_ms,
        "clock": stamp.quality.value,
        "verdict": one.verdict.value,
        "reason": one.judgement.reason.value,
        "skin_celsius": tally.rounded(one.judgement.skin_celsius),
        "estimate_celsius": tally.rounded(one.judgement.estimate_celsius),
        "above_crowd_celsius": tally.rounded(one.judgement.above_crowd_celsius),
    }


def _minute(wall_ms: int) -> int:
    return wall_ms - wall_ms % tally.MINUTE_MS

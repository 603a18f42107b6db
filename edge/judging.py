"""From a handful of settled samples to a verdict. Pure.

The verdict is about skin against the morning's crowd, and a stated guard; never about the number on the screen
(thermometry note, sections 4.2 and 4.4). Nothing is *normal* by default: that takes a statistic of at least three
samples, in range, agreeing, and compared with something.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge import crowd, skin
from edge.crowd import Crowd, CrowdRules
from edge.measuring import Reason, Verdict
from edge.value import Value

SKIN_CELSIUS = (30.0, 42.0)
"""Below is hair, a hat or a half-filled view; above is a cup, or the sun."""

SAMPLES = 4
SAMPLES_MIN = 3
SAMPLES_MAX = 6
"""Four are enough unless the highest stands alone: then up to six tell whether it was a cup or the only clean one."""

AGREE_CELSIUS = 0.5
"""The sample that counts must have a neighbour so near, or within four times the sensor's noise."""

BELOW_CELSIUS_MAX = 1.5
"""So far below the crowd is no skin seen in full."""

LEAST_CELSIUS = 35.0
"""No estimate below is of a skin seen in full, whatever the crowd is like: it may be a wall."""

WARM_UP_CELSIUS = 37.5
"""While there is no crowd, an estimate from here on is measured again."""

JOINS_CELSIUS = 3.0
"""A residual so far below the fit's skin does not join the crowd."""

FOLLOW_CELSIUS_MAX = 1.0
"""The estimate follows the crowd so far: more is no weather, and the guard must see it."""

HOT_WALL_CELSIUS = 38.0
"""A background as warm as this adds to a reading where the face does not fill the view."""


class JudgingRules(Value, frozen=True):
    """Settings of the judgement; ranges are in ``edge.kiosk_settings``. ``slope`` is the estimate's."""

    again_above_celsius: float = 0.5
    high_above_celsius: float = 0.8
    guard_celsius: float = 38.0
    ambient_celsius: tuple[float, float] = (16.0, 40.0)
    noise_celsius: float = 0.10
    fit: skin.Fit = skin.FOREHEAD_CENTRE
    slope: float = 1.0


class Findings(Value, frozen=True):
    """What was found of one student: settled samples in range (corrected), and how many were out of it, and why.

    ``retake``: this is the second and last look. ``far``: the camera says that the face is beyond the zone. ``alone``:
    only the sensor tells that somebody stands there, and the background is so like skin that it may be wrong.
    """

    samples: tuple[float, ...] = ()
    low: int = 0
    hot: int = 0
    crowded: bool = False
    far: bool = False
    retake: bool = False
    alone: bool = False
    ambient_celsius: float | None = None
    sensor_celsius: float | None = None
    background_celsius: float | None = None


class Judgement(Value, frozen=True):
    """A verdict with its reason and numbers; the numbers are None where there were too few samples."""

    verdict: Verdict
    reason: Reason
    skin_celsius: float | None = None
    residual_celsius: float | None = None
    estimate_celsius: float | None = None
    baseline_celsius: float | None = None
    above_crowd_celsius: float | None = None
    samples: int = 0


def are_enough(rules: JudgingRules, samples: tuple[float, ...]) -> bool:
    """True when a further sample would not change what is judged."""
    if len(samples) < SAMPLES:
        return False
    ordered = sorted(samples)
    return len(samples) >= SAMPLES_MAX or ordered[-1] - ordered[-2] <= _agreement(rules)


def statistic(samples: tuple[float, ...]) -> float | None:
    """The second highest of four or more, the median of three, None of fewer."""
    if len(samples) < SAMPLES_MIN:
        return None
    return sorted(samples)[-2]


def joins(rules: JudgingRules, judgement: Judgement) -> bool:
    """True if this student is one of the crowd that the next are compared with."""
    residual = judgement.residual_celsius
    return residual is not None and residual >= rules.fit.skin_celsius - JOINS_CELSIUS


def judge(rules: JudgingRules, crowd_rules: CrowdRules, people: Crowd, found: Findings) -> Judgement:
    """The verdict. On a retake there is no *again* any more: then the teacher decides with a contact thermometer."""
    first = _first_look(rules, crowd_rules, people, found)
    if not found.retake or first.verdict is not Verdict.AGAIN:
        return first
    # Twice just above a known crowd is one call in twenty; without a crowd, or without clean samples, nobody can say.
    high = first.reason is Reason.BORDERLINE and crowd.is_warm(people, crowd_rules)
    return replace(first, verdict=Verdict.HIGH if high else Verdict.CANNOT_SCREEN, reason=first.reason)


def _first_look(rules: JudgingRules, crowd_rules: CrowdRules, people: Crowd, found: Findings) -> Judgement:
    numbers = _numbers(rules, crowd_rules, people, found)
    air = _air(rules, found)
    if air is not None:
        return replace(numbers, verdict=Verdict.CANNOT_SCREEN, reason=air)
    if found.alone:
        return replace(numbers, verdict=Verdict.CANNOT_SCREEN, reason=Reason.TOO_WARM_HERE)
    if found.crowded:
        return replace(numbers, verdict=Verdict.AGAIN, reason=Reason.ONE_AT_A_TIME)
    if numbers.residual_celsius is None:
        return replace(numbers, verdict=Verdict.AGAIN, reason=_why_too_few(found))
    if not _agree(rules, found.samples):
        return replace(numbers, verdict=Verdict.AGAIN, reason=Reason.HOLD_STILL)
    verdict, reason = _compared(rules, crowd_rules, people, numbers.residual_celsius, numbers.above_crowd_celsius)
    if verdict is Verdict.HIGH and found.hot:
        return replace(numbers, verdict=Verdict.AGAIN, reason=Reason.HOT_OBJECT)
    if verdict is Verdict.HIGH and (found.background_celsius or 0.0) >= HOT_WALL_CELSIUS:
        return replace(numbers, verdict=Verdict.AGAIN, reason=Reason.TOO_WARM_HERE)
    return replace(numbers, verdict=verdict, reason=reason)


def _compared(
    rules: JudgingRules, crowd_rules: CrowdRules, people: Crowd, residual: float, above: float | None
) -> tuple[Verdict, Reason]:
    """The bands: the guard first, then the crowd, or the wide band of the warm-up. By the constant offset, always."""
    level = skin.estimate(rules.fit, 1.0, residual, _follow(rules, crowd_rules, people))
    if level >= rules.guard_celsius:
        return Verdict.HIGH, Reason.ABOVE_GUARD
    if level < LEAST_CELSIUS:
        return Verdict.AGAIN, Reason.UNCOVER_FOREHEAD
    if not crowd.is_warm(people, crowd_rules) or above is None:
        return (Verdict.AGAIN, Reason.BORDERLINE) if level >= WARM_UP_CELSIUS else (Verdict.NORMAL, Reason.NONE)
    if crowd.spread(people) > crowd.SPREAD_CELSIUS_MAX:
        return Verdict.CANNOT_SCREEN, Reason.CROWD_TOO_MIXED
    if above >= rules.high_above_celsius:
        return Verdict.HIGH, Reason.ABOVE_CROWD
    if above >= rules.again_above_celsius:
        return Verdict.AGAIN, Reason.BORDERLINE
    if above < -BELOW_CELSIUS_MAX:
        return Verdict.AGAIN, Reason.UNCOVER_FOREHEAD
    return Verdict.NORMAL, Reason.NONE


def _numbers(rules: JudgingRules, crowd_rules: CrowdRules, people: Crowd, found: Findings) -> Judgement:
    """The numbers, under a verdict that is only a place-holder: *again*."""
    value, baseline = statistic(found.samples), crowd.baseline(people)
    numbers = Judgement(
        Verdict.AGAIN, Reason.TOO_FEW_SAMPLES, baseline_celsius=baseline, samples=len(found.samples)
    )  # fmt: skip
    if value is None or found.ambient_celsius is None:
        return numbers
    residual = skin.residual(rules.fit, value, found.ambient_celsius)
    return replace(
        numbers,
        skin_celsius=value,
        residual_celsius=residual,
        estimate_celsius=skin.estimate(rules.fit, rules.slope, residual, _follow(rules, crowd_rules, people)),
        above_crowd_celsius=None if baseline is None else residual - baseline,
    )


def _air(rules: JudgingRules, found: Findings) -> Reason | None:
    """Why nobody can be screened in this air; the sensor's own warmth counts as much as the room's."""
    low, high = rules.ambient_celsius
    for celsius in (found.ambient_celsius, found.sensor_celsius):
        if celsius is not None and celsius < low:
            return Reason.TOO_COLD_HERE
        if celsius is not None and celsius > high:
            return Reason.TOO_WARM_HERE
    return None


def _why_too_few(found: Findings) -> Reason:
    if found.hot and found.hot >= found.low:
        return Reason.HOT_OBJECT
    if found.low:
        return Reason.COME_CLOSER if found.far else Reason.UNCOVER_FOREHEAD
    return Reason.TOO_FEW_SAMPLES


def _agree(rules: JudgingRules, samples: tuple[float, ...]) -> bool:
    """True if the sample that counts has a neighbour."""
    ordered = sorted(samples)
    below = ordered[-2] - ordered[-3]
    near = below if len(samples) >= SAMPLES else min(below, ordered[-1] - ordered[-2])
    return near <= _agreement(rules)


def _agreement(rules: JudgingRules) -> float:
    return max(AGREE_CELSIUS, 4 * rules.noise_celsius)


def _follow(rules: JudgingRules, crowd_rules: CrowdRules, people: Crowd) -> float:
    baseline = crowd.baseline(people)
    if baseline is None or not crowd.is_warm(people, crowd_rules):
        return 0.0
    return min(max(baseline - rules.fit.skin_celsius, -FOLLOW_CELSIUS_MAX), FOLLOW_CELSIUS_MAX)

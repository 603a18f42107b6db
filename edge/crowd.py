"""The morning's crowd: what skin is like here and now, as the median of the students who came last. Pure.

A fixed threshold swings between no false call and nearly all as weather and sensor drift; the difference to the crowd
does not (thermometry note, section 4.3). Nothing but numbers is kept, and nothing says whose they are.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge.value import Value

APART_CELSIUS_MAX = 2.0
"""One student moves the crowd as if at most so far from it."""

BASELINE_CELSIUS = (30.0, 37.0)
"""A crowd of skins is never colder or warmer, whatever the sensor says."""

SPREAD_CELSIUS_MAX = 1.2
"""Beyond this the crowd is too mixed to compare anybody with: some came by car, some through frost."""

_SIGMA_PER_DEVIATION = 1.4826  # of a normal distribution, for its median absolute deviation


class CrowdRules(Value, frozen=True):
    """Settings of the crowd; ranges are in ``edge.kiosk_settings``."""

    students: int = 50
    warm_up: int = 20
    kept_ms: int = 45 * 60_000


class Member(Value, frozen=True):
    """One student's residual (degrees Celsius), and when (monotonic milliseconds)."""

    residual_celsius: float
    at_ms: int


class Crowd(Value, frozen=True):
    """The last students, oldest first, as they were at ``as_of_ms``. ``mark`` names sensor and corrections."""

    members: tuple[Member, ...] = ()
    as_of_ms: int = 0
    mark: str = ""


def joined(crowd: Crowd, rules: CrowdRules, residual_celsius: float, at_ms: int) -> Crowd:
    """The crowd with one more student."""
    crowd = aged(crowd, rules, at_ms)
    middle = baseline(crowd)
    if middle is not None:
        low, high = middle - APART_CELSIUS_MAX, middle + APART_CELSIUS_MAX
        residual_celsius = min(max(residual_celsius, low), high)
    return replace(crowd, members=(*crowd.members, Member(residual_celsius, at_ms))[-rules.students :])


def aged(crowd: Crowd, rules: CrowdRules, now_ms: int) -> Crowd:
    """The crowd without those who came too long ago."""
    young = tuple(one for one in crowd.members if now_ms - one.at_ms <= rules.kept_ms)
    return replace(crowd, members=young, as_of_ms=now_ms)


def forgotten(crowd: Crowd) -> Crowd:
    """Nobody yet: the sensor restarted, or the air changed."""
    return replace(crowd, members=())


def is_warm(crowd: Crowd, rules: CrowdRules) -> bool:
    """True once enough students came to compare the next with."""
    return len(crowd.members) >= min(rules.warm_up, rules.students)


def baseline(crowd: Crowd) -> float | None:
    """The median residual, within ``BASELINE_CELSIUS``; None while nobody came."""
    if not crowd.members:
        return None
    low, high = BASELINE_CELSIUS
    return min(max(median([one.residual_celsius for one in crowd.members]), low), high)


def spread(crowd: Crowd) -> float:
    """How far students lie from the middle: the median absolute deviation, scaled to a standard deviation."""
    if not crowd.members:
        return 0.0
    middle = median([one.residual_celsius for one in crowd.members])
    return _SIGMA_PER_DEVIATION * median([abs(one.residual_celsius - middle) for one in crowd.members])


def recalled(kept: Crowd, now: Crowd, rules: CrowdRules, age_ms: int, now_ms: int) -> Crowd:
    """The crowd of an earlier life, ``age_ms`` after it was kept, with those who have come since behind it.

    It stays forgotten when it is too old or when sensor or corrections have changed.
    """
    if kept.mark != now.mark or not 0 <= age_ms <= rules.kept_ms:
        return now
    older = tuple(Member(one.residual_celsius, now_ms - age_ms - (kept.as_of_ms - one.at_ms)) for one in kept.members)
    return aged(replace(now, members=(*older, *now.members)[-rules.students :]), rules, now_ms)


def median(values: list[float]) -> float:
    """The middle value, or the mean of the two. ``values`` is not empty."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2

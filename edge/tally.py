"""Counts of a day and of five minutes, and the last students who were not let through. Pure, and without names.

A day begins anew after a long pause without anybody: no school's night is shorter, and no clock is needed.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from edge import crowd
from edge.judging import Judgement
from edge.measuring import Verdict
from edge.value import Value

NIGHT_MS = 4 * 3_600_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
FLOW_MS = 5 * MINUTE_MS
MINUTES = 60
RECENT = 20

MEDIAN_STUDENTS_MIN = 5
"""A median of fewer would be somebody's own temperature."""


class Screened(Value, frozen=True):
    """How one student's visit ended: the body of a ``temperature`` event. Nothing says who it was.

    Temperatures in degrees Celsius; ``skin_celsius`` is corrected for supply, emissivity and drift. ``samples`` counts
    the settled ones in range; ``attempts`` is 1 or 2; ``arrived_ms`` and ``at_ms`` are monotonic.
    """

    visit: int
    verdict: Verdict
    judgement: Judgement
    attempts: int
    ambient_celsius: float | None
    arrived_ms: int
    at_ms: int


class Flow(Value, frozen=True):
    """Five minutes: what the traffic police steer by. The median is None of fewer than five students."""

    students: int
    high: int
    again: int
    median_skin_celsius: float | None
    from_ms: int
    at_ms: int


class HourlyCounts(Value, frozen=True):
    """One hour's verdicts: all that leaves the gate where the school wants no single temperatures to."""

    counts: dict[Verdict, int]
    from_ms: int
    at_ms: int


class Span(Value, frozen=True):
    """Students counted since ``from_ms``."""

    from_ms: int
    counts: dict[Verdict, int] = {}
    skins: tuple[float, ...] = ()


class Tally(Value, frozen=True):
    """``minutes`` are (begin, students); ``recent`` is newest first; ``flowing``: there were students a moment ago."""

    today: dict[Verdict, int] = {}
    minutes: tuple[tuple[int, int], ...] = ()
    recent: tuple[Screened, ...] = ()
    flow: Span = Span(0)
    hour: Span = Span(0)
    flowing: bool = False
    last_ms: int | None = None


def counted(tally: Tally, student: Screened) -> Tally:
    """The counts with one more student."""
    at_ms, verdict = student.at_ms, student.verdict
    night = tally.last_ms is not None and at_ms - tally.last_ms >= NIGHT_MS
    today = {} if night else tally.today
    begin_ms = at_ms - at_ms % MINUTE_MS
    minutes = [one for one in tally.minutes if begin_ms - one[0] < MINUTES * MINUTE_MS]
    count = minutes.pop()[1] if minutes and minutes[-1][0] == begin_ms else 0
    recent = () if night else tally.recent
    return replace(
        tally,
        today={**today, verdict: today.get(verdict, 0) + 1},
        minutes=(*minutes, (begin_ms, count + 1)),
        recent=recent if verdict is Verdict.NORMAL else (student, *recent)[:RECENT],
        flow=_longer(tally.flow, student),
        hour=_longer(tally.hour, student),
        last_ms=at_ms,
    )


def recalled(tally: Tally, today: Mapping[Verdict, int], last_ms: int, now_ms: int) -> Tally:
    """With the counts of an earlier life, whose last student came at ``last_ms``; not if a night lies between."""
    if now_ms - last_ms >= NIGHT_MS:
        return tally
    both = {verdict: today.get(verdict, 0) + tally.today.get(verdict, 0) for verdict in Verdict}
    counts = {verdict: count for verdict, count in both.items() if count}
    return replace(tally, today=counts, last_ms=last_ms if tally.last_ms is None else tally.last_ms)


def wake_at(tally: Tally) -> int | None:
    """When the next five minutes or hour are over, in monotonic milliseconds; None while nobody comes."""
    times = [tally.flow.from_ms + FLOW_MS] if tally.flow.counts or tally.flowing else []
    if tally.hour.counts:
        times.append(tally.hour.from_ms + HOUR_MS)
    return min(times, default=None)


def passed(tally: Tally, now_ms: int) -> tuple[Tally, tuple[Flow | HourlyCounts, ...]]:
    """Spans that are over, told. Empty ones are not, but for the first: it says that the rush has ended."""
    out: list[Flow | HourlyCounts] = []
    if now_ms >= tally.flow.from_ms + FLOW_MS:
        flow = tally.flow
        if flow.counts or tally.flowing:
            skins = list(flow.skins)
            middle = crowd.median(skins) if len(skins) >= MEDIAN_STUDENTS_MIN else None
            high, again = flow.counts.get(Verdict.HIGH, 0), flow.counts.get(Verdict.AGAIN, 0)
            out.append(Flow(sum(flow.counts.values()), high, again, middle, flow.from_ms, flow.from_ms + FLOW_MS))
        tally = replace(tally, flow=Span(now_ms - now_ms % FLOW_MS), flowing=bool(flow.counts))
    if now_ms >= tally.hour.from_ms + HOUR_MS:
        hour = tally.hour
        if hour.counts:
            out.append(HourlyCounts(hour.counts, hour.from_ms, hour.from_ms + HOUR_MS))
        tally = replace(tally, hour=Span(now_ms - now_ms % HOUR_MS))
    return tally, tuple(out)


def _longer(span: Span, student: Screened) -> Span:
    value = student.judgement.skin_celsius
    counts = {**span.counts, student.verdict: span.counts.get(student.verdict, 0) + 1}
    return Span(span.from_ms, counts, span.skins if value is None else (*span.skins, value))


def body(outcome: Screened | Flow | HourlyCounts) -> dict[str, str | int | float | bool | None]:
    """What the event says, rounded to a hundredth of a degree; the core adds id and time."""
    match outcome:
        case Screened(judgement=judged):
            return {
                "verdict": outcome.verdict.value,
                "reason": judged.reason.value,
                "skin_celsius": rounded(judged.skin_celsius),
                "ambient_celsius": rounded(outcome.ambient_celsius),
                "estimate_celsius": rounded(judged.estimate_celsius),
                "samples": judged.samples,
                "baseline_celsius": rounded(judged.baseline_celsius),
                "above_crowd_celsius": rounded(judged.above_crowd_celsius),
                "attempts": outcome.attempts,
                "took_ms": outcome.at_ms - outcome.arrived_ms,
            }
        case Flow():
            return {
                "students": outcome.students,
                "high": outcome.high,
                "again": outcome.again,
                "median_skin_celsius": rounded(outcome.median_skin_celsius),
                "minutes": FLOW_MS // MINUTE_MS,
            }
        case HourlyCounts(counts=counts):
            return {verdict.value: counts.get(verdict, 0) for verdict in Verdict}


def rounded(celsius: float | None) -> float | None:
    """To a hundredth: what the sensor can tell apart."""
    return None if celsius is None else round(celsius, 2)

"""One student's stay in front of the sensor: which samples count, and how long a look lasts. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from edge.judging import SKIN_CELSIUS, Judgement
from edge.skin import Part
from edge.value import Value

LOOK_MS = 1_500
"""After settling, a look lasts no longer: then what there is is judged."""

RETAKE_MS = 1_000
"""Before the second look the student has this time to do what the screen asks."""

PASSING_MS = 300
"""Who is gone sooner, unmeasured, walked past."""


class Visit(Value, frozen=True):
    """One student, who came at ``began_ms``; samples count from ``settled_ms``. The look ends at
    ``due_ms``, or, once the verdict is spoken, the stay gets too long.

    ``again`` is the first look's verdict once the second has begun. ``seen_celsius`` is the last reading, uncorrected,
    and ``level_celsius`` what full presence looks like, for telling when they leave. ``done``: the verdict is spoken;
    ``least_celsius`` is the reading least like skin since then: if this is no student at all, it is the background.
    """

    number: int
    began_ms: int
    settled_ms: int
    due_ms: int
    seen_celsius: float | None = None
    level_celsius: float | None = None
    least_celsius: float | None = None
    samples: tuple[float, ...] = ()
    low: int = 0
    hot: int = 0
    crowded: bool = False
    far: bool = False
    again: Judgement | None = None
    done: bool = False


def begun(number: int, part: Part, now_ms: int) -> Visit:
    """Somebody stands there."""
    settled_ms = now_ms + part.settle_ms
    return Visit(number, now_ms, settled_ms, settled_ms + LOOK_MS)


def sampled(visit: Visit, part: Part, celsius: float, at_ms: int) -> Visit:
    """One reading more, corrected: it counts once the sensor has settled, and only in range.

    After something hot the sensor settles anew: what follows would still be warmed by it.
    """
    low, high = SKIN_CELSIUS
    if celsius > high:
        settled_ms = max(visit.settled_ms, at_ms + part.settle_ms)
        return replace(visit, hot=visit.hot + 1, settled_ms=settled_ms)
    if visit.done or at_ms < visit.settled_ms:
        return visit
    if celsius < low:
        return replace(visit, low=visit.low + 1)
    return replace(visit, samples=(*visit.samples, celsius))


def looked_again(visit: Visit, first: Judgement, part: Part, now_ms: int) -> Visit:
    """The second look, with samples of its own, after a moment."""
    settled_ms = now_ms + RETAKE_MS
    due_ms = settled_ms + part.settle_ms + LOOK_MS
    return replace(
        visit, settled_ms=settled_ms, due_ms=due_ms, samples=(), low=0, hot=0, crowded=False, far=False, again=first
    )  # fmt: skip

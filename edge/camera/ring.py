"""The last seconds as small JPEGs, and which of them follow an alarm. Pure; without a press nothing leaves it."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from edge.camera_words import PICTURES_MAX, Picture, Take

STEP_MS = 500
"""Between two pictures that are kept."""

HANDOUTS_MAX = 4
"""Presses that are served at once; more come only where something is wrong."""


AGAIN_MS = 60_000
SERIES_MAX = 10
"""One incident has pictures of its first press, and of later ones no sooner than AGAIN_MS after the last that had: so
many series at most, because each costs the line some 150 kB."""


class Kept(NamedTuple):
    """One picture and when it was taken."""

    at_ms: int
    jpeg: bytes


class _Handout(NamedTuple):
    """A press that is being served: moments of which no picture was handed out yet, oldest first."""

    take: Take
    moments: list[int]
    given: set[int]


class Ring:
    """Keeps ``before_s`` seconds. One thread uses it. What it holds is bounded by count, and each by JPEG_BYTES_MAX."""

    def __init__(self, before_s: int) -> None:
        self._kept: deque[Kept] = deque(maxlen=before_s * 1000 // STEP_MS + 2)
        self._handouts: list[_Handout] = []
        self._served: deque[Take] = deque(maxlen=64)

    @property
    def pictures(self) -> int:
        """How many are held."""
        return len(self._kept)

    def wants(self, at_ms: int) -> bool:
        """True when it is time to keep another."""
        return not self._kept or at_ms >= self._kept[-1].at_ms + STEP_MS

    def add(self, at_ms: int, jpeg: bytes) -> list[Picture]:
        """Keep one, forget the oldest. Gives what is now to be handed out."""
        self._kept.append(Kept(at_ms, jpeg))
        return [picture for handout in tuple(self._handouts) for picture in self._due(handout)]

    def take(self, take: Take) -> list[Picture] | None:
        """A real press. Gives what is handed out at once; the rest comes with ``add``. None: too soon again."""
        before = [one for one in self._served if one.incident == take.incident]
        if len(before) >= SERIES_MAX or any(take.press_ms < one.press_ms + AGAIN_MS for one in before):
            return None
        self._served.append(take)
        del self._handouts[: max(0, len(self._handouts) - HANDOUTS_MAX + 1)]
        handout = _Handout(take, moments(take), set())
        self._handouts.append(handout)
        return self._due(handout)

    def _due(self, handout: _Handout) -> list[Picture]:
        """The pictures nearest to the moments that are past."""
        out: list[Picture] = []
        newest_ms = self._kept[-1].at_ms if self._kept else -1
        while handout.moments and handout.moments[0] <= newest_ms:
            moment_ms = handout.moments.pop(0)
            nearest = min(self._kept, key=lambda kept: abs(kept.at_ms - moment_ms))
            near = abs(nearest.at_ms - moment_ms) <= 2 * STEP_MS  # else the camera stood still then: no picture of it
            if near and nearest.at_ms not in handout.given:
                handout.given.add(nearest.at_ms)
                out.append(Picture(incident=handout.take.incident, at_ms=nearest.at_ms, jpeg=nearest.jpeg))
        if not handout.moments:
            self._handouts.remove(handout)
        return out


def moments(take: Take) -> list[int]:
    """The moments of which a picture is wanted: from the earliest to the press, and on to the latest."""
    half = PICTURES_MAX // 2
    before = [take.press_ms - take.before_ms * step // (half - 1) for step in range(half - 1, -1, -1)]
    return before + [take.press_ms + take.after_ms * step // half for step in range(1, half + 1)]

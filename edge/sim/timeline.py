"""Virtual time: what happens when, in whole milliseconds of a true clock that no gate can read."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random

Action = Callable[[], None]


class Timeline:
    """Actions in order of their time, and of their planning where times are equal."""

    def __init__(self, seed: int) -> None:
        self.now_ms = 0
        self.random = Random(seed)
        self.trace: list[str] | None = None
        self._planned: list[tuple[int, int, Action]] = []
        self._count = 0

    def after(self, pause_ms: float, action: Action) -> None:
        """Do this ``pause_ms`` from now (0: later in this millisecond)."""
        self._count += 1
        heapq.heappush(self._planned, (self.now_ms + int(pause_ms), self._count, action))

    def run_until(self, end_ms: int) -> None:
        """Let time pass up to and including ``end_ms``."""
        while self._planned and self._planned[0][0] <= end_ms:
            self.now_ms, _, action = heapq.heappop(self._planned)
            action()
        self.now_ms = end_ms

    def chance(self, probability: float) -> bool:
        """True with this probability. Draws nothing where it is 0, so that calm needs no luck."""
        return probability > 0 and self.random.random() < probability

    def say(self, text: str) -> None:
        """A line of the trace, where one is kept."""
        if self.trace is not None:
            self.trace.append(f"{self.now_ms / 1000:9.3f}  {text}")

"""One lamp's or buzzer's place in its pattern: which level, and when the next one is due. It knows no clock."""

from __future__ import annotations

from typing import Any

NEVER_MS = 1 << 62


class Rhythm:
    """Moves the ``value`` of ``output`` (a gpiozero output, or anything like it). One thread uses it.

    A pattern is milliseconds on, off, on, off ... and is repeated; one beat alone is steady, none is dark.
    """

    def __init__(self, output: Any) -> None:
        self._output = output
        self._pattern: tuple[int, ...] = ()
        self._place = 0
        self._once = False
        self.due_ms = NEVER_MS

    def begin(self, pattern: tuple[int, ...], now_ms: int) -> None:
        """Start at the first beat, unless this pattern is being played."""
        if pattern != self._pattern or self._once:
            self._start(pattern, now_ms, once=False)

    def play_once(self, pattern: tuple[int, ...], now_ms: int) -> None:
        """Start at the first beat, even of the same pattern; dark after the last."""
        self._start(pattern, now_ms, once=True)

    def beat(self, now_ms: int) -> None:
        """Flip if it is time."""
        if now_ms < self.due_ms:
            return
        self._place += 1
        if self._once and self._place == len(self._pattern):
            self.due_ms = NEVER_MS
            self._output.value = False
            return
        self._place %= len(self._pattern)
        self.due_ms = now_ms + self._pattern[self._place]
        self._output.value = self._place % 2 == 0

    def _start(self, pattern: tuple[int, ...], now_ms: int, *, once: bool) -> None:
        # The time before the level: an output that fails must not be tried again at once.
        self._pattern, self._place, self._once = pattern, 0, once
        moves = len(pattern) > 1 or (once and bool(pattern))
        self.due_ms = now_ms + pattern[0] if moves else NEVER_MS
        self._output.value = bool(pattern)

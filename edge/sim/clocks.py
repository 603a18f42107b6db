"""The Pi's clocks: a monotonic one that begins at 0 with each kernel, and a wall clock that starts out wrong."""

from __future__ import annotations

from edge.events import ClockRead
from edge.sim.timeline import Timeline

EPOCH_MS = 1_767_225_600_000
"""True wall time when the true clock reads 0: 2026-01-01 00:00 UTC."""

ERROR_MS = 40


class Kernel:
    """One run of the Pi's kernel. There is no battery: the wall clock starts some hours behind."""

    def __init__(self, timeline: Timeline, number: int) -> None:
        self._time = timeline
        self.id = f"{timeline.random.getrandbits(64):016x}"
        self.started_ms = timeline.now_ms
        self.number = number
        self.synced = False
        self.offset_ms = -timeline.random.randint(60_000, 36_000_000)

    def now_ms(self) -> int:
        """Monotonic."""
        return self._time.now_ms - self.started_ms

    def synchronise(self) -> None:
        """The time server was heard."""
        self.synced = True
        self.offset_ms = self._time.random.randint(-ERROR_MS, ERROR_MS)

    def lose(self, jump_ms: int) -> None:
        """No time server any more; and somebody may have set the clock by hand."""
        self.synced = False
        self.offset_ms += jump_ms

    def read(self) -> ClockRead:
        """Both clocks, with the kernel's word on the error."""
        wall_ms = EPOCH_MS + self._time.now_ms + self.offset_ms
        return ClockRead(self.now_ms(), wall_ms, ERROR_MS if self.synced else None)

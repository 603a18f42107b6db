"""The real keeper on a real SQLite file where the simulated card would be: one batch at a time, on virtual time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from edge import keeper
from edge.drivers.memory_outbox import MemoryOutbox
from edge.drivers.store import SqliteOutbox
from edge.events import ClockRead, Fact, Load, MarkDone, StoreCommand, Stored
from edge.sim.card import BATCH_MAX, Card, Keeper
from edge.sim.clocks import Kernel
from edge.sim.gate import Gate
from edge.sim.timeline import Timeline
from edge.sim.truth import Truth

COMMIT_MS = 5
GATHER_MS = 25
"""As ``edge.daemon`` has it: so long what is done waits for company."""

ROUTINE_EVENTS_MAX = 200_000


class KernelClock:
    """Port Clock: the clocks of a simulated kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def now_ms(self) -> int:
        return self._kernel.now_ms()

    def read(self) -> ClockRead:
        return self._kernel.read()


class StoreThread(Keeper):
    """One life of the store's thread. What the real one would wait for takes COMMIT_MS here, whatever it took."""

    def __init__(
        self, timeline: Timeline, truth: Truth, file: Path, kernel: Kernel, post: Callable[[Fact], None]
    ) -> None:
        super().__init__(timeline, truth, Card(), post)
        card = partial(SqliteOutbox, file, ROUTINE_EVENTS_MAX)
        self._keeper = keeper.Keeper(card, MemoryOutbox, KernelClock(kernel), self._told)
        self._jobs: deque[StoreCommand] = deque()
        self._busy = False

    def start(self) -> None:
        self._busy = True
        self._time.after(COMMIT_MS, self._opened_file)

    def take(self, command: StoreCommand) -> None:
        self._jobs.append(command)
        self._next()

    def beat(self) -> None:
        if not self._busy:
            self._keeper.idle()

    def power_cut(self) -> None:
        self.alive = False
        self._keeper.close()

    def _told(self, fact: Any) -> None:
        if isinstance(fact, Stored) and fact.durable:
            for id, _ in fact.rows:
                self._truth.durable(self._truth.events[id])
        self._post(fact)

    def _opened_file(self) -> None:
        if self.alive:
            self._keeper.open()
            self._busy = False
            self._next()

    def _next(self) -> None:
        if self.alive and self._jobs and not self._busy:
            self._busy = True
            waits = all(isinstance(one, MarkDone) for one in self._jobs)
            reads = all(isinstance(one, Load) for one in self._jobs)
            self._time.after(GATHER_MS if waits else 1 if reads else COMMIT_MS, self._work_off)

    def _work_off(self) -> None:
        if self.alive:
            batch = [self._jobs.popleft() for _ in range(min(BATCH_MAX, len(self._jobs)))]
            self._keeper.run(batch)
            self._busy = False
            self._next()


class StoringGate(Gate):
    """A simulated gate whose card is a real file."""

    file: Path

    def open_store(self, post: Callable[[Fact], None]) -> Keeper:
        return StoreThread(self._time, self._truth, self.file, self.kernel, post)

"""A gate with a real brain and real local sockets, and nothing else: no pins, no card, no network."""

from __future__ import annotations

import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.control import Control
from edge.drivers.clock import SystemClock
from edge.events import Alive, AnswerView, Boot, ClockRead, Fact, ViewAsked
from edge.settings import ClockSettings
from edge.state import Rules, begin, parts
from tests.unit.machines import think

DEADLINE_S = 5


class ShiftedClock:
    """The machine's clock, moved on by hand."""

    def __init__(self) -> None:
        self._clock = SystemClock(ClockSettings())
        self.shift_ms = 0

    def now_ms(self) -> int:
        return self._clock.now_ms() + self.shift_ms

    def read(self) -> ClockRead:
        at_ms = self.now_ms()
        return ClockRead(at_ms, at_ms + 1_000_000, 1)


class SmallGate:
    """Brain and sockets, each on a thread, until ``close``. A ``deaf`` brain answers nobody."""

    def __init__(self, directory: Path, press: Callable[[int], None] | None = None, rules: Rules | None = None) -> None:
        self.directory = directory
        self.clock = ShiftedClock()
        self.deaf = False
        self.facts: list[Fact] = []
        self.edit: Callable[[dict[str, Any]], dict[str, Any]] = lambda view: view
        self._inbox: queue.SimpleQueue[Fact | None] = queue.SimpleQueue()
        self._state = begin(Boot("ab" * 8, 1, "kernel"), rules or Rules(), self.clock.now_ms())
        self.glimpse: Callable[[], tuple[object, ...]] = lambda: (*parts(self._state), self.edit)
        self.control = Control(directory, self._inbox.put, self.clock, press, glimpse=lambda: self.glimpse())
        self._threads = [threading.Thread(target=self._think), threading.Thread(target=self.control.serve)]
        for thread in self._threads:
            thread.start()
        self.post(self.clock.read())
        self.post(Alive("contact", self.clock.now_ms()))

    def post(self, fact: Fact) -> None:
        self._inbox.put(fact)

    def move_on(self, by_ms: int) -> None:
        """Let time pass, and let the sockets notice."""
        self.clock.shift_ms += by_ms
        self.control.answer(-1, {})

    def close(self) -> None:
        self.control.close()
        self._inbox.put(None)
        for thread in self._threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive()

    def _think(self) -> None:
        while (fact := self._inbox.get()) is not None:
            self.facts.append(fact)
            if self.deaf and isinstance(fact, ViewAsked):
                continue
            self._state, commands = think(self._state, fact)
            for command in commands:
                if isinstance(command, AnswerView):
                    self.control.answer(command.token, self.edit(dict(command.view)))


class ShortDirectory:
    """A directory whose path is short enough for a Unix socket (107 bytes), wherever pytest keeps its own."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="gp-"))

    def close(self) -> None:
        shutil.rmtree(self.path)


def eventually(true: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait for it, no longer than the deadline."""
    end = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.002)

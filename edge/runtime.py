"""Threads and the inbox: the only file that starts threads. It knows nothing of alarms.

One brain thread takes facts in order and carries out commands; every other thread does one thing and posts.

A bug in ``core.step`` is fatal on purpose: the fact and the state are logged, the process ends, the supervisor starts
it again within a second and the store rebuilds the alarm. A fault in a hand is logged and counted; the
brain goes on.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Generic, TypeVar

from edge import contact, core
from edge.events import ClockRead, Command, ContactEdge, Fact, LevelRead, MessageRefused, Ticked
from edge.ports import Clock
from edge.proving import StimulusBegan, StimulusEnded, StimulusLooked
from edge.state import State, parts

log = logging.getLogger(__name__)

JOIN_S_MAX = 3.0
"""Longest wait for a thread at an orderly end; a hung card must not hold up a restart."""

TOGETHER_S_MAX = JOIN_S_MAX + 1
"""For all that is closed at once: what is hung is not waited for twice."""

EXPRESS = (ContactEdge, LevelRead, ClockRead, StimulusBegan, StimulusLooked, StimulusEnded)
"""Contacts, what a self-test's relay does to them, and the clock readings that date them, in the order in which they
came: at start the first reading stays before the first level; no edge overtakes the relay that made it, to be an alarm.
"""

OVERTAKING_MAX = 64
"""So many express facts in a row may come before time passes: far more than the bounce of all contacts."""

Hand = Callable[[Any], None]


class _Attach:
    def __init__(self, hands: Mapping[type, Hand]) -> None:
        self.hands = hands


class _Stop:
    pass


class _Look:
    """Wakes the brain for an express fact."""


class Brain:
    """Runs the pure core on the thread that calls ``run``. ``post`` may be called by any thread and never blocks.

    Facts are taken in the order in which they came, but that EXPRESS ones overtake the others: a press does not wait
    for the acknowledgements of a backlog.
    """

    def __init__(self, state: State, clock: Clock) -> None:
        self.state = state
        self._clock = clock
        self._inbox: queue.SimpleQueue[Fact | _Attach | _Look | _Stop] = queue.SimpleQueue()
        self._express: deque[Fact] = deque()
        self._hands: dict[type, Hand] = {}
        self._unhanded: list[Command] = []

    def post(self, fact: Fact) -> None:
        """Give the brain a fact. Any thread."""
        if isinstance(fact, EXPRESS):
            self._express.append(fact)
            self._inbox.put(_Look())
        else:
            self._inbox.put(fact)

    def attach(self, hands: Mapping[type, Hand]) -> None:
        """Give command types their hands. What was commanded before is carried out now, in order. Any thread."""
        self._inbox.put(_Attach(hands))

    def stop(self) -> None:
        """End ``run`` after everything posted so far, and after a press that is being confirmed.

        Any thread, or a signal handler.
        """
        self._inbox.put(_Stop())

    def run(self) -> None:
        """Take facts until stopped. An exception out of the core leaves here: the process must end."""
        get = self._inbox.get
        now_ms = self._clock.now_ms
        ending, overtaking = False, 0
        while not ending or self._express or contact.undecided(self.state.contacts):
            wait_ms = core.wake_at(self.state) - now_ms()
            item: Fact | _Attach | _Look | _Stop
            if wait_ms <= 0 and not (self._express and overtaking < OVERTAKING_MAX):
                # Before the next fact, however many are waiting: time must pass under a flood, too. But what the
                # contacts did before now comes first, or the end of a bounce would be heard of too late to count.
                item, overtaking = Ticked(now_ms()), 0
            elif self._express:
                item, overtaking = self._express.popleft(), overtaking + 1
            else:
                try:
                    item = get(timeout=wait_ms / 1000)
                except queue.Empty:
                    continue
                if isinstance(item, _Look):
                    if not self._express:
                        continue  # taken on an earlier turn
                    item = self._express.popleft()
            if isinstance(item, _Stop):
                ending = True
            elif isinstance(item, _Attach):
                self._attach(item)
            else:
                self._take(item)

    def glimpse(self) -> tuple[object, ...]:
        """The parts of the newest state, to see whether anything is new without asking. Any thread; waits for none."""
        return parts(self.state)

    def hand_over(self) -> None:
        """Carry out what was commanded before the end, by hands that came after it. Once ``run`` has ended."""
        with suppress(queue.Empty):
            while True:
                item = self._inbox.get_nowait()
                if isinstance(item, _Attach):
                    self._attach(item)

    def _take(self, fact: Fact) -> None:
        try:
            self.state, commands = core.step(self.state, fact)
        except Exception:
            log.critical("the core failed on %r in state %r", fact, self.state, exc_info=True)
            raise
        for command in commands:
            self._obey(command)

    def _obey(self, command: Command) -> None:
        hand = self._hands.get(type(command))
        if hand is None:
            self._unhanded.append(command)
            return
        try:
            hand(command)
        except Exception as error:
            log.exception("%s failed", type(command).__name__)
            self.post(MessageRefused(f"hand_{type(command).__name__}_{type(error).__name__}", self._clock.now_ms()))

    def _attach(self, item: _Attach) -> None:
        self._hands.update(item.hands)
        waiting, self._unhanded = self._unhanded, []
        for command in waiting:
            self._obey(command)


class Thread:
    """A named daemon thread running one function to its end; what escapes it is logged and told to ``failed``."""

    def __init__(self, name: str, work: Callable[[], None], failed: Callable[[str], None]) -> None:
        self._work = work
        self._failed = failed
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def join(self, seconds_max: float = JOIN_S_MAX) -> None:
        """Wait for the end, bounded."""
        self._thread.join(seconds_max)

    def _run(self) -> None:
        try:
            self._work()
        except Exception:
            log.critical("thread %s died", self._thread.name, exc_info=True)
            self._failed(f"thread_{self._thread.name}")


def together(calls: Sequence[Callable[[], None]], failed: Callable[[str], None]) -> None:
    """Make all these calls at once, each on a thread of its own, and leave behind what takes too long."""
    threads = [Thread("end", call, failed) for call in calls]
    until_s = time.monotonic() + TOGETHER_S_MAX
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))


class Periodic:
    """Calls ``work`` every ``every_ms``, and when woken, on a thread of its own until closed.

    A failing call is logged and told. Any thread may call ``wake``; it never blocks.
    """

    def __init__(self, name: str, every_ms: int, work: Callable[[], None], failed: Callable[[str], None]) -> None:
        self._due = threading.Event()
        self._ending = False
        self._every_s = every_ms / 1000
        self._work = work
        self._failed = failed
        self._name = name
        self._broken = False
        self._thread = Thread(name, self._run, failed)

    def wake(self) -> None:
        """Have ``work`` called now."""
        self._due.set()

    def close(self) -> None:
        """End the thread."""
        self._ending = True
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._due.wait(self._every_s)
            self._due.clear()
            if self._ending:
                return
            try:
                self._work()
                self._broken = False
            except Exception:
                if not self._broken:
                    log.exception("%s failed", self._name)
                self._broken = True
                self._failed(f"thread_{self._name}")


Job = TypeVar("Job")


class Worker(Generic[Job]):
    """A thread that is given jobs and takes all that wait at once, so that their cost can be shared.

    ``open`` is called first and ``idle`` whenever no job came for ``idle_ms`` (at once again if it returns True: it has
    more to do than fits between two jobs); ``close`` last. All on the worker's thread. ``put`` may be called by any
    thread and never blocks.

    Jobs for which ``can_wait`` is true wait up to ``gather_ms`` for company; any other takes them along at once.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[Job]], None],
        failed: Callable[[str], None],
        *,
        open: Callable[[], None] = lambda: None,
        idle: Callable[[], bool] = lambda: False,
        close: Callable[[], None] = lambda: None,
        idle_ms: int = 5_000,
        batch_max: int = 128,
        can_wait: Callable[[Job], bool] = lambda _job: False,
        gather_ms: int = 0,
    ) -> None:
        self._jobs: queue.SimpleQueue[Job | _Stop] = queue.SimpleQueue()
        self._work = work
        self._open = open
        self._idle = idle
        self._close = close
        self._idle_s = idle_ms / 1000
        self._batch_max = batch_max
        self._can_wait = can_wait
        self._gather_s = gather_ms / 1000
        self._failed = failed
        self._name = name
        self._thread = Thread(name, self._run, failed)

    def put(self, job: Job) -> None:
        """Add a job."""
        self._jobs.put(job)

    def close(self) -> None:
        """Finish what waits, then end; bounded."""
        self._jobs.put(_Stop())
        self._thread.join()

    def _run(self) -> None:
        self._guarded(self._open)
        ending = more = False
        while not ending:
            batch, ending = self._wait(0.0 if more else self._idle_s)
            if batch:
                self._guarded(partial(self._work, batch))
            elif not ending:
                more = bool(self._guarded(self._idle))
        self._guarded(self._close)

    def _guarded(self, call: Callable[[], object]) -> object:
        try:
            return call()
        except Exception:
            log.exception("%s failed", self._name)
            self._failed(f"thread_{self._name}")
            return None

    def _wait(self, timeout_s: float) -> tuple[list[Job], bool]:
        """All waiting jobs, at most a batch; whether the end was asked for. Empty when nothing came in time."""
        batch: list[Job] = []
        patient = True
        try:
            item = self._jobs.get(timeout=timeout_s)
            until_s = time.monotonic() + self._gather_s
            while True:
                if isinstance(item, _Stop):
                    return batch, True
                batch.append(item)
                if len(batch) >= self._batch_max:
                    return batch, False
                patient = patient and self._can_wait(item)
                left_s = until_s - time.monotonic() if patient else 0.0
                item = self._jobs.get(timeout=left_s) if left_s > 0 else self._jobs.get_nowait()
        except queue.Empty:
            return batch, False

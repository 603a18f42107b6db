"""The way into the service's thread: the desk, then alarms, then the rest; and a limit that holds brokers back."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from edge.events import Topic

MESSAGES_MAX = 4000  # at 10,000 a second nothing waits long behind it
URGENT = (f"/{Topic.ALARM.value}", f"/{Topic.SELF_TEST.value}")

D = TypeVar("D")


@dataclass(slots=True)
class Arrival:
    """A message as it came. ``settle`` is called once it is kept or refused: it lets the broker forget it."""

    broker: int
    topic: str
    payload: bytes
    retained: bool
    settle: Callable[[], object] = field(repr=False)

    @property
    def urgent(self) -> bool:
        """Known by the topic alone, before anything is decoded."""
        return self.topic.endswith(URGENT)


class Inbox(Generic[D]):
    """Any thread puts; one takes. ``D`` is what the desk and the links say."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._notes: deque[D] = deque()
        self._urgent: deque[Arrival] = deque()
        self._routine: deque[Arrival] = deque()
        self._closed = False

    def note(self, note: D) -> None:
        """A request or a change of a link: never waits."""
        with self._changed:
            self._notes.append(note)
            self._changed.notify_all()

    def put(self, arrival: Arrival) -> None:
        """A message. Waits while there are too many: the broker's thread stops reading, and the broker keeps the rest.

        (mosquitto 2.0 sends a whole queued session at once, whatever Receive Maximum says.) After ``close`` the
        message is dropped without being settled, so it comes again.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._urgent) + len(self._routine) < MESSAGES_MAX)
            if not self._closed:
                (self._urgent if arrival.urgent else self._routine).append(arrival)
                self._changed.notify_all()

    def take(self, messages_max: int, seconds: float) -> tuple[list[D], list[Arrival]] | None:
        """All notes and at most so many messages, alarms first; empty after ``seconds``. None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready(messages_max), seconds)
            if self._closed:
                return None
            notes = list(self._notes)
            self._notes.clear()
            arrivals = [self._urgent.popleft() for _ in range(min(messages_max, len(self._urgent)))]
            more = min(messages_max - len(arrivals), len(self._routine))
            arrivals += [self._routine.popleft() for _ in range(more)]
            self._changed.notify_all()
            return notes, arrivals

    def _ready(self, messages_max: int) -> bool:
        waiting = bool(self._urgent or self._routine)
        return self._closed or bool(self._notes) or (waiting and messages_max > 0)

    def close(self) -> None:
        """Nothing more goes in or out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

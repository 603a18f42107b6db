"""The guard's hand and the gate's terminals: levels that bounce, chatter, stick, break and whose edges get lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge.events import Contact
from edge.sim.timeline import Timeline

POLL_MS = 50

LOOK_MS = 1
"""What the contact thread takes to look at a contact when it is asked to."""


@dataclass
class Closing:
    """One push of a finger, as it really was, in true time. ``spike``: no finger at all, a disturbance."""

    contact: Contact
    start_ms: int
    end_ms: int
    spike: bool = False
    edges_kept: bool = True


class Terminals:
    """The levels of the contacts, and everything that ever closed them. ``listener`` hears of each change,
    and whether its edge gets through."""

    def __init__(self, timeline: Timeline) -> None:
        self._time = timeline
        self.closed = {Contact.KEY: False, Contact.KEY_NC: True, Contact.RESET: False}
        self.history: list[Closing] = []
        self.busy_until_ms = 0
        self.nc_stuck: bool | None = None
        self._finger = False
        self._spike = False
        self._relay = False
        self.relay_edges = True
        self.relay_cut = False
        self.listener: Callable[[Contact, bool], None] | None = None
        self.edge_lost = 0.0

    def press(self, contact: Contact, hold_ms: int, bounce_ms: int = 0, chatter: int = 0) -> Closing:
        """Push now for ``hold_ms``. Bounce follows both edges; ``chatter`` is how often it opens briefly meanwhile."""
        closing = Closing(contact, self._time.now_ms, self._time.now_ms + hold_ms + bounce_ms)
        self.history.append(closing)
        self.busy_until_ms = closing.end_ms + 300
        # One fault at a time: a press whose edges get lost is a clean one, told by the poll.
        closing.edges_kept = not self._time.chance(self.edge_lost)
        if not closing.edges_kept:
            bounce_ms = chatter = 0
            closing.end_ms = closing.start_ms + hold_ms
        self._plan(0, True, closing)
        self._bounce(0, bounce_ms, True, closing)
        for number in range(chatter):
            at_ms = bounce_ms + 20 + number * (hold_ms - bounce_ms - 40) // max(1, chatter)
            if at_ms + 15 < hold_ms:
                self._plan(at_ms, False, closing)
                self._plan(at_ms + self._time.random.randint(1, 9), True, closing)
        self._plan(hold_ms, False, closing)
        self._bounce(hold_ms, bounce_ms, False, closing)
        return closing

    def spike(self, length_ms: int) -> None:
        """A disturbance on the cable: the key's input reads closed for at most 5 ms."""
        closing = Closing(Contact.KEY, self._time.now_ms, self._time.now_ms + length_ms, spike=True)
        self.history.append(closing)
        self.busy_until_ms = closing.end_ms + 300
        self._plan(0, True, closing)
        self._plan(length_ms, False, closing)

    def drive_relay(self, *, on: bool, move_ms: int, bounce_ms: int) -> None:
        """A relay lies across the key: it moves both halves after ``move_ms``, and bounces."""
        if self.relay_cut:
            return
        self._time.after(move_ms, lambda: self._switched(on))
        at_ms = move_ms
        while bounce_ms and at_ms + 2 < move_ms + bounce_ms:
            at_ms += 2
            self._time.after(at_ms - 1, lambda: self._switched(not on))
            self._time.after(at_ms, lambda: self._switched(on))

    def break_pair(self, level: bool | None) -> None:
        """The normally-closed half is stuck at this level, or (None) mended."""
        self.nc_stuck = level
        self._move(Contact.KEY_NC, not self.closed[Contact.KEY] if level is None else level, True)

    def _bounce(self, after_ms: int, bounce_ms: int, end: bool, closing: Closing) -> None:
        at_ms, level = after_ms, end
        while bounce_ms and at_ms + 3 < after_ms + bounce_ms:
            at_ms += self._time.random.randint(1, 2)
            level = not level
            self._plan(at_ms, level, closing)
        if level is not end:
            self._plan(at_ms + 1, end, closing)

    def _plan(self, after_ms: int, level: bool, closing: Closing) -> None:
        self._time.after(after_ms, lambda: self._moved(level, closing))

    def _moved(self, level: bool, closing: Closing) -> None:
        if closing.contact is not Contact.KEY:
            self._move(closing.contact, level, closing.edges_kept)
            return
        if closing.spike:
            self._spike = level
        else:
            self._finger = level
        self._shown(closing.edges_kept)

    def _shown(self, told: bool) -> None:
        """What finger, relay and disturbance together make of the key's two halves; a disturbance meets one alone."""
        pushed = self._finger or self._relay
        self._move(Contact.KEY, pushed or self._spike, told)
        self._move(Contact.KEY_NC, not pushed if self.nc_stuck is None else self.nc_stuck, told)

    def _switched(self, on: bool) -> None:
        self._relay = on
        self._shown(self.relay_edges)

    def _move(self, contact: Contact, level: bool, told: bool) -> None:
        if self.closed[contact] is level:
            return
        self.closed[contact] = level
        if self.listener is not None:
            self.listener(contact, told)

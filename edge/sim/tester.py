"""The hands of a self-test: a relay that takes its time and bounces, words at the contact port, sensors of light."""

from __future__ import annotations

from collections.abc import Callable

from edge.events import Contact, ContactEdge, Fact, Origin, Show
from edge.proving import (
    CloseContact,
    Sense,
    SenseRead,
    StimulusBegan,
    StimulusEnded,
    StimulusFailed,
    StimulusLooked,
)
from edge.sim.hand import Terminals
from edge.sim.timeline import Timeline

REST_MS = 10
RELAY_MS_MAX = 8
"""A small relay pulls in and lets go within this."""

LIGHT_MS = {Show.TESTING: 100, Show.TEST_RECEIVED: 1_000}
"""The first light of the patterns in ``edge.drivers.lamps``."""


class Tester:
    """The hands in one life of the daemon. ``post`` is deaf once that life is over; ``now_ms`` is the gate's clock.

    ``senses_lamp``, ``senses_siren``: the sensors work. ``shows_receipt``: the lamp can show it.
    """

    def __init__(
        self,
        timeline: Timeline,
        terminals: Terminals,
        loopback: bool,
        post: Callable[[Fact], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._time = timeline
        self._terminals = terminals
        self._loopback = loopback
        self._post = post
        self._now_ms = now_ms
        self._shown = 0
        self._alive = True
        self._on = False
        self.senses_lamp = self.senses_siren = self.shows_receipt = True

    def end(self) -> None:
        """The daemon is gone: the kernel takes its lines back, and the relay lets go."""
        self._alive = False
        if self._on:
            self._switch(on=False)

    def close_contact(self, command: CloseContact) -> None:
        """By the relay where one is fitted, else by words."""
        act = self._drive if self._loopback else self._say
        self._time.after(self._some(3), lambda: act(command))

    def light(self, show: Show) -> None:
        """The lamp's first light in a new rhythm, as its sensor sees it; the rest tells a test nothing more."""
        for_ms = LIGHT_MS.get(show, 100) if self.shows_receipt else 100
        if self.senses_lamp:
            shown = self._shown = self._shown + 1
            self._sense(Sense.LAMP, True, 1)
            self._time.after(1 + for_ms, lambda: self._sense(Sense.LAMP, False) if shown == self._shown else None)

    def sound(self) -> None:
        """The siren's relay moves: current flows for a moment."""
        if self.senses_siren:
            self._sense(Sense.SIREN, True, 2)
            self._sense(Sense.SIREN, False, 22)

    # --- a relay ------------------------------------------------------------------------------------------------

    def _drive(self, command: CloseContact, *, again: bool = True) -> None:
        if not self._alive:
            return
        if self._terminals.closed[Contact.KEY]:
            if again:  # a disturbance is over by then
                self._time.after(REST_MS, lambda: self._drive(command, again=False))
            else:
                self._post(StimulusFailed("the button was pressed already", self._now_ms()))
            return
        self._post(StimulusBegan(self._now_ms()))
        self._switch(on=True)
        self._time.after(command.hold_ms // 2, self._look)
        self._time.after(command.hold_ms + self._some(2), lambda: self._let_go(command))

    def _let_go(self, command: CloseContact) -> None:
        if not self._alive:
            return
        self._switch(on=False)
        self._post(StimulusEnded(self._now_ms()))

        def look_twice() -> None:
            self._look()
            self._time.after(command.between_ms + self._some(1), self._look)

        self._time.after(command.settle_ms + self._some(2), look_twice)

    def _switch(self, *, on: bool) -> None:
        self._on = on
        self._terminals.drive_relay(on=on, move_ms=self._some(RELAY_MS_MAX), bounce_ms=self._some(1) * 3)

    def _look(self) -> None:
        self._post(StimulusLooked(self._terminals.closed[Contact.KEY], self._now_ms()))

    # --- words, and small things --------------------------------------------------------------------------------

    def _say(self, command: CloseContact) -> None:
        def tell(closed: bool) -> None:
            self._post(ContactEdge(Contact.KEY, closed, self._now_ms(), Origin.SELF_TEST))

        self._post(StimulusBegan(self._now_ms()))
        tell(True)
        self._time.after(command.hold_ms, lambda: tell(False))

    def _sense(self, sense: Sense, active: bool, after_ms: int = 0) -> None:
        self._time.after(after_ms, lambda: self._post(SenseRead(sense, active, self._now_ms())))

    def _some(self, most: int) -> int:
        return self._time.random.randint(0, most)

"""What closes the contact for a test: a relay or an optocoupler across the button, or nothing but words.

A test's worker thread calls ``close_contact``, which blocks for some 50 ms; never the brain. Whose finger it was in the
end is for ``edge.claim`` to say: these hands tell when they moved, and what they read while they did.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from gpiozero import OutputDevice

from edge.errors import DeviceError
from edge.events import Contact, ContactEdge, Origin
from edge.ports import Clock, Post
from edge.proving import CloseContact, StimulusBegan, StimulusEnded, StimulusFailed, StimulusLooked

WAIT_S = 0.001
REST_S = 0.01


class Loopback:
    """A relay across the key's contact, driven high. Raises DeviceError if its line cannot be had.

    ``closed`` reads the key's level at this moment.
    """

    def __init__(self, gpio: int, closed: Callable[[], bool], *, pin_factory: Any, clock: Clock, post: Post) -> None:
        self._closed = closed
        self._clock = clock
        self._post = post
        try:
            self._relay = OutputDevice(gpio, initial_value=False, pin_factory=pin_factory)
        except Exception as error:
            raise DeviceError(
                f"the loopback on GPIO {gpio} cannot be used: {type(error).__name__}: {error}."
                " Check that no other program holds the line."
            ) from error

    def close_contact(self, command: CloseContact) -> None:
        """Hold the contact closed, let go, and look until it must be open."""
        now_ms = self._clock.now_ms
        if self._closed():
            time.sleep(REST_S)  # a disturbance is over by then, a finger is not
        if self._closed():
            self._post(StimulusFailed("the button was pressed already", now_ms()))
            return
        self._post(StimulusBegan(now_ms()))  # before the relay moves: no edge of it can be older
        try:
            self._relay.on()
            time.sleep(command.hold_ms / 2000)
            self._look()
            time.sleep(command.hold_ms / 2000)
        finally:
            self._relay.off()
        ended_ms = now_ms()
        self._post(StimulusEnded(ended_ms))
        looked_ms = self._look_from(ended_ms + command.settle_ms)
        self._look_from(looked_ms + command.between_ms)

    def close(self) -> None:
        """Let the contact go, and the line."""
        self._relay.close()

    def _look_from(self, due_ms: int) -> int:
        """Look, no earlier than this; give the moment."""
        while self._clock.now_ms() < due_ms:
            time.sleep(WAIT_S)
        return self._look()

    def _look(self) -> int:
        at_ms = self._clock.now_ms()  # before the look: what it finds was still so then
        self._post(StimulusLooked(self._closed(), at_ms))
        return at_ms


class ContactPort:
    """The second implementation: no wire is moved, the brain is told of a closure as the contact's own hand would."""

    def __init__(self, clock: Clock, post: Post) -> None:
        self._clock = clock
        self._post = post

    def close_contact(self, command: CloseContact) -> None:
        """Tell of a closure that lasts as long as a relay's."""
        self._post(StimulusBegan(self._clock.now_ms()))
        self._tell(closed=True)
        try:
            time.sleep(command.hold_ms / 1000)
        finally:
            self._tell(closed=False)
        self._post(StimulusEnded(self._clock.now_ms()))

    def close(self) -> None:
        """Nothing to let go."""

    def _tell(self, *, closed: bool) -> None:
        self._post(ContactEdge(Contact.KEY, closed, self._clock.now_ms(), Origin.SELF_TEST))


class NoStimulus:
    """A loopback that is named in the settings and cannot be used: every test says so."""

    def __init__(self, reason: str, clock: Clock, post: Post) -> None:
        self._reason = reason
        self._clock = clock
        self._post = post

    def close_contact(self, _command: CloseContact) -> None:
        """Tell why not."""
        self._post(StimulusFailed(self._reason, self._clock.now_ms()))

    def close(self) -> None:
        """Nothing to let go."""

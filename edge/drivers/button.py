"""The contacts on GPIO lines: the key, its normally-closed half, the reset key.

Edges arrive on a thread that belongs to the GPIO library. That thread may do one thing here: post. An exception on it
would silence every later edge on every line (lgpio dispatches all from one unguarded thread), so none gets out.
Bounce passes through on purpose: what counts as a press is for ``edge.contact`` to say.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from gpiozero import Button

from edge.errors import DeviceError
from edge.events import Contact, ContactEdge, LevelRead, Origin
from edge.ports import Clock, Post

log = logging.getLogger(__name__)

LATE_MS_MAX = 10_000
"""An edge that seems to be older is not: then the two clocks disagree, and only the moment it was heard is known."""

AT_ONCE_MS = 2
"""A reading that took longer has no moment: this thread stood still, before it or after it."""

READINGS_MAX = 5

T = TypeVar("T")


class GpioContacts:
    """Posts a ContactEdge for every edge; ``poll`` posts a LevelRead for every level that no edge has told.

    The edges come on the library's thread, ``poll`` on the contact thread, ``look`` on the brain's. ``gpios`` maps each
    fitted contact to its line (BCM number); each is a contact to ground, pulled up. Raises DeviceError if a line cannot
    be had.
    """

    def __init__(self, gpios: Mapping[Contact, int], *, pin_factory: Any, clock: Clock, post: Post) -> None:
        self._clock = clock
        self._post = post
        self._told: dict[Contact, bool] = {}
        self._asked: set[Contact] = set()
        self._buttons: dict[Contact, Any] = {}
        for contact, gpio in gpios.items():
            try:
                self._buttons[contact] = Button(
                    gpio, pull_up=True, active_state=None, bounce_time=None, pin_factory=pin_factory
                )
            except Exception as error:
                self.close()
                raise DeviceError(
                    f"{contact.value} on GPIO {gpio} cannot be used: {type(error).__name__}: {error}."
                    " Check that no other program holds the line and that the user is in group gpio."
                ) from error
        # Listen, then look (the first poll): a press seen twice is harmless, one that fell between is not.
        for contact, button in self._buttons.items():
            button.when_pressed = self._teller(contact, closed=True)
            button.when_released = self._teller(contact, closed=False)
        self.poll()

    def poll(self) -> None:
        """Post what no edge has told: a level at start-up, a lost edge, a dead callback thread. And what was asked."""
        for contact, button in self._buttons.items():
            asked = contact in self._asked
            self._asked.discard(contact)  # before the look: who asks during it is answered by the next one
            # The moment before the look: a fact from an edge in between is newer and wins.
            at_ms, pressed = _dated(self._clock, partial(getattr, button, "is_pressed"))
            closed = bool(pressed)
            if asked or self._told.get(contact) is not closed:
                self._told[contact] = closed
                self._post(LevelRead(contact, closed, at_ms))

    def look(self, contact: Contact) -> None:
        """The next ``poll`` posts this contact's level, whatever was told."""
        self._asked.add(contact)

    def level(self, contact: Contact) -> bool:
        """True while the contact is closed."""
        return bool(self._buttons[contact].is_pressed)

    def close(self) -> None:
        """Let the lines go."""
        for button in self._buttons.values():
            button.close()

    def _teller(self, contact: Contact, *, closed: bool) -> Any:
        clock, told, post, button = self._clock, self._told, self._post, self._buttons[contact]

        def tell() -> None:
            try:
                told[contact] = closed
                # Since the kernel's own date of it. Of one moment with ours, or their difference dates nothing.
                at_ms, late_s = _dated(clock, lambda: button.active_time if closed else button.inactive_time)
                late_ms = int((late_s or 0) * 1000)
                post(ContactEdge(contact, closed, at_ms, Origin.PERSON, late_ms if 0 < late_ms < LATE_MS_MAX else 0))
            except Exception:
                log.critical("%s: an edge could not be posted", contact.value, exc_info=True)

        return tell


def _dated(clock: Clock, read: Callable[[], T]) -> tuple[int, T]:
    """What ``read`` gives, and the moment just before: read again where the thread stood still in between."""
    for _ in range(READINGS_MAX):
        at_ms = clock.now_ms()
        seen = read()
        if clock.now_ms() - at_ms <= AT_ONCE_MS:
            break
    return at_ms, seen

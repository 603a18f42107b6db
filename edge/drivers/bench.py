"""A hand for pins that are not there: closes and opens simulated contacts on gpiozero's mock factory.

Only where ``pins.factory`` is ``mock``. It drives the lines from outside, as wires would; everything behind the lines
is the same as on a gate.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from edge.events import Contact


class Bench:
    """Wires of a bench. ``press`` blocks while it holds the key: give it to a worker, never to the brain."""

    def __init__(self, gpios: Mapping[Contact, int], pin_factory: Any) -> None:
        self._pins = {contact: pin_factory.pin(gpio) for contact, gpio in gpios.items()}
        self.rest()

    def rest(self) -> None:
        """Nobody touches anything: the key's normally-closed half is closed, all else open."""
        for contact in self._pins:
            self.set(contact, closed=contact is Contact.KEY_NC)

    def set(self, contact: Contact, *, closed: bool) -> None:
        """Close a contact to ground, or let its pull-up have it."""
        pin = self._pins[contact]
        if closed:
            pin.drive_low()
        else:
            pin.drive_high()

    def press(self, hold_ms: int) -> None:
        """Push the key, hold it, let go; both halves move where two are fitted."""
        self._move(down=True)
        time.sleep(hold_ms / 1000)
        self._move(down=False)

    def _move(self, *, down: bool) -> None:
        if Contact.KEY_NC in self._pins:
            self.set(Contact.KEY_NC, closed=not down)
        self.set(Contact.KEY, closed=down)

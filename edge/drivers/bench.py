"""A hand for pins that are not there: closes and opens simulated contacts on gpiozero's mock factory.

Only where ``pins.factory`` is ``mock``. It drives the lines from outside, as wires would; everything behind the lines
is the same as on a gate.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from edge.events import Contact


class Wire:
    """A wire from an output to whatever it moves there. ``cut``: it moves nothing any more."""

    def __init__(self, move: Callable[[bool], None]) -> None:
        self.cut = False
        self._move = move

    def drive_high(self) -> None:
        """The output is driven high. gpiozero's connected pin calls it."""
        if not self.cut:
            self._move(True)

    def drive_low(self) -> None:
        """The output is driven low, or let go."""
        if not self.cut:
            self._move(False)


class Bench:
    """Wires of a bench. ``press`` blocks while it holds the key: give it to a worker, never to the brain.

    ``loopback_gpio`` is an output whose relay lies across the key, beside the finger; ``senses`` are outputs and the
    inputs that sense what they drive. ``wires`` are all of these, by their output. To be made before any output is.
    """

    def __init__(
        self,
        gpios: Mapping[Contact, int],
        pin_factory: Any,
        loopback_gpio: int | None = None,
        senses: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        self._lock = threading.Lock()  # a finger and a relay may move at the same moment
        self._pins = {contact: pin_factory.pin(gpio) for contact, gpio in gpios.items()}
        self._fingers = dict.fromkeys(self._pins, False)
        self._relay = False
        self.wires: dict[int, Wire] = {}
        if loopback_gpio is not None:
            self.wires[loopback_gpio] = Wire(self._switch)
        for output, sensed in senses.items():
            self.wires[output] = Wire(partial(_sense, pin_factory.pin(sensed)))
        if self.wires:
            from gpiozero.pins.mock import MockConnectedPin
        for output, wire in self.wires.items():
            pin_factory.pin(output, pin_class=MockConnectedPin, input_pin=wire)
        self.rest()

    def rest(self) -> None:
        """Nobody touches anything: the key's normally-closed half is closed, all else open."""
        for contact in self._pins:
            self.set(contact, closed=contact is Contact.KEY_NC)

    def set(self, contact: Contact, *, closed: bool) -> None:
        """Close a contact to ground, or let its pull-up have it; a relay that holds it still holds it."""
        with self._lock:
            self._fingers[contact] = closed
            self._level(contact)

    def press(self, hold_ms: int) -> None:
        """Push the key, hold it, let go; both halves move where two are fitted."""
        self._move(down=True)
        time.sleep(hold_ms / 1000)
        self._move(down=False)

    def _switch(self, on: bool) -> None:
        """The loopback's relay has two poles: it moves both halves of the key, the quiet one first."""
        with self._lock:
            self._relay = on
            for contact in (Contact.KEY_NC, Contact.KEY):
                if contact in self._pins:
                    self._level(contact)

    def _level(self, contact: Contact) -> None:
        """What finger and relay together make of a contact. The lock is held."""
        finger, relay = self._fingers[contact], self._relay and contact is not Contact.RESET
        closed = finger and not relay if contact is Contact.KEY_NC else finger or relay
        if closed:
            self._pins[contact].drive_low()
        else:
            self._pins[contact].drive_high()

    def _move(self, *, down: bool) -> None:
        if Contact.KEY_NC in self._pins:
            self.set(Contact.KEY_NC, closed=not down)
        self.set(Contact.KEY, closed=down)


def _sense(pin: Any, on: bool) -> None:
    """A sensor's output closes to ground while there is light or current."""
    if on:
        pin.drive_low()
    else:
        pin.drive_high()

"""Inputs that measure what the gate only commands: light at the status lamp, current through the siren.

Each is an output of a sensor that closes to ground while there is light or current; the Pi pulls the line up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from gpiozero import DigitalInputDevice

from edge.errors import DeviceError
from edge.ports import Clock, Post
from edge.proving import Sense, SenseRead

log = logging.getLogger(__name__)


class GpioSenses:
    """Posts a SenseRead for every edge, on the library's thread. Raises DeviceError if a line cannot be had."""

    def __init__(self, gpios: Mapping[Sense, int], *, pin_factory: Any, clock: Clock, post: Post) -> None:
        self._clock = clock
        self._post = post
        self._inputs: list[Any] = []
        for sense, gpio in gpios.items():
            try:
                one = DigitalInputDevice(gpio, pull_up=True, pin_factory=pin_factory)
            except Exception as error:
                self.close()
                raise DeviceError(
                    f"the {sense.value}'s sensor on GPIO {gpio} cannot be used: {type(error).__name__}: {error}."
                    " Check that no other program holds the line."
                ) from error
            self._inputs.append(one)
            one.when_activated = self._teller(sense, active=True)
            one.when_deactivated = self._teller(sense, active=False)

    def close(self) -> None:
        """Let the lines go."""
        for one in self._inputs:
            one.close()

    def _teller(self, sense: Sense, *, active: bool) -> Callable[[], None]:
        clock, post = self._clock, self._post

        def tell() -> None:
            try:
                post(SenseRead(sense, active, clock.now_ms()))
            except Exception:
                log.critical("an edge of the %s's sensor could not be posted", sense.value, exc_info=True)

        return tell

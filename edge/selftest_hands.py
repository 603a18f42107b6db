"""Builds a self-test's hands from the settings: what closes the contact, the siren's pulse, the sense inputs.

Nothing here can hold up the button: one worker thread does what blocks, the brain only leaves word, and a hand that
cannot be made is told and gone without.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edge.drivers.loopback import ContactPort, Loopback, NoStimulus
from edge.drivers.senses import GpioSenses
from edge.errors import DeviceError
from edge.ports import Clock, Post, StimulusHand
from edge.proving import CloseContact, PulseSiren, Sense, SirenPulsed, TestCommand
from edge.runtime import Worker
from edge.selftest_settings import SelfTestSettings

log = logging.getLogger("gatepost")


class SelfTestHands:
    """Made and started by the daemon's starter thread, closed by the main thread.

    ``closed`` reads the key's level; ``pulse`` closes the siren's relay for so many milliseconds, and is False where
    the siren was needed for an alarm.
    """

    def __init__(
        self,
        settings: SelfTestSettings,
        closed: Callable[[], bool],
        pulse: Callable[[int], bool],
        *,
        pin_factory: Any,
        clock: Clock,
        post: Post,
        failed: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._post = post
        self._pulse = pulse
        self._failed = failed
        self._pin_factory = pin_factory
        self._stimulus = self._contact(settings.loopback_gpio, closed)
        self._senses = self._sense({Sense.LAMP: settings.lamp_sense_gpio, Sense.SIREN: settings.siren_sense_gpio})
        self._worker: Worker[TestCommand] = Worker("selftest", self._work, failed, batch_max=1)

    def hands(self) -> Mapping[type, Callable[[Any], None]]:
        """What obeys which command."""
        return dict.fromkeys((CloseContact, PulseSiren), self._worker.put)

    def close(self) -> None:
        """End the thread; let the contact and the lines go."""
        self._worker.close()
        self._stimulus.close()
        if self._senses is not None:
            self._senses.close()

    def _work(self, jobs: Sequence[TestCommand]) -> None:
        for job in jobs:
            match job:
                case CloseContact():
                    self._stimulus.close_contact(job)
                case PulseSiren(for_ms=for_ms):
                    done = self._pulse(for_ms)
                    self._post(SirenPulsed(done, self._clock.now_ms()))

    def _contact(self, gpio: int | None, closed: Callable[[], bool]) -> StimulusHand:
        if gpio is None:
            return ContactPort(self._clock, self._post)
        try:
            return Loopback(gpio, closed, pin_factory=self._pin_factory, clock=self._clock, post=self._post)
        except DeviceError as error:
            log.error("%s", error)
            self._failed("selftest_loopback")
            return NoStimulus(str(error), self._clock, self._post)

    def _sense(self, gpios: Mapping[Sense, int | None]) -> GpioSenses | None:
        fitted = {sense: gpio for sense, gpio in gpios.items() if gpio is not None}
        try:
            return GpioSenses(fitted, pin_factory=self._pin_factory, clock=self._clock, post=self._post)
        except DeviceError as error:
            log.error("%s", error)
            self._failed("selftest_senses")
            return None

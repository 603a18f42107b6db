"""Builds the kiosk's hands from the settings: the sensor, the students' lamps, the camera's door. All come last.

Nothing here can hold up the button: each hand has a thread of its own, the brain only leaves word, and a hand that
cannot be made is told and gone without.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge import sensing
from edge.camera_door import CameraDoor
from edge.drivers.pupil_lamps import JournalPupil, Part, PupilLamps
from edge.drivers.thermopile import Thermopile
from edge.errors import DeviceError
from edge.kiosk_settings import ThermometerSettings
from edge.measuring import MeasureEvery, TakePicture, TellPupil
from edge.ports import Clock, Post, PupilHand
from edge.runtime import Thread
from edge.settings import Settings
from edge.sim.sensor import SimulatedBus

log = logging.getLogger("gatepost")

WALL_CELSIUS, AIR_CELSIUS = 23.0, 22.0
"""What the simulated sensor sees, and how warm it is, until it is told otherwise."""


class KioskHands:
    """Made and started by the daemon's starter thread, closed by the main thread.

    ``simulated`` is the bus of a sensor that is not there (pins.factory "mock"), else None: what it sees is told from
    outside.
    """

    def __init__(
        self, settings: Settings, pin_factory: Any, clock: Clock, post: Post, failed: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._post = post
        self._failed = failed
        self._pin_factory = pin_factory
        self._sensor: Thermopile | None = None
        self._pupil: PupilHand | None = None
        self._door: CameraDoor | None = None
        table = settings.thermometer
        self.simulated = SimulatedBus() if table is not None and settings.pins.factory == "mock" else None
        if table is not None:
            self.see(WALL_CELSIUS, AIR_CELSIUS)

    def see(self, object_celsius: float, ambient_celsius: float) -> None:
        """Let the simulated sensor see this from now on, in degrees Celsius. Any thread; nothing on a real bus."""
        table = self._settings.thermometer
        if self.simulated is not None and table is not None:
            self.simulated.put_infrared(table.i2c_address, object_celsius, ambient_celsius)
            if table.reference == "room":
                self.simulated.put_reference(table.reference_address, ambient_celsius)

    def start(self) -> Mapping[type, Callable[[Any], None]]:
        """Make the hands that the settings name and start their threads; what obeys which command."""
        settings = self._settings
        hands: dict[type, Callable[[Any], None]] = {}
        if settings.thermometer is not None:
            sensor = sensing.thermopile(settings.thermometer, self._clock, self._post, self._failed, self.simulated)
            self._sensor, self._pupil = sensor, self._lamps(settings.thermometer)
            Thread("sensor", sensor.run, self._failed)
            if isinstance(self._pupil, PupilLamps):
                Thread("pupil", self._pupil.play, self._failed)
            hands[MeasureEvery] = lambda command: sensor.measure_every(command.every_ms)
            hands[TellPupil] = self._pupil.tell
        camera = settings.camera
        if camera is not None:
            self._door = CameraDoor(
                Path(settings.gate.runtime_directory), self._post, self._clock, pictures=camera.alarm_pictures,
                before_ms=camera.picture_before_s * 1000, after_ms=camera.picture_after_s * 1000,
            )  # fmt: skip
            Thread("camera", self._door.serve, self._failed)
            hands[TakePicture] = self._door.take
        return hands

    def close(self) -> None:
        """End all threads. Does not wait for a bus that hangs."""
        for hand in (self._sensor, self._pupil, self._door):
            if hand is not None:
                hand.close()

    def _lamps(self, table: ThermometerSettings) -> PupilHand:
        """Lamps that cannot be had are no reason to go without a kiosk."""
        lines = {
            Part.NORMAL: table.normal_gpio,
            Part.AGAIN: table.again_gpio,
            Part.HIGH: table.high_gpio,
            Part.BUZZER: table.buzzer_gpio,
        }
        fitted = {part: gpio for part, gpio in lines.items() if gpio is not None}
        if not fitted:
            return JournalPupil()
        try:
            return PupilLamps(fitted, pin_factory=self._pin_factory, clock=self._clock, failed=self._failed)
        except DeviceError as error:
            log.error("the students' lamps cannot be used: %s", error)
            self._failed("pupil_lamps")
            return JournalPupil()

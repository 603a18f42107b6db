"""The hand that measures: one thread owns the bus, reads at the pace it is told, and posts what came or did not come.

It keeps the sensor quiet between readings: its clock line runs beside the input of the thermopile, and reading without
a pause disturbs what is read (datasheet of the MLX90614). A bus that hangs holds up nobody but this thread.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from typing import TypeVar

from edge.measuring import ReferenceRead, SkinMissed, SkinRead
from edge.ports import Bus, Clock, Post, ReadingMissed, Sensor
from edge.screening import IDLE_MS

log = logging.getLogger(__name__)

QUIET_MS = 140
"""The bus rests at least this long after a reading, whatever pace is told."""

TRIES = 3
TRYING_MS_MAX = 60
"""A reading is tried so often, and a try begins only if it would end within this even if the bus then hung."""

HANG_MS = 20
"""How long a transfer takes that hangs (``i2c.TIMEOUT_MS``)."""

REFERENCE_EVERY_MS = 5_000
"""Room and black body change slowly. Asked right after a reading of the first sensor, in front of its rest."""

COMPLAIN_EVERY_MS = 60_000
"""A loose wire must not fill the journal. Every miss is told to the brain all the same."""

UNFORESEEN = "unforeseen"
"""Why a reading is missed after a mistake of ours."""

R = TypeVar("R")


class Thermopile:
    """The infrared sensor, and the reference where one is fitted, on the bus they share.

    ``run`` and ``measure`` belong to the sensor thread. ``failed`` is told what was tried again and of every missed
    reading of the reference, for a counter; it may be called on that thread and must not raise.
    """

    def __init__(
        self,
        bus: Bus,
        sensor: Sensor[SkinRead],
        reference: Sensor[ReferenceRead] | None,
        clock: Clock,
        post: Post,
        failed: Callable[[str], None],
    ) -> None:
        self._bus = bus
        self._sensor = sensor
        self._reference = reference
        self._clock = clock
        self._post = post
        self._failed = failed
        self._paces: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._reference_due_ms = 0
        self._complained = False
        self._complain_ms = 0

    def measure_every(self, every_ms: int) -> None:
        """Read at this pace from now on. The brain calls it: it neither blocks nor raises."""
        self._paces.put(every_ms)

    def close(self) -> None:
        """Have ``run`` end after the reading it is at. Any thread; does not wait for a bus that hangs."""
        self._paces.put(None)

    def run(self) -> None:
        """Measure until closed."""
        every_ms = IDLE_MS
        began_ms = ended_ms = self._clock.now_ms() - IDLE_MS
        try:
            while True:
                due_ms = max(began_ms + every_ms, ended_ms + QUIET_MS)
                try:
                    told = self._paces.get(timeout=max(0.0, (due_ms - self._clock.now_ms()) / 1000))
                except queue.Empty:
                    began_ms = self._clock.now_ms()
                    self.measure()
                    ended_ms = self._clock.now_ms()
                    continue
                if told is None:
                    return
                every_ms = told
        finally:
            self._bus.close()

    def measure(self) -> None:
        """One reading, posted as SkinRead or SkinMissed; of the reference too when it is due. Never raises."""
        at_ms = self._clock.now_ms()
        try:
            read = self._tried(self._sensor)
        except ReadingMissed as missed:
            self._complain(missed, at_ms)
            self._post(SkinMissed(missed.reason, at_ms))
            return
        if self._complained:
            log.info("the infrared sensor is read again")
            self._complained = False
        self._post(read)
        if self._reference is not None and at_ms >= self._reference_due_ms:
            self._reference_due_ms = at_ms + REFERENCE_EVERY_MS
            self._measure_reference(self._reference)

    def _measure_reference(self, reference: Sensor[ReferenceRead]) -> None:
        try:
            self._post(self._tried(reference))
        except ReadingMissed as missed:
            log.debug("the reference sensor gave no reading", exc_info=missed)
            self._failed(f"reference_{missed.reason}")

    def _tried(self, sensor: Sensor[R]) -> R:
        """A reading, within TRIES and TRYING_MS_MAX. Raises what the last try raised."""
        began_ms = self._clock.now_ms()
        tries = 0
        while True:
            tries += 1
            try:
                return sensor.read()
            except ReadingMissed as missed:
                late = self._clock.now_ms() - began_ms + HANG_MS > TRYING_MS_MAX
                if tries >= TRIES or late or not missed.passing:
                    raise
                self._failed(f"sensor_again_{missed.reason}")
            except Exception as error:
                raise ReadingMissed(UNFORESEEN, f"{type(error).__name__}: {error}", passing=False) from error

    def _complain(self, missed: ReadingMissed, at_ms: int) -> None:
        if at_ms >= self._complain_ms:
            trace = missed.__cause__ if missed.reason == UNFORESEEN else None
            log.warning("the infrared sensor gave no reading: %s", missed, exc_info=trace)
            self._complained, self._complain_ms = True, at_ms + COMPLAIN_EVERY_MS

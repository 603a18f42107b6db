"""The infrared thermometer MLX90614 on a bus: two words a reading, each believed only after every check.

It only ever asks for two cells of the sensor's RAM. Emissivity and supply are corrected elsewhere, in software: the
EEPROM holds the factory's calibration and is never written, and the sensor is never sent to sleep.
"""

from __future__ import annotations

from edge.infrared_words import AMBIENT, OBJECT, READ_BYTES, celsius_of
from edge.measuring import SkinRead
from edge.ports import Bus, BusError, Clock, ReadingMissed

START_MS = 250
"""From power-up to the first true word (datasheet)."""

SILENCES_MIN = 3
"""A sensor that comes back after so many silences may just have got its power back; one alone is a disturbance."""


class Mlx90614:
    """The sensor at ``address`` of ``bus``. The thread that owns the bus calls it."""

    def __init__(self, bus: Bus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._silences = 0
        self._settled_ms = 0

    def read(self) -> SkinRead:
        """One reading, tried once, as the sensor says it; ``at_ms`` is when it began.

        Raises BusError, or ReadingMissed: one of ``celsius_of``, or ``starting`` shortly after the sensor came back.
        """
        at_ms = self._clock.now_ms()
        seen, own = self._word(OBJECT), self._word(AMBIENT)
        if self._silences >= SILENCES_MIN:
            self._settled_ms = at_ms + START_MS
        self._silences = 0
        if at_ms < self._settled_ms:
            raise ReadingMissed("starting", passing=False)
        return SkinRead(seen, own, at_ms)

    def _word(self, opcode: int) -> float:
        try:
            read = self._bus.read(self._address, opcode, READ_BYTES)
        except BusError as error:
            self._silences += error.reason in ("no_answer", "bus_gone")
            raise
        return celsius_of(self._address, opcode, read)

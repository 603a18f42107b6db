"""The contact thermometer TMP117 on a bus: the room's, or the black body's that shows the infrared sensor's drift.

It has no checksum. So it is asked who it is with every reading, and for its temperature twice: a word that a
disturbance changed does not come twice. Registers are 16 bits, high byte first (Texas Instruments, SNOSD82).
"""

from __future__ import annotations

from edge.measuring import ReferenceRead
from edge.ports import Bus, Clock, ReadingMissed

TEMPERATURE = 0x00
DEVICE_ID = 0x0F
IDENTITY = 0x0117

AGREE_CELSIUS = 0.2
"""Between two answers a millisecond apart there may be one new conversion, so that they need not be the same."""

CELSIUS_MIN, CELSIUS_MAX = -55.0, 150.0  # its range

_STEP_CELSIUS = 0.0078125
_NOTHING_YET = 0x8000
_READ_BYTES = 2


class Tmp117:
    """The sensor at ``address`` (0x48 to 0x4B) of ``bus``. The thread that owns the bus calls it."""

    def __init__(self, bus: Bus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock

    def read(self) -> ReferenceRead:
        """One reading, tried once.

        Raises BusError, or ReadingMissed: ``wrong_device``, ``starting`` (no conversion since power-up),
        ``disagrees`` (two answers differ), ``out_of_range``.
        """
        at_ms = self._clock.now_ms()
        if self._word(DEVICE_ID) != IDENTITY:
            raise ReadingMissed("wrong_device")
        first, second = self._word(TEMPERATURE), self._word(TEMPERATURE)
        if _NOTHING_YET in (first, second):
            raise ReadingMissed("starting", passing=False)
        if abs(_celsius(first) - _celsius(second)) > AGREE_CELSIUS:
            raise ReadingMissed("disagrees")
        celsius = _celsius(second)
        if not CELSIUS_MIN <= celsius <= CELSIUS_MAX:
            raise ReadingMissed("out_of_range")
        return ReferenceRead(round(celsius, 2), at_ms)

    def _word(self, opcode: int) -> int:
        return int.from_bytes(self._bus.read(self._address, opcode, _READ_BYTES), "big")


def _celsius(word: int) -> float:
    return (word - 0x10000 if word & 0x8000 else word) * _STEP_CELSIUS

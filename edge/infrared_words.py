"""The words of an MLX90614 as they stand on the wire: their bytes, their checksum, and what they may say. Pure.

From the datasheet (Melexis, revision 13): a word comes as low byte, high byte and a checksum (PEC) over every byte of
the transfer, both address bytes with it; 0.02 kelvin a step; bit 15 is the sensor's own error flag.
"""

from __future__ import annotations

from edge.ports import ReadingMissed

AMBIENT = 0x06
"""Opcode of the sensor's own temperature (RAM)."""

OBJECT = 0x07
"""Opcode of the temperature of what the sensor looks at (RAM)."""

READ_BYTES = 3

LEGAL = {AMBIENT: (0x2DE4, 0x4DC4), OBJECT: (0x27AD, 0x7FFF)}
"""Lowest and highest word a healthy sensor says: -38.2 to 125 degrees of itself, -70.01 to 382.19 of an object."""

_POLYNOMIAL = 0x07  # x^8 + x^2 + x + 1, from 0: the CRC-8 of SMBus
_ERROR_BIT = 0x8000
_KELVIN = 273.15
_STEP_KELVIN = 0.02


def checksum(wire: bytes) -> int:
    """The PEC of the bytes of a transfer, 0 to 255."""
    value = 0
    for byte in wire:
        value ^= byte
        for _ in range(8):
            value = (value << 1) ^ _POLYNOMIAL if value & 0x80 else value << 1
            value &= 0xFF
    return value


def celsius_of(address: int, opcode: int, read: bytes) -> float:
    """What the three bytes say, in degrees Celsius to 0.01.

    Raises ReadingMissed with ``dead_bus`` (all ones: nothing pulls the line down), ``bad_checksum``, ``error_bit`` or
    ``out_of_range``.
    """
    if read == b"\xff" * READ_BYTES:
        raise ReadingMissed("dead_bus")
    if len(read) != READ_BYTES or checksum(_before_read(address, opcode) + read[:2]) != read[2]:
        raise ReadingMissed("bad_checksum")
    word = int.from_bytes(read[:2], "little")
    if word & _ERROR_BIT:
        raise ReadingMissed("error_bit")
    lowest, highest = LEGAL[opcode]
    if not lowest <= word <= highest:
        raise ReadingMissed("out_of_range")
    return round(word * _STEP_KELVIN - _KELVIN, 2)


def word_of(celsius: float) -> int:
    """The word that says this temperature."""
    return round((celsius + _KELVIN) / _STEP_KELVIN)


def wire_of(address: int, opcode: int, word: int) -> bytes:
    """The three bytes in which a sensor says this word."""
    said = word.to_bytes(2, "little")
    return said + bytes([checksum(_before_read(address, opcode) + said)])


def _before_read(address: int, opcode: int) -> bytes:
    """The bytes on the wire before the answer: address to write, opcode, address to read."""
    return bytes([address << 1, opcode, address << 1 | 1])

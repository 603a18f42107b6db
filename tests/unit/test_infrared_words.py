"""The words of the infrared sensor: checksum, error flag, legal range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.infrared_words import AMBIENT, LEGAL, OBJECT, celsius_of, checksum, wire_of, word_of
from edge.ports import ReadingMissed

ADDRESS = 0x5A


def reason_of(opcode: int, read: bytes) -> str:
    with pytest.raises(ReadingMissed) as caught:
        celsius_of(ADDRESS, opcode, read)
    return caught.value.reason


def remainder(wire: bytes) -> int:
    """The CRC-8 by long division of the whole number, as one learns it at school: another road to the same figure."""
    dividend = int.from_bytes(wire, "big") << 8
    for shift in range(dividend.bit_length() - 9, -1, -1):
        if dividend >> (shift + 8) & 1:
            dividend ^= 0x107 << shift
    return dividend


@pytest.mark.parametrize(
    ("wire", "pec"),
    [("b407b5d23a", 0x30), ("b42207c8", 0x48), ("b4ff", 0xE8)],
    ids=["read a word", "write a word", "sleep"],
)
def test_the_checksums_of_the_datasheet_are_reproduced(wire: str, pec: int) -> None:
    assert checksum(bytes.fromhex(wire)) == pec


def test_the_datasheets_reading_is_a_temperature() -> None:
    """0x3AD2 steps of 0.02 kelvin."""
    assert celsius_of(ADDRESS, OBJECT, bytes.fromhex("d23a30")) == 28.01


@pytest.mark.parametrize("opcode", [OBJECT, AMBIENT])
def test_the_ends_of_the_legal_range_are_believed_and_no_word_beyond(opcode: int) -> None:
    lowest, highest = LEGAL[opcode]
    for word in (lowest, highest):
        assert celsius_of(ADDRESS, opcode, wire_of(ADDRESS, opcode, word)) == pytest.approx(
            word * 0.02 - 273.15, abs=0.006
        )
    assert reason_of(opcode, wire_of(ADDRESS, opcode, lowest - 1)) == "out_of_range"
    beyond = "error_bit" if opcode == OBJECT else "out_of_range"
    assert reason_of(opcode, wire_of(ADDRESS, opcode, highest + 1)) == beyond


def test_the_sensors_own_error_flag_is_heeded() -> None:
    assert reason_of(AMBIENT, wire_of(ADDRESS, AMBIENT, 0x8000 | 0x3AD2)) == "error_bit"


def test_a_dead_bus_is_no_temperature_of_1037_degrees() -> None:
    assert reason_of(OBJECT, b"\xff\xff\xff") == "dead_bus"
    assert reason_of(OBJECT, wire_of(ADDRESS, OBJECT, 0xFFFF)) == "error_bit"
    assert reason_of(OBJECT, b"\0\0\0") == "bad_checksum"


def test_a_word_of_another_cell_or_another_sensor_is_refused() -> None:
    """The checksum covers the question too."""
    said = wire_of(ADDRESS, OBJECT, word_of(34.0))
    assert reason_of(AMBIENT, said) == "bad_checksum"
    with pytest.raises(ReadingMissed):
        celsius_of(ADDRESS + 1, OBJECT, said)


@given(st.sampled_from([OBJECT, AMBIENT]), st.integers(8, 119), st.binary(min_size=0, max_size=5))
def test_whatever_is_believed_has_passed_every_check(opcode: int, address: int, read: bytes) -> None:
    try:
        celsius = celsius_of(address, opcode, read)
    except ReadingMissed:
        return
    word = read[0] | read[1] << 8
    assert remainder(bytes([address << 1, opcode, address << 1 | 1]) + read) == 0
    assert len(read) == 3
    assert not word & 0x8000
    assert LEGAL[opcode][0] <= word <= LEGAL[opcode][1]
    assert celsius == pytest.approx(word / 50 - 273.15, abs=0.006)


@given(st.sampled_from([OBJECT, AMBIENT]), st.integers(8, 119), st.integers(0, 0xFFFF))
def test_every_word_with_its_right_checksum_is_believed_if_it_is_legal(opcode: int, address: int, word: int) -> None:
    """Without this the property above could hold by believing nothing."""
    wire = bytes([address << 1, opcode, address << 1 | 1, word & 0xFF, word >> 8])
    read = wire[3:] + bytes([remainder(wire)])
    legal = LEGAL[opcode][0] <= word <= LEGAL[opcode][1]
    try:
        celsius_of(address, opcode, read)
    except ReadingMissed:
        assert not legal
    else:
        assert legal

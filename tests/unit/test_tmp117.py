"""The reference sensor: who it is, and which of its words are believed."""

from __future__ import annotations

import pytest

from edge.drivers.clock import FixedClock
from edge.drivers.tmp117 import Tmp117
from edge.ports import BusError, ReadingMissed
from edge.sim.sensor import Fault, SimulatedBus

ADDRESS = 0x48


@pytest.fixture
def bus() -> SimulatedBus:
    bus = SimulatedBus()
    bus.put_reference(ADDRESS, 25.0)
    return bus


@pytest.fixture
def sensor(bus: SimulatedBus) -> Tmp117:
    return Tmp117(bus, ADDRESS, FixedClock(7_000))


def reason_of(sensor: Tmp117) -> str:
    with pytest.raises(ReadingMissed) as caught:
        sensor.read()
    return caught.value.reason


@pytest.mark.parametrize("celsius", [-55.0, -25.0, -0.13, 0.0, 25.0, 35.02, 150.0])
def test_temperatures_are_read_with_their_sign(bus: SimulatedBus, sensor: Tmp117, celsius: float) -> None:
    bus.put_reference(ADDRESS, celsius)
    read = sensor.read()
    assert read.celsius == pytest.approx(celsius, abs=0.009)
    assert read.at_ms == 7_000


def test_the_datasheets_word_for_25_degrees_is_25_degrees(bus: SimulatedBus) -> None:
    assert bus.read(ADDRESS, 0, 2) == b"\x0c\x80"


def test_another_device_at_its_address_is_refused(bus: SimulatedBus, sensor: Tmp117) -> None:
    bus.put_reference(ADDRESS, 25.0, identity=0x1116)  # the TMP116 beside it in the catalogue
    assert reason_of(sensor) == "wrong_device"


def test_dead_lines_are_another_device_and_no_temperature(bus: SimulatedBus, sensor: Tmp117) -> None:
    bus.standing = Fault.DEAD
    assert reason_of(sensor) == "wrong_device"


@pytest.mark.parametrize("bit", range(5, 16))
def test_a_word_that_was_disturbed_once_is_not_believed(bus: SimulatedBus, sensor: Tmp117, bit: int) -> None:
    """Lower bits are less than 0.2 degrees."""
    bus.flipped_bit = bit
    bus.plan(None, Fault.DISTURBED)
    assert reason_of(sensor) == "disagrees"


def test_before_its_first_conversion_it_says_nothing(bus: SimulatedBus, sensor: Tmp117) -> None:
    bus.put_reference(ADDRESS, -256.0)
    assert reason_of(sensor) == "starting"


@pytest.mark.parametrize("celsius", [-55.1, 150.1])
def test_beyond_its_range_it_is_not_believed(bus: SimulatedBus, sensor: Tmp117, celsius: float) -> None:
    bus.put_reference(ADDRESS, celsius)
    assert reason_of(sensor) == "out_of_range"


def test_a_missing_sensor_is_a_silent_one(bus: SimulatedBus, sensor: Tmp117) -> None:
    bus.take_away(ADDRESS)
    with pytest.raises(BusError, match="no_answer"):
        sensor.read()

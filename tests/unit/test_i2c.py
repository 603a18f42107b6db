"""Faults on the bus through the real smbus2, with a stand-in for the kernel behind it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from edge.drivers.clock import FixedClock
from edge.drivers.i2c import REST_MS, REST_MS_MAX, TIMEOUT_MS, I2cBus
from edge.drivers.mlx90614 import START_MS, Mlx90614
from edge.infrared_words import AMBIENT, OBJECT
from edge.ports import BusError, ReadingMissed
from edge.sim.sensor import Fault, SimulatedBus
from tests.unit.kernel_i2c import Kernel

ADDRESS = 0x5A


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(10_000)


@pytest.fixture
def kernel(clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    simulated = SimulatedBus(clock.advance)
    simulated.put_infrared(ADDRESS, 34.01, 24.51)
    kernel = Kernel(simulated)
    kernel.install(monkeypatch)
    return kernel


@pytest.fixture
def bus(clock: FixedClock) -> I2cBus:
    return I2cBus(1, clock)


@pytest.fixture
def sensor(bus: I2cBus, clock: FixedClock) -> Mlx90614:
    return Mlx90614(bus, ADDRESS, clock)


def failure_of(bus: I2cBus) -> BusError:
    with pytest.raises(BusError) as caught:
        bus.read(ADDRESS, OBJECT, 3)
    return caught.value


def test_a_word_is_one_combined_transfer(kernel: Kernel, bus: I2cBus) -> None:
    assert len(bus.read(ADDRESS, OBJECT, 3)) == 3
    assert kernel.seen == [(ADDRESS, b"\x07", 3)]


def test_a_reading_is_two_words(kernel: Kernel, sensor: Mlx90614) -> None:
    read = sensor.read()
    assert (read.object_celsius, read.ambient_celsius, read.at_ms) == (34.01, 24.51, 10_000)
    assert kernel.seen == [(ADDRESS, bytes([OBJECT]), 3), (ADDRESS, bytes([AMBIENT]), 3)]


def test_the_adapters_timeout_is_set_low_before_anything_is_asked(kernel: Kernel, bus: I2cBus) -> None:
    bus.open()
    assert kernel.timeouts_ms == [TIMEOUT_MS]
    assert kernel.seen == []


@pytest.mark.parametrize("bit", range(24))
@pytest.mark.parametrize("celsius", [-69.99, 28.01, 34.03, 381.99])
def test_each_single_flipped_bit_is_refused(kernel: Kernel, sensor: Mlx90614, bit: int, celsius: float) -> None:
    kernel.bus.put_infrared(ADDRESS, celsius, 24.5)
    kernel.bus.flipped_bit = bit
    kernel.bus.plan(Fault.DISTURBED)
    with pytest.raises(ReadingMissed) as caught:
        sensor.read()
    assert caught.value.reason == "bad_checksum"
    assert sensor.read().object_celsius == celsius


@pytest.mark.parametrize("number", [errno.ENXIO, errno.EREMOTEIO])
def test_a_sensor_that_does_not_answer_leaves_the_bus_open(kernel: Kernel, bus: I2cBus, number: int) -> None:
    """Which of the two numbers it is depends on the adapter's driver."""
    bus.open()
    kernel.raises(number)
    error = failure_of(bus)
    assert (error.reason, error.number, error.passing) == ("no_answer", number, True)
    kernel.raises(None)
    assert bus.read(ADDRESS, OBJECT, 3)
    assert kernel.opened == 1


def test_a_hung_bus_costs_one_timeout_and_is_opened_again_after_a_rest(
    kernel: Kernel, bus: I2cBus, clock: FixedClock
) -> None:
    kernel.bus.plan(Fault.HUNG)
    error = failure_of(bus)
    assert (error.reason, error.passing) == ("bus_hung", False)
    assert "errno 110" in str(error)
    assert clock.now_ms() == 10_000 + TIMEOUT_MS
    assert not kernel.open_files

    asked = len(kernel.seen)
    clock.advance(REST_MS - 1)
    assert failure_of(bus).reason == "bus_hung"
    assert len(kernel.seen) == asked, "the bus must rest"

    clock.advance(1)
    assert bus.read(ADDRESS, OBJECT, 3)
    assert kernel.opened == 2
    assert kernel.timeouts_ms == [TIMEOUT_MS, TIMEOUT_MS]


def test_each_hang_after_good_words_costs_the_same_short_rest(kernel: Kernel, bus: I2cBus, clock: FixedClock) -> None:
    for _ in range(5):
        kernel.bus.plan(Fault.HUNG)
        failure_of(bus)
        clock.advance(REST_MS)
        assert bus.read(ADDRESS, OBJECT, 3)


def test_a_bus_that_hung_and_then_went_away_says_that_it_is_gone(
    kernel: Kernel, bus: I2cBus, clock: FixedClock
) -> None:
    kernel.bus.plan(Fault.HUNG)
    failure_of(bus)
    kernel.present = False
    clock.advance(REST_MS)
    assert failure_of(bus).reason == "bus_gone"
    assert failure_of(bus).reason == "bus_gone", "while it rests, too"


def test_a_bus_that_stays_hung_is_tried_once_a_second_and_no_file_is_left_open(
    kernel: Kernel, bus: I2cBus, clock: FixedClock
) -> None:
    kernel.bus.standing = Fault.HUNG
    for _ in range(600):
        failure_of(bus)
        clock.advance(100)
    assert 55 <= kernel.opened <= 62
    assert not kernel.open_files
    kernel.bus.standing = None
    clock.advance(REST_MS_MAX)
    assert bus.read(ADDRESS, OBJECT, 3)
    assert len(kernel.open_files) == 1


def test_a_bus_that_disappears_is_found_again_when_it_is_back(
    kernel: Kernel, sensor: Mlx90614, bus: I2cBus, clock: FixedClock
) -> None:
    sensor.read()
    kernel.present = False
    assert failure_of(bus).reason == "bus_gone"
    for _ in range(20):
        clock.advance(1_000)
        error = failure_of(bus)
        assert (error.reason, error.number) == ("bus_gone", errno.ENOENT)
    assert not kernel.open_files
    kernel.present = True
    clock.advance(1_000)
    assert bus.read(ADDRESS, OBJECT, 3)


def test_a_bus_that_opens_but_answers_no_question_leaves_no_file_open(
    kernel: Kernel, bus: I2cBus, clock: FixedClock
) -> None:
    kernel.answers_questions = False
    for _ in range(50):
        assert failure_of(bus).reason == "bus_gone"
        clock.advance(REST_MS_MAX)
    assert kernel.opened == 50
    assert not kernel.open_files


def test_an_error_of_the_adapter_may_be_tried_again_at_once(kernel: Kernel, bus: I2cBus) -> None:
    kernel.raises(errno.EIO)
    error = failure_of(bus)
    assert (error.reason, error.passing) == ("bus_error", True)


def test_a_sensor_that_was_without_power_gets_its_time_to_start(
    kernel: Kernel, sensor: Mlx90614, clock: FixedClock
) -> None:
    """Its first words after power-up are not yet temperatures, though every check passes."""
    kernel.bus.standing = Fault.SILENT
    for _ in range(3):
        with pytest.raises(BusError):
            sensor.read()
    kernel.bus.standing = None
    began_ms = clock.now_ms()
    with pytest.raises(ReadingMissed) as caught:
        sensor.read()
    assert (caught.value.reason, caught.value.passing) == ("starting", False)
    clock.advance(START_MS - 1)
    with pytest.raises(ReadingMissed):
        sensor.read()
    clock.advance(1)
    assert sensor.read().at_ms == began_ms + START_MS


def test_one_missed_answer_is_a_disturbance_and_costs_no_start(kernel: Kernel, sensor: Mlx90614) -> None:
    kernel.bus.plan(Fault.SILENT)
    with pytest.raises(BusError):
        sensor.read()
    assert sensor.read().object_celsius == 34.01


def test_smbus2_is_loaded_by_the_first_transfer_and_not_before() -> None:
    """The daemon has a button to arm, and its thread loads this module."""
    code = "import sys, edge.sensing; print('smbus2' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


def test_without_the_device_the_message_says_what_is_missing(clock: FixedClock) -> None:
    bus = I2cBus(19, clock)
    if os.path.exists(bus.path):
        pytest.skip(f"this machine has {bus.path}")
    with pytest.raises(BusError, match=r"/dev/i2c-19: No such file or directory \(errno 2\)"):
        bus.open()

"""What every bus promises a sensor: smbus2 with a stand-in kernel, the simulated bus, a recording and a replay."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.drivers.capture import RecordingBus, ReplayBus, Transfer
from edge.drivers.clock import FixedClock
from edge.drivers.i2c import I2cBus
from edge.drivers.tmp117 import DEVICE_ID
from edge.infrared_words import AMBIENT, OBJECT, celsius_of
from edge.ports import Bus, BusError
from edge.sim.sensor import Fault, SimulatedBus
from tests.unit.kernel_i2c import Kernel

INFRARED, REFERENCE = 0x5A, 0x48

MakeBus = Callable[..., Bus]


@pytest.fixture(params=["smbus2", "simulated", "recording", "replay"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MakeBus:
    """A bus with both sensors on it whose first transfers meet these faults."""

    def made(*plan: Fault | None) -> Bus:
        clock = FixedClock()
        simulated = SimulatedBus(clock.advance)
        simulated.put_infrared(INFRARED, 34.01, 24.51)
        simulated.put_reference(REFERENCE, 25.0)
        simulated.plan(*plan)
        if request.param == "simulated":
            return simulated
        if request.param == "smbus2":
            Kernel(simulated).install(monkeypatch)
            return I2cBus(1, clock)
        lines: list[Transfer] = []
        recording = RecordingBus(simulated, lambda: clock.now_ms() * 1_000, lines.append)
        if request.param == "recording":
            return recording
        for _ in range(4):
            for address, opcode, count in ((INFRARED, OBJECT, 3), (INFRARED, AMBIENT, 3), (REFERENCE, DEVICE_ID, 2)):
                try:
                    recording.read(address, opcode, count)
                except BusError:
                    continue
        return ReplayBus(lines)

    return made


def test_an_answer_has_as_many_bytes_as_were_asked_for(make: MakeBus) -> None:
    bus = make()
    assert celsius_of(INFRARED, OBJECT, bus.read(INFRARED, OBJECT, 3)) == 34.01
    assert celsius_of(INFRARED, AMBIENT, bus.read(INFRARED, AMBIENT, 3)) == 24.51
    assert bus.read(REFERENCE, DEVICE_ID, 2) == b"\x01\x17"


@pytest.mark.parametrize(
    ("fault", "reason", "passing"),
    [(Fault.SILENT, "no_answer", True), (Fault.HUNG, "bus_hung", False), (Fault.GONE, "bus_gone", False)],
)
def test_a_failed_transfer_says_which_kind_it_was(make: MakeBus, fault: Fault, reason: str, passing: bool) -> None:
    with pytest.raises(BusError) as caught:
        make(fault).read(INFRARED, OBJECT, 3)
    assert (caught.value.reason, caught.value.passing) == (reason, passing)
    assert caught.value.number > 0


def test_a_disturbed_answer_is_passed_on_as_it_came(make: MakeBus) -> None:
    bus = make(Fault.DISTURBED)
    first, second = bus.read(INFRARED, OBJECT, 3), bus.read(INFRARED, OBJECT, 3)
    assert int.from_bytes(first, "big") ^ int.from_bytes(second, "big") == 1


def test_after_a_silence_the_same_bus_answers(make: MakeBus) -> None:
    bus = make(Fault.SILENT)
    with pytest.raises(BusError):
        bus.read(INFRARED, OBJECT, 3)
    assert bus.read(INFRARED, OBJECT, 3)


def test_nobody_answers_at_an_address_without_a_sensor(make: MakeBus) -> None:
    with pytest.raises(BusError):
        make().read(0x33, OBJECT, 3)


def test_a_closed_bus_opens_itself_again(make: MakeBus) -> None:
    bus = make()
    bus.read(INFRARED, OBJECT, 3)
    bus.close()
    bus.close()
    assert bus.read(INFRARED, OBJECT, 3)

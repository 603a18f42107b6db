"""Makes sensor_session.jsonl: a morning's quarter of an hour in front of a simulated sensor, cut short, with faults.

    python -m tests.golden.make_sensor_session > tests/golden/sensor_session.jsonl

The file is what a gate of today records and must stay readable; so it is made once, and not by the tests. A DCI part
(0.1 degrees of noise, 80 % of the step an update) and a room sensor; a wall of 21 degrees; eight students, one of them
warm, one with hair before the forehead; in between a loose wire, disturbed bits, a hang and an adapter that goes away.
"""

from __future__ import annotations

import random
import sys

import msgspec

from edge.drivers.capture import RecordingBus, Transfer
from edge.events import ClockRead
from edge.kiosk_settings import ThermometerSettings
from edge.sensing import thermopile
from edge.sim.sensor import Fault, SimulatedBus

INFRARED, REFERENCE = 0x5A, 0x48
WORD_US = 600
WALL_CELSIUS, ROOM_CELSIUS, OWN_CELSIUS = 21.0, 20.5, 22.4
NOISE_CELSIUS = 0.1
STEP_SHARE = 0.8
FOREHEADS = (34.6, 34.9, 34.4, 36.1, 34.7, 33.0, 34.5, 34.8)
HAIR_AT = 5

FAULTS: dict[int, tuple[Fault | None, ...]] = {
    1: (Fault.DISTURBED, None, None, None, Fault.DISTURBED),
    2: (Fault.SILENT,) * 7,
    4: (Fault.HUNG,),
    5: (Fault.DEAD,),
    6: (Fault.GONE,) * 4,
    7: (Fault.FLAGGED,),
}
"""What happens to the bus while student number so-and-so stands there."""


class Microseconds:
    """The gate's clock, moved by what happens."""

    def __init__(self) -> None:
        self.now = 0

    def now_us(self) -> int:
        return self.now

    def now_ms(self) -> int:
        return self.now // 1_000

    def read(self) -> ClockRead:
        return ClockRead(self.now_ms(), 0, None)

    def pass_ms(self, by_ms: int) -> None:
        self.now += by_ms * 1_000


class Wire(SimulatedBus):
    """A bus on which words take their time and what the sensor sees wavers."""

    def __init__(self, clock: Microseconds, chance: random.Random) -> None:
        super().__init__(clock.pass_ms, hang_ms=20)
        self._clock = clock
        self._chance = chance
        self.looks_at = WALL_CELSIUS
        self._filtered = WALL_CELSIUS

    def settle(self) -> None:
        """One update of the sensor's filter."""
        self._filtered += STEP_SHARE * (self.looks_at - self._filtered)
        self.put_infrared(INFRARED, self._filtered + self._chance.gauss(0, NOISE_CELSIUS), OWN_CELSIUS)
        self.flipped_bit = self._chance.randrange(24)

    def read(self, address: int, opcode: int, count: int) -> bytes:
        self._clock.now += WORD_US + self._chance.randrange(80)
        return super().read(address, opcode, count)


def main() -> None:
    """Print the session."""
    clock, chance = Microseconds(), random.Random(7)
    wire = Wire(clock, chance)
    wire.put_reference(REFERENCE, ROOM_CELSIUS)

    def keep(transfer: Transfer) -> None:
        sys.stdout.write(msgspec.json.encode(transfer).decode() + "\n")

    settings = ThermometerSettings(part="DCI", reference="room")
    bus = RecordingBus(wire, clock.now_us, keep)
    hand = thermopile(settings, clock, lambda _: None, lambda _: None, bus)

    def measure(times: int, every_ms: int) -> None:
        for _ in range(times):
            wire.settle()
            hand.measure()
            clock.pass_ms(every_ms)

    measure(5, 1_000)
    for number, forehead in enumerate(FOREHEADS):
        wire.looks_at = forehead - (1.8 if number == HAIR_AT else 0.0)
        wire.plan(*FAULTS.get(number, ()))
        measure(8, 150)
        wire.looks_at = WALL_CELSIUS
        measure(2, 1_000)


main()

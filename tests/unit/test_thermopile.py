"""The hand that measures: tries, pace, rest, and what it posts when the bus misbehaves."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.capture import RecordingBus, Transfer
from edge.drivers.clock import FixedClock, SystemClock
from edge.drivers.i2c import I2cBus
from edge.drivers.thermopile import QUIET_MS, REFERENCE_EVERY_MS, TRIES, TRYING_MS_MAX, Thermopile
from edge.events import Fact
from edge.kiosk_settings import ThermometerSettings
from edge.measuring import ReferenceRead, SkinMissed, SkinRead
from edge.ports import BusError, ReadingMissed
from edge.runtime import Thread
from edge.sensing import thermopile
from edge.settings import ClockSettings
from edge.sim.sensor import Fault, SimulatedBus
from tests.process.waiting import until
from tests.unit.kernel_i2c import Kernel

INFRARED, REFERENCE = 0x5A, 0x48
WITH_REFERENCE = ThermometerSettings(part="DCI", reference="room")
ALLOWED = {(INFRARED, "07"), (INFRARED, "06"), (REFERENCE, "00"), (REFERENCE, "0f")}
"""All that may ever be asked: two cells of RAM, and of the reference temperature and identity."""


class Desk:
    """The hand over a simulated bus, with a clock that is moved by hand."""

    def __init__(self) -> None:
        self.clock = FixedClock(1_000)
        self.bus = SimulatedBus(self.clock.advance, hang_ms=20)
        self.bus.put_infrared(INFRARED, 34.01, 24.51)
        self.bus.put_reference(REFERENCE, 25.0)
        self.facts: list[Fact] = []
        self.failures: Counter[str] = Counter()
        self.transfers: list[Transfer] = []
        recording = RecordingBus(self.bus, lambda: self.clock.now_ms() * 1_000, self.transfers.append)
        self.hand = thermopile(WITH_REFERENCE, self.clock, self.facts.append, self._failed, recording)

    def _failed(self, what: str) -> None:
        self.failures[what] += 1

    def measure(self) -> list[Fact]:
        """What one reading posts."""
        del self.facts[:]
        self.hand.measure()
        return list(self.facts)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_reading_is_posted_as_the_sensor_says_it(desk: Desk) -> None:
    assert desk.measure() == [SkinRead(34.01, 24.51, 1_000), ReferenceRead(25.0, 1_000)]


def test_the_reference_is_asked_every_five_seconds_and_no_more_often(desk: Desk) -> None:
    kinds = []
    for _ in range(11):
        kinds += [type(fact) for fact in desk.measure()]
        desk.clock.advance(1_000)
    assert kinds.count(SkinRead) == 11
    assert kinds.count(ReferenceRead) == 3


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.DISTURBED, Fault.DEAD, Fault.FLAGGED])
def test_a_passing_fault_is_tried_again_and_counted(desk: Desk, fault: Fault) -> None:
    desk.bus.plan(*[fault] * (TRIES - 1))
    assert isinstance(desk.measure()[0], SkinRead)
    assert desk.failures.total() == TRIES - 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.SILENT, "no_answer"),
        (Fault.DISTURBED, "bad_checksum"),
        (Fault.DEAD, "dead_bus"),
        (Fault.FLAGGED, "error_bit"),
        (Fault.HUNG, "bus_hung"),
        (Fault.GONE, "bus_gone"),
    ],
)
def test_a_fault_that_stays_is_told_after_three_tries_at_most_and_never_becomes_a_temperature(
    desk: Desk, fault: Fault, reason: str
) -> None:
    desk.bus.standing = fault
    assert desk.measure() == [SkinMissed(reason, 1_000)]
    assert 1 <= len(desk.transfers) <= TRIES
    assert desk.clock.now_ms() - 1_000 <= TRYING_MS_MAX
    desk.bus.standing = None
    desk.clock.advance(2_000)
    desk.measure()
    desk.clock.advance(2_000)
    assert isinstance(desk.measure()[0], SkinRead), "it comes back by itself"


class SlowlyFailing:
    """A bus on which every transfer fails, each after the same time."""

    def __init__(self, clock: FixedClock, fails_ms: int) -> None:
        self.asked = 0
        self._clock = clock
        self._fails_ms = fails_ms

    def read(self, _address: int, _opcode: int, _count: int) -> bytes:
        self.asked += 1
        self._clock.advance(self._fails_ms)
        raise BusError("no_answer", 6)

    def close(self) -> None:
        """Nothing to let go."""


@pytest.mark.parametrize("fails_ms", [0, 1, 10, 19, 20, 25, 30])
def test_trying_is_bounded_in_number_and_in_time(fails_ms: int) -> None:
    """20 ms is the time-out of the bus, and a kernel with slow ticks is up to 10 ms late with it."""
    clock = FixedClock(0)
    bus = SlowlyFailing(clock, fails_ms)
    facts: list[Fact] = []
    hand = thermopile(WITH_REFERENCE, clock, facts.append, lambda _: None, bus)
    hand.measure()
    assert facts == [SkinMissed("no_answer", 0)]
    assert 1 <= bus.asked <= TRIES
    assert clock.now_ms() <= TRYING_MS_MAX


def test_a_reference_that_is_missing_is_counted_and_costs_no_reading(desk: Desk) -> None:
    desk.bus.take_away(REFERENCE)
    assert desk.measure() == [SkinRead(34.01, 24.51, 1_000)]
    assert desk.failures == {"sensor_again_no_answer": TRIES - 1, "reference_no_answer": 1}


def test_a_mistake_in_a_driver_is_a_missed_reading_and_not_the_end_of_the_thread(desk: Desk) -> None:
    class Broken:
        def read(self) -> SkinRead:
            raise ZeroDivisionError("a mistake of ours")

    hand = Thermopile(desk.bus, Broken(), None, desk.clock, desk.facts.append, desk._failed)
    hand.measure()
    assert desk.facts == [SkinMissed("unforeseen", 1_000)]


@given(st.lists(st.sampled_from([None, *Fault]), max_size=60), st.sampled_from([None, *Fault]))
def test_on_no_path_is_anything_asked_but_two_cells_of_ram(faults: list[Fault | None], standing: Fault | None) -> None:
    """No EEPROM cell, no flags, no sleep (0xFF): whatever befalls the bus, and in whatever order."""
    desk = Desk()
    desk.bus.plan(*faults)
    for _ in range(20):
        desk.measure()
        desk.clock.advance(REFERENCE_EVERY_MS)
    desk.bus.standing = standing
    desk.measure()
    assert {(transfer.address, transfer.written) for transfer in desk.transfers} <= ALLOWED


# --- on its thread --------------------------------------------------------------------------------------------------


class Running:
    """The hand on a thread of its own, over the real smbus2 and a stand-in for the kernel."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = SystemClock(ClockSettings())
        self.started_ms = self.clock.now_ms()
        self.simulated = SimulatedBus()
        self.simulated.put_infrared(INFRARED, 34.01, 24.51)
        self.kernel = Kernel(self.simulated)
        self.kernel.install(monkeypatch)
        self.facts: list[Fact] = []
        self.failures: Counter[str] = Counter()
        self.spans: list[tuple[int, int]] = []
        self.hand = thermopile(
            ThermometerSettings(part="DCI"), self.clock, self.facts.append, self._failed, self._Timed(self)
        )
        self.thread = Thread("sensor", self.hand.run, self._failed)

    class _Timed:
        """Notes when each transfer was on the bus."""

        def __init__(self, running: Running) -> None:
            self._running = running
            self._bus = I2cBus(1, running.clock)

        def read(self, address: int, opcode: int, count: int) -> bytes:
            began_ms = self._running.clock.now_ms()
            try:
                return self._bus.read(address, opcode, count)
            finally:
                self._running.spans.append((began_ms, self._running.clock.now_ms()))

        def close(self) -> None:
            self._bus.close()

    def _failed(self, what: str) -> None:
        self.failures[what] += 1

    def read(self) -> int:
        """How many readings were posted so far."""
        return sum(isinstance(fact, SkinRead) for fact in self.facts)

    def end(self) -> None:
        self.hand.close()
        self.thread.join()


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Running:
    return Running(monkeypatch)


def test_it_measures_slowly_until_it_is_told_to_hurry_and_ends_when_closed(running: Running) -> None:
    until(running.read)
    running.hand.measure_every(150)
    until(running.read, lambda count: count >= 13)
    running.end()
    assert running.spans[-1][0] - running.spans[0][0] < 9_000, "1 s and 12 x 150 ms; at the old pace 12 s"
    assert not running.kernel.open_files
    after = running.read()
    running.hand.measure_every(150)
    assert running.read() == after


def test_the_bus_rests_between_readings_however_fast_it_is_told_to_read(running: Running) -> None:
    running.hand.measure_every(1)
    until(running.read, lambda count: count >= 6)
    running.end()
    firsts = running.spans[0::2]
    lasts = running.spans[1::2]
    rests = [begin - end for (_, end), (begin, _) in zip(lasts, firsts[1:], strict=False)]
    assert len(rests) >= 5
    assert min(rests) >= QUIET_MS - 1  # both ends are rounded down to a millisecond


def test_while_idle_it_reads_at_most_once_a_second(running: Running) -> None:
    until(running.read, lambda count: count >= 3)
    running.end()
    last_ms = running.spans[-1][0]
    assert last_ms - running.started_ms >= 1_000 * (running.read() - 1)


def test_a_bus_that_hangs_holds_up_neither_the_brain_nor_the_end(running: Running) -> None:
    """The transfer never returns here, and the time-out of the adapter is ignored: the worst that a kernel can do."""
    running.kernel.stuck = threading.Event()
    assert running.kernel.entered.wait(30)
    for _ in range(1_000):
        running.hand.measure_every(150)
    running.hand.close()
    assert not running.kernel.stuck.is_set(), "all this was said while the transfer hung"
    running.kernel.stuck.set()
    running.thread.join()
    assert not running.kernel.open_files


def test_after_a_hang_it_reads_again_by_itself(running: Running) -> None:
    running.hand.measure_every(150)
    until(running.read)
    running.simulated.plan(Fault.HUNG)
    until(lambda: any(isinstance(fact, SkinMissed) for fact in running.facts))
    before = running.read()
    until(running.read, lambda count: count > before + 2)
    running.end()
    assert running.kernel.opened == 2
    assert not running.failures


def test_disturbed_words_are_never_posted_as_temperatures(running: Running) -> None:
    running.hand.measure_every(1)
    running.simulated.plan(*[Fault.DISTURBED] * 3, *[None, Fault.DISTURBED] * 10)
    until(running.read, lambda count: count >= 6)
    running.end()
    posted = {(fact.object_celsius, fact.ambient_celsius) for fact in running.facts if isinstance(fact, SkinRead)}
    assert posted == {(34.01, 24.51)}
    assert "bad_checksum" in {fact.reason for fact in running.facts if isinstance(fact, SkinMissed)}


def test_readings_missed_say_why_in_a_word(desk: Desk) -> None:
    """The key goes into counters and events, so it must stay short and without spaces."""
    for fault in Fault:
        desk.bus.standing = fault
        (missed,) = desk.measure()
        assert isinstance(missed, SkinMissed)
        assert missed.reason.replace("_", "").isalpha()
        assert len(missed.reason) <= 20
    assert str(ReadingMissed("dead_bus")) == "dead_bus"

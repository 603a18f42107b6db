"""What every clock promises, run over the machine's (with either witness), the fixed one and the simulated kernel's."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from edge.drivers.clock import FixedClock, SystemClock
from edge.events import ClockRead
from edge.ports import Clock
from edge.settings import ClockSettings
from edge.sim.clocks import Kernel
from edge.sim.timeline import Timeline
from tests.process.waiting import until

SPREAD_MS = 50
"""Both clocks are read one after the other: so far apart may a busy machine tear them."""

EVERY = ["machine", "machine with a file", "fixed", "simulated"]


class Subject(NamedTuple):
    """A clock, and the hands on the world around it; None where the world has no such hand."""

    clock: Clock
    pass_ms: Callable[[int], object]
    trust: Callable[[bool], object] | None = None
    set_wall: Callable[[int], object] | None = None


def machine_passes(pause_ms: int) -> None:
    """Measured by the interpreter, not by the clock in question."""
    end_ns = time.monotonic_ns() + pause_ms * 1_000_000
    until(lambda: time.monotonic_ns() >= end_ns)


def machine(_: Path) -> Subject:
    return Subject(SystemClock(ClockSettings()), machine_passes)


def machine_with_a_file(directory: Path) -> Subject:
    witness = directory / "synchronized"
    clock = SystemClock(ClockSettings(source="file", synced_file=str(witness)))
    return Subject(clock, machine_passes, lambda trusted: witness.touch() if trusted else witness.unlink(True))


def fixed(_: Path) -> Subject:
    clock = FixedClock(5_000, 1_760_000_000_000)

    def trust(trusted: bool) -> None:
        now = clock.read()
        clock.set(ClockRead(now.at_ms, now.wall_ms, 20 if trusted else None))

    def set_wall(jump_ms: int) -> None:
        now = clock.read()
        clock.set(ClockRead(now.at_ms, now.wall_ms + jump_ms, now.error_ms))

    return Subject(clock, clock.advance, trust, set_wall)


def simulated(_: Path) -> Subject:
    timeline = Timeline(1)
    timeline.run_until(7_000)
    kernel = Kernel(timeline, 1)
    return Subject(
        kernel,
        lambda pause_ms: timeline.run_until(timeline.now_ms + pause_ms),
        lambda trusted: kernel.synchronise() if trusted else kernel.lose(0),
        kernel.lose,
    )


MAKERS = dict(zip(EVERY, (machine, machine_with_a_file, fixed, simulated), strict=True))


@pytest.fixture(params=EVERY)
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    return MAKERS[request.param](tmp_path)


def test_monotonic_time_moves_on_with_time(subject: Subject) -> None:
    before_ms = subject.clock.now_ms()
    subject.pass_ms(100)
    assert subject.clock.now_ms() >= before_ms + 99


def test_a_reading_is_of_the_same_monotonic_clock(subject: Subject) -> None:
    before_ms = subject.clock.now_ms()
    reading = subject.clock.read()
    assert before_ms <= reading.at_ms <= subject.clock.now_ms()


def test_both_clocks_go_at_one_pace(subject: Subject) -> None:
    before = subject.clock.read()
    subject.pass_ms(200)
    after = subject.clock.read()
    assert abs((after.wall_ms - before.wall_ms) - (after.at_ms - before.at_ms)) <= SPREAD_MS


def test_the_error_bound_is_a_length_of_time_or_not_known(subject: Subject) -> None:
    error_ms = subject.clock.read().error_ms
    assert error_ms is None or error_ms >= 0


@pytest.mark.parametrize("subject", EVERY[1:], indirect=True)
def test_a_bound_is_given_only_while_the_clock_is_synchronised(subject: Subject) -> None:
    """The machine's own kernel is left out: a test may not set the clock of the machine that it runs on."""
    assert subject.trust is not None
    assert subject.clock.read().error_ms is None, "nothing has been heard yet"
    subject.trust(True)
    error_ms = subject.clock.read().error_ms
    assert error_ms is not None
    assert error_ms >= 0
    subject.trust(False)
    assert subject.clock.read().error_ms is None


@pytest.mark.parametrize("subject", EVERY[2:], indirect=True)
def test_a_wall_clock_set_by_hand_moves_no_monotonic_time(subject: Subject) -> None:
    assert subject.set_wall is not None
    before = subject.clock.read()
    subject.set_wall(-3_600_000)
    after = subject.clock.read()
    assert after.wall_ms == before.wall_ms - 3_600_000
    assert (after.at_ms, subject.clock.now_ms()) == (before.at_ms, before.at_ms)

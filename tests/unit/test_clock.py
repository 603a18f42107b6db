"""The clocks: what the kernel's word on its own clock amounts to."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge.drivers import clock
from edge.drivers.clock import FixedClock, SystemClock, error_ms_of, kernel_boot
from edge.events import ClockRead
from edge.settings import ClockSettings

UNSYNC = 0x40
PLL, NANO = 0x01, 0x2000


def test_monotonic_time_is_the_machines_own_in_milliseconds() -> None:
    before = time.monotonic_ns() // 1_000_000
    now = SystemClock(ClockSettings()).now_ms()
    assert before <= now <= time.monotonic_ns() // 1_000_000


def test_both_clocks_are_read_at_one_moment() -> None:
    """Their difference, read twice, is the same to a few milliseconds."""
    source = SystemClock(ClockSettings())
    one, two = source.read(), source.read()
    assert abs((one.wall_ms - one.at_ms) - (two.wall_ms - two.at_ms)) <= 5
    assert abs(one.wall_ms - time.time_ns() // 1_000_000) < 1000


def test_the_kernel_answers_on_this_machine() -> None:
    source = SystemClock(ClockSettings(error_ms_max=60_000))
    error_ms = source.read().error_ms
    assert source.failures == 0
    assert error_ms is None or 0 <= error_ms <= 60_000


@pytest.mark.parametrize(
    ("status", "maxerror_us", "expected"),
    [
        (PLL | NANO, 0, 0),
        (PLL | NANO, 1, 1),
        (PLL | NANO, 1000, 1),
        (PLL | NANO, 1001, 2),
        (PLL | NANO, 2_000_000, 2000),
        (PLL | NANO, 2_000_001, None),
        (PLL | NANO | UNSYNC, 0, None),
        (UNSYNC, 16_000_000, None),
        (PLL, -1000, None),
    ],
)
def test_the_kernels_bound_is_rounded_up_and_dropped_when_it_can_not_be_trusted(
    status: int, maxerror_us: int, expected: int | None
) -> None:
    assert error_ms_of(status, maxerror_us, error_ms_max=2000) == expected


def test_with_a_file_as_witness_the_clock_is_set_once_it_exists(tmp_path: Path) -> None:
    witness = tmp_path / "synchronized"
    source = SystemClock(ClockSettings(source="file", synced_file=str(witness), error_ms_max=10))
    assert source.read().error_ms is None
    witness.touch()
    assert source.read().error_ms == clock.FILE_ERROR_MS
    witness.unlink()
    assert source.read().error_ms is None


def test_the_kernels_boot_is_the_same_until_it_starts_again() -> None:
    assert kernel_boot() == kernel_boot()
    assert len(kernel_boot()) == 16
    int(kernel_boot(), 16)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"short", b"ZZZZZZZZ-ZZZZ-ZZZZ"])
def test_without_the_kernels_word_no_two_lives_are_compared(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "boot_id"
    if content is not None:
        file.write_bytes(content)
    assert kernel_boot(file) != kernel_boot(file)
    assert len(kernel_boot(file)) == 16


def test_the_boot_id_is_shortened_without_its_dashes(tmp_path: Path) -> None:
    (tmp_path / "boot_id").write_text("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0\n")
    assert kernel_boot(tmp_path / "boot_id") == "0f1e2d3c4b5a6978"


def test_a_fixed_clock_moves_only_by_hand() -> None:
    still = FixedClock(at_ms=5, wall_ms=1000)
    assert (still.now_ms(), still.read()) == (5, ClockRead(5, 1000, None))
    still.advance(10)
    assert still.read() == ClockRead(15, 1010, None)
    still.set(ClockRead(20, 9000, 3))
    still.advance(1)
    assert still.read() == ClockRead(21, 9001, 3)

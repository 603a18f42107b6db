"""The clocks: what the kernel's word on its own clock amounts to."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
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


def test_a_clock_that_was_set_long_ago_is_trusted_less_and_then_not_at_all(tmp_path: Path) -> None:
    witness = tmp_path / "synchronized"
    witness.touch()
    source = SystemClock(ClockSettings(source="file", synced_file=str(witness)))
    now_s = time.time()
    for age_s, least_ms in [(1024, 1012), (2048, 1524)]:
        os.utime(witness, (now_s - age_s, now_s - age_s))
        error_ms = source.read().error_ms
        assert error_ms is not None
        assert least_ms <= error_ms <= least_ms + 20
    os.utime(witness, (now_s - 3100, now_s - 3100))
    assert source.read().error_ms is None


def test_a_file_from_the_future_is_as_young_as_it_can_be(tmp_path: Path) -> None:
    witness = tmp_path / "synchronized"
    witness.touch()
    os.utime(witness, (time.time() + 86_400, time.time() + 86_400))
    source = SystemClock(ClockSettings(source="file", synced_file=str(witness)))
    assert source.read().error_ms == clock.FILE_ERROR_MS


FORBIDDEN = """
import ctypes, struct, sys
from edge.drivers.clock import SystemClock
from edge.settings import ClockSettings
# A seccomp filter: system calls whose numbers are given fail with EPERM, all others pass.
numbers = [int(number) for number in sys.argv[2:]]
lines = [struct.pack("HBBI", 0x20, 0, 0, 0)]
for number in numbers:
    lines += [struct.pack("HBBI", 0x15, 0, 1, number), struct.pack("HBBI", 0x06, 0, 0, 0x00050001)]
lines.append(struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000))
program = ctypes.create_string_buffer(b"".join(lines))
libc = ctypes.CDLL(None, use_errno=True)
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_void_p)]
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(Filter(len(lines), ctypes.addressof(program)))):
    sys.exit("no filter")
source = SystemClock(ClockSettings(synced_file=sys.argv[1]))
print(source.read().error_ms, source.failures)
"""
ADJTIMEX = {"x86_64": ["159", "305"], "aarch64": ["171", "266"]}


@pytest.mark.skipif(platform.machine() not in ADJTIMEX, reason="the numbers of its system calls are not written here")
def test_where_the_service_may_not_ask_the_kernel_systemds_file_counts(tmp_path: Path) -> None:
    """With a real filter of the kernel, as ProtectClock= sets it."""
    witness = tmp_path / "synchronized"

    def answer() -> str:
        command = [sys.executable, "-c", FORBIDDEN, str(witness), *ADJTIMEX[platform.machine()]]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert answer() == "None 0"
    witness.touch()
    assert answer() == f"{clock.FILE_ERROR_MS} 0"


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

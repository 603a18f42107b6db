"""The machine's clocks, and the kernel's word on whether the wall clock can be trusted.

The only module that reads a clock for the gate. ``adjtimex`` is asked without changing anything; the layout of its
answer is that of the C library's old call, the same words on 32-bit and 64-bit machines.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import re
import secrets
import time
from pathlib import Path

from edge.events import ClockRead
from edge.settings import ClockSettings

log = logging.getLogger(__name__)

FILE_ERROR_MS = 500
"""Bound of a clock at the moment its file was touched: time over the internet is well within it."""

DRIFT_PPM = 500
"""So much the bound grows by itself, as the kernel's own does: 500 us a second."""

READ_GAP_NS = 1_000_000
"""Both clocks must be read within this for the reading to be one moment."""

READ_TRIES = 3

_STA_UNSYNC = 0x40  # linux/timex.h
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class _Timex(ctypes.Structure):
    """``struct timex`` of linux/timex.h, as far as it is read; the rest is room for the kernel to write in."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror_us", ctypes.c_long),
        ("esterror_us", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


class SystemClock:
    """The clocks of this machine. Any thread. ``failures`` counts readings that the kernel refused."""

    def __init__(self, settings: ClockSettings) -> None:
        self._settings = settings
        self._synced_file = Path(settings.synced_file)
        self._adjtimex = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)
        self._touched = 0, 0  # the file's time in nanoseconds of the wall, and in milliseconds of the monotonic clock
        self.failures = 0

    def now_ms(self) -> int:
        """Monotonic milliseconds."""
        return time.monotonic_ns() // 1_000_000

    def read(self) -> ClockRead:
        """Both clocks at one moment. Never raises: a kernel that does not answer means unsynchronised."""
        at_ns, wall_ns = _both_ns()
        at_ms, wall_ms = at_ns // 1_000_000, wall_ns // 1_000_000
        from_file = self._settings.source == "file"
        return ClockRead(
            at_ms, wall_ms, self._file_error_ms(at_ms, wall_ns) if from_file else self._kernel_error_ms(at_ms, wall_ns)
        )

    def _file_error_ms(self, at_ms: int, wall_ns: int) -> int | None:
        """By the file that systemd-timesyncd touches at every synchronisation. Its age is taken once from the wall
        clock; from then on only the monotonic clock counts, whatever the wall does."""
        try:
            touched_ns = self._synced_file.stat().st_mtime_ns
        except OSError:
            return None
        if touched_ns != self._touched[0]:
            self._touched = touched_ns, at_ms - max(0, wall_ns - touched_ns) // 1_000_000
        error_ms = FILE_ERROR_MS + (at_ms - self._touched[1]) * DRIFT_PPM // 1_000_000
        return None if error_ms > max(FILE_ERROR_MS, self._settings.error_ms_max) else error_ms

    def _kernel_error_ms(self, at_ms: int, wall_ns: int) -> int | None:
        """The kernel's bound, None when unsynchronised or above ``error_ms_max``. The file's where systemd forbids to
        ask the kernel (ProtectClock=)."""
        timex = _Timex()
        if self._adjtimex is None or self._adjtimex(ctypes.byref(timex)) == -1:
            if ctypes.get_errno() == errno.EPERM:
                return self._file_error_ms(at_ms, wall_ns)
            self.failures += 1
            if self.failures == 1:
                log.warning("the kernel does not tell its clock's state (%s)", os.strerror(ctypes.get_errno()))
            return None
        return error_ms_of(timex.status, timex.maxerror_us, self._settings.error_ms_max)


def error_ms_of(status: int, maxerror_us: int, error_ms_max: int) -> int | None:
    """What adjtimex's status and greatest error amount to, in milliseconds rounded up; None: not to be trusted."""
    error_ms = -(-maxerror_us // 1000)
    return None if status & _STA_UNSYNC or not 0 <= error_ms <= error_ms_max else error_ms


def kernel_boot(path: Path = _BOOT_ID) -> str:
    """16 hexadecimal digits that change at each start of the kernel.

    Drawn afresh where the kernel does not tell: then no monotonic time is compared with an earlier life's.
    """
    try:
        digits = path.read_text(encoding="ascii").replace("-", "")[:16]
    except (OSError, UnicodeDecodeError) as error:
        log.warning("%s can not be read (%s): earlier events of this boot can not be dated", path, error)
        digits = ""
    return digits if re.fullmatch(r"[0-9a-f]{16}", digits) else secrets.token_hex(8)


class FixedClock:
    """A clock that stands until it is moved by hand: for replaying an incident. One thread."""

    def __init__(self, at_ms: int = 0, wall_ms: int = 0, error_ms: int | None = None) -> None:
        self._reading = ClockRead(at_ms, wall_ms, error_ms)

    def now_ms(self) -> int:
        """Monotonic milliseconds as last set."""
        return self._reading.at_ms

    def read(self) -> ClockRead:
        """Both clocks as last set."""
        return self._reading

    def set(self, reading: ClockRead) -> None:
        """Stand at this reading."""
        self._reading = reading

    def advance(self, by_ms: int) -> None:
        """Move both clocks on; the error bound stays."""
        now = self._reading
        self._reading = ClockRead(now.at_ms + by_ms, now.wall_ms + by_ms, now.error_ms)


def _both_ns() -> tuple[int, int]:
    """Monotonic and wall time, read so close together that this thread was not put aside in between."""
    best_gap_ns, best = None, (0, 0)
    for _ in range(READ_TRIES):
        before_ns, wall_ns, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        gap_ns = after_ns - before_ns
        if best_gap_ns is None or gap_ns < best_gap_ns:
            best_gap_ns, best = gap_ns, (before_ns + gap_ns // 2, wall_ns)
        if gap_ns <= READ_GAP_NS:
            break
    return best

"""One I2C bus through the kernel, on smbus2: one combined transfer a word, a low time-out, and back after a hang.

It knows no sensor. One thread owns it; smbus2 is loaded on that thread, at the first transfer, so that neither the
button nor the start of the daemon waits for it.

The kernel gives a hung transfer up after the adapter's time-out, by default a whole second. It is set to 20 ms here,
many times what a word takes (0.6 ms at 100 kHz). A bus that hung or went away is closed, and opened again after a
rest: a sensor stuck in the middle of a word frees itself on an idle bus (within 55 ms, datasheet of the MLX90614).
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from typing import TYPE_CHECKING

from edge.ports import BusError, Clock

if TYPE_CHECKING:
    from smbus2 import SMBus

log = logging.getLogger(__name__)

TIMEOUT_MS = 20
REST_MS = 100
"""A closed bus is opened again after this, and if that did not help then every ``REST_MS_MAX``."""

REST_MS_MAX = 1_000

_I2C_TIMEOUT = 0x0702  # linux/i2c-dev.h, in steps of 10 ms; smbus2 has no call for it
_STEP_MS = 10

_SILENT = {errno.ENXIO, errno.EREMOTEIO}  # Documentation/i2c/fault-codes.rst: nobody acknowledged
_PASSING = {errno.EAGAIN, errno.EIO, errno.EBUSY, errno.EPROTO, errno.EBADMSG, errno.EINTR}


class I2cBus:
    """``/dev/i2c-<number>``. Making it touches nothing. One thread calls all methods."""

    def __init__(self, number: int, clock: Clock) -> None:
        self.path = f"/dev/i2c-{number}"
        self._clock = clock
        self._bus: SMBus | None = None
        self._closed_for: BusError | None = None
        self._open_again_ms = 0

    def open(self) -> None:
        """Open now what the first ``read`` would open. Raises BusError ``bus_gone``."""
        self._opened()

    def read(self, address: int, opcode: int, count: int) -> bytes:
        """Write the opcode and read ``count`` bytes, 1 to 32, in one transfer. Raises BusError."""
        from smbus2 import i2c_msg

        bus = self._bus or self._opened()
        answer = i2c_msg.read(address, count)
        try:
            bus.i2c_rdwr(i2c_msg.write(address, [opcode]), answer)
        except OSError as error:
            raise self._judged(error) from error
        if self._closed_for is not None:
            log.info("%s works again", self.path)
            self._closed_for = None
        return bytes(answer)

    def close(self) -> None:
        """Let the bus go."""
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.close()

    def _opened(self) -> SMBus:
        """Not by sleeping: until it is time to open again, every read fails at once, as the last one did."""
        if self._closed_for is not None and self._clock.now_ms() < self._open_again_ms:
            last = self._closed_for
            raise BusError(last.reason, last.number, str(last), passing=False)
        from smbus2 import SMBus

        bus = SMBus()
        try:
            bus.open(self.path)
            # The adapter's, so that other programs on this bus get the same.
            fcntl.ioctl(bus.fd or 0, _I2C_TIMEOUT, TIMEOUT_MS // _STEP_MS)
        except OSError as error:
            bus.close()  # smbus2 leaves the file open when its first question to it fails
            raise self._give_up("bus_gone", error) from error
        self._bus = bus
        return bus

    def _judged(self, error: OSError) -> BusError:
        number = error.errno or 0
        if number in _SILENT:
            return BusError("no_answer", number, self._words(error))
        if number in _PASSING:
            return BusError("bus_error", number, self._words(error))
        return self._give_up("bus_hung" if number == errno.ETIMEDOUT else "bus_gone", error)

    def _give_up(self, reason: str, error: OSError) -> BusError:
        try:
            self.close()
        except OSError as closing:
            log.warning("%s did not close (%s)", self.path, closing.strerror)
        told = BusError(reason, error.errno or 0, self._words(error), passing=False)
        first = self._closed_for is None
        if first:
            log.warning("%s, closed for now", told)
        self._closed_for = told
        self._open_again_ms = self._clock.now_ms() + (REST_MS if first else REST_MS_MAX)
        return told

    def _words(self, error: OSError) -> str:
        return f"{self.path}: {os.strerror(error.errno or 0)} (errno {error.errno})"

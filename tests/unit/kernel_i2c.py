"""The kernel's side of ``/dev/i2c-1``, for machines that have none: what smbus2 calls, and nothing of ours.

It stands where smbus2 meets the kernel (``os.open``, ``os.close``, ``ioctl``) and reads the structures of
``linux/i2c-dev.h`` out of the caller's memory as the kernel would. Behind it is a simulated bus.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import threading
from types import SimpleNamespace
from typing import Any

import pytest
import smbus2.smbus2

from edge.ports import BusError
from edge.sim.sensor import SimulatedBus

I2C_FUNCS, I2C_TIMEOUT, I2C_RDWR = 0x0705, 0x0702, 0x0707
PATH = "/dev/i2c-1"
PLAIN_I2C = 0x1
READ = 0x1

_ioctl = fcntl.ioctl


class Message(ctypes.Structure):
    """``struct i2c_msg``."""

    _fields_ = (
        ("address", ctypes.c_uint16),
        ("flags", ctypes.c_uint16),
        ("length", ctypes.c_uint16),
        ("buffer", ctypes.c_void_p),
    )


class Transfer(ctypes.Structure):
    """``struct i2c_rdwr_ioctl_data``."""

    _fields_ = (("messages", ctypes.POINTER(Message)), ("count", ctypes.c_uint32))


class Kernel:
    """One adapter. ``seen`` holds every transfer as (address, written, bytes asked for)."""

    def __init__(self, bus: SimulatedBus) -> None:
        self.bus = bus
        self.present = True
        self.answers_questions = True
        self.open_files: set[int] = set()
        self.opened = 0
        self.timeouts_ms: list[int] = []
        self.seen: list[tuple[int, bytes, int]] = []
        self._number: int | None = None
        self.stuck: threading.Event | None = None
        self.entered = threading.Event()

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand before smbus2."""
        calls = SimpleNamespace(open=self._open, close=self._close, O_RDWR=os.O_RDWR)
        monkeypatch.setattr(smbus2.smbus2, "os", calls)
        monkeypatch.setattr(smbus2.smbus2, "ioctl", self._ioctl)
        monkeypatch.setattr(fcntl, "ioctl", self._ioctl)

    def raises(self, number: int | None) -> None:
        """Fail every transfer with this errno from now on; None: no more."""
        self._number = number

    def _open(self, path: str, _flags: int) -> int:
        if path != PATH or not self.present:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        file = os.open(os.devnull, os.O_RDWR)
        self.open_files.add(file)
        self.opened += 1
        return file

    def _close(self, file: int) -> None:
        self.open_files.remove(file)
        os.close(file)

    def _ioctl(self, file: Any, request: int, argument: Any = 0, *more: Any) -> Any:
        if file not in self.open_files:
            return _ioctl(file, request, argument, *more)
        if not self.present or not self.answers_questions:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        match request:
            case _ if request == I2C_FUNCS:
                argument.value = PLAIN_I2C
            case _ if request == I2C_TIMEOUT:
                self.timeouts_ms.append(argument * 10)
                self.bus.hang_ms = argument * 10
            case _ if request == I2C_RDWR:
                self._transfer(Transfer.from_address(ctypes.addressof(argument)))
            case _:
                raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
        return 0

    def _transfer(self, transfer: Transfer) -> None:
        written, read = transfer.messages[0], transfer.messages[1]
        sent = ctypes.string_at(written.buffer, written.length)
        shape = (transfer.count, written.flags, read.flags, written.address == read.address)
        assert shape == (2, 0, READ, True), shape
        self.seen.append((written.address, sent, read.length))
        self.entered.set()
        if self.stuck is not None:
            self.stuck.wait(30)
        if self._number is not None:
            raise OSError(self._number, os.strerror(self._number))
        try:
            answer = self.bus.read(written.address, sent[0], read.length)
        except BusError as error:
            raise OSError(error.number, os.strerror(error.number)) from None
        ctypes.memmove(read.buffer, answer, read.length)

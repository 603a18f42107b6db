"""The pin factory, named by the settings and never found by fallback.

gpiozero would otherwise try one back end after another with no more than a warning, and a gate whose button hangs on
the wrong one looks healthy (issues 1106 and 1130 there).
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from typing import Any

from edge.errors import DeviceError

SLACK_MS = 2
"""How much later than it asked a thread of lgpio may be woken. The one that hears edges asks for 0.5 ms, for as long as
the daemon lives: in the virtual gate 1,360 times a second for nothing, and a third of the daemon's processor time. An
edge wakes it at once all the same; it is told at the next of these moments, and the kernel has dated it."""

_SET_SLACK = 29  # linux/prctl.h: PR_SET_TIMERSLACK, in nanoseconds; 0: as this thread had it to begin with


def open_factory(name: str) -> Any:
    """The gpiozero pin factory ``lgpio`` or ``mock``. Raises DeviceError: there is no alarm without a button."""
    try:
        if name == "mock":
            from gpiozero.pins.mock import MockFactory

            return MockFactory()
        from gpiozero.pins.lgpio import LGPIOFactory

        with unhurried():
            return LGPIOFactory()
    except Exception as error:
        raise DeviceError(
            f"pins.factory = {name!r} cannot be used: {type(error).__name__}: {error}. On a Raspberry Pi: let"
            " scripts/install bring lgpio, run in a writable directory, and let the user into group gpio."
            " Anywhere else: pins.factory = 'mock'."
        ) from error


@contextlib.contextmanager
def unhurried() -> Iterator[None]:
    """Threads that are started in here inherit SLACK_MS; this one has it no longer. Where it cannot be had, as ever."""
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        yield
        return
    prctl(_SET_SLACK, ctypes.c_ulong(SLACK_MS * 1_000_000))
    try:
        yield
    finally:
        prctl(_SET_SLACK, ctypes.c_ulong(0))

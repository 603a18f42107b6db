"""Holds this process in memory, so that a press never waits for its code to be read from the card again.

When a program eats the machine's memory up, the kernel throws away pages of other programs' code, and reads them back
from the card as they are needed: seconds for each press, and long enough for the watchdog to end a healthy gate.
"""

from __future__ import annotations

import ctypes
import os

_CURRENT, _FUTURE, _ONFAULT = 1, 2, 4  # linux/mman.h: MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT


def hold() -> str | None:
    """Hold all that is there now, and what comes later as soon as it is used; None, or why not. Never raises.

    Call it once, before threads are started: all of a thread's stack would be held, and little of it is used. Needs
    ``LimitMEMLOCK=`` of the unit file, or root.
    """
    try:
        lock = ctypes.CDLL(None, use_errno=True).mlockall
    except (OSError, AttributeError) as error:
        return f"the C library cannot hold memory: {error}"
    for what in (_CURRENT, _CURRENT | _FUTURE | _ONFAULT):
        if lock(what) == -1:
            reason = os.strerror(ctypes.get_errno())
            return f"the process is not held in memory: {reason}; give the unit LimitMEMLOCK=infinity"
    return None

"""Ends this process when pictures stop coming, or its memory grows: systemd starts it again, the gate goes on without.

A read that hangs in a camera's library cannot be interrupted from Python, so a thread beside it looks.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edge.errors import DeviceError, StorageError

log = logging.getLogger(__name__)

START_S_MAX = 15.0
"""Time to load the libraries, open the camera and see the first picture."""

PICTURE_S_MAX = 3.0
"""Longest wait for a picture after that."""

MEMORY_MB_MAX = 200
LOOK_S = 0.25
STILL_S = 1.0
"""A look that is so late says that the whole process stood still, and not the camera: it has its time again."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Watch:
    """Looks four times a second, from when it is made. ``end`` is given the exit code and must end the process."""

    def __init__(
        self,
        end: Callable[[int], None] = os._exit,
        *,
        start_s_max: float = START_S_MAX,
        picture_s_max: float = PICTURE_S_MAX,
        memory_mb_max: int = MEMORY_MB_MAX,
    ) -> None:
        self._end = end
        self._picture_s_max = picture_s_max
        self._memory_mb_max = memory_mb_max
        self._over = threading.Event()
        self._due_s = time.monotonic() + start_s_max
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self._thread.start()

    def picture(self) -> None:
        """A picture came. The reading thread calls it."""
        self._due_s = time.monotonic() + self._picture_s_max

    def close(self) -> None:
        """Look no more."""
        self._over.set()

    def _look(self) -> None:
        looked_s = time.monotonic()
        while not self._over.wait(LOOK_S):
            now_s = time.monotonic()
            if now_s - looked_s > LOOK_S + STILL_S:
                self._due_s = max(self._due_s, now_s + self._picture_s_max)
            looked_s = now_s
            late_s = now_s - self._due_s
            memory_mb = resident_mb()
            if late_s > 0:
                log.critical("no picture in time: the camera hangs; this process ends to be started again")
                self._end(DeviceError.exit_code)
            elif memory_mb > self._memory_mb_max:
                log.critical("%d MB of memory, %d are allowed: this process ends", memory_mb, self._memory_mb_max)
                self._end(StorageError.exit_code)
            else:
                continue
            return


def resident_mb() -> int:
    """What of this process is in memory, in MB of 2**20 bytes."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES >> 20

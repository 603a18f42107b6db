"""One thread of another process, stopped: a hand that hangs. By the kernel's ptrace, so nothing of it is replaced."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
ANY_THREAD = 0x40000000
"""__WALL of waitpid(2): a thread is no child of ours."""

ASLEEP_S_MAX = 10.0

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class StoppedThread:
    """Stands still from ``__enter__`` to ``__exit__``, which one and the same thread must call.

    It is stopped while it waits for something: one that holds Python's interpreter lock would stop all the others.
    Raises OSError where the kernel does not let us (another user's process, or no ptrace in this container).
    """

    def __init__(self, process_id: int, thread_id: int) -> None:
        self._stat = Path(f"/proc/{process_id}/task/{thread_id}/stat")
        self._id = thread_id

    def __enter__(self) -> StoppedThread:
        end = time.monotonic() + ASLEEP_S_MAX
        while self._stat.read_text().rpartition(")")[2].split()[0] != "S":
            if time.monotonic() > end:
                raise TimeoutError(f"thread {self._id} never waits for anything")
            time.sleep(0.001)
        self._ask(SEIZE)
        self._ask(INTERRUPT)
        os.waitpid(self._id, ANY_THREAD)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._ask(DETACH)
        except ProcessLookupError:  # its process was killed meanwhile, and waits to be asked how it ended
            os.waitpid(self._id, ANY_THREAD)

    def _ask(self, request: int) -> None:
        if _libc.ptrace(request, self._id, None, None) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"ptrace of thread {self._id}: {os.strerror(number)}")

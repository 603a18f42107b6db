"""Waiting for a thing with a deadline: the one place in these tests that looks again and again."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 30.0
"""How long a test waits for what must come. Generous: it costs nothing unless the thing never comes."""

LOOK_S = 0.02


def hear_interrupts() -> None:
    """For a child process, before it begins: one that was started in the background would not hear Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def until(
    look: Callable[[], T],
    fits: Callable[[T], bool] = bool,
    seconds: float = PATIENCE_S,
    what: Callable[[], str] = lambda: "",
) -> T:
    """What ``look`` gives, as soon as it fits. Fails the test after ``seconds``, saying what was seen last."""
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if fits(seen):
            return seen
        assert time.monotonic() < end, f"did not come within {seconds:g} s; last seen: {seen!r}\n{what()}"
        time.sleep(LOOK_S)

"""``scripts/demo --vm`` as somebody without a Pi uses it: in a terminal, by its keys."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.machine.gate import PATIENCE_S
from virtual.places import PROJECT

pytestmark = [pytest.mark.machine, pytest.mark.long]

ROWS, COLUMNS = 50, 110
START_S_MAX = 180.0


class Terminal:
    """The demo in a terminal of its own; ``screen`` is all that it wrote since the last key."""

    def __init__(self) -> None:
        self._terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = {**os.environ, "PYTHONPATH": "scripts", "TERM": "xterm", "NO_COLOR": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "demonstration", "--vm"], cwd=PROJECT, env=environment,
            stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
        )  # fmt: skip
        os.close(inside)
        self.screen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._terminal)

    def key(self, key: str) -> None:
        """Press one, and look at what comes from now on."""
        self.screen = ""
        os.write(self._terminal, key.encode())

    def wait(self, words: str, seconds: float = PATIENCE_S) -> None:
        """Return once this has been shown."""
        end_s = time.monotonic() + seconds
        while words not in self.screen:
            assert time.monotonic() < end_s, f"{words!r} was not shown; shown was: {self.screen[-3000:]}"
            if select.select([self._terminal], [], [], 1)[0]:
                self.screen += os.read(self._terminal, 1 << 16).decode(errors="replace")

    def end(self) -> int:
        """Press q, and wait for the exit code."""
        self.key("q")
        end_s = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < end_s:
            if select.select([self._terminal], [], [], 0.2)[0]:
                with contextlib.suppress(OSError):  # nobody is at its other end any more
                    os.read(self._terminal, 1 << 16)  # a full terminal would hold it up
        return self.process.wait(1)


@pytest.fixture
def demo(booted: Path) -> Iterator[Terminal]:
    assert booted.exists()
    with Terminal() as terminal:
        yield terminal


def test_a_newcomer_presses_pulls_the_cable_cuts_the_power_and_quits(demo: Terminal) -> None:
    demo.wait("the daemon means: ready", START_S_MAX)
    demo.key(" ")
    demo.wait("The line was closed for a tenth of a second.")
    demo.wait("the daemon means: received")
    demo.key("w")
    demo.wait("Before the thermometer: a well student.")
    demo.key("n")
    demo.wait("The network cable is out.")
    demo.key(" ")
    demo.wait("the daemon means: stored")
    demo.key("n")
    demo.wait("the daemon means: received")
    demo.key("p")
    demo.wait("The power was cut, and is back", START_S_MAX)
    demo.wait("the daemon means: received", START_S_MAX)
    assert demo.end() == 0

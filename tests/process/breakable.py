"""The real daemon as a process whose pins can be broken, and each of whose threads can be told apart, by a word."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.process.gate import GateProcess
from tests.process.threads import read_numbers

WATCHDOG_S = 3
"""As ``systemd/gatepost.service`` says it: systemd ends a process that has not fed for so long."""

STARVED_S = 4.0
"""Four feeds that do not come."""


class BreakableGate(GateProcess):
    """The real daemon with pins that can be broken by a word on its standard input."""

    def command(self) -> Sequence[str]:
        return ["-m", "tests.process.child_gate", str(self.settings_file)]

    def tell(self, word: str) -> None:
        """Break, or mend, something."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        self.process.stdin.flush()

    def fed(self) -> int:
        """How often the watchdog was fed."""
        return len(self.supervision.moments("WATCHDOG=1"))

    def threads(self) -> dict[str, int]:
        """The kernel's numbers of its threads, by their names."""
        return read_numbers(self.directory, lambda: self.tell("threads"))

    def assert_starved(self) -> None:
        """The watchdog is fed no more, though the daemon still answers."""
        before = self.fed()
        time.sleep(STARVED_S)  # nothing is to come: there is no thing to wait for
        assert self.fed() == before
        assert self.view()["hungry"]
        assert self.alive

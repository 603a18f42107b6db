"""Flaps of a line, and how long a gate believes in one that is dead. It is the proxy's, or a network namespace's."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Protocol

from edge.settings import UplinkSettings
from tests.process.gate import QUICK, GateProcess
from tests.process.storm import Teller
from tests.process.waiting import until

NOTICED_S_MAX = 30.0
"""The promise, with the settings as they are shipped; by them it is probe_s + acknowledge_s_max = 20 s."""

STANDS_S_MAX = 120.0
"""Where a third of all packets is lost, TCP itself may pause for half a minute before a connection stands."""

SHIPPED = {**{name: getattr(UplinkSettings(), name) for name in QUICK}, "reconnect_s_max": QUICK["reconnect_s_max"]}
"""But for the pause before the next dial, which a county's gates take up to a minute for while nothing waits."""


class Line(Protocol):
    """What can be done to a line; ``stands`` while there is a connection to do it to."""

    @property
    def stands(self) -> bool: ...
    def forget(self) -> None: ...
    def mend(self) -> None: ...


class Flapper(Teller):
    """Does ``count`` flaps of these kinds to one line, as its seed has it; then all is well again."""

    def __init__(self, line: Line, kinds: Sequence[str], count: int, pause_s: tuple[float, float], seed: str) -> None:
        super().__init__(f"flapper-{seed}")
        self.done = 0
        self._line = line
        self._kinds = kinds
        self._count = count
        self._pause_s = pause_s
        self._random = random.Random(seed)

    def work(self) -> None:
        for number in range(self._count):
            kind = self._kinds[number % len(self._kinds)]
            until(lambda: self._line.stands, seconds=STANDS_S_MAX)
            time.sleep(self._random.uniform(*self._pause_s))
            self.done += 1
            getattr(self._line, kind)()
            if kind != "forget":
                time.sleep(self._random.uniform(0, 2 if kind == "hush" else 0.5))
                self._line.mend()


def noticed_after_s(gate: GateProcess, line: Line) -> float:
    """How long the gate believes in a connection that is no more."""
    losses = gate.wait_connected()["brokers"][0]["losses"]
    line.forget()
    began_s = time.monotonic()
    gate.wait_for(lambda view: view["brokers"][0]["losses"] > losses, NOTICED_S_MAX + 10)
    return time.monotonic() - began_s

"""Presses at gates that something happens to, each beside the same press at a gate without: moments apart, by turns.

Both of a pair stand on the same machine at the same time, so whatever else goes on there is on both sides.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.child import PATIENCE_S
from benchmarks.figures import Figure, Results, share
from benchmarks.latency import matched, ratio
from benchmarks.parts import Broker, Child, settled, write_settings

EVERY_MS = (18, 25)
"""The same gate may be pressed twice in a row: held for 5 ms, it must stand open for more than ``release_ms``."""

WARM_UP = 20
LATER_MAX = 1.1
"""What happens to a gate's kiosk may make its presses no later than this many times those of a gate without one."""


class Twins:
    """So many pairs of gates on one broker, armed and warm. ``tables``: further settings of the one with a kiosk;
    ``common``: of both.
    """

    def __init__(self, directory: Path, count: int, tables: str, common: str = "") -> None:
        self._broker = Broker(directory)
        log = directory / "twins.log"
        self._subscriber = Child("subscriber", self._broker.port, log=log)
        self.gates: dict[str, Child] = {}
        self._pressed: dict[str, list[int]] = {}
        for number in range(count):
            for kind, more in (("kiosk", tables), ("plain", "")):
                name = f"{kind}-{number}"
                place = directory / name
                place.mkdir()
                settings = write_settings(place, self._broker.port, common + more, gate=name)
                self.gates[name] = Child("gate", settings, log=log)
                self._pressed[name] = []
        self._seed = 0
        self._turns = random.Random(1)
        for _ in range(WARM_UP):
            self.press()
        self._heard(WARM_UP)
        for pressed in self._pressed.values():
            pressed.clear()

    @property
    def presses(self) -> int:
        """How often each gate was pressed."""
        return len(next(iter(self._pressed.values())))

    def with_kiosk(self) -> list[Child]:
        """The gates that something happens to."""
        return [gate for name, gate in self.gates.items() if name.startswith("kiosk")]

    def press(self) -> None:
        """Press every gate once, the two of each pair one right after the other, in an order that is drawn."""
        for number in range(len(self.gates) // 2):
            pair = [f"kiosk-{number}", f"plain-{number}"]
            self._turns.shuffle(pair)
            for name in pair:
                self._seed += 1
                self._pressed[name].append(self.gates[name].ask("push", seed=self._seed, every_ms=EVERY_MS))

    def add(
        self,
        results: Results,
        what: str,
        *,
        ways: Sequence[str] = ("subscriber", "committed row"),
        later_max: float = LATER_MAX,
    ) -> None:
        """The figures about all presses so far: to the subscriber and to the committed row, median and p99."""
        heard = self._heard(self.presses)
        arrived: dict[str, list[float]] = {"kiosk": [], "plain": []}
        rows: dict[str, list[float]] = {"kiosk": [], "plain": []}
        for name, pressed in self._pressed.items():
            kind = name.partition("-")[0]
            told = {"pressed": pressed, "stored": self.gates[name].ask("stored")}
            one_ms, row_ms = matched(told, [message for message in heard if message["gate"] == name])
            arrived[kind] += one_ms
            rows[kind] += row_ms
        for way in ways:
            spans = {"subscriber": arrived, "committed row": rows}[way]
            for name, part in (("median", 0.5), ("p99", 0.99)):
                ours, theirs = (share(spans[kind], part) for kind in ("kiosk", "plain"))
                results.add(ratio(f"press to {way} {what}, {name}", ours, theirs, later_max))
        halves = [share(arrived["plain"][half::2], 0.99) for half in (0, 1)]
        results.add(
            Figure("  that p99, one half of the plain gate's presses against the other", halves[0] / halves[1], None,
                   "x", f"{halves[0]:.2f} ms", f"{halves[1]:.2f} ms, n {len(arrived['plain'])} in all")
        )  # fmt: skip
        results.samples[f"press to subscriber {what}"] = arrived["kiosk"]
        results.samples[f"press to subscriber beside it, {what}"] = arrived["plain"]

    def close(self) -> None:
        """End everything."""
        for child in (*self.gates.values(), self._subscriber, self._broker):
            child.close()

    def _heard(self, presses: int) -> list[dict[str, object]]:
        """Every press of every gate, once all are at the subscriber and in their stores."""
        heard = settled(self._subscriber, presses * len(self.gates), lambda message: message.get("press") is True)
        until(lambda: all(self._are_stored(name, heard) for name in self.gates), "not every press was stored")
        return heard

    def _are_stored(self, name: str, heard: list[dict[str, object]]) -> bool:
        rows = dict(self.gates[name].ask("stored"))
        return all(message["id"] in rows for message in heard if message["gate"] == name)


def until(true: Callable[[], bool], complaint: str) -> None:
    """Wait for it. Ends the benchmark with the complaint when it does not come true in time."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > end:
            raise SystemExit(complaint)
        time.sleep(0.02)

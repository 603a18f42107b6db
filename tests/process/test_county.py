"""Two hundred gates' connections against one real mosquitto that is killed: how they come back.

The links are the gates' own (``edge.links`` and ``edge.drivers.mqtt``), at a tenth of the size and ten times the pace:
what the broker meets in each second is what 2,000 gates would offer it (``scripts/sim county``).
"""

from __future__ import annotations

import heapq
import queue
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from edge import links, wire
from edge.drivers.clock import SystemClock
from edge.drivers.mqtt import PahoLink
from edge.events import Acked, CentreStatus, Connect, Disconnect, Fact, LinkDown, LinkUp, Publish, PublishHealth, Ticked
from edge.links import Beat, LinkRules
from edge.settings import BrokerSettings, ClockSettings
from edge.trust import Trust
from tests.process.brokers import Mosquitto
from tests.process.links import BOOT, press

pytestmark = [pytest.mark.process, pytest.mark.long]

GATES = 200
PRESSED = range(0, GATES, 20)
LONGEST_MS = 6_000
PATIENCE_S = 120


class Gates:
    """All of them on one thread, with two connections' worth of threads each. ``up`` and ``dials`` are in seconds."""

    def __init__(self, port: int) -> None:
        self._clock = SystemClock(ClockSettings())
        self._facts: queue.SimpleQueue[tuple[int, Fact]] = queue.SimpleQueue()
        self._diallers = ThreadPoolExecutor(64)
        self._due: list[tuple[int, int]] = []
        self.up: dict[int, float] = {}
        self.dialled: list[float] = []
        self.acked: dict[int, float] = {}
        self.urgent: set[int] = set()
        self.states = [
            links.begin(LinkRules(jitter_seed=number + 1, reconnect_ms_max=LONGEST_MS)) for number in range(GATES)
        ]
        settings = BrokerSettings(name="county", host="127.0.0.1", port=port, tls=False)
        self.paho = [
            PahoLink(
                0, settings, wire.Address("xihu", "school", f"gate-{number}"), replace(BOOT, id=f"{number:016x}"),
                self._clock, lambda fact, number=number: self._facts.put((number, fact)), self._diallers.submit,
                Trust(),
            )
            for number in range(GATES)
        ]  # fmt: skip
        for number in range(GATES):
            self._take(number, Ticked(self._clock.now_ms()))

    def run_until(self, done: str) -> None:
        """Let facts and time pass until all are *up*, or *down*, or those with an alarm have *told* it."""
        until = time.monotonic() + PATIENCE_S
        while not getattr(self, f"_all_{done}")():
            assert time.monotonic() < until, f"not {done}: {len(self.up)} of {GATES} up, {len(self.acked)} acked"
            now_ms = self._clock.now_ms()
            while self._due and self._due[0][0] <= now_ms:
                number = heapq.heappop(self._due)[1]
                if links.wake_at(self.states[number]) <= now_ms:
                    self._take(number, Ticked(now_ms))
            try:
                self._take(*self._facts.get(timeout=0.05))
            except queue.Empty:
                continue

    def close(self) -> None:
        for link in self.paho:
            link.close()
        self._diallers.shutdown()

    def _all_up(self) -> bool:
        return len(self.up) == GATES

    def _all_down(self) -> bool:
        return not self.up

    def _all_told(self) -> bool:
        return self.urgent <= self.acked.keys() and self._all_up()

    def _take(self, number: int, fact: Fact) -> None:
        if not isinstance(fact, Acked | LinkUp | LinkDown | CentreStatus | Ticked):
            return
        now_ms = self._clock.now_ms()
        state, said = links.step(self.states[number], fact)
        if isinstance(fact, LinkUp):
            self.up[number] = time.monotonic()
        elif isinstance(fact, LinkDown):
            self.up.pop(number, None)
        elif isinstance(fact, Acked) and fact.id is not None:
            self.acked[number] = time.monotonic()
        if number in self.urgent and number not in self.acked:
            state = links.hurry(state, now_ms, waits=True)
        self.states[number] = state
        for one in said:
            match one:
                case Connect(mqtt5=mqtt5):
                    self.dialled.append(time.monotonic())
                    self.paho[number].connect(mqtt5)
                case Disconnect(reason=reason):
                    self.paho[number].disconnect(reason)
                case Beat(probe=probe):
                    self._spoken(number, now_ms)
                    self.paho[number].publish_health(PublishHealth(0, probe, {}))
        if isinstance(fact, LinkUp) and number in self.urgent:
            self._spoken(number, now_ms)
            self.paho[number].publish(_alarm(number))
        heapq.heappush(self._due, (max(links.wake_at(self.states[number]), now_ms), number))

    def _spoken(self, number: int, now_ms: int) -> None:
        self.states[number] = links.spoken(self.states[number], 0, now_ms)


def _alarm(number: int) -> Publish:
    return press(number + 1)


def test_two_hundred_connections_come_back_spread_and_those_with_an_alarm_first(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        gates = Gates(broker.port)
        try:
            gates.run_until("up")
            broker.kill()
            gates.run_until("down")
            gates.urgent = set(PRESSED)
            gates.dialled.clear()
            broker.start()
            began = time.monotonic()
            gates.run_until("told")
        finally:
            gates.close()
    back = sorted(moment - began for moment in gates.up.values())
    peak = max(sum(one <= other < one + 1 for other in gates.dialled) for one in gates.dialled)
    alarms = sorted(gates.acked[number] - began for number in PRESSED)
    print(  # noqa: T201 - the figures for docs/faults-network.md
        f"{GATES} back after {back[-1]:.1f} s, at most {peak} dials in a second;"
        f" {len(alarms)} alarms at the broker after {alarms[0]:.1f} to {alarms[-1]:.1f} s"
    )
    assert peak <= 100
    assert back[-1] <= 12
    assert alarms[len(alarms) // 2] < back[GATES // 2], "alarms come first"

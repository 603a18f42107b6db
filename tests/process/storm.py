"""A storm over real processes: guards who press while their daemons are killed, and weather over broker and centre;
and what arrived, held against what the guards did.

All chance comes from one seed. All moments are milliseconds of this machine's monotonic clock, which the daemons read
too: so a press and its event can be told to be the same without asking the daemon.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.process.brokers import Mosquitto
from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess, View
from tests.process.waiting import PATIENCE_S, until

HOLD_MS = 100
GAP_S = (0.06, 0.12)
LIFE_PRESSES = (5, 24)
LONG_OUTAGE_S = 13.0
"""Longer than the ten seconds after which an event counts as replayed."""


def now_ms() -> int:
    """The monotonic clock."""
    return time.monotonic_ns() // 1_000_000


@dataclass
class Press:
    """One press: between ``sent_ms`` and ``over_ms`` the contact closed, if at all. ``owed``: held, daemon alive."""

    life: int
    sent_ms: int
    over_ms: int = 0
    owed: bool = False


@dataclass
class Life:
    """One process of the daemon."""

    began_ms: int
    ended_ms: int


class Teller(threading.Thread):
    """A thread whose failure fails the test: ``finish`` raises it there."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self.work()
        except BaseException as failure:  # noqa: BLE001 - it is raised again on the test's thread
            self.failure = failure

    def work(self) -> None:
        """What the thread does."""
        raise NotImplementedError

    def finish(self, seconds: float) -> None:
        """Wait for the end; raise what went wrong."""
        self.join(seconds)
        assert not self.is_alive(), f"{self.name} has not ended within {seconds:g} s"
        if self.failure is not None:
            raise self.failure


class Guard(Teller):
    """Presses one gate's button ``count`` times, and kills the daemon now and then: between presses and within one."""

    def __init__(self, gate: GateProcess, count: int, seed: str) -> None:
        super().__init__(f"guard-{gate.name}")
        self.gate = gate
        self.presses: list[Press] = []
        self.lives: list[Life] = []
        self.kills = 0
        self._count = count
        self._random = random.Random(f"{seed} {gate.name}")

    @property
    def owed(self) -> list[Press]:
        """The presses that the centre must have."""
        return [press for press in self.presses if press.owed]

    def work(self) -> None:
        self._begin()
        while len(self.owed) < self._count:
            for _ in range(self._random.randint(*LIFE_PRESSES)):
                self._press()
                _pass(self._random.uniform(*GAP_S))
            if self._random.random() < 0.5:
                self._press_and_kill()
            self._kill()
            self._begin()

    def _begin(self) -> None:
        began_ms = now_ms()
        self.gate.start()
        self.lives.append(Life(began_ms, 1 << 62))
        # A daemon that has not opened its store yet keeps a press in memory alone, for a third of a second.
        self.gate.wait_for(lambda view: view["last_id"] is not None)

    def _kill(self) -> None:
        self.gate.kill9()
        self.kills += 1
        self.lives[-1].ended_ms = now_ms()

    def _press(self) -> None:
        """A press of which the test sees the whole: held, let go, and the daemon alive all the time."""
        assert self.gate.process is not None
        before, pid = _newest(self.gate.view()), self.gate.process.pid
        press = Press(len(self.lives), now_ms())
        self.presses.append(press)
        self.gate.press(HOLD_MS)
        _pass((HOLD_MS + 50) / 1000)
        # Never a reason to let a press off: that it does not come fails the test.
        self.gate.wait_for(lambda view: _newest(view) != before and not view["contacts"]["key_closed"])
        press.over_ms = now_ms()
        press.owed = self.gate.alive and self.gate.process.pid == pid
        assert press.owed, f"the daemon ended by itself: {self.gate.log()}"

    def _press_and_kill(self) -> None:
        """Too short for a promise: it may come, once."""
        press = Press(len(self.lives), now_ms())
        self.presses.append(press)
        self.gate.press(HOLD_MS)
        _pass(self._random.uniform(0, HOLD_MS / 1000))
        self._kill()
        press.over_ms = now_ms()


class SteadyGuard(Guard):
    """Presses ``count`` times; the daemon lives through it all. Whatever happens is done to its line."""

    def work(self) -> None:
        self._begin()
        while len(self.owed) < self._count:
            self._press()
            _pass(self._random.uniform(*GAP_S))


def matched(guard: Guard, rows: list[dict[str, Any]]) -> list[tuple[Press, dict[str, Any]]]:
    """Each press of a guard with its event. Fails where one is missing, came twice, or nobody pressed for an event."""
    mine = [row for row in rows if row["address"].endswith(f"/{guard.gate.name}") and row["event"]["code"] == 122]
    events = sorted((row["event"] for row in mine), key=lambda e: (e["boot_counter"], e["monotonic_ms"], e["counter"]))
    assert len({event["id"] for event in events}) == len(events), "one id is kept twice"
    unclaimed = list(events)
    pairs = []
    for press in guard.presses:
        # In the order of the events as they are sorted: so the order is the order of the presses.
        while unclaimed and unclaimed[0]["boot_counter"] < press.life:
            raise AssertionError(f"nobody pressed for {unclaimed[0]}")
        event = unclaimed[0] if unclaimed and _is_of(unclaimed[0], press) else None
        assert event is not None or not press.owed, (
            f"{guard.gate.name}: {press} is missing; next is {unclaimed[:1]}\n{guard.gate.log()[-4000:]}"
        )
        if event is not None:
            del unclaimed[0]
            pairs.append((press, event))
    assert unclaimed == [], f"{guard.gate.name}: nobody pressed for these, or they came twice"
    return pairs


def _is_of(event: dict[str, Any], press: Press) -> bool:
    """True if the event was made in the press's life and moment."""
    return event["boot_counter"] == press.life and press.sent_ms <= event["monotonic_ms"] <= press.over_ms


@dataclass
class Trouble:
    """What was out of order, from when to when."""

    what: str
    began_ms: int
    ended_ms: int = 1 << 62


@dataclass
class Sky:
    """What the weather has done."""

    troubles: list[Trouble] = field(default_factory=list)

    def down_throughout(self, began_ms: int, ended_ms: int) -> bool:
        """True if the broker was away from the one moment to the other."""
        return any(
            one.what == "broker" and one.began_ms <= began_ms and ended_ms <= one.ended_ms for one in self.troubles
        )

    def calm(self, began_ms: int, ended_ms: int) -> bool:
        """True if nothing was out of order at any time between."""
        return all(one.ended_ms < began_ms or ended_ms < one.began_ms for one in self.troubles)


class Weather(Teller):
    """Restarts, outages and freezes of broker and centre until ``stop``; then all is well again."""

    def __init__(self, broker: Mosquitto, centre: CentreProcess, seed: str) -> None:
        super().__init__("weather")
        self.sky = Sky()
        self._broker = broker
        self._centre = centre
        self._random = random.Random(f"{seed} weather")
        self._over = threading.Event()

    def stop(self) -> None:
        """Let it clear up."""
        self._over.set()

    def work(self) -> None:
        kinds: list[Callable[[], None]] = [
            self._broker_restarts, self._broker_away, self._broker_freezes, self._centre_restarts, self._centre_away,
        ]  # fmt: skip
        self._random.shuffle(kinds)
        first = [*kinds, self._broker_long_away, self._both_away]  # taken from the end: every storm has these two
        while not self._over.wait(self._random.uniform(1.5, 3)):
            (first.pop() if first else self._random.choice(kinds))()

    def _broker_restarts(self) -> None:
        self._without_broker(self._broker.stop, 0)

    def _broker_away(self) -> None:
        self._without_broker(self._broker.kill, self._random.uniform(1, 4))

    def _broker_long_away(self) -> None:
        self._without_broker(self._broker.kill, LONG_OUTAGE_S)

    def _without_broker(self, end: Callable[[], None], seconds: float) -> None:
        flapping = self._begins("flap")  # it is no more, or not yet again, at some time within
        end()
        away = self._begins("broker")
        _pass(seconds)
        away.ended_ms = now_ms()
        self._broker.start()
        flapping.ended_ms = now_ms()

    def _broker_freezes(self) -> None:
        frozen = self._begins("frozen")
        self._broker.freeze()
        _pass(self._random.uniform(0.5, 3))
        self._broker.thaw()
        frozen.ended_ms = now_ms()

    def _centre_restarts(self) -> None:
        self._without_centre(0)

    def _centre_away(self) -> None:
        self._without_centre(self._random.uniform(1, 4))

    def _both_away(self) -> None:
        """The broker takes alarms for a centre that is away, and dies with them: its word alone was worth nothing."""
        away = self._begins("centre")
        self._centre.kill9()
        _pass(2)
        self._without_broker(self._broker.kill, 0.5)
        self._centre.start()
        away.ended_ms = now_ms()

    def _without_centre(self, seconds: float) -> None:
        away = self._begins("centre")
        if self._random.random() < 0.5:
            self._centre.kill9()
        else:
            self._centre.terminate()
        _pass(seconds)
        self._centre.start()
        away.ended_ms = now_ms()

    def _begins(self, what: str) -> Trouble:
        self.sky.troubles.append(Trouble(what, now_ms()))
        return self.sky.troubles[-1]


def wait_for_calm(guards: list[Guard]) -> None:
    """Wait until every gate knows that the centre has all its presses.

    A life that has just begun counts what its file owes some 0.1 s before it knows which presses these are.
    """
    for guard in guards:
        until(lambda gate=guard.gate: _unfinished(gate.view()), lambda left: left == 0, 2 * PATIENCE_S,
              guard.gate.log)  # type: ignore[misc]  # fmt: skip


def _unfinished(view: View) -> int:
    return int(view["incident"]["unreceived"] + view["owed"]["alarm"])


def _newest(view: View) -> str | None:
    last = view["last_press"]
    return None if last is None else str(last["id"])


def _pass(seconds: float) -> None:
    """Time that passes for its own sake: a finger's hold, the pause after it, the length of an outage."""
    time.sleep(seconds)

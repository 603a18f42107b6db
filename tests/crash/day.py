"""A gate's day for the store: presses, receipts, reports, old temperatures that go; and what was promised meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from edge.drivers.memory_outbox import MemoryOutbox
from edge.drivers.store import SqliteOutbox
from edge.events import (
    Backfill,
    ClockFix,
    ClockQuality,
    ClockRead,
    Code,
    EventId,
    Fact,
    Forget,
    KeepLatch,
    Lane,
    Latch,
    MarkDone,
    NoteAlive,
    Origin,
    Qualifier,
    Record,
    Store,
    StoreCommand,
    Stored,
    StoreOpened,
    StoreTrouble,
    Topic,
    WallStamp,
)
from edge.keeper import Keeper
from edge.ledger_head import Head
from edge.ledger_key import GateKey
from edge.ledger_table import Scribe
from tests.unit.ledgers import GATE

BOOT = "00000000000000cc"
KERNEL = "kernel-1"
WALL_MS = 1_760_000_000_000
RETRY_MS = 5_000


def stamp(counter: int) -> WallStamp:
    return WallStamp(WALL_MS + counter * 1_000, ClockQuality.SYNCED, 20)


def event(counter: int, topic: Topic, more: int = 0) -> Record:
    """An event as a gate makes it, with ``more`` bytes of text."""
    lane = {Topic.ALARM: Lane.ALARM, Topic.TROUBLE: Lane.TROUBLE, Topic.LOG: Lane.TROUBLE}.get(topic, Lane.ROUTINE)
    wall = WallStamp(counter, ClockQuality.UNSYNCED, None) if counter % 13 == 0 else stamp(counter)
    return Record(
        EventId(BOOT, counter), 3, KERNEL, counter * 1_000, wall, Origin.PERSON, lane, topic, Code.SILENT_PANIC,
        Qualifier.NEW, None, {"note": f"ä{counter}" + "x" * more},
    )  # fmt: skip


class HandClock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.at_ms = 1_000

    def now_ms(self) -> int:
        return self.at_ms

    def read(self) -> ClockRead:
        return ClockRead(self.at_ms, WALL_MS, None)


class Promise(NamedTuple):
    """Told to the brain when ``calls`` calls had been made: what a power cut after that must not take away."""

    calls: int
    ids: tuple[EventId, ...]
    latched: int  # the latch's presses, which only rise
    head: Head | None


class Gate:
    """The store's thread of a gate, without the thread: keeper, card and scribe as the daemon builds them."""

    def __init__(
        self,
        path: Path,
        key: GateKey,
        calls: Callable[[], int] = lambda: 0,
        obey: Callable[[Any], None] = lambda _: None,
        routine_events_max: int = 1_000,
    ) -> None:
        """``calls`` tells how far the recording is; ``obey`` is called with each connection that the card opens."""
        self.path = path
        self.clock = HandClock()
        self.facts: list[Fact] = []
        self.said: list[StoreTrouble] = []  # in all its life
        self.promises: list[Promise] = []
        self.done: set[EventId] = set()  # as far as anybody asked for it
        self.pictures: set[EventId] = set()  # they may be forgotten
        self._calls = calls
        self._obey = obey
        self._asked = False
        self._latch: Latch | None = None
        self._limit = routine_events_max
        self.latched: dict[EventId, int] = {}
        self.scribe = Scribe(GATE, lambda: key, lambda *_: None)
        self.keeper = Keeper(self._open, lambda first: MemoryOutbox(first, 500), self.clock, self._hear, RETRY_MS)

    def run(self, *batch: StoreCommand) -> list[Fact]:
        """One batch; what was told."""
        self.facts = []
        for command in batch:
            if isinstance(command, Store):
                self._latch = command.latch or self._latch
                self.latched[command.record.id] = 0 if command.latch is None else command.latch.presses
                if command.record.topic is Topic.PICTURE:
                    self.pictures.add(command.record.id)
            if isinstance(command, KeepLatch):
                self._latch = command.latch
            if isinstance(command, MarkDone):
                self.done.add(command.id)
        self.keeper.run(batch)
        self._answer()
        return self.facts

    def wait(self, ms: int = RETRY_MS) -> list[Fact]:
        """Let time pass without a job."""
        self.facts = []
        self.clock.at_ms += ms
        while self.keeper.idle():
            pass
        self._answer()
        return self.facts

    def troubles(self) -> list[StoreTrouble]:
        return [fact for fact in self.facts if isinstance(fact, StoreTrouble)]

    def durable(self) -> set[EventId]:
        """All that was ever called stored."""
        return {id for promise in self.promises for id in promise.ids}

    def _answer(self) -> None:
        """As the brain does that was told of another latch than it knew: say what holds now."""
        if self._asked and self._latch is not None:
            self.keeper.run([KeepLatch(self._latch)])
        self._asked = False

    def _open(self) -> SqliteOutbox:
        outbox = SqliteOutbox(self.path, self._limit, scribe=self.scribe)
        database = outbox._file.database
        assert database is not None
        self._obey(database.conn)
        return outbox

    def _hear(self, fact: Fact) -> None:
        self.facts.append(fact)
        self._asked |= isinstance(fact, StoreOpened) and fact.renumbered
        if isinstance(fact, StoreTrouble):
            self.said.append(fact)
        if isinstance(fact, Stored) and fact.durable:
            ids = tuple(id for id, _ in fact.rows)
            latched = max((self.latched.get(id, 0) for id in ids), default=0)
            self.promises.append(Promise(self._calls(), ids, latched, fact.backlog.ledger))


def live(gate: Gate, dice: Random, presses: int, first: int = 1) -> None:
    """A day: start, presses and what lies between, and an orderly end."""
    gate.keeper.open()
    counter = first
    for _ in range(presses):
        press = event(counter, Topic.ALARM, dice.randrange(300))
        gate.run(Store(press, Latch((press.id,), None, counter, None, KERNEL)))
        counter += 1
        if dice.random() < 0.8:
            gate.run(MarkDone(press.id))
        batch: list[StoreCommand] = []
        for _ in range(dice.randrange(4)):
            topic = dice.choice((Topic.LOG, Topic.TROUBLE, Topic.TEMPERATURE, Topic.SELF_TEST, Topic.PICTURE))
            batch.append(Store(event(counter, topic, 9_000 if topic is Topic.PICTURE else 100), None))
            counter += 1
        if dice.random() < 0.2:
            batch += [Store(event(counter, Topic.ALARM), None), NoteAlive(stamp(counter))]
            counter += 1
        gate.run(*batch)
        chance = dice.random()
        if chance < 0.1:
            gate.run(Forget(Topic.PICTURE, WALL_MS + (counter - 20) * 1_000))
            gate.wait(100)
        elif chance < 0.2:
            gate.run(Backfill(ClockFix(KERNEL, counter * 1_000, WALL_MS + counter * 1_000, 15)))
            gate.wait(100)
        elif chance < 0.3:
            gate.run(KeepLatch(Latch((), None, counter, None, KERNEL)))
    gate.keeper.close()

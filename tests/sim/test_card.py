"""The simulated card forgets and keeps the crowd as the real one does."""

from __future__ import annotations

from msgspec.structs import replace

from edge.events import (
    ClockQuality,
    Code,
    EventId,
    Fact,
    Forget,
    Forgotten,
    KeepCrowd,
    Lane,
    Origin,
    Qualifier,
    Record,
    Store,
    StoreOpened,
    Topic,
    WallStamp,
)
from edge.measuring import CrowdKept
from edge.sim.card import RETRY_MS, Card, Keeper
from edge.sim.timeline import Timeline
from edge.sim.truth import Truth

WALL_MS = 1_760_000_000_000
CROWD = CrowdKept((34.0,), (0,), "", WALL_MS, True, "kernel-1", 0)


def stored(counter: int, topic: Topic = Topic.TEMPERATURE, lane: Lane = Lane.ROUTINE) -> Store:
    wall = WallStamp(WALL_MS + counter, ClockQuality.SYNCED, 20)
    id = EventId("00000000000000aa", counter)
    code, status = Code.TEMPERATURE_SCREENED, Qualifier.STATUS
    return Store(Record(id, 1, "kernel-1", 0, wall, Origin.PERSON, lane, topic, code, status, None, {}), None)


class Bench:
    """One card and the lives of the store's thread on it."""

    def __init__(self) -> None:
        self.time = Timeline(1)
        self.card = Card()
        self.begin()

    def begin(self) -> None:
        self.facts: list[Fact] = []
        self.keeper = Keeper(self.time, Truth(), self.card, self.facts.append)
        self.keeper.start()
        self.pass_ms(1_000)

    def pass_ms(self, ms: int) -> None:
        self.time.run_until(self.time.now_ms + ms)

    def take(self, *commands: Store | Forget | KeepCrowd) -> None:
        for command in commands:
            self.keeper.take(command)
        self.pass_ms(1_000)

    def proofs(self) -> list[tuple[Topic, int, int]]:
        return [(fact.topic, fact.rows, fact.left) for fact in self.facts if isinstance(fact, Forgotten)]

    def kept(self) -> list[int]:
        return [row.record.id.counter for row in self.card.file.rows.values()]


def test_it_forgets_what_is_old_and_about_persons_and_nothing_else() -> None:
    bench = Bench()
    bench.take(stored(1), stored(2), stored(3, Topic.LOG), stored(4, lane=Lane.TROUBLE), stored(9))
    bench.take(Forget(Topic.TEMPERATURE, WALL_MS + 9), Forget(Topic.LOG, WALL_MS + 9))

    assert bench.proofs() == [(Topic.TEMPERATURE, 2, 1), (Topic.LOG, 0, 1)]
    assert bench.kept() == [3, 4, 9]
    assert bench.card.file.backlog().routine == 2


def test_nothing_is_told_forgotten_before_the_card_takes_writes() -> None:
    bench = Bench()
    bench.take(stored(1))
    bench.card.takes_writes = False
    bench.take(stored(2), stored(9), KeepCrowd(CROWD), Forget(Topic.TEMPERATURE, WALL_MS + 9))
    assert (bench.proofs(), bench.kept(), bench.card.file.crowd) == ([], [1], None)

    bench.card.takes_writes = True
    bench.pass_ms(2 * RETRY_MS)
    assert bench.proofs() == [(Topic.TEMPERATURE, 1, 0)]
    assert (bench.kept(), bench.card.file.crowd) == ([9], CROWD)


def test_the_next_life_is_told_the_last_crowd() -> None:
    bench = Bench()
    bench.take(KeepCrowd(replace(CROWD, at_ms=1)), KeepCrowd(CROWD))
    bench.begin()
    assert [fact.crowd for fact in bench.facts if isinstance(fact, StoreOpened)] == [CROWD]

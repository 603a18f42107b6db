"""A full card takes a hundred alarms more, and the rest waits in memory; what an event costs a card in wear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from edge.drivers.store import SqliteOutbox
from edge.events import (
    Forget,
    Forgotten,
    KeepCrowd,
    KeepLatch,
    Lane,
    Latch,
    Load,
    Loaded,
    MarkDone,
    NoteAlive,
    Stage,
    Store,
    Stored,
    Topic,
    Trouble,
)
from edge.ledger_key import GateKey
from edge.measuring import CrowdKept, Verdict
from tests.crash.day import KERNEL, WALL_MS, Gate, event, live, stamp
from tests.crash.judge import Order, faults
from tests.process.cards import Card
from tests.unit.ledgers import key_in

ALARMS = 100
CARD_BYTES = 8 * 1024 * 1024
WEAR_EVENTS = 200
WEAR_BYTES_MAX = 30_000

READINGS = 2_000
MINUTES = 1_440
STUDENTS_A_NOTE = 10
"""At one student a second: the crowd is kept every ten seconds (``edge.retention``)."""

DAY_BYTES_MAX = 100_000_000
DAY_CARD_BYTES = 64 * 1024 * 1024


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    found = Card(tmp_path / "m", CARD_BYTES)
    yield found
    found.close()


@pytest.fixture
def key(tmp_path: Path) -> GateKey:
    return key_in(tmp_path / "key")


def alarm(gate: Gate, counter: int) -> bool:
    """One more press; whether it was called stored."""
    one = event(counter, Topic.ALARM, 300)
    facts = gate.run(Store(one, Latch((one.id,), None, counter, None, KERNEL)))
    (stored,) = [fact for fact in facts if isinstance(fact, Stored)]
    assert [id for id, _ in stored.rows] == [one.id]
    return stored.durable


def report(gate: Gate, counter: int) -> bool:
    (stored,) = [fact for fact in gate.run(Store(event(counter, Topic.TROUBLE, 300), None)) if isinstance(fact, Stored)]
    return stored.durable


@pytest.mark.parametrize("starting", [False, True])
def test_a_hundred_more_alarms_are_stored_on_a_full_card(card: Card, key: GateKey, starting: bool) -> None:
    path = card.path / "events.db"
    gate = Gate(path, key)
    if starting:
        live(gate, Random(3), 30)
        card.fill()
        gate = Gate(path, key)
        gate.keeper.open()
    else:
        gate.keeper.open()
        assert alarm(gate, 1_000)
        card.fill()
    for number in range(ALARMS):
        assert alarm(gate, 2_000 + number), number
        assert [one.trouble for one in gate.said] == [Trouble.STORE_IN_MEMORY], "people are told with the first"
        if number % 10 == 5:
            assert not report(gate, 3_000 + number), "what is left is for alarms"
            gate.wait()
    assert gate.keeper.in_memory
    assert gate.keeper.unexpected == 0
    assert {one.trouble for one in gate.troubles()} <= {Trouble.STORE_IN_MEMORY}
    (loaded,) = [fact for fact in gate.run(Load(Lane.ALARM, 0, 1_000)) if isinstance(fact, Loaded)]
    assert len([row for row in loaded.rows if row.record.id.counter >= 2_000]) == ALARMS

    card.empty()
    gate.wait()
    assert not gate.keeper.in_memory
    assert report(gate, 4_000)
    gate.keeper.close()
    assert (card.path / "events.reserve").stat().st_size > 0, "for the next time"
    assert faults(path, gate.promises, Order(gate.done, gate.pictures, key)) == []


def test_an_alarm_that_ended_while_the_card_was_full_does_not_come_back_when_there_is_room(
    card: Card, key: GateKey
) -> None:
    """The officer's word went to memory and the end to the card: the older of the two must not be brought back."""
    path = card.path / "events.db"
    gate = Gate(path, key)
    gate.keeper.open()
    assert alarm(gate, 1_000)
    card.fill()
    assert alarm(gate, 2_000)
    ids = (event(2_000, Topic.ALARM, 300).id,)
    gate.run(KeepLatch(Latch(ids, Stage.DISPATCHED, 1, None, KERNEL)))
    gate.run(Store(event(2_001, Topic.ALARM, 300), Latch((), None, 0, None, KERNEL)))
    card.empty()
    gate.wait()
    assert not gate.keeper.in_memory
    gate.keeper.close()
    outbox = SqliteOutbox(path, 1_000)
    kept = outbox.latch()
    outbox.close()
    assert kept is not None
    assert (kept.ids, kept.officer) == ((), None)


@pytest.mark.parametrize("topic", [Topic.ALARM, Topic.TEMPERATURE, Topic.TROUBLE])
def test_an_event_costs_the_card_at_most_30_kb(card: Card, key: GateKey, topic: Topic) -> None:
    """Stored alone and marked done alone, checkpoints and the file system's own journal included."""
    gate = Gate(card.path / "events.db", key)
    gate.keeper.open()
    for counter in range(1, 21):
        gate.run(Store(event(counter, topic, 150), None))
    before = card.written_bytes()
    for counter in range(100, 100 + WEAR_EVENTS):
        one = event(counter, topic, 150)
        latch = Latch((one.id,), None, counter, None, KERNEL) if topic is Topic.ALARM else None
        gate.run(Store(one, latch))
        gate.run(MarkDone(one.id))
    an_event = (card.written_bytes() - before) / WEAR_EVENTS
    gate.keeper.close()
    print(f"{topic.value}: {an_event / 1000:.1f} kB")  # noqa: T201
    assert an_event <= WEAR_BYTES_MAX


@pytest.mark.long
def test_a_day_of_2_000_readings_costs_the_card_at_most_100_mb(tmp_path: Path, key: GateKey) -> None:
    """Each stored alone and marked done alone, the crowd kept beside them, a sign of life each minute; and the day's
    deletion, of as many readings of an earlier day."""
    card = Card(tmp_path / "day", DAY_CARD_BYTES)
    try:
        gate = Gate(card.path / "events.db", key, routine_events_max=100_000)
        gate.keeper.open()
        for counter in range(1, READINGS + 1):
            gate.run(
                Store(event(counter, Topic.TEMPERATURE, 150), None), MarkDone(event(counter, Topic.TEMPERATURE).id)
            )
        before = card.written_bytes()
        for counter in range(READINGS + 1, 2 * READINGS + 1):
            one = event(counter, Topic.TEMPERATURE, 150)
            gate.run(Store(one, None))
            gate.run(MarkDone(one.id))
            if counter % STUDENTS_A_NOTE == 0:
                gate.run(KeepCrowd(crowd(counter)))
        for minute in range(MINUTES):
            gate.run(NoteAlive(stamp(2 * READINGS + 60 * minute)))
        facts = gate.run(Forget(Topic.TEMPERATURE, WALL_MS + READINGS * 1_000))
        facts = [*facts, *gate.wait()]
        a_day = card.written_bytes() - before
        gate.keeper.close()
    finally:
        card.close()
    (forgotten,) = [fact for fact in facts if isinstance(fact, Forgotten)]
    assert forgotten.rows >= READINGS * 12 // 13, "else the day's deletion was not counted"
    assert forgotten.left == 0
    print(f"{a_day / 1e6:.1f} MB a day")  # noqa: T201
    assert a_day <= DAY_BYTES_MAX


def crowd(counter: int) -> CrowdKept:
    """Fifty students, as they are kept in the middle of a morning."""
    residuals = tuple(34.0 + (counter + number) % 97 / 100 for number in range(50))
    ago_ms = tuple(range(49_000, -1, -1_000))
    today = {Verdict.NORMAL: counter, Verdict.AGAIN: counter // 50}
    return CrowdKept(residuals, ago_ms, "BCC 0.98", WALL_MS + counter * 1_000, True, KERNEL, counter * 1_000, today)

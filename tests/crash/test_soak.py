"""A hundred thousand events through the store, and 24 hours of a gate's life: it grows no more than its file does."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from random import Random

import psutil
import pytest

from edge.events import Lane, Latch, Load, MarkDone, NoteAlive, Store, StoreCommand, Topic
from tests.crash.day import KERNEL, Gate, event, stamp
from tests.unit.ledgers import key_in

pytestmark = pytest.mark.long

EVENTS = 100_000
DAY_MS = 86_400_000
WARM_SHARE = 0.2
"""After this share of the events caches are full, and what is used then is what may be used for ever."""

GROWTH_MAX = 1.05


def used() -> tuple[int, int]:
    """Bytes of memory that are this process's alone, and open descriptors."""
    gc.collect()
    return psutil.Process().memory_full_info().uss, len(os.listdir("/proc/self/fd"))


def test_100_000_events_and_24_hours_leave_memory_within_5_percent_and_descriptors_as_they_were(tmp_path: Path) -> None:
    dice = Random(1)
    gate = Gate(tmp_path / "events.db", key_in(tmp_path / "key"), routine_events_max=5_000)
    gate.keeper.open()
    counter, warm = 0, (0, 0)
    while counter < EVENTS:
        batch: list[StoreCommand] = []
        for _ in range(dice.randrange(1, 40)):
            counter += 1
            topic = dice.choice((Topic.TEMPERATURE,) * 6 + (Topic.TROUBLE, Topic.LOG, Topic.ALARM))
            one = event(counter, topic, dice.randrange(200))
            batch.append(Store(one, Latch((one.id,), None, 1, None, KERNEL) if topic is Topic.ALARM else None))
        gate.run(*batch)
        gate.run(*(MarkDone(command.record.id) for command in batch if isinstance(command, Store)))
        gate.run(NoteAlive(stamp(counter)), Load(Lane.ALARM, 0, 16))
        gate.clock.at_ms += DAY_MS * len(batch) // EVENTS
        gate.keeper.idle()
        for kept in (gate.facts, gate.promises, gate.said):
            kept.clear()  # the test's own memory
        gate.done.clear()
        gate.latched.clear()
        if warm == (0, 0) and counter > WARM_SHARE * EVENTS:
            warm = used()
    end = used()
    print(f"memory {warm[0] / 1e6:.1f} MB, at the end {end[0] / 1e6:.1f} MB; descriptors {warm[1]}, {end[1]}")  # noqa: T201
    assert gate.keeper.unexpected == 0
    assert not gate.keeper.in_memory
    assert gate.clock.at_ms >= DAY_MS * 0.99
    assert end[0] <= warm[0] * GROWTH_MAX
    assert end[1] == warm[1]
    gate.keeper.close()

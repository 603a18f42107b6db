"""A card that fails at any call: nothing is called stored that is not, no press is lost, and no file is thrown away."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from edge.events import Lane, Latch, Load, Loaded, MarkDone, Store, Topic, Trouble
from edge.ledger_key import GateKey
from tests.crash.day import KERNEL, Gate, event
from tests.crash.judge import Order, faults
from tests.crash.listening_vfs import CANTOPEN, FULL, IOERR_FSYNC, IOERR_WRITE, Fault, ListeningVfs, Op
from tests.unit.ledgers import key_in

FEW, MANY = 36, 500
PRESSES = 12


class Failing(NamedTuple):
    """A way to fail. ``kinds`` are the calls that it meets; a card that is read-only meets all."""

    name: str
    code: int
    kinds: tuple[str, ...]
    part: float = 0.0


WAYS = (
    Failing("EIO in a write", IOERR_WRITE, ("write",)),
    Failing("EIO in a sync", IOERR_FSYNC, ("sync",)),
    Failing("ENOSPC", FULL, ("write",)),
    Failing("a short write", FULL, ("write",), 0.5),
    Failing("EROFS", IOERR_WRITE, ("write", "truncate", "sync")),
    Failing("no new file", CANTOPEN, ("create", "delete")),
)


@pytest.fixture
def key(tmp_path: Path) -> GateKey:
    return key_in(tmp_path / "key")


def day(gate: Gate) -> None:
    """Start, presses, receipts, reports, pauses; then the card is well again, and after it the end."""
    gate.keeper.open()
    for counter in range(1, PRESSES + 1):
        press = event(counter, Topic.ALARM, 50)
        gate.run(Store(press, Latch((press.id,), None, counter, None, KERNEL)))
        gate.run(Store(event(100 + counter, Topic.TROUBLE), None), MarkDone(event(100 + counter - 1, Topic.LOG).id))
        if counter % 3 == 0:
            gate.wait()


def fail(path: Path, key: GateKey, way: Failing, number: int, for_good: bool) -> tuple[Gate, bool]:
    """A day on a card whose call ``number`` fails, and all after it if it fails for good; and whether it came to it."""
    met = 0
    well = False

    def ear(op: Op) -> Fault | None:
        nonlocal met
        if well or op.kind not in way.kinds:
            return None
        met += 1
        return Fault(way.code, way.part) if met == number or (for_good and met > number) else None

    gate = Gate(path, key)
    with ListeningVfs(ear).in_use():
        day(gate)
        told = [row.record.id for fact in gate.run(Load(Lane.ALARM, 0, 500)) if isinstance(fact, Loaded)
                for row in fact.rows]  # fmt: skip
        assert len(told) == len(set(told)) == PRESSES, "every press is owed, once, wherever it is kept"
        well = True
        gate.wait()
        gate.wait()
        gate.keeper.close()
    return gate, met >= number


def judge(directory: Path, key: GateKey, way: Failing, number: int, for_good: bool) -> bool:
    path = directory / "state" / "events.db"
    path.parent.mkdir()
    gate, met = fail(path, key, way, number, for_good)
    where = f"{way.name}, call {number}, {'for good' if for_good else 'once'}"
    assert gate.keeper.unexpected == 0, where
    assert not [one for one in gate.said if one.trouble is Trouble.STORE_DAMAGED], where
    assert not list(path.parent.glob("*.damaged.*")), where
    assert faults(path, gate.promises, Order(gate.done, gate.pictures, key)) == [], where
    assert {event(counter, Topic.ALARM).id for counter in range(1, PRESSES + 1)} <= gate.durable(), where
    shutil.rmtree(path.parent)
    return met


def inject(directory: Path, key: GateKey, many: int, dice: Random) -> None:
    met = 0
    for number in range(many):
        way = WAYS[number % len(WAYS)]
        calls = {"write": 300, "sync": 45, "create": 5}[way.kinds[0]]
        met += judge(directory, key, way, dice.randrange(1, calls), number // len(WAYS) % 2 == 0)
    assert met > 0.7 * many, "most faults must meet a call"


def test_a_card_that_fails_once_or_for_good_at_any_call_costs_no_press_and_is_never_called_well(
    tmp_path: Path, key: GateKey
) -> None:
    inject(tmp_path, key, FEW, Random(2))


@pytest.mark.long
def test_five_hundred_faults_of_the_card_cost_no_press(tmp_path: Path, key: GateKey) -> None:
    inject(tmp_path, key, MANY, Random(3))

"""What comes over from a damaged file, in which order, and what the brain hears of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from edge import salvage
from edge.chain import Result
from edge.events import Store, StoreOpened, Topic
from edge.ledger_check import Checker
from edge.ledger_export import check
from edge.ledger_key import GateKey, PublicKey
from edge.ledger_table import read
from tests.crash.day import Gate, event, live
from tests.unit.ledgers import key_in

PAGE = 4096


@pytest.fixture
def key(tmp_path: Path) -> GateKey:
    return key_in(tmp_path / "key")


def history(path: Path) -> list[tuple[int, int, int]]:
    """Number, counter, owed."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT seq, counter, owed FROM events ORDER BY seq").fetchall()


def destroy(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(b"\xa5" * PAGE)


def settle(gate: Gate) -> None:
    while gate.keeper.idle():
        pass


def test_the_whole_log_and_the_whole_ledger_come_back_without_the_first_page(tmp_path: Path, key: GateKey) -> None:
    first = Gate(tmp_path / "events.db", key)
    live(first, Random(4), 40)
    before = history(first.path)
    owed = [row for row in before if row[2]]
    destroy(first.path, 0)

    second = Gate(first.path, key)
    second.keeper.open()
    fresh = event(5_000, Topic.ALARM)
    second.run(Store(fresh, None))
    assert [counter for _, counter, _ in history(first.path)] != [row[1] for row in before]
    settle(second)
    second.keeper.close()

    numbers = {counter: (seq, owed) for seq, counter, owed in history(first.path)}
    delivered = [row for row in before if not row[2]]
    assert [(counter, *numbers[counter]) for _, counter, _ in delivered] == [(c, s, o) for s, c, o in delivered]
    last = before[-1][0]
    assert all(numbers[counter][0] > last and numbers[counter][1] for _, counter, _ in owed), "saved at once"
    assert numbers[5_000][0] > last + len(owed)
    outcome = check(read(first.path), Checker([PublicKey(key.public_key)], head=second.promises[-1].head))
    assert outcome.result is Result.PASS


@pytest.mark.long
def test_owed_events_that_the_first_look_did_not_reach_are_told_to_the_brain(tmp_path: Path, key: GateKey) -> None:
    """More than are saved at once: the brain has read to the end before the last of them are there."""
    many = salvage.RESCUE_ROWS_MAX + 300
    first = Gate(tmp_path / "events.db", key, routine_events_max=100_000)
    first.keeper.open()
    first.run(*(Store(event(counter, Topic.TROUBLE), None) for counter in range(1, many + 1)))
    first.keeper.close()
    destroy(first.path, 0)

    second = Gate(first.path, key, routine_events_max=100_000)
    second.keeper.open()
    second.run(Store(event(50_000, Topic.LOG), None))
    assert len(history(first.path)) == salvage.RESCUE_ROWS_MAX + 1
    second.facts = []
    settle(second)
    told = [fact for fact in second.facts if isinstance(fact, StoreOpened)]
    assert [(fact.renumbered, fact.backlog.trouble) for fact in told] == [(True, many + 1)]
    second.keeper.close()


def test_a_salvage_that_was_cut_off_is_done_again_and_doubles_nothing(tmp_path: Path, key: GateKey) -> None:
    first = Gate(tmp_path / "events.db", key)
    live(first, Random(4), 60)
    before = history(first.path)
    destroy(first.path, 0)
    for life in range(3):
        gate = Gate(first.path, key)
        gate.keeper.open()
        gate.run(Store(event(5_000 + life, Topic.LOG), None))
        gate.keeper.idle()
        gate.keeper.close()
    gate = Gate(first.path, key)
    gate.keeper.open()
    settle(gate)
    gate.keeper.close()
    assert sorted(counter for _, counter, _ in history(first.path)) == sorted(
        [*(counter for _, counter, _ in before), 5_000, 5_001, 5_002]
    )

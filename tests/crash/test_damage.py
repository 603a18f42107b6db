"""Bits that fell over and pages that are gone: whatever was altered is found, and what is left is saved."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from edge.events import EventId, Store, Topic, Trouble
from edge.ledger_check import MERE_DOUBTS, Checker
from edge.ledger_export import check
from edge.ledger_key import GateKey, PublicKey
from edge.ledger_table import read
from tests.crash.day import Gate, event, live
from tests.unit.ledgers import key_in

PAGE = 4096
PRESSES, MANY_PRESSES = 120, 600
ROWS_ON_A_PAGE_MAX = 12
START_S_MAX = 10.0

Rows = dict[EventId, tuple[Any, ...]]


class Holding(NamedTuple):
    """A gate's file after a busy day, and what it holds."""

    data: bytes
    rows: Rows
    ledger: list[tuple[Any, ...]]
    key: GateKey


class Aftermath(NamedTuple):
    """What became of a damaged file. ``told``: the gate said so; ``ledger_found``: the ledger's check did."""

    told: bool
    ledger_found: bool
    rows: Rows
    ledger: list[tuple[Any, ...]]
    seconds: float


def rows_of(path: Path) -> Rows:
    """What an event is: its record, what columns repeat of it, and whether it is owed."""
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        found = connection.execute(
            "SELECT boot, counter, boot_counter, kernel_boot, at_ms, lane, topic, code, qualifier, wall_ms,"
            " wall_quality, wall_bound_ms, owed, record FROM events"
        )
        return {EventId(str(row[0], errors="replace"), row[1]): row[2:] for row in found}


def ledger_of(path: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        return connection.execute("SELECT number, previous, record, signature, hash FROM ledger").fetchall()


def busy_day(directory: Path, presses: int) -> Holding:
    key = key_in(directory / "key")
    gate = Gate(directory / "events.db", key)
    live(gate, Random(1), presses)
    return Holding(gate.path.read_bytes(), rows_of(gate.path), ledger_of(gate.path), key)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Holding:
    return busy_day(tmp_path_factory.mktemp("store"), PRESSES)


def after(directory: Path, store: Holding, data: bytes) -> Aftermath:
    """A gate starts with this file, stores one event, and has time to look at everything."""
    for old in directory.glob("events*"):
        old.unlink()
    path = directory / "events.db"
    path.write_bytes(data)
    gate = Gate(path, store.key)
    began = time.monotonic()
    gate.keeper.open()
    seconds = time.monotonic() - began
    gate.keeper.run([Store(event(999_999, Topic.LOG), None)])
    while gate.keeper.idle():
        pass
    assert (gate.keeper.unexpected, gate.keeper.in_memory) == (0, False), gate.troubles()
    told = {one.trouble for one in gate.troubles() if one.raised}
    assert told <= {Trouble.STORE_DAMAGED}
    gate.keeper.close()
    outcome = check(read(path), Checker([PublicKey(store.key.public_key)]))
    found = any(one.fault not in MERE_DOUBTS for one in outcome.findings)
    return Aftermath(bool(told), found, rows_of(path), ledger_of(path), seconds)


def flipped(store: Holding, dice: Random) -> bytes:
    data = bytearray(store.data)
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


def torn(store: Holding, page: int, dice: Random) -> bytes:
    data = bytearray(store.data)
    data[page * PAGE : (page + 1) * PAGE] = dice.randbytes(PAGE)
    return bytes(data)


def lost(store: Holding, end: Aftermath) -> int:
    """How many events are not there as they were; whether owed or not is not asked."""
    return sum(end.rows.get(id, (None,))[-1] != row[-1] for id, row in store.rows.items())


def is_unaltered(store: Holding, end: Aftermath) -> bool:
    """Every event as it was, and every entry of the ledger, unless its check has found something."""
    events = {id: end.rows.get(id) for id in store.rows}
    return events == store.rows and (end.ledger_found or end.ledger[: len(store.ledger)] == store.ledger)


def flip_bits(directory: Path, store: Holding, many: int) -> None:
    dice = Random(5)
    for number in range(many):
        end = after(directory, store, flipped(store, dice))
        assert end.seconds < START_S_MAX
        assert lost(store, end) <= ROWS_ON_A_PAGE_MAX, number
        assert end.told or is_unaltered(store, end), number


def destroy_pages(directory: Path, store: Holding, pages: Iterator[int]) -> None:
    dice = Random(6)
    for page in pages:
        end = after(directory, store, torn(store, page, dice))
        assert end.seconds < START_S_MAX
        assert end.told or is_unaltered(store, end), page
        assert lost(store, end) <= ROWS_ON_A_PAGE_MAX, page


def test_no_bit_that_fell_over_goes_unnoticed(store: Holding, tmp_path: Path) -> None:
    flip_bits(tmp_path, store, 20)


@pytest.mark.long
def test_of_a_thousand_bits_that_fell_over_none_goes_unnoticed(store: Holding, tmp_path: Path) -> None:
    flip_bits(tmp_path, store, 1_000)


def test_a_page_that_is_destroyed_costs_the_rows_on_it_and_no_others(store: Holding, tmp_path: Path) -> None:
    """The first pages as well: the list of tables, the roots, where SQLite itself finds nothing any more."""
    last = len(store.data) // PAGE - 1
    destroy_pages(tmp_path, store, iter([*range(8), *Random(7).sample(range(8, last), 4)]))


@pytest.mark.long
def test_after_each_of_two_hundred_destroyed_pages_99_percent_of_the_events_are_saved(tmp_path: Path) -> None:
    store = busy_day(tmp_path, MANY_PRESSES)
    assert len(store.rows) >= 100 * ROWS_ON_A_PAGE_MAX
    destroy_pages(tmp_path, store, iter(Random(8).choices(range(len(store.data) // PAGE), k=200)))

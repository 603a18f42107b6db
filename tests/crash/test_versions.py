"""Upgrade and downgrade over two versions of the file, killed at every call that writes: nothing is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from edge import store_schema as schema
from edge.card_file import CardFile
from edge.drivers.store import SqliteOutbox
from edge.events import EventId, Lane, Topic
from tests.crash.day import BOOT, event
from tests.crash.listening_vfs import ListeningVfs, Op
from tests.crash.power import Card, lay_down
from tests.crash.test_power_cuts import files_in

GOLDEN = Path(__file__).parent.parent / "golden"

NEXT = (
    ("ALTER TABLE events ADD COLUMN colour TEXT", "CREATE TABLE weather (at_ms INTEGER PRIMARY KEY) STRICT"),
    ("CREATE INDEX events_coloured ON events (seq) WHERE colour IS NOT NULL", "ALTER TABLE keep ADD COLUMN note TEXT"),
)
"""What two versions to come may add, by the rule of edge/store_versions.py: only what an older one can do without."""


def upgrade_to_come(path: Path) -> None:
    """What a program two versions ahead does when it starts."""
    file = CardFile(path, 2**30, lambda _: None)
    file.open((*schema.MIGRATIONS, *NEXT), ("events",), ("keep",))
    file.close()


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def written_by_today(path: Path) -> None:
    outbox = SqliteOutbox(path, 1_000)
    outbox.append([event(counter, Topic.ALARM) for counter in range(1, 9)], None)
    outbox.mark_done([EventId(BOOT, 1)])
    outbox.close()


def owed(path: Path) -> list[int]:
    outbox = SqliteOutbox(path, 1_000)
    try:
        return [row.record.id.counter for row in outbox.load(Lane.ALARM, 0, 100)]
    finally:
        outbox.close()


def killed_at_every_call(directory: Path, work: Callable[[Path], None], look: Callable[[Path], None]) -> int:
    """Do it once; then look at what a kill at each of its calls would have left, and at what comes of another try."""
    path = directory / "events.db"
    before = files_in(directory)
    calls: list[Op] = []
    with ListeningVfs(calls.append).in_use():
        work(path)
    card = Card(before)
    for op in [*calls, None]:
        lay_down(card.killed(), directory)
        look(path)
        work(path)
        look(path)
        if op is not None:
            card.take(op)
    return len(calls)


@pytest.mark.parametrize("golden", ["store_version_1.sql", "store_version_2.sql"])
def test_an_upgrade_from_an_old_version_that_is_killed_at_any_call_loses_nothing(tmp_path: Path, golden: str) -> None:
    path = tmp_path / "events.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((GOLDEN / golden).read_text())
        rows = connection.execute("SELECT seq, boot, counter, owed, record FROM events").fetchall()

    def look(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT seq, boot, counter, owed, record FROM events").fetchall() == rows

    assert killed_at_every_call(tmp_path, lambda path: SqliteOutbox(path, 1_000).close(), look) > 20
    assert version(path) == len(schema.MIGRATIONS)


def test_an_upgrade_over_two_versions_to_come_loses_nothing_wherever_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    written_by_today(path)

    def look(path: Path) -> None:
        assert owed(path) == list(range(2, 9)), "today's program goes on with whatever it finds"

    assert killed_at_every_call(tmp_path, upgrade_to_come, look) > 5
    assert version(path) == len(schema.MIGRATIONS) + len(NEXT)


def test_a_gate_that_goes_back_two_versions_stores_on_and_comes_forward_again_wherever_it_is_killed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "events.db"
    written_by_today(path)
    upgrade_to_come(path)

    def today(path: Path) -> None:
        outbox = SqliteOutbox(path, 1_000)
        outbox.append([event(20, Topic.ALARM)], None)
        outbox.mark_done([EventId(BOOT, 2)])
        outbox.close()

    def look(path: Path) -> None:
        found: Sequence[int] = owed(path)
        assert set(range(3, 9)) <= set(found)
        upgrade_to_come(path)
        assert owed(path) == found
        assert version(path) == len(schema.MIGRATIONS) + len(NEXT)

    killed_at_every_call(tmp_path, today, look)
    assert owed(path) == [*range(3, 9), 20]

"""Rows out of bare pages: the same that SQLite finds, and no more than was committed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from edge.raw_pages import RawPages


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.db"


def found(path: Path) -> list[tuple[object, ...]]:
    """The rows of three columns of the only table with numbers."""
    with closing(RawPages(path)) as pages:
        cells = [cell for number in range(1, pages.count + 1) for cell in pages.cells(number)]
    return sorted((number, *columns[1:]) for number, columns in cells if number and len(columns) == 3)


def table(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE one (number INTEGER PRIMARY KEY, text, value)")


@pytest.mark.parametrize("size", [512, 4096, 32768])
def test_the_same_rows_are_found_as_by_sqlite_however_long_they_are(path: Path, size: int) -> None:
    dice = Random(size)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA page_size = {size}")
        table(connection)
        for _ in range(400):
            length = dice.choice((0, 5, 100, size - 60, size, 3 * size))
            value = dice.choice((None, 0, 1, -1, 200, -40_000, 2**23, 2**40, -(2**62), dice.randbytes(length)))
            number = dice.choice((None, dice.randrange(1, 2**40)))
            connection.execute("INSERT OR IGNORE INTO one VALUES (?, ?, ?)", (number, "ä" * (length // 2), value))
        connection.commit()
        rows = connection.execute("SELECT * FROM one ORDER BY number").fetchall()
    assert found(path) == rows


def test_what_lies_in_the_wal_is_found_as_it_was_last_committed(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        table(connection)
        connection.executemany("INSERT INTO one VALUES (?, 'old', 1)", [(number,) for number in range(1, 500)])
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("UPDATE one SET text = 'new' WHERE number % 2")
        rows = connection.execute("SELECT * FROM one ORDER BY number").fetchall()
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("UPDATE one SET text = 'never'")
        assert found(path) == rows
        connection.execute("ROLLBACK")


def test_a_wal_of_an_earlier_round_is_not_read(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        table(connection)
        connection.executemany("INSERT INTO one VALUES (?, 'old', 1)", [(number,) for number in range(1, 500)])
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
        connection.execute("DELETE FROM one WHERE number > 1")
        assert found(path) == [(1, "old", 1)]


def test_noise_is_no_row_and_ends_nothing(path: Path) -> None:
    dice = Random(3)
    for _ in range(50):
        path.write_bytes(dice.randbytes(8 * 4096))
        found(path)
    for page in range(8):
        data = bytearray(dice.randbytes(8 * 4096))
        data[page * 4096] = 0x0D
        path.write_bytes(data)
        found(path)
    path.write_bytes(b"")
    assert found(path) == []


def test_a_file_that_is_not_there_is_told(path: Path) -> None:
    with pytest.raises(OSError):
        RawPages(path)

"""A file's definitions: one that is not as it was written is damage, in whichever words SQLite keeps a table."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge.card_file import CardFile
from edge.ports import OutboxDamaged
from edge.store_schema import MIGRATIONS


def card(path: Path) -> CardFile:
    file = CardFile(path, 2**30, lambda _: None)
    file.open(MIGRATIONS, ("events",), ("keep",))
    return file


def rewrite(path: Path, change: str) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA writable_schema = ON")
        other.execute(change)
        other.commit()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("events_settled", "OF owed", "OF lane"),
        ("events_personal", "COALESCE", "COALESCF"),
        ("ledger", "signature", "signaturf"),
        ("events", "checksum", "checksun"),
    ],
)
def test_a_definition_that_the_card_altered_is_damage_at_once(tmp_path: Path, name: str, old: str, new: str) -> None:
    path = tmp_path / "events.db"
    card(path).close()
    rewrite(path, f"UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}') WHERE name = '{name}'")
    with pytest.raises(OutboxDamaged):
        card(path)
    assert path.with_name("events.damaged.1").exists()


def test_other_words_for_the_same_columns_are_no_damage(tmp_path: Path) -> None:
    """Another SQLite may put the added column elsewhere in the text, or with other spaces."""
    path = tmp_path / "events.db"
    card(path).close()
    rewrite(path, "UPDATE sqlite_master SET sql = replace(sql, ', checksum INTEGER', ' ,  checksum  INTEGER ')")
    card(path).close()


def test_what_somebody_added_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    card(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE INDEX of_a_technician ON events (code)")
        other.execute("ANALYZE")
        other.commit()
    card(path).close()


def test_small_pages_are_for_new_files_and_every_file_checkpoints_at_a_megabyte(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old)) as other:
        other.execute("CREATE TABLE spare (a)")
    for path, pages in ((tmp_path / "new.db", 1024), (old, 256)):
        file = card(path)
        with file.reading() as connection:
            assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (pages,)
            assert connection.execute("PRAGMA page_size").fetchone() == (1024 * 1024 // pages,)
        file.close()

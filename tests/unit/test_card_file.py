"""A file's definitions: one that is not as it was written is damage, in whichever words SQLite keeps a table."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge.card_file import CardFile, migrate
from edge.ports import OutboxDamaged, OutboxFull
from edge.salvage import Rescued
from edge.store_schema import MIGRATIONS


def card(path: Path, hear: Callable[[Rescued], None] = lambda _: None) -> CardFile:
    file = CardFile(path, 2**30, hear)
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
    with pytest.raises(OutboxDamaged, match=f"the definition of {name} is not as it was written"):
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


def test_the_wal_is_cut_back_to_4_mb_and_nothing_deleted_stays_readable(tmp_path: Path) -> None:
    file = card(tmp_path / "events.db")
    with file.reading() as connection:
        assert connection.execute("PRAGMA journal_size_limit").fetchone() == (4 * 1024 * 1024,)
        assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)
        assert connection.execute("PRAGMA temp_store").fetchone() == (2,)
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (1_000,)
    file.close()


def test_emptying_the_wal_leaves_the_patience_with_readers_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    file = card(path)
    with file.writing() as connection:
        connection.execute("INSERT INTO keep VALUES ('a', 'b')")
    file.empty_wal()
    assert path.with_name("events.db-wal").stat().st_size == 0
    with file.reading() as connection:
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (1_000,)
    file.close()


def test_a_file_that_was_let_go_says_so(tmp_path: Path) -> None:
    file = card(tmp_path / "events.db")
    file.close()
    file.close()
    for ask in (file.reading, file.reading_afresh, file.writing):
        with pytest.raises(OutboxFull, match=r"events\.db is closed"), ask():
            pass


def test_a_directory_that_became_a_file_is_a_card_that_refuses_and_no_damage(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    file = card(tmp_path / "state" / "events.db")
    (tmp_path / "state").rename(tmp_path / "away")
    (tmp_path / "state").write_text("")
    with pytest.raises(OutboxFull, match="Not a directory"), file.writing():
        pass
    file.close()


def test_a_damaged_file_that_cannot_be_moved_aside_is_told_with_the_reason_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    path.write_bytes(b"garbage " * 1_000)
    path.with_name(f"events.damaged.{'9' * 240}").touch()  # the next number makes a name too long
    heard: list[Rescued] = []
    with pytest.raises(OutboxDamaged, match="could not be moved aside: File name too long; 0 owed events saved"):
        card(path, heard.append)
    assert path.exists()
    assert [(one.records, one.latch) for one in heard] == [((), None)]


def test_a_file_whose_wal_cannot_be_opened_is_not_read_without_it(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    card(path).close()
    path.with_name("events.db-wal").mkdir()
    (path.with_name("events.db-wal") / "something").touch()
    with pytest.raises(OutboxFull, match="CANTOPEN"):
        card(path)


def test_a_setting_that_does_not_take_is_refused(tmp_path: Path) -> None:
    """Nothing would be durable: a file in memory keeps no WAL, and says so without an error."""
    file = card(tmp_path / "events.db")
    with (
        closing(sqlite3.connect(":memory:")) as memory,
        pytest.raises(OutboxFull, match=r"events\.db: journal_mode is 'memory', 'wal' is needed"),
    ):
        file._demand(memory, "journal_mode = WAL", "wal")
    file.close()


def test_a_migration_that_sqlite_has_rolled_back_itself_tells_what_went_wrong() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as memory:
        with pytest.raises(sqlite3.OperationalError, match="no such table: nowhere"):
            migrate(memory, 0, ["ROLLBACK", "INSERT INTO nowhere VALUES (1)"])
        assert not memory.in_transaction


def test_a_transaction_that_sqlite_has_rolled_back_itself_tells_what_went_wrong(tmp_path: Path) -> None:
    file = card(tmp_path / "events.db")
    with pytest.raises(OutboxFull, match="no transaction is active"), file.writing() as connection:
        connection.execute("ROLLBACK")
    file.close()


def test_a_long_file_is_checked_in_its_short_tables_only(tmp_path: Path) -> None:
    """A press must not wait for the check of a whole card; up to the limit, and with it, all is checked."""
    path = tmp_path / "events.db"
    card(path).close()
    with closing(sqlite3.connect(path)) as other:
        root, size = other.execute(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name = 'ledger'"
        ).fetchone()
    with path.open("r+b") as stream:
        stream.seek((root - 1) * size)
        stream.write(b"\xff" * 64)
    long = CardFile(path, path.stat().st_size - 1, lambda _: None)
    long.open(MIGRATIONS, ("events",), ("keep", "counts"))
    long.close()
    short = CardFile(path, path.stat().st_size, lambda _: None)
    with pytest.raises(OutboxDamaged):
        short.open(MIGRATIONS, ("events",), ("keep", "counts"))

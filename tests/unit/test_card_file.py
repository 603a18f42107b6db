"""One file on the card: whose it is, whether it is as it was written, and what is set for it when it is opened."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import hookimpl
from sqlite_utils.plugins import pm

from edge.card_file import CHECK_BYTES_MAX, CardFile, migrate
from edge.ports import OutboxDamaged, OutboxFull
from edge.salvage import Rescued
from edge.store_schema import MIGRATIONS
from edge.store_versions import OLDEST_VERSION
from tests.unit.spoiling import spoil

GOLDEN = Path(__file__).parent.parent / "golden"
NEWEST = len(MIGRATIONS)


def card(path: Path, hear: Callable[[Rescued], None] = lambda _: None, check_bytes_max: int = 2**30) -> CardFile:
    file = CardFile(path, check_bytes_max, hear)
    file.open(MIGRATIONS, ("events",), ("keep", "counts"))
    return file


def old_file(path: Path, version: int) -> None:
    """A file as the first programs made it."""
    with closing(sqlite3.connect(path)) as other:
        other.executescript((GOLDEN / f"store_version_{version}.sql").read_text())


def say_version(path: Path, version: int, oldest: int) -> None:
    """As another program leaves the file: its version, and the oldest one that can use it."""
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version = {version}")
        other.execute(f"PRAGMA application_id = {oldest}")


def told_version(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as other:
        (version,), (oldest,) = (other.execute(f"PRAGMA {it}").fetchone() for it in ("user_version", "application_id"))
    return version, oldest


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
    with closing(sqlite3.connect(path)) as other:
        (said,) = other.execute("SELECT sql FROM sqlite_master WHERE name = 'events'").fetchone()
    assert " ,  checksum  INTEGER " in said, "else nothing was worded otherwise"


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
        assert connection.execute("PRAGMA recursive_triggers").fetchone() == (0,), "as a technician's sqlite3 has it"
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


@pytest.mark.parametrize("wanted", [1, 3])
def test_a_setting_that_took_more_or_less_than_it_was_told_is_refused_as_well(tmp_path: Path, wanted: int) -> None:
    file = card(tmp_path / "events.db")
    with file.reading() as connection, pytest.raises(OutboxFull, match=f"synchronous is 2, {wanted} is needed"):
        file._demand(connection, "synchronous = FULL", wanted)
    file.close()


def test_no_program_that_is_installed_beside_this_one_touches_the_connection(tmp_path: Path) -> None:
    touched = []

    class Plugin:
        @hookimpl
        def prepare_connection(self, conn: sqlite3.Connection) -> None:
            touched.append(conn)

    plugin = Plugin()
    pm.register(plugin)
    try:
        card(tmp_path / "events.db").close()
    finally:
        pm.unregister(plugin)
    assert touched == []


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
    spoil(path, "ledger")
    long = CardFile(path, path.stat().st_size - 1, lambda _: None)
    long.open(MIGRATIONS, ("events",), ("keep", "counts"))
    long.close()
    short = CardFile(path, path.stat().st_size, lambda _: None)
    with pytest.raises(OutboxDamaged):
        short.open(MIGRATIONS, ("events",), ("keep", "counts"))


def test_a_file_of_128_mb_is_still_checked_as_a_whole_and_a_longer_one_is_not(tmp_path: Path) -> None:
    """What is beyond the database's own end is a hole and takes no room."""
    path = tmp_path / "events.db"
    card(path).close()
    spoil(path, "events_undated")  # an index that nobody asks when the file is opened
    os.truncate(path, 128 * 1024 * 1024 + 1)
    card(path, check_bytes_max=CHECK_BYTES_MAX).close()
    os.truncate(path, 128 * 1024 * 1024)
    with pytest.raises(OutboxDamaged, match=r"events\.damaged\.1"):
        card(path, check_bytes_max=CHECK_BYTES_MAX)


@pytest.mark.parametrize("version", [NEWEST, NEWEST + 1])
def test_the_short_tables_of_a_long_file_are_checked_whichever_program_wrote_it_last(
    tmp_path: Path, version: int
) -> None:
    path = tmp_path / "events.db"
    card(path).close()
    say_version(path, version, OLDEST_VERSION)
    card(path, check_bytes_max=0).close()
    spoil(path, "counts")
    with pytest.raises(OutboxDamaged):
        card(path, check_bytes_max=0)


@pytest.mark.parametrize("version", [1, 2])
def test_a_long_file_of_an_old_version_is_opened_though_it_lacks_a_short_table(tmp_path: Path, version: int) -> None:
    path = tmp_path / "events.db"
    old_file(path, version)
    card(path, check_bytes_max=0).close()
    assert told_version(path) == (NEWEST, OLDEST_VERSION)


# --- whose file it is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("oldest", [1, OLDEST_VERSION, NEWEST])
def test_a_newer_file_that_says_this_program_can_use_it_is_used_as_it_is(tmp_path: Path, oldest: int) -> None:
    """A gate that goes back to its old version must not do without its card."""
    path = tmp_path / "events.db"
    card(path).close()
    say_version(path, NEWEST + 1, oldest)
    file = card(path)
    with file.writing() as connection:
        connection.execute("INSERT INTO keep VALUES ('a', 'b')")
    file.close()
    assert told_version(path) == (NEWEST + 1, oldest)


@pytest.mark.parametrize("oldest", [-1, 0, NEWEST + 1])
def test_a_newer_file_that_this_program_cannot_use_is_left_alone(tmp_path: Path, oldest: int) -> None:
    """Nothing is said (0), or of no program that there is: both are no."""
    path = tmp_path / "events.db"
    card(path).close()
    say_version(path, NEWEST + 1, oldest)
    with pytest.raises(OutboxFull, match=f"is of version {NEWEST + 1}, {NEWEST} is understood"):
        card(path)
    assert path.exists()


@pytest.mark.parametrize("oldest", [0, NEWEST + 1])
def test_a_file_of_this_very_version_is_used_whatever_else_it_says(tmp_path: Path, oldest: int) -> None:
    path = tmp_path / "events.db"
    card(path).close()
    say_version(path, NEWEST, oldest)
    card(path).close()
    assert told_version(path) == (NEWEST, oldest)


def test_what_a_newer_program_defined_otherwise_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    card(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP INDEX events_personal")
        other.execute("CREATE INDEX events_personal ON events (topic)")
        other.commit()
    say_version(path, NEWEST + 1, OLDEST_VERSION)
    card(path).close()


def test_an_altered_definition_of_an_old_file_is_found_when_it_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    old_file(path, 1)
    rewrite(path, "UPDATE sqlite_master SET sql = replace(sql, 'kernel_boot,', 'boot,') WHERE name = 'events_undated'")
    with pytest.raises(OutboxDamaged, match="the definition of events_undated is not as it was written"):
        card(path)


def test_each_migration_says_the_version_that_it_reached_and_who_can_use_it() -> None:
    """A power cut may end the work after any of them."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as memory:
        for step, statements in enumerate(MIGRATIONS):
            migrate(memory, step, statements)
            told = [memory.execute(f"PRAGMA {it}").fetchone() for it in ("user_version", "application_id")]
            assert told == [(step + 1,), (min(step + 1, OLDEST_VERSION),)]


@pytest.mark.parametrize("place", [0, 2])
def test_a_replaced_file_is_noticed_whether_its_number_in_the_file_system_is_lower_or_higher(
    tmp_path: Path, place: int
) -> None:
    paths = [tmp_path / f"{number}.db" for number in range(3)]
    for one in paths:
        card(one).close()
    paths.sort(key=lambda one: one.stat().st_ino)
    path = tmp_path / "events.db"
    paths[1].rename(path)
    file = card(path)
    paths[place].replace(path)
    with pytest.raises(OutboxDamaged, match="the file was replaced"), file.writing():
        pass


@pytest.mark.parametrize("asked", ["SELECT * FROM nowhere", "SELECT absent FROM keep"])
def test_a_table_or_column_that_is_gone_while_the_file_is_open_is_damage(tmp_path: Path, asked: str) -> None:
    """The statements are right, so the file is not."""
    file = card(tmp_path / "events.db")
    with pytest.raises(OutboxDamaged, match="no such"), file.reading() as connection:
        connection.execute(asked)


def test_a_statement_that_is_wrong_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    file = card(path)
    with pytest.raises(OutboxFull, match="syntax error"), file.reading() as connection:
        connection.execute("SELEKT")
    file.close()
    assert path.exists()

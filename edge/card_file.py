"""A SQLite file on a card that may fail: opened so that a commit is synced, and told apart when it is damaged.

WAL and ``synchronous=FULL`` are set and read back, never assumed. What SQLite raises leaves as OutboxFull (try again
later) or OutboxDamaged (the file has been moved aside).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from sqlite_utils import Database

from edge import set_aside
from edge.ports import OutboxDamaged, OutboxFull
from edge.salvage import Rescued, rescue, rescue_raw
from edge.store_schema import AlteredRow
from edge.store_versions import OLDEST_VERSION

BUSY_S = 1.0
"""Longest wait for a reader's lock (a technician's ``sqlite3``); then the card counts as refusing."""

PAGE_BYTES = 1024
"""A commit writes each page that it changes, some seven of them, whole. Files that were begun with 4096 keep that."""

CHECKPOINT_BYTES = 1024 * 1024
"""So much of WAL: the commit that pays for the checkpoint stays short (SQLite's own default is 4 MB)."""

WAL_BYTES_MAX = 4 * 1024 * 1024
"""The WAL is cut back to this after a burst."""

CHECK_BYTES_MAX = 128 * 1024 * 1024
"""``quick_check`` reads the whole file and cannot be interrupted before SQLite 3.41. Above this only short tables are
checked at opening: a press must not wait for the check, and a damaged page tells when it is read."""

_DAMAGED_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY_CODE = 0xFF
_DAMAGED_WORDS = ("no such table", "no such column", "no such index", "Could not decode to UTF-8")
"""The statements are right, so the file is not; the last is said by Python and has no code of SQLite's."""


Hear = Callable[[Rescued], None]
"""Is told what a damaged file still gave. Must not raise."""


class CardFile:
    """One file and the one connection to it. The thread that makes it uses it and closes it."""

    def __init__(self, path: Path, check_bytes_max: int, hear: Hear) -> None:
        """Remember; touch nothing."""
        self._path = path
        self._check_bytes_max = check_bytes_max
        self._hear = hear
        self._identity: tuple[int, int] | None = None
        self.database: Database | None = None

    def open(self, migrations: Sequence[Iterable[str]], tables: Sequence[str], short_tables: Sequence[str]) -> None:
        """Open, check and migrate. Raises OutboxFull, or OutboxDamaged once the file has been moved aside.

        ``short_tables`` are checked even in a file too long to be checked as a whole. A card that can only be read
        is opened for reading, if the file is of this version. A file of a newer version is used as it is, if it says
        that this one can (``application_id``): a gate goes back to its old version and must not do without its card.
        """
        try:
            with self._translated():
                connection = self._connect()
                version, oldest = _pragma(connection, "user_version"), _pragma(connection, "application_id")
                if version > len(migrations) and not 0 < oldest <= len(migrations):
                    raise OutboxFull(f"{self._path.name} is of version {version}, {len(migrations)} is understood")
                self._check(connection, short_tables if version >= len(migrations) else ())
                for step in range(version, len(migrations)):
                    migrate(connection, step, migrations[step])
                missing = set(tables) - set(self._connected().table_names())
                if missing:
                    raise self._damaged(f"no table {', '.join(sorted(missing))}")
                if version <= len(migrations) and (lacks := _schema_of_all(migrations) - _schema(connection)):
                    raise self._damaged(f"the definition of {min(lacks)[1]} is not as it was written")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the file go. Never raises: what was committed stays, and the next opening ends a checkpoint."""
        database, self.database = self.database, None
        if database is not None:
            with suppress(sqlite3.Error):
                database.conn.close()

    # --- transactions and their failures ----------------------------------------------------------------------

    def _connected(self) -> Database:
        if self.database is None:
            raise OutboxFull(f"{self._path.name} is closed")
        return self.database

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """For statements that change nothing."""
        with self._translated():
            yield self._connected().conn

    @contextmanager
    def reading_afresh(self) -> Generator[sqlite3.Connection]:
        """The file as another program finds it: on a connection that has cached and written nothing."""
        with self._translated():
            self._connected()
            connection = sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", uri=True, timeout=BUSY_S)
            try:
                yield connection
            finally:
                connection.close()

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """One transaction, begun with the write lock, and ended whatever happens."""
        with self._translated():
            connection = self._connected().conn
            self._demand_same_file()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # SQLite itself has rolled back after a full card or an I/O error
                    connection.execute("ROLLBACK")
                raise
            assert not connection.in_transaction, "a transaction was left open"

    def empty_wal(self) -> None:
        """Bring what the WAL holds into the file and cut the WAL to nothing. Raises OutboxFull.

        A reader in the way (a technician's ``sqlite3``) is not waited for: then the WAL stays as it is.
        """
        with self._translated():
            connection = self._connected().conn
            connection.execute("PRAGMA busy_timeout = 0")
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")

    def _demand_same_file(self) -> None:
        """A file that was deleted or replaced takes writes as before, and nobody would ever find them again."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError as error:
            raise self._damaged("the file was deleted") from error
        if (found.st_dev, found.st_ino) != self._identity:
            raise self._damaged("the file was replaced")

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if _is_damage(error):
                raise self._damaged(str(error)) from error
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            raise OutboxFull(f"{self._path.name}: {error} ({name})") from error
        except msgspec.DecodeError as error:
            raise self._damaged(f"the latch or the sign of life is unreadable: {error}") from error
        except (AlteredRow, UnicodeDecodeError) as error:
            raise self._damaged(str(error)) from error
        except OSError as error:
            raise OutboxFull(f"{self._path.name}: {error.strerror}") from error

    def _damaged(self, reason: str) -> OutboxDamaged:
        """Read what can still be read, let the file go, and move it aside."""
        connection = self._connected().conn
        with suppress(sqlite3.Error):
            # Else a file shorter than it says it is could not be read at all.
            connection.execute("PRAGMA writable_schema = ON")
        rescued = rescue(connection)
        self.close()
        aside = self._path
        try:
            where = set_aside.move(self._path)
            aside = next(iter(set_aside.files(self._path)), aside)
        except OSError as error:
            where = f"; could not be moved aside: {error.strerror}"
        if not rescued.whole:
            rescued = rescued.over(rescue_raw(aside))
        self._hear(rescued)
        detail = f"{self._path.name}: {reason}{where}; {len(rescued.records)} owed events saved"
        return OutboxDamaged(detail, rescued.records, rescued.latch)

    # --- opening --------------------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        """A connection that syncs each commit, or, on a card that cannot be written, one that can read."""
        connection = self._attach(f"file:{quote(str(self._path))}")
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        try:
            self._demand(connection, "journal_mode = WAL", "wal")
        except sqlite3.OperationalError as error:
            # On a read-only card without a WAL file SQLite can only read a file that it is told will not change.
            wal = Path(f"{self._path}-wal")
            if wal.exists() and wal.stat().st_size:
                raise
            self.close()
            connection = self._attach(f"file:{quote(str(self._path))}?immutable=1")
            if not _pragma(connection, "user_version"):
                raise error
        self._demand(connection, "synchronous = FULL", 2)
        for setting in (
            f"wal_autocheckpoint = {CHECKPOINT_BYTES // _pragma(connection, 'page_size'):d}",
            f"journal_size_limit = {WAL_BYTES_MAX}",
            "temp_store = MEMORY",
            "secure_delete = ON",
        ):
            connection.execute(f"PRAGMA {setting}")
        return connection

    def _attach(self, uri: str) -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)
        self.database = Database(connection, recursive_triggers=False, execute_plugins=False)
        found = os.stat(self._path)
        self._identity = (found.st_dev, found.st_ino)
        return connection

    def _demand(self, connection: sqlite3.Connection, setting: str, wanted: object) -> None:
        """Set a pragma and read it back. Raises OutboxFull if it did not take: nothing would be durable."""
        connection.execute(f"PRAGMA {setting}")
        name = setting.partition(" ")[0]
        got = _pragma(connection, name)
        if got != wanted:
            raise OutboxFull(f"{self._path.name}: {name} is {got!r}, {wanted!r} is needed")

    def _check(self, connection: sqlite3.Connection, tables: Sequence[str]) -> None:
        small = self._path.stat().st_size <= self._check_bytes_max
        for table in [""] if small else [f"('{table}')" for table in tables]:
            verdict = _pragma(connection, f"quick_check{table}")
            if verdict != "ok":
                raise self._damaged(verdict)


def _pragma(connection: sqlite3.Connection, question: str) -> Any:
    """The first word of SQLite's answer. Raises sqlite3.Error."""
    (answer,) = connection.execute(f"PRAGMA {question}").fetchone()
    return answer


def _schema(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    """Kind, name and definition of all there is; of a table its columns: each SQLite words an altered one its way."""
    found = connection.execute("SELECT type, name, IFNULL(sql, '') FROM sqlite_master").fetchall()
    columns = 'SELECT name, type, "notnull", pk FROM pragma_table_info(?)'
    return {
        (kind, name, str(connection.execute(columns, (name,)).fetchall()) if kind == "table" else sql)
        for kind, name, sql in found
    }


def _schema_of_all(migrations: Sequence[Iterable[str]]) -> set[tuple[str, str, str]]:
    """What a file has when it was made today: ``quick_check`` does not read the definitions, and runs what they say."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for step, statements in enumerate(migrations):
            migrate(connection, step, statements)
        return _schema(connection)


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code & _PRIMARY_CODE == sqlite3.SQLITE_ERROR:
        return any(words in str(error) for words in _DAMAGED_WORDS)
    return code & _PRIMARY_CODE in _DAMAGED_CODES


def migrate(connection: sqlite3.Connection, step: int, statements: Iterable[str]) -> None:
    """Take the file from version ``step`` to ``step + 1``, wholly or not at all. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {step + 1}")
        connection.execute(f"PRAGMA application_id = {min(step + 1, OLDEST_VERSION)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise

"""The event log and the list of what is owed, on SQLite.

One connection, made and used by one thread. Every write is one ``BEGIN IMMEDIATE`` transaction that was synced to
the card when the method returns: WAL and ``synchronous=FULL`` are set and read back, never assumed.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import msgspec
from sqlite_utils import Database

from edge import store_schema as schema
from edge.events import Backlog, ClockFix, ClockQuality, EventId, Lane, Latch, Record, Row, WallStamp
from edge.ports import OutboxDamaged, OutboxFull

BUSY_S = 1.0
"""Longest wait for a reader's lock (a technician's ``sqlite3``); then the card counts as refusing."""

CHECKPOINT_PAGES = 256
"""1 MiB of WAL: the commit that pays for the checkpoint stays short (SQLite's own default is 1,000 pages)."""

WAL_BYTES_MAX = 4 * 1024 * 1024
"""The WAL is cut back to this after a burst."""

CHECK_BYTES_MAX = 128 * 1024 * 1024
"""``quick_check`` reads the whole file and cannot be interrupted before SQLite 3.41. Above this only ``keep`` and
``counts`` are checked at opening: a press must not wait for the check, and a damaged page tells when it is read."""

TRIM_ROWS = 32
"""Rows beyond the limit that one append removes on top of two for each it adds: never a long transaction."""

BACKFILL_ROWS = 250
"""Rows that one call dates: about the time of one commit."""

RESCUE_ROWS_MAX = 10_000
"""Owed rows carried over from a damaged or deleted file, alarms first: about a second of work."""

DAMAGED_FILES_MAX = 3
"""Damaged files that are kept for a technician."""

_DAMAGED_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY_CODE = 0xFF


class SqliteOutbox:
    """Port ``Outbox``. The store's thread makes it, uses it and closes it.

    Making it opens, checks and migrates ``path``, whose directory must exist. A card that can only be read is
    opened for reading, if the file is of this version; the first write then raises OutboxFull.
    """

    durable = True

    def __init__(self, path: Path, routine_events_max: int, check_bytes_max: int = CHECK_BYTES_MAX) -> None:
        """Open. Raises OutboxFull, or OutboxDamaged when the file has been moved aside: then open again."""
        self._path = path
        self._routine_events_max = routine_events_max
        self._check_bytes_max = check_bytes_max
        self._dropped = 0
        self._not_before_ms: int | None = None
        self._last_id: EventId | None = None
        self._database: Database | None = None
        self._identity = (0, 0)
        try:
            with self._translated():
                self._open()
        except BaseException:
            self.close()
            raise

    # --- the port -------------------------------------------------------------------------------------------

    def append(
        self, records: Sequence[Record], latch: Latch | None, numbers: Sequence[int] | None = None
    ) -> Sequence[int]:
        """See ``Outbox.append``."""
        dropped = 0
        not_before_ms = self._not_before_ms
        with self._writing() as connection:
            before = self._last_seq(connection)
            if numbers and numbers[0] <= before:
                raise ValueError(f"number {numbers[0]} has been given before")
            given = []
            for place, record in enumerate(records):
                seq = None if numbers is None else numbers[place]
                given.append(_insert(connection, record, seq, not_before_ms))
                not_before_ms = _later(not_before_ms, schema.earliest_ms(record.wall))
            if latch is not None:
                connection.execute(schema.KEEP, (schema.LATCH_KEY, schema.encode(latch)))
            if not records and latch is None:
                connection.execute(schema.KEEP, (schema.PROOF_KEY, ""))
            evictable = sum(record.lane is not Lane.ALARM for record in records)
            if evictable:
                dropped = self._trim(connection, TRIM_ROWS + 2 * evictable)
        self._dropped += dropped
        self._not_before_ms = not_before_ms
        newest = max(given, default=0)
        if newest > before:
            self._last_id = records[given.index(newest)].id
        return given

    def last_seq(self) -> int:
        """See ``Outbox.last_seq``."""
        with self._reading() as connection:
            return self._last_seq(connection)

    def keep_latch(self, latch: Latch) -> None:
        """See ``Outbox.keep_latch``."""
        self._keep(schema.LATCH_KEY, latch)

    def latch(self) -> Latch | None:
        """See ``Outbox.latch``."""
        with self._reading() as connection:
            return _kept_latch(connection)

    def load(self, lane: Lane, after_seq: int, limit: int) -> Sequence[Row]:
        """See ``Outbox.load``."""
        with self._reading() as connection:
            return [schema.read_row(found) for found in connection.execute(schema.LOAD, (lane, after_seq, limit))]

    def history(self, after_seq: int, limit: int) -> Sequence[Row]:
        """See ``Outbox.history``."""
        with self._reading() as connection:
            return [schema.read_row(found) for found in connection.execute(schema.HISTORY, (after_seq, limit))]

    def owed_lanes(self, ids: Sequence[EventId]) -> Sequence[Lane]:
        """See ``Outbox.owed_lanes``."""
        with self._reading() as connection:
            found = (connection.execute(schema.OWED_LANE_OF, (id.boot, id.counter)).fetchone() for id in ids)
            return [Lane(row[0]) for row in found if row is not None]

    def mark_done(self, ids: Sequence[EventId]) -> None:
        """See ``Outbox.mark_done``."""
        with self._writing() as connection:
            connection.executemany(schema.MARK_DONE, [(id.boot, id.counter) for id in ids])

    def backlog(self) -> Backlog:
        """See ``Outbox.backlog``."""
        with self._reading() as connection:
            alarm, trouble, routine = (owed for (owed,) in connection.execute("SELECT owed FROM counts ORDER BY lane"))
        return Backlog(alarm, trouble, routine, self._last_id)

    def take_dropped(self) -> int:
        """See ``Outbox.take_dropped``."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def backfill(self, fix: ClockFix) -> int:
        """See ``Outbox.backfill``. Settles up to twice ``BACKFILL_ROWS``."""
        values = {
            "kernel_boot": fix.kernel_boot,
            "at_ms": fix.at_ms,
            "wall_ms": fix.wall_ms,
            "bound_ms": fix.bound_ms,
            # This kernel's start, as late as it can have been: nothing of an older boot lies after it.
            "not_after_ms": fix.wall_ms - fix.at_ms + fix.bound_ms + fix.at_ms // schema.DRIFT_PARTS + 1,
            "limit": BACKFILL_ROWS,
        }
        with self._writing() as connection:
            settled = connection.execute(schema.BACKFILL_SAME_BOOT, values).rowcount
            return settled or connection.execute(schema.BACKFILL_OTHER_BOOTS, values).rowcount

    def note_alive(self, wall: WallStamp) -> None:
        """See ``Outbox.note_alive``."""
        self._keep(schema.ALIVE_KEY, wall)
        self._not_before_ms = _later(self._not_before_ms, schema.earliest_ms(wall))

    def last_alive_wall_ms(self) -> int | None:
        """See ``Outbox.last_alive_wall_ms``."""
        with self._reading() as connection:
            stamp = _kept_stamp(connection)
            return None if stamp is None else stamp.wall_ms

    def close(self) -> None:
        """See ``Outbox.close``. Never raises; an unfinished checkpoint is finished by the next opening."""
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):  # the rows are committed: a failing checkpoint costs nothing
                database.conn.close()

    # --- opening --------------------------------------------------------------------------------------------

    def _open(self) -> None:
        connection = self._connect()
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(schema.MIGRATIONS):
            raise OutboxFull(f"{self._path.name} is of version {version}, {len(schema.MIGRATIONS)} is understood")
        self._check(connection, version)
        for step in range(version, len(schema.MIGRATIONS)):
            migrate(connection, step, schema.MIGRATIONS[step])
        missing = {"events", "keep", "counts"} - set(self._connected().table_names())
        if missing:
            raise self._damaged(f"no table {', '.join(sorted(missing))}")
        self._recall(connection)

    def _connect(self) -> sqlite3.Connection:
        """A connection that syncs each commit, or, on a card that cannot be written, one that can read."""
        connection = self._attach(f"file:{quote(str(self._path))}")
        try:
            self._demand(connection, "journal_mode = WAL", "wal")
        except sqlite3.OperationalError as error:
            # On a read-only card without a WAL file SQLite can only read a file that it is told will not change.
            wal = Path(f"{self._path}-wal")
            if not os.access(self._path, os.F_OK) or (wal.exists() and wal.stat().st_size):
                raise
            self.close()
            connection = self._attach(f"file:{quote(str(self._path))}?immutable=1")
            if not connection.execute("PRAGMA user_version").fetchone()[0]:
                raise error
        self._demand(connection, "synchronous = FULL", 2)
        for setting in (
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
            f"journal_size_limit = {WAL_BYTES_MAX}",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {setting}")
        return connection

    def _attach(self, uri: str) -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, cached_statements=64)
        self._database = Database(connection, recursive_triggers=False, execute_plugins=False)
        found = os.stat(self._path)
        self._identity = (found.st_dev, found.st_ino)
        return connection

    def _demand(self, connection: sqlite3.Connection, setting: str, wanted: object) -> None:
        """Set a pragma and read it back. Raises OutboxFull if it did not take: nothing would be durable."""
        connection.execute(f"PRAGMA {setting}")
        name = setting.partition(" ")[0]
        got = connection.execute(f"PRAGMA {name}").fetchone()[0]
        if got != wanted:
            raise OutboxFull(f"{self._path.name}: {name} is {got!r}, {wanted!r} is needed")

    def _check(self, connection: sqlite3.Connection, version: int) -> None:
        small = self._path.stat().st_size <= self._check_bytes_max
        tables = ("",) if small else ("('keep')",) + (("('counts')",) if version > 1 else ())
        for table in tables:
            verdict = connection.execute(f"PRAGMA quick_check{table}").fetchone()[0]
            if verdict != "ok":
                raise self._damaged(verdict)

    def _recall(self, connection: sqlite3.Connection) -> None:
        """The newest id, and the latest time that is known to have passed: the last row and the sign of life tell."""
        _kept_latch(connection)
        stamp = _kept_stamp(connection)
        self._not_before_ms = None if stamp is None else schema.earliest_ms(stamp)
        found = connection.execute(schema.LAST_ROW).fetchone()
        if found is None:
            return
        boot, counter, wall_ms, quality, bound_ms, not_before_ms = found
        self._last_id = EventId(boot, counter)
        own_ms = schema.earliest_ms(WallStamp(wall_ms, ClockQuality(quality), bound_ms))
        self._not_before_ms = _later(_later(self._not_before_ms, not_before_ms), own_ms)

    # --- transactions and their failures ----------------------------------------------------------------------

    def _connected(self) -> Database:
        if self._database is None:
            raise OutboxFull(f"{self._path.name} is closed")
        return self._database

    @contextmanager
    def _reading(self) -> Generator[sqlite3.Connection]:
        with self._translated():
            yield self._connected().conn

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
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
            code = getattr(error, "sqlite_errorcode", None)
            if code is not None and code & _PRIMARY_CODE in _DAMAGED_CODES:
                raise self._damaged(str(error)) from error
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            raise OutboxFull(f"{self._path.name}: {error} ({name})") from error
        except msgspec.DecodeError as error:
            raise self._damaged(f"the latch or the sign of life is unreadable: {error}") from error
        except OSError as error:
            raise OutboxFull(f"{self._path.name}: {error.strerror}") from error

    def _damaged(self, reason: str) -> OutboxDamaged:
        """Read what can still be read, let the file go, and move it aside."""
        rescued, latch = self._rescue()
        self.close()
        try:
            where = _move_aside(self._path)
        except OSError as error:
            where = f"; could not be moved aside: {error.strerror}"
        return OutboxDamaged(f"{self._path.name}: {reason}{where}; {len(rescued)} owed events saved", rescued, latch)

    def _rescue(self) -> tuple[list[Record], Latch | None]:
        if self._database is None:
            return [], None
        connection = self._database.conn
        latch = None
        with suppress(sqlite3.Error, msgspec.DecodeError):  # it is damaged: whatever can be read is a gain
            connection.execute("PRAGMA writable_schema = ON")  # else a truncated file could not be read at all
            latch = _kept_latch(connection)
        rescued: dict[EventId, Record] = {}
        for lane in Lane:
            for statement in (schema.RESCUE, schema.RESCUE_BY_SCAN):
                try:
                    for found in connection.execute(statement, (lane, RESCUE_ROWS_MAX - len(rescued))):
                        record = schema.read_row(found).record
                        rescued.setdefault(record.id, record)
                    break
                except (sqlite3.Error, ValueError):  # the index may be torn where the table is whole
                    continue
        return list(rescued.values()), latch

    # --- parts ----------------------------------------------------------------------------------------------------

    def _keep(self, key: str, value: Latch | WallStamp) -> None:
        with self._writing() as connection:
            connection.execute(schema.KEEP, (key, schema.encode(value)))

    @staticmethod
    def _last_seq(connection: sqlite3.Connection) -> int:
        found = connection.execute(schema.LAST_SEQ).fetchone()
        return 0 if found is None else int(found[0])

    def _trim(self, connection: sqlite3.Connection, rows_max: int) -> int:
        """Hold the limit: delivered rows go first, then owed routine, then owed trouble; return the owed ones."""
        kept = connection.execute("SELECT SUM(kept) FROM counts WHERE lane > 0").fetchone()[0]
        over = min(kept - self._routine_events_max, rows_max)
        if over <= 0:
            return 0
        over -= connection.execute(schema.TRIM_DELIVERED, (over,)).rowcount
        dropped = 0
        for lane in (Lane.ROUTINE, Lane.TROUBLE):
            if over > dropped:
                dropped += connection.execute(schema.TRIM_OWED, (lane, over - dropped)).rowcount
        return dropped


def migrate(connection: sqlite3.Connection, step: int, statements: Iterable[str]) -> None:
    """Take the file from version ``step`` to ``step + 1``, wholly or not at all. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {step + 1}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _insert(connection: sqlite3.Connection, record: Record, seq: int | None, not_before_ms: int | None) -> int:
    cursor = connection.execute(schema.INSERT, schema.columns(record, seq, not_before_ms))
    if cursor.rowcount == 1 and cursor.lastrowid is not None:
        return cursor.lastrowid
    return int(connection.execute(schema.NUMBER_OF, (record.id.boot, record.id.counter)).fetchone()[0])


def _later(one_ms: int | None, other_ms: int | None) -> int | None:
    if one_ms is None or other_ms is None:
        return other_ms if one_ms is None else one_ms
    return max(one_ms, other_ms)


def _kept_latch(connection: sqlite3.Connection) -> Latch | None:
    found = connection.execute(schema.KEPT, (schema.LATCH_KEY,)).fetchone()
    return None if found is None else schema.decode_latch(found[0])


def _kept_stamp(connection: sqlite3.Connection) -> WallStamp | None:
    found = connection.execute(schema.KEPT, (schema.ALIVE_KEY,)).fetchone()
    return None if found is None else schema.decode_stamp(found[0])


def _move_aside(path: Path) -> str:
    """Rename the file with its -wal and -shm; keep the newest three. Raises OSError. Says where it went."""
    stem = f"{path.stem}.damaged."
    older = sorted(
        int(found.name.removeprefix(stem))
        for found in path.parent.glob(f"{stem}*")
        if found.name.removeprefix(stem).isdecimal()
    )
    target = path.with_name(f"{stem}{older[-1] + 1 if older else 1}")
    moved = False
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.rename(f"{path}{suffix}", f"{target}{suffix}")
            moved = True
    if not moved:
        return ""
    for number in older[: len(older) + 1 - DAMAGED_FILES_MAX]:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path.with_name(stem)}{number}{suffix}").unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return f"; moved aside to {target.name}"

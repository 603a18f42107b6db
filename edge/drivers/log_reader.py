"""Reads the event log beside the daemon that writes it: opened read-only, for one short look at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from edge import store_schema
from edge.errors import StorageError
from edge.events import EventId, Row, Topic

BUSY_S_MAX = 5.0


class Wanted(NamedTuple):
    """Which events: None leaves a thing open. Times are wall times as best known; ``until_ms`` is not included."""

    since_ms: int | None = None
    until_ms: int | None = None
    topic: Topic | None = None
    code: int | None = None
    boot: str | None = None
    counter: int | None = None
    after_seq: int = 0
    limit: int = 100


class Found(NamedTuple):
    """An event, and whether it is still owed."""

    row: Row
    owed: bool


class OwedKind(NamedTuple):
    """So many events of one kind that are still owed, and the oldest of them."""

    lane: int
    topic: str
    code: int
    events: int
    oldest_wall_ms: int
    oldest: EventId
    oldest_dated: bool


class Kind(NamedTuple):
    """All events of one kind: how many, how many of them owed, the earliest and the latest wall time."""

    topic: str
    code: int
    events: int
    owed: int
    first_wall_ms: int
    last_wall_ms: int


class LogReader:
    """The log in ``file``. Any thread; each call opens and closes it. Raises StorageError where it cannot be read."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def find(self, wanted: Wanted) -> list[Found]:
        """The newest events that are wanted, the oldest of them first."""
        parameters = {**wanted._asdict(), "topic": None if wanted.topic is None else wanted.topic.value}
        with self._opened() as log:
            rows = [store_schema.read_row(found) for found in log.execute(store_schema.FIND, parameters)]
            if not rows:
                return []
            owed = {seq for (seq,) in log.execute(store_schema.OWED_BETWEEN, (rows[-1].seq, rows[0].seq))}
        return [Found(row, row.seq in owed) for row in reversed(rows)]

    def owed(self) -> list[OwedKind]:
        """What is owed, alarms first."""
        with self._opened() as log:
            return [
                OwedKind(lane, topic, code, events, wall_ms, *_oldest(log, seq))
                for lane, topic, code, events, wall_ms, seq in log.execute(store_schema.OWED_BY_KIND).fetchall()
            ]

    def kinds(self) -> list[Kind]:
        """How much the log holds. Takes a second for a million events."""
        with self._opened() as log:
            return [Kind(*found) for found in log.execute(store_schema.KINDS)]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._connected()) as log:
                yield log
        except sqlite3.Error as error:
            raise StorageError(
                f"the event log {self._file} cannot be read: {error}; look with sudo, and at the card (dmesg)"
            ) from error

    def _connected(self) -> sqlite3.Connection:
        try:
            with self._file.open("rb"):
                pass
        except FileNotFoundError:
            raise StorageError(
                f"there is no event log {self._file}: the daemon has not run with these settings; start it"
            ) from None
        except OSError as error:
            raise StorageError(f"the event log {self._file} cannot be read: {error.strerror}; use sudo") from None
        address = f"file:{quote(str(self._file))}?mode=ro"
        try:
            log = sqlite3.connect(address, uri=True, timeout=BUSY_S_MAX)
            log.execute("SELECT 1 FROM events LIMIT 1")
            return log
        except sqlite3.OperationalError:
            # SQLite wants to make files beside a log in WAL mode. Where it may not, and none are there, nobody writes.
            if Path(f"{self._file}-wal").exists():
                raise
            return sqlite3.connect(f"{address}&immutable=1", uri=True)


def _oldest(log: sqlite3.Connection, seq: int) -> tuple[EventId, bool]:
    boot, counter, undated = log.execute("SELECT boot, counter, undated FROM events WHERE seq = ?", (seq,)).fetchone()
    return EventId(boot, counter), not undated

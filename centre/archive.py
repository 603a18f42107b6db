"""The centre's memory: every event once per id, every act, and incidents, gates and tests as they follow from them.

SQLite in WAL with ``synchronous=FULL``: what a transaction kept survives a power cut. One thread writes; readers
open their own read-only archive on the same file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from sqlite_utils import Database

from centre.cards import Card
from centre.drills import Drill
from centre.incidents import Incident, incident_id
from centre.items import Item
from centre.register import Standing
from centre.shelf import FOUND_MAX, TABLES, Shelf
from centre.windows import Window
from edge.errors import RefusedError, StorageError
from edge.events import Stage
from edge.wire import Address, Event

_FIRST = (
    """CREATE TABLE event (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, county TEXT NOT NULL, school TEXT NOT NULL, gate TEXT NOT NULL,
        id TEXT NOT NULL, incident TEXT, boot_counter INTEGER NOT NULL, monotonic_ms INTEGER NOT NULL,
        counter INTEGER NOT NULL, received_wall_ms INTEGER NOT NULL, arrivals INTEGER NOT NULL DEFAULT 1,
        payload TEXT NOT NULL, UNIQUE (id, gate, school, county)) STRICT""",
    "CREATE INDEX event_incident ON event (incident) WHERE incident IS NOT NULL",
    """CREATE TABLE act (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, county TEXT NOT NULL, school TEXT NOT NULL, gate TEXT NOT NULL,
        incident TEXT NOT NULL, stage INTEGER NOT NULL, by TEXT NOT NULL, wall_ms INTEGER NOT NULL) STRICT""",
    "CREATE INDEX act_incident ON act (incident)",
    """CREATE TABLE incident (
        id TEXT NOT NULL, gate TEXT NOT NULL, school TEXT NOT NULL, county TEXT NOT NULL, done INTEGER NOT NULL,
        state TEXT NOT NULL, PRIMARY KEY (id, gate, school, county)) STRICT""",
    "CREATE INDEX incident_open ON incident (done) WHERE done = 0",
    """CREATE TABLE gate (
        county TEXT NOT NULL, school TEXT NOT NULL, gate TEXT NOT NULL, heard_wall_ms INTEGER,
        standing TEXT NOT NULL, PRIMARY KEY (county, school, gate)) STRICT""",
)
VERSIONS = (_FIRST, TABLES)
"""What each version of the database added to the one before it."""
VERSION = len(VERSIONS)
_ADD = """INSERT INTO event (county, school, gate, id, incident, boot_counter, monotonic_ms, counter,
    received_wall_ms, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_AGAIN = "UPDATE event SET arrivals = arrivals + 1 WHERE id = ? AND gate = ? AND school = ? AND county = ?"
_HERE = "id = ? AND gate = ? AND school = ? AND county = ?"

_incident = msgspec.json.Decoder(Incident)
_standing = msgspec.json.Decoder(Standing)


def _key(address: Address, id: str) -> tuple[str, str, str, str]:
    return id, address.gate, address.school, address.county


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


class Archive:
    """One open database. Methods raise sqlite3.Error where the card refuses; opening raises StorageError."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        try:
            target = f"file:{path}?mode=ro" if read_only else str(path)
            # Transactions are ours to begin and end (isolation_level None): the library's deferred BEGIN would fail
            # with "locked" instead of waiting.
            self._connection = sqlite3.connect(
                target, uri=read_only, isolation_level=None, timeout=5, check_same_thread=False
            )
            self._database = Database(self._connection, execute_plugins=False)
            self.windows = Shelf(self._connection, "window", Window)
            self.drills = Shelf(self._connection, "drill", Drill)
            self.cards = Shelf(self._connection, "card", Card)
            self.items = Shelf(self._connection, "item", Item)
            if not read_only:
                self._prepare(path)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"database {path}: {error}: free, permit or move away the file") from error

    def _prepare(self, path: Path) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        mode = self._value("PRAGMA journal_mode")
        if mode != "wal" or self._value("PRAGMA synchronous") != 2:
            raise StorageError(f"database {path}: needs WAL and synchronous FULL, got {mode}: use a local disk")
        found = self._value("PRAGMA quick_check(1)")
        if found != "ok":
            raise StorageError(f"database {path} is damaged ({found}): move it away, the centre begins a new one")
        version = self._value("PRAGMA user_version")
        if version > VERSION:
            raise StorageError(f"database {path} is of version {version}, {VERSION} understood: update the centre")
        if version < VERSION:
            with self.transaction():
                for statement in (statement for added in VERSIONS[version:] for statement in added):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {VERSION}")

    def _value(self, query: str) -> Any:
        return self._connection.execute(query).fetchone()[0]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and on the card when the block has ended."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite has rolled back by itself after some errors
                self._connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Let the file go."""
        self._database.close()

    # --- writing, inside a transaction ---

    def add(self, address: Address, event: Event, payload: str, received_wall_ms: int) -> bool:
        """Keep an event. False if its id was kept before: then only the arrival is counted."""
        # Not "insert or count": that takes a sequence number for every duplicate.
        if self._connection.execute(_AGAIN, _key(address, event.id)).rowcount == 1:
            return False
        self._connection.execute(
            _ADD,
            (
                address.county, address.school, address.gate, event.id, incident_id(event), event.boot_counter,
                event.monotonic_ms, event.counter, received_wall_ms, payload,
            ),
        )  # fmt: skip
        return True

    def add_act(self, address: Address, id: str, stage: Stage, by: str, wall_ms: int) -> None:
        """Keep what an officer did about an incident, or about the test with this mark."""
        self._connection.execute(
            "INSERT INTO act (county, school, gate, incident, stage, by, wall_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (address.county, address.school, address.gate, id, int(stage), by, wall_ms),
        )

    def put_incident(self, incident: Incident) -> None:
        """Keep an incident as it is now."""
        self._connection.execute(
            "INSERT OR REPLACE INTO incident (id, gate, school, county, done, state) VALUES (?, ?, ?, ?, ?, ?)",
            (*_key(incident.address, incident.id), int(incident.done), _text(incident)),
        )

    def put_gate(self, address: Address, heard_wall_ms: int | None, standing: Standing) -> None:
        """Keep a gate as it is now."""
        self._connection.execute(
            "INSERT OR REPLACE INTO gate (county, school, gate, heard_wall_ms, standing) VALUES (?, ?, ?, ?, ?)",
            (address.county, address.school, address.gate, heard_wall_ms, _text(standing)),
        )

    # --- reading ---

    def incident(self, address: Address, id: str) -> Incident | None:
        """One incident, done or not."""
        row = self._connection.execute(f"SELECT state FROM incident WHERE {_HERE}", _key(address, id)).fetchone()
        return None if row is None else _incident.decode(row[0])

    def open_incidents(self) -> list[Incident]:
        """Incidents that are not done."""
        return [_incident.decode(row[0]) for row in self._connection.execute(
            "SELECT state FROM incident WHERE done = 0 ORDER BY rowid")]  # fmt: skip

    def gates(self, county: str) -> list[tuple[Address, int | None, Standing]]:
        """Every gate that was ever heard in this county."""
        rows = self._connection.execute("SELECT * FROM gate WHERE county = ?", (county,))
        return [(Address(*row[:3]), row[3], _standing.decode(row[4])) for row in rows]

    def count(self) -> int:
        """How many events are kept."""
        return int(self._value("SELECT COALESCE(MAX(seq), 0) FROM event"))

    def events(self, after_seq: int, limit: int, gate: str | None = None) -> list[dict[str, object]]:
        """Events in the order of their coming. ``gate`` is a gate's name, or school/gate."""
        where, values = "seq > ?", [after_seq]
        if gate is not None:
            school, _, name = gate.rpartition("/")
            where += " AND gate = ? AND (? = '' OR school = ?)"
            values += [name, school, school]  # type: ignore[list-item]
        query = f"SELECT * FROM event WHERE {where} ORDER BY seq LIMIT ?"
        return [_event_row(row) for row in self._database.query(query, [*values, limit])]

    def history(self, incident: Incident) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
        """An incident's events in the gate's own order, and the officers' acts in theirs."""
        address = incident.address
        here = (incident.id, address.gate, address.school, address.county)
        where = "incident = ? AND gate = ? AND school = ? AND county = ?"
        events = self._database.query(
            f"SELECT * FROM event WHERE {where} ORDER BY boot_counter, monotonic_ms, counter", here
        )
        return [_event_row(row) for row in events], self.acts(address, incident.id)

    def acts(self, address: Address, id: str) -> list[dict[str, object]]:
        """What officers did about an incident, or about the test with this mark, in their order."""
        query = "SELECT stage, by, wall_ms FROM act WHERE incident = ? AND gate = ? AND school = ? AND county = ?"
        rows = self._database.query(f"{query} ORDER BY seq", _key(address, id))
        return [{**row, "stage": Stage(row["stage"]).name.lower()} for row in rows]

    def event(self, address: Address, id: str) -> dict[str, object] | None:
        """One event of a gate, None if it never came."""
        rows = list(self._database.query(f"SELECT * FROM event WHERE {_HERE}", _key(address, id)))
        return _event_row(rows[0]) if rows else None

    def has_lived(self, address: Address, boot: str) -> bool:
        """True if an event of this boot of the gate was ever kept."""
        query = "SELECT 1 FROM event WHERE id >= ? AND id < ? AND gate = ? AND school = ? AND county = ? LIMIT 1"
        here = (f"{boot}-", f"{boot}.", address.gate, address.school, address.county)  # '.' follows '-'
        return self._connection.execute(query, here).fetchone() is not None

    def find(self, prefix: str) -> Incident | dict[str, object]:
        """The incident, else the event, whose id is or begins so. Raises RefusedError if none or several.

        The id of a later press of an incident finds the incident.
        """
        rows = self._begins("incident", "id, gate, school, county", prefix)
        exact = [row for row in rows if row[0] == prefix]
        if len(exact or rows) > 1:
            raise RefusedError(_ambiguous(prefix, exact or rows))
        if exact or rows:
            id, gate, school, county = (exact or rows)[0]
            incident = self.incident(Address(county, school, gate), id)
            assert incident is not None
            return incident
        rows = self._begins("event", "id, gate, school, county, incident, seq", prefix)
        rows = [row for row in rows if row[0] == prefix] or rows
        if not rows:
            raise RefusedError(f"no incident and no event has an id that begins with {prefix!r}: see 'list'")
        if len(rows) > 1:
            raise RefusedError(_ambiguous(prefix, rows))
        _, gate, school, county, belongs, seq = rows[0]
        incident = None if belongs is None else self.incident(Address(county, school, gate), belongs)
        return incident or self.events(seq - 1, 1)[0]

    def find_acted(self, beginning: str) -> Incident | Card:
        """The incident, else the test, that an officer's act with this id is about. Raises RefusedError."""
        found = self.find(beginning)
        if isinstance(found, Incident):
            return found
        event: Any = found["event"]
        card = self.cards.get(Address(*str(found["address"]).split("/")), event["id"])
        if card is None:
            raise RefusedError(f"{beginning!r} is an event that belongs to no incident and is no test: nothing to say")
        return card

    def _begins(self, table: str, columns: str, prefix: str) -> Sequence[tuple[Any, ...]]:
        # A range, not LIKE: it uses the index and gives '%' and '_' no meaning. ':' follows '9' but 'g' ends hex.
        query = f"SELECT {columns} FROM {table} WHERE id >= ? AND id < ? ORDER BY id LIMIT {FOUND_MAX}"
        return self._connection.execute(query, (prefix, prefix + "g")).fetchall()


def _ambiguous(prefix: str, rows: Sequence[tuple[Any, ...]]) -> str:
    names = ", ".join(f"{row[0]} ({row[2]}/{row[1]})" for row in rows[:FOUND_MAX])
    return f"{prefix!r} may mean {names}: give more of the id"


def _event_row(row: dict[str, Any]) -> dict[str, object]:
    return {
        "seq": row["seq"],
        "address": f"{row['county']}/{row['school']}/{row['gate']}",
        "received_wall_ms": row["received_wall_ms"],
        "arrivals": row["arrivals"],
        "event": msgspec.json.decode(row["payload"]),
    }

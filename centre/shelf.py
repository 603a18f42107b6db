"""Things that are kept whole: one row each, as JSON, with what they are found by beside it.

A shelf belongs to an archive and works on its connection: writing inside the archive's transactions, by the one
thread that writes.
"""

from __future__ import annotations

import sqlite3
from typing import Generic, Protocol, TypeVar

import msgspec

from edge.errors import RefusedError
from edge.wire import Address

SHELVES = ("window", "drill", "card", "item")
FOUND_MAX = 6  # an ambiguous id is refused with at most this many examples

TABLES = tuple(
    statement
    for name in SHELVES
    for statement in (
        f"""CREATE TABLE {name} (
        id TEXT NOT NULL, gate TEXT NOT NULL, school TEXT NOT NULL, county TEXT NOT NULL, settled INTEGER NOT NULL,
        state TEXT NOT NULL, PRIMARY KEY (id, gate, school, county)) STRICT""",
        f"CREATE INDEX {name}_unsettled ON {name} (settled) WHERE settled = 0",
    )
)


class Kept(Protocol):
    """What can stand on a shelf."""

    @property
    def address(self) -> Address:
        """Which gate it is about."""

    @property
    def id(self) -> str:
        """Its name, unique at that gate."""


K = TypeVar("K", bound=Kept)


class Shelf(Generic[K]):
    """All things of one kind. Methods raise sqlite3.Error where the disk refuses."""

    def __init__(self, connection: sqlite3.Connection, name: str, kind: type[K]) -> None:
        assert name in SHELVES
        self._connection = connection
        self._name = name
        self._decoder = msgspec.json.Decoder(kind)

    def put(self, thing: K, *, settled: bool) -> None:
        """Keep a thing as it is now. ``settled``: nothing more is expected of it."""
        address = thing.address
        # Not "insert or replace": that would move it to the end.
        self._connection.execute(
            f"INSERT INTO {self._name} (id, gate, school, county, settled, state) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET settled = excluded.settled, state = excluded.state",
            (
                thing.id, address.gate, address.school, address.county, int(settled),
                msgspec.json.encode(thing).decode(),
            ),
        )  # fmt: skip

    def get(self, address: Address, id: str) -> K | None:
        """One thing, settled or not."""
        found = self._read(
            "id = ? AND gate = ? AND school = ? AND county = ?", id, address.gate, address.school, address.county
        )
        return found[0] if found else None

    def unsettled(self) -> list[K]:
        """Of which something is still expected, oldest first."""
        return self._read("settled = 0 ORDER BY rowid")

    def newest(self, limit: int, gate: str | None = None) -> list[K]:
        """The newest first. ``gate`` is a gate's name, school/gate, or county/school/gate."""
        names = [] if gate is None else gate.split("/")
        columns = ("gate", "school", "county")[: len(names)]
        where = " AND ".join(["1", *(f"{column} = ?" for column in columns)])
        return self._read(f"{where} ORDER BY rowid DESC LIMIT ?", *reversed(names[-3:]), limit)

    def of(self, address: Address, field: str, value: str) -> list[K]:
        """Those of one gate that have this value in a field, oldest first."""
        where = f"gate = ? AND school = ? AND county = ? AND json_extract(state, '$.{field}') = ? ORDER BY rowid"
        return self._read(where, address.gate, address.school, address.county, value)

    def find(self, beginning: str) -> K:
        """The one whose id is or begins so. Raises RefusedError if none or several."""
        found = self._read("id >= ? AND id < ? ORDER BY id LIMIT ?", beginning, beginning + "g", FOUND_MAX)
        found = [thing for thing in found if thing.id == beginning] or found
        if not found:
            raise RefusedError(f"no {self._name} has an id that begins with {beginning!r}")
        if len(found) > 1:
            names = ", ".join(f"{thing.id} ({thing.address})" for thing in found)
            raise RefusedError(f"{beginning!r} may mean {names}: give more of the id")
        return found[0]

    def _read(self, where: str, *values: object) -> list[K]:
        rows = self._connection.execute(f"SELECT state FROM {self._name} WHERE {where}", values)
        return [self._decoder.decode(row[0]) for row in rows]

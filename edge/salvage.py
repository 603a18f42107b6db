"""What a damaged store file still gives: at once what is owed and latched, later every row that is left.

The owed records and the latch come by SQLite where it can still read them, and out of the bare pages where it cannot.
The log's other rows are brought over page by page between jobs, under the numbers they had, and so is the ledger. The
store's thread calls everything here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from edge import set_aside
from edge import store_schema as schema
from edge.events import EventId, Lane, Latch, Record, Row
from edge.ledger import DAMAGED, Entry, Head, is_whole
from edge.ledger_table import first_in, head_in, piece_before, put_back
from edge.raw_pages import Cell, RawPages

RESCUE_ROWS_MAX = 10_000
"""Owed rows carried over from a damaged or deleted file, alarms first: about a second of work."""

RESCUE_PAGES_MAX = 60_000
"""Bare pages that are looked through for them while the store waits: 60 MB, three seconds. The rest comes later."""

PAGES_AT_ONCE = 32
"""Bare pages from which rows are brought over in one short transaction."""

SALVAGE_KEY = "salvage"
_EVENT_COLUMNS = (19, 20)  # without and with the checksum


class Found(NamedTuple):
    """A row of the events that lay on a page, in the order of ``schema.LOAD``, and what more must be kept of it."""

    row: tuple[Any, ...]
    id: EventId
    not_before_ms: int | None
    owed: int


class Rescued(NamedTuple):
    """What was saved at once. ``whole``: SQLite could read all that it was asked for."""

    records: Sequence[Record] = ()
    latch: Latch | None = None
    head: Head | None = None
    whole: bool = False

    def over(self, other: Rescued) -> Rescued:
        """This, and what only the other has."""
        known = {record.id for record in self.records}
        more = [record for record in other.records if record.id not in known]
        return Rescued((*self.records, *more), self.latch or other.latch, self.head or other.head, self.whole)


def rescue(connection: sqlite3.Connection) -> Rescued:
    """By SQLite, of a file that is damaged somewhere. Never raises."""
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    whole = True
    latch = head = None
    try:
        latch = schema.kept_latch(connection)
        head = head_in(connection)
    except (sqlite3.Error, msgspec.DecodeError, UnicodeDecodeError):  # whatever can be read is a gain
        whole = False
    rescued: dict[EventId, Record] = {}
    for lane in Lane:
        for statement in (schema.RESCUE, schema.RESCUE_BY_SCAN):
            try:
                for found in connection.execute(statement, (lane, RESCUE_ROWS_MAX - len(rescued))):
                    record = schema.read_row(found).record
                    rescued.setdefault(record.id, record)
                break
            except (sqlite3.Error, ValueError):  # the index may be torn where the table is whole
                whole = whole and statement == schema.RESCUE
    return Rescued(list(rescued.values()), latch, head, whole)


def rescue_raw(file: Path) -> Rescued:
    """Out of the bare pages. Never raises."""
    owed: dict[EventId, Row] = {}
    latch = None
    head: Head | None = None
    with suppress(OSError), closing(RawPages(file)) as pages:
        for cell in _cells(pages):
            if (found := _event_of(cell)) is not None:
                if found.owed:
                    owed[found.id] = schema.read_row(found.row)
            elif (entry := _entry_of(cell)) is not None:
                head = entry.head if head is None or entry.number > head.number else head
            elif cell[1][0] == schema.LATCH_KEY:
                with suppress(msgspec.DecodeError):
                    latch = schema.decode_latch(str(cell[1][-1]))
    ordered = sorted(owed.values(), key=lambda row: (row.record.lane, row.seq))
    return Rescued([row.record for row in ordered[:RESCUE_ROWS_MAX]], latch, head)


class Piece(NamedTuple):
    """What was found in a few pages more: events and entries of the ledger; and whether that was the last of it."""

    events: Sequence[Found] = ()
    entries: Sequence[Entry] = ()
    ended: bool = True


class Salvage:
    """Brings over what a file that was moved aside still holds, a little at a time, into the file at ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pages: RawPages | None = None
        self._next = 1
        self._entry_pages: dict[int, int] = {}

    def begin(self, connection: sqlite3.Connection) -> None:
        """In a file without a row: numbers go on above those of the file before it. Within the caller's transaction.

        So its rows can come back under the numbers they had. Raises sqlite3.Error.
        """
        damaged = next(iter(set_aside.files(self._path)), None)
        if damaged is not None:
            connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (_last_seq(damaged),))
            connection.execute(schema.KEEP, (SALVAGE_KEY, damaged.name))

    def read(self, connection: sqlite3.Connection, limit: int) -> Piece:
        """The next of it, at most ``limit`` entries of the ledger. Raises sqlite3.Error."""
        first = first_in(connection)
        if first is not None and first.number > 1:
            for damaged in set_aside.files(self._path):
                if entries := piece_before(damaged, first, limit):
                    return Piece((), entries, ended=False)
        found = connection.execute(schema.KEPT, (SALVAGE_KEY,)).fetchone()
        if found is None or not found[0]:
            return Piece()
        try:
            return self._read(self._path.with_name(str(found[0])), first, limit)
        except OSError:  # it was deleted, or the card does not give it any more
            self.close()
            return Piece()

    def put(self, connection: sqlite3.Connection, piece: Piece) -> None:
        """Keep what is not kept yet, within the caller's transaction. Raises sqlite3.Error."""
        for found in piece.events:
            row = schema.read_row(found.row)
            values = schema.columns(row.record, row.seq, found.not_before_ms)
            connection.execute(schema.SALVAGE, (*values, found.row[2], found.row[3], found.owed))
        put_back(connection, piece.entries)
        if piece.ended:
            connection.execute(schema.KEEP, (SALVAGE_KEY, ""))

    def close(self) -> None:
        """Let the damaged file go."""
        if self._pages is not None:
            self._pages.close()
            self._pages = None

    def _read(self, damaged: Path, first: Entry | None, limit: int) -> Piece:
        if self._pages is None:
            self._pages, self._next, self._entry_pages = RawPages(damaged), 1, {}
        pages = self._pages
        events: list[Found] = []
        last = min(self._next + PAGES_AT_ONCE, pages.count + 1)
        for number in range(self._next, last):
            for cell in pages.cells(number):
                if (event := _event_of(cell)) is not None:
                    events.append(event)
                elif (entry := _entry_of(cell)) is not None:
                    self._entry_pages[entry.number] = number
        ended = self._next >= last
        self._next = last
        entries = self._entries_before(pages, first, limit) if ended and first is not None else []
        ended = ended and not entries
        if ended:
            self.close()
        return Piece(events, entries, ended)

    def _entries_before(self, pages: RawPages, first: Entry, limit: int) -> list[Entry]:
        """As ``piece_before``, where SQLite finds no way to the entries."""
        entries: list[Entry] = []
        wanted = Head(first.number - 1, first.previous)
        while len(entries) < limit and wanted.number in self._entry_pages:
            found = (_entry_of(cell) for cell in pages.cells(self._entry_pages[wanted.number]))
            entry = next((one for one in found if one is not None and one.head == wanted), None)
            if entry is None:
                break
            entries.append(entry)
            wanted = Head(entry.number - 1, entry.previous)
        return entries


def _last_seq(damaged: Path) -> int:
    """The highest number that a damaged file gave."""
    with suppress(sqlite3.Error, UnicodeDecodeError):
        uri = f"file:{quote(str(damaged))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            statements = (schema.LAST_SEQ, "SELECT MAX(seq) FROM events")
            found = [connection.execute(statement).fetchone() for statement in statements]
            return max((row[0] for row in found if row is not None and isinstance(row[0], int)), default=0)
    with suppress(OSError), closing(RawPages(damaged)) as pages:
        return max((event.row[0] for cell in _cells(pages) if (event := _event_of(cell)) is not None), default=0)
    return 0


def _cells(pages: RawPages) -> Iterator[Cell]:
    for number in range(1, min(pages.count, RESCUE_PAGES_MAX) + 1):
        yield from pages.cells(number)


def _event_of(cell: Cell) -> Found | None:
    """A row of the table of events, if it is one, whether its record is whole or not."""
    number, columns = cell
    if len(columns) not in _EVENT_COLUMNS or number <= 0:
        return None
    columns = columns if len(columns) == _EVENT_COLUMNS[-1] else (*columns, None)
    match columns:
        case (
            None, str(boot), int(counter), int(), str(kernel_boot), int(), int(), str(topic), int(), int(),
            int(), str(quality), int() | None, int() | None as not_before_ms, int(), int() | None as dated_ms,
            int() | None as bound_ms, int(owed), str(record), int() | None as checksum,
        ):  # fmt: skip
            told = [*columns[1:13]]
            for place, text in ((0, boot), (3, kernel_boot), (6, topic), (10, quality)):
                told[place] = text.encode("utf-8", DAMAGED).decode("utf-8", "replace")
            row = (number, record.encode("utf-8", DAMAGED), dated_ms, bound_ms, *told, checksum)
            return Found(row, EventId(str(told[0]), counter), not_before_ms, int(owed == 1))
        case _:
            return None


def _entry_of(cell: Cell) -> Entry | None:
    match cell:
        case (number, (None, str(previous), str(record), str(signature), str(hash))):
            entry = Entry(number, previous, record, signature, hash)
            return entry if is_whole(entry) else None
        case _:
            return None

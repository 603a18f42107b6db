"""The event log and the list of what is owed, on SQLite.

One connection, made and used by one thread. Every write is one ``BEGIN IMMEDIATE`` transaction that was synced to
the card when the method returns: WAL and ``synchronous=FULL`` are set and read back, never assumed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from edge import latching, set_aside
from edge import store_schema as schema
from edge.card_file import CHECK_BYTES_MAX, CardFile
from edge.diary import Diary
from edge.events import (
    PERSONAL,
    Backlog,
    ClockFix,
    ClockQuality,
    EventId,
    Lane,
    Latch,
    Record,
    Row,
    Topic,
    WallStamp,
)
from edge.ledger import Head, belongs
from edge.ledger_table import Scribe, head_in, tail_of
from edge.measuring import CrowdKept
from edge.ports import SEQ_MAX, OutboxFull
from edge.reserve import Reserve
from edge.salvage import Rescued, Salvage

T = TypeVar("T")

TRIM_ROWS = 32
"""Rows beyond the limit that one append removes on top of two for each it adds: never a long transaction."""

BACKFILL_ROWS = 250
"""Rows that one call dates: about the time of one commit."""


class SqliteOutbox:
    """Port ``Outbox``. The store's thread makes it, uses it and closes it.

    Making it opens, checks and migrates ``path``, whose directory must exist. A card that can only be read is
    opened for reading, if the file is of this version; the first write then raises OutboxFull.
    """

    durable = True

    def __init__(
        self,
        path: Path,
        routine_events_max: int,
        check_bytes_max: int = CHECK_BYTES_MAX,
        scribe: Scribe | None = None,
    ) -> None:
        """Open. Raises OutboxFull, or OutboxDamaged when the file has been moved aside: then open again.

        ``scribe`` writes the ledger; it outlives this object. Without one no ledger is kept.
        """
        self._path = path
        self._scribe = scribe
        self._file = CardFile(path, check_bytes_max, self._rescued)
        self._salvage = Salvage(path)
        self._salvaging = False
        self._routine_events_max = routine_events_max
        self._dropped = 0
        self._not_before_ms: int | None = None
        self._last_id: EventId | None = None
        self._head: Head | None = None
        self._reserve = Reserve(path)
        self._open()
        try:
            with self._file.reading() as connection:
                begun = connection.execute(schema.LAST_SEQ).fetchone() is not None
            if not begun and set_aside.files(path):
                with self._file.writing() as connection:
                    self._salvage.begin(connection)
            with self._file.reading() as connection:
                self._recall(connection)
        except BaseException:
            self._file.close()
            raise
        self._reserve.set_aside()

    # --- the port -------------------------------------------------------------------------------------------

    @property
    def only_alarms(self) -> bool:
        """See ``Outbox.only_alarms``."""
        return self._reserve.is_spent

    def append(
        self, records: Sequence[Record], latch: Latch | None, numbers: Sequence[int] | None = None
    ) -> Sequence[int]:
        """See ``Outbox.append``. On a full card the room that is set aside goes to alarms and the latch alone."""
        urgent = all(record.lane is Lane.ALARM for record in records) if records else latch is not None
        if self._reserve.is_spent and not urgent:
            raise OutboxFull(f"{self._path.name}: the card is full, and what is left of it is kept for alarms")
        try:
            return self._append(records, latch, numbers)
        except OutboxFull:
            if not self._reserve.give_up() or not urgent:
                raise
        return self._append(records, latch, numbers)

    def last_seq(self) -> int:
        """See ``Outbox.last_seq``."""
        with self._file.reading() as connection:
            return self._last_seq(connection)

    def keep_latch(self, latch: Latch) -> None:
        """See ``Outbox.keep_latch``."""
        self.append((), latch)

    def latch(self) -> Latch | None:
        """See ``Outbox.latch``."""
        with self._file.reading() as connection:
            return schema.kept_latch(connection)

    def load(self, lane: Lane, after_seq: int, limit: int) -> Sequence[Row]:
        """See ``Outbox.load``."""
        with self._file.reading() as connection:
            return [schema.checked_row(found) for found in connection.execute(schema.LOAD, (lane, after_seq, limit))]

    def history(self, after_seq: int, limit: int) -> Sequence[Row]:
        """See ``Outbox.history``."""
        with self._file.reading() as connection:
            rows = [schema.checked_row(found) for found in connection.execute(schema.HISTORY, (after_seq, limit))]
            if rows:
                schema.check_owed(connection, after_seq, rows[-1].seq)
            return rows

    def read_back(self, id: EventId) -> tuple[bool, int | None, str]:
        """See ``Outbox.read_back``."""
        with self._file.reading_afresh() as connection:
            found = connection.execute(schema.NUMBER_OF, (id.boot, id.counter)).fetchone() is not None
            return found, *((None, "") if self._scribe is None else tail_of(connection))

    def owed_lanes(self, ids: Sequence[EventId]) -> Sequence[Lane]:
        """See ``Outbox.owed_lanes``."""
        with self._file.reading() as connection:
            found = (connection.execute(schema.OWED_LANE_OF, (id.boot, id.counter)).fetchone() for id in ids)
            return [Lane(lane) for (lane,) in filter(None, found)]

    def mark_done(self, ids: Sequence[EventId]) -> None:
        """See ``Outbox.mark_done``."""
        with self._file.writing() as connection:
            connection.executemany(schema.MARK_DONE, [(id.boot, id.counter) for id in ids])

    def backlog(self) -> Backlog:
        """See ``Outbox.backlog``."""
        with self._file.reading() as connection:
            alarm, trouble, routine = (owed for (owed,) in connection.execute("SELECT owed FROM counts ORDER BY lane"))
        return Backlog(alarm, trouble, routine, self._last_id, self._head)

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
        with self._file.writing() as connection:
            settled = connection.execute(schema.BACKFILL_SAME_BOOT, values).rowcount
            return settled or connection.execute(schema.BACKFILL_OTHER_BOOTS, values).rowcount

    def note_alive(self, wall: WallStamp) -> None:
        """See ``Outbox.note_alive``."""
        self._keep(schema.ALIVE_KEY, wall)
        self._not_before_ms = _later(self._not_before_ms, schema.earliest_ms(wall))

    def last_alive_wall_ms(self) -> int | None:
        """See ``Outbox.last_alive_wall_ms``."""
        with self._file.reading() as connection:
            stamp = schema.kept_stamp(connection)
            return None if stamp is None else stamp.wall_ms

    def keep_note(self, note: CrowdKept | Diary) -> None:
        """See ``Outbox.keep_note``."""
        self._keep(schema.DIARY_KEY if isinstance(note, Diary) else schema.CROWD_KEY, note)

    def crowd(self) -> CrowdKept | None:
        """See ``Outbox.crowd``."""
        return self._note(schema.CROWD_KEY, schema.decode_crowd)

    def diary(self) -> Diary | None:
        """See ``Outbox.diary``."""
        return self._note(schema.DIARY_KEY, schema.decode_diary)

    def forget(self, topic: Topic, before_wall_ms: int, limit: int) -> int:
        """See ``Outbox.forget``. The bytes go as well, as far as SQLite can have it.

        Each record is overwritten with zeros before its row is deleted: SQLite moves rows between pages as they thin
        out, and with ``secure_delete`` alone a copy of about one in ten thousand stayed in the unused part of a page.
        When none is left the WAL is emptied too, unless somebody reads the file just then. What cannot be promised:
        a card does not write where it wrote before, so old bytes stay in its cells until it uses them again, out of
        this machine's reach but not of a laboratory's.
        """
        if topic not in PERSONAL:
            return 0
        with self._file.writing() as connection:
            old = connection.execute(schema.OLD_PERSONAL, (topic.value, before_wall_ms, limit)).fetchall()
            connection.executemany(schema.BLANK, old)
            connection.executemany(schema.DELETE, old)
        if not old:
            self._file.empty_wal()
        return len(old)

    def count_older(self, topic: Topic, before_wall_ms: int, after_seq: int = 0, up_to_seq: int = SEQ_MAX) -> int:
        """See ``Outbox.count_older``."""
        with self._file.reading() as connection:
            sought = (after_seq, up_to_seq, topic.value, before_wall_ms)
            (count,) = connection.execute(schema.COUNT_OLDER, sought).fetchone()
        return int(count)

    def forget_damaged(self, before_wall_ms: int) -> int:
        """See ``Outbox.forget_damaged``."""
        return int(any(set_aside.delete(self._path, number) for number in set_aside.older(self._path, before_wall_ms)))

    def count_damaged(self, before_wall_ms: int) -> int:
        """See ``Outbox.count_damaged``."""
        return len(set_aside.older(self._path, before_wall_ms))

    def salvage(self, limit: int) -> int:
        """See ``Outbox.salvage``."""
        with self._file.reading() as connection:
            piece = self._salvage.read(connection, limit)
        if piece.events or piece.entries or (piece.ended and self._salvaging):
            with self._file.writing() as connection:
                self._salvage.put(connection, piece)
        self._salvaging = not piece.ended
        return not piece.ended

    def close(self) -> None:
        """See ``Outbox.close``. Never raises."""
        self._salvage.close()
        self._file.close()

    # --- parts ----------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Open the file, with the room that is set aside if the card is too full even for that."""
        tables = ("events", "keep", "counts", "ledger")
        try:
            self._file.open(schema.MIGRATIONS, tables, ("keep", "counts"))
        except OutboxFull:
            if not self._reserve.give_up():
                raise
            self._file.open(schema.MIGRATIONS, tables, ("keep", "counts"))

    def _append(self, records: Sequence[Record], latch: Latch | None, numbers: Sequence[int] | None) -> Sequence[int]:
        dropped = 0
        not_before_ms, head = self._not_before_ms, self._head
        scribe = self._scribe if any(belongs(record) for record in records) else None
        if scribe is not None:
            scribe.prepare()
        with self._file.writing() as connection:
            before = self._last_seq(connection)
            if numbers and numbers[0] <= before:
                raise ValueError(f"number {numbers[0]} has been given before")
            given = []
            new: dict[int, Record] = {}
            for place, record in enumerate(records):
                wanted = None if numbers is None else numbers[place]
                seq = schema.insert(connection, record, wanted, not_before_ms)
                given.append(seq)
                if seq > before:
                    new[seq] = record
                not_before_ms = _later(not_before_ms, schema.earliest_ms(record.wall))
            if scribe is not None:
                head = scribe.add(connection, list(new.values()))
            if latch is not None:
                kept = latching.over(latch, schema.kept_latch(connection)) if latch.unread else latch
                connection.execute(schema.KEEP, (schema.LATCH_KEY, schema.encode(kept)))
            if not records and latch is None:
                connection.execute(schema.KEEP, (schema.PROOF_KEY, ""))
            evictable = sum(record.lane is not Lane.ALARM for record in records)
            if evictable:
                dropped = schema.trim(connection, self._routine_events_max, TRIM_ROWS + 2 * evictable)
        self._dropped += dropped
        self._not_before_ms, self._head = not_before_ms, head
        if scribe is not None:
            scribe.committed(head)
        if new:
            self._last_id = new[max(new)].id
        return given

    def _recall(self, connection: sqlite3.Connection) -> None:
        """The newest id, and the latest time that is known to have passed: the last row and the sign of life tell."""
        schema.kept_latch(connection)
        self._head = head_in(connection)
        stamp = schema.kept_stamp(connection)
        self._not_before_ms = None if stamp is None else schema.earliest_ms(stamp)
        found = connection.execute(schema.LAST_ROW).fetchone()
        if found is None:
            return
        boot, counter, wall_ms, quality, bound_ms, not_before_ms = found
        self._last_id = EventId(boot, counter)
        own_ms = schema.earliest_ms(WallStamp(wall_ms, ClockQuality(quality), bound_ms))
        self._not_before_ms = _later(_later(self._not_before_ms, not_before_ms), own_ms)

    def _rescued(self, rescued: Rescued) -> None:
        """The end of a damaged file's ledger, so that the next file can go on from it."""
        if self._scribe is not None:
            self._scribe.salvaged(rescued.head)

    def _note(self, key: str, decode: Callable[[str], T]) -> T | None:
        with self._file.reading() as connection:
            found = connection.execute(schema.KEPT, (key,)).fetchone()
        try:
            return None if found is None else decode(*found)
        except msgspec.DecodeError:  # a file that holds alarms is not given up for it
            return None

    def _keep(self, key: str, value: WallStamp | CrowdKept | Diary) -> None:
        with self._file.writing() as connection:
            connection.execute(schema.KEEP, (key, schema.encode(value)))

    @staticmethod
    def _last_seq(connection: sqlite3.Connection) -> int:
        found = connection.execute(schema.LAST_SEQ).fetchone()
        return 0 if found is None else int(*found)


def _later(one_ms: int | None, other_ms: int | None) -> int | None:
    if one_ms is None or other_ms is None:
        return other_ms if one_ms is None else one_ms
    return max(one_ms, other_ms)

"""How records lie in the tables of the store: statements, and a row read back. Pure text and values.

The columns repeat what reports and back-dating ask for; ``record`` (JSON) is the truth. Should that text ever be
unreadable, the columns are enough to send the event all the same (``read_row``).
"""

from __future__ import annotations

import sqlite3
from enum import Enum
from typing import Any, TypeVar
from zlib import crc32

import msgspec

from edge.diary import Diary
from edge.events import (
    ClockQuality,
    Code,
    EventId,
    Lane,
    Latch,
    Origin,
    Qualifier,
    Record,
    Row,
    Topic,
    WallStamp,
)
from edge.measuring import CrowdKept
from edge.store_versions import MIGRATIONS as MIGRATIONS

E = TypeVar("E", bound=Enum)

DRIFT_PARTS = 10_000
"""A free-running clock is off by at most one part in 10,000 (100 ppm: twice a Pi's crystal over temperature)."""

INSERT = """
    INSERT INTO events (
        seq, boot, counter, boot_counter, kernel_boot, at_ms, lane, topic, code, qualifier,
        wall_ms, wall_quality, wall_bound_ms, not_before_ms, undated, owed, record, checksum
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)
    ON CONFLICT (boot, counter) DO NOTHING
"""
SALVAGE = """
    INSERT OR IGNORE INTO events (
        seq, boot, counter, boot_counter, kernel_boot, at_ms, lane, topic, code, qualifier,
        wall_ms, wall_quality, wall_bound_ms, not_before_ms, undated, record, checksum,
        backfilled_wall_ms, backfilled_bound_ms, owed
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?15 AND ?18 IS NULL, ?16, ?17, ?18, ?19, ?20)
"""
NUMBER_OF = "SELECT seq FROM events WHERE boot = ? AND counter = ?"
OWED_LANE_OF = "SELECT lane FROM events WHERE boot = ? AND counter = ? AND owed = 1"
MARK_DONE = "UPDATE events SET owed = 0 WHERE boot = ? AND counter = ? AND owed = 1"
LAST_SEQ = "SELECT seq FROM sqlite_sequence WHERE name = 'events'"
LAST_ROW = """
    SELECT boot, counter, wall_ms, wall_quality, wall_bound_ms, not_before_ms FROM events ORDER BY seq DESC LIMIT 1
"""

# The record as bytes: what is no text any more must be found to be wrong, and not end the reading.
_ROW = """
    SELECT seq, CAST(record AS BLOB), backfilled_wall_ms, backfilled_bound_ms, boot, counter, boot_counter, kernel_boot,
           at_ms, lane, topic, code, qualifier, wall_ms, wall_quality, wall_bound_ms, checksum
    FROM events
"""
LOAD = _ROW + "WHERE owed = 1 AND lane = ? AND seq > ? ORDER BY seq LIMIT ?"
HISTORY = _ROW + "WHERE seq > ? ORDER BY seq LIMIT ?"
FIND = (
    _ROW
    + """
    WHERE seq > :after_seq
      AND (:since_ms IS NULL OR COALESCE(backfilled_wall_ms, wall_ms) >= :since_ms)
      AND (:until_ms IS NULL OR COALESCE(backfilled_wall_ms, wall_ms) < :until_ms)
      AND (:topic IS NULL OR topic = :topic) AND (:code IS NULL OR code = :code)
      AND (:boot IS NULL OR boot = :boot) AND (:counter IS NULL OR counter = :counter)
    ORDER BY seq DESC LIMIT :limit
"""
)
OWED_BETWEEN = "SELECT seq FROM events WHERE owed = 1 AND seq BETWEEN ? AND ?"
KINDS = """
    SELECT topic, code, COUNT(*), SUM(owed), MIN(COALESCE(backfilled_wall_ms, wall_ms)),
           MAX(COALESCE(backfilled_wall_ms, wall_ms))
    FROM events GROUP BY topic, code ORDER BY topic, code
"""
OWED_BY_KIND = """
    SELECT lane, topic, code, COUNT(*), MIN(COALESCE(backfilled_wall_ms, wall_ms)), MIN(seq)
    FROM events WHERE owed = 1 GROUP BY lane, topic, code ORDER BY lane, MIN(seq)
"""
OWED_BY_ROWS = "SELECT COUNT(*) FROM events NOT INDEXED WHERE owed = 1 AND seq > ? AND seq <= ?"
OWED_BY_INDEX = """
    SELECT COUNT(*) FROM events INDEXED BY events_owed WHERE owed = 1 AND lane IN (0, 1, 2) AND seq > ? AND seq <= ?
"""
RESCUE = _ROW + "WHERE owed = 1 AND lane = ? ORDER BY seq LIMIT ?"
RESCUE_BY_SCAN = _ROW + "NOT INDEXED WHERE owed = 1 AND lane = ? LIMIT ?"

TRIM_DELIVERED = """
    DELETE FROM events WHERE seq IN
        (SELECT seq FROM events INDEXED BY events_delivered WHERE owed = 0 AND lane > 0 ORDER BY seq LIMIT ?)
"""
TRIM_OWED = """
    DELETE FROM events WHERE seq IN
        (SELECT seq FROM events INDEXED BY events_owed WHERE owed = 1 AND lane = ? ORDER BY seq LIMIT ?)
"""

OLD_PERSONAL = """
    SELECT seq FROM events INDEXED BY events_personal
    WHERE topic IN ('temperature', 'picture') AND lane = 2 AND topic = ? AND COALESCE(backfilled_wall_ms, wall_ms) < ?
    ORDER BY COALESCE(backfilled_wall_ms, wall_ms) LIMIT ?
"""
# As many bytes as the record has, so that it is overwritten where it lies.
BLANK = "UPDATE events SET record = CAST(zeroblob(LENGTH(CAST(record AS BLOB))) AS TEXT) WHERE seq = ?"
DELETE = "DELETE FROM events WHERE seq = ?"
# In other words than the deletion, and past its index: a mistake in either shows in the other.
COUNT_OLDER = """
    SELECT COUNT(*) FROM events NOT INDEXED
    WHERE seq > ? AND seq <= ? AND topic = ?
        AND CASE WHEN backfilled_wall_ms IS NULL THEN wall_ms ELSE backfilled_wall_ms END < ?
"""

BACKFILL_SAME_BOOT = f"""
    UPDATE events SET undated = 0,
        backfilled_wall_ms = :wall_ms - (:at_ms - at_ms),
        backfilled_bound_ms = :bound_ms + (:at_ms - at_ms + {DRIFT_PARTS - 1}) / {DRIFT_PARTS}
    WHERE seq IN (SELECT seq FROM events WHERE undated = 1 AND kernel_boot = :kernel_boot AND at_ms <= :at_ms
                  ORDER BY at_ms LIMIT :limit)
"""
# Two ranges instead of "<>": SQLite seeks in the index for a range and scans it all for an inequality.
BACKFILL_OTHER_BOOTS = """
    UPDATE events SET undated = 0,
        backfilled_wall_ms = CASE WHEN not_before_ms <= :not_after_ms
            THEN not_before_ms + (:not_after_ms - not_before_ms) / 2 END,
        backfilled_bound_ms = CASE WHEN not_before_ms <= :not_after_ms
            THEN (:not_after_ms - not_before_ms + 1) / 2 END
    WHERE seq IN (
        SELECT seq FROM (SELECT seq FROM events WHERE undated = 1 AND kernel_boot < :kernel_boot LIMIT :limit)
        UNION ALL
        SELECT seq FROM (SELECT seq FROM events WHERE undated = 1 AND kernel_boot > :kernel_boot LIMIT :limit))
"""

KEEP = "INSERT INTO keep (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
KEPT = "SELECT value FROM keep WHERE key = ?"
LATCH_KEY = "latch"
ALIVE_KEY = "alive"
CROWD_KEY = "crowd"
DIARY_KEY = "diary"
PROOF_KEY = "proof"

UNREADABLE = "unreadable"
"""What the body of an event says whose record was rebuilt."""


class AlteredRow(Exception):
    """A row's record does not fit its checksum, or its columns not the record: the card has changed what it held."""


_encoder = msgspec.json.Encoder()
_record = msgspec.json.Decoder(Record)
_latch = msgspec.json.Decoder(Latch)
_stamp = msgspec.json.Decoder(WallStamp)
_crowd = msgspec.json.Decoder(CrowdKept)
_diary = msgspec.json.Decoder(Diary)


def encode(value: Record | Latch | WallStamp | CrowdKept | Diary) -> str:
    """A value as the JSON text that is kept."""
    return _encoder.encode(value).decode()


def decode_latch(text: str) -> Latch:
    """A kept latch. Raises msgspec.DecodeError."""
    return _latch.decode(text)


def decode_stamp(text: str) -> WallStamp:
    """A kept sign of life. Raises msgspec.DecodeError."""
    return _stamp.decode(text)


def decode_crowd(text: str) -> CrowdKept:
    """A kept crowd. Raises msgspec.DecodeError."""
    return _crowd.decode(text)


def decode_diary(text: str) -> Diary:
    """The kept diary of tests. Raises msgspec.DecodeError."""
    return _diary.decode(text)


def kept_latch(connection: sqlite3.Connection) -> Latch | None:
    """The latch of a file. Raises sqlite3.Error or msgspec.DecodeError."""
    found = connection.execute(KEPT, (LATCH_KEY,)).fetchone()
    return None if found is None else decode_latch(found[0])


def kept_stamp(connection: sqlite3.Connection) -> WallStamp | None:
    """The sign of life of a file. Raises sqlite3.Error or msgspec.DecodeError."""
    found = connection.execute(KEPT, (ALIVE_KEY,)).fetchone()
    return None if found is None else decode_stamp(found[0])


def earliest_ms(stamp: WallStamp) -> int | None:
    """The true time was not before this; None if the stamp cannot be trusted at all."""
    if stamp.quality is ClockQuality.UNSYNCED or stamp.bound_ms is None:
        return None
    return stamp.wall_ms - stamp.bound_ms


def columns(record: Record, seq: int | None, not_before_ms: int | None) -> tuple[object, ...]:
    """Parameters of ``INSERT``. ``seq`` None takes the next number."""
    undated = record.wall.quality is ClockQuality.UNSYNCED
    text = encode(record)
    return (seq, *_told(record), not_before_ms, int(undated), text, crc32(text.encode()))


def _told(record: Record) -> tuple[object, ...]:
    """What the columns repeat of a record."""
    return (
        record.id.boot,
        record.id.counter,
        record.boot_counter,
        record.kernel_boot,
        record.at_ms,
        int(record.lane),
        record.topic.value,
        int(record.code),
        int(record.qualifier),
        record.wall.wall_ms,
        record.wall.quality.value,
        record.wall.bound_ms,
    )


def checked_row(found: tuple[Any, ...]) -> Row:
    """As ``read_row``, for those who can do something about it: raises AlteredRow where the row is not as written."""
    row = read_row(found)
    if _is_altered(found) or (UNREADABLE not in row.record.body and _told(row.record) != tuple(found[4:16])):
        raise AlteredRow(f"event {row.record.id} in row {row.seq} is not as it was written")
    return row


def check_owed(connection: sqlite3.Connection, after_seq: int, up_to_seq: int) -> None:
    """Raises AlteredRow where the rows and their index do not agree on what is owed: one bit decides that."""
    by_rows, by_index = (
        connection.execute(statement, (after_seq, up_to_seq)).fetchone()[0]
        for statement in (OWED_BY_ROWS, OWED_BY_INDEX)
    )
    if by_rows != by_index:
        raise AlteredRow(f"{by_rows} events are owed by their rows, {by_index} by their index")


def read_row(found: tuple[Any, ...]) -> Row:
    """A row of ``LOAD`` or ``HISTORY``. An unreadable record is rebuilt from its columns, as a person's."""
    seq, text, wall_ms, bound_ms = found[:4]
    try:
        record = _rebuilt(found, "it was altered") if _is_altered(found) else _record.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        record = _rebuilt(found, str(error))
    backfilled = None if wall_ms is None else WallStamp(wall_ms, ClockQuality.BACKFILLED, bound_ms)
    return Row(seq, record, backfilled)


def _is_altered(found: tuple[Any, ...]) -> bool:
    return found[16] is not None and crc32(found[1]) != found[16]


def _rebuilt(found: tuple[Any, ...], error: str) -> Record:
    boot, counter, boot_counter, kernel_boot, at_ms, lane, topic, code, qualifier = found[4:13]
    wall_ms, quality, bound_ms = found[13:16]
    return Record(
        EventId(boot, counter),
        boot_counter,
        kernel_boot,
        at_ms,
        WallStamp(wall_ms, _known(ClockQuality, quality, ClockQuality.UNSYNCED), bound_ms),
        Origin.PERSON,
        _known(Lane, lane, Lane.TROUBLE),
        _known(Topic, topic, Topic.LOG),
        _known(Code, code, Code.SYSTEM_TROUBLE),
        _known(Qualifier, qualifier, Qualifier.STATUS),
        None,
        {UNREADABLE: error[:200]},
    )


def _known(kind: type[E], value: object, otherwise: E) -> E:
    """A newer program may have written a name that this one does not know."""
    try:
        return kind(value)
    except ValueError:
        return otherwise


def insert(connection: sqlite3.Connection, record: Record, seq: int | None, not_before_ms: int | None) -> int:
    """Add a record, owed; its number, which is the old one if it is there already. Raises sqlite3.Error."""
    cursor = connection.execute(INSERT, columns(record, seq, not_before_ms))
    if cursor.rowcount == 1 and cursor.lastrowid is not None:
        return cursor.lastrowid
    return int(connection.execute(NUMBER_OF, (record.id.boot, record.id.counter)).fetchone()[0])


def trim(connection: sqlite3.Connection, routine_events_max: int, rows_max: int) -> int:
    """Hold the limit: delivered rows go first, then owed routine, then owed trouble; return the owed ones."""
    kept = connection.execute("SELECT SUM(kept) FROM counts WHERE lane > 0").fetchone()[0]
    over = min(kept - routine_events_max, rows_max)
    if over <= 0:
        return 0
    over -= connection.execute(TRIM_DELIVERED, (over,)).rowcount
    dropped = 0
    for lane in (Lane.ROUTINE, Lane.TROUBLE):
        if over > dropped:
            dropped += connection.execute(TRIM_OWED, (lane, over - dropped)).rowcount
    return dropped

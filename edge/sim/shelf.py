"""What is kept: the same shelf stands for the card's file (survives a power cut) and for memory (does not)."""

from __future__ import annotations

from msgspec.structs import replace

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
from edge.measuring import CrowdKept


class Shelf:
    """Rows by number, which of them are owed, latch and crowd. The rules are those of ``ports.Outbox``."""

    def __init__(self, first_seq: int = 1) -> None:
        self.next_seq = first_seq
        self.rows: dict[int, Row] = {}
        self.numbers: dict[EventId, int] = {}
        self.owed: dict[Lane, dict[int, None]] = {lane: {} for lane in Lane}
        self.latch: Latch | None = None
        self.alive_wall_ms: int | None = None
        self.crowd: CrowdKept | None = None
        self.diary: Diary | None = None
        self.last_id: EventId | None = None

    def append(self, record: Record, seq: int | None = None) -> int:
        """Keep a record as owed, once; give its number."""
        known = self.numbers.get(record.id)
        if known is not None:
            return known
        seq = max(self.next_seq, seq or 0)
        self.next_seq = seq + 1
        self.rows[seq] = Row(seq, record, None)
        self.numbers[record.id] = seq
        self.owed[record.lane][seq] = None
        self.last_id = record.id
        return seq

    def mark_done(self, id: EventId) -> bool:
        """Owed no more; False for an unknown id."""
        seq = self.numbers.get(id)
        if seq is None:
            return False
        self.owed[self.rows[seq].record.lane].pop(seq, None)
        return True

    def load(self, lane: Lane, after_seq: int) -> list[Row]:
        """Owed rows of a lane above a number, oldest first."""
        return [self.rows[seq] for seq in sorted(self.owed[lane]) if seq > after_seq]

    def backfill(self, fix: ClockFix) -> None:
        """Date the undated rows of the fix's own kernel boot."""
        for seq, row in self.rows.items():
            record = row.record
            undated = record.wall.quality is ClockQuality.UNSYNCED and row.backfilled is None
            if undated and record.kernel_boot == fix.kernel_boot:
                ago_ms = fix.at_ms - record.at_ms
                bound_ms = fix.bound_ms + abs(ago_ms) // 10_000 + 1
                stamp = WallStamp(fix.wall_ms - ago_ms, ClockQuality.BACKFILLED, bound_ms)
                self.rows[seq] = replace(row, backfilled=stamp)

    def forget(self, topic: Topic, before_wall_ms: int) -> int:
        """Delete the routine events of a personal topic dated before this; tell how many."""
        old = [row for row in self.rows.values() if self._is_older(row, topic, before_wall_ms)]
        deleted = [row for row in old if row.record.lane is Lane.ROUTINE and topic in PERSONAL]
        for row in deleted:
            del self.rows[row.seq], self.numbers[row.record.id]
            self.owed[row.record.lane].pop(row.seq, None)
        return len(deleted)

    def count_older(self, topic: Topic, before_wall_ms: int) -> int:
        """How many events of a topic are dated before this."""
        return sum(self._is_older(row, topic, before_wall_ms) for row in self.rows.values())

    @staticmethod
    def _is_older(row: Row, topic: Topic, before_wall_ms: int) -> bool:
        return row.record.topic is topic and row.dated_wall_ms < before_wall_ms

    def backlog(self) -> Backlog:
        """What is owed, by lane."""
        alarm, trouble, routine = (len(self.owed[lane]) for lane in Lane)
        return Backlog(alarm, trouble, routine, self.last_id)

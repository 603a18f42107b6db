"""The outbox without a card: used for real while the card is full, read-only or gone.

Nothing here survives the process, and it says so (``durable`` is false). It holds to the same rules as the card's:
alarms are never evicted, the rest has a limit, delivered events go first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from msgspec.structs import replace

from edge import latching
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
from edge.ports import SEQ_MAX

ROUTINE_EVENTS_MAX = 10_000
"""About 20 MB of routine events, and an hour of them at three a second."""

BACKFILL_ROWS = 250
"""Rows that one call dates."""

DRIFT_PARTS = 10_000
"""A free-running clock is off by at most one part in 10,000 (100 ppm)."""


class MemoryOutbox:
    """Port ``Outbox``. The store's thread uses it. Never raises OutboxFull or OutboxDamaged.

    ``first_seq`` continues the card's numbering. Every event is of this life, hence of one kernel boot: ``backfill``
    has no older boots to date.
    """

    durable = False
    only_alarms = False

    def __init__(self, first_seq: int = 1, routine_events_max: int = ROUTINE_EVENTS_MAX) -> None:
        self._next_seq = first_seq
        self._routine_events_max = routine_events_max
        self._rows: dict[int, Row] = {}
        self._numbers: dict[EventId, int] = {}
        self._owed: dict[Lane, dict[int, None]] = {lane: {} for lane in Lane}
        self._delivered: dict[int, None] = {}  # all but alarms: those may be evicted
        self._undated: dict[int, None] = {}
        self._latch: Latch | None = None
        self._alive: WallStamp | None = None
        self._crowd: CrowdKept | None = None
        self._diary: Diary | None = None
        self._last_id: EventId | None = None
        self._dropped = 0

    def append(
        self, records: Sequence[Record], latch: Latch | None, numbers: Sequence[int] | None = None
    ) -> Sequence[int]:
        """See ``Outbox.append``."""
        if numbers and numbers[0] < self._next_seq:
            raise ValueError(f"number {numbers[0]} has been given before")
        given = []
        for place, record in enumerate(records):
            if record.id not in self._numbers:
                self._add(record, self._next_seq if numbers is None else numbers[place])
            given.append(self._numbers[record.id])
        if latch is not None:
            self._latch = latching.over(latch, self._latch)
        self._trim()
        return given

    def last_seq(self) -> int:
        """See ``Outbox.last_seq``."""
        return self._next_seq - 1

    def keep_latch(self, latch: Latch) -> None:
        """See ``Outbox.keep_latch``."""
        self._latch = latching.over(latch, self._latch)

    def latch(self) -> Latch | None:
        """See ``Outbox.latch``."""
        return self._latch

    def load(self, lane: Lane, after_seq: int, limit: int) -> Sequence[Row]:
        """See ``Outbox.load``."""
        return [self._rows[seq] for seq in islice((seq for seq in self._owed[lane] if seq > after_seq), limit)]

    def history(self, after_seq: int, limit: int) -> Sequence[Row]:
        """See ``Outbox.history``."""
        return list(islice((row for seq, row in self._rows.items() if seq > after_seq), limit))

    def read_back(self, id: EventId) -> tuple[bool, int | None, str]:
        """See ``Outbox.read_back``. Memory keeps no ledger."""
        return id in self._numbers, None, ""

    def owed_lanes(self, ids: Sequence[EventId]) -> Sequence[Lane]:
        """See ``Outbox.owed_lanes``."""
        found = (self._numbers.get(id) for id in ids)
        lanes = ((seq, self._rows[seq].record.lane) for seq in found if seq is not None)
        return [lane for seq, lane in lanes if seq in self._owed[lane]]

    def mark_done(self, ids: Sequence[EventId]) -> None:
        """See ``Outbox.mark_done``."""
        for id in ids:
            seq = self._numbers.get(id)
            if seq is None:
                continue
            lane = self._rows[seq].record.lane
            if seq in self._owed[lane]:
                del self._owed[lane][seq]
                if lane is not Lane.ALARM:
                    self._delivered[seq] = None

    def backlog(self) -> Backlog:
        """See ``Outbox.backlog``."""
        alarm, trouble, routine = (len(self._owed[lane]) for lane in Lane)
        return Backlog(alarm, trouble, routine, self._last_id)

    def take_dropped(self) -> int:
        """See ``Outbox.take_dropped``."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def backfill(self, fix: ClockFix) -> int:
        """See ``Outbox.backfill``."""
        mine = [
            seq
            for seq in self._undated
            if (record := self._rows[seq].record).kernel_boot == fix.kernel_boot and record.at_ms <= fix.at_ms
        ][:BACKFILL_ROWS]
        for seq in mine:
            row = self._rows[seq]
            ago_ms = fix.at_ms - row.record.at_ms
            bound_ms = fix.bound_ms + -(-ago_ms // DRIFT_PARTS)
            stamp = WallStamp(fix.wall_ms - ago_ms, ClockQuality.BACKFILLED, bound_ms)
            self._rows[seq] = replace(row, backfilled=stamp)
            del self._undated[seq]
        return len(mine)

    def note_alive(self, wall: WallStamp) -> None:
        """See ``Outbox.note_alive``."""
        self._alive = wall

    def last_alive_wall_ms(self) -> int | None:
        """See ``Outbox.last_alive_wall_ms``."""
        return None if self._alive is None else self._alive.wall_ms

    def keep_note(self, note: CrowdKept | Diary) -> None:
        """See ``Outbox.keep_note``."""
        if isinstance(note, Diary):
            self._diary = note
        else:
            self._crowd = note

    def crowd(self) -> CrowdKept | None:
        """See ``Outbox.crowd``."""
        return self._crowd

    def diary(self) -> Diary | None:
        """See ``Outbox.diary``."""
        return self._diary

    def forget(self, topic: Topic, before_wall_ms: int, limit: int) -> int:
        """See ``Outbox.forget``."""
        if topic not in PERSONAL:
            return 0
        old = [
            seq
            for seq, row in self._rows.items()
            if row.record.topic is topic and row.record.lane is Lane.ROUTINE and row.dated_wall_ms < before_wall_ms
        ][:limit]
        for seq in old:
            self._remove(seq)
        return len(old)

    def count_older(self, topic: Topic, before_wall_ms: int, after_seq: int = 0, up_to_seq: int = SEQ_MAX) -> int:
        """See ``Outbox.count_older``."""
        looked_at = (row for seq, row in self._rows.items() if after_seq < seq <= up_to_seq)
        return sum(row.record.topic is topic and row.dated_wall_ms < before_wall_ms for row in looked_at)

    def forget_damaged(self, before_wall_ms: int) -> int:  # noqa: ARG002 - the port's form
        """See ``Outbox.forget_damaged``. Memory has no files."""
        return 0

    def count_damaged(self, before_wall_ms: int) -> int:  # noqa: ARG002 - the port's form
        """See ``Outbox.count_damaged``."""
        return 0

    def salvage(self, limit: int) -> int:  # noqa: ARG002 - the port's shape
        """See ``Outbox.salvage``. The ledger is chained on when the rows move to the card."""
        return 0

    def close(self) -> None:
        """See ``Outbox.close``. Nothing to let go."""

    def _add(self, record: Record, seq: int) -> None:
        self._next_seq = seq + 1
        self._rows[seq] = Row(seq, record, None)
        self._numbers[record.id] = seq
        self._owed[record.lane][seq] = None
        if record.wall.quality is ClockQuality.UNSYNCED:
            self._undated[seq] = None
        self._last_id = record.id

    def _trim(self) -> None:
        """Hold the limit: delivered rows go first, then owed routine, then owed trouble."""
        routine, trouble = self._owed[Lane.ROUTINE], self._owed[Lane.TROUBLE]
        while len(self._delivered) + len(routine) + len(trouble) > self._routine_events_max:
            lane = self._delivered or routine or trouble
            self._dropped += lane is not self._delivered
            self._remove(next(iter(lane)))

    def _remove(self, seq: int) -> None:
        record = self._rows.pop(seq).record
        del self._numbers[record.id]
        for places in (self._owed[record.lane], self._delivered, self._undated):
            places.pop(seq, None)

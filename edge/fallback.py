"""The card while it takes writes, memory while it does not, and the way there and back.

A row keeps its number for life: memory goes on where the card stopped, and its rows return under the numbers they
have. Where that cannot be (the file was lost, or could not be read meanwhile), ``StoreOpened`` says ``renumbered``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from edge.events import (
    Backlog,
    EventId,
    Lane,
    Latch,
    Load,
    Record,
    Row,
    Stored,
    StoreOpened,
    StoreTrouble,
    Trouble,
)
from edge.outbox_looks import Signs, all_rows, latched, load_of, signs_of
from edge.ports import Clock, Outbox, OutboxDamaged, OutboxFull, Post

DONE_MARKS_MAX = 50_000
"""Events done while the card cannot be told. Beyond it the oldest are forgotten and sent once more: harmless."""

ATTEMPTS_MAX = 4
"""As it is, on a reopened card, on a new file, in memory: nothing is tried more often."""

T = TypeVar("T")
Step = Callable[[], None]


class Fallback:
    """Two outboxes behind one door. The store's thread calls everything; ``attempt`` lets no exception out."""

    def __init__(
        self,
        open_sqlite: Callable[[], Outbox],
        memory: Callable[[int], Outbox],
        clock: Clock,
        post: Post,
        retry_ms: int,
    ) -> None:
        self._open_sqlite = open_sqlite
        self._make_memory = memory
        self._clock = clock
        self._post = post
        self._retry_ms = retry_ms
        self._retry_at_ms = 0
        self._card: Outbox | None = None
        self._memory: Outbox | None = None
        self._done: dict[EventId, None] = {}  # in memory mode: to be marked on the card later
        self._done_lanes: Counter[Lane] = Counter()  # those of them that the card still counts as owed
        self._unread = False  # owed rows of the card were passed over: the brain must read it again
        self._last_seq = 0
        self._told_opened = False
        self._damaged = False
        self._dropped = 0
        self.renumberings = 0
        self.unexpected = 0

    @property
    def in_memory(self) -> bool:
        """True while the card does not take writes."""
        return self._memory is not None

    @property
    def writer(self) -> Outbox:
        """The outbox that takes writes now. Raises OutboxFull before ``open``."""
        writer = self._card if self._memory is None else self._memory
        if writer is None:
            raise OutboxFull("the store is not open")
        return writer

    def open(self) -> None:
        """Open the card and tell what is there. To be called within ``attempt``."""
        if self._memory is None and self._card is None:
            self._take(self._open_sqlite())
        if not self._told_opened:
            self.tell_opened(renumbered=False)
        if self._memory is None:
            self.writer.append((), None)  # a card that can be read may still refuse to be written

    def close(self) -> None:
        """Try to bring memory's rows home, and let the card go."""
        if self._memory is not None:
            self.attempt(partial(self._return_to_card, self._memory))
        if self._card is not None:
            self._card.close()
            self._card = None

    def return_if_due(self) -> bool:
        """In memory mode, try the card again every ``retry_ms``. True if it took everything back."""
        if self._memory is None or self._clock.now_ms() < self._retry_at_ms:
            return False
        self.attempt(partial(self._return_to_card, self._memory))
        return self._memory is None

    def tell_opened(self, renumbered: bool) -> None:
        """Tell what is there. ``renumbered``: the brain must read it all again."""
        if self._memory is None:
            latch, alive_ms, crowd, diary = signs_of(self.writer)
        else:
            nothing: Signs = (None, None, None, None)
            latch, alive_ms, crowd, diary = self._peek(signs_of, nothing)
            held, _, newer, later = signs_of(self._memory)
            latch, crowd, diary = held or latch, newer or crowd, later or diary
        self._told_opened = True
        self.renumberings += renumbered
        self._post(StoreOpened(latch, self.backlog(), alive_ms, renumbered, self._clock.now_ms(), crowd, diary))

    # --- both outboxes as one ---------------------------------------------------------------------------------

    def store(self, records: Sequence[Record], latch: Latch | None) -> tuple[Sequence[int], bool]:
        """Keep them; their numbers, and whether they are on the card. Alarms get the last room of a full one."""
        if self._memory is None:
            numbers, durable = self.writer.append(records, latch), self.writer.durable
        else:
            next_seq = max(self._last_seq, self._memory.last_seq()) + 1
            new = range(next_seq, next_seq + len(records))  # neither gives a number that the other has given
            none: Sequence[int] = ()
            kept = none
            if self._card is not None and self._card.only_alarms and all(one.lane is Lane.ALARM for one in records):
                kept = self._peek(lambda card: card.append(records, latch, new), none)
                if kept and latch is not None:  # else an older word of memory's would be laid over it with the return
                    self._memory.keep_latch(latch)
            numbers, durable = (kept, True) if kept else (self.writer.append(records, latch, new), False)
        self._last_seq = max(self._last_seq, *numbers)
        if self._memory is None and self.writer.only_alarms:  # told now, not at the next event that finds no room
            self._fall_back("the card is full, and what is left of it is kept for alarms")
        return numbers, durable

    def mark_done(self, ids: Sequence[EventId]) -> None:
        """Mark these done where they are; remember it for a card that takes no writes."""
        self.writer.mark_done(ids)
        if self._memory is None:
            return
        new = [id for id in ids if id not in self._done]
        self._done.update(dict.fromkeys(new))
        while len(self._done) > DONE_MARKS_MAX:
            del self._done[next(iter(self._done))]
        none: Sequence[Lane] = ()
        self._done_lanes.update(self._peek(lambda card: card.owed_lanes(new), none))

    def load(self, load: Load) -> Sequence[Row]:
        """What the card still owes, as far as it can be read, then what memory holds: its numbers are all higher."""
        if self._memory is None:
            return self.writer.load(load.lane, load.after_seq, load.limit)
        rows: list[Row] = []
        after_seq = load.after_seq
        none: Sequence[Row] = ()
        while len(rows) < load.limit:
            found = self._peek(partial(load_of, load, after_seq), none)
            rows.extend(row for row in found if row.record.id not in self._done)
            if len(found) < load.limit:
                break
            after_seq = found[-1].seq
        rows.extend(self._memory.load(load.lane, load.after_seq, load.limit))
        return rows[: load.limit]

    def backlog(self) -> Backlog:
        """What is owed on the card and in memory together."""
        if self._memory is None:
            return self.writer.backlog()
        card = self._peek(lambda card: card.backlog(), Backlog())
        memory = self._memory.backlog()
        return Backlog(
            memory.alarm + card.alarm - self._done_lanes[Lane.ALARM],
            memory.trouble + card.trouble - self._done_lanes[Lane.TROUBLE],
            memory.routine + card.routine - self._done_lanes[Lane.ROUTINE],
            memory.last_id or card.last_id,
            card.ledger,
        )

    def take_dropped(self) -> int:
        """How many owed events either outbox dropped at its limit since last asked."""
        dropped, self._dropped = self._dropped + self.writer.take_dropped(), 0
        return dropped

    # --- failures ---------------------------------------------------------------------------------------------

    def attempt(self, step: Step) -> bool:
        """Do a step; if the card fails, mend or leave it and do the step again. False after a mistake of ours."""
        sound = True
        for attempt in range(ATTEMPTS_MAX):
            try:
                try:
                    step()
                    break
                except OutboxDamaged as error:
                    self._begin_anew(error)
                except OutboxFull as error:
                    self._mend(error, reopen=not attempt)
            except Exception as error:  # noqa: BLE001 - the store's thread must outlive a mistake of ours
                sound = False
                self.unexpected += 1
                again = self._memory is not None
                self._fall_back(f"unexpected {type(error).__name__}: {error}")
                if again:
                    break
        return sound

    def _peek(self, read: Callable[[Outbox], T], otherwise: T) -> T:
        """Ask the card while it takes no writes; ``otherwise`` if it cannot be read either."""
        if self._card is None:
            return otherwise
        try:
            return read(self._card)
        except OutboxFull:
            self._unread = True
        except OutboxDamaged as error:
            self._lose(error)
        return otherwise

    def _mend(self, error: OutboxFull, reopen: bool) -> None:
        """After an I/O error nothing cached is believed: open anew. A card that still refuses is left for memory."""
        if reopen and self._memory is None:
            try:
                self._take(self._open_sqlite())
                return
            except OutboxDamaged as damaged:
                self._begin_anew(damaged)
                return
            except OutboxFull as still:
                error = still
        self._fall_back(str(error))

    def _take(self, card: Outbox) -> None:
        """Use this one. The old one is closed last: until then it keeps a read-only card readable."""
        old, self._card = self._card, card
        if old is not None:
            old.close()
        self._last_seq = max(self._last_seq, card.last_seq())

    def _fall_back(self, detail: str) -> None:
        now_ms = self._clock.now_ms()
        if self._memory is None:
            self._memory = self._make_memory(self._last_seq + 1)
            self._retry_at_ms = now_ms + self._retry_ms
        self._post(StoreTrouble(Trouble.STORE_IN_MEMORY, True, detail, now_ms))

    def _lose(self, error: OutboxDamaged) -> None:
        """The file is gone. In memory mode what was saved of it is kept there."""
        self._card = None
        self._damaged = True
        self._post(StoreTrouble(Trouble.STORE_DAMAGED, True, str(error), self._clock.now_ms()))
        if self._memory is not None:
            self._done_lanes.clear()
            self._memory.append(
                [record for record in error.rescued if record.id not in self._done],
                None if self._memory.latch() else error.latch,
            )
            self.tell_opened(renumbered=True)

    def _begin_anew(self, error: OutboxDamaged) -> None:
        """Go on with a new file, and with what could be saved of the old one; or in memory."""
        self._lose(error)
        if self._memory is not None:
            return
        try:
            fresh = self._open_sqlite()
            fresh.append(error.rescued, error.latch)
            self._take(fresh)
        except (OutboxFull, OutboxDamaged) as again:
            self._fall_back(str(again))
            self.writer.append(error.rescued, error.latch)
        self.tell_opened(renumbered=True)
        if self._memory is None:
            self._tell_whole()

    def _tell_whole(self) -> None:
        if self._damaged:
            self._damaged = False
            self._post(StoreTrouble(Trouble.STORE_DAMAGED, False, "a new file is in use", self._clock.now_ms()))

    # --- back to the card ---------------------------------------------------------------------------------------

    def _return_to_card(self, memory: Outbox) -> None:
        """Move memory's rows to the card under the numbers they have; stay in memory if it still refuses."""
        self._retry_at_ms = self._clock.now_ms() + self._retry_ms
        if self._lost_meanwhile():
            return
        try:
            card = self._open_sqlite()
        except OutboxFull:
            return
        except OutboxDamaged as error:
            self._lose(error)  # the next try finds a new file
            return
        try:
            self._move(memory, card)
        except OutboxFull:
            card.close()
        except OutboxDamaged as error:
            self._begin_anew(error)  # the rows may have left memory already

    def _lost_meanwhile(self) -> bool:
        """Was the file deleted or replaced since? Only the old connection can still save what it owed."""
        if self._card is None:
            return False
        try:
            self._card.append((), None)
        except OutboxFull:
            return False
        except OutboxDamaged as error:
            self._lose(error)
            return True
        return False

    def _move(self, memory: Outbox, card: Outbox) -> None:
        rows = all_rows(memory)
        known = self._card is not None and not self._unread and (not rows or rows[0].seq > card.last_seq())
        latch = memory.latch()
        if self._card is None and latched(card.latch()):
            latch = None  # the brain never saw that one: it hears of it below, and says what the two are together
        given = card.append([row.record for row in rows], latch, [row.seq for row in rows] if known else None)
        card.mark_done(list(self._done))
        for note in (memory.crowd(), memory.diary()):
            if note is not None:
                card.keep_note(note)
        moved = zip((row.record.id for row in rows), given, strict=True)
        stored = tuple((id, seq) for id, seq in moved if id not in self._done)
        self._dropped += memory.take_dropped()
        self._memory = None
        self._post(StoreTrouble(Trouble.STORE_IN_MEMORY, False, "the card takes writes again", self._clock.now_ms()))
        self._done.clear()
        self._done_lanes.clear()
        self._unread = False
        self._take(card)
        self._post(Stored(stored, card.durable, self.backlog(), self._clock.now_ms()))
        if not known:
            self.tell_opened(renumbered=True)
        self._tell_whole()

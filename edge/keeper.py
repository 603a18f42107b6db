"""Carries out what the brain asks of the store, and works on in memory when the card will not.

The store's own thread calls everything here, one batch at a time: what came while the last batch was synced shares
the next one's transaction. Rules that the uplink leans on: all records of a batch are committed first and told at
once (a press waits for nobody's backlog); a ``Load`` answers with everything that was told stored before it; a row
keeps its number for life, in memory and back on the card.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from edge.diary import Diary
from edge.events import (
    Alive,
    Backfill,
    ClockFix,
    EventId,
    Forget,
    Forgotten,
    KeepCrowd,
    KeepLatch,
    Lane,
    Latch,
    Load,
    Loaded,
    MarkDone,
    NoteAlive,
    Record,
    Store,
    StoreCommand,
    Stored,
    StoreTrouble,
    Trouble,
    WallStamp,
)
from edge.fallback import Fallback, Step
from edge.forgetting import Forgetting
from edge.measuring import CrowdKept
from edge.ports import Clock, Outbox, OutboxFull, Post
from edge.proving import KeepDiary, ReadAgain, ReadBack
from edge.wire import parse_id

DUTY = "store"
SALVAGED_AT_ONCE = 100
"""Entries of the ledger that are brought over from a damaged file between two jobs: one short commit."""

LOOK_ROWS = 32
LOOK_EVERY_MS = 86_400_000
"""So many events at once, between two jobs, are compared with their checksums; all of them once a day."""

DROPPED_REPORT_MS = 60_000
"""Evicted events are told at most this often, and restored after as long without: else each would cost another."""


class Keeper:
    """The store thread's work. Every method is called on that thread only, and none raises."""

    def __init__(
        self,
        open_sqlite: Callable[[], Outbox],
        memory: Callable[[int], Outbox],
        clock: Clock,
        post: Post,
        retry_ms: int = 5_000,
        audit: Callable[[], bool] = lambda: False,
    ) -> None:
        """Remember the hands; touch nothing. ``memory`` takes the first number to give; ``retry_ms`` > 0.

        ``audit`` does a little of what can wait between two jobs, and is True while there is more.
        """
        self._audit = audit
        self._outbox = Fallback(open_sqlite, memory, clock, post, retry_ms)
        self._clock = clock
        self._post = post
        self._fix: ClockFix | None = None
        self._last_fix: ClockFix | None = None
        self._forgetting = Forgetting(clock, self._forgotten)
        self._salvaged: int | None = None  # the renumbering after which nothing more was to be had
        self._owed_found = False  # a damaged file gave events that the brain has not heard of
        self._looked_seq = 0
        self._look_at_ms = 0
        self._dropped = 0
        self._dropped_at_ms: int | None = None
        self._told_dropped_at_ms: int | None = None

    @property
    def in_memory(self) -> bool:
        """True while the card does not take writes."""
        return self._outbox.in_memory

    @property
    def unexpected(self) -> int:
        """Mistakes of ours that were survived."""
        return self._outbox.unexpected

    def open(self) -> None:
        """Open the card and tell what is there; or begin in memory."""
        self._outbox.attempt(self._outbox.open)
        self._alive()

    def run(self, batch: Sequence[StoreCommand]) -> None:
        """Carry out a batch. Keep it to a few hundred commands: a press that comes meanwhile waits for its end."""
        steps: list[Step] = []
        self._outbox.attempt(lambda: steps.extend(self._plan(batch)))
        for step in steps:
            self._outbox.attempt(step)
        self._after_work()
        self._audit()

    def idle(self) -> bool:
        """No job came for a while: try the card, date or delete some events. True: more waits, call again at once."""
        forgets_on = self._after_work()
        return self._salvage() or self._fix is not None or forgets_on or self._audit() or self._look_over()

    def close(self) -> None:
        """Let the card go."""
        self._outbox.close()

    # --- a batch --------------------------------------------------------------------------------------------------

    def _plan(self, batch: Sequence[StoreCommand]) -> Sequence[Step]:
        """Alarms and latch in one transaction, the other records in the next, then all that is done, then the rest."""
        records: list[Record] = []
        latch: Latch | None = None
        done: list[EventId] = []
        alive: WallStamp | None = None
        notes: dict[type, CrowdKept | Diary] = {}
        loads: list[Load] = []
        again: list[ReadAgain] = []
        for command in batch:
            match command:
                case Store():
                    records.append(command.record)
                    latch = command.latch or latch
                case KeepLatch():
                    latch = command.latch
                case MarkDone():
                    done.append(command.id)
                case Load():
                    loads.append(command)
                case NoteAlive():
                    alive = command.wall
                case Backfill():
                    self._fix = self._last_fix = command.fix
                case KeepCrowd():
                    notes[KeepCrowd] = command.crowd
                case KeepDiary():
                    notes[KeepDiary] = command.diary
                case Forget():
                    self._forgetting.begin(command)
                case ReadAgain():  # pragma: no branch - mypy knows that it is the last
                    again.append(command)
        steps = self._steps(records, latch, done, loads)
        steps.extend(partial(self._read_back, one) for one in again)
        if alive is not None:
            steps.append(partial(self._note_alive, alive))
        steps.extend(partial(self._keep_note, note) for note in notes.values())
        return steps

    def _steps(
        self,
        records: Sequence[Record],
        latch: Latch | None,
        done: Sequence[EventId],
        loads: Sequence[Load],
    ) -> list[Step]:
        steps: list[Step] = []
        alarms = [record for record in records if record.lane is Lane.ALARM]
        others = [record for record in records if record.lane is not Lane.ALARM]
        if alarms:
            steps.append(partial(self._store, alarms, latch))
        if others:
            steps.append(partial(self._store, others, None if alarms else latch))
        if latch is not None and not records:
            steps.append(partial(self._keep_latch, latch))
        if done:
            steps.append(partial(self._mark_done, done))
        steps.extend(partial(self._load, load, self._outbox.renumberings) for load in loads)
        return steps

    def _keep_latch(self, latch: Latch) -> None:
        self._outbox.writer.keep_latch(latch)

    def _note_alive(self, wall: WallStamp) -> None:
        self._outbox.writer.note_alive(wall)

    def _keep_note(self, note: CrowdKept | Diary) -> None:
        self._outbox.writer.keep_note(note)

    def _store(self, records: Sequence[Record], latch: Latch | None) -> None:
        numbers, durable = self._outbox.store(records, latch)
        rows = tuple((record.id, number) for record, number in zip(records, numbers, strict=True))
        self._post(Stored(rows, durable, self._outbox.backlog(), self._clock.now_ms()))

    def _mark_done(self, ids: Sequence[EventId]) -> None:
        """What was owed is less now: status must not say for long that an alarm is owed which the centre has."""
        self._outbox.mark_done(ids)
        self._post(Stored((), self._outbox.writer.durable, self._outbox.backlog(), self._clock.now_ms()))

    def _load(self, load: Load, renumberings: int) -> None:
        if renumberings != self._outbox.renumberings:
            return  # its cursor means nothing now, and the brain has been told to begin again
        rows = self._outbox.load(load)
        self._post(Loaded(load.lane, tuple(rows), len(rows) < load.limit, self._clock.now_ms()))

    def _read_back(self, asked: ReadAgain) -> None:
        try:
            found, entries, fault = self._outbox.writer.read_back(parse_id(asked.id))
        except OutboxFull as error:  # the card takes writes all the same; the test says what it could not do
            found, entries, fault = False, None, str(error)
        self._post(ReadBack(asked.id, found, self._clock.now_ms(), entries, fault))

    # --- between batches --------------------------------------------------------------------------------------

    def _after_work(self) -> bool:
        """True if there is more to forget at once."""
        if self._outbox.return_if_due():
            self._fix = self._last_fix  # the card has not heard of it, nor have the rows that came back
        if self._fix is not None:
            self._outbox.attempt(self._backfill)
        # Once all is dated: a wrong clock makes an event look old.
        forgets_on = self._fix is None and self._forgetting.waiting and self._forget()
        self._outbox.attempt(self._tell_dropped)
        self._alive()
        return forgets_on

    def _backfill(self) -> None:
        if self._fix is not None and not self._outbox.writer.backfill(self._fix):
            self._fix = None

    def _forget(self) -> bool:
        """A little of the deletion. A mistake of ours ends it: the alarms must not lose their card to it every time."""
        more: list[bool] = []
        if not self._outbox.attempt(lambda: more.append(self._forgetting.step(self._outbox.writer))):
            self._forgetting = Forgetting(self._clock, self._forgotten)
            return False
        return any(more)

    def _salvage(self) -> bool:
        """A little of what a damaged file still holds. A mistake of ours ends it, as above."""
        if self._outbox.in_memory or self._salvaged == self._outbox.renumberings:
            return False
        if not self._outbox.attempt(self._salvage_some):
            self._salvaged = self._outbox.renumberings
        return self._salvaged != self._outbox.renumberings

    def _salvage_some(self) -> None:
        before = self._outbox.backlog()
        more = self._outbox.writer.salvage(SALVAGED_AT_ONCE)
        now = self._outbox.backlog()
        self._owed_found |= now.alarm + now.trouble + now.routine > before.alarm + before.trouble + before.routine
        if more:
            return
        if self._owed_found:
            self._owed_found = False
            self._outbox.tell_opened(renumbered=True)
        self._salvaged = self._outbox.renumberings

    def _look_over(self) -> bool:
        """Compare a few more events with their checksums: a card that changed one is told of, and the rest is saved."""
        if self._outbox.in_memory or self._clock.now_ms() < self._look_at_ms:
            return False
        if self._outbox.attempt(self._look_at_some) and self._looked_seq:
            return True
        self._looked_seq, self._look_at_ms = 0, self._clock.now_ms() + LOOK_EVERY_MS
        return False

    def _look_at_some(self) -> None:
        rows = self._outbox.writer.history(self._looked_seq, LOOK_ROWS)
        self._looked_seq = rows[-1].seq if rows else 0

    def _forgotten(self, proof: Forgotten) -> None:
        """What was deleted is owed no more."""
        self._post(Stored((), self._outbox.writer.durable, self._outbox.backlog(), self._clock.now_ms()))
        self._post(proof)

    def _tell_dropped(self) -> None:
        dropped, now_ms = self._outbox.take_dropped(), self._clock.now_ms()
        if dropped:
            self._dropped += dropped
            self._dropped_at_ms = now_ms
        told_ms = self._told_dropped_at_ms
        if self._dropped and (told_ms is None or now_ms - told_ms >= DROPPED_REPORT_MS):
            detail = f"{self._dropped} events were dropped at the store's limit"
            self._post(StoreTrouble(Trouble.EVENTS_DROPPED, True, detail, now_ms))
            self._dropped, self._told_dropped_at_ms = 0, now_ms
        elif self._dropped_at_ms is not None and now_ms - self._dropped_at_ms >= DROPPED_REPORT_MS:
            self._post(StoreTrouble(Trouble.EVENTS_DROPPED, False, "none dropped for a minute", now_ms))
            self._dropped_at_ms = self._told_dropped_at_ms = None

    def _alive(self) -> None:
        self._post(Alive(DUTY, self._clock.now_ms()))

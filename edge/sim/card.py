"""The card and the store's one thread: commits take time, fail, come late or are lost with the power.

The rules are those of the real keeper: what came while the last batch was synced shares the next one; alarms are
committed first, then the rest, then what is done, then reading; memory stands in while the card takes no writes, and
its rows return under the numbers they have. What is to be forgotten goes between two batches, or waits for the card.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from edge import latching
from edge.events import (
    Alive,
    Backfill,
    ClockFix,
    EventId,
    Fact,
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
    StoreOpened,
    StoreTrouble,
    Topic,
    Trouble,
)
from edge.proving import KeepDiary, ReadAgain, ReadBack
from edge.sim.shelf import Shelf
from edge.sim.timeline import Timeline
from edge.sim.truth import Truth
from edge.sim.weather import Weather

RETRY_MS = 5_000
BATCH_MAX = 256


class Card:
    """What survives a power cut: the file, and the faults of the card it lies on."""

    def __init__(self) -> None:
        self.file = Shelf()
        self.file_lost = False
        self.takes_writes = True
        self.stuck_ms = 0
        self.weather = Weather()


class Keeper:
    """The store's thread in one life of the daemon. ``post`` is deaf once that life is over."""

    def __init__(self, timeline: Timeline, truth: Truth, card: Card, post: Callable[[Fact], None]) -> None:
        self._time = timeline
        self._truth = truth
        self._card = card
        self._post = post
        self._queue: deque[StoreCommand] = deque()
        self._batch: list[StoreCommand] = []
        self._memory: Shelf | None = None
        self._done: dict[EventId, None] = {}
        self._fix: ClockFix | None = None
        self._forgets: dict[Topic, Forget] = {}
        self._open = False
        self._working = False
        self.alive = True
        self.clock: Callable[[], int] = lambda: 0

    def start(self) -> None:
        """Open the file, which may take a while."""
        self._time.after(self._pace_ms(), self._opened)

    def take(self, command: StoreCommand) -> None:
        """The brain's command; carried out in order, later."""
        self._queue.append(command)
        self._work()

    @property
    def idle(self) -> bool:
        """Nothing to do, and everything is on the card."""
        return self._open and not self._queue and not self._working and self._memory is None

    def beat(self) -> None:
        """The duty's sign of life: only while no commit hangs."""
        if self._open and not self._working:
            self._post(Alive("store", self.clock()))

    def power_cut(self) -> None:
        """The daemon is gone. What was being committed may or may not have reached the card."""
        self.alive = False
        if self._working and self._memory is None and self._writes() and self._time.chance(0.5):
            self._append(self._card.file, [one for one in self._batch if isinstance(one, Store)])

    # --- work ---------------------------------------------------------------------------------------------------

    def _pace_ms(self) -> int:
        return self._time.random.randint(1, self._card.weather.commit_ms_max) + self._card.stuck_ms

    def _writes(self) -> bool:
        return self._card.takes_writes and not self._time.chance(self._card.weather.commit_fails)

    def _opened(self) -> None:
        if not self.alive:
            return
        self._open = True
        renumbered = self._card.file_lost
        if renumbered:
            self._begin_anew()
        else:
            file = self._card.file
            self._post(
                StoreOpened(file.latch, file.backlog(), file.alive_wall_ms, False, self.clock(), file.crowd, file.diary)
            )
        self._work()

    def _work(self) -> None:
        if self._working or not self._open or not self._queue:
            return
        self._batch = [self._queue.popleft() for _ in range(min(BATCH_MAX, len(self._queue)))]
        self._working = True
        # Reading alone is quick; it is writing that a card makes one wait for.
        writes = any(not isinstance(one, Load) for one in self._batch) and self._memory is None
        self._time.after(self._pace_ms() if writes else 1, self._worked)

    def _worked(self) -> None:
        if not self.alive:
            return
        if self._card.file_lost:
            self._begin_anew()
        stores = [one for one in self._batch if isinstance(one, Store)]
        self._store([one for one in stores if one.record.lane is Lane.ALARM])
        self._store([one for one in stores if one.record.lane is not Lane.ALARM])
        for command in self._batch:
            if isinstance(command, Store | KeepLatch) and command.latch is not None:
                shelf = self._writer()
                shelf.latch = latching.over(command.latch, shelf.latch)
        for command in self._batch:
            if isinstance(command, MarkDone):
                self._mark_done(command.id)
        for command in self._batch:
            self._other(command)
        self._forget()
        self._batch = []
        self._working = False
        if self.idle:
            self._truth.store_is_whole()
        self._work()

    def _other(self, command: StoreCommand) -> None:
        match command:
            case Load(lane=lane, after_seq=after_seq, limit=limit):
                rows = [row for row in self._card.file.load(lane, after_seq) if row.record.id not in self._done]
                if self._memory is not None:
                    rows += self._memory.load(lane, after_seq)
                self._post(Loaded(lane, tuple(rows[:limit]), len(rows) < limit, self.clock()))
            case Backfill(fix=fix):
                self._writer().backfill(fix)
                self._fix = fix
            case ReadAgain(id=id):
                found = any(str(record.id) == id for record in (row.record for row in self._shelf().rows.values()))
                self._post(ReadBack(id, found, self.clock()))
            case NoteAlive(wall=wall):
                self._writer().alive_wall_ms = wall.wall_ms
            case KeepCrowd(crowd=crowd):
                self._writer().crowd = crowd
            case KeepDiary(diary=diary):
                self._writer().diary = diary
            case Forget(topic=topic):
                self._forgets[topic] = command
            case _:
                pass

    def _writer(self) -> Shelf:
        """Where a write goes now: to memory once the card has refused."""
        if self._memory is None and not self._writes():
            self._memory = Shelf(self._card.file.next_seq)
            self._post(StoreTrouble(Trouble.STORE_IN_MEMORY, True, "the card refuses", self.clock()))
            self._time.after(RETRY_MS, self._return)
        return self._card.file if self._memory is None else self._memory

    def _append(self, shelf: Shelf, stores: list[Store]) -> tuple[tuple[EventId, int], ...]:
        rows = []
        for store in stores:
            rows.append((store.record.id, shelf.append(store.record)))
            if store.latch is not None:
                shelf.latch = latching.over(store.latch, shelf.latch)
            if shelf is self._card.file:
                self._truth.durable(store.record)
        return tuple(rows)

    def _store(self, stores: list[Store]) -> None:
        if stores:
            shelf = self._writer()
            rows = self._append(shelf, stores)
            self._post(Stored(rows, shelf is self._card.file, shelf.backlog(), self.clock()))

    def _mark_done(self, id: EventId) -> None:
        self._writer().mark_done(id)
        if self._memory is not None:
            self._done[id] = None

    def _forget(self) -> None:
        """Delete what is too old, and prove it; on the card only, so that nothing is told gone which is still there."""
        for topic, command in list(self._forgets.items()):
            shelf = self._writer()
            rows = shelf.forget(topic, command.before_wall_ms)
            if shelf is not self._card.file:
                return
            left = shelf.count_older(topic, command.before_wall_ms)
            self._post(Stored((), True, shelf.backlog(), self.clock()))
            self._post(Forgotten(topic, command.before_wall_ms, rows, left, 0, 0, self.clock()))
            del self._forgets[topic]

    # --- failures -----------------------------------------------------------------------------------------------

    def _begin_anew(self) -> None:
        """The file is gone. Nothing of it could be saved: the worst case, and the brain must make good."""
        old = self._card.file
        self._card.file_lost = False
        self._card.file = Shelf()
        self._truth.file_lost()
        self._post(StoreTrouble(Trouble.STORE_DAMAGED, True, "the file was lost", self.clock()))
        if self._memory is not None:
            self._memory.next_seq = max(self._memory.next_seq, old.next_seq)
        shelf = Shelf() if self._memory is None else self._memory
        latch, crowd, diary = shelf.latch, shelf.crowd, shelf.diary
        self._post(StoreOpened(latch, self._shelf().backlog(), None, True, self.clock(), crowd, diary))
        self._post(StoreTrouble(Trouble.STORE_DAMAGED, False, "a new file is in use", self.clock()))

    def _shelf(self) -> Shelf:
        return self._card.file if self._memory is None else self._memory

    def _return(self) -> None:
        """Move memory's rows to the card, if it takes writes again."""
        if not self.alive or self._memory is None:
            return
        if self._working or self._card.file_lost or not self._writes():
            self._time.after(50 if self._working else RETRY_MS, self._return)
            return
        memory, file = self._memory, self._card.file
        records: list[Record] = [memory.rows[seq].record for seq in sorted(memory.rows)]
        rows = []
        for seq, record in zip(sorted(memory.rows), records, strict=True):
            rows.append((record.id, file.append(record, seq)))
            self._truth.durable(record)
        latch: Latch | None = memory.latch
        file.latch = file.latch if latch is None else latching.over(latch, file.latch)
        file.crowd, file.diary = memory.crowd or file.crowd, memory.diary or file.diary
        for id in self._done:
            file.mark_done(id)
        if self._fix is not None:
            file.backfill(self._fix)
        stored = tuple((id, seq) for id, seq in rows if id not in self._done)
        self._memory = None
        self._done = {}
        self._post(Stored(stored, True, file.backlog(), self.clock()))
        self._forget()
        self._post(StoreTrouble(Trouble.STORE_IN_MEMORY, False, "the card takes writes again", self.clock()))
        if self.idle:
            self._truth.store_is_whole()
        self._work()

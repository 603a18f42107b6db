"""The keeper over real files: what it tells, in which order, and how it gets through a card that fails."""

import os
import sqlite3
import subprocess
from collections import deque
from contextlib import closing, suppress
from itertools import count

import pytest
from msgspec.structs import replace

from edge.chain import Result
from edge.diary import Diary
from edge.drivers.memory_outbox import MemoryOutbox
from edge.drivers.store import SqliteOutbox
from edge.events import (
    Alive,
    Backfill,
    ClockFix,
    ClockQuality,
    ClockRead,
    Code,
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
    Origin,
    Qualifier,
    Record,
    Store,
    Stored,
    StoreOpened,
    StoreTrouble,
    Topic,
    Trouble,
    WallStamp,
)
from edge.keeper import SALVAGED_AT_ONCE, Keeper
from edge.ledger import content_of
from edge.ledger_check import Checker
from edge.ledger_export import check
from edge.ledger_key import PublicKey, load_or_make
from edge.ledger_table import Scribe, read
from edge.measuring import CrowdKept
from edge.ports import OutboxFull
from edge.proving import KeepDiary, ReadAgain
from tests.unit.spoiling import spoil

BOOT = "00000000000000aa"
WALL_MS = 1_760_000_000_000
SYNCED = WallStamp(WALL_MS, ClockQuality.SYNCED, 20)
UNSYNCED = WallStamp(1_000, ClockQuality.UNSYNCED, None)
LATCH = Latch((EventId(BOOT, 1),), None, 1, None, "kernel-1")
CROWD = CrowdKept((33.9, 34.25), (9_000, 2_000), "BCC", WALL_MS, True, "kernel-1", 5_000)
RETRY_MS = 5_000


def record(counter, lane=Lane.ALARM, wall=SYNCED, boot=BOOT):
    id = EventId(boot, counter)
    topic = Topic.ALARM if lane is Lane.ALARM else Topic.LOG
    return Record(
        id, 3, "kernel-1", counter, wall, Origin.PERSON, lane, topic, Code.SILENT_PANIC, Qualifier.NEW, None, {}
    )


def store(counter, lane=Lane.ALARM, latch=None, wall=SYNCED):
    return Store(record(counter, lane, wall), latch)


def screened(counter, wall=None, lane=Lane.ROUTINE):
    """A temperature, dated by its number unless ``wall`` says otherwise."""
    wall = wall or WallStamp(WALL_MS + counter, ClockQuality.SYNCED, 20)
    return Store(replace(record(counter, lane, wall), topic=Topic.TEMPERATURE), None)


def forget(before, topic=Topic.TEMPERATURE):
    return Forget(topic, WALL_MS + before)


def id_of(counter):
    return EventId(BOOT, counter)


class HandClock:
    """A clock moved by hand."""

    def __init__(self):
        self.at_ms = 1_000

    def now_ms(self):
        return self.at_ms

    def read(self):
        return ClockRead(self.at_ms, WALL_MS, None)


class Bench:
    """A keeper over a real file. ``refusing`` stands for a card that takes no more writes, by SQLite's own means."""

    def __init__(self, path):
        self.path = path
        self.clock = HandClock()
        self.facts = []
        self.refusing = False
        self.unopenable = False
        self.opened = []
        self.limit = 1_000
        self.memory_limit = 100
        self.key = load_or_make(path.parent)
        self.scribe = Scribe("a/b/c", lambda: self.key, lambda *_: None)
        self.keeper = Keeper(self._open, self._memory, self.clock, self.facts.append, RETRY_MS)

    def _open(self):
        if self.unopenable:
            raise OutboxFull("unable to open")
        outbox = SqliteOutbox(self.path, self.limit, scribe=self.scribe)
        self.opened.append(outbox)
        if self.refusing:
            self._obey(outbox, True)
        return outbox

    def _memory(self, first_seq):
        return MemoryOutbox(first_seq, self.memory_limit)

    @staticmethod
    def _obey(outbox, refusing):
        if outbox._file.database is not None:
            outbox._file.database.conn.execute(f"PRAGMA query_only = {int(refusing)}")

    def refuse(self, refusing=True):
        self.refusing = refusing
        for outbox in self.opened:
            self._obey(outbox, refusing)

    def run(self, *batch):
        del self.facts[:]
        self.keeper.run(batch)
        return self.told()

    def open(self):
        self.keeper.open()
        return self.told()

    def wait(self, ms=RETRY_MS):
        del self.facts[:]
        self.clock.at_ms += ms
        self.keeper.idle()
        return self.told()

    def told(self):
        return [fact for fact in self.facts if not isinstance(fact, Alive)]

    def owed_on_card(self):
        rows = sqlite3.connect(self.path).execute("SELECT counter FROM events WHERE owed = 1 ORDER BY seq")
        return [counter for (counter,) in rows]

    def ledger(self):
        """Its events, and whether everything up to the head that the brain was told is genuine and in order."""
        entries = [entry for entry in read(self.path) if entry is not None]
        told = [fact.backlog.ledger for fact in self.facts if isinstance(fact, Stored | StoreOpened)]
        outcome = check(entries, Checker([PublicKey(self.key.public_key)], head=told[-1] if told else None))
        contents = [content_of(entry.record) for entry in entries]
        return [one.id.counter for one in contents if isinstance(one, Record)], outcome.result

    def kept_on_card(self):
        return [counter for (counter,) in sqlite3.connect(self.path).execute("SELECT counter FROM events ORDER BY seq")]


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path / "events.db")
    yield made
    made.keeper.close()


def ids(loaded):
    return [row.record.id.counter for row in loaded.rows]


def trouble(facts, kind):
    return [fact.raised for fact in facts if isinstance(fact, StoreTrouble) and fact.trouble is kind]


def only(facts, kind):
    (fact,) = [fact for fact in facts if isinstance(fact, kind)]
    return fact


# --- a healthy card -----------------------------------------------------------------------------------------------


def test_opening_tells_what_an_earlier_life_left(bench):
    first = SqliteOutbox(bench.path, 100)
    first.append([record(1), record(2, Lane.ROUTINE)], LATCH)
    first.note_alive(SYNCED)
    first.close()

    opened = only(bench.open(), StoreOpened)

    assert (opened.latch, opened.last_alive_wall_ms, opened.renumbered) == (LATCH, WALL_MS, False)
    assert (opened.backlog.alarm, opened.backlog.routine) == (1, 1)


def test_what_is_told_stored_is_on_the_card(bench):
    bench.open()
    seen = []
    bench.facts = deque()
    bench.keeper._post = lambda fact: seen.append((fact, bench.kept_on_card()))

    bench.keeper.run([store(1)])

    stored, on_card = seen[0]
    assert (stored.rows, stored.durable, on_card) == (((id_of(1), 1),), True, [1])


def test_alarms_of_a_batch_are_stored_and_told_first_and_the_rest_follows(bench):
    bench.open()

    facts = bench.run(
        MarkDone(id_of(1)), store(1, Lane.ROUTINE), Load(Lane.ROUTINE, 0, 9), store(2, Lane.ROUTINE), store(3)
    )  # fmt: skip

    assert [type(fact) for fact in facts] == [Stored, Stored, Stored, Loaded]
    assert [id.counter for id, _ in facts[0].rows] == [3]
    assert [id.counter for id, _ in facts[1].rows] == [1, 2]
    assert ids(facts[3]) == [2]


def test_what_is_done_is_told_as_owed_no_more(bench):
    """Status once said for half a minute that an alarm was owed which the centre had."""
    bench.open()
    bench.run(store(1))
    facts = bench.run(MarkDone(id_of(1)))
    assert [(fact.rows, fact.backlog.alarm) for fact in facts if isinstance(fact, Stored)] == [((), 0)]


def test_a_load_says_whether_more_follows(bench):
    bench.open()
    bench.run(*(store(n, Lane.ROUTINE) for n in range(1, 5)))

    part, rest = bench.run(Load(Lane.ROUTINE, 0, 3), Load(Lane.ROUTINE, 3, 3))

    assert (ids(part), part.drained) == ([1, 2, 3], False)
    assert (ids(rest), rest.drained) == ([4], True)


def test_the_last_latch_of_a_batch_is_kept_with_its_records(bench):
    bench.open()
    later = Latch((id_of(1),), None, 2, None, "kernel-1")

    bench.run(store(1, latch=LATCH), KeepLatch(later))
    assert SqliteOutbox(bench.path, 100).latch() == later

    bench.run(KeepLatch(LATCH))
    assert SqliteOutbox(bench.path, 100).latch() == LATCH

    bench.run(store(2, Lane.ROUTINE, latch=later))
    assert SqliteOutbox(bench.path, 100).latch() == later, "also where no alarm is among them"


def test_every_batch_and_every_pause_is_a_sign_of_work(bench):
    bench.open()
    del bench.facts[:]
    bench.keeper.run([])
    bench.keeper.idle()
    assert bench.facts == [Alive("store", 1_000)] * 2


def test_events_are_dated_between_other_jobs_until_none_is_left(bench):
    bench.open()
    bench.run(*(store(n, Lane.ROUTINE, wall=UNSYNCED) for n in range(1, 601)))
    bench.run(Backfill(ClockFix("kernel-1", 9_000, WALL_MS, 5)))
    while bench.keeper.idle():
        pass

    dated = sqlite3.connect(bench.path).execute("SELECT COUNT(backfilled_wall_ms) FROM events").fetchone()
    assert dated == (600,)


def test_the_last_diary_of_a_batch_is_kept(bench):
    bench.open()
    bench.run(KeepDiary(Diary(since_wall_ms=1)), KeepDiary(Diary(since_wall_ms=2)))
    assert SqliteOutbox(bench.path, 100).diary() == Diary(since_wall_ms=2)


def test_an_event_is_looked_for_again_on_the_card_itself(bench):
    bench.open()
    bench.run(store(1))
    (found, missing) = bench.run(ReadAgain(str(id_of(1))), ReadAgain(str(id_of(2))))
    assert (found.id, found.found, found.entries, found.fault) == (str(id_of(1)), True, 2, "")
    assert (missing.id, missing.found) == (str(id_of(2)), False)


def test_an_event_that_could_not_be_looked_for_says_why_and_leaves_the_card_in_use(bench):
    bench.open()
    bench.run(store(1))
    bench.path.unlink()
    (answer,) = bench.run(ReadAgain(str(id_of(1))))
    assert (answer.found, answer.entries) == (False, None)
    assert "unable to open" in answer.fault
    assert not bench.keeper.in_memory


def test_dropped_events_are_told_once_a_minute_and_restored(bench):
    """Told for each, every report would itself be an event that costs another."""
    bench.limit = 10
    bench.open()
    counter = count(1)
    told = []
    for _ in range(30):
        told += bench.run(store(next(counter), Lane.ROUTINE))
    assert trouble(told, Trouble.EVENTS_DROPPED) == [True]

    told = bench.wait(60_000)
    assert only(told, StoreTrouble).detail.startswith("19 events")
    assert trouble(bench.wait(60_000), Trouble.EVENTS_DROPPED) == [False]
    assert bench.wait(60_000) == []


def test_dropped_events_are_told_again_after_a_minute_and_restored_after_a_minute_without(bench):
    bench.limit = 1
    bench.open()
    bench.run(store(1, Lane.ROUTINE), store(2, Lane.ROUTINE))
    assert trouble(bench.run(store(3, Lane.ROUTINE)), Trouble.EVENTS_DROPPED) == []
    assert bench.wait(59_999) == []
    (again,) = bench.wait(1)
    assert (again.raised, again.detail) == (True, "1 events were dropped at the store's limit")
    (ended,) = bench.wait(1)
    assert not ended.raised, "the last one went a minute ago"


def test_every_event_is_compared_with_its_checksum_once_a_day_and_32_at_a_time(bench):
    bench.open()
    bench.run(*(store(n) for n in range(1, 71)))
    finish(bench)
    looked, card = [], bench.opened[-1]
    history = card.history

    def looking(after_seq, limit):
        looked.append((after_seq, limit))
        return history(after_seq, limit)

    card.history = looking
    bench.clock.at_ms += 86_399_999
    finish(bench)
    assert looked == []
    bench.clock.at_ms += 1
    finish(bench)
    assert looked == [(0, 32), (32, 32), (64, 32), (70, 32)]


def test_the_store_is_idle_as_soon_as_the_last_event_has_been_looked_at(bench):
    bench.open()
    bench.run(*(store(n) for n in range(1, 41)))
    finish(bench)
    bench.clock.at_ms += 86_400_000
    assert [bench.keeper.idle() for _ in range(4)] == [True, True, False, False]


def test_a_mistake_in_looking_over_the_card_ends_it_for_a_day(bench):
    bench.open()
    bench.opened[-1].history = lambda after_seq, limit: 1 // 0
    finish(bench)
    assert (bench.keeper.unexpected, bench.keeper.in_memory) == (1, True)
    for _ in range(3):
        bench.wait()
    assert (bench.keeper.unexpected, bench.keeper.in_memory) == (1, False)


def test_a_card_with_one_event_is_looked_over_in_one_look_and_one_more_that_finds_the_end(bench):
    bench.clock.at_ms = 0
    bench.open()
    bench.run(store(1))
    looked, card = [], bench.opened[-1]
    history = card.history
    card.history = lambda after_seq, limit: looked.append(after_seq) or history(after_seq, limit)
    assert [bench.keeper.idle() for _ in range(3)] == [True, False, False]
    assert looked == [0, 1], "from the first millisecond of the machine, and from the first event"
    bench.clock.at_ms += 2 * 86_400_000 + 7
    assert [bench.keeper.idle() for _ in range(3)] == [True, False, False]
    assert looked == [0, 1, 0, 1], "also where nobody had time when it was due"


def test_nothing_is_looked_over_while_the_card_takes_no_writes(bench):
    bench.open()
    finish(bench)
    bench.refuse()
    bench.run(store(1))
    bench.unopenable = True
    bench.clock.at_ms += 86_400_000
    bench.keeper._outbox.writer.history = lambda after_seq, limit: 1 // 0
    assert not bench.keeper.idle()
    assert bench.keeper.unexpected == 0


def test_a_report_of_dropped_events_that_is_late_is_made_all_the_same(bench):
    bench.limit = 1
    bench.open()
    bench.run(store(1, Lane.ROUTINE), store(2, Lane.ROUTINE))
    bench.run(store(3, Lane.ROUTINE))
    (again,) = bench.wait(61_234)
    assert (again.raised, again.detail) == (True, "1 events were dropped at the store's limit")
    (ended,) = bench.wait(61_234)
    assert not ended.raised


def test_each_thing_that_waits_keeps_the_store_busy_by_itself(bench):
    """What is not called again at once waits until the next job."""
    audits = []
    bench.keeper = Keeper(bench._open, bench._memory, bench.clock, bench.facts.append, RETRY_MS, lambda: bool(audits))
    bench.open()
    salvage = bench.opened[-1].salvage
    bench.opened[-1].salvage = lambda limit: limit
    assert bench.keeper.idle()
    bench.opened[-1].salvage = salvage

    bench.run(*(store(n, Lane.ROUTINE, wall=UNSYNCED) for n in range(1, 601)), *(screened(n) for n in range(601, 700)))
    finish(bench)
    assert not bench.keeper.idle()

    audits.append(1)
    assert bench.keeper.idle()
    audits.clear()
    assert not bench.keeper.idle()

    bench.run(Backfill(ClockFix("kernel-1", 9_000, WALL_MS, 5)))
    assert bench.keeper.idle()
    finish(bench)

    bench.run(forget(700))
    assert bench.keeper.idle()
    finish(bench)

    bench.clock.at_ms += 86_400_000
    assert bench.keeper.idle()
    finish(bench)
    assert not bench.keeper.idle()


def test_the_card_is_tried_every_5_s_unless_it_is_told_otherwise(bench):
    bench.keeper = Keeper(bench._open, bench._memory, bench.clock, bench.facts.append)
    bench.open()
    bench.refuse()
    bench.run(store(1))
    bench.refuse(False)
    assert bench.wait(4_999) == []
    assert trouble(bench.wait(1), Trouble.STORE_IN_MEMORY) == [False]


def test_a_card_that_numbers_fewer_events_than_it_was_given_is_a_mistake_that_is_told(bench):
    """Told stored would be one that nobody has a number of, and so never sends."""
    bench.open()
    append = bench.opened[-1].append
    bench.opened[-1].append = lambda records, latch: append(records, latch)[: len(records) - 1]
    bench.run(store(1), store(2))
    assert bench.keeper.unexpected == 1


# --- a card that refuses ------------------------------------------------------------------------------------------


def test_a_refusing_card_leads_to_memory_and_back_under_the_same_numbers(bench):
    bench.open()
    bench.run(store(1), store(2))
    bench.refuse()

    facts = bench.run(store(3, latch=LATCH), Load(Lane.ALARM, 0, 9))
    assert trouble(facts, Trouble.STORE_IN_MEMORY) == [True]
    stored = only(facts, Stored)
    assert (stored.rows, stored.durable, stored.backlog.alarm) == (((id_of(3), 3),), False, 3)
    assert ids(only(facts, Loaded)) == [1, 2, 3]

    facts = bench.run(MarkDone(id_of(1)), store(4), MarkDone(id_of(3)), Load(Lane.ALARM, 0, 9))
    assert ids(only(facts, Loaded)) == [2, 4]
    assert bench.run(store(5))[0].backlog.alarm == 3
    assert bench.wait() == []

    bench.refuse(False)
    facts = bench.wait()
    stored = only(facts, Stored)
    assert (stored.rows, stored.durable, stored.backlog.alarm) == (((id_of(4), 4), (id_of(5), 5)), True, 3)
    assert trouble(facts, Trouble.STORE_IN_MEMORY) == [False]
    assert not [fact for fact in facts if isinstance(fact, StoreOpened)]
    assert bench.owed_on_card() == [2, 4, 5]
    assert bench.kept_on_card() == [1, 2, 3, 4, 5]
    assert SqliteOutbox(bench.path, 100).latch() == LATCH
    assert bench.run(store(6))[0].rows == ((id_of(6), 6),)


def test_the_card_is_tried_again_in_its_time_even_if_jobs_never_pause(bench):
    bench.open()
    bench.refuse()
    bench.run(store(1))
    bench.refuse(False)
    assert trouble(bench.run(store(2)), Trouble.STORE_IN_MEMORY) == []
    bench.clock.at_ms += RETRY_MS
    assert trouble(bench.run(store(3)), Trouble.STORE_IN_MEMORY) == [False]
    assert bench.owed_on_card() == [1, 2, 3]


def test_a_failure_that_passes_on_reopening_is_never_heard_of(bench):
    bench.open()
    bench.run(store(1))
    bench._obey(bench.opened[-1], True)

    facts = bench.run(store(2))

    assert [type(fact) for fact in facts] == [Stored]
    assert facts[0].durable


def test_a_card_that_is_read_only_from_the_start_still_tells_its_latch_and_what_it_owes(bench):
    first = SqliteOutbox(bench.path, 100)
    first.append([record(1)], LATCH)
    first.close()
    bench.refusing = True

    facts = bench.open()

    assert only(facts, StoreOpened).latch == LATCH
    assert trouble(facts, Trouble.STORE_IN_MEMORY) == [True]
    assert ids(only(bench.run(store(2), Load(Lane.ALARM, 0, 9)), Loaded)) == [1, 2]


def test_a_card_first_seen_late_is_told_of_with_its_own_latch(bench):
    """The press in memory must not overwrite the incident that nobody has read yet."""
    first = SqliteOutbox(bench.path, 100)
    old = Latch((EventId("00000000000000cc", 1),), None, 1, None, "kernel-0")
    first.append([record(7, boot="00000000000000cc")], old)
    first.close()
    bench.unopenable = True

    facts = bench.open()
    assert (only(facts, StoreOpened).latch, trouble(facts, Trouble.STORE_IN_MEMORY)) == (None, [True])
    assert not bench.run(store(1, latch=LATCH))[0].durable

    bench.unopenable = False
    facts = bench.wait()
    opened = only(facts, StoreOpened)
    assert (opened.latch, opened.renumbered, opened.backlog.alarm) == (old, True, 2)
    assert only(facts, Stored).rows == ((id_of(1), 2),)


def test_memory_has_a_limit_that_spares_alarms(bench):
    bench.open()
    bench.refuse()
    facts = bench.run(store(1), *(store(n, Lane.ROUTINE) for n in range(2, 150)))

    assert trouble(facts, Trouble.EVENTS_DROPPED) == [True]
    assert ids(only(bench.run(Load(Lane.ALARM, 0, 9)), Loaded)) == [1]


def test_rows_keep_their_numbers_on_the_card_even_when_memory_dropped_some(bench):
    """The uplink's cursor has passed the dropped ones: lower numbers would never be read."""
    bench.open()
    bench.refuse()
    told = only(bench.run(*(store(n, Lane.ROUTINE) for n in range(1, 131))), Stored).rows
    bench.refuse(False)

    assert only(bench.wait(), Stored).rows == told[30:]
    assert bench.run(store(131))[0].rows == ((id_of(131), 131),)


def test_events_stored_in_memory_are_dated_after_their_return(bench):
    bench.open()
    bench.refuse()
    bench.run(store(1, wall=UNSYNCED), Backfill(ClockFix("kernel-1", 9_000, WALL_MS, 5)))
    assert only(bench.run(Load(Lane.ALARM, 0, 9)), Loaded).rows[0].backfilled is not None
    bench.refuse(False)
    bench.wait()
    while bench.keeper.idle():
        pass
    assert only(bench.run(Load(Lane.ALARM, 0, 9)), Loaded).rows[0].backfilled is not None


def test_closing_brings_memory_home(bench):
    bench.open()
    bench.refuse()
    bench.run(store(1))
    bench.refuse(False)
    bench.keeper.close()
    assert bench.owed_on_card() == [1]


def test_a_sign_of_life_is_kept(bench):
    bench.open()
    bench.run(NoteAlive(SYNCED))
    assert SqliteOutbox(bench.path, 100).last_alive_wall_ms() == WALL_MS


# --- what must not stay -------------------------------------------------------------------------------------------


def finish(bench):
    """What is told while there is more to do than fits between two jobs."""
    del bench.facts[:]
    while bench.keeper.idle():
        pass
    return bench.told()


def test_what_is_too_old_is_forgotten_and_nothing_is_left_by_an_own_count(bench):
    bench.open()
    bench.run(*(screened(n) for n in range(1, 101)), store(200), MarkDone(id_of(3)))
    bench.run(forget(81))
    facts = finish(bench)

    assert facts[-1] == Forgotten(Topic.TEMPERATURE, WALL_MS + 81, 80, 0, 0, 0, 1_000)
    assert only(facts, Stored).backlog.routine == 20
    assert sorted(bench.kept_on_card()) == [*range(81, 101), 200]
    assert finish(bench) == []


def test_nothing_to_forget_is_proved_as_well(bench):
    bench.open()
    bench.run(forget(9))
    assert only(finish(bench), Forgotten).rows == 0


def test_a_press_waits_for_a_few_of_the_rows_at_most(bench):
    bench.open()
    bench.run(*(screened(n) for n in range(1, 501)))
    bench.run(forget(501))
    assert bench.keeper.idle()
    assert len(bench.kept_on_card()) == 500 - 2 * 32

    facts = bench.run(store(900))

    assert [id.counter for id, _ in facts[0].rows] == [900]
    assert not [fact for fact in facts if isinstance(fact, Forgotten)]
    assert only(finish(bench), Forgotten).rows == 500
    assert bench.kept_on_card() == [900]


def test_the_proof_looks_at_every_row_in_short_steps(bench):
    bench.limit = 10_000
    bench.open()
    bench.run(*(store(n, Lane.ROUTINE) for n in range(1, 3_501)))
    counted = []
    count_older = bench.opened[-1].count_older

    def counting(topic, before_wall_ms, after_seq, up_to_seq):
        counted.append((after_seq, up_to_seq))
        return count_older(topic, before_wall_ms, after_seq, up_to_seq)

    bench.opened[-1].count_older = counting
    bench.run(forget(9))
    assert only(finish(bench), Forgotten).left == 0
    assert counted == [(0, 1_000), (1_000, 2_000), (2_000, 3_000), (3_000, 4_000)]


def test_rows_that_may_not_be_deleted_are_told_as_left(bench):
    """A temperature on the troubles' lane is a mistake of somebody's: it stays, and the proof says so."""
    bench.limit = 10_000
    bench.open()
    bench.run(screened(1), screened(2, lane=Lane.TROUBLE), *(store(n, Lane.ROUTINE) for n in range(3, 1_503)))
    bench.run(forget(9), forget(9, Topic.LOG))

    facts = [fact for fact in finish(bench) if isinstance(fact, Forgotten)]
    assert [(fact.topic, fact.rows, fact.left) for fact in facts] == [(Topic.TEMPERATURE, 1, 1), (Topic.LOG, 0, 1_500)]
    assert bench.kept_on_card() == list(range(2, 1_503))


def test_an_old_event_that_comes_while_the_rest_is_counted_is_forgotten_too(bench):
    bench.open()
    bench.run(screened(1))
    bench.run(forget(9))
    bench.keeper.idle()
    bench.run(screened(2))

    proof = only(finish(bench), Forgotten)
    assert (proof.rows, proof.left) == (2, 0)
    assert bench.kept_on_card() == []


def test_damaged_files_go_last_and_only_while_the_card_takes_writes(bench):
    bench.open()
    bench.run(screened(1))
    for number in (1, 2):
        damaged = bench.path.with_name(f"events.damaged.{number}")
        damaged.write_bytes(b"old temperatures")
        os.utime(damaged, (0, 0))
    bench.refuse()
    bench.run(store(2))
    bench.run(forget(9))
    finish(bench)
    assert bench.path.with_name("events.damaged.1").exists()

    bench.refuse(False)
    proof = only(bench.wait() + finish(bench), Forgotten)
    assert (proof.rows, proof.left, proof.files, proof.files_left) == (1, 0, 2, 0)
    assert list(bench.path.parent.glob("events.damaged.*")) == []


def test_a_second_word_about_a_topic_takes_the_first_one_s_place(bench):
    bench.open()
    bench.run(*(screened(n) for n in range(1, 101)))
    bench.run(forget(51))
    bench.run(forget(61))
    assert only(finish(bench), Forgotten) == Forgotten(Topic.TEMPERATURE, WALL_MS + 61, 60, 0, 0, 0, 1_000)


def test_events_are_dated_before_any_is_forgotten(bench):
    """Their clock said 1970: a minute ago would look like half a century."""
    bench.open()
    bench.run(*(screened(n, UNSYNCED) for n in range(1, 601)))
    bench.run(forget(-60_000), Backfill(ClockFix("kernel-1", 9_000, WALL_MS, 5)))

    proof = only(finish(bench), Forgotten)
    assert (proof.rows, proof.left) == (0, 0)
    assert len(bench.kept_on_card()) == 600


def test_nothing_is_told_forgotten_while_the_card_takes_no_writes(bench):
    bench.open()
    bench.run(*(screened(n) for n in range(1, 51)))
    bench.refuse()
    bench.run(screened(51), screened(99), store(200))
    assert bench.keeper.in_memory

    assert bench.run(forget(90)) == []
    assert finish(bench) == []
    assert ids(only(bench.run(Load(Lane.ROUTINE, 50, 9)), Loaded)) == [99]
    assert bench.run(Load(Lane.ALARM, 0, 9))[0].rows[0].record.id == id_of(200)
    assert bench.kept_on_card() == list(range(1, 51))

    bench.refuse(False)
    facts = bench.wait() + finish(bench)
    proof = only(facts, Forgotten)
    assert (proof.rows, proof.left) == (51, 0)
    assert sorted(bench.kept_on_card()) == [99, 200]


def test_a_file_that_is_lost_in_the_middle_is_looked_at_from_its_beginning(bench):
    """The new one begins at number 1 again, and the brain stores anew what it holds."""
    bench.limit = 10_000
    bench.open()
    bench.run(*(store(n, Lane.ROUTINE) for n in range(1_000, 3_000)), screened(1))
    bench.run(*(MarkDone(id_of(n)) for n in range(1_000, 3_000)), forget(9))
    for _ in range(2):
        assert bench.keeper.idle()
    bench.path.unlink()
    bench.run(screened(1))

    proof = only(finish(bench), Forgotten)
    assert (proof.rows, proof.left) == (2, 0)
    assert bench.kept_on_card() == []


def test_a_mistake_in_forgetting_does_not_take_the_card_away_again_and_again(bench):
    bench.open()
    bench.run(store(100), Forget("no topic", 0))
    assert not bench.keeper.idle(), "what was given up does not wait"
    bench.keeper.idle()
    assert bench.keeper.unexpected == 1

    bench.wait()
    bench.wait()
    assert not bench.keeper.in_memory
    assert bench.keeper.unexpected == 1
    bench.run(screened(1), forget(9))
    assert only(finish(bench), Forgotten).rows == 1


# --- the crowd ----------------------------------------------------------------------------------------------------


def test_the_crowd_is_told_when_the_store_opens(bench):
    first = SqliteOutbox(bench.path, 100)
    first.keep_note(CROWD)
    first.close()
    assert only(bench.open(), StoreOpened).crowd == CROWD


def test_the_last_crowd_of_a_batch_is_kept_and_comes_back_from_memory(bench):
    later = replace(CROWD, residuals_celsius=(34.5, 34.0))
    bench.open()
    bench.run(KeepCrowd(later), KeepCrowd(CROWD))
    assert SqliteOutbox(bench.path, 100).crowd() == CROWD

    bench.refuse()
    bench.run(KeepCrowd(later))
    assert SqliteOutbox(bench.path, 100).crowd() == CROWD
    bench.refuse(False)
    bench.wait()
    assert SqliteOutbox(bench.path, 100).crowd() == later


def test_a_crowd_of_memory_comes_before_an_older_one_of_the_card(bench):
    bench.open()
    bench.run(KeepCrowd(CROWD))
    bench.refuse()
    bench.run(KeepCrowd(replace(CROWD, at_ms=9_000)))
    bench.path.unlink()
    assert only(bench.wait(), StoreOpened).crowd == replace(CROWD, at_ms=9_000)


# --- damage -------------------------------------------------------------------------------------------------------


def test_a_damaged_file_at_the_start_is_told_and_work_begins_on_a_new_one(bench):
    bench.path.write_bytes(b"garbage " * 4_000)

    facts = bench.open()

    assert trouble(facts, Trouble.STORE_DAMAGED) == [True, False]
    assert "events.damaged.1" in facts[0].detail
    assert only(facts, StoreOpened).renumbered
    assert bench.run(store(1))[0].durable


def test_a_deleted_file_costs_nothing_that_was_owed(bench):
    bench.open()
    bench.run(store(1, latch=LATCH), store(2), store(3, Lane.ROUTINE), MarkDone(id_of(1)))
    bench.path.unlink()

    facts = bench.run(store(4), Load(Lane.ALARM, 3, 9))

    assert [type(fact) for fact in facts] == [StoreTrouble, StoreOpened, StoreTrouble, Stored]
    assert trouble(facts, Trouble.STORE_DAMAGED) == [True, False]
    opened = only(facts, StoreOpened)
    assert (opened.renumbered, opened.latch, opened.backlog.alarm) == (True, LATCH, 1)
    assert bench.owed_on_card() == [2, 3, 4]
    assert ids(only(bench.run(Load(Lane.ALARM, 0, 9)), Loaded)) == [2, 4]


def test_a_file_deleted_while_the_card_is_full_is_saved_into_memory(bench):
    bench.open()
    bench.run(store(1), store(2))
    bench.refuse()
    bench.run(store(3), MarkDone(id_of(1)))
    os.unlink(bench.path)
    bench.unopenable = True
    facts = bench.wait()
    assert trouble(facts, Trouble.STORE_DAMAGED) == [True]
    assert only(facts, StoreOpened).backlog.alarm == 2
    assert ids(only(bench.run(Load(Lane.ALARM, 0, 9)), Loaded)) == [3, 2]
    bench.unopenable = False
    bench.refuse(False)
    assert trouble(bench.wait(), Trouble.STORE_DAMAGED) == [False]

    assert bench.owed_on_card() == [3, 2]


def test_a_deleted_directory_leaves_memory_to_work_with(bench, tmp_path):
    bench.path = tmp_path / "state" / "events.db"
    bench.path.parent.mkdir()
    bench.open()
    bench.run(store(1))
    for left in bench.path.parent.iterdir():
        left.unlink()
    bench.path.parent.rmdir()

    facts = bench.run(store(2))
    assert trouble(facts, Trouble.STORE_DAMAGED) == [True]
    assert trouble(facts, Trouble.STORE_IN_MEMORY) == [True]
    assert not only(facts, Stored).durable
    assert ids(only(bench.run(Load(Lane.ALARM, 0, 9)), Loaded)) == [1, 2]

    bench.path.parent.mkdir()
    facts = bench.wait()
    assert trouble(facts, Trouble.STORE_DAMAGED) == [False]
    assert trouble(facts, Trouble.STORE_IN_MEMORY) == [False]
    assert bench.owed_on_card() == [1, 2]


def test_a_mistake_of_ours_is_counted_and_survived(bench):
    bench.open()

    facts = bench.run(Store("no record", None))
    assert bench.keeper.unexpected > 0
    assert trouble(facts, Trouble.STORE_IN_MEMORY)[0] is True

    bench.clock.at_ms += RETRY_MS
    facts = bench.run(store(1))
    assert [fact.durable for fact in facts if isinstance(fact, Stored)] == [False, True]
    assert bench.owed_on_card() == [1]


def test_a_full_file_system_leads_to_memory_and_back(tmp_path):
    """Nothing simulated: a real small file system, filled and freed again."""
    point = tmp_path / "card"
    point.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(point)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    bench = Bench(point / "events.db")
    try:
        bench.open()
        bench.run(store(1))
        with suppress(OSError), (point / "ballast").open("wb", buffering=0) as file:
            while file.write(b"\0" * 4096) == 4096:
                pass
        counter = 1
        while not bench.keeper.in_memory:
            counter += 1
            bench.run(store(counter))
            assert counter < 2_000
        assert not bench.run(store(counter + 1))[0].durable
        assert trouble(bench.wait(), Trouble.STORE_IN_MEMORY) == []
        loaded = only(bench.run(Load(Lane.ALARM, 0, 9_999)), Loaded)
        assert ids(loaded) == list(range(1, counter + 2))

        (point / "ballast").unlink()
        assert trouble(bench.wait(), Trouble.STORE_IN_MEMORY) == [False]
        assert bench.owed_on_card() == list(range(1, counter + 2))
        assert bench.keeper.unexpected == 0
    finally:
        bench.keeper.close()
        subprocess.run(["umount", "--lazy", str(point)], check=True)


# --- the ledger ---------------------------------------------------------------------------------------------------


def test_an_event_and_its_entry_are_one_commit_and_the_head_is_told_with_it(bench):
    bench.open()
    bench.run(store(1), store(2, Lane.TROUBLE))
    assert bench.ledger() == ([1, 2], Result.PASS)
    bench.run(store(2, Lane.TROUBLE), store(3))
    assert bench.ledger() == ([1, 2, 3], Result.PASS)
    bench.keeper.close()
    bench.keeper = Keeper(bench._open, bench._memory, bench.clock, bench.facts.append, RETRY_MS)
    assert only(bench.open(), StoreOpened).backlog.ledger.number == 4


def test_what_was_kept_in_memory_is_chained_on_when_the_card_is_back(bench):
    bench.open()
    bench.run(store(1))
    bench.refuse()
    stored = only(bench.run(store(2), store(3)), Stored)
    assert stored.backlog.ledger.number == 2, "the head is the card's"
    assert bench.ledger() == ([1], Result.PASS)
    bench.refuse(False)
    bench.wait()
    assert bench.ledger() == ([1, 2, 3], Result.PASS)


def test_what_is_owed_goes_and_the_ledger_stays(bench):
    bench.limit = 1
    bench.open()
    for n in range(1, 9):
        bench.run(store(n, Lane.TROUBLE), MarkDone(id_of(n)))
    assert bench.kept_on_card() == [8]
    assert bench.ledger() == ([1, 2, 3, 4, 5, 6, 7, 8], Result.PASS)


def test_a_ledger_of_a_damaged_file_is_brought_over_to_its_first_entry(bench):
    bench.open()
    count = 2 * SALVAGED_AT_ONCE + 5
    for n in range(1, count):
        bench.run(store(n), MarkDone(id_of(n)))
    bench.keeper.close()
    spoil(bench.path, "events")
    bench.keeper = Keeper(bench._open, bench._memory, bench.clock, bench.facts.append, RETRY_MS)
    bench.scribe = Scribe("a/b/c", lambda: bench.key, lambda *_: None)
    assert trouble(bench.open(), Trouble.STORE_DAMAGED) == [True, False]
    bench.run(store(count))
    assert bench.ledger()[1] is Result.PARTIAL, "a new file so far"
    while bench.keeper.idle():
        pass
    events, result = bench.ledger()
    assert (events[:-1], events[-1], result) == (list(range(1, count)), count, Result.PASS)
    assert len(list(bench.path.parent.glob("events.damaged.1"))) == 1


def test_of_a_damaged_ledger_only_what_the_chain_proves_is_brought_over(bench):
    bench.open()
    for n in range(1, 10):
        bench.run(store(n), MarkDone(id_of(n)))
    bench.keeper.close()
    with closing(sqlite3.connect(bench.path)) as connection, connection:
        connection.execute("UPDATE ledger SET record = replace(record, '1', '2') WHERE number = 4")
    spoil(bench.path, "events")
    bench.keeper = Keeper(bench._open, bench._memory, bench.clock, bench.facts.append, RETRY_MS)
    bench.open()
    bench.run(store(20))
    while bench.keeper.idle():
        pass
    assert bench.ledger()[0] == [4, 5, 6, 7, 8, 9, 20]


def test_an_event_that_is_still_owed_in_a_damaged_file_is_read_by_the_brain(bench):
    bench.open()
    bench.run(store(1))
    card = bench.opened[-1]

    def salvage(limit):
        card.append([record(50, Lane.ROUTINE)], None)
        return 0

    card.salvage = salvage
    assert only(bench.wait(), StoreOpened).renumbered
    assert bench.wait() == [], "once"
    bench.path.unlink()
    assert only(bench.run(store(2)), StoreOpened).renumbered
    assert bench.wait() == [], "the new file has given nothing"


@pytest.mark.parametrize("lane", Lane)
def test_whatever_is_still_owed_in_a_damaged_file_is_told_when_its_last_row_has_come(bench, lane):
    bench.open()
    bench.run(store(1), store(2), store(3, Lane.TROUBLE), store(4, Lane.ROUTINE), store(5, Lane.ROUTINE))
    card, pieces = bench.opened[-1], [[record(50, lane)], [], []]
    limits = []

    def salvage(limit):
        limits.append(limit)
        card.append(pieces.pop(0), None)
        return len(pieces)

    card.salvage = salvage
    bench.clock.at_ms += 1
    del bench.facts[:]
    while bench.keeper.idle():
        pass
    assert only(bench.told(), StoreOpened).renumbered
    assert limits == [100, 100, 100], "a hundred entries at once, and never again once it has ended"


def test_what_a_damaged_file_holds_waits_while_the_card_takes_no_writes(bench, monkeypatch):
    asked = []
    monkeypatch.setattr(SqliteOutbox, "salvage", lambda outbox, limit: asked.append(outbox) or 0)
    bench.open()
    bench.refuse()
    bench.run(store(1))
    bench.keeper.idle()
    assert asked == []
    bench.refuse(False)
    bench.wait()
    bench.wait()
    assert asked == [bench.opened[-1]], "once"


def test_a_mistake_in_salvaging_does_not_take_the_card_away_again_and_again(bench):
    bench.open()
    bench.opened[-1].salvage = lambda limit: limit < None
    bench.wait()
    assert (bench.keeper.unexpected, bench.keeper.in_memory) == (1, True)
    for _ in range(3):
        bench.wait()
    assert (bench.keeper.unexpected, bench.keeper.in_memory) == (1, False)


def test_a_ledger_whose_file_was_deleted_goes_on_from_the_number_it_had(bench):
    bench.open()
    bench.run(store(1), store(2), MarkDone(id_of(1)), MarkDone(id_of(2)))
    (*_, last) = [entry for entry in read(bench.path) if entry is not None]
    assert bench.scribe.written == last.head, "known even if the old file cannot be read any more"
    bench.path.unlink()
    bench.run(store(3))
    note, entry = [entry for entry in read(bench.path) if entry is not None]
    assert (note.number, note.previous) == (last.number + 1, last.hash)
    assert content_of(entry.record).id == id_of(3)

"""Card and memory as one: what the keeper's tests on real files cannot bring about at a given moment."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from msgspec.structs import replace

from edge import fallback
from edge.diary import Diary
from edge.drivers.memory_outbox import MemoryOutbox
from edge.events import Backlog, EventId, Fact, Lane, Latch, Load, Record, Row, StoreOpened, StoreTrouble, Trouble
from edge.fallback import Fallback
from edge.measuring import CrowdKept
from edge.ports import OutboxDamaged, OutboxFull
from tests.unit.machines import id_of, record

LATCH = Latch((id_of(1),), None, 1, None, "k1")
FULL = OutboxFull("full")
RETRY_MS = 5_000


class Card(MemoryOutbox):
    """A card as far as ``Fallback`` can tell: memory that lasts, and fails in the calls that a test names.

    Each time, or ``once``.
    """

    durable = True

    def __init__(self, first_seq: int = 1, limit: int = 1_000) -> None:
        super().__init__(first_seq, limit)
        self.loads = 0
        self.fails: dict[str, Exception] = {}
        self.once: dict[str, Exception] = {}
        self.only_alarms = False
        self.closed = False

    def _may(self, call: str) -> None:
        error = self.once.pop(call, self.fails.get(call))
        if error is not None:
            raise error

    def append(
        self, records: Sequence[Record], latch: Latch | None, numbers: Sequence[int] | None = None
    ) -> Sequence[int]:
        self._may("append")
        return super().append(records, latch, numbers)

    def load(self, lane: Lane, after_seq: int, limit: int) -> Sequence[Row]:
        self._may("load")
        self.loads += 1
        return super().load(lane, after_seq, limit)

    def latch(self) -> Latch | None:
        self._may("latch")
        return super().latch()

    def last_seq(self) -> int:
        self._may("last_seq")
        return super().last_seq()

    def close(self) -> None:
        self.closed = True


class HandClock:
    """A clock moved by hand."""

    at_ms = 1_000

    def now_ms(self) -> int:
        return self.at_ms


class Bench:
    """The two outboxes. ``cards`` are what opening the file finds, one after the other; the last for good."""

    def __init__(self, *cards: Card | Exception, opened: bool = True) -> None:
        self.cards = deque(cards)
        self.clock = HandClock()
        self.told: list[Fact] = []
        self.both = Fallback(self._open, MemoryOutbox, self.clock, self.told.append, RETRY_MS)  # type: ignore[arg-type]
        if opened:
            self.both.attempt(self.both.open)

    def _open(self) -> Card:
        card = self.cards.popleft() if len(self.cards) > 1 else self.cards[0]
        if isinstance(card, Exception):
            raise card
        return card

    def store(self, *records: Record, latch: Latch | None = None) -> tuple[Sequence[int], bool]:
        """Store as the keeper does."""
        out: list[tuple[Sequence[int], bool]] = []
        self.both.attempt(lambda: out.append(self.both.store(records, latch)))
        (one,) = out
        return one

    def back(self) -> bool:
        """The time to try the card has come."""
        self.clock.at_ms += RETRY_MS
        return self.both.return_if_due()

    def owed(self, lane: Lane = Lane.ALARM, after_seq: int = 0, limit: int = 100) -> list[int]:
        return [row.record.id.counter for row in self.both.load(Load(lane, after_seq, limit))]

    def troubles(self, trouble: Trouble) -> list[bool]:
        return [one.raised for one in self.told if isinstance(one, StoreTrouble) and one.trouble is trouble]

    def opened(self) -> list[StoreOpened]:
        return [one for one in self.told if isinstance(one, StoreOpened)]


def in_memory(*records: Record) -> tuple[Bench, Card]:
    """A card with these records that then takes no more."""
    card = Card()
    bench = Bench(card)
    bench.store(*records)
    card.fails["append"] = FULL
    bench.store(record(99))
    assert bench.both.in_memory
    return bench, card


def test_a_card_that_has_room_for_alarms_alone_is_left_for_memory_at_once_and_still_gets_the_alarms() -> None:
    card = Card()
    bench = Bench(card)
    card.only_alarms = True
    assert bench.store(record(1)) == ([1], True)
    assert bench.both.in_memory
    assert bench.troubles(Trouble.STORE_IN_MEMORY) == [True]

    assert bench.store(record(2, Lane.TROUBLE)) == ([2], False)
    assert bench.store(record(3), latch=LATCH) == ([3], True)
    assert bench.store(record(4), record(5, Lane.ROUTINE)) == ([4, 5], False)
    assert [row.seq for row in card.history(0, 9)] == [1, 3]
    assert card.latch() == LATCH
    bench.told.clear()
    bench.both.tell_opened(renumbered=False)
    assert bench.opened()[0].latch == LATCH, "an older word of memory's does not stand in its way"


def test_an_alarm_that_such_a_card_refuses_all_the_same_is_kept_in_memory() -> None:
    card = Card()
    card.only_alarms = True
    bench = Bench(card)
    bench.store(record(1))
    card.fails["append"] = FULL
    assert bench.store(record(2), latch=LATCH) == ([2], False)
    assert bench.owed() == [1, 2]


def test_marks_that_the_card_has_not_heard_of_are_forgotten_beyond_50_000_and_the_oldest_first() -> None:
    bench, _ = in_memory(record(1), record(2))
    bench.both.mark_done([id_of(1)])
    bench.both.mark_done([EventId("cd" * 8, counter) for counter in range(49_999)])
    assert bench.owed() == [2, 99]
    bench.both.mark_done([id_of(2)])
    assert bench.owed() == [1, 99], "sent once more: harmless"
    assert fallback.DONE_MARKS_MAX == 50_000


def test_a_window_full_of_what_is_done_is_read_past_and_a_full_one_is_not_gone_beyond() -> None:
    bench, _ = in_memory(*(record(n) for n in range(1, 7)))
    bench.both.mark_done([id_of(1), id_of(2), id_of(3)])
    assert bench.owed(limit=2) == [4, 5]
    assert bench.owed(limit=3) == [4, 5, 6]
    assert bench.owed(limit=4) == [4, 5, 6, 99]
    assert bench.owed(after_seq=5, limit=9) == [6, 99]


def test_what_is_owed_on_card_and_in_memory_is_counted_together_without_what_is_done() -> None:
    troubles, routine = (
        [record(n, Lane.TROUBLE) for n in (11, 12, 13)],
        [record(n, Lane.ROUTINE) for n in range(21, 25)],
    )
    bench, _ = in_memory(record(1), record(2), *troubles, *routine)
    bench.store(record(14, Lane.TROUBLE), record(15, Lane.TROUBLE), record(25, Lane.ROUTINE))
    bench.both.mark_done([id_of(n) for n in (2, 11, 21, 15)])
    bench.both.mark_done([id_of(2)])
    assert bench.both.backlog() == Backlog(alarm=2, trouble=3, routine=4, last_id=id_of(25))


def test_while_memory_holds_nothing_yet_the_newest_event_is_the_cards() -> None:
    card = Card()
    bench = Bench(card)
    bench.store(record(1))
    card.fails["append"] = FULL
    bench.both.attempt(lambda: bench.both.writer.keep_latch(LATCH) if bench.both.in_memory else bench.both.open())
    assert bench.both.in_memory
    assert bench.both.backlog() == Backlog(alarm=1, last_id=id_of(1))


def test_the_card_is_not_read_once_more_than_the_window_needs() -> None:
    """Each reading is work that a press may have to wait for."""
    bench, card = in_memory(*(record(n) for n in range(1, 7)))
    bench.both.mark_done([id_of(1)])

    def reads(limit: int, after_seq: int) -> int:
        before = card.loads
        bench.owed(limit=limit, after_seq=after_seq)
        return card.loads - before

    assert reads(2, 1) == 1, "full at once"
    assert reads(2, 0) == 2, "one of the first two is done, and the next two are more than it takes"
    assert reads(4, 4) == 1, "the card has no more"


def test_what_memory_knows_of_latch_crowd_and_diary_comes_first_and_the_cards_where_it_knows_nothing() -> None:
    crowd, diary = CrowdKept((34.0,), (0,), "B", 1, True, "k1", 0), Diary(since_wall_ms=1)
    newer = replace(LATCH, presses=2), replace(crowd, mark="C"), Diary(since_wall_ms=2)

    def told(bench: Bench) -> tuple[object, ...]:
        bench.both.tell_opened(renumbered=False)
        last = bench.opened()[-1]
        return last.latch, last.crowd, last.diary

    card = Card()
    card.keep_latch(LATCH)
    card.keep_note(crowd)
    card.keep_note(diary)
    bench = Bench(card)
    card.fails["append"] = FULL
    bench.store(record(1))
    assert told(bench) == (LATCH, crowd, diary)
    bench.both.writer.keep_latch(newer[0])
    bench.both.writer.keep_note(newer[1])
    bench.both.writer.keep_note(newer[2])
    assert told(bench) == newer

    bench, _ = in_memory(record(1))
    bench.both.writer.keep_latch(newer[0])
    bench.both.writer.keep_note(newer[1])
    bench.both.writer.keep_note(newer[2])
    assert told(bench) == newer, "the card has none of them"


def test_an_alarm_that_goes_to_the_card_without_a_word_on_the_incident_leaves_memorys_word_as_it_is() -> None:
    card = Card()
    bench = Bench(card)
    card.only_alarms = True
    bench.store(record(1))
    bench.store(record(2, Lane.TROUBLE), latch=LATCH)
    assert bench.store(record(3)) == ([3], True)
    bench.both.tell_opened(renumbered=False)
    assert bench.opened()[-1].latch == LATCH


def test_memorys_older_word_on_the_incident_is_not_laid_over_the_one_that_went_to_the_card_with_its_alarm() -> None:
    card = Card()
    bench = Bench(card)
    card.only_alarms = True
    bench.store(record(1))
    bench.both.writer.keep_latch(Latch((), None, 0, None, "k1"))
    assert bench.store(record(2), latch=LATCH) == ([2], True)
    bench.both.tell_opened(renumbered=False)
    assert bench.opened()[-1].latch == LATCH
    card.only_alarms = False
    assert bench.back()
    assert card.latch() == LATCH


def test_a_store_that_begins_in_memory_begins_with_number_1_and_has_dropped_nothing() -> None:
    bench = Bench(FULL)
    assert bench.both.in_memory
    assert bench.both.take_dropped() == 0
    assert (bench.both.renumberings, bench.both.unexpected) == (0, 0)
    assert bench.store(record(1)) == ([1], False)


def test_what_memory_dropped_and_what_its_return_drops_are_told_together_and_once() -> None:
    bench = Bench(Card(limit=2))
    bench.both._make_memory = lambda first_seq: MemoryOutbox(first_seq, 3)
    bench.store(record(1, Lane.TROUBLE), record(2, Lane.TROUBLE))
    card = bench.cards[0]
    assert isinstance(card, Card)
    card.fails["append"] = FULL
    bench.store(*(record(n, Lane.TROUBLE) for n in range(11, 19)))
    card.fails.clear()
    assert bench.back()
    assert bench.both.take_dropped() == 5 + 3
    assert bench.both.take_dropped() == 0


def test_a_card_that_numbers_fewer_rows_than_it_was_given_is_a_mistake_that_is_told() -> None:
    bench, card = in_memory(record(1))
    card.fails.clear()
    append = card.append
    card.append = lambda records, latch, numbers=None: append(records, latch, numbers)[1:]  # type: ignore[method-assign]
    bench.back()
    assert bench.both.unexpected > 0


def test_a_card_that_is_found_damaged_has_given_what_it_owed_to_memory_which_forgets_no_newer_latch() -> None:
    bench, card = in_memory(record(1))
    newer = replace(LATCH, presses=5)
    bench.both.writer.keep_latch(newer)
    card.fails["load"] = OutboxDamaged("torn", [record(1)], LATCH)
    bench.owed()
    assert bench.opened()[-1].latch == newer


def test_a_card_that_cannot_be_read_either_is_read_again_from_its_beginning_once_it_is_back() -> None:
    bench, card = in_memory(record(1))
    card.fails["load"] = FULL
    assert bench.owed() == [99]
    card.fails.clear()
    bench.told.clear()
    assert bench.back()
    assert [one.renumbered for one in bench.opened()] == [True]
    assert bench.owed() == [1, 99]


def test_a_card_that_is_found_damaged_while_it_is_only_read_gives_its_alarms_to_memory() -> None:
    bench, card = in_memory(record(1))
    card.fails["load"] = OutboxDamaged("torn", [record(1), record(2)], LATCH)
    bench.both.mark_done([id_of(2)])
    bench.owed()
    assert bench.troubles(Trouble.STORE_DAMAGED) == [True]
    assert bench.owed() == [99, 1], "what is done is not brought back"
    assert (bench.opened()[-1].renumbered, bench.opened()[-1].latch) == (True, LATCH)
    assert bench.both.backlog().alarm == 2


def test_a_file_that_turns_out_damaged_when_it_is_opened_again_costs_nothing_that_could_be_read() -> None:
    first, fresh = Card(), Card()
    bench = Bench(first, OutboxDamaged("torn", [record(1)], LATCH), fresh)
    first.fails["append"] = FULL
    assert bench.store(record(2)) == ([2], True)
    assert bench.troubles(Trouble.STORE_DAMAGED) == [True, False]
    assert bench.troubles(Trouble.STORE_IN_MEMORY) == []
    assert bench.owed() == [1, 2]


def test_a_step_that_always_fails_is_given_up_after_four_times() -> None:
    bench, tries = Bench(Card()), []

    def step() -> None:
        tries.append(1)
        raise FULL

    assert bench.both.attempt(step), "a card that fails is no mistake of ours"
    assert len(tries) == 4
    assert bench.both.in_memory


def test_a_mistake_of_ours_is_tried_once_more_in_memory_and_then_left() -> None:
    bench, tries = Bench(Card()), []

    def step() -> None:
        tries.append(1)
        raise ValueError("ours")

    assert not bench.both.attempt(step)
    assert (len(tries), bench.both.unexpected) == (2, 2)
    assert [one.detail for one in bench.told if isinstance(one, StoreTrouble)] == ["unexpected ValueError: ours"] * 2


# --- back to the card -----------------------------------------------------------------------------------------------


def test_the_card_is_tried_every_5_s_and_not_before() -> None:
    bench, card = in_memory(record(1))
    bench.clock.at_ms += RETRY_MS - 1
    assert not bench.both.return_if_due()
    bench.clock.at_ms += 1
    assert not bench.both.return_if_due(), "it still refuses"
    card.fails.clear()
    bench.clock.at_ms += RETRY_MS - 1
    assert not bench.both.return_if_due()
    bench.clock.at_ms += 1
    assert bench.both.return_if_due()
    assert not bench.both.in_memory
    assert [row.record.id.counter for row in card.history(0, 9)] == [1, 99]


def test_a_press_in_memory_does_not_end_an_incident_on_a_card_that_nobody_has_read_yet() -> None:
    late = Card()
    late.append([record(1)], LATCH)
    bench = Bench(FULL)
    bench.store(record(5), latch=Latch((id_of(5),), None, 1, None, "k1"))
    bench.cards = deque([late])
    assert bench.back()
    assert late.latch() == LATCH
    assert (bench.opened()[-1].renumbered, bench.opened()[-1].latch) == (True, LATCH)
    assert bench.owed() == [1, 5]


def test_what_was_done_meanwhile_is_owed_no_more_on_the_card_that_comes_back() -> None:
    bench, card = in_memory(record(1), record(2))
    bench.both.mark_done([id_of(1), id_of(99)])
    card.fails.clear()
    assert bench.back()
    assert bench.owed() == [2]
    assert card.backlog().alarm == 1
    assert bench.both.backlog().alarm == 1


def test_the_card_is_tried_also_where_nobody_had_time_when_it_was_due() -> None:
    bench, card = in_memory(record(1))
    card.fails.clear()
    bench.clock.at_ms += RETRY_MS + 7
    assert bench.both.return_if_due()


def test_a_return_to_the_same_file_tells_no_damage_and_no_new_numbers_neither_the_first_time_nor_the_second() -> None:
    bench, card = in_memory(record(1))
    for time in (1, 2):
        card.fails.clear()
        bench.told.clear()
        assert bench.back()
        assert bench.opened() == []
        assert bench.troubles(Trouble.STORE_DAMAGED) == []
        card.fails["append"] = FULL
        bench.store(record(100 + time))


def test_after_an_unread_card_was_read_again_the_next_return_is_a_quiet_one() -> None:
    bench, card = in_memory(record(1))
    card.once["load"] = FULL
    bench.owed()
    card.fails.clear()
    assert bench.back()
    card.fails["append"] = FULL
    bench.store(record(2))
    card.fails.clear()
    bench.told.clear()
    assert bench.back()
    assert bench.opened() == []


def test_memorys_rows_are_numbered_anew_where_the_card_has_their_numbers_already() -> None:
    """An alarm went past memory to the card; or the card is another one than it was."""
    card = Card()
    bench = Bench(card)
    card.only_alarms = True
    bench.store(record(1))
    bench.store(record(2, Lane.TROUBLE))
    bench.store(record(3))
    bench.store(record(4, Lane.TROUBLE))
    card.only_alarms = False
    assert bench.back()
    assert (bench.opened()[-1].renumbered, bench.both.unexpected) == (True, 0)
    assert [(row.seq, row.record.id.counter) for row in card.history(0, 9)] == [(1, 1), (3, 3), (4, 2), (5, 4)]

    bench, card = in_memory(record(1))
    other = Card()
    other.append([record(1), record(50)], None)
    bench.cards = deque([other])
    assert bench.back()
    assert (bench.opened()[-1].renumbered, bench.both.unexpected) == (True, 0)
    assert [row.record.id.counter for row in other.history(0, 9)] == [1, 50, 99]


def test_a_number_that_was_given_once_is_given_to_no_other_row_after_the_file_was_lost() -> None:
    bench = Bench(Card(), Card())
    bench.store(*(record(n) for n in range(1, 8)))
    (card, fresh) = (bench.both.writer, bench.cards[-1])
    assert isinstance(card, Card)
    assert isinstance(fresh, Card)
    card.fails["append"] = OutboxDamaged("gone", [record(7)])
    assert bench.store(record(8)) == ([2], True), "a new file begins anew, and the brain is told"
    fresh.fails["append"] = FULL
    assert bench.store(record(9)) == ([8], False)
    fresh.fails.clear()
    bench.told.clear()
    assert bench.back()
    assert bench.opened() == []
    assert [row.seq for row in fresh.history(0, 9)] == [1, 2, 8]


def test_memorys_word_on_the_incident_is_the_newer_one_where_the_card_was_read_before() -> None:
    card = Card()
    bench = Bench(card)
    bench.store(record(1), latch=LATCH)
    card.fails["append"] = FULL
    ended = Latch((), None, 0, None, "k1")
    bench.store(record(2), latch=ended)
    card.fails.clear()
    assert bench.back()
    assert card.latch() == ended


def test_a_card_whose_file_was_lost_meanwhile_gives_what_it_owed_to_memory_and_a_new_one_waits_for_the_next_try() -> (
    None
):
    bench, card = in_memory(record(1))
    card.fails["append"] = OutboxDamaged("deleted", [record(1)])
    fresh = Card()
    bench.cards = deque([fresh])
    assert not bench.back()
    assert bench.owed() == [99, 1]
    assert bench.back()
    assert [row.record.id.counter for row in fresh.history(0, 9)] == [99, 1]


def test_a_card_that_cannot_be_opened_yet_is_tried_again() -> None:
    bench, card = in_memory(record(1))
    del card.fails["append"]
    bench.cards = deque([FULL, card])
    assert not bench.back()
    assert bench.back()
    assert bench.owed() == [1, 99]


def test_a_file_found_damaged_at_the_return_gives_its_alarms_to_memory_and_the_next_try_a_new_file() -> None:
    bench, _ = in_memory(record(1))
    fresh = Card()
    bench.cards = deque([OutboxDamaged("torn", [record(1)], LATCH), fresh])
    assert not bench.back()
    assert bench.owed() == [99, 1]
    assert bench.back()
    assert bench.troubles(Trouble.STORE_DAMAGED) == [True, False]
    assert [row.record.id.counter for row in fresh.history(0, 9)] == [99, 1]
    assert fresh.latch() == LATCH
    fresh.fails["append"] = FULL
    bench.store(record(5))
    fresh.fails.clear()
    assert bench.back()
    assert bench.troubles(Trouble.STORE_DAMAGED) == [True, False], "its end is told once"


def test_a_card_that_refuses_memorys_rows_is_let_go_and_they_stay_where_they_are() -> None:
    bench, _ = in_memory(record(1))
    refusing = Card()
    refusing.fails["append"] = FULL
    bench.cards = deque([refusing])
    assert not bench.back()
    assert refusing.closed
    assert bench.owed() == [1, 99]


def test_a_card_that_is_damaged_by_the_return_gives_back_what_it_held_to_memory() -> None:
    bench, _ = in_memory(record(1))
    torn, fresh = Card(), Card()
    torn.fails["append"] = OutboxDamaged("torn", [record(1)])
    bench.cards = deque([torn, fresh])
    assert not bench.back()
    assert bench.owed() == [99, 1]
    assert bench.back()
    assert [row.record.id.counter for row in fresh.history(0, 9)] == [99, 1]


def damaged_after_the_return(fresh: Card) -> Bench:
    """Memory's rows are on the card, and the first look at it finds it torn; then comes a new file."""
    bench, card = in_memory(record(1))
    card.once["load"] = FULL  # so that the brain is told to begin again
    bench.owed()
    torn = Card()
    torn.append([record(1)], None)
    torn.fails["latch"] = OutboxDamaged("torn", [record(1), record(99)], LATCH)
    bench.cards = deque([torn, fresh])
    assert bench.back()
    return bench


def test_a_card_that_is_damaged_as_soon_as_it_has_memorys_rows_costs_none_of_them() -> None:
    """They had left memory, the new file was not in use yet, and what could be read of it was dropped."""
    bench = damaged_after_the_return(Card())
    assert bench.owed() == [1, 99]
    assert bench.troubles(Trouble.STORE_DAMAGED) == [True, False]
    assert bench.troubles(Trouble.STORE_IN_MEMORY)[-1] is False
    assert (bench.opened()[-1].renumbered, bench.opened()[-1].latch) == (True, LATCH)


def test_a_brain_that_could_not_be_told_of_a_new_file_at_once_is_told_of_it_all_the_same() -> None:
    fresh = Card()
    fresh.once["latch"] = FULL
    bench = damaged_after_the_return(fresh)
    assert (bench.opened()[-1].renumbered, bench.opened()[-1].latch) == (True, LATCH)
    assert bench.owed() == [1, 99]


def test_a_store_that_nobody_has_opened_is_opened_by_the_first_job() -> None:
    bench = Bench(Card(), opened=False)
    assert bench.store(record(1)) == ([1], True)
    assert bench.troubles(Trouble.STORE_IN_MEMORY) == []


def test_closing_before_anything_was_opened_and_twice_is_no_mistake() -> None:
    card = Card()
    bench = Bench(card)
    bench.both.close()
    bench.both.close()
    assert card.closed
    assert bench.both.unexpected == 0

"""What is owed, by which broker it goes, and when again."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge import pace, uplink
from edge.events import (
    Acked,
    Backlog,
    CentreStatus,
    EventId,
    Lane,
    LinkDown,
    LinkUp,
    Load,
    Loaded,
    MarkDone,
    ReceiptCame,
    Record,
    Row,
    Stage,
    Stored,
    StoreOpened,
    Ticked,
    Topic,
    Trouble,
)
from edge.owed import HELD_MAX, LOAD_LIMIT, Cursor, Owed
from edge.uplink import Outcome, Owe, RefusalTrouble, Room, Say, Uplink, UplinkRules
from tests.unit.machines import id_of, record

ONE: Room = (20,)
TWO: Room = (20, 20)
RULES = UplinkRules(brokers=("a", "b"))


def opened() -> StoreOpened:
    return StoreOpened(None, Backlog(), None, False, 0)


def loaded(lane: Lane, *records: Record, drained: bool = True, at_ms: int = 0) -> Loaded:
    return Loaded(lane, tuple(Row(one.id.counter, one, None) for one in records), drained, at_ms)


def stored(*records: Record, at_ms: int = 0) -> Stored:
    return Stored(tuple((one.id, one.id.counter) for one in records), True, Backlog(), at_ms)


def receipt(counter: int, at_ms: int = 0, stage: Stage = Stage.RECEIVED) -> ReceiptCame:
    return ReceiptCame(id_of(counter), stage, "", None, at_ms)


READY = [opened(), loaded(Lane.ALARM), loaded(Lane.TROUBLE), loaded(Lane.ROUTINE)]


def run(news: Iterable[uplink.News], room: Room = ONE, state: Uplink | None = None) -> tuple[Uplink, list[Outcome]]:
    state, out = state or Uplink(rules=RULES), []
    for one in news:
        state, said = uplink.step(state, one, room)
        out += said
    return state, out


def said(out: Iterable[Outcome]) -> list[tuple[int, EventId]]:
    return [(one.broker, one.owed.record.id) for one in out if isinstance(one, Say)]


def done(out: Iterable[Outcome]) -> list[EventId]:
    return [one.id for one in out if isinstance(one, MarkDone)]


def test_an_alarm_goes_out_at_once_and_waits_for_no_store() -> None:
    assert said(run([Owe(record(1), 0)])[1]) == [(0, id_of(1))]


def test_anything_else_is_stored_first() -> None:
    routine = record(1, Lane.ROUTINE)
    state, out = run([*READY, Owe(routine, 0)])
    assert said(out) == []
    _, out = run([stored(routine)], state=state)
    assert said(out) == [(0, id_of(1))]


def test_an_alarm_is_owed_until_the_receipt_with_its_own_id() -> None:
    state, out = run([Owe(record(1), 0), Acked(0, id_of(1), 0, 5), receipt(2), receipt(1, stage=Stage.SEEN)])
    assert done(out) == []
    assert id_of(1) in state.held[Lane.ALARM]
    state, out = run([receipt(1)], state=state)
    assert done(out) == [id_of(1)]
    assert not any(state.held)


def test_anything_else_is_done_when_a_broker_took_it() -> None:
    routine = record(1, Lane.ROUTINE)
    _, out = run([*READY, Owe(routine, 0), stored(routine), Acked(0, id_of(1), 0, 5)])
    assert done(out) == [id_of(1)]


def test_a_refusal_or_an_empty_hall_is_not_done_and_is_tried_again() -> None:
    for reason in (0x10, 0x87, 0x97):
        routine = record(1, Lane.ROUTINE)
        state, out = run([*READY, Owe(routine, 0), stored(routine), Acked(0, id_of(1), reason, 5)])
        assert done(out) == []
        assert [one.raised for one in out if isinstance(one, RefusalTrouble)] == [True]
        _, out = run([Ticked(1_000), Ticked(5_005), Acked(0, id_of(1), 0, 5_010)], state=state)
        assert said(out) == [(0, id_of(1))]
        assert done(out) == [id_of(1)]
        assert [one.raised for one in out if isinstance(one, RefusalTrouble)] == [False]


def test_where_the_broker_is_the_end_its_word_ends_an_alarm() -> None:
    _, out = run([Owe(record(1), 0), Acked(0, id_of(1), 0, 5)], state=Uplink(rules=UplinkRules(done_on_broker=True)))
    assert done(out) == [id_of(1)]


def test_an_alarm_without_a_receipt_goes_by_the_next_broker_after_5_s() -> None:
    state, out = run([Owe(record(1), 0), Acked(0, id_of(1), 0, 5), Ticked(4_999)], TWO)
    assert said(out) == [(0, id_of(1))]
    _, out = run([Ticked(5_000)], TWO, state)
    assert said(out) == [(1, id_of(1))]


def test_an_alarm_goes_by_the_second_broker_at_once_where_the_first_is_away() -> None:
    assert said(run([Owe(record(1), 0)], (0, 20))[1]) == [(1, id_of(1))]


def test_an_alarm_without_a_receipt_goes_round_all_brokers_and_always_to_the_one_that_had_it_longest_ago() -> None:
    three: Room = (20, 20, 20)
    state, out = run([Owe(record(1), 0)], three)
    brokers = [number for number, _ in said(out)]
    for now_ms in range(0, 400_000, 250):
        state, out = run([Acked(brokers[-1], id_of(1), 0, now_ms), Ticked(now_ms)], three, state)
        brokers += [number for number, _ in said(out)]
    assert brokers[:8] == [0, 1, 2, 0, 1, 2, 0, 1]
    state, out = run([LinkDown(2, "cut", False, 400_000), Ticked(600_000)], (20, 20, 0), state)
    assert len(state.held[Lane.ALARM][id_of(1)].tried) == 3, "each is named once"


def test_an_alarm_is_said_again_for_ever_with_growing_pauses() -> None:
    state, _ = run([Owe(record(1), 0), Acked(0, id_of(1), 0, 1)])
    times = []
    for now_ms in range(0, 600_000, 250):
        state, out = uplink.step(state, Ticked(now_ms), ONE)
        if said(out):
            times.append(now_ms)
            state, _ = uplink.step(state, Acked(0, id_of(1), 0, now_ms + 1), ONE)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert times[0] == 5_000
    assert gaps == sorted(gaps)
    assert gaps[-1] == 60_000


def test_an_alarm_in_flight_is_not_said_twice_to_the_same_broker() -> None:
    assert len(said(run([Owe(record(1), 0), Ticked(5_000), Ticked(50_000)])[1])) == 1


def test_a_lost_link_makes_everything_it_had_due_again() -> None:
    routine = record(2, Lane.ROUTINE)
    state, _ = run([*READY, Owe(record(1), 0), Owe(routine, 0), stored(routine)])
    state, _ = run([LinkDown(0, "cut", False, 100)], (0,), state)
    _, out = run([LinkUp(0, True, 900), Ticked(902)], ONE, state)
    assert said(out) == [(0, id_of(1)), (0, id_of(2))]


def test_an_alarm_goes_alone_and_the_backlog_goes_on_a_moment_later() -> None:
    rows = [record(n, Lane.ROUTINE) for n in range(1, 60)]
    state, out = run([opened(), loaded(Lane.ALARM), loaded(Lane.TROUBLE), loaded(Lane.ROUTINE, *rows)])
    news = [Acked(0, id, 0, 50) for _, id in said(out)]
    state, _ = run(news[:8], (4,), state)
    state, out = run([Owe(record(99), 51)], state=state)
    assert said(out) == [(0, id_of(99))]
    wake_ms = uplink.wake_at(state)
    assert wake_ms is not None
    assert wake_ms <= 51 + pace.EVERY_MS
    _, out = run([Ticked(wake_ms)], state=state)
    assert len(said(out)) > 0


def test_alarms_go_again_at_once_when_the_centre_comes_back() -> None:
    state, _ = run([Owe(record(1), 0), Acked(0, id_of(1), 0, 1)])
    assert said(run([CentreStatus(0, True, 50)], state=state)[1]) == [(0, id_of(1))]


def test_an_alarm_overtakes_a_backlog_that_fills_the_flight() -> None:
    backlog = [record(n, Lane.ROUTINE) for n in range(1, 129)]
    state, out = run(
        [opened(), loaded(Lane.ALARM), loaded(Lane.TROUBLE), loaded(Lane.ROUTINE, *backlog, drained=False)]
    )
    assert len(said(out)) == 16
    _, out = run([Owe(record(999), 0)], (4,), state)
    assert said(out) == [(0, id_of(999))]


def test_troubles_overtake_routine_events() -> None:
    routine, trouble = record(1, Lane.ROUTINE), record(2, Lane.TROUBLE)
    state, _ = run([*READY, Owe(routine, 0), Owe(trouble, 0), stored(routine, trouble)], (0,))
    assert said(run([LinkUp(0, True, 1)], ONE, state)[1]) == [(0, id_of(2)), (0, id_of(1))]


def test_a_lane_keeps_its_order() -> None:
    rows = [record(n, Lane.ROUTINE) for n in range(1, 60)]
    state, out = run([opened(), loaded(Lane.ALARM), loaded(Lane.TROUBLE), loaded(Lane.ROUTINE, *rows)])
    order = [id for _, id in said(out)]
    for at_ms in range(200):
        if len(order) == len(rows):
            break
        state, out = uplink.step(state, Acked(0, order[len(order) - 16], 0, at_ms), ONE)
        order += [id for _, id in said(out)]
    assert order == [one.id for one in rows]


def test_a_replay_leaves_the_processor_to_the_press_that_comes_meanwhile() -> None:
    """However fast the broker acknowledges, no more than the pace goes out; and the pace is kept, not undercut."""
    rows = iter([record(n, Lane.ROUTINE) for n in range(1, 2_000)])
    state, out = run([opened(), loaded(Lane.ALARM), loaded(Lane.TROUBLE)])
    sent, flying, at_ms = 0, [], 0
    while at_ms < 300:
        news: list[uplink.News] = [Acked(0, id, 0, at_ms) for id in flying] or [Ticked(at_ms)]
        if any(isinstance(one, Load) and one.lane is Lane.ROUTINE for one in out):
            some = list(itertools.islice(rows, LOAD_LIMIT))
            news.append(loaded(Lane.ROUTINE, *some, drained=False, at_ms=at_ms))
        state, out = run(news, ONE, state)
        flying = [id for _, id in said(out)]
        sent += len(flying)
        if not flying:
            wake_ms = uplink.wake_at(state)
            assert wake_ms is not None
            at_ms = max(at_ms, wake_ms)
    assert pace.EVENTS * 290 <= sent * pace.EVERY_MS <= pace.EVENTS * at_ms + pace.BURST_EVENTS * pace.EVERY_MS


def test_a_backlog_leaves_room_that_only_an_alarm_may_use() -> None:
    """The pace alone must not be what keeps it free: however long the broker is silent, the room stays."""
    rows = [record(n, Lane.ROUTINE) for n in range(1, 60)]
    state, flying = run([opened(), loaded(Lane.ALARM), loaded(Lane.TROUBLE)])[0], 0
    for at_ms, news in enumerate([loaded(Lane.ROUTINE, *rows), *(Ticked(n) for n in range(1, 100))]):
        state, out = run([news], (20 - flying,), state)
        flying += len(said(out))
        assert at_ms or flying
    assert flying == 20 - RULES.reserve
    _, out = run([Owe(record(99), 100)], (20 - flying,), state)
    assert said(out) == [(0, id_of(99))]


def test_where_alarms_are_using_the_room_that_is_kept_for_them_nothing_else_goes() -> None:
    rows = [record(n, Lane.ROUTINE) for n in range(1, 9)]
    waiting = [opened(), loaded(Lane.ALARM), loaded(Lane.TROUBLE), loaded(Lane.ROUTINE, *rows)]
    for room in range(RULES.reserve + 1):
        _, out = run(waiting, (room,))
        assert said(out) == [], f"with room for {room}"
    _, out = run(waiting, (RULES.reserve + 1,))
    assert len(said(out)) == 1


def test_what_the_pace_held_back_does_not_keep_the_brain_awake_when_the_broker_is_gone() -> None:
    rows = [record(n, Lane.ROUTINE) for n in range(1, 60)]
    state, out = run([opened(), loaded(Lane.ALARM), loaded(Lane.TROUBLE), loaded(Lane.ROUTINE, *rows)])
    state, _ = run([Acked(0, id, 0, 0) for _, id in said(out)], ONE, state)
    assert uplink.wake_at(state) == pace.EVERY_MS
    state, _ = run([LinkDown(0, "cut", False, 1), Ticked(2)], (0,), state)
    assert uplink.wake_at(state) == 2 + uplink.TICK_MS


def test_the_store_is_read_from_the_beginning_at_start_and_whenever_its_numbers_began_anew() -> None:
    state, out = run([opened()])
    assert [one for one in out if isinstance(one, Load)] == [Load(lane, 0, LOAD_LIMIT) for lane in Lane]
    state, _ = run([loaded(lane, record(7 + lane, lane)) for lane in Lane], state=state)
    _, out = run([opened()], state=state)
    assert [one for one in out if isinstance(one, Load)] == [Load(lane, 0, LOAD_LIMIT) for lane in Lane]


def test_what_was_done_while_the_store_was_read_does_not_come_back() -> None:
    state, out = run([opened(), Owe(record(1), 0), receipt(1), loaded(Lane.ALARM, record(1))])
    assert not state.held[Lane.ALARM]
    assert len(said(out)) == 1


def test_memory_holds_a_window_of_a_long_backlog_and_reads_on_behind_its_cursor() -> None:
    state, _ = run(READY[:3], (0,))
    counter = 0
    for _ in range(10):
        rows = [record(counter + n, Lane.ROUTINE) for n in range(1, LOAD_LIMIT + 1)]
        if not state.cursors[Lane.ROUTINE].loading:
            break
        counter += LOAD_LIMIT
        state, _out = run([loaded(Lane.ROUTINE, *rows, drained=False)], (0,), state)
    assert len(state.held[Lane.ROUTINE]) <= HELD_MAX[Lane.ROUTINE]
    assert state.cursors[Lane.ROUTINE].seq == counter


def test_a_new_event_behind_a_backlog_is_left_to_the_store() -> None:
    """The cost of one more event does not grow with what is owed."""
    state, _ = run([*READY[:3], loaded(Lane.ROUTINE, record(1, Lane.ROUTINE), drained=False)], (0,))
    late = record(5_000, Lane.ROUTINE)
    state, _ = run([Owe(late, 0), stored(late)], (0,), state)
    assert late.id not in state.held[Lane.ROUTINE]
    assert not state.pending


def test_beyond_10_000_events_that_wait_for_the_store_routine_ones_are_dropped_and_troubles_are_not() -> None:
    waiting = {id_of(n): record(n, Lane.ROUTINE) for n in range(1, 10_000)}
    state, _ = run([Owe(record(10_000, Lane.ROUTINE), 0)], (0,), Uplink(rules=RULES, pending=waiting))
    assert (len(state.pending), state.dropped) == (10_000, 0)
    state, _ = run([Owe(record(10_001, Lane.ROUTINE), 0)], (0,), state)
    assert (len(state.pending), state.dropped) == (10_000, 1)
    state, _ = run([Owe(record(10_002, Lane.TROUBLE), 0), Owe(record(10_003, Lane.ROUTINE), 0)], (0,), state)
    assert (len(state.pending), state.dropped) == (10_001, 2)
    assert id_of(10_002) in state.pending


def test_what_is_stored_beside_something_that_waits_for_nothing_goes_out_all_the_same() -> None:
    """The store tells of an alarm, which went out at once, in the same breath as of what waited for it."""
    alarm, routine = record(1), record(2, Lane.ROUTINE)
    state, _ = run([*READY, Owe(alarm, 0), Owe(routine, 0)])
    state, _ = run([stored(alarm, routine)], (0,), state)
    assert not state.pending
    assert routine.id in state.held[Lane.ROUTINE]


def test_a_lane_whose_window_is_full_leaves_one_event_more_to_the_store_and_reads_it_later() -> None:
    held = {id_of(n): Owed(record(n, Lane.ROUTINE)) for n in range(1, HELD_MAX[Lane.ROUTINE])}
    state, _ = run(READY, (0,))
    state = replace(state, held=({}, {}, held))
    last, more = record(900, Lane.ROUTINE), record(901, Lane.ROUTINE)
    state, _ = run([Owe(last, 0), Owe(more, 0), stored(last, more)], (0,), state)
    assert last.id in state.held[Lane.ROUTINE]
    assert more.id not in state.held[Lane.ROUTINE]
    assert not state.cursors[Lane.ROUTINE].drained
    assert state.cursors[Lane.ROUTINE].seq == 900


class BothEnds:
    """A store and a broker in two dictionaries, to run a whole delivery through the machine."""

    def __init__(self) -> None:
        self.rows: dict[int, Record] = {}
        self.marked: set[EventId] = set()
        self.got: list[EventId] = []


@given(
    lanes=st.lists(st.sampled_from(list(Lane)), max_size=40),
    losses=st.lists(st.booleans(), max_size=200),
)
def test_whatever_is_lost_on_the_way_everything_is_delivered_in_the_end(lanes: list[Lane], losses: list[bool]) -> None:
    world, state = BothEnds(), Uplink(rules=RULES)
    inbox: list[uplink.News] = [opened()]
    lost = iter(losses)
    for number, lane in enumerate(lanes, 1):
        one = record(number, lane)
        world.rows[number] = one
        inbox += [Owe(one, 0), stored(one)]
    now_ms = 0
    for _ in range(3_000):
        if not inbox:
            now_ms += 5_000
            inbox.append(Ticked(now_ms))
        state, out = uplink.step(state, inbox.pop(0), ONE)
        for said_ in out:
            match said_:
                case Say(owed=owed):
                    if next(lost, False):
                        inbox += [LinkDown(0, "lost", False, now_ms), LinkUp(0, True, now_ms)]
                    else:
                        world.got.append(owed.record.id)
                        inbox.append(Acked(0, owed.record.id, 0, now_ms))
                        if owed.record.lane is Lane.ALARM:
                            inbox.append(ReceiptCame(owed.record.id, Stage.RECEIVED, "", None, now_ms))
                case MarkDone(id=id):
                    world.marked.add(id)
                case Load(lane=lane, after_seq=after):
                    rows = [
                        one for seq, one in world.rows.items()
                        if seq > after and one.lane is lane and one.id not in world.marked
                    ]  # fmt: skip
                    inbox.append(loaded(lane, *rows, at_ms=now_ms))
        if len(world.marked) == len(lanes) and not any(state.held):
            break
    assert world.marked == {one.id for one in world.rows.values()} == set(world.got)


# --- in figures -----------------------------------------------------------------------------------------------------


def sent(state: Uplink, lane: Lane = Lane.ALARM, counter: int = 1) -> Owed:
    return state.held[lane][id_of(counter)]


def test_time_is_asked_for_every_quarter_of_a_second_while_anything_is_held() -> None:
    assert uplink.wake_at(Uplink()) is None
    state, _ = run([Owe(record(1), 0), Ticked(1_000)])
    assert uplink.wake_at(state) == 1_250


def test_what_an_acknowledgement_means() -> None:
    assert [uplink.has_it(reason) for reason in (0x00, 0x01, 0x0F, 0x10, 0x11, 0x7F, 0x80, 0x97)] == [
        True, True, True, False, True, True, False, False,
    ]  # fmt: skip


def test_routine_events_are_dropped_once_10_000_wait_for_a_store_that_is_silent_and_troubles_are_not() -> None:
    waiting = {id_of(n): record(n, Lane.ROUTINE) for n in range(1, 10_000)}
    state, _ = run([Owe(record(20_000, Lane.ROUTINE), 0)], state=Uplink(pending=waiting))
    assert (len(state.pending), state.dropped) == (10_000, 0)
    state, _ = run([Owe(record(20_001, Lane.ROUTINE), 0), Owe(record(20_002, Lane.ROUTINE), 0)], state=state)
    assert (len(state.pending), state.dropped) == (10_000, 2)
    state, _ = run([Owe(record(20_003, Lane.TROUBLE), 0), Owe(record(20_004), 0)], state=state)
    assert (len(state.pending), state.dropped) == (10_001, 2)


def test_a_centre_that_stops_listening_changes_nothing() -> None:
    state, _ = run([Owe(record(1), 0)])
    assert run([CentreStatus(0, False, 50)], state=state) == (state, [])


def test_a_refusal_waits_5_s_and_twice_as_long_each_time_up_to_a_minute() -> None:
    routine = record(1, Lane.ROUTINE)
    state, _ = run([*READY, Owe(routine, 0), stored(routine)])
    now_ms = 0
    for pause_ms in (5_000, 10_000, 20_000, 40_000, 60_000, 60_000):
        state, out = run([Acked(0, id_of(1), 0x87, now_ms), Ticked(now_ms + pause_ms - 1)], state=state)
        assert (said(out), sent(state, Lane.ROUTINE).due_ms) == ([], now_ms + pause_ms)
        now_ms += pause_ms
        state, out = run([Ticked(now_ms)], state=state)
        assert said(out) == [(0, id_of(1))]


def test_a_refusal_names_the_broker_and_what_to_look_at_and_is_told_once_and_counted() -> None:
    for broker, reason, words in (
        (0, 0x10, "a refused an event with reason 0x10: nobody subscribes"),
        (1, 0x87, "b refused an event with reason 0x87: check the broker's access rules for this gate"),
    ):
        state, out = run([Owe(record(1), 0), Acked(broker, id_of(1), reason, 5), Acked(0, id_of(1), reason, 6)], TWO)
        assert [one.detail for one in out if isinstance(one, RefusalTrouble)] == [words]
        assert (state.refused, state.refusals) == (True, 2)


def test_a_refusal_stands_while_another_event_still_waits_because_of_one() -> None:
    first, second = record(1, Lane.ROUTINE), record(2, Lane.TROUBLE)
    state, _ = run([*READY, Owe(first, 0), Owe(second, 0), stored(first, second), Ticked(2)])
    state, _ = run(
        [Acked(0, id_of(1), 0x87, 5), Acked(0, id_of(2), 0x87, 5), Ticked(5_005), Ticked(5_007)], state=state
    )
    state, out = run([Acked(0, id_of(2), 0x87, 5_010), Acked(0, id_of(1), 0, 5_011)], state=state)
    assert [one for one in out if isinstance(one, RefusalTrouble)] == []
    state, out = run([Ticked(15_010), Acked(0, id_of(2), 0, 15_011)], state=state)
    assert [one.raised for one in out if isinstance(one, RefusalTrouble)] == [False]


def test_a_receipt_ends_what_is_owed_and_a_refusal_as_well() -> None:
    state, _ = run([Owe(record(1), 0), Acked(0, id_of(1), 0x87, 5)])
    state, out = run([receipt(1, 10)], state=state)
    assert out == [MarkDone(id_of(1)), RefusalTrouble(Trouble.PUBLISH_REFUSED, False, "accepted", 10)]
    assert (state.refused, state.done) == (False, 1)


def test_an_event_nobody_knows_of_is_acknowledged_to_no_effect() -> None:
    state, _ = run([Owe(record(1), 0)])
    for acked in (Acked(0, None, 0, 5), Acked(0, id_of(9), 0, 5)):
        assert run([acked], state=state) == (state, [])


def test_the_mark_of_a_test_goes_by_every_other_broker_that_has_room_once() -> None:
    state, _ = run([Owe(record(1), 0)], (20, 20, 0))
    state, also = uplink.also(state, id_of(1), (20, 20, 0))
    assert said(also) == [(1, id_of(1))]
    assert (sent(state).flying, sent(state).tried, sent(state).sendings) == ((0, 1), (0, 1), 2)
    assert uplink.also(state, id_of(1), (20, 20, 0)) == (state, ())
    assert uplink.also(state, id_of(9), (20, 20, 20)) == (state, ())
    state, also = uplink.also(state, id_of(1), (0, 0, 1))
    assert said(also) == [(2, id_of(1))]


def test_a_lost_link_frees_only_what_it_had() -> None:
    state, _ = run([Owe(record(1), 0)], (20, 0))
    state, _ = run([Owe(record(2), 0)], (0, 20), state)
    state, _ = run([LinkDown(1, "cut", False, 700)], (0, 0), state)
    assert (sent(state).flying, sent(state).due_ms) == ((0,), 5_000)
    assert (sent(state, counter=2).flying, sent(state, counter=2).due_ms) == ((), 700)


def test_an_alarm_that_flies_is_not_hurried_by_another_way_that_opens() -> None:
    state, _ = run([Owe(record(1), 0)], (20, 0))
    state, out = run([LinkUp(1, True, 900)], TWO, state)
    assert (said(out), sent(state).due_ms) == ([], 5_000)


def test_a_new_event_of_a_lane_that_is_read_to_its_end_is_sent_from_memory_and_moves_the_cursor() -> None:
    routine = record(7, Lane.ROUTINE)
    state, _ = run([*READY, Owe(routine, 0), stored(routine)], (0,))
    assert (state.cursors[Lane.ROUTINE].seq, routine.id in state.held[Lane.ROUTINE]) == (7, True)
    assert run([stored(record(8, Lane.ROUTINE))], (0,), state)[0] == replace(state, backlog=Backlog())


def test_a_new_event_that_finds_memory_full_is_left_to_the_store() -> None:
    full = {id_of(n): Owed(record(n, Lane.ROUTINE)) for n in range(1, 256)}
    state, _ = run(READY, (0,))
    one, other = record(1_000, Lane.ROUTINE), record(1_001, Lane.ROUTINE)
    state = replace(state, held=({}, {}, full), pending={one.id: one, other.id: other})
    state, _ = run([stored(one, other)], (0,), state)
    assert (one.id in state.held[Lane.ROUTINE], other.id in state.held[Lane.ROUTINE]) == (True, False)
    assert (state.cursors[Lane.ROUTINE].seq, state.cursors[Lane.ROUTINE].drained) == (1_000, False)


def test_a_new_event_whose_lane_is_just_being_read_comes_with_the_answer() -> None:
    routine = record(3, Lane.ROUTINE)
    state, _ = run([*READY[:3], Owe(routine, 0), stored(routine)], (0,))
    assert routine.id not in state.held[Lane.ROUTINE]
    state, _ = run([loaded(Lane.ROUTINE, routine, at_ms=4)], (0,), state)
    assert sent(state, Lane.ROUTINE, 3) == Owed(routine, recovered=True, due_ms=4)
    assert (state.cursors[Lane.ROUTINE].seq, state.cursors[Lane.ROUTINE].drained) == (3, True)


def test_alarms_that_were_read_go_before_those_that_came_meanwhile_and_others_behind() -> None:
    state, _ = run([opened(), Owe(record(9), 0), loaded(Lane.ALARM, record(1))], (0,))
    assert list(state.held[Lane.ALARM]) == [id_of(1), id_of(9)]
    state = replace(state, held=({}, {}, {id_of(9): Owed(record(9, Lane.ROUTINE))}))
    state, _ = run([loaded(Lane.ROUTINE, record(1, Lane.ROUTINE))], (0,), state)
    assert list(state.held[Lane.ROUTINE]) == [id_of(9), id_of(1)]


def test_a_lane_is_read_on_as_soon_as_a_whole_reading_fits_and_not_before() -> None:
    for lane, most in ((Lane.ALARM, 1_000), (Lane.TROUBLE, 256), (Lane.ROUTINE, 256)):
        for held, asks in ((most - 128, True), (most - 127, False)):
            rows = {id_of(n): Owed(record(n, lane)) for n in range(1, held + 1)}
            cursors = [Cursor(drained=True)] * 3
            cursors[lane] = Cursor(seq=5)
            lanes = [rows if one is lane else {} for one in Lane]
            state = Uplink(held=tuple(lanes), cursors=tuple(cursors), store_open=True)  # type: ignore[arg-type]
            _, out = run([CentreStatus(0, True, 0)], (0,), state)
            assert out == ([Load(lane, 5, 128)] if asks else [])
    closed = Uplink()
    assert run([Ticked(0)], (0,), closed)[1] == []


# --- by which broker, and when again --------------------------------------------------------------------------------


def sendings(brokers: int, count: int) -> list[tuple[int, int]]:
    """Broker and moment of an alarm's first sendings, each acknowledged and none answered by a receipt."""
    room, state = (20,) * brokers, Uplink()
    state, out = run([Owe(record(1), 0)], room, state)
    now_ms, all_of_it = 0, []
    while len(all_of_it) < count:
        all_of_it += [(broker, now_ms) for broker, _ in said(out)]
        state, _ = run([Acked(broker, id_of(1), 0, now_ms) for broker, _ in said(out)], room, state)
        now_ms += 250
        state, out = run([Ticked(now_ms)], room, state)
    return all_of_it


def test_one_broker_gets_an_alarm_again_after_5_s_then_after_growing_pauses() -> None:
    assert [at_ms for _, at_ms in sendings(1, 7)] == [0, 5_000, 10_000, 20_000, 40_000, 80_000, 140_000]


def test_of_two_brokers_each_gets_it_in_turn_twice_before_the_pauses_grow() -> None:
    assert sendings(2, 8) == [
        (0, 0), (1, 5_000), (0, 10_000), (1, 15_000), (0, 20_000), (1, 25_000), (0, 35_000), (1, 45_000),
    ]  # fmt: skip


def test_a_broker_without_room_or_that_still_has_it_is_passed_over() -> None:
    state, _ = run([Owe(record(1), 0)], TWO)
    assert said(run([Ticked(5_000)], (20, 0), state)[1]) == []
    state, out = run([Ticked(5_000)], (20, 1), state)
    assert said(out) == [(1, id_of(1))]
    state, _ = run([Acked(1, id_of(1), 0, 5_001)], TWO, state)
    assert said(run([Ticked(20_000)], TWO, state)[1]) == [(1, id_of(1))], "the first has not answered yet"


def test_alarms_go_as_far_as_there_is_room_by_the_first_broker_that_has_any() -> None:
    state, _ = run([Owe(record(n), 0) for n in (1, 2, 3, 4)], (0, 0, 0))
    assert said(run([Ticked(1)], (1, 0, 2), state)[1]) == [(0, id_of(1)), (2, id_of(2)), (2, id_of(3))]


def test_a_live_press_goes_before_older_alarms_that_do_not_all_fit_on_the_line() -> None:
    older = [loaded(Lane.ALARM, record(1), record(2), record(3)), *(Owe(record(n, at_ms=1_000), 1_000) for n in (4, 5))]
    state, _ = run([opened(), *older], (0,))
    live = [Owe(record(6, at_ms=20_000), 20_000), Owe(record(7, at_ms=20_001), 20_001)]
    state, _ = run(live, (0,), state)
    state, out = run([Ticked(21_000)], (3,), state)
    assert said(out) == [(0, id_of(6)), (0, id_of(7)), (0, id_of(1))]
    state, out = run([Acked(0, id_of(1), 0, 21_050)], (1,), state)
    assert said(out) == [(0, id_of(2))], "and then the older ones, in their order"


def test_a_press_of_ten_seconds_ago_waits_its_turn_and_where_all_fit_the_order_stays() -> None:
    news = [Owe(record(1, at_ms=0), 0), Owe(record(2, at_ms=11_000), 11_000)]
    assert said(run([news[0], Ticked(5)], (2,))[1]) == [(0, id_of(1))]
    state, _ = run(news, (0,))
    assert said(run([Ticked(20_999)], (1,), state)[1]) == [(0, id_of(2))]
    assert said(run([Ticked(21_000)], (1,), state)[1]) == [(0, id_of(1))]
    assert said(run([Ticked(20_999)], (2,), state)[1]) == [(0, id_of(1)), (0, id_of(2))]
    assert said(run([Ticked(20_999)], (0, 2), state)[1]) == [(1, id_of(1)), (1, id_of(2))]


def test_what_an_earlier_life_left_is_never_live_whatever_its_monotonic_time_says() -> None:
    state, _ = run(
        [opened(), loaded(Lane.ALARM, record(1, at_ms=0), record(2, at_ms=500_000)), Owe(record(3, at_ms=900), 900)],
        (0,),
    )
    assert said(run([Ticked(1_000)], (2,), state)[1]) == [(0, id_of(3)), (0, id_of(1))]


def test_an_alarm_that_is_not_due_lets_a_later_one_pass() -> None:
    state, _ = run([Owe(record(1), 0), Acked(0, id_of(1), 0, 1)])
    assert said(run([Owe(record(2), 10)], state=state)[1]) == [(0, id_of(2))]


def test_alarms_are_sent_while_the_rest_is_held_back_and_wake_nobody_where_there_is_no_rest() -> None:
    state, _ = run([Owe(record(1), 0), Ticked(100)])
    assert uplink.wake_at(state) == 350
    routine = record(2, Lane.ROUTINE)
    state, _ = run([*READY, Owe(routine, 0), stored(routine)], (0,))
    state, _ = run([Owe(record(1), 100)], state=state)
    assert uplink.wake_at(state) == 102


def picture(counter: int) -> Record:
    return replace(record(counter, Lane.ROUTINE), topic=Topic.PICTURE)


def test_one_picture_flies_at_a_time_and_what_is_no_picture_passes_it() -> None:
    rows = [picture(1), picture(2), record(3, Lane.ROUTINE), picture(4)]
    state, out = run([*READY[:3], loaded(Lane.ROUTINE, *rows)])
    assert said(out) == [(0, id_of(1)), (0, id_of(3))]
    state, out = run([Ticked(50)], state=state)
    assert said(out) == []
    state, out = run([Acked(0, id_of(1), 0, 60)], state=state)
    assert said(out) == [(0, id_of(2))]


def test_the_rest_goes_by_the_first_broker_that_has_room_and_once() -> None:
    rows = [record(n, Lane.ROUTINE) for n in (1, 2)]
    state, out = run([*READY[:3], loaded(Lane.ROUTINE, *rows)], (0, 20))
    assert said(out) == [(1, id_of(1)), (1, id_of(2))]
    assert (sent(state, Lane.ROUTINE).flying, sent(state, Lane.ROUTINE).sendings) == ((1,), 1)
    assert said(run([Ticked(9_000)], TWO, state)[1]) == []


def test_four_places_of_a_flight_are_for_alarms_and_a_trouble_takes_the_fifth() -> None:
    rows, trouble = [record(n, Lane.ROUTINE) for n in (1, 2, 3)], record(9, Lane.TROUBLE)
    ready = [opened(), loaded(Lane.ALARM), loaded(Lane.TROUBLE, trouble), loaded(Lane.ROUTINE, *rows)]
    state, _ = run(ready, (0,))
    for space, expected in ((4, []), (5, [9]), (6, [9, 1])):
        state_, out = run([Ticked(100)], (space,), state)
        assert [id.counter for _, id in said(out)] == expected
        assert state_.pace.held_back is False, "room was short, not time"

"""What is owed, by which broker it goes, and when again."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

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
)
from edge.owed import HELD_MAX, LOAD_LIMIT
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

"""Who hears of what."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from edge import alarm, latching, state, uplink
from edge.events import (
    Acked,
    Alive,
    AnswerView,
    Backfill,
    Backlog,
    Boot,
    ClockQuality,
    ClockRead,
    Code,
    Command,
    Contact,
    EventId,
    Fact,
    KeepLatch,
    Lane,
    Latch,
    LinkUp,
    Loaded,
    MessageRefused,
    Origin,
    Publish,
    ReceiptCame,
    ResetAsked,
    Row,
    Show,
    ShowLamp,
    Stage,
    Store,
    Stored,
    StoreOpened,
    TellReady,
    Ticked,
    Trouble,
    ViewAsked,
)
from edge.state import Rules, State
from tests.unit.machines import BOOT, edge, record, think

START = [ClockRead(0, 1_000_000, 2), Alive("contact", 0), Alive("lamps", 0), Alive("store", 0)]
OPENED = [StoreOpened(None, Backlog(), None, False, 0), *(Loaded(lane, (), True, 0) for lane in Lane)]


def begin() -> State:
    return state.begin(Boot(BOOT, 7, "k1"), Rules(), 0)


def run(facts: Iterable[Fact], gate: State | None = None) -> tuple[State, list[Command]]:
    gate, out = gate or begin(), []
    for fact in facts:
        gate, commands = think(gate, fact)
        out += commands
    return gate, out


def press(at_ms: int = 5_000) -> list[Fact]:
    return [edge(at_ms, closed=True), edge(at_ms + 100, closed=False)]


def shown(out: Iterable[Command]) -> list[Show]:
    return [one.show for one in out if isinstance(one, ShowLamp)]


def test_ready_is_told_once_the_contacts_are_watched_and_not_before() -> None:
    assert TellReady() not in run([ClockRead(0, 0, None), Ticked(10)])[1]
    assert run(START + START)[1].count(TellReady()) == 1


def test_only_while_an_alarm_waits_is_a_broker_that_is_away_dialled_in_a_hurry() -> None:
    gate, _ = run([*START, *OPENED, *press()])
    assert gate.links.links[0].hurried
    gate, _ = run([ReceiptCame(gate.alarm.ids[0], Stage.RECEIVED, "centre", None, 8_000)], gate)
    assert not gate.links.links[0].hurried


def test_a_press_sets_out_to_broker_lamp_and_card_at_once_in_that_order() -> None:
    gate, _ = run([*START, *OPENED, Ticked(1), LinkUp(0, True, 2)])
    _, out = run(press(), gate)
    kinds = [type(one) for one in out if isinstance(one, ShowLamp | Publish | Store)]
    assert kinds == [Publish, ShowLamp, Store]


def test_a_press_is_dated_named_and_numbered() -> None:
    _, out = run([*START, *press()])
    stored = [one for one in out if isinstance(one, Store) and one.record.lane is Lane.ALARM]
    assert len(stored) == 1
    event = stored[0].record
    assert (event.boot_counter, event.at_ms, event.origin, event.code) == (7, 5_000, Origin.PERSON, Code.SILENT_PANIC)
    assert event.wall.wall_ms == 1_005_000
    assert event.wall.quality is ClockQuality.SYNCED
    assert event.incident == event.id
    assert stored[0].latch is not None
    assert stored[0].latch.ids == (event.id,)


def test_ids_are_never_used_twice_in_a_boot() -> None:
    _, out = run([*START, *OPENED, *press(), *press(8_000), ResetAsked("name", 0, 9_000), *press(10_000)])
    ids = [one.record.id for one in out if isinstance(one, Store)]
    assert len(set(ids)) == len(ids) >= 5


def test_ids_of_two_boots_never_meet() -> None:
    """A daemon that is killed counts from one again; only the boot in the id tells the presses apart."""
    _, out = run([*START, *press()])
    again = state.begin(Boot("cd" * 8, 8, "k1"), Rules(), 0)
    _, more = run([*START, *press()], again)
    first, second = ({one.record.id for one in lot if isinstance(one, Store)} for lot in (out, more))
    assert first
    assert first.isdisjoint(second)


def test_a_press_works_without_store_network_or_clock() -> None:
    _, out = run([Alive("contact", 0), *press()])
    assert shown(out)[-1] is Show.PRESSED


def test_an_acknowledgement_that_nobody_heard_does_not_move_the_lamp() -> None:
    gate, out = run([*START, *OPENED, Ticked(1), LinkUp(0, True, 2), *press()])
    id = next(one.record.id for one in out if isinstance(one, Publish))
    for reason in (0x10, 0x87):
        after, _ = run([Acked(0, id, reason, 6_000)], gate)
        assert after.lamp is not None
        assert after.lamp.show is Show.PRESSED
    after, _ = run([Acked(0, id, 0, 6_000)], gate)
    assert after.lamp == ShowLamp(Show.AT_BROKER, False)


def test_a_restart_in_mid_alarm_never_says_received_before_the_owed_presses_are_read() -> None:
    old = record(3, at_ms=10, kernel_boot="k0")
    kept = Latch((old.id,), None, 1, None, "k0")
    gate, out = run([*START, StoreOpened(kept, Backlog(alarm=1), None, False, 5)])
    assert Show.RECEIVED not in shown(out)
    _, out = run([Loaded(Lane.ALARM, (Row(1, old, None),), True, 6)], gate)
    assert shown(out) == [Show.STORED]


def test_a_close_by_the_centre_ends_the_incident_and_is_reported_with_the_name() -> None:
    gate, out = run([*START, *press()])
    incident = gate.alarm.ids[0]
    gate, out = run([ReceiptCame(incident, Stage.RECEIVED, "", None, 6_000)], gate)
    gate, out = run([ReceiptCame(incident, Stage.CLOSED, "Li", None, 7_000)], gate)
    end = next(one.record for one in out if isinstance(one, Store))
    assert (end.code, end.incident, end.body["by"], end.body["means"]) == (Code.PANIC_RESET, incident, "Li", "centre")
    assert gate.lamp is not None
    assert gate.lamp.show is Show.READY


def test_a_close_for_another_incident_changes_nothing() -> None:
    gate, _ = run([*START, *press()])
    after, out = run([ReceiptCame(record(77).id, Stage.CLOSED, "Li", None, 7_000)], gate)
    assert after.alarm == gate.alarm
    assert out == []


def test_the_reset_key_ends_the_incident() -> None:
    gate, _ = run([*START, *press()])
    gate, _ = run([edge(6_000, closed=True, contact=Contact.RESET), Ticked(6_010)], gate)
    assert gate.alarm.ids == ()


def test_a_new_file_is_given_everything_that_memory_still_holds() -> None:
    gate, out = run([*START, *OPENED, *press()])
    owed = {one.record.id for one in out if isinstance(one, Store)}
    _, out = run([StoreOpened(None, Backlog(), None, True, 9_000)], gate)
    again = {one.record.id for one in out if isinstance(one, Store)}
    assert owed <= again


def test_an_incident_that_only_a_damaged_file_knew_of_is_taken_up() -> None:
    gate, _ = run([*START, *OPENED, *press()])
    mine = gate.alarm.ids
    other = Latch((EventId("cd" * 8, 4),), None, 2, None, "k0")
    gate, out = run([StoreOpened(other, Backlog(), None, True, 9_000)], gate)
    kept = [one.latch for one in out if isinstance(one, KeepLatch)]
    assert [latching.over(one, other).ids for one in kept] == [(*mine, *other.ids)]
    gate, _ = run([Loaded(Lane.ALARM, (), True, 9_001)], gate)
    assert gate.alarm.ids == (*mine, *other.ids)


def test_an_incident_that_was_ended_does_not_come_back_with_an_old_file() -> None:
    gate, _ = run([*START, *OPENED, *press()])
    kept = alarm.latch(gate.alarm)
    gate, _ = run([ResetAsked("Li Wei", 0, 8_000)], gate)
    gate, out = run([StoreOpened(kept, Backlog(), None, True, 9_000), Loaded(Lane.ALARM, (), True, 9_001)], gate)
    assert gate.alarm.ids == ()
    assert [one.latch.ids for one in out if isinstance(one, KeepLatch)] == [()]


def test_routine_events_dropped_for_a_silent_store_are_a_trouble_until_it_answers() -> None:
    gate, _ = run(START)
    pending = {EventId(BOOT, 100 + n): record(100 + n, Lane.ROUTINE) for n in range(uplink.PENDING_MAX)}
    gate = replace(gate, uplink=replace(gate.uplink, pending=pending, dropped=1))
    alive = [Alive("contact", 900), Alive("lamps", 900), Alive("store", 900)]
    gate, _ = run([*alive, Ticked(1_000)], gate)
    assert [one.trouble for one in gate.health.standing] == [Trouble.EVENTS_DROPPED]
    gate, _ = run([Stored(tuple((id, id.counter) for id in pending), True, Backlog(), 1_100), Ticked(2_000)], gate)
    assert gate.health.standing == ()


def test_an_event_from_before_the_first_synchronisation_is_sent_with_both_times() -> None:
    gate, _ = run([ClockRead(0, 50, None), Alive("contact", 0), *press()])
    gate, out = run([ClockRead(20_000, 9_020_000, 4)], gate)
    assert any(isinstance(one, Backfill) for one in out)
    _, out = run([Ticked(20_001), LinkUp(0, True, 20_002)], gate)
    sent = next(one for one in out if isinstance(one, Publish) and one.record.lane is Lane.ALARM)
    assert sent.stamp.quality is ClockQuality.BACKFILLED
    assert sent.stamp.wall_ms == 9_005_000
    assert sent.record.wall.quality is ClockQuality.UNSYNCED


def test_an_old_event_says_that_it_is_replayed_and_how_old_it_is() -> None:
    gate, _ = run([*START, *press()])
    for at_ms, replayed in ((6_000, False), (65_000, True)):
        _, out = run([LinkUp(0, True, at_ms)], gate)
        sent = next(one for one in out if isinstance(one, Publish))
        assert (sent.replayed, sent.age_ms) == (replayed, at_ms - 5_000)


def test_the_fault_lamp_lights_with_any_trouble_and_goes_out_with_the_last() -> None:
    gate, _ = run([*START, *press()])
    gate, _ = run([Alive("contact", 34_000), Alive("lamps", 34_000), Alive("store", 34_000), Ticked(35_001)], gate)
    assert [one.trouble for one in gate.health.standing] == [Trouble.FAILURE_TO_COMMUNICATE]
    assert gate.lamp is not None
    assert gate.lamp.fault
    gate, _ = run([ReceiptCame(gate.alarm.ids[0], Stage.RECEIVED, "", None, 36_000)], gate)
    assert gate.lamp == ShowLamp(Show.RECEIVED, False)


def test_a_reset_key_that_lets_go_does_not_end_the_trouble_of_a_button_that_is_still_stuck() -> None:
    def stuck(gate: State) -> list[str]:
        return [one.part for one in gate.health.standing if one.trouble is Trouble.KEY_STUCK]

    held = [edge(1_000, closed=True), edge(1_000, closed=True, contact=Contact.RESET), Ticked(1_010), Ticked(61_000)]
    gate, _ = run([*START, *OPENED, *held])
    assert stuck(gate) == ["", "reset"]
    gate, _ = run([edge(62_000, closed=False, contact=Contact.RESET), Ticked(62_100)], gate)
    assert stuck(gate) == [""]


def test_a_view_is_answered_to_whoever_asked() -> None:
    gate, _ = run([*START, MessageRefused("retained", 5)])
    _, out = run([ViewAsked(42, 10)], gate)
    answer = out[0]
    assert isinstance(answer, AnswerView)
    assert answer.token == 42
    assert answer.view["counters"] == {"refused_retained": 1}


def test_the_store_s_word_moves_the_lamp_only_when_it_is_durable() -> None:
    gate, _out = run([*START, *OPENED, *press()])
    press_id = gate.alarm.ids[0]
    for durable, shows in ((False, Show.PRESSED), (True, Show.STORED)):
        after, _ = run([Stored(((press_id, 5),), durable, Backlog(), 6_000)], gate)
        assert after.lamp is not None
        assert after.lamp.show is shows

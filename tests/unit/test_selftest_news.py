"""Which events come of a test, what is told of it at the gate, and what a mistake of ours may cost."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from edge import schedule_news, selftest_news, state
from edge.chain import Kind, Link, Result, Stimulus, Verdict, WindowClosed, WindowOpened, is_report, report_of
from edge.diary import Diary
from edge.events import (
    Acked,
    Backlog,
    Boot,
    ClockRead,
    Code,
    Command,
    Contact,
    EventId,
    Fact,
    LevelRead,
    LinkDown,
    LinkUp,
    Origin,
    Publish,
    Qualifier,
    ReceiptCame,
    Record,
    Show,
    SoundSiren,
    Stage,
    StopSiren,
    Store,
    Stored,
    StoreOpened,
    Ticked,
    Topic,
    Trouble,
)
from edge.evidence import Fitted
from edge.local_time import zone
from edge.proving import (
    ArrivedAsked,
    CloseContact,
    KeepDiary,
    PulseSiren,
    ReadBack,
    SelfTestAsked,
    StimulusBegan,
    StimulusEnded,
)
from edge.schedule import ScheduleRules
from edge.selftest import SelfTestRules
from edge.state import Rules, State
from edge.timetable import Timetable
from tests.unit.machines import BOOT, edge, think
from tests.unit.test_claim import feed
from tests.unit.test_core import START

T = 5_000
WALL_MS = 1_000_000


def gate(fitted: Fitted | None = None, plan: ScheduleRules | None = None) -> State:
    """A quiet gate, connected."""
    rules = Rules(selftest=SelfTestRules(fitted or Fitted()), schedule=plan)
    begun = state.begin(Boot(BOOT, 7, "k1"), rules, 0)
    opened = StoreOpened(None, Backlog(), None, False, 0)
    return feed(begun, [*START, opened, LevelRead(Contact.KEY, False, 0), Ticked(1), LinkUp(0, True, 2)])[0]


def ask(kind: Kind = Kind.FULL, token: str = "t1", at_ms: int = T) -> Fact:
    return SelfTestAsked(kind, "technician Li", "SHA256:abc", token, at_ms)


def closes(at_ms: int = T + 2) -> list[Fact]:
    """The contact port's hand does its work."""
    return [
        StimulusBegan(at_ms), edge(at_ms, closed=True, origin=Origin.SELF_TEST),
        edge(at_ms + 30, closed=False, origin=Origin.SELF_TEST), StimulusEnded(at_ms + 30),
    ]  # fmt: skip


def travels(id: EventId, at_ms: int = T + 40, *, reason: int = 0, seen: bool = True) -> list[Fact]:
    """Card, broker, centre and officer do theirs."""
    return [
        Stored(((id, 1),), True, Backlog(), at_ms), ReadBack(str(id), True, at_ms + 1), Acked(0, id, reason, at_ms + 2),
        ReceiptCame(id, Stage.RECEIVED, "", WALL_MS + at_ms + 4, at_ms + 5),
        *([ReceiptCame(id, Stage.SEEN, "officer Wang", None, at_ms + 900)] if seen else []),
    ]  # fmt: skip


def records(out: Iterable[Command]) -> list[Record]:
    return [one.record for one in out if isinstance(one, Store)]


def mark_of(out: Iterable[Command]) -> Record:
    return next(one for one in records(out) if one.topic is Topic.SELF_TEST and not is_report(one.body))


def report_in(out: Iterable[Command]) -> Record:
    return next(one for one in records(out) if is_report(one.body))


def whole(begun: State, **how: object) -> tuple[State, list[Command]]:
    """A full test from the asking to the report."""
    middle, out = feed(begun, [ask(), *closes()])
    after, more = feed(middle, travels(mark_of(out).id, **how))  # type: ignore[arg-type]
    return after, [*out, *more]


def test_a_test_that_was_asked_for_is_reported_with_the_technician_and_the_key() -> None:
    after, out = whole(gate())
    event = report_in(out)
    report = report_of(event.body)
    assert (event.topic, event.origin, event.code) == (Topic.SELF_TEST, Origin.SELF_TEST, Code.MANUAL_TEST)
    assert (report.result, report.stimulus, report.operator) == (Result.PASS, Stimulus.CONTACT_PORT, "technician Li")
    assert (report.key_fingerprint, report.officer, report.alarms) == ("SHA256:abc", "officer Wang", 0)
    assert after.test.run is None
    assert after.alarm.ids == ()


def test_without_a_loopback_nothing_before_the_decision_is_called_good() -> None:
    report = report_of(report_in(whole(gate())[1]).body)
    verdicts = {one.link: one.verdict for one in report.links}
    assert [verdicts[link] for link in (Link.KEY, Link.CABLE, Link.LOOP)] == [Verdict.NOT_TESTED] * 3
    assert verdicts[Link.GPIO] is Verdict.SIMULATED


def test_nobody_at_the_screen_makes_it_partial_and_not_a_failure() -> None:
    middle, out = feed(gate(), [ask(), *closes()])
    after, more = feed(middle, travels(mark_of(out).id, seen=False))
    assert after.test.run is not None
    after, more = feed(replace(after, links=gate().links), [Ticked(T + 2 + 90_001)])
    report = report_of(report_in(more).body)
    assert report.result is Result.PARTIAL
    assert [one.link for one in report.links if one.verdict is Verdict.FAIL] == []


def test_an_acknowledgement_that_nobody_heard_fails_the_uplink() -> None:
    report = report_of(report_in(whole(gate(), reason=0x10)[1]).body)
    assert [one.link for one in report.links if one.verdict is Verdict.FAIL] == [Link.UPLINK]


def test_a_failed_test_is_a_trouble_until_a_whole_one_passes() -> None:
    after, out = whole(gate(), reason=0x10)
    assert [one.trouble for one in after.health.standing if one.trouble is Trouble.SELFTEST_FAILED] != []
    later = T + 10_000
    middle, out = feed(after, [Acked(0, None, 0, later - 1), ask(at_ms=later), *closes(later + 2)])
    after, _ = feed(middle, travels(mark_of(out).id, later + 40))
    assert Trouble.SELFTEST_FAILED not in {one.trouble for one in after.health.standing}


def test_without_receipts_a_test_in_which_nothing_fails_ends_the_trouble_of_one_that_failed() -> None:
    """No test of such a gate can pass; a trouble that nobody can end is one that nobody looks at."""
    after, _ = whole(gate(Fitted(receipts=False)), reason=0x10)
    assert Trouble.SELFTEST_FAILED in {one.trouble for one in after.health.standing}
    later = T + 10_000
    middle, out = feed(after, [Acked(0, None, 0, later - 1), ask(at_ms=later), *closes(later + 2)])
    after, more = feed(middle, [*travels(mark_of(out).id, later + 40), Ticked(later + 120_000)])
    assert report_of(report_in(more).body).result is Result.PARTIAL
    assert Trouble.SELFTEST_FAILED not in {one.trouble for one in after.health.standing}


def test_the_mark_goes_by_every_broker_that_is_connected() -> None:
    rules = Rules(
        links=replace(Rules().links, brokers=("a", "b"), mqtt5_first=(True,) * 2, mqtt3_allowed=(True,) * 2),
        uplink=replace(Rules().uplink, brokers=("a", "b")),
        selftest=SelfTestRules(Fitted(brokers=("a", "b"))),
    )
    begun = state.begin(Boot(BOOT, 7, "k1"), rules, 0)
    facts = [*START, LevelRead(Contact.KEY, False, 0), Ticked(1), LinkUp(0, True, 2), LinkUp(1, True, 2), ask()]
    _, out = feed(begun, [*facts, *closes()])
    mark = mark_of(out).id
    assert sorted(one.broker for one in out if isinstance(one, Publish) and one.record.id == mark) == [0, 1]


def test_the_lamp_says_that_a_test_runs_and_that_the_centre_has_it() -> None:
    shown = []
    machine = gate()
    middle, out = feed(machine, [ask(), *closes()])
    for fact in travels(mark_of(out).id):
        middle, _ = feed(middle, [fact])
        assert middle.lamp is not None
        shown.append(middle.lamp.show)
    assert shown[0] is Show.TESTING
    assert shown[3] is Show.TEST_RECEIVED
    assert shown[-1] is Show.READY


def test_a_real_alarm_takes_the_lamp_from_a_test() -> None:
    middle, _ = feed(gate(), [ask(), *closes(), edge(T + 200, closed=True), Ticked(T + 230)])
    assert middle.lamp is not None
    assert middle.lamp.show is Show.PRESSED
    assert middle.test.run is not None


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ([edge(T - 100, closed=True), Ticked(T - 50)], "an alarm is open"),
        ([edge(T - 5, closed=True)], "the button is pressed"),
        ([ask(token="first", at_ms=T - 1)], "a test runs already"),
    ],
)
def test_no_test_begins_while_the_gate_is_not_quiet_and_whoever_asked_is_told_why(facts: list[Fact], word: str) -> None:
    after, out = feed(gate(), [*facts, ask()])
    token, refused = after.test.answer
    assert token == "t1"
    assert word in refused
    assert [one for one in out if isinstance(one, CloseContact)][1:] == []


# --- windows and drills -------------------------------------------------------------------------------------------


def opened(kind: Kind = Kind.HUMAN, nonce: str = "ab" * 8, expires_ms: int = WALL_MS + 60_000, at_ms: int = T) -> Fact:
    return WindowOpened(nonce, kind, "officer", 600_000, expires_ms, at_ms)


def logged(out: Iterable[Command]) -> list[tuple[Qualifier, object]]:
    return [(one.qualifier, one.body.get("why")) for one in records(out) if one.code is Code.WALK_TEST]


def test_both_ends_of_a_window_are_logged_with_its_nonce() -> None:
    _, out = feed(gate(), [opened(), WindowClosed("ab" * 8, "officer", T + 100)])
    assert logged(out) == [(Qualifier.NEW, None), (Qualifier.RESTORE, "closed by officer")]
    assert {one.body["nonce"] for one in records(out) if one.code is Code.WALK_TEST} == {"ab" * 8}


def test_a_window_is_open_for_half_an_hour_at_most() -> None:
    for asked_ms, open_ms in ((600_000, 600_000), (9_000_000, 1_800_000)):
        after, _ = feed(gate(), [WindowOpened("ab" * 8, Kind.HUMAN, "officer", asked_ms, None, T)])
        assert after.test.window is not None
        assert after.test.window.until_ms == T + open_ms


def test_a_window_ends_when_nobody_at_the_centre_could_see_what_comes_of_it() -> None:
    after, out = feed(gate(), [opened(), LinkDown(0, "gone", False, T + 50)])
    assert logged(out)[-1] == (Qualifier.RESTORE, "no broker is connected")
    assert after.test.claim is None


@pytest.mark.parametrize(
    ("before", "window", "counter"),
    [
        ([], opened(expires_ms=WALL_MS + T - 1), "refused_window_expired"),
        ([opened(at_ms=T - 9), WindowClosed("ab" * 8, "o", T - 5)], opened(), "refused_window_repeated"),
        ([opened(nonce="cd" * 8, at_ms=T - 9)], opened(), "refused_window_busy"),
        ([edge(T - 100, closed=True), Ticked(T - 50)], opened(), "refused_window_alarm"),
        ([edge(T - 3, closed=True)], opened(), "refused_window_pressed"),
    ],
)
def test_a_window_that_may_not_be_is_counted_and_the_press_stays_an_alarm(
    before: list[Fact], window: Fact, counter: str
) -> None:
    after, _ = feed(gate(), [*before, window])
    assert after.health.counters[counter] == 1


def test_no_window_opens_by_a_clock_that_is_not_set() -> None:
    begun = state.begin(Boot(BOOT, 7, "k1"), Rules(), 0)
    begun, _ = feed(begun, [ClockRead(0, WALL_MS, None), LevelRead(Contact.KEY, False, 0), LinkUp(0, True, 2)])
    after, _ = feed(begun, [opened()])
    assert after.health.counters["refused_window_clock_unset"] == 1


def drill(begun: State) -> tuple[State, list[Command]]:
    facts = [opened(Kind.DRILL), edge(T + 500, closed=True), edge(T + 700, closed=False), Ticked(T + 800)]
    return feed(begun, facts)


def test_a_drill_sounds_the_siren_for_a_while_and_its_mark_says_drill() -> None:
    middle, out = drill(gate(Fitted(siren=True)))
    assert mark_of(out).origin is Origin.DRILL
    assert [type(one) for one in out if isinstance(one, SoundSiren | StopSiren)] == [SoundSiren]
    _, out = feed(replace(middle, links=gate().links), [Ticked(T + 500 + 10_000)])
    assert [type(one) for one in out if isinstance(one, SoundSiren | StopSiren)] == [StopSiren]


def test_a_drill_that_ends_leaves_the_siren_of_a_real_alarm_on() -> None:
    begun = gate(Fitted(siren=True))
    begun = replace(begun, alarm=replace(begun.alarm, rules=replace(begun.alarm.rules, audible=True)))
    middle, _ = drill(begun)
    middle, out = feed(middle, [edge(T + 2_000, closed=True), edge(T + 2_200, closed=False), Ticked(T + 2_300)])
    assert middle.alarm.siren_on
    _, out = feed(replace(middle, links=gate().links), [Ticked(T + 500 + 10_000)])
    assert [one for one in out if isinstance(one, StopSiren)] == []


def test_a_drill_is_timed_to_the_arrival_and_a_quiet_test_never_sounds() -> None:
    middle, out = drill(gate(Fitted(siren=True, siren_sense=True)))
    middle, _ = feed(middle, travels(mark_of(out).id, T + 900))
    _, out = feed(middle, [ArrivedAsked("guard", T + 5_500)])
    event = report_in(out)
    assert (event.origin, event.body["arrived_after_ms"]) == (Origin.DRILL, 5_000)
    _, out = feed(gate(Fitted(siren=True, siren_sense=True)), [ask(), *closes()])
    assert [one for one in out if isinstance(one, SoundSiren)] == []
    assert [one.for_ms for one in out if isinstance(one, PulseSiren)] == [20]


# --- the schedule, and mistakes of ours ------------------------------------------------------------------------------

PLAN = ScheduleRules(Timetable(zone("Asia/Shanghai")))


def test_some_minutes_after_the_link_a_path_test_begins_and_the_diary_is_kept() -> None:
    machine = gate(plan=PLAN)
    began: list[Command] = []
    for second in range(1, 90):
        for fact in (ClockRead(second * 1_000, WALL_MS + second * 1_000, 2), Acked(0, None, 0, second * 1_000)):
            machine, out = think(machine, fact)
            began += out
        if machine.test.run is not None:
            break
    assert [type(one) for one in began if isinstance(one, CloseContact)] == [CloseContact]
    assert machine.test.run is not None
    assert machine.test.run.asked.kind is Kind.PATH
    kept = [one.diary for one in began if isinstance(one, KeepDiary)]
    assert kept[-1].begun is not None


def test_a_test_that_ended_is_in_the_diary_that_a_restart_finds_again() -> None:
    _, out = whole(gate(plan=PLAN))
    diary = [one.diary for one in out if isinstance(one, KeepDiary)][-1]
    assert [(one.kind, one.result, one.asked, one.clock_right) for one in diary.tests] == [
        (Kind.FULL, Result.PASS, True, True)
    ]
    begun = state.begin(Boot("cd" * 8, 8, "k1"), Rules(schedule=PLAN), 0)
    begun, _ = feed(begun, [*START, StoreOpened(None, Backlog(), None, False, 5, None, diary)])
    assert begun.schedule is not None
    assert begun.schedule.diary is not None
    assert begun.schedule.diary.tests == diary.tests


def test_a_mistake_in_planning_is_counted_and_the_button_works_on() -> None:
    machine = gate(plan=PLAN)
    assert machine.schedule is not None
    broken = replace(machine, schedule=replace(machine.schedule, diary=Diary(tests=(None,))))  # type: ignore[arg-type]
    after, _ = feed(broken, [ClockRead(T, WALL_MS + T, 2), edge(T + 10, closed=True), Ticked(T + 40)])
    assert after.health.counters["schedule_AttributeError"] >= 1
    assert len(after.alarm.ids) == 1


def test_a_mistake_in_judging_ends_the_test_and_no_more() -> None:
    middle, out = feed(gate(), [ask(), *closes()])
    assert middle.test.run is not None
    spoiled = replace(middle.test.run, seen=replace(middle.test.run.seen, acked_ms=()))
    middle = replace(middle, test=replace(middle.test, run=spoiled))
    after, _ = feed(middle, travels(mark_of(out).id))
    assert after.test.run is None
    assert after.health.counters["selftest_ValueError"] == 1
    after, _ = feed(after, [edge(T + 2_000, closed=True), Ticked(T + 2_030)])
    assert len(after.alarm.ids) == 1
    assert selftest_news.is_busy(after) is False
    assert schedule_news.moment(after).busy is True


def test_a_test_right_after_another_waits_until_the_contact_port_has_come_to_rest() -> None:
    """Its closure would pass for the bounce of the last one, and the test would fail."""
    middle, out = feed(gate(), [ask(Kind.PATH), *closes()[:2], Ticked(T + 15)])
    middle, _ = feed(middle, travels(mark_of(out).id, T + 16, seen=False))
    assert middle.test.run is not None
    middle, _ = feed(middle, [*closes()[2:], Ticked(T + 34)])
    assert middle.test.run is None
    assert "has just ended" in selftest_news.hindrance(middle)
    middle, _ = feed(middle, [Ticked(T + 200)])
    assert selftest_news.hindrance(middle) == ""

"""Whose finger closed the contact, where a test's relay and a person look alike."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge import claim, contact, core, state
from edge.chain import Kind, WindowOpened
from edge.claim import HELD_MS, SHORTEST_PRESS_MS, SPIKE_MS, hold_ms, settle_ms
from edge.events import (
    Boot,
    Command,
    Contact,
    Fact,
    LevelRead,
    LinkUp,
    Origin,
    Record,
    Store,
    Ticked,
    Topic,
)
from edge.evidence import Fitted
from edge.proving import SelfTestAsked, StimulusBegan, StimulusEnded, StimulusFailed, StimulusLooked
from edge.selftest import SelfTestRules
from edge.state import Rules, State
from tests.unit.machines import BOOT, edge, think
from tests.unit.test_core import OPENED, START

T = 5_000
HOLD, SETTLE = hold_ms(10), settle_ms(10)


def gate(*, loopback: bool = True, confirm_ms: int = 10) -> State:
    """A quiet gate with its broker, whose button was read open."""
    tests = SelfTestRules(Fitted(loopback=loopback), confirm_ms)
    rules = Rules(contact=contact.ContactRules(confirm_ms=confirm_ms), selftest=tests)
    begun = state.begin(Boot(BOOT, 7, "k1"), rules, 0)
    return feed(begun, [*START, *OPENED, LevelRead(Contact.KEY, False, 0), Ticked(1), LinkUp(0, True, 2)])[0]


def feed(machine: State, facts: Iterable[Fact]) -> tuple[State, list[Command]]:
    """As the brain's own loop would: time passes whenever something is due."""
    out: list[Command] = []
    for fact in facts:
        while core.wake_at(machine) < fact.at_ms:
            machine, said = think(machine, Ticked(max(core.wake_at(machine), machine.now_ms)))
            out += said
        machine, said = think(machine, fact)
        out += said
    return machine, out


def marks_and_alarms(out: Iterable[Command]) -> tuple[list[Record], list[Record]]:
    records = [one.record for one in out if isinstance(one, Store)]
    marks = [one for one in records if one.topic is Topic.SELF_TEST and "report" not in one.body]
    return marks, [one for one in records if one.topic is Topic.ALARM]


def asked(kind: Kind = Kind.FULL) -> Fact:
    return SelfTestAsked(kind, "technician", "", "t", T)


def relay(began_ms: int = T + 2, *, opens_after: int = 4) -> list[Fact]:
    """A relay that works: what its hand and the contact tell."""
    ended = began_ms + HOLD
    return [
        StimulusBegan(began_ms), edge(began_ms + 5, closed=True), StimulusLooked(True, began_ms + HOLD // 2),
        StimulusEnded(ended), edge(ended + opens_after, closed=False), *looks(False, ended),
    ]  # fmt: skip


def looks(closed: bool, ended_ms: int, settle: int = SETTLE) -> list[Fact]:
    """The two looks of the relay's hand once it must have let go."""
    return [StimulusLooked(closed, ended_ms + after) for after in (settle, settle + SPIKE_MS)]


def in_order(*facts: Fact) -> list[Fact]:
    return sorted(facts, key=lambda fact: fact.at_ms)


def test_the_relays_own_closure_is_a_test_and_no_alarm() -> None:
    after, out = feed(gate(), [asked(), *relay(), Ticked(T + 500)])
    marks, alarms = marks_and_alarms(out)
    assert [one.origin for one in marks] == [Origin.SELF_TEST]
    assert alarms == []
    assert after.test.claim is None


def test_a_press_that_began_before_the_relay_moved_is_an_alarm() -> None:
    facts = in_order(edge(T + 1, closed=True), StimulusBegan(T + 2), StimulusEnded(T + 2 + HOLD),
                     *looks(True, T + 2 + HOLD), edge(T + 200, closed=False))  # fmt: skip
    marks, alarms = marks_and_alarms(feed(gate(), [asked(), *facts])[1])
    assert marks == []
    assert [one.at_ms for one in alarms] == [T + 1]


def test_a_contact_that_is_closed_when_the_relay_must_have_let_go_is_an_alarm_of_that_moment() -> None:
    ended = T + 2 + HOLD
    facts = [StimulusBegan(T + 2), edge(T + 7, closed=True), StimulusEnded(ended), *looks(True, ended)]
    marks, alarms = marks_and_alarms(feed(gate(), [asked(), *facts])[1])
    assert len(marks) == 1
    assert [one.at_ms for one in alarms] == [ended]


def test_a_finger_that_comes_down_while_the_relay_lets_go_is_an_alarm_of_its_own_edge() -> None:
    """The contact machine takes it for chatter: it has not been open for ``release_ms``."""
    for after_ms in (SETTLE - 1, SETTLE, SETTLE + 1, 40):
        came = T + 2 + HOLD + after_ms
        facts = in_order(*relay(), edge(came, closed=True), edge(came + 60, closed=False))
        _, alarms = marks_and_alarms(feed(gate(), [asked(), *facts, Ticked(T + 900)])[1])
        assert [one.at_ms for one in alarms] == [came], after_ms


def test_the_bounce_of_a_relay_that_lets_go_is_no_alarm() -> None:
    ended = T + 2 + HOLD
    bounce = [edge(ended + 5, closed=True), edge(ended + 7, closed=False), edge(ended + 9, closed=True),
              edge(ended + 11, closed=False)]  # fmt: skip
    _, alarms = marks_and_alarms(feed(gate(), [asked(), *in_order(*relay(), *bounce), Ticked(T + 900)])[1])
    assert alarms == []


def test_a_disturbance_at_the_moment_of_a_look_is_no_alarm() -> None:
    ended = T + 2 + HOLD
    spike = [edge(ended + SETTLE - 2, closed=True), StimulusLooked(True, ended + SETTLE),
             edge(ended + SETTLE + 3, closed=False), StimulusLooked(False, ended + SETTLE + SPIKE_MS)]  # fmt: skip
    _, alarms = marks_and_alarms(feed(gate(), [asked(), *relay()[:5], *spike, Ticked(T + 900)])[1])
    assert alarms == []


def test_a_second_closure_is_an_alarm_at_once() -> None:
    came = T + 300
    facts = [*relay(), edge(came, closed=True)]
    after, out = feed(gate(), [asked(), *facts, Ticked(came + 10)])
    assert [one.at_ms for one in marks_and_alarms(out)[1]] == [came]
    assert after.now_ms == came + 10


def test_a_relay_whose_hand_died_hides_nobody_who_holds_the_button() -> None:
    facts = [StimulusBegan(T + 2), edge(T + 7, closed=True), Ticked(T + 7 + HELD_MS)]
    assert [one.at_ms for one in marks_and_alarms(feed(gate(), [asked(), *facts])[1])[1]] == [T + 7]


def test_a_press_is_an_alarm_while_the_relays_hand_has_not_said_that_it_moves() -> None:
    _, out = feed(gate(), [asked(), edge(T + 5, closed=True), Ticked(T + 40)])
    assert [one.at_ms for one in marks_and_alarms(out)[1]] == [T + 5]


def test_a_button_that_is_down_already_fails_no_test_and_is_an_alarm() -> None:
    facts = [edge(T + 1, closed=True), StimulusFailed("the button was pressed already", T + 3), Ticked(T + 900)]
    after, out = feed(gate(), [asked(), *facts])
    assert len(marks_and_alarms(out)[1]) == 1
    assert after.test.run is None
    assert after.test.last is not None
    assert (after.test.last.result.value, after.test.last.alarms) == ("PARTIAL", 1)


def test_a_relay_that_is_dead_hides_nobody_who_presses_in_its_time() -> None:
    """Its closure never came; the finger's would be taken for it."""
    for came in range(T, T + 2 + HOLD + SETTLE + 40):
        ended = T + 2 + HOLD
        level = [came <= ended + after < came + SHORTEST_PRESS_MS for after in (SETTLE, SETTLE + SPIKE_MS)]
        looks_at = [
            StimulusLooked(now, ended + after) for now, after in zip(level, (SETTLE, SETTLE + SPIKE_MS), strict=True)
        ]
        hand = [StimulusBegan(T + 2), StimulusEnded(ended), *looks_at]
        finger = [edge(came, closed=True), edge(came + SHORTEST_PRESS_MS, closed=False)]
        _, alarms = marks_and_alarms(feed(gate(), [asked(), *in_order(*hand, *finger), Ticked(T + 900)])[1])
        assert len(alarms) == 1, came - T


def test_words_at_the_contact_port_never_touch_a_finger_on_the_key() -> None:
    """Without a loopback nothing is shared: the two closures are two lines of the contact machine."""
    for came in range(T, T + 80, 7):
        port = [
            edge(T + 3, closed=True, origin=Origin.SELF_TEST),
            edge(T + 3 + HOLD, closed=False, origin=Origin.SELF_TEST),
        ]
        facts = in_order(*port, edge(came, closed=True), edge(came + 60, closed=False))
        marks, alarms = marks_and_alarms(feed(gate(loopback=False), [asked(), *facts, Ticked(T + 900)])[1])
        assert [one.at_ms for one in alarms] == [came]
        assert [one.at_ms for one in marks] == [T + 3]


def opened(for_ms: int = 600_000, kind: Kind = Kind.HUMAN) -> Fact:
    return WindowOpened("ab" * 8, kind, "officer", for_ms, 2_000_000, T)


def test_one_quiet_press_in_a_window_is_a_test_and_the_next_an_alarm() -> None:
    first = [edge(T + 500, closed=True), edge(T + 700, closed=False)]
    second = [edge(T + 1_000, closed=True), edge(T + 1_100, closed=False)]
    marks, alarms = marks_and_alarms(feed(gate(), [opened(), *first, *second, Ticked(T + 2_000)])[1])
    assert [one.at_ms for one in marks] == [T + 500]
    assert [one.at_ms for one in alarms] == [T + 1_000]


def test_a_press_in_a_window_that_is_held_is_an_alarm_dated_at_its_beginning() -> None:
    facts = [opened(), edge(T + 500, closed=True), Ticked(T + 500 + HELD_MS)]
    marks, alarms = marks_and_alarms(feed(gate(), facts)[1])
    assert (len(marks), [one.at_ms for one in alarms]) == (1, [T + 500])


def test_a_press_before_or_after_a_window_is_an_alarm() -> None:
    early = [edge(T - 5, closed=True), opened(), edge(T + 100, closed=False), Ticked(T + 500)]
    late = [opened(1_000), Ticked(T + 1_001), edge(T + 1_002, closed=True), Ticked(T + 1_100)]
    for facts in (early, late):
        marks, alarms = marks_and_alarms(feed(gate(), facts)[1])
        assert (len(marks), len(alarms)) == (0, 1)


@given(st.integers(0, 40), st.integers(-150, 150), st.integers(SHORTEST_PRESS_MS, 400), st.integers(0, 10))
def test_no_press_of_50_ms_can_hide_beside_a_relay(confirm_ms: int, after_ms: int, length_ms: int, lag_ms: int) -> None:
    """Finger and relay are one wire: the level that the contact shows is that of either."""
    hold, settle = hold_ms(confirm_ms), settle_ms(confirm_ms)
    if settle < 10:
        return  # settings refuse a loopback then
    begun, _ = feed(gate(confirm_ms=confirm_ms), [asked()])
    began = T + 2
    ended = began + hold
    finger, closes, opens = (
        range(began + after_ms, began + after_ms + length_ms),
        began + min(lag_ms, 8),
        ended + lag_ms,
    )
    facts: list[Fact] = [StimulusBegan(began), StimulusEnded(ended)]
    level = False
    for at_ms in range(began - 160, began + 700):
        now = at_ms in finger or (closes <= at_ms < opens)
        if now != level:
            facts.append(edge(at_ms, closed=now))
            level = now
        if at_ms in (ended + settle, ended + settle + SPIKE_MS):
            facts.append(StimulusLooked(now, at_ms))
    told = [one for one in in_order(*facts) if one.at_ms >= T]
    before = [one for one in in_order(*facts) if one.at_ms < T]
    if before:
        begun = feed(gate(confirm_ms=confirm_ms), [*before, asked()])[0]
        if begun.test.run is None:
            return  # the button was down: no test has begun
    _, out = feed(begun, [*told, Ticked(began + 3_000)])
    _, start = feed(gate(confirm_ms=confirm_ms), before)
    assert len(marks_and_alarms([*start, *out])[1]) == 1


def test_contacts_of_a_test_are_not_seen_as_stuck() -> None:
    machine = contact.Contacts()
    machine, _ = contact.step(machine, edge(0, closed=True, origin=Origin.SELF_TEST))
    machine, found = contact.step(machine, Ticked(100_000))
    assert [type(one) for one in found] == [contact.Closure]


# --- the claim alone: what a second guard elsewhere would hide ------------------------------------------------------


def test_a_claim_takes_one_closure_and_no_other() -> None:
    for held in (claim.of_window(1_000, 5_000), replace(claim.of_relay(10, 1_000), began_ms=1_000)):
        assert claim.takes(held, 1_020)
        assert not claim.takes(claim.taken(held, 1_020), 1_021)


def test_a_window_takes_no_closure_before_it_opens_nor_from_its_end_on() -> None:
    window = claim.of_window(1_000, 5_000)
    assert [claim.takes(window, at_ms) for at_ms in (999, 1_000, 5_999, 6_000)] == [False, True, True, False]


def relays(*, began_ms: int | None = T, ended_ms: int | None = None, taken_ms: int | None = None) -> claim.Claim:
    """A relay's claim, commanded at T with ``confirm_ms`` 10: it holds for 25 ms and has let go 13 ms after."""
    return replace(claim.of_relay(10, T), began_ms=began_ms, ended_ms=ended_ms, taken_ms=taken_ms)


def test_a_relay_holds_as_long_as_it_must_and_lets_go_before_the_shortest_press_would_end() -> None:
    assert [claim.hold_ms(confirm_ms) for confirm_ms in (0, 10, 11, 20)] == [25, 25, 26, 35]
    assert [claim.settle_ms(confirm_ms) for confirm_ms in (10, 11, 20)] == [13, 12, 3]


def test_a_relays_closure_begins_while_it_holds_and_within_250_ms() -> None:
    assert [claim.takes(relays(), T + after) for after in (-1, 0, 250, 251)] == [False, True, True, False]
    let_go = relays(ended_ms=T + 25)
    assert [claim.takes(let_go, T + after) for after in (25, 26)] == [True, False]
    assert not claim.takes(replace(relays(), held=True), T + 5)
    assert not claim.takes(relays(began_ms=None), T + 5)


def test_a_relays_claim_ends_51_ms_after_it_let_go_once_the_contact_rests() -> None:
    let_go = relays(ended_ms=T + 25)
    for at_rest, after, over in ((True, 75, False), (True, 76, True), (False, 900, False)):
        assert claim.is_over(let_go, at_rest=at_rest, now_ms=T + after) is over
    assert claim.wake_at(let_go) == T + 25 + 51


def test_a_relay_that_never_said_it_let_go_claims_for_15_s() -> None:
    for after, over in ((14_999, False), (15_000, True)):
        assert claim.is_over(relays(), at_rest=False, now_ms=T + after) is over
    assert claim.wake_at(relays()) == T + 15_000


def test_a_windows_claim_ends_with_its_press_or_its_time_once_the_contact_rests() -> None:
    window = claim.of_window(T, 1_000)
    for taken_ms, at_rest, after, over in (
        (None, True, 999, False), (None, True, 1_000, True), (None, False, 9_000, False), (T + 5, True, 6, True),
        (T + 5, False, 9_000, False),
    ):  # fmt: skip
        held = replace(window, taken_ms=taken_ms)
        assert claim.is_over(held, at_rest=at_rest, now_ms=T + after) is over
    assert claim.wake_at(window) == T + 1_000


def test_time_is_asked_for_when_a_taken_press_would_be_a_persons() -> None:
    taken = relays(ended_ms=T + 25, taken_ms=T + 5)
    assert claim.wake_at(taken) == T + 5 + 2_000
    assert claim.wake_at(replace(taken, sure_ms=T + 60)) == T + 60
    assert claim.wake_at(replace(taken, person=True)) is None


def stepped(
    held: claim.Claim, *facts: Fact, down: bool = True, late_ms: int = 0
) -> tuple[claim.Claim, list[int | None]]:
    told = []
    for fact in facts:
        held, at_ms = claim.step(held, fact, fact.at_ms + late_ms, down=down, confirm_ms=10)
        told.append(at_ms)
    return held, told


def test_a_press_that_is_held_for_2_s_is_told_once_and_dated_at_its_beginning() -> None:
    held, told = stepped(relays(taken_ms=T + 5), Ticked(T + 2_004), Ticked(T + 2_005), Ticked(T + 2_006))
    assert told == [None, T + 5, None]
    assert held.person
    assert stepped(relays(taken_ms=T + 5), Ticked(T + 9_000), down=False)[1] == [None]


def test_two_looks_6_ms_apart_find_a_finger_and_closer_ones_a_disturbance() -> None:
    ended = relays(ended_ms=T + 25, taken_ms=T + 5)
    assert stepped(ended, StimulusLooked(True, T + 38), StimulusLooked(True, T + 44))[1] == [None, T + 25]
    assert stepped(ended, StimulusLooked(True, T + 38), StimulusLooked(True, T + 43))[1] == [None, None]
    early = stepped(ended, StimulusLooked(True, T + 37), StimulusLooked(True, T + 43))
    assert early == (replace(ended, looked_ms=T + 43), [None, None]), "the relay may still hold it at 37"
    again = stepped(ended, StimulusLooked(True, T + 38), StimulusLooked(False, T + 40), StimulusLooked(True, T + 46))
    assert again == (replace(ended, looked_ms=T + 46), [None, None, None])
    unended = relays(taken_ms=T + 5)
    assert stepped(unended, StimulusLooked(True, T + 38), StimulusLooked(True, T + 44))[0] == unended


def test_a_finger_found_by_the_looks_is_dated_by_its_edge_where_there_was_one() -> None:
    ended = relays(ended_ms=T + 25, taken_ms=T + 5)
    facts = edge(T + 30, closed=True), StimulusLooked(True, T + 38), StimulusLooked(True, T + 44)
    held, told = stepped(ended, *facts)
    assert told == [None, None, T + 30]
    assert held.again_ms == T + 30


def test_a_closure_after_the_relay_let_go_is_sure_as_late_as_any_press_and_keeps_its_first_edge() -> None:
    ended = relays(ended_ms=T + 25, taken_ms=T + 5)
    for came, sure in ((30, 48), (38, 48), (39, 49)):
        held, told = stepped(ended, edge(T + came, closed=True), edge(T + came + 1, closed=True))
        assert (held.again_ms, held.sure_ms, told) == (T + came, T + sure, [None, None])
        assert stepped(held, Ticked(T + sure - 1), Ticked(T + sure))[1] == [None, T + came]


def test_a_closure_that_opens_again_before_it_is_sure_was_bounce() -> None:
    ended = relays(ended_ms=T + 25, taken_ms=T + 5)
    bounced, _ = stepped(ended, edge(T + 30, closed=True), edge(T + 33, closed=False))
    assert bounced == ended
    up, _ = stepped(ended, edge(T + 30, closed=True), down=False)
    assert up == ended
    sure, told = stepped(ended, edge(T + 30, closed=True), edge(T + 48, closed=False))
    assert (sure.again_ms, told) == (T + 30, [None, T + 30]), "it was sure by then"
    before = relays(taken_ms=T + 5)
    assert stepped(before, edge(T + 10, closed=True))[0] == before, "the relay still holds it"


def test_nothing_of_a_relays_hand_moves_the_claim_of_a_window() -> None:
    window = replace(claim.of_window(T, 1_000), taken_ms=T + 5)
    facts = StimulusBegan(T + 9), StimulusEnded(T + 10), StimulusLooked(True, T + 60), edge(T + 70, closed=True)
    assert stepped(window, *facts) == (window, [None] * 4)


def test_a_brain_that_comes_late_finds_the_finger_that_a_test_hid_all_the_same() -> None:
    """Time is told when it is told: not only in the very millisecond in which the closure is sure."""
    hidden = replace(
        claim.of_relay(10, T), began_ms=T, taken_ms=T + 2, ended_ms=T + 30, again_ms=T + 45, sure_ms=T + 55
    )
    for late_ms in (0, 1, 40):
        now_ms = T + 55 + late_ms
        found = claim.step(hidden, Ticked(now_ms), now_ms, down=True, confirm_ms=10)
        assert found == (replace(hidden, person=True), T + 45)
    assert claim.step(hidden, Ticked(T + 54), T + 54, down=True, confirm_ms=10) == (hidden, None)

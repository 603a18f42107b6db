"""Incidents at the centre: what presses, the gate's end and the officer's acts make of one."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from centre.incidents import (
    Incident,
    act,
    changes,
    contradicts,
    incident_id,
    is_alarm,
    is_mark,
    take,
    to_repeat,
)
from centre.views import incident_line
from edge.errors import RefusedError
from edge.events import Origin, Stage, Topic
from edge.wire import Event
from tests.unit.centre_events import ADDRESS, event, press, reset, self_test


def after(*events: Event) -> Incident:
    incident = reduce(lambda known, one: take(known, ADDRESS, one, 5), events, None)
    assert incident is not None
    return incident


def test_presses_of_one_incident_are_counted():
    assert after(press(1), press(2, 1), press(3, 1)).presses == 3


@given(st.permutations([press(1), press(2, 1), press(3, 1), reset(4, 1)]))
def test_the_order_of_arrival_changes_nothing(events):
    """Replays overtake one another; the incident is the same in the end."""
    assert after(*events) == after(press(1), press(2, 1), press(3, 1), reset(4, 1))


def test_a_reset_at_the_gate_does_not_take_the_incident_from_the_officer():
    """Somebody may have forced the guard's hand."""
    incident = after(press(1), reset(2, 1))
    assert incident.ended
    assert not incident.done


def test_closed_and_ended_is_done():
    assert act(after(press(1), reset(2, 1)), Stage.CLOSED, "Li", 9).done


def test_a_press_after_the_close_opens_the_incident_again():
    """Nobody has looked at that press; repeating the close would end it at the gate."""
    closed = act(after(press(1)), Stage.CLOSED, "Li", 9)
    again = take(closed, ADDRESS, press(2, 1), 10)
    assert again.stage is Stage.RECEIVED
    assert again.reopened == 1
    assert not to_repeat(again)


def test_a_late_press_of_a_done_incident_comes_back_to_the_officer():
    done = act(after(press(1), reset(3, 1)), Stage.CLOSED, "Li", 9)
    assert not take(done, ADDRESS, press(2, 1), 10).done


@pytest.mark.parametrize(("now", "asked"), [(Stage.DISPATCHED, Stage.SEEN), (Stage.CLOSED, Stage.DISPATCHED)])
def test_an_act_never_goes_back(now, asked):
    with pytest.raises(RefusedError, match="by Li"):
        act(act(after(press(1)), now, "Li", 9), asked, "Wang", 10)


def test_the_same_act_again_names_the_second_officer():
    again = act(act(after(press(1)), Stage.SEEN, "Li", 9), Stage.SEEN, "Wang", 10)
    assert (again.stage, again.by) == (Stage.SEEN, "Wang")


def test_received_is_never_repeated_in_the_incident_s_name():
    """That would tell the gate that the first press came, which may still be on its way."""
    assert not to_repeat(after(press(2, 1)))


@pytest.mark.parametrize("stage", [Stage.SEEN, Stage.DISPATCHED, Stage.CLOSED])
def test_an_officer_s_word_is_repeated_until_the_gate_has_ended(stage):
    acted = act(after(press(1)), stage, "Li", 9)
    assert to_repeat(acted)
    assert not to_repeat(take(acted, ADDRESS, reset(2, 1), 10))


def test_a_test_makes_no_incident_and_a_person_s_press_always_does():
    assert not changes(self_test(1))
    assert changes(replace(press(1), incident=None))
    assert not changes(event(1))


PRESSES = [
    (Topic.ALARM, Origin.PERSON, True),
    (Topic.ALARM, Origin.SELF_TEST, True),
    (Topic.ALARM, Origin.DRILL, True),
    (Topic.SELF_TEST, Origin.PERSON, True),
    (Topic.LOG, Origin.SELF_TEST, True),
    (Topic.SELF_TEST, Origin.SELF_TEST, False),
    (Topic.SELF_TEST, Origin.DRILL, False),
]


@pytest.mark.parametrize(("topic", "origin", "alarm"), PRESSES)
def test_only_what_says_twice_that_it_is_a_test_is_one(topic, origin, alarm):
    """Where topic and origin contradict each other, the press is an alarm and opens an incident of its own."""
    for incident in (None, press(1).id):
        one = replace(press(7), topic=topic, origin=origin, incident=incident)
        assert (is_alarm(one), is_mark(one), changes(one)) == (alarm, not alarm, alarm)
        assert incident_id(one) == ((incident or one.id) if alarm else None)


def test_a_contradiction_is_told():
    assert [contradicts(press(7, topic=topic, origin=origin)) for topic, origin, _ in PRESSES] == [
        False, True, True, True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("whole", [{"topic": Topic.SELF_TEST}, {"origin": Origin.SELF_TEST}])
def test_no_test_ends_an_incident(whole):
    assert changes(reset(2, 1))
    assert not changes(replace(reset(2, 1), **whole))


def test_an_alarm_that_claims_to_be_a_test_is_shown_with_its_claim_until_a_person_presses():
    drill = press(1, origin=Origin.DRILL)
    assert incident_line(after(drill))["contradicts"]
    assert not incident_line(after(drill, press(2, 1)))["contradicts"]
    assert not incident_line(after(press(2, 1), drill))["contradicts"]

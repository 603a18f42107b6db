"""The dead man's switch: a gate that does not test itself is raised, whatever it says or does not say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centre.deadman import AHEAD_MS_MAX, GAP_MS_MAX, HOUR_MS, LATE_MS, Duty, after_test, announced

NOW = 1_700_000_000_000
DUE = NOW + 20 * HOUR_MS
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def duty() -> Duty:
    return announced(Duty(), DUE, NOW)


def test_six_hours_after_the_announced_time_a_gate_is_raised(duty):
    assert not duty.overdue(DUE + LATE_MS - 1)
    assert duty.overdue(DUE + LATE_MS)


def test_a_test_ends_it(duty):
    assert not after_test(duty, DUE + 1).overdue(DUE + LATE_MS)


def test_a_test_before_the_announced_time_does_not_count_for_it(duty):
    """A replayed report of last week must not silence the switch."""
    assert after_test(duty, DUE - 1).overdue(DUE + LATE_MS)


def test_a_gate_that_announces_nothing_takes_nothing_back(duty):
    assert announced(duty, None, NOW + 1) == duty


def test_a_gate_may_plan_anew_until_the_test_is_due(duty):
    """A holiday was entered, a person's test came first."""
    assert announced(duty, DUE + DAY_MS, DUE - 1).due_wall_ms == DUE + DAY_MS
    assert announced(duty, DUE - HOUR_MS, NOW + 1).due_wall_ms == DUE - HOUR_MS


def test_a_test_that_is_due_can_not_be_put_off(duty):
    assert announced(duty, DUE + DAY_MS, DUE).due_wall_ms == DUE


def test_after_a_test_the_next_announcement_is_believed(duty):
    assert announced(after_test(duty, DUE + 1), DUE + 3 * DAY_MS, DUE + 2).due_wall_ms == DUE + 3 * DAY_MS


def test_a_gate_that_dies_right_after_a_test_is_raised_when_the_longest_gap_is_over(duty):
    done = after_test(duty, DUE + 1)
    assert not done.overdue(DUE + GAP_MS_MAX + LATE_MS)
    assert done.overdue(DUE + 1 + GAP_MS_MAX + LATE_MS)


def test_a_gate_that_never_announced_anything_is_not_overdue():
    assert not after_test(Duty(), NOW).overdue(NOW + 10**12)


@pytest.mark.parametrize("due", [NOW + AHEAD_MS_MAX + 1, NOW - AHEAD_MS_MAX - 1, 0, 2**62])
def test_a_wrong_clock_is_not_believed_and_is_told(duty, due):
    odd = announced(duty, due, NOW)
    assert (odd.due_wall_ms, odd.unbelieved_wall_ms, odd.unbelieved_since_wall_ms) == (DUE, due, NOW)
    assert announced(odd, due + 1, NOW + 5).unbelieved_since_wall_ms == NOW
    assert announced(odd, DUE, NOW + 9).unbelieved_wall_ms is None


def test_a_gate_that_was_off_for_weeks_and_knows_it_owes_a_test_has_no_wrong_clock(duty):
    back = announced(duty, DUE - HOUR_MS, NOW + 60 * DAY_MS)
    assert (back.unbelieved_wall_ms, back.due_wall_ms) == (None, DUE)


@given(st.lists(st.tuples(st.integers(1, 7 * DAY_MS), st.integers(0, AHEAD_MS_MAX)), min_size=20, max_size=60))
def test_no_gate_can_put_its_test_off_for_ever(steps):
    """Whatever it announces and when: without a test it is raised 8 days and 6 h after its first word."""
    duty, now = announced(Duty(), NOW + DAY_MS, NOW), NOW
    for pause, ahead in steps:
        now += pause
        duty = announced(duty, now + ahead, now)
    assert duty.overdue(max(now, NOW + AHEAD_MS_MAX + LATE_MS))


def test_postponing_again_and_again_before_it_is_due_ends_after_eight_days():
    duty, now = announced(Duty(), NOW + DAY_MS, NOW), NOW
    while now < NOW + AHEAD_MS_MAX + LATE_MS:
        assert not duty.overdue(now)
        now += HOUR_MS
        duty = announced(duty, now + DAY_MS, now)
    assert duty.overdue(now)

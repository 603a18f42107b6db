"""A test window at the centre: what the gate says to it, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centre import windows
from centre.windows import EXPIRES_MS, MINUTE_MS, Window
from edge import wire
from edge.chain import Kind
from edge.errors import RefusedError
from edge.events import Code, Qualifier
from tests.unit.centre_events import ADDRESS, restart, window_word

NONCE = "00000000000000ff"
AT = 1_700_000_000_000


def window(minutes: int = 10) -> Window:
    return windows.opened(ADDRESS, NONCE, Kind.HUMAN, "Li", minutes, AT)


def after(*events: wire.Event, at: int = AT + 1000) -> Window:
    known = window()
    for one in events:
        known = windows.told(known, one, at)
    return known


@pytest.mark.parametrize("minutes", [0, -1, 31])
def test_a_window_of_no_time_or_too_long_is_refused(minutes):
    with pytest.raises(RefusedError, match="1 to 30"):
        window(minutes)


def test_a_window_is_open_only_by_the_gate_s_word():
    assert window().state(AT) == "asked"
    assert after(window_word(1, NONCE)).state(AT + 2000) == "open"


def test_a_gate_that_does_not_answer_in_a_minute_has_opened_nothing():
    assert window().state(AT + EXPIRES_MS - 1) == "asked"
    assert window().state(AT + EXPIRES_MS) == "unconfirmed"


@given(st.permutations([window_word(1, NONCE), window_word(2, NONCE, ended=True), window_word(1, NONCE)]))
def test_the_gate_s_two_words_may_come_in_any_order(events):
    assert after(*events).state(AT + 2000) == "ended"


def test_a_window_ends_by_itself_and_says_when_the_gate_has_not_said_so():
    known = after(window_word(1, NONCE))
    assert known.open(known.ends_wall_ms - 1)
    assert not known.open(known.ends_wall_ms)
    assert known.state(known.ends_wall_ms) == "over"
    assert not known.settled(known.ends_wall_ms)
    assert known.settled(known.ends_wall_ms + EXPIRES_MS)


def test_a_close_is_asked_until_the_gate_says_that_it_ended():
    known = windows.closed(after(window_word(1, NONCE)), "Wang", AT + 5000)
    assert (known.state(AT + 6000), known.open(AT + 6000)) == ("closing", False)
    with pytest.raises(RefusedError, match="not open"):
        windows.closed(known, "Wang", AT + 6000)
    ended = windows.told(known, window_word(2, NONCE, ended=True), AT + 7000)
    assert (ended.state(AT + 7000), ended.ended_why) == ("ended", "its time is over")


def test_no_window_outlives_a_restart_of_its_gate():
    known = after(window_word(1, NONCE))
    assert windows.restarted(known, restart(1, boot_counter=2), AT + 9000).state(AT + 9000) == "ended"


@pytest.mark.parametrize("late", [{"boot_counter": 0}, {"boot_counter": 1, "boot": "00000000000000aa"}])
def test_an_old_restart_that_comes_late_ends_nothing(late):
    known = after(window_word(1, NONCE))
    assert windows.restarted(known, restart(9, **late), AT + 9000) == known


def test_the_commands_can_be_read_by_a_gate_and_expire():
    """Opening must not come true later; closing is good for as long as the window could last."""
    known = window(30)
    opening = wire.decode_command(wire.encode(windows.opening(known)))
    assert (opening.command, opening.kind, opening.for_ms) == ("open_window", "human", 30 * MINUTE_MS)
    assert opening.expires_wall_ms == AT + EXPIRES_MS
    closing = wire.decode_command(wire.encode(windows.closing(windows.closed(known, "Wang", AT + 1))))
    assert (closing.command, closing.nonce, closing.by) == ("close_window", NONCE, "Wang")
    assert closing.expires_wall_ms >= known.ends_wall_ms


@pytest.mark.parametrize(
    "changes", [{"code": Code.MANUAL_TEST}, {"topic": wire.Topic.SELF_TEST}, {"body": {}}, {"body": {"nonce": 7}}]
)
def test_other_events_are_no_word_about_a_window(changes: dict[str, Any]):
    assert windows.is_word(window_word(1, NONCE))
    assert not windows.is_word(window_word(1, NONCE, **changes))


def test_a_status_word_about_a_window_changes_nothing():
    assert after(window_word(1, NONCE, qualifier=Qualifier.STATUS)) == window()

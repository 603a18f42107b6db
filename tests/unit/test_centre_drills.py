"""Drills: booked ahead, or not at all without a word of force."""

from __future__ import annotations

import pytest

from centre import drills
from centre.drills import AHEAD_MS_MAX, HOUR_MS, NOTICE_MS, Drill
from edge.errors import RefusedError
from tests.unit.centre_events import ADDRESS

NOW = 1_700_000_000_000


def book(ahead_ms: int, *, minutes: int = 10, force: bool = False) -> Drill:
    return drills.booked(ADDRESS, "ff", "Li", NOW + ahead_ms, minutes, NOW, force=force)


def test_a_day_ahead_is_enough():
    assert (book(NOTICE_MS).short_notice, book(NOTICE_MS).state) == (False, "booked")


def test_less_than_a_day_needs_force_and_says_so_for_ever():
    with pytest.raises(RefusedError, match="--force"):
        book(NOTICE_MS - 1)
    assert book(HOUR_MS, force=True).short_notice


@pytest.mark.parametrize(
    ("ahead_ms", "minutes"), [(-HOUR_MS, 10), (AHEAD_MS_MAX + 1, 10), (NOTICE_MS, 31), (NOTICE_MS, 0)]
)
def test_the_past_the_far_future_and_wrong_lengths_are_refused(ahead_ms, minutes):
    with pytest.raises(RefusedError):
        book(ahead_ms, minutes=minutes, force=True)


def test_a_drill_is_cancelled_once():
    off = drills.cancelled(book(NOTICE_MS), "Wang", NOW + 1)
    assert (off.state, off.settled) == ("cancelled", True)
    with pytest.raises(RefusedError, match="cancelled"):
        drills.cancelled(off, "Wang", NOW + 2)

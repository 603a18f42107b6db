"""Where wall times fall on a calendar, in zones whose days are not all 24 hours long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.local_time import DAY_MS, HOUR_MS, WALL_MS_MAX, day_of, local, monday_of, spoken, text_of, wall_of, zone
from tests.unit.past_tests import BERLIN, SHANGHAI, at

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu")


def test_a_week_begins_on_monday_at_midnight_where_the_gate_stands() -> None:
    sunday, monday = at("2026-11-29 23:59"), at("2026-11-30 00:00")
    assert text_of(monday_of(SHANGHAI, sunday)) == "2026-11-23"
    assert text_of(monday_of(SHANGHAI, monday)) == "2026-11-30"
    assert text_of(monday_of(BERLIN, monday)) == "2026-11-23", "it is still Sunday there"


def test_a_leap_day_is_a_day() -> None:
    assert day_of("2028-03-01") - day_of("2028-02-28") == 2
    assert local(SHANGHAI, at("2028-02-29 10:10")).minute == 610
    with pytest.raises(ValueError, match="day"):
        day_of("2027-02-29")


@pytest.mark.parametrize("text", ["", "2026-1-1", "20261001", "2026-W40-1", "2026-10-01T00:00", "2026-13-01"])
def test_a_date_is_written_in_one_way(text: str) -> None:
    with pytest.raises(ValueError):
        day_of(text)


def test_a_day_may_be_shorter_or_longer_than_24_hours() -> None:
    spring, autumn = day_of("2027-03-28"), day_of("2026-10-25")
    assert wall_of(BERLIN, spring + 1, 0) - wall_of(BERLIN, spring, 0) == 23 * HOUR_MS
    assert wall_of(BERLIN, autumn + 1, 0) - wall_of(BERLIN, autumn, 0) == 25 * HOUR_MS


def test_an_hour_that_is_skipped_or_comes_twice_still_has_one_time() -> None:
    assert spoken(BERLIN, wall_of(BERLIN, day_of("2027-03-28"), 150)) == "2027-03-28 03:30"
    assert wall_of(BERLIN, day_of("2026-10-25"), 150) == at("2026-10-25 00:30", zone("UTC"))


@given(st.sampled_from(ZONES), st.integers(day_of("1971-01-01"), day_of("2099-12-01")), st.integers(0, 1439))
def test_a_minute_of_a_day_is_found_again(name: str, day: int, minute: int) -> None:
    """Except where it does not exist: then it is the same minute by the clock before the change."""
    there = local(zone(name), wall_of(zone(name), day, minute))
    skipped = (there.day * 1440 + there.minute) - (day * 1440 + minute)
    assert 0 <= skipped <= 1440 if name == "Pacific/Apia" else skipped in (0, 30, 60)


@given(st.sampled_from(ZONES), st.integers(-(1 << 62), 1 << 62))
def test_no_clock_is_wrong_enough_to_stop_the_calendar(name: str, wall_ms: int) -> None:
    there = local(zone(name), wall_ms)
    assert day_of("1970-01-01") <= there.day <= day_of("2100-01-02")
    assert there.weekday == (there.day - 1) % 7
    if DAY_MS < wall_ms < WALL_MS_MAX:
        assert wall_of(zone(name), there.day, 0) <= wall_ms < wall_of(zone(name), there.day + 2, 0)


@pytest.mark.parametrize("name", ["", "Asia/Nowhere", "../etc/passwd", "/etc/localtime", "Asia", "x\0y"])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        zone(name)

"""When tests may be made and when they are planned."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge.local_time import DAY_MS, HOUR_MS, MINUTE_MS, day_of
from edge.selftest_rules import schedule_rules_of
from edge.selftest_settings import SelfTestSettings
from edge.timetable import Timetable, all_days, path_slot_after, permitted_from, slots, slots_after
from tests.unit.past_tests import BERLIN, MONDAY, SHANGHAI, TABLE, at, said


def test_two_days_that_are_too_far_apart_get_a_third_between_them() -> None:
    """From Friday to Tuesday it is 96 h, and 84 h is the limit."""
    assert [said(slot) for slot in slots(TABLE, MONDAY)] == [
        "Mon 2026-11-23 10:10",
        "Tue 2026-11-24 10:10",
        "Fri 2026-11-27 10:10",
    ]


@given(st.sets(st.integers(0, 6), min_size=2))
def test_whatever_the_days_no_planned_gap_is_longer_than_84_hours(days: set[int]) -> None:
    found = all_days(tuple(sorted(days)))
    assert set(found) >= days
    assert len(found) <= len(days) + 1
    for day, following in zip(found, (*found[1:], found[0] + 7), strict=True):
        assert (following - day) * 24 <= 84


def test_quiet_hours_end_where_they_say() -> None:
    for now, then in [
        ("06:59", "06:59"),
        ("07:00", "08:30"),
        ("08:29", "08:30"),
        ("08:30", "08:30"),
        ("13:59", "14:00"),
        ("16:00", "18:30"),
    ]:
        assert permitted_from(TABLE, at(f"2026-11-24 {now}")) == at(f"2026-11-24 {then}")


def test_a_day_without_school_has_no_quiet_hours_and_its_tests_all_the_same() -> None:
    table = replace(TABLE, holidays=frozenset({day_of("2026-11-24")}))
    assert permitted_from(table, at("2026-11-24 07:30")) == at("2026-11-24 07:30")
    assert permitted_from(table, at("2026-11-25 07:30")) == at("2026-11-25 08:30")
    assert slots(table, MONDAY) == slots(TABLE, MONDAY)


def test_quiet_hours_that_touch_or_cross_midnight_are_one() -> None:
    table = replace(TABLE, quiet=((0, 360), (420, 480), (480, 540), (1320, 1440)))
    assert permitted_from(table, at("2026-11-24 22:00")) == at("2026-11-25 06:00")
    assert permitted_from(table, at("2026-11-24 07:00")) == at("2026-11-24 09:00")


def test_quiet_hours_in_an_hour_that_comes_twice_still_end() -> None:
    table = Timetable(BERLIN, quiet=((120, 150),))
    twice = at("2026-10-25 02:10", BERLIN) + HOUR_MS
    assert twice < permitted_from(table, twice) <= twice + 20 * MINUTE_MS


@given(st.integers(at("2026-01-01 00:00"), at("2029-01-01 00:00")), st.sampled_from((SHANGHAI, BERLIN)))
def test_what_is_permitted_is_soon_and_stays_permitted(wall_ms: int, where: object) -> None:
    table = Timetable(where)  # type: ignore[arg-type]
    then = permitted_from(table, wall_ms)
    assert wall_ms <= then <= wall_ms + 4 * HOUR_MS
    assert permitted_from(table, then) == then


@given(st.integers(at("2026-01-01 00:00"), at("2029-01-01 00:00")), st.sampled_from((SHANGHAI, BERLIN)))
def test_planned_times_follow_one_another_for_ever(wall_ms: int, where: object) -> None:
    times = list(islice(slots_after(Timetable(where), wall_ms), 9))  # type: ignore[arg-type]
    assert times == sorted(set(times))
    assert times[0] > wall_ms
    assert times[0] - wall_ms <= 4 * DAY_MS


def test_the_daily_path_test_is_daily() -> None:
    table = replace(TABLE, spread_ms=7 * MINUTE_MS)
    first = path_slot_after(table, at("2026-11-24 05:36"))
    assert said(first) == "Tue 2026-11-24 05:37"
    assert said(path_slot_after(table, first)) == "Wed 2026-11-25 05:37"


def test_a_countys_gates_do_not_call_in_one_minute_and_each_keeps_its_own() -> None:
    settings = SelfTestSettings()
    gates = [schedule_rules_of(settings, f"county/school-{n}/main", frozenset()).table.spread_ms for n in range(300)]
    again = [schedule_rules_of(settings, f"county/school-{n}/main", frozenset()).table.spread_ms for n in range(300)]
    assert gates == again
    assert all(0 <= spread < 60 * MINUTE_MS for spread in gates)
    busiest = max(sum(spread // MINUTE_MS == minute for spread in gates) for minute in range(60))
    assert busiest <= 18, "five on the average"


def test_the_settings_become_the_timetable() -> None:
    settings = SelfTestSettings(
        days=("wednesday", "sunday"), time="09:00", spread_minutes=0, quiet_hours=("10:00-11:00",), human_test="weekly"
    )
    rules = schedule_rules_of(settings, "a/b/c", frozenset({1}))
    assert rules.table == Timetable(SHANGHAI, (2, 6), 540, 330, 0, ((600, 660),), frozenset({1}))
    assert (rules.enabled, rules.human_weekly) == (True, True)
    assert MINUTE_MS <= rules.settle_ms <= 5 * MINUTE_MS


@pytest.mark.parametrize("where", [SHANGHAI, BERLIN], ids=str)
def test_a_test_at_ten_past_ten_is_at_ten_past_ten_in_summer_too(where: object) -> None:
    for monday in range(day_of("2027-03-01"), day_of("2027-11-29"), 7):
        assert {said(slot, where)[-5:] for slot in slots(Timetable(where), monday)} == {"10:10"}  # type: ignore[arg-type]

"""When the next whole test is due, after all kinds of weeks."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edge.chain import Kind, Result
from edge.diary import Diary
from edge.planning import PARTIAL_AGAIN_MS, Why, path_pause_ms, plan
from edge.timetable import NEVER_MS
from tests.unit.past_tests import LAST_WEEK, MONDAY, TABLE, at, diary_of, past, said

FAIL, PARTIAL = Result.FAIL, Result.PARTIAL


def due(diary: Diary) -> tuple[str, Why]:
    planned = plan(TABLE, diary, NEVER_MS)
    assert planned is not None
    return said(planned.wall_ms), planned.why


def test_nothing_is_planned_before_the_clock_was_right_once() -> None:
    assert plan(TABLE, Diary(), NEVER_MS) is None


def test_a_new_gate_tests_itself_at_once_but_not_while_children_arrive() -> None:
    assert due(Diary(since_wall_ms=at("2026-11-24 09:00"))) == ("Tue 2026-11-24 09:00", Why.FIRST)
    assert due(Diary(since_wall_ms=at("2026-11-24 07:30"))) == ("Tue 2026-11-24 08:30", Why.FIRST)


def test_an_ordinary_week_is_monday_tuesday_friday() -> None:
    diary = diary_of(*LAST_WEEK)
    assert due(diary) == ("Mon 2026-11-23 10:10", Why.PLANNED)
    diary = diary_of(*LAST_WEEK, past("2026-11-23 10:10"))
    assert due(diary) == ("Tue 2026-11-24 10:10", Why.PLANNED)
    diary = diary_of(*LAST_WEEK, past("2026-11-23 10:10"), past("2026-11-24 10:11"))
    assert due(diary) == ("Fri 2026-11-27 10:10", Why.PLANNED)


def test_two_tests_are_24_hours_apart_even_if_the_first_was_late() -> None:
    assert due(diary_of(past("2026-11-23 18:45"))) == ("Tue 2026-11-24 18:45", Why.PLANNED)


def test_a_week_that_begins_late_makes_up_for_both_of_its_tests() -> None:
    """Off until Wednesday evening: Thursday evening follows, whatever Friday was planned for."""
    diary = diary_of(*LAST_WEEK, past("2026-11-25 19:00"))
    assert due(diary) == ("Thu 2026-11-26 19:00", Why.PLANNED)


def test_a_week_that_begins_on_saturday_still_gets_its_two() -> None:
    assert due(diary_of(past("2026-11-28 20:00"))) == ("Sun 2026-11-29 20:00", Why.PLANNED)


def test_a_week_that_begins_on_sunday_is_lost_and_the_next_begins_as_soon_as_it_may() -> None:
    assert due(diary_of(past("2026-11-29 20:00"))) == ("Mon 2026-11-30 20:00", Why.PLANNED)


def test_a_test_made_up_shortly_before_a_planned_one_serves_it() -> None:
    """Nothing is won by another on Saturday at three in the morning: Monday is within the 84 h."""
    diary = diary_of(past("2026-11-23 10:10"), past("2026-11-24 10:11"), past("2026-11-27 05:00"))
    assert due(diary) == ("Mon 2026-11-30 10:10", Why.PLANNED)


def test_it_does_not_serve_where_the_next_would_come_too_late_for_84_hours() -> None:
    diary = diary_of(past("2026-11-23 10:10"), past("2026-11-24 10:11"), past("2026-11-26 23:00"))
    assert due(diary) == ("Fri 2026-11-27 23:00", Why.PLANNED)


def test_a_failed_test_is_repeated_soon_and_then_less_and_less_often() -> None:
    done = [past("2026-11-23 10:10")]
    for wall, again in [
        ("2026-11-24 18:30", "Tue 2026-11-24 18:45"),
        ("2026-11-24 18:45", "Tue 2026-11-24 19:15"),
        ("2026-11-24 19:15", "Tue 2026-11-24 20:15"),
        ("2026-11-24 20:15", "Tue 2026-11-24 22:15"),
        ("2026-11-24 22:15", "Wed 2026-11-25 02:15"),
        ("2026-11-25 02:15", "Wed 2026-11-25 06:15"),
        ("2026-11-25 06:15", "Wed 2026-11-25 10:15"),
    ]:
        done.append(past(wall, FAIL))
        assert due(diary_of(*done)) == (again, Why.FAILED)


def test_a_repetition_waits_for_the_end_of_the_quiet_hours() -> None:
    diary = diary_of(*LAST_WEEK, past("2026-11-23 11:20", FAIL))
    assert due(diary) == ("Mon 2026-11-23 14:00", Why.FAILED)


def test_an_officer_who_did_not_confirm_is_not_asked_again_within_the_hour() -> None:
    diary = diary_of(*LAST_WEEK, past("2026-11-23 10:10", PARTIAL))
    assert due(diary) == ("Mon 2026-11-23 11:10", Why.FAILED)
    assert tuple(sorted(PARTIAL_AGAIN_MS)) == PARTIAL_AGAIN_MS


def test_a_pass_forgets_the_failures_before_it() -> None:
    diary = diary_of(past("2026-11-23 10:10", FAIL), past("2026-11-23 10:25"))
    assert due(diary) == ("Tue 2026-11-24 10:25", Why.PLANNED)


def test_a_failure_that_a_technician_found_is_followed_up_at_once() -> None:
    diary = diary_of(past("2026-11-23 10:10"), past("2026-11-24 10:11"), past("2026-11-25 15:00", FAIL, asked=True))
    assert due(diary) == ("Wed 2026-11-25 15:15", Why.FAILED)


def test_but_never_within_24_hours_of_a_pass() -> None:
    diary = diary_of(past("2026-11-23 10:10"), past("2026-11-23 15:00", FAIL, asked=True))
    assert due(diary) == ("Tue 2026-11-24 10:10", Why.FAILED)


def test_a_technicians_pass_counts_and_moves_the_plan() -> None:
    diary = diary_of(past("2026-11-23 10:10"), past("2026-11-24 10:11"), past("2026-11-26 20:00", asked=True))
    assert due(diary)[0] == "Fri 2026-11-27 20:00"


def test_a_technicians_pass_within_24_hours_neither_counts_nor_moves_the_plan() -> None:
    diary = diary_of(past("2026-11-23 10:10"), past("2026-11-23 16:00", asked=True))
    assert not diary.tests[-1].counts
    assert due(diary) == ("Tue 2026-11-24 10:10", Why.PLANNED)


def test_a_person_who_tries_again_and_again_can_not_put_off_the_next_test_for_ever() -> None:
    tests = [past(f"2026-11-{23 + hours // 24} {hours % 24:02}:00", asked=True) for hours in range(0, 96, 20)]
    diary = diary_of(*tests)
    assert [test.counts for test in diary.tests] == [True, False, True, False, True]


@pytest.mark.parametrize("kind", [Kind.HUMAN, Kind.DRILL])
def test_a_persons_press_and_a_drill_are_whole_tests_too(kind: Kind) -> None:
    assert due(diary_of(past("2026-11-23 19:00", kind=kind))) == ("Tue 2026-11-24 19:00", Why.PLANNED)


def test_a_path_test_is_none() -> None:
    diary = diary_of(*LAST_WEEK, past("2026-11-22 05:30", kind=Kind.PATH))
    assert due(diary) == ("Mon 2026-11-23 10:10", Why.PLANNED)


def test_a_pass_by_a_clock_that_the_centre_did_not_confirm_does_not_count() -> None:
    for right in (None, False):
        diary = diary_of(*LAST_WEEK, past("2026-11-23 10:10", right=right))
        assert due(diary)[0] == "Mon 2026-11-23 10:10"


def test_a_test_dated_a_year_ahead_does_not_silence_the_gate_for_a_year() -> None:
    diary = diary_of(*LAST_WEEK, past("2027-11-22 10:10"))
    planned = plan(TABLE, diary, at("2026-11-23 10:00"))
    assert planned is not None
    assert said(planned.wall_ms) == "Mon 2026-11-23 10:10"


def test_a_failure_dated_by_a_wrong_clock_does_not_move_the_plan_when_its_date_comes() -> None:
    """The centre said that the clock was wrong, or a later test with the right time is dated before it."""
    for right in (False, None):
        ahead = past("2026-11-26 13:45", FAIL, right=right)
        after = past("2026-11-25 04:30", kind=Kind.PATH)
        diary = diary_of(past("2026-11-23 10:10"), past("2026-11-24 10:11"), ahead, after)
        assert due(diary) == ("Fri 2026-11-27 10:10", Why.PLANNED)


def test_the_plan_waits_where_it_is_however_long_the_gate_was_off() -> None:
    """The heartbeat says when the test was due; the centre can see how late it is."""
    assert due(diary_of(past("2026-08-04 10:10"))) == ("Wed 2026-08-05 10:10", Why.PLANNED)


def test_days_without_school_keep_their_tests_and_lose_their_quiet_hours() -> None:
    table = replace(TABLE, holidays=frozenset(range(MONDAY, MONDAY + 7)))
    diary = diary_of(past("2026-11-23 17:00"))
    planned = plan(table, diary, NEVER_MS)
    assert planned is not None
    assert said(planned.wall_ms) == "Tue 2026-11-24 17:00"
    assert due(diary)[0] == "Tue 2026-11-24 18:30"


def test_a_path_test_that_fails_is_repeated_with_the_same_pauses() -> None:
    assert [path_pause_ms(failures) // 60_000 for failures in range(1, 8)] == [15, 30, 60, 120, 240, 240, 240]

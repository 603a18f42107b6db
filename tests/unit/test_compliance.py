"""Which weeks are compliant, and what the others lack."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edge.chain import Kind, Result
from edge.compliance import judge, judge_past, runs_out
from edge.diary import Begun, Diary, Lack, Outage, PastTest, Week, with_test
from edge.local_time import HOUR_MS, day_of
from tests.unit.past_tests import BERLIN, LAST_WEEK, MONDAY, SHANGHAI, at, diary_of, past


def week(*tests: PastTest, outages: tuple[tuple[str, str], ...] = (), human: bool = False) -> Week:
    diary = diary_of(*tests)
    out = tuple(Outage(at(begin), at(end)) for begin, end in outages)
    return judge(SHANGHAI, replace(diary, outages=out), MONDAY, human_weekly=human)


def test_monday_tuesday_friday_is_compliant() -> None:
    judged = week(*LAST_WEEK, past("2026-11-23 10:10"), past("2026-11-24 10:11"), past("2026-11-27 10:10"))
    assert judged.compliant
    assert (judged.passes, judged.tests, judged.gap_ms) == (3, 3, 72 * HOUR_MS)


def test_one_pass_is_too_few() -> None:
    judged = week(*LAST_WEEK, past("2026-11-23 10:10"), past("2026-11-26 10:10", Result.FAIL))
    assert Lack.TOO_FEW in judged.lacks
    assert (judged.passes, judged.tests) == (1, 2)


@pytest.mark.parametrize("result", [Result.FAIL, Result.PARTIAL])
def test_only_a_pass_counts(result: Result) -> None:
    judged = week(*LAST_WEEK, past("2026-11-23 10:10"), past("2026-11-26 10:10", result))
    assert Lack.TOO_FEW in judged.lacks


def test_a_path_test_and_an_unconfirmed_clock_do_not_count() -> None:
    judged = week(
        *LAST_WEEK,
        past("2026-11-23 10:10"),
        past("2026-11-25 05:30", kind=Kind.PATH),
        past("2026-11-26 10:10", right=None),
    )
    assert judged.lacks == (Lack.TOO_FEW, Lack.GAP)


def test_passes_less_than_24_hours_apart_count_as_one() -> None:
    judged = week(past("2026-11-23 00:10"), past("2026-11-25 20:00"), past("2026-11-26 19:59"))
    assert judged.compliant, "the first and the last are far enough apart"
    judged = week(past("2026-11-21 20:00"), past("2026-11-24 20:00"), past("2026-11-25 19:59"))
    assert Lack.TOO_CLOSE in judged.lacks


def test_24_hours_within_one_long_day_are_not_two_days() -> None:
    """Where clocks go back an hour, a day has 25."""
    sunday = day_of("2026-10-25")
    diary = diary_of(
        past("2026-10-22 23:00", where=BERLIN), past("2026-10-25 00:10", where=BERLIN),
    )  # fmt: skip
    late = replace(past("2026-10-25 23:30", where=BERLIN))
    assert late.wall_ms - diary.tests[-1].wall_ms > 24 * HOUR_MS
    alone = replace(diary, tests=(diary.tests[-1], late))
    assert Lack.TOO_CLOSE in judge(BERLIN, alone, sunday - 6, human_weekly=False).lacks


def test_sunday_midnight_parts_the_weeks() -> None:
    judged = week(*LAST_WEEK, past("2026-11-22 23:59"), past("2026-11-26 10:10"), past("2026-11-30 00:00"))
    assert judged.passes == 1


def test_a_gap_over_84_hours_is_not_compliant() -> None:
    """As from Friday to Tuesday, both at ten past ten."""
    judged = week(*LAST_WEEK, past("2026-11-24 10:10"), past("2026-11-27 10:10"))
    assert judged.lacks == (Lack.GAP,)
    assert judged.gap_ms == 96 * HOUR_MS
    exactly = week(*LAST_WEEK, past("2026-11-23 22:10"), past("2026-11-27 10:10"))
    assert exactly.compliant


def test_a_gap_belongs_to_the_week_in_which_it_became_too_long() -> None:
    diary = diary_of(
        past("2026-11-17 10:10"), past("2026-11-18 10:11"), past("2026-11-23 10:10"), past("2026-11-25 10:00")
    )
    before = judge(SHANGHAI, diary, MONDAY - 7, human_weekly=False)
    assert before.lacks == (Lack.GAP,), "it ran out on Saturday evening"
    after = judge(SHANGHAI, diary_of(*diary.tests, past("2026-11-28 10:00")), MONDAY, human_weekly=False)
    assert after.compliant


def test_time_without_power_does_not_count_towards_the_84_hours_but_two_passes_are_needed() -> None:
    tests = (*LAST_WEEK, past("2026-11-24 10:10"), past("2026-11-27 10:10"))
    assert week(*tests, outages=(("2026-11-21 10:00", "2026-11-21 22:00"),)).compliant
    assert week(*tests, outages=(("2026-11-21 10:00", "2026-11-21 21:00"),)).lacks == (Lack.GAP,)
    off = week(*LAST_WEEK, past("2026-11-23 10:10"), outages=(("2026-11-23 11:00", "2026-12-01 10:00"),))
    assert off.lacks == (Lack.TOO_FEW,)
    assert off.out_ms == (7 * 24 - 11) * HOUR_MS


def test_outages_are_taken_off_one_after_the_other() -> None:
    hour = HOUR_MS
    outages = [Outage(10 * hour, 20 * hour), Outage(15 * hour, 30 * hour), Outage(200 * hour, 300 * hour)]
    assert runs_out(outages, 0) == 104 * hour
    assert runs_out(outages, 25 * hour) == 114 * hour
    assert runs_out([], 5) == 84 * hour + 5


def test_a_gate_that_never_passed_is_measured_from_its_first_right_time() -> None:
    diary = Diary(since_wall_ms=at("2026-11-21 10:00"))
    assert judge(SHANGHAI, diary, MONDAY, human_weekly=False).lacks == (Lack.TOO_FEW, Lack.GAP)
    assert judge(SHANGHAI, diary, MONDAY + 7, human_weekly=False).lacks == (Lack.TOO_FEW,)
    assert judge(SHANGHAI, Diary(), MONDAY, human_weekly=False).passes == 0


def test_the_strict_profile_wants_a_finger_every_week() -> None:
    tests = (*LAST_WEEK, past("2026-11-23 10:10"), past("2026-11-24 10:11"), past("2026-11-27 10:10"))
    assert week(*tests, human=True).lacks == (Lack.NO_PERSON,)
    assert week(*tests, past("2026-11-28 14:30", kind=Kind.HUMAN), human=True).compliant


@pytest.mark.parametrize(
    ("kind", "begun", "closed"),
    [
        (Kind.FULL, "2026-11-29 23:59", False),
        (Kind.HUMAN, "2026-11-29 23:59", False),
        (Kind.PATH, "2026-11-29 23:59", True),
        (Kind.FULL, "2026-11-30 00:00", True),
    ],
)
def test_a_week_is_not_closed_under_a_test_that_may_still_pass_in_it(kind: Kind, begun: str, closed: bool) -> None:
    """What is written of a week stays so for ever; the test that was begun in time belongs to it."""
    monday_ms = at("2026-11-30 00:01")
    diary = diary_of(*LAST_WEEK, past("2026-11-23 10:10"), past("2026-11-26 10:10"))
    running = replace(diary, begun=Begun(kind, at(begun), "boot", 0, asked=False))
    after, weeks = judge_past(SHANGHAI, running, monday_ms, human_weekly=False)
    assert [one.monday for one in weeks] == ([MONDAY] if closed else [])
    assert after.judge_monday == (MONDAY + 7 if closed else MONDAY)


def test_a_test_over_sunday_midnight_counts_for_the_week_in_which_it_began() -> None:
    diary = diary_of(*LAST_WEEK, past("2026-11-23 10:10"))
    running = replace(diary, begun=Begun(Kind.FULL, at("2026-11-29 23:59"), "boot", 0, asked=False))
    waiting, none = judge_past(SHANGHAI, running, at("2026-11-30 00:00"), human_weekly=False)
    ended = with_test(waiting, past("2026-11-29 23:59"))
    _, (judged,) = judge_past(SHANGHAI, ended, at("2026-11-30 00:01"), human_weekly=False)
    assert none == []
    assert (judged.monday, judged.passes) == (MONDAY, 2)
    assert Lack.TOO_FEW not in judged.lacks

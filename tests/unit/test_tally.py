"""Counts of a day, of five minutes and of an hour, and what an event says."""

from __future__ import annotations

from edge import tally
from edge.judging import Judgement
from edge.measuring import Reason, Verdict
from edge.tally import Flow, HourlyCounts, Screened, Tally

MINUTE_MS = 60_000


def student(number: int, at_ms: int, verdict: Verdict = Verdict.NORMAL, skin_celsius: float | None = 34.5) -> Screened:
    judgement = Judgement(verdict, Reason.NONE, skin_celsius, skin_celsius, 37.123, 34.2, 0.3, 4)
    return Screened(number, verdict, judgement, 1, 23.456, at_ms - 700, at_ms)


def counted(*students: Screened) -> Tally:
    counts = Tally()
    for one in students:
        counts, _ = tally.passed(counts, one.at_ms)
        counts = tally.counted(counts, one)
    return counts


def test_the_day_begins_anew_after_a_night() -> None:
    evening = counted(student(1, MINUTE_MS), student(2, 2 * MINUTE_MS, Verdict.HIGH))
    assert evening.today == {Verdict.NORMAL: 1, Verdict.HIGH: 1}
    morning = tally.counted(evening, student(3, 2 * MINUTE_MS + tally.NIGHT_MS))
    assert morning.today == {Verdict.NORMAL: 1}
    assert morning.recent == ()


def test_a_lunch_break_is_no_night() -> None:
    counts = counted(student(1, 0), student(2, 3 * 3_600_000))
    assert counts.today == {Verdict.NORMAL: 2}


def test_students_are_counted_by_the_minute_for_an_hour() -> None:
    counts = counted(*[student(number, number * 20_000) for number in range(400)])
    assert len(counts.minutes) == 60
    assert {students for _, students in counts.minutes[:-1]} == {3}
    assert counts.minutes[-1] == (133 * MINUTE_MS, 1)


def test_the_teacher_sees_the_last_twenty_who_were_not_let_through_newest_first() -> None:
    some = [student(number, number, Verdict.HIGH if number % 2 else Verdict.NORMAL) for number in range(60)]
    assert [one.visit for one in counted(*some).recent] == list(range(59, 19, -2))


def test_a_median_of_fewer_than_five_is_not_told() -> None:
    for students, expected in ((4, None), (5, 34.5)):
        _, (flow,) = tally.passed(counted(*[student(n, n + 1) for n in range(students)]), 5 * MINUTE_MS)
        assert isinstance(flow, Flow)
        assert (flow.students, flow.median_skin_celsius) == (students, expected)
        assert (flow.from_ms, flow.at_ms) == (0, 5 * MINUTE_MS)


def test_an_hour_is_told_by_verdict() -> None:
    some = counted(student(1, 10), student(2, 20, Verdict.CANNOT_SCREEN, None))
    _, out = tally.passed(some, 60 * MINUTE_MS)
    (hour,) = [one for one in out if isinstance(one, HourlyCounts)]
    assert tally.body(hour) == {"normal": 1, "again": 0, "high": 0, "cannot_screen": 1}


def test_an_event_says_all_that_was_measured_and_nothing_about_whom() -> None:
    assert tally.body(student(7, 5_000)) == {
        "verdict": "normal", "reason": "none", "skin_celsius": 34.5, "ambient_celsius": 23.46,
        "estimate_celsius": 37.12, "samples": 4, "baseline_celsius": 34.2, "above_crowd_celsius": 0.3, "attempts": 1,
        "took_ms": 700,
    }  # fmt: skip

"""What the gate does by itself: over power cuts, restarts, clocks that are wrong, alarms and missing centres."""

from __future__ import annotations

import itertools

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from edge.chain import Kind, Result
from edge.diary import KEPT_PATH_MAX, KEPT_WHOLE_MAX, Diary, Lack, Outage
from edge.local_time import DAY_MS, HOUR_MS, MINUTE_MS, text_of
from edge.schedule import Ended, Looked, Opened, Schedule, ScheduleRules, due_wall_ms, step, wake_at
from edge.timetable import NEVER_MS
from tests.unit.past_tests import LAST_WEEK, MONDAY, TABLE, at, diary_of, past, said
from tests.unit.scheduled_gate import ScheduledGate

YEAR_MS = 365 * DAY_MS


def in_the_week(begin: str = "2026-11-23 00:00") -> ScheduledGate:
    """A gate in order, with last Friday's pass behind it, its clock confirmed at its start."""
    gate = ScheduledGate(begin, diary_of(*LAST_WEEK))
    gate.tell(Looked())
    return gate


def full(told: list[str]) -> list[str]:
    return [one.replace(" full", "") for one in told if " full " in one]


def path(told: list[str]) -> list[str]:
    return [one.replace(" path", "") for one in told if " path " in one]


def test_an_undisturbed_week_has_three_whole_tests_and_a_path_test_every_day() -> None:
    gate = in_the_week()
    told = gate.run_until("2026-11-30 00:00")
    assert full(told) == [
        "Mon 2026-11-23 10:10 planned",
        "Tue 2026-11-24 10:10 planned",
        "Fri 2026-11-27 10:10 planned",
    ]
    assert path(told) == ["Mon 2026-11-23 00:01 power_on"] + [
        f"{day} 2026-11-{number} 05:30 daily"
        for day, number in zip(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), range(23, 30), strict=True)
    ]


def test_a_week_is_judged_when_it_is_over_and_never_again() -> None:
    gate = ScheduledGate("2026-11-18 12:00")
    gate.run_until("2026-12-14 12:00")
    assert [(text_of(week.monday), week.compliant) for week in gate.weeks] == [
        ("2026-11-23", True),
        ("2026-11-30", True),
        ("2026-12-07", True),
    ]
    assert gate.card is not None
    assert gate.card.weeks == tuple(gate.weeks)


def test_the_week_of_the_installation_is_not_judged() -> None:
    gate = ScheduledGate("2026-11-26 12:00")
    assert full(gate.run_until("2026-11-27 00:00")) == ["Thu 2026-11-26 14:00 first"]
    gate.run_until("2026-12-07 01:01")
    assert [text_of(week.monday) for week in gate.weeks] == ["2026-11-30"]


def test_a_week_that_was_not_compliant_stays_so() -> None:
    gate = in_the_week()
    gate.result = Result.FAIL
    gate.run_until("2026-11-30 01:05")
    gate.result = Result.PASS
    gate.run_until("2026-12-20 00:00")
    gate.restart()
    gate.run_until("2026-12-21 01:05")
    assert gate.card is not None
    assert [(week.monday, week.lacks) for week in gate.card.weeks if not week.compliant] == [
        (MONDAY, (Lack.TOO_FEW, Lack.GAP))
    ]


def test_a_restart_of_the_daemon_changes_nothing() -> None:
    gate, other = in_the_week(), in_the_week()
    told = []
    for day in range(23, 30):
        for hour in range(0, 24, 2):
            told += gate.run_until(f"2026-11-{day} {hour:02}:13")
            gate.restart()
    assert told == other.run_until("2026-11-29 22:13")


def test_after_days_without_power_the_missed_test_is_made_up_at_the_first_permitted_moment() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-23 09:00")
    gate.off_for(2 * 24 * 60 - 60)
    told = gate.run_until("2026-11-26 23:00")
    assert path(told)[0] == "Wed 2026-11-25 08:01 power_on"
    assert full(told) == ["Wed 2026-11-25 08:30 missed", "Thu 2026-11-26 08:30 planned"]


def test_time_without_power_is_remembered() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-23 09:00")
    gate.off_for(600)
    gate.run_until("2026-11-23 19:30")
    assert gate.card is not None
    (outage,) = gate.card.outages
    assert at("2026-11-23 08:00") <= outage.from_wall_ms <= at("2026-11-23 09:00")
    assert said(outage.to_wall_ms) == "Mon 2026-11-23 19:02"


def test_the_last_sign_of_life_makes_the_outage_exact() -> None:
    diary = replace(diary_of(*LAST_WEEK), able_wall_ms=at("2026-11-20 11:00"))
    gate = ScheduledGate("2026-11-23 08:00")
    gate.machine = Schedule(gate.rules)
    gate.tell(Opened(diary, at("2026-11-20 11:42")))
    gate.run_until("2026-11-23 08:10")
    assert gate.card is not None
    assert [said(outage.from_wall_ms) for outage in gate.card.outages] == ["Fri 2026-11-20 11:42"]


def test_a_centre_that_is_not_there_is_an_outage_and_the_test_is_made_up() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-24 09:00")
    gate.reachable = False
    assert gate.run_until("2026-11-25 20:00") == [], "a test that can not reach anybody proves nothing new"
    gate.reachable = True
    assert full(gate.run_until("2026-11-25 20:10")) == ["Wed 2026-11-25 20:00 missed"]
    assert gate.card is not None
    assert gate.card.outages == (Outage(at("2026-11-24 09:00"), at("2026-11-25 20:00")),)


def test_a_power_cut_in_the_middle_of_a_test_is_a_failed_test() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-23 10:10:30")
    gate.off_for(1)
    assert full(gate.run_until("2026-11-23 10:40")) == ["Mon 2026-11-23 10:25 failed"]
    assert gate.card is not None
    broken = [test for test in gate.card.tests if test.why]
    assert [(test.kind, test.result) for test in broken] == [(Kind.FULL, Result.FAIL)]
    assert said(broken[0].wall_ms) == "Mon 2026-11-23 10:10"


def test_a_daemon_that_dies_of_each_test_does_not_try_it_for_ever() -> None:
    gate = in_the_week()
    for _ in range(200):
        gate.run_until(said(gate.true_ms + 5 * MINUTE_MS)[4:])
        if gate.ends_ms is not None and " full " in gate.told[-1]:
            gate.restart()
    assert len(full(gate.told)) <= 6


def test_a_test_that_never_ends_is_given_up_and_the_gate_goes_on() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-23 10:10:30")
    gate.ends_ms = None
    assert full(gate.run_until("2026-11-23 14:30")) == ["Mon 2026-11-23 14:00 failed"]


def test_its_late_end_is_not_taken_for_the_end_of_another() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-23 10:10:30")
    gate.ends_ms = None
    gate.run_until("2026-11-23 13:00")
    before = gate.card
    gate.tell(Ended(Result.PASS, True))
    assert gate.card == before


def test_an_unset_clock_makes_a_path_test_within_ten_minutes_and_no_other() -> None:
    """What day and hour it is, nobody knows: children may be arriving."""
    gate = in_the_week()
    gate.run_until("2026-11-23 09:00")
    gate.known, gate.error_ms = False, -300 * DAY_MS
    gate.off_for(1)
    told = gate.run_until("2026-11-24 14:30")
    assert path(told)[0] == "Mon 2026-11-23 09:02 power_on"
    assert full(told) == []
    assert len(path(told)) <= 12
    gate.known, gate.error_ms = True, 0
    told = gate.run_until("2026-11-24 15:00")
    assert path(told) == ["Tue 2026-11-24 14:30 clock"]
    assert full(told) == ["Tue 2026-11-24 14:31 missed"]


def test_a_clock_that_nobody_vouches_for_begins_no_whole_test_even_if_it_was_right() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-23 09:00")
    gate.known = False
    assert full(gate.run_until("2026-11-23 11:00")) == []
    gate.known = True
    assert full(gate.run_until("2026-11-23 11:01")) == ["Mon 2026-11-23 11:00 missed"]


def test_a_path_test_that_reached_nobody_is_repeated_as_soon_as_the_line_is_back() -> None:
    gate = in_the_week("2026-11-25 19:00")
    gate.reachable = False
    gate.power_on()
    assert gate.run_until("2026-11-25 20:00") == []
    gate.reachable = True
    gate.run_until("2026-11-25 20:01:30")
    gate.reachable = False
    gate.run_until("2026-11-25 21:00")
    gate.reachable = True
    assert path(gate.run_until("2026-11-25 21:03")) == ["Wed 2026-11-25 21:01 power_on"]


def test_a_clock_a_year_ahead_begins_no_whole_test_and_closes_no_week() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-25 12:00")
    gate.error_ms = YEAR_MS
    told = gate.run_until("2026-11-26 12:00")
    assert full(told) == []
    assert path(told)[0] == "Wed 2026-11-25 12:00 clock"
    gate.error_ms = 0
    told = gate.run_until("2026-11-30 01:05")
    assert path(told)[0] == "Thu 2026-11-26 12:00 clock"
    assert full(told) == ["Fri 2026-11-27 10:10 planned"]
    assert [(week.monday, week.compliant) for week in gate.weeks] == [(MONDAY, True)]


def test_a_clock_a_year_behind_does_no_more_harm() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-25 12:00")
    gate.error_ms = -YEAR_MS
    assert full(gate.run_until("2026-11-27 12:00")) == []
    gate.error_ms = 0
    assert full(gate.run_until("2026-11-30 01:05")) == ["Fri 2026-11-27 14:00 missed"]
    assert [week.compliant for week in gate.weeks] == [True]


def test_a_clock_that_was_set_by_a_few_seconds_after_days_alone_is_confirmed_anew() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-24 09:00")
    gate.reachable = False
    gate.run_until("2026-11-27 09:00")
    gate.reachable, gate.error_ms = True, 3_000
    assert full(gate.run_until("2026-11-27 11:20")) == []
    gate.error_ms = 0
    assert full(gate.run_until("2026-11-27 11:29")) == ["Fri 2026-11-27 11:21 missed"]


def test_two_clocks_that_were_a_year_ahead_together_do_not_stop_the_tests() -> None:
    """Gate and centre agreed on a time that was wrong; when both are right again the gate goes on."""
    gate = ScheduledGate("2026-11-23 00:00", diary_of(*LAST_WEEK, past("2027-11-22 10:10")))
    gate.tell(Looked())
    assert len(full(gate.run_until("2026-11-30 01:05"))) == 3
    assert gate.run_until("2026-12-07 01:05")
    assert [week.compliant for week in gate.weeks][-1]


def test_weeks_closed_in_the_future_do_not_keep_later_ones_from_being_judged() -> None:
    diary = replace(diary_of(*LAST_WEEK), judge_monday=MONDAY + 364)
    gate = ScheduledGate("2026-11-23 00:00", diary)
    gate.run_until("2026-11-30 01:05")
    assert [week.monday for week in gate.weeks] == [MONDAY]


def test_many_years_without_power_are_at_most_sixty_weeks_to_judge() -> None:
    gate = ScheduledGate("2036-11-23 00:00", replace(diary_of(*LAST_WEEK), judge_monday=MONDAY))
    gate.run_until("2036-11-23 01:00")
    assert len(gate.weeks) == 60
    assert {week.lacks for week in gate.weeks} == {(Lack.TOO_FEW,)}


def test_no_test_begins_while_an_alarm_is_open_and_the_missed_one_follows() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-23 09:50")
    gate.busy = True
    assert gate.run_until("2026-11-23 10:40") == []
    gate.busy = False
    assert gate.run_until("2026-11-23 10:50") == ["Mon 2026-11-23 10:40 full missed"]


def test_the_next_test_that_is_announced_stays_while_it_is_overdue() -> None:
    """So that the centre's dead man's switch runs out six hours after the time that was announced."""
    gate = in_the_week()
    gate.run_until("2026-11-23 09:50")
    gate.busy = True
    gate.run_until("2026-11-23 22:00")
    due = due_wall_ms(gate.machine)
    assert due is not None
    assert said(due) == "Mon 2026-11-23 10:10"


def test_a_gate_that_must_not_test_itself_announces_nothing_and_is_judged_all_the_same() -> None:
    rules = ScheduleRules(TABLE, enabled=False)
    gate = ScheduledGate("2026-11-20 12:00", rules=rules)
    told = gate.run_until("2026-11-30 01:05")
    assert full(told) == []
    assert len(path(told)) >= 9
    assert due_wall_ms(gate.machine) is None
    assert [week.lacks for week in gate.weeks] == [(Lack.TOO_FEW, Lack.GAP)]


def test_a_test_that_somebody_asked_for_counts() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-23 09:00")
    gate.asks()
    told = gate.run_until("2026-11-24 23:00")
    assert full(told) == ["Tue 2026-11-24 10:10 planned"]


def test_a_test_that_runs_over_midnight_on_sunday_belongs_to_its_week() -> None:
    gate = in_the_week("2026-11-29 19:00")
    gate.run_until("2026-11-29 23:59:30")
    gate.asks()
    gate.run_until("2026-11-30 00:00:15")
    assert gate.weeks == []
    gate.run_until("2026-11-30 01:02")
    assert [week.passes for week in gate.weeks] == [2]


def test_before_the_store_was_read_nothing_is_begun_and_nothing_spins() -> None:
    schedule = Schedule(ScheduleRules(TABLE))
    gate = ScheduledGate("2026-11-23 00:00")
    schedule, news = step(schedule, Looked(), gate.moment())
    assert news == ()
    assert wake_at(schedule) == NEVER_MS
    assert step(schedule, Ended(Result.PASS, True), gate.moment())[1] == ()


def test_a_new_file_after_damage_is_given_what_memory_holds() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-25 00:00")
    assert gate.card is not None
    held = gate.card.tests
    gate.tell(Opened(None))
    assert gate.card.tests == held


def test_the_diary_survives_the_store() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-30 12:00")
    assert gate.card is not None
    assert msgspec.json.decode(msgspec.json.encode(gate.card), type=Diary) == gate.card
    assert len(msgspec.json.encode(gate.card)) < 6_000


def test_the_diary_stays_small_when_a_gate_fails_for_months() -> None:
    gate = in_the_week()
    gate.result = Result.FAIL
    gate.run_until("2027-01-31 12:00")
    assert gate.card is not None
    assert KEPT_WHOLE_MAX <= len(gate.card.tests) <= KEPT_WHOLE_MAX + KEPT_PATH_MAX + 1
    assert len(msgspec.json.encode(gate.card)) < 60_000


def test_the_schedule_neither_wakes_nor_writes_more_often_than_it_must() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-30 00:00")
    assert gate.looks <= 7 * 24 * 2
    assert gate.writes <= 7 * 24 * 2


def test_looking_again_and_again_changes_nothing() -> None:
    gate = in_the_week()
    gate.run_until("2026-11-23 06:00")
    before, writes = gate.machine, gate.writes
    for _ in range(1000):
        gate.true_ms += 50
        gate.tell(Looked())
    assert gate.machine is before
    assert gate.writes == writes


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.sampled_from(("off", "line", "year", "back", "fail", "ask")), st.integers(1, 3000)), max_size=12
    )
)
def test_whatever_happens_no_two_passes_of_its_own_are_closer_than_24_hours(events: list[tuple[str, int]]) -> None:
    gate = in_the_week()
    for what, minutes in events:
        gate.run_until(said(gate.true_ms + minutes * MINUTE_MS)[4:])
        match what:
            case "off":
                gate.off_for(minutes)
            case "line":
                gate.reachable = not gate.reachable
            case "year":
                gate.error_ms = YEAR_MS
            case "back":
                gate.error_ms = 0
            case "fail":
                gate.result = Result.FAIL if gate.result is Result.PASS else Result.PASS
            case "ask" if gate.ends_ms is None:
                gate.asks()
    gate.run_until(said(gate.true_ms + 3 * DAY_MS)[4:])
    assert gate.card is not None
    own = [test.wall_ms for test in gate.card.tests if test.counts and not test.asked]
    assert all(later - earlier >= 24 * HOUR_MS for earlier, later in itertools.pairwise(own))


def test_a_test_that_a_person_asked_for_before_the_store_could_be_read_is_remembered() -> None:
    for over_first in (False, True):
        gate = ScheduledGate("2026-11-24 14:30", diary_of(*LAST_WEEK))
        gate.restart(opened=False)
        gate.asks()
        if over_first:
            gate.end()
            gate.tell(Opened(gate.card))
        else:
            gate.tell(Opened(gate.card))
            assert gate.card is not None
            assert gate.card.begun is not None, "a power cut in the middle of it is not forgotten"
            gate.end()
        assert gate.card is not None
        assert gate.card.begun is None
        assert (gate.card.tests[-1].asked, gate.card.tests[-1].counts) == (True, True)

"""The morning's crowd: what the next student is compared with."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import crowd
from edge.crowd import Crowd, CrowdRules

RULES = CrowdRules()
MINUTE_MS = 60_000


def crowd_of(*celsius: float, every_ms: int = 1_000, rules: CrowdRules = RULES) -> Crowd:
    people = Crowd(mark="DCI")
    for number, one in enumerate(celsius):
        people = crowd.joined(people, rules, one, number * every_ms)
    return people


def test_the_baseline_is_the_middle_of_the_last_fifty() -> None:
    people = crowd_of(*[33.0] * 50, *[34.0] * 26)
    assert len(people.members) == 50
    assert crowd.baseline(people) == 34.0


def test_nobody_has_no_baseline() -> None:
    assert crowd.baseline(Crowd()) is None
    assert crowd.spread(Crowd()) == 0.0


def test_twenty_students_make_a_crowd() -> None:
    assert not crowd.is_warm(crowd_of(*[34.0] * 19), RULES)
    assert crowd.is_warm(crowd_of(*[34.0] * 20), RULES)


def test_a_window_smaller_than_the_warm_up_can_still_get_warm() -> None:
    rules = CrowdRules(students=10, warm_up=20)
    assert crowd.is_warm(crowd_of(*[34.0] * 10, rules=rules), rules)


def test_who_came_more_than_45_minutes_ago_is_forgotten() -> None:
    people = crowd_of(*[33.0] * 30, every_ms=MINUTE_MS)
    later = crowd.aged(people, RULES, 60 * MINUTE_MS)
    assert [one.at_ms for one in later.members] == [minute * MINUTE_MS for minute in range(15, 30)]


def test_one_wild_reading_counts_as_two_degrees_off() -> None:
    people = crowd.joined(crowd_of(*[34.0] * 5), RULES, 41.0, 9_000)
    assert people.members[-1].residual_celsius == 36.0


@given(st.lists(st.floats(20, 45), min_size=1, max_size=80))
def test_the_baseline_never_leaves_what_skin_can_be(celsius: list[float]) -> None:
    middle = crowd.baseline(crowd_of(*celsius))
    assert middle is not None
    assert 30 <= middle <= 37


def test_a_fifth_of_febrile_students_hardly_moves_the_baseline() -> None:
    """Requirement 14: by 0.15 at most, averaged over windows of fifty."""
    random = Random(5)
    moved = []
    for _ in range(300):
        well = [random.gauss(35.25, 0.33) for _ in range(50)]
        ill = [random.gauss(36.18, 0.60) for _ in range(10)] + well[10:]
        moved.append((crowd.baseline(crowd_of(*ill)) or 0) - (crowd.baseline(crowd_of(*well)) or 0))
    assert 0 < sum(moved) / len(moved) <= 0.15


def test_the_spread_is_that_of_the_many_not_of_the_few() -> None:
    random = Random(6)
    people = crowd_of(*[random.gauss(34.3, 0.4) for _ in range(45)], *[36.2] * 5)
    assert crowd.spread(people) == pytest.approx(0.45, abs=0.2)


def test_a_crowd_comes_back_after_a_restart_with_its_ages() -> None:
    kept = crowd.aged(crowd_of(*[34.0] * 30, every_ms=MINUTE_MS), RULES, 30 * MINUTE_MS)
    back = crowd.recalled(kept, Crowd(mark="DCI"), RULES, age_ms=20 * MINUTE_MS, now_ms=5_000)
    ages = [(5_000 - one.at_ms) // MINUTE_MS for one in back.members]
    assert ages == list(range(45, 20, -1))


def test_who_has_come_since_the_restart_stays_in_the_crowd() -> None:
    now = crowd.joined(Crowd(mark="DCI"), RULES, 35.0, 4_000)
    back = crowd.recalled(crowd_of(*[34.0] * 60), now, RULES, age_ms=1_000, now_ms=5_000)
    assert len(back.members) == 50
    assert back.members[-1] == now.members[-1]


@pytest.mark.parametrize(("age_ms", "mark"), [(46 * MINUTE_MS, "DCI"), (-1, "DCI"), (1_000, "BCC")])
def test_a_crowd_that_is_too_old_or_of_another_sensor_stays_forgotten(age_ms: int, mark: str) -> None:
    now = Crowd(mark=mark)
    assert crowd.recalled(crowd_of(*[34.0] * 30), now, RULES, age_ms, 5_000) == now

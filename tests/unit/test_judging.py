"""From settled samples to a verdict: never *normal* by default, and never *high* by a cup."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge import crowd, judging, skin
from edge.crowd import Crowd, CrowdRules
from edge.judging import Findings, Judgement, JudgingRules, judge
from edge.measuring import Reason, Verdict
from edge.sim.students import mixed

RULES = JudgingRules()
CROWD_RULES = CrowdRules()
USUAL = 34.3
FEBRILE = USUAL + 1.2


def crowd_at(*celsius: float) -> Crowd:
    people = Crowd()
    for number, one in enumerate(celsius):
        people = crowd.joined(people, CROWD_RULES, one, number)
    return people


CROWD = crowd_at(*[USUAL + (number % 5 - 2) * 0.2 for number in range(50)])


def judged(*samples: float, people: Crowd = CROWD, rules: JudgingRules = RULES, **found: object) -> Judgement:
    """Of these samples, in a room where nothing is corrected."""
    findings = replace(Findings(samples, ambient_celsius=23.0, sensor_celsius=23.0, background_celsius=20.0), **found)
    return judge(rules, CROWD_RULES, people, findings)


def word(judgement: Judgement) -> tuple[Verdict, Reason]:
    return judgement.verdict, judgement.reason


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        (0.0, (Verdict.NORMAL, Reason.NONE)),
        (0.45, (Verdict.NORMAL, Reason.NONE)),
        (0.55, (Verdict.AGAIN, Reason.BORDERLINE)),
        (0.75, (Verdict.AGAIN, Reason.BORDERLINE)),
        (0.85, (Verdict.HIGH, Reason.ABOVE_CROWD)),
        (1.5, (Verdict.HIGH, Reason.ABOVE_GUARD)),
        (-1.4, (Verdict.NORMAL, Reason.NONE)),
        (-1.6, (Verdict.AGAIN, Reason.UNCOVER_FOREHEAD)),
    ],
)
def test_the_bands_are_measured_from_the_crowd(above: float, expected: tuple[Verdict, Reason]) -> None:
    judgement = judged(*[USUAL + above] * 4)
    assert word(judgement) == expected
    assert judgement.above_crowd_celsius == pytest.approx(above)
    assert judgement.baseline_celsius == pytest.approx(USUAL)


def test_of_four_the_second_highest_counts_and_of_three_the_middle_one() -> None:
    assert judging.statistic((34.0, 34.4, 34.2, 34.3)) == 34.3
    assert judging.statistic((34.0, 34.4, 34.2)) == 34.2
    assert judging.statistic((34.0, 34.4)) is None


def test_fewer_than_three_samples_are_measured_again() -> None:
    assert word(judged(34.3, 34.3)) == (Verdict.AGAIN, Reason.TOO_FEW_SAMPLES)
    assert word(judged(34.3, hot=3)) == (Verdict.AGAIN, Reason.HOT_OBJECT)
    assert word(judged(low=3)) == (Verdict.AGAIN, Reason.UNCOVER_FOREHEAD)
    assert word(judged(low=3, far=True)) == (Verdict.AGAIN, Reason.COME_CLOSER)


@given(st.lists(st.floats(33.9, 34.6), min_size=4, max_size=4), st.integers(0, 3))
def test_one_hot_spike_changes_the_result_by_less_than_a_third_of_a_degree(samples: list[float], place: int) -> None:
    """Requirement 13, on samples that lie as close as a sensor's do."""
    near = [34.3 + (one - 34.3) * 0.4 for one in samples]
    spiked = [one + 5 * (number == place) for number, one in enumerate(near)]
    clean, hit = judging.statistic(tuple(near)), judging.statistic(tuple(spiked))
    assert clean is not None
    assert hit is not None
    assert abs(clean - hit) <= 0.3


def test_a_sample_that_stands_alone_is_given_two_more_to_find_a_neighbour() -> None:
    assert judging.are_enough(RULES, (34.3, 34.3, 34.3, 34.3))
    assert not judging.are_enough(RULES, (34.3, 34.3, 34.3, 36.0))
    assert judging.are_enough(RULES, (34.3, 34.3, 34.3, 36.0, 36.0))
    assert judging.are_enough(RULES, (34.3, 34.3, 34.3, 36.0, 34.3, 34.3))
    assert not judging.are_enough(RULES, (34.3, 34.3, 34.3))


def test_samples_without_agreement_ask_to_hold_still() -> None:
    assert word(judged(33.0, 34.0, 35.0, 36.0)) == (Verdict.AGAIN, Reason.HOLD_STILL)
    assert word(judged(33.0, 34.0, 35.0)) == (Verdict.AGAIN, Reason.HOLD_STILL)
    assert word(judged(34.3, 34.3, 35.9)) == (Verdict.NORMAL, Reason.NONE)


def test_the_second_look_knows_no_again() -> None:
    assert word(judged(*[USUAL + 0.6] * 4, retake=True)) == (Verdict.HIGH, Reason.BORDERLINE)
    assert word(judged(34.3, 34.3, retake=True)) == (Verdict.CANNOT_SCREEN, Reason.TOO_FEW_SAMPLES)
    assert word(judged(*[USUAL] * 4, retake=True)) == (Verdict.NORMAL, Reason.NONE)


@pytest.mark.parametrize(
    ("skin_celsius", "expected"),
    [
        (34.3, (Verdict.NORMAL, Reason.NONE)),
        (34.8, (Verdict.NORMAL, Reason.NONE)),
        (34.9, (Verdict.AGAIN, Reason.BORDERLINE)),
        (35.4, (Verdict.HIGH, Reason.ABOVE_GUARD)),
        (31.8, (Verdict.AGAIN, Reason.UNCOVER_FOREHEAD)),
    ],
)
def test_without_a_crowd_the_guard_decides_and_the_again_band_is_wide(
    skin_celsius: float, expected: tuple[Verdict, Reason]
) -> None:
    assert word(judged(*[skin_celsius] * 4, people=crowd_at(*[34.3] * 19))) == expected


def test_without_a_crowd_twice_borderline_goes_to_the_teacher_without_a_word_of_high() -> None:
    assert word(judged(*[34.9] * 4, people=Crowd(), retake=True)) == (Verdict.CANNOT_SCREEN, Reason.BORDERLINE)


def test_the_guard_holds_whatever_the_crowd_is_like() -> None:
    """A crowd more than a degree too warm is no weather: then even its middle goes to the teacher."""
    hot = crowd_at(*[USUAL + 2.1] * 50)
    assert word(judged(*[USUAL + 2.1] * 4, people=hot)) == (Verdict.HIGH, Reason.ABOVE_GUARD)


@pytest.mark.parametrize("slope", [1.0, 0.8])
def test_the_guard_is_judged_by_the_constant_offset_however_the_estimate_is_shown(slope: float) -> None:
    rules = replace(RULES, slope=slope, high_above_celsius=4.0, again_above_celsius=3.0)
    assert judged(*[USUAL + 1.1] * 4, rules=rules).verdict is Verdict.HIGH
    assert judged(*[USUAL + 0.9] * 4, rules=rules).verdict is Verdict.NORMAL


@pytest.mark.parametrize("bias", [-1.0, -0.5, 0.0, 0.5, 1.0])
def test_weather_that_is_on_everybody_changes_neither_verdict_nor_estimate(bias: float) -> None:
    people = crowd_at(*[USUAL + bias] * 50)
    for above, verdict in ((0.0, Verdict.NORMAL), (0.6, Verdict.AGAIN), (0.9, Verdict.HIGH)):
        judgement = judged(*[USUAL + bias + above] * 4, people=people)
        assert judgement.verdict is verdict
        assert judgement.estimate_celsius == pytest.approx(36.97 - 34.32 + USUAL + above, abs=0.05)


@pytest.mark.parametrize(
    ("air", "sensor", "reason"),
    [
        (15.9, 23.0, Reason.TOO_COLD_HERE),
        (23.0, 15.0, Reason.TOO_COLD_HERE),
        (40.1, 23.0, Reason.TOO_WARM_HERE),
        (23.0, 41.0, Reason.TOO_WARM_HERE),
    ],
)
def test_nobody_is_screened_in_air_the_sensor_is_not_made_for(air: float, sensor: float, reason: Reason) -> None:
    for samples in ([USUAL] * 4, [FEBRILE] * 4, []):
        assert word(judged(*samples, ambient_celsius=air, sensor_celsius=sensor)) == (Verdict.CANNOT_SCREEN, reason)


def test_a_crowd_of_walls_calls_no_wall_normal() -> None:
    walls = crowd_at(*[31.0] * 50)
    assert word(judged(*[31.0] * 4, people=walls)) == (Verdict.AGAIN, Reason.UNCOVER_FOREHEAD)
    assert not judging.joins(RULES, judged(*[31.0] * 4))
    assert judging.joins(RULES, judged(*[USUAL - 2] * 4))
    assert not judging.joins(RULES, judged(USUAL))


def test_air_that_nobody_has_measured_gives_no_verdict() -> None:
    assert judged(*[USUAL] * 4, ambient_celsius=None).verdict is Verdict.AGAIN


def test_before_a_wall_like_skin_the_sensor_alone_says_nothing_of_anybody() -> None:
    for samples in ([USUAL] * 4, [FEBRILE] * 4, []):
        assert word(judged(*samples, alone=True)) == (Verdict.CANNOT_SCREEN, Reason.TOO_WARM_HERE)


def test_two_faces_are_asked_to_come_one_at_a_time() -> None:
    assert word(judged(*[USUAL] * 4, crowded=True)) == (Verdict.AGAIN, Reason.ONE_AT_A_TIME)


def test_a_crowd_that_came_through_frost_and_by_car_compares_with_nobody() -> None:
    mixed_crowd = crowd_at(*[USUAL + (1.9 if number % 2 else -1.9) for number in range(50)])
    middle = crowd.baseline(mixed_crowd)
    assert middle is not None
    assert word(judged(*[middle] * 4, people=mixed_crowd)) == (Verdict.CANNOT_SCREEN, Reason.CROWD_TOO_MIXED)


def test_a_wall_warmer_than_skin_calls_nobody_high() -> None:
    assert word(judged(*[FEBRILE] * 4, background_celsius=45.0)) == (Verdict.AGAIN, Reason.TOO_WARM_HERE)
    second = judged(*[FEBRILE] * 4, background_celsius=45.0, retake=True)
    assert word(second) == (Verdict.CANNOT_SCREEN, Reason.TOO_WARM_HERE)


def test_something_hot_in_view_calls_nobody_high_at_the_first_look() -> None:
    assert word(judged(*[FEBRILE] * 4, hot=1)) == (Verdict.AGAIN, Reason.HOT_OBJECT)


def dirty(celsius: float, how: str) -> float:
    """A sample of a student with this skin, spoiled."""
    return {"hair": celsius - 3, "cold wall": mixed(celsius, 20, 0.1), "hot wall": mixed(celsius, 45, 0.1)}[how]


@pytest.mark.parametrize("how", ["hair", "cold wall", "hot wall"])
@pytest.mark.parametrize("spoiled", [0, 1, 2])
def test_two_clean_samples_keep_a_febrile_student_from_normal_and_spoiled_ones_a_normal_one_from_high(
    how: str, spoiled: int
) -> None:
    """Requirement 17, every order of the samples."""
    background = 45.0 if how == "hot wall" else 20.0
    for skin_celsius, never in ((FEBRILE, Verdict.NORMAL), (USUAL, Verdict.HIGH)):
        samples = [skin_celsius] * (4 - spoiled) + [dirty(skin_celsius, how)] * spoiled
        for order in set(permutations(samples)):
            for retake in (False, True):
                judgement = judged(*order, background_celsius=background, retake=retake)
                assert judgement.verdict is not never, (how, order, judgement)


@given(
    st.lists(st.floats(30, 42), max_size=6),
    st.integers(0, 3),
    st.integers(0, 3),
    st.booleans(),
    st.booleans(),
    st.one_of(st.none(), st.floats(-10, 60)),
    st.one_of(st.none(), st.floats(-10, 60)),
    st.lists(st.floats(28, 40), max_size=60),
)
def test_normal_always_stands_on_three_samples_that_agree_in_air_that_is_known(
    samples: list[float],
    low: int,
    hot: int,
    crowded: bool,
    retake: bool,
    air: float | None,
    background: float | None,
    people: list[float],
) -> None:
    found = Findings(tuple(samples), low, hot, crowded, False, retake, False, air, air, background)
    judgement = judge(RULES, CROWD_RULES, crowd_at(*people), found)
    assert (judgement.verdict is Verdict.NORMAL) == (judgement.reason is Reason.NONE)
    assert not (retake and judgement.verdict is Verdict.AGAIN)
    if judgement.verdict is Verdict.NORMAL:
        assert len(samples) >= 3
        assert not crowded
        assert air is not None
        assert 16 <= air <= 40
        value = judging.statistic(tuple(samples))
        assert judgement.skin_celsius == value
        near = sorted(abs(one - value) for one in samples if value is not None)
        assert near[1] <= 0.5


def test_the_fit_of_the_rules_is_the_one_of_the_forehead_a_thermopile_sees() -> None:
    assert RULES.fit is skin.FOREHEAD_CENTRE

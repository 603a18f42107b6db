"""One student after another: who stands there, when a verdict falls, and what the kiosk shows meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from edge import crowd, screening, skin, thermometer
from edge.events import Ticked
from edge.measuring import (
    CameraFound,
    CameraLost,
    FacesSeen,
    MeasureEvery,
    Reason,
    ReferenceRead,
    Screen,
    SkinMissed,
    SkinRead,
    TellPupil,
    Verdict,
)
from edge.presence import Mode
from edge.thermometer import Flow, HourlyCounts, Screened
from tests.unit.pupils import BCC, USUAL, WALL, Kiosk

CAMERA = replace(BCC, mode=Mode.CAMERA, camera=True)
BOTH = replace(BCC, mode=Mode.BOTH, camera=True)


def verdicts(kiosk: Kiosk) -> list[tuple[Verdict, Reason]]:
    return [(one.verdict, one.judgement.reason) for one in kiosk.all(Screened)]


def test_a_usual_student_is_measured_and_let_through() -> None:
    kiosk = Kiosk()
    kiosk.see(WALL, WALL)
    kiosk.see(*[USUAL] * 5)
    assert kiosk.screens() == [Screen.MEASURING, Screen.NORMAL]
    (student,) = kiosk.all(Screened)
    assert student.visit == 1
    assert student.judgement.samples == 4
    assert student.judgement.skin_celsius == pytest.approx(USUAL)
    assert student.at_ms - student.arrived_ms == 600


def test_no_reading_before_the_part_has_settled_counts() -> None:
    kiosk = Kiosk(replace(BCC, part=skin.PARTS["DCI"]))
    kiosk.see(WALL)
    kiosk.see(*[31.0, 33.0, 33.9, 34.2, 34.25], *[USUAL] * 4)
    (student,) = kiosk.all(Screened)
    assert student.judgement.samples == 4
    assert student.judgement.skin_celsius == pytest.approx(USUAL)


def test_the_verdict_is_spoken_once_however_long_a_student_stays() -> None:
    kiosk = Kiosk()
    kiosk.see(WALL, *[USUAL] * 60, WALL)
    assert len(kiosk.all(Screened)) == 1
    assert kiosk.screens() == [Screen.MEASURING, Screen.NORMAL]


def test_students_a_quarter_of_a_second_apart_are_told_from_each_other() -> None:
    kiosk = Kiosk()
    kiosk.see(WALL)
    for _ in range(30):
        kiosk.see(*[USUAL] * 5, WALL)
    assert [one.visit for one in kiosk.all(Screened)] == list(range(1, 31))


def test_who_goes_after_three_samples_is_judged_by_the_middle_one() -> None:
    kiosk = Kiosk()
    kiosk.see(WALL, *[USUAL] * 4, WALL)
    assert verdicts(kiosk) == [(Verdict.NORMAL, Reason.NONE)]
    assert kiosk.all(Screened)[0].judgement.samples == 3


def test_who_goes_after_two_samples_is_not_called_normal() -> None:
    kiosk = Kiosk()
    kiosk.see(WALL, *[USUAL] * 3, WALL)
    assert verdicts(kiosk) == [(Verdict.AGAIN, Reason.TOO_FEW_SAMPLES)]


def test_who_only_walks_past_is_nobody() -> None:
    kiosk = Kiosk()
    kiosk.see(WALL, 31.0, WALL)
    assert kiosk.all(Screened) == []
    assert kiosk.screens() == [Screen.MEASURING, Screen.IDLE]


def test_a_borderline_student_is_measured_once_more_and_then_let_through() -> None:
    kiosk = Kiosk()
    kiosk.warm()
    before = len(kiosk.all(Screened))
    kiosk.see(*[USUAL + 0.6] * 5)
    assert kiosk.screens()[-1] is Screen.AGAIN
    assert len(kiosk.all(Screened)) == before
    kiosk.see(*[USUAL + 0.4] * 12)
    assert kiosk.screens()[-1] is Screen.NORMAL
    assert kiosk.all(Screened)[-1].attempts == 2
    assert len(kiosk.all(Screened)) == before + 1


def test_a_student_who_is_borderline_twice_goes_to_the_teacher_and_is_not_measured_a_third_time() -> None:
    kiosk = Kiosk()
    kiosk.warm()
    kiosk.see(*[USUAL + 0.6] * 40)
    assert kiosk.screens()[-3:] == [Screen.MEASURING, Screen.AGAIN, Screen.HIGH]
    assert verdicts(kiosk)[-1] == (Verdict.HIGH, Reason.BORDERLINE)


def test_a_covered_forehead_is_asked_for_and_then_left_to_the_teacher() -> None:
    kiosk = Kiosk()
    kiosk.warm()
    kiosk.see(*[29.0] * 40)
    assert kiosk.screens()[-3:] == [Screen.MEASURING, Screen.AGAIN, Screen.CANNOT_SCREEN]
    assert verdicts(kiosk)[-1] == (Verdict.CANNOT_SCREEN, Reason.UNCOVER_FOREHEAD)


def test_the_second_look_waits_for_the_student_to_do_what_is_asked() -> None:
    kiosk = Kiosk()
    kiosk.warm()
    kiosk.see(*[29.0] * 12)
    assert kiosk.screens()[-1] is Screen.AGAIN
    kiosk.see(*[29.0] * 6, *[USUAL] * 5)
    assert kiosk.screens()[-1] is Screen.NORMAL
    assert kiosk.all(Screened)[-1].judgement.samples == 4


def test_who_goes_during_the_second_look_keeps_the_first_ones_word() -> None:
    kiosk = Kiosk()
    kiosk.warm()
    kiosk.see(*[USUAL + 0.6] * 8, WALL)
    assert verdicts(kiosk)[-1] == (Verdict.AGAIN, Reason.BORDERLINE)
    assert kiosk.state.tally.today[Verdict.AGAIN] == 1


def test_a_cup_before_the_face_is_neither_a_student_nor_a_fever() -> None:
    kiosk = Kiosk()
    kiosk.warm()
    before = len(kiosk.all(Screened))
    kiosk.see(60.0, 60.0, *[USUAL] * 6, WALL)
    assert verdicts(kiosk)[before:] == [(Verdict.NORMAL, Reason.NONE)]


def test_after_something_hot_a_slow_sensor_settles_anew() -> None:
    kiosk = Kiosk(replace(BCC, part=skin.PARTS["DCI"]))
    kiosk.see(WALL, *[50.0] * 6, 38.0, 36.5, 35.2, 34.6, *[USUAL] * 5)
    assert kiosk.all(Screened)[-1].judgement.skin_celsius == pytest.approx(USUAL)


def test_a_look_that_brings_no_samples_ends_by_time() -> None:
    kiosk = Kiosk()
    kiosk.see(WALL, USUAL)
    kiosk.wait(1_700)
    assert kiosk.screens()[-1] is Screen.AGAIN
    kiosk.see(USUAL)
    kiosk.wait(2_700)
    assert verdicts(kiosk) == [(Verdict.CANNOT_SCREEN, Reason.TOO_FEW_SAMPLES)]


def test_in_the_cold_nobody_is_called_normal() -> None:
    kiosk = Kiosk()
    kiosk.air = 9.0
    kiosk.see(5.0, 5.0)
    kiosk.see(*[USUAL] * 5, 5.0)
    assert verdicts(kiosk) == [(Verdict.CANNOT_SCREEN, Reason.TOO_COLD_HERE)]


def test_before_a_wall_as_warm_as_skin_the_sensor_alone_lets_nobody_through() -> None:
    kiosk = Kiosk()
    kiosk.air = 32.0
    kiosk.see(*[32.0] * 10)
    kiosk.see(*[USUAL] * 6, 32.0)
    assert verdicts(kiosk) == [(Verdict.CANNOT_SCREEN, Reason.TOO_WARM_HERE)]


def test_supply_and_emissivity_are_taken_off_before_anything_is_judged() -> None:
    kiosk = Kiosk(replace(BCC, supply_volts=3.3, emissivity=0.98))
    kiosk.air = 17.0
    kiosk.see(WALL, *[34.0] * 5)
    skin_celsius = kiosk.all(Screened)[0].judgement.skin_celsius
    assert skin_celsius == pytest.approx(skin.corrected(34.0, 17.0, 3.3, 0.98))
    assert skin_celsius != pytest.approx(34.0, abs=0.05)


def test_the_room_sensor_replaces_the_infrared_sensors_own_temperature_while_it_speaks() -> None:
    kiosk = Kiosk(replace(BCC, room=True))
    kiosk.air = 30.0
    kiosk.take(ReferenceRead(22.0, kiosk.now_ms))
    kiosk.see(WALL)
    assert kiosk.student().ambient_celsius == 22.0
    kiosk.idle(62)
    assert kiosk.student().ambient_celsius == 30.0


# --- the crowd --------------------------------------------------------------------------------------------------


def test_each_student_counts_once_in_the_crowd() -> None:
    kiosk = Kiosk()
    kiosk.warm(21)
    assert len(kiosk.state.crowd.members) == 21
    kiosk.see(*[USUAL + 0.6] * 40, WALL)
    assert len(kiosk.state.crowd.members) == 22


def test_the_crowd_outlives_a_restart() -> None:
    kiosk = Kiosk()
    kiosk.warm()
    kept = thermometer.keep(kiosk.state)
    fresh = Kiosk()
    fresh.state = thermometer.recalled(fresh.state, kept, 40 * 60_000, fresh.now_ms)
    fresh.see(WALL)
    assert fresh.student(USUAL + 0.85).judgement.reason is Reason.ABOVE_CROWD
    cold = Kiosk()
    cold.state = thermometer.recalled(cold.state, kept, 46 * 60_000, cold.now_ms)
    assert cold.state.crowd.members == ()


def test_a_change_of_the_air_by_three_degrees_forgets_the_crowd() -> None:
    kiosk = Kiosk()
    kiosk.warm()
    kiosk.air += 2.5
    kiosk.see(WALL)
    assert kiosk.state.crowd.members
    kiosk.air += 1.0
    kiosk.see(WALL)
    assert kiosk.state.crowd.members == ()


def test_a_slow_change_of_the_air_leaves_the_crowd() -> None:
    kiosk = Kiosk()
    kiosk.warm()
    for _ in range(60):
        kiosk.air += 0.08
        kiosk.idle(20)
    assert kiosk.state.crowd.members


# --- the sensor's troubles --------------------------------------------------------------------------------------


def test_more_than_a_fifth_of_missed_readings_is_a_fault_and_gives_no_verdict() -> None:
    kiosk = Kiosk()
    kiosk.see(WALL)
    for _ in range(20):
        kiosk.miss()
        kiosk.see(*[WALL] * 3)
    assert kiosk.troubles() == []
    kiosk.miss()
    assert kiosk.troubles() == [("sensor_fault", "", True)]
    assert kiosk.screens()[-1] is Screen.OUT_OF_ORDER
    kiosk.see(*[USUAL] * 10, WALL)
    assert kiosk.all(Screened) == []


def test_a_bus_that_hangs_for_a_second_is_no_fault() -> None:
    kiosk = Kiosk()
    kiosk.see(WALL)
    kiosk.miss(6)
    kiosk.see(WALL, *[USUAL] * 5)
    assert kiosk.troubles() == []
    assert verdicts(kiosk) == [(Verdict.NORMAL, Reason.NONE)]


def test_a_sensor_that_says_nothing_for_five_seconds_is_a_fault() -> None:
    kiosk = Kiosk()
    kiosk.see(WALL)
    kiosk.wait(4_900)
    assert kiosk.troubles() == []
    kiosk.wait(200)
    assert kiosk.troubles() == [("sensor_fault", "", True)]


def test_a_student_who_stands_there_when_the_sensor_fails_goes_to_the_teacher() -> None:
    kiosk = Kiosk()
    kiosk.see(WALL, *[USUAL] * 3)
    kiosk.miss(40)
    assert [one.verdict for one in kiosk.all(Screened)] == [Verdict.CANNOT_SCREEN]


def test_the_kiosk_comes_back_by_itself_with_a_crowd_to_be_learnt_anew() -> None:
    kiosk = Kiosk()
    kiosk.warm()
    kiosk.miss(6, every_ms=1_000)
    kiosk.take(Ticked(kiosk.now_ms))
    assert kiosk.troubles() == [("sensor_fault", "", True)]
    kiosk.see(*[WALL] * 20, every_ms=1_000)
    assert kiosk.troubles() == [("sensor_fault", "", True), ("sensor_fault", "", False)]
    assert kiosk.screens()[-1] is Screen.IDLE
    assert kiosk.state.crowd.members == ()
    assert kiosk.student().verdict is Verdict.NORMAL


def test_a_black_body_takes_the_sensors_drift_off_and_tells_when_it_is_large() -> None:
    kiosk = Kiosk(replace(CAMERA, black_body=True))
    kiosk.take(CameraFound("yunet", kiosk.now_ms))
    for _ in range(40):
        kiosk.take(ReferenceRead(35.0, kiosk.now_ms))
        kiosk.look(0)
        kiosk.see(35.6)
    assert kiosk.troubles() == [("sensor_fault", "drift", True)]
    kiosk.look(1)
    for _ in range(6):
        kiosk.look(1)
        kiosk.see(USUAL + 0.6)
    skin_celsius = kiosk.all(Screened)[0].judgement.skin_celsius
    assert skin_celsius == pytest.approx(USUAL, abs=0.02)


def test_a_hand_before_the_black_body_is_not_taken_for_drift() -> None:
    kiosk = Kiosk(replace(CAMERA, black_body=True))
    kiosk.take(CameraFound("yunet", kiosk.now_ms))
    kiosk.take(ReferenceRead(35.0, kiosk.now_ms))
    for celsius in (35.0, *[24.0] * 20):
        kiosk.look(0)
        kiosk.see(celsius)
    assert kiosk.state.sound.drift_celsius == pytest.approx(0.0)
    assert kiosk.troubles() == []


@pytest.mark.parametrize("mode", [Mode.THERMOPILE, Mode.BOTH])
def test_before_a_black_body_as_warm_as_skin_only_the_camera_finds_students(mode: Mode) -> None:
    """So the settings refuse these two: the jump that they need is not there."""
    kiosk = Kiosk(replace(CAMERA, black_body=True, mode=mode))
    kiosk.take(CameraFound("yunet", kiosk.now_ms))
    for faces, celsius in [*[(0, 35.0)] * 5, *[(1, USUAL)] * 10, *[(0, 35.0)] * 5]:
        kiosk.take(ReferenceRead(35.0, kiosk.now_ms))
        kiosk.look(faces)
        kiosk.see(celsius)
    assert kiosk.all(Screened) == []


def test_while_the_camera_is_gone_no_face_is_taken_for_the_black_body() -> None:
    kiosk = Kiosk(replace(CAMERA, black_body=True))
    kiosk.take(CameraFound("yunet", kiosk.now_ms))
    kiosk.take(ReferenceRead(35.0, kiosk.now_ms))
    kiosk.look(0)
    kiosk.see(35.0)
    kiosk.take(CameraLost("killed", kiosk.now_ms))
    kiosk.see(*[33.9] * 20)
    assert kiosk.state.sound.drift_celsius == pytest.approx(0.0)


# --- the camera -------------------------------------------------------------------------------------------------


def with_camera(kiosk: Kiosk) -> Kiosk:
    kiosk.take(CameraFound("yunet", kiosk.now_ms))
    kiosk.look(0)
    kiosk.see(WALL, WALL)
    kiosk.look(0)
    return kiosk


def test_with_a_camera_a_face_in_the_zone_begins_a_visit_and_two_empty_pictures_end_it() -> None:
    kiosk = with_camera(Kiosk(CAMERA))
    kiosk.look(1)
    assert kiosk.screens()[-1] is Screen.MEASURING
    for _ in range(6):
        kiosk.see(USUAL)
        kiosk.look(1)
    kiosk.look(0)
    assert kiosk.state.visit is not None
    kiosk.look(0)
    assert kiosk.state.visit is None
    assert verdicts(kiosk) == [(Verdict.NORMAL, Reason.NONE)]


def test_with_a_camera_alone_a_warm_hand_is_no_student() -> None:
    kiosk = with_camera(Kiosk(CAMERA))
    kiosk.see(*[USUAL] * 2)
    kiosk.look(0)
    assert kiosk.screens() == []


def test_with_both_a_face_without_warmth_and_warmth_without_a_face_are_nobody() -> None:
    kiosk = with_camera(Kiosk(BOTH))
    for _ in range(4):
        kiosk.look(1)
        kiosk.see(WALL)
    for _ in range(4):
        kiosk.look(0)
        kiosk.see(USUAL)
    assert kiosk.all(Screened) == []
    assert Screen.MEASURING not in kiosk.screens()


def test_with_both_a_face_and_warmth_are_a_student() -> None:
    kiosk = with_camera(Kiosk(BOTH))
    for _ in range(6):
        kiosk.look(1)
        kiosk.see(USUAL)
    assert verdicts(kiosk) == [(Verdict.NORMAL, Reason.NONE)]


def test_a_student_who_leans_back_while_the_face_is_seen_is_still_the_same() -> None:
    kiosk = with_camera(Kiosk(BOTH))
    for celsius in (*[USUAL] * 6, WALL, WALL, *[USUAL] * 6):
        kiosk.look(1)
        kiosk.see(celsius)
    assert len(kiosk.all(Screened)) == 1


def test_a_face_beyond_the_zone_is_shown_where_to_stand() -> None:
    kiosk = with_camera(Kiosk(CAMERA))
    kiosk.look(0, distance_cm=90.0)
    assert kiosk.screens()[-1] is Screen.STAND_HERE
    kiosk.look(0)
    assert kiosk.screens()[-1] is Screen.IDLE


def test_two_faces_in_the_zone_are_asked_to_come_one_at_a_time() -> None:
    kiosk = with_camera(Kiosk(CAMERA))
    for _ in range(6):
        kiosk.look(2)
        kiosk.see(USUAL)
    assert kiosk.all(TellPupil)[-1] == TellPupil(Screen.AGAIN, Reason.ONE_AT_A_TIME)


@pytest.mark.parametrize("rules", [CAMERA, BOTH])
def test_without_its_camera_the_kiosk_goes_on_by_the_sensor_alone(rules: thermometer.ThermometerRules) -> None:
    kiosk = with_camera(Kiosk(rules))
    kiosk.take(CameraLost("killed", kiosk.now_ms))
    assert kiosk.troubles() == [("camera_lost", "", True)]
    assert kiosk.student().verdict is Verdict.NORMAL
    kiosk.take(CameraFound("yunet", kiosk.now_ms))
    assert kiosk.troubles()[-1] == ("camera_lost", "", False)


@pytest.mark.parametrize("detector", ["yunet", "none"])
def test_a_camera_that_shows_nothing_does_not_blind_the_kiosk(detector: str) -> None:
    kiosk = Kiosk(CAMERA)
    kiosk.take(CameraFound(detector, kiosk.now_ms))
    kiosk.see(WALL, *[WALL] * 5)
    assert kiosk.student().verdict is Verdict.NORMAL


def test_a_camera_that_never_comes_is_told_after_a_minute() -> None:
    kiosk = Kiosk(CAMERA)
    kiosk.idle(59)
    assert kiosk.troubles() == []
    kiosk.idle(2)
    assert kiosk.troubles() == [("camera_lost", "", True)]


# --- what is shown, and the pace --------------------------------------------------------------------------------


def test_the_number_is_public_only_beside_normal() -> None:
    kiosk = Kiosk()
    kiosk.warm()
    kiosk.see(*[USUAL] * 5)
    assert kiosk.state.estimate_celsius == pytest.approx(36.95, abs=0.2)
    kiosk.see(WALL)
    for celsius in (USUAL + 0.6, USUAL + 1.5, 29.0):
        kiosk.see(*[celsius] * 14, WALL)
        assert kiosk.state.estimate_celsius is None


def test_a_verdict_stays_a_second_and_a_half_and_the_teachers_longer() -> None:
    kiosk = Kiosk()
    kiosk.warm()
    kiosk.wait(1_200)
    assert kiosk.state.shown.screen is Screen.NORMAL
    kiosk.wait(400)
    assert kiosk.state.shown.screen is Screen.IDLE
    kiosk.see(WALL, *[USUAL + 1.5] * 5, WALL)
    kiosk.wait(3_500)
    assert kiosk.state.shown.screen is Screen.HIGH
    kiosk.wait(600)
    assert kiosk.state.shown.screen is Screen.IDLE


def test_the_next_student_takes_the_screen_from_a_verdict() -> None:
    kiosk = Kiosk()
    kiosk.warm()
    kiosk.see(USUAL)
    assert kiosk.state.shown.screen is Screen.MEASURING


def test_a_bag_that_stays_becomes_background_and_students_are_seen_again() -> None:
    kiosk = Kiosk()
    kiosk.see(WALL, 29.0)
    for _ in range(40):
        kiosk.see(30.5, every_ms=500)
        kiosk.see(29.0, every_ms=500)
        kiosk.take(Ticked(kiosk.now_ms))
        if kiosk.state.visit is None:
            break
    assert kiosk.state.background_celsius == 29.0
    kiosk.see(*[USUAL] * 5, 29.0)
    assert len(kiosk.all(Screened)) == 2


def test_who_is_still_seen_after_half_a_minute_is_no_new_student() -> None:
    kiosk = with_camera(Kiosk(CAMERA))
    for _ in range(200):
        kiosk.look(1)
        kiosk.see(USUAL)
        kiosk.take(Ticked(kiosk.now_ms))
    assert len(kiosk.all(Screened)) == 1


def test_a_crowd_far_from_any_skin_does_not_say_what_skin_is_like() -> None:
    kiosk = Kiosk()
    for _ in range(30):
        kiosk.state = replace(
            kiosk.state, crowd=crowd.joined(kiosk.state.crowd, kiosk.state.rules.crowd, 31.0, kiosk.now_ms)
        )
    assert screening.usual(kiosk.state) == pytest.approx(skin.FOREHEAD_CENTRE.skin_celsius - 1.0)


def test_the_sensor_is_read_quickly_while_somebody_stands_there_and_rests_when_nobody_comes() -> None:
    kiosk = Kiosk()
    kiosk.see(WALL, USUAL)
    assert kiosk.all(MeasureEvery) == [MeasureEvery(150)]
    kiosk.see(*[USUAL] * 4, WALL)
    kiosk.idle(9)
    assert kiosk.state.every_ms == 150
    kiosk.idle(2)
    assert kiosk.all(MeasureEvery)[-1] == MeasureEvery(screening.IDLE_MS)
    assert screening.IDLE_MS >= 1_000, "reading more often disturbs the sensor"


def test_a_face_on_its_way_wakes_the_sensor() -> None:
    kiosk = with_camera(Kiosk(BOTH))
    kiosk.look(0, distance_cm=120.0)
    assert kiosk.all(MeasureEvery) == [MeasureEvery(150)]


@pytest.mark.parametrize("wall", [20.0, 30.0])
def test_who_stands_there_when_the_kiosk_starts_is_not_measured_and_the_next_is(wall: float) -> None:
    kiosk = Kiosk()
    kiosk.see(*[USUAL] * 6, *[wall] * 2)
    assert kiosk.all(Screened) == []
    for _ in range(3):
        kiosk.see(*[USUAL] * 6, wall)
    assert [one.verdict for one in kiosk.all(Screened)][1:] == [Verdict.NORMAL] * 2


@pytest.mark.parametrize("wall", [30.0, 45.0])
def test_a_warm_wall_at_the_start_is_not_a_student(wall: float) -> None:
    kiosk = Kiosk()
    kiosk.see(*[wall] * 20)
    assert kiosk.screens() == []
    kiosk.see(*[USUAL] * 5, wall)
    assert len(kiosk.all(Screened)) == 1


# --- counts -----------------------------------------------------------------------------------------------------


def test_a_flow_is_told_each_five_minutes_and_once_more_when_nobody_came() -> None:
    kiosk = Kiosk()
    kiosk.warm(6)
    kiosk.see(*[USUAL + 1.5] * 5, WALL)
    kiosk.idle(1_200)
    flows = kiosk.all(Flow)
    assert [(one.students, one.high) for one in flows] == [(7, 1), (0, 0)]
    assert flows[0].median_skin_celsius == pytest.approx(USUAL, abs=0.1)
    assert flows[1].median_skin_celsius is None


def test_where_only_hourly_counts_may_leave_no_single_temperature_does() -> None:
    kiosk = Kiosk(replace(BCC, hourly_counts=True))
    kiosk.warm(6)
    kiosk.idle(3_700)
    assert kiosk.all(Screened) == []
    (hour,) = kiosk.all(HourlyCounts)
    assert hour.counts == {Verdict.NORMAL: 6}


def test_where_events_may_leave_hourly_counts_are_not_told() -> None:
    kiosk = Kiosk()
    kiosk.warm(2)
    kiosk.idle(3_700)
    assert kiosk.all(HourlyCounts) == []


# --- whatever comes ---------------------------------------------------------------------------------------------

CELSIUS = st.one_of(st.floats(-40, 120), st.sampled_from([WALL, USUAL, USUAL + 1.2, 29.0, 45.0, 60.0]))


@st.composite
def histories(draw: st.DrawFn) -> list[thermometer.News]:
    news: list[thermometer.News] = []
    at_ms = 0
    for kind in draw(st.lists(st.sampled_from("rrrrrrrmtfFLT"), max_size=90)):
        at_ms += draw(st.sampled_from([10, 100, 150, 150, 160, 1_000, 7_000]))
        match kind:
            case "r":
                celsius, air = draw(CELSIUS), draw(st.sampled_from([23.0, 23.0, 23.0, 5.0, 41.0]))
                news += [SkinRead(celsius, air, at_ms + 150 * more) for more in range(draw(st.integers(1, 6)))]
                at_ms = news[-1].at_ms
            case "m":
                news.append(SkinMissed("no_answer", at_ms))
            case "t" | "T":
                news.append(Ticked(at_ms))
            case "f":
                news.append(FacesSeen(draw(st.integers(0, 2)), draw(st.sampled_from([None, 45.0])), True, at_ms))
            case "F":
                news.append(CameraFound(draw(st.sampled_from(["yunet", "none"])), at_ms))
            case "L":
                news.append(CameraLost("gone", at_ms))
    return news


@settings(max_examples=300)
@given(histories(), st.sampled_from([BCC, CAMERA, BOTH, replace(BCC, part=skin.PARTS["DCI"])]))
def test_whatever_comes_each_student_has_one_word_and_normal_has_three_samples_under_it(
    news: list[thermometer.News], rules: thermometer.ThermometerRules
) -> None:
    kiosk = Kiosk(rules, now_ms=0)
    shown = {}
    in_range: list[int] = []
    for one in news:
        kiosk.take(one)
        if isinstance(one, SkinRead) and 30 <= one.object_celsius <= 42:
            in_range.append(one.at_ms)
        if isinstance(one, Ticked):
            wake_ms = thermometer.wake_at(kiosk.state)
            assert wake_ms is None or wake_ms > one.at_ms
        shown[kiosk.state.visits] = kiosk.state.shown.screen
        assert (kiosk.state.shown.screen is Screen.OUT_OF_ORDER) == kiosk.state.sound.fault
        assert kiosk.state.estimate_celsius is None or kiosk.state.shown.screen is Screen.NORMAL
        if kiosk.state.shown.screen is Screen.NORMAL:
            assert kiosk.all(Screened)[-1].verdict is Verdict.NORMAL
    visits = [one.visit for one in kiosk.all(Screened)]
    assert visits == sorted(set(visits))
    for student in kiosk.all(Screened):
        if student.verdict is Verdict.NORMAL:
            settled_ms = student.arrived_ms + rules.part.settle_ms
            assert sum(settled_ms <= at_ms <= student.at_ms for at_ms in in_range) >= 3
            assert student.judgement.samples >= 3
    assert 30 <= (crowd.baseline(kiosk.state.crowd) or 30) <= 37

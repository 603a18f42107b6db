"""What screens see of the kiosk, and from which settings its rules are made."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from edge import kiosk_view, skin
from edge.events import ClockRead
from edge.kiosk_rules import rules_of
from edge.kiosk_settings import CameraSettings, PrivacySettings, ThermometerSettings
from edge.measuring import CameraFound
from edge.presence import Mode
from edge.timekeeping import Timekeeping, step
from tests.unit.pupils import USUAL, WALL, Kiosk

CLOCK, _ = step(Timekeeping(), ClockRead(0, 1_700_000_000_000, 10))


def shown(kiosk: Kiosk) -> dict[str, object]:
    """As it goes through the socket."""
    decoded = json.loads(json.dumps(kiosk_view.view(kiosk.state, CLOCK, kiosk.now_ms)))
    assert isinstance(decoded, dict)
    return decoded


def test_nobody_there_yet() -> None:
    kiosk = Kiosk()
    kiosk.see(WALL)
    assert shown(kiosk) == {
        "screen": "idle", "reason": "none", "visit": 0, "since_ms": 10_000, "estimate_celsius": None,
        "warming_up": True,
        "sensor": {"error_share": 0.0, "fault": False, "ambient_celsius": 23.0, "detector": None},
        "teacher": {
            "today": {"normal": 0, "again": 0, "high": 0, "cannot_screen": 0}, "flow": [], "recent": [],
            "crowd_celsius": None, "crowd_students": 0,
        },
    }  # fmt: skip


def test_a_normal_student_sees_a_number_with_one_decimal() -> None:
    kiosk = Kiosk()
    kiosk.warm()
    kiosk.see(*[USUAL] * 5)
    view = shown(kiosk)
    assert (view["screen"], view["visit"], view["warming_up"]) == ("normal", 21, False)
    assert view["estimate_celsius"] == 37.0
    assert view["since_ms"] == kiosk.now_ms


def test_who_goes_to_the_teacher_sees_no_number_and_the_teacher_does() -> None:
    kiosk = Kiosk()
    kiosk.take(CameraFound("yunet", kiosk.now_ms))
    kiosk.warm()
    kiosk.see(*[USUAL + 1.3] * 5)
    view = shown(kiosk)
    assert (view["screen"], view["estimate_celsius"]) == ("high", None)
    teacher = view["teacher"]
    assert isinstance(teacher, dict)
    assert teacher["today"] == {"normal": 20, "again": 0, "high": 1, "cannot_screen": 0}
    assert teacher["crowd_students"] == 21
    (recent,) = teacher["recent"]
    wall_ms = 1_700_000_000_000 + kiosk.now_ms
    assert recent == {
        "visit": 21, "wall_ms": wall_ms, "clock": "synced", "verdict": "high", "reason": "above_guard",
        "skin_celsius": 35.6, "estimate_celsius": 38.27, "above_crowd_celsius": 1.3,
    }  # fmt: skip
    assert sum(students for _, students in teacher["flow"]) == 21
    assert all(minute_ms % 60_000 == 0 for minute_ms, _ in teacher["flow"])


def test_the_flow_is_of_the_last_hour() -> None:
    kiosk = Kiosk()
    kiosk.warm(3)
    kiosk.idle(61 * 60)
    teacher = shown(kiosk)["teacher"]
    assert isinstance(teacher, dict)
    assert teacher["flow"] == []
    assert teacher["today"]["normal"] == 3


def test_rules_come_from_the_settings() -> None:
    given = ThermometerSettings(
        part="BCC", supply_volts=3.2, emissivity=0.97, reference="room", presence="both", again_above_celsius=0.4,
        high_above_celsius=0.9, guard_celsius=38.5, crowd_students=40, warm_up_students=15, crowd_kept_minutes=30,
        ambient_celsius_min=17.0, ambient_celsius_max=39.0,
    )  # fmt: skip
    rules = rules_of(given, CameraSettings(), PrivacySettings(temperature="hourly_counts"))
    assert (rules.part, rules.supply_volts, rules.emissivity) == (skin.PARTS["BCC"], 3.2, 0.97)
    assert (rules.mode, rules.camera, rules.room, rules.black_body) == (Mode.BOTH, True, True, False)
    assert rules.hourly_counts
    judging = rules.judging
    assert (judging.again_above_celsius, judging.high_above_celsius, judging.guard_celsius) == (0.4, 0.9, 38.5)
    assert (judging.ambient_celsius, judging.noise_celsius, judging.slope) == ((17.0, 39.0), 0.18, 1.0)
    assert (rules.crowd.students, rules.crowd.warm_up, rules.crowd.kept_ms) == (40, 15, 1_800_000)


def test_the_spread_is_matched_where_the_settings_say_so() -> None:
    rules = rules_of(ThermometerSettings(part="DCI", estimate="matched_spread"), None, PrivacySettings())
    assert rules.judging.slope == rules.judging.fit.spread
    assert not rules.camera


@pytest.mark.parametrize(
    "other", [{"part": "BCC"}, {"supply_volts": 3.0}, {"emissivity": 0.97}, {"reference": "black_body"}]
)
def test_another_sensor_or_correction_has_another_crowd(other: dict[str, object]) -> None:
    given = ThermometerSettings(part="DCI")
    first, second = (
        rules_of(one, None, PrivacySettings()).mark for one in (given, replace(given, **other))
    )  # fmt: skip
    assert first != second

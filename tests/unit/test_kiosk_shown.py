"""What each page may show of a view, and what is out of order."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from edge.measuring import Reason, Screen, Verdict
from kiosk.shown import MINUTE_MS, KioskView, for_student, for_teacher, kiosk_view
from kiosk.words import CHINESE, ENGLISH
from tests.browser.screens import kiosk_view as a_view

NOW_MS = 1_790_000_000_000


def view_of(screen: str, **more: object) -> KioskView:
    made = kiosk_view({"kiosk": {**a_view(screen), **more}})
    assert made is not None
    return made


def teacher_of(**more: object) -> dict[str, Any]:
    said = for_teacher(view_of("idle", teacher={**a_view("idle")["teacher"], **more}), CHINESE, NOW_MS, str)
    assert said is not None
    return said


def test_no_view_is_out_of_order() -> None:
    said = for_student(None, CHINESE)
    assert (said["screen"], said["estimate"]) == ("out_of_order", None)
    assert kiosk_view({"kiosk": None}) is None
    assert kiosk_view({"lamp": "ready"}) is None


@pytest.mark.parametrize(
    "change", [{"screen": "splendid"}, {"reason": "whim"}, {"visit": None}, {"estimate_celsius": "x"}]
)
def test_a_view_that_is_not_understood_is_refused_whole(change: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        kiosk_view({"kiosk": {**a_view("normal"), **change}})


def test_a_newer_daemons_further_keys_are_no_matter() -> None:
    assert view_of("normal", humour="good").screen is Screen.NORMAL


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("screen", list(Screen))
def test_only_normal_shows_a_figure_and_every_state_says_what_to_do(screen: Screen, reason: Reason) -> None:
    for words in (CHINESE, ENGLISH):
        said = for_student(view_of(screen.value, reason=reason.value, estimate_celsius=37.26), words)
        assert said["estimate"] == ("37.3" if screen is Screen.NORMAL else None)
        assert said["detail"]


def test_a_student_who_is_sent_to_the_teacher_is_not_told_why() -> None:
    for reason in (Reason.ABOVE_CROWD, Reason.ABOVE_GUARD):
        said = for_student(view_of("high", reason=reason.value), CHINESE)
        assert said["detail"] == CHINESE.prompts[Screen.HIGH].detail


def test_the_teacher_sees_the_figures_and_the_reason() -> None:
    first = teacher_of()["recent"][0]
    assert (first["skin"], first["above"], first["estimate"]) == ("35.9", "+1.4", "38.1")
    assert first["reason"] == CHINESE.for_teachers[Reason.ABOVE_CROWD]


def test_a_verdict_that_nobody_had_today_counts_nought() -> None:
    today = {one["verdict"]: one["students"] for one in teacher_of(today={"high": 1})["today"]}
    assert today == {Verdict.NORMAL.value: 0, Verdict.AGAIN.value: 0, Verdict.HIGH.value: 1, "cannot_screen": 0}


def test_the_flow_is_the_last_hour_oldest_first() -> None:
    this_minute_ms = NOW_MS // MINUTE_MS * MINUTE_MS
    flow = [
        [this_minute_ms - ago * MINUTE_MS, students] for ago, students in ((60, 9), (59, 4), (1, 7), (0, 2), (-1, 8))
    ]
    said = teacher_of(flow=flow)
    assert said["bars"] == [4, *[0] * 57, 7, 2]
    assert said["flow"] == CHINESE.teacher.flow_summary.format(students=13, most=7)


def test_a_minute_that_was_counted_twice_is_added_up() -> None:
    """As when a clock that was set repeats a minute."""
    this_minute_ms = NOW_MS // MINUTE_MS * MINUTE_MS
    assert teacher_of(flow=[[this_minute_ms, 2], [this_minute_ms, 3]])["bars"][-1] == 5


def test_nobody_so_far_is_shown_too() -> None:
    said = teacher_of(flow=[], recent=[], crowd_celsius=None, crowd_students=0)
    assert (said["bars"], said["recent"], said["crowd"]) == ([0] * 60, [], None)
    assert for_teacher(None, CHINESE, NOW_MS, str) is None

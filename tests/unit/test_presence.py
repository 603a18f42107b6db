"""Whether somebody stands there: contrast to the background, in front of cold and warm walls."""

from __future__ import annotations

import pytest

from edge import presence
from edge.measuring import CameraFound, CameraLost, FacesSeen
from edge.presence import Eyes

USUAL = 34.3


@pytest.mark.parametrize(
    ("background", "seen", "expected"),
    [
        (20.0, 34.0, True),
        (20.0, 23.9, False),
        (20.0, 24.1, True),
        (20.0, 60.0, True),
        (20.0, 5.0, False),
        (30.0, 33.0, True),
        (30.0, 31.0, False),
        (45.0, 34.0, True),
        (45.0, 43.0, False),
        (45.0, 20.0, False),
        (34.0, 34.5, False),
    ],
)
def test_a_jump_is_a_good_part_of_the_way_to_a_face(background: float, seen: float, expected: bool) -> None:
    assert presence.jumped(background, seen, USUAL) is expected


@pytest.mark.parametrize(("background", "seen"), [(20.0, 25.0), (45.0, 41.5), (30.0, 31.5)])
def test_near_the_background_again_nobody_stands_there(background: float, seen: float) -> None:
    assert presence.has_gone(background, USUAL, seen)
    assert not presence.has_gone(background, USUAL, USUAL - 0.4 * (USUAL - background))


def test_without_contrast_nobody_is_said_to_have_gone() -> None:
    assert not presence.has_gone(33.5, USUAL, 33.5)


def test_a_cup_does_not_set_the_level_by_which_leaving_is_told() -> None:
    level = presence.level_of(34.0, 20.0, 60.0)
    assert level == presence.LEVEL_CELSIUS_MAX
    assert not presence.has_gone(20.0, level, 34.0)


@pytest.mark.parametrize(("wall", "half_gone"), [(20.0, 27.0), (45.0, 41.0)])
def test_the_background_follows_the_wall_and_not_those_who_are_half_gone(wall: float, half_gone: float) -> None:
    background = wall
    for _ in range(200):
        background = presence.followed(background, half_gone, USUAL)
        background = presence.followed(background, wall, USUAL)
    assert background == pytest.approx(wall, abs=1.5)


def test_a_picture_is_good_for_half_a_second() -> None:
    eyes = presence.looked(presence.looked(Eyes(), CameraFound("yunet", 0)), FacesSeen(1, 45.0, True, 1_000))
    assert presence.can_see(eyes, 1_500)
    assert not presence.can_see(eyes, 1_501)
    assert not presence.can_see(presence.looked(eyes, CameraLost("gone", 1_100)), 1_100)


def test_a_camera_without_a_detector_sees_nobody() -> None:
    eyes = presence.looked(presence.looked(Eyes(), CameraFound("none", 0)), FacesSeen(0, None, False, 1_000))
    assert not presence.can_see(eyes, 1_000)

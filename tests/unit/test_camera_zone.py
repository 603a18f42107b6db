"""What boxes around faces say about who stands where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera.zone import DISTANCE_CM_MAX, Face, Zone, judge
from edge.camera_words import Faces, decode_said, encode

ZONE = Zone(near_cm=35, far_cm=55, view_degrees=62)
WIDTH_PX = 320
MIDDLE_PX = 160.0


@pytest.mark.parametrize(("width_px", "distance_cm"), [(115.4, 30), (69.2, 50), (43.3, 80), (34.6, 100)])
def test_a_face_of_known_width_tells_its_distance(width_px: float, distance_cm: float) -> None:
    """The figures of section 4.5 of the thermometry note, for a face of 13 cm."""
    seen = judge(ZONE, [Face(MIDDLE_PX, width_px)], WIDTH_PX)
    assert seen.distance_cm == pytest.approx(distance_cm, rel=0.01)


@pytest.mark.parametrize(
    ("width_px", "within"),
    [(54, 0), (57, 1), (80, 1), (109, 1), (112, 0)],
)
def test_every_childs_face_that_may_be_in_the_zone_counts(width_px: float, within: int) -> None:
    """11.5 cm at 55 cm is 56 pixels, 14.5 cm at 35 cm is 110."""
    assert judge(ZONE, [Face(MIDDLE_PX, width_px)], WIDTH_PX).faces == within


def test_the_same_face_is_as_far_away_in_a_larger_picture() -> None:
    small, large = judge(ZONE, [Face(160, 70)], 320), judge(ZONE, [Face(320, 140)], 640)
    assert small == large


def test_somebody_behind_the_first_is_not_in_the_zone_but_somebody_beside_is() -> None:
    first = Face(MIDDLE_PX, 80)
    assert judge(ZONE, [first, Face(100, 30)], WIDTH_PX).faces == 1
    assert judge(ZONE, [first, Face(60, 75)], WIDTH_PX).faces == 2


def test_distance_and_place_are_of_the_nearest_face() -> None:
    seen = judge(ZONE, [Face(20, 60), Face(MIDDLE_PX, 90)], WIDTH_PX)
    assert (seen.centred, seen.distance_cm) == (True, pytest.approx(38.5, abs=0.1))
    assert not judge(ZONE, [Face(20, 95), Face(MIDDLE_PX, 90)], WIDTH_PX).centred


@pytest.mark.parametrize(("aside_cm", "centred"), [(0, True), (4.5, True), (-4.5, True), (5.5, False), (-5.5, False)])
@pytest.mark.parametrize("width_px", [60, 100])
def test_centred_means_within_five_centimetres_however_near(width_px: float, aside_cm: float, centred: bool) -> None:
    face = Face(MIDDLE_PX + aside_cm * width_px / 13, width_px)
    assert judge(ZONE, [face], WIDTH_PX).centred is centred


def test_a_speck_is_far_away_and_no_farther() -> None:
    assert judge(Zone(35, 55, 20), [Face(MIDDLE_PX, 1.0)], WIDTH_PX).distance_cm == DISTANCE_CM_MAX


def test_nobody_is_nowhere() -> None:
    seen = judge(ZONE, [], WIDTH_PX)
    assert (seen.faces, seen.distance_cm, seen.centred) == (0, None, False)


faces = st.builds(Face, st.floats(-50, 370), st.floats(-1, 400))


@given(st.lists(faces, min_size=1, max_size=8), st.integers(20, 120))
def test_whatever_is_found_can_be_said_to_the_daemon(found: list[Face], view_degrees: int) -> None:
    seen = judge(Zone(35, 55, view_degrees), found, WIDTH_PX)
    assert 0 <= seen.faces <= len(found)
    assert decode_said(encode(Faces(faces=seen.faces, distance_cm=seen.distance_cm, centred=seen.centred, at_ms=0)))

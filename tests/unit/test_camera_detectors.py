"""Faces are found, by whatever OpenCV is installed, and not found where there are none."""

from __future__ import annotations

import ast
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import pytest
from cv2.typing import MatLike

from edge.camera.detectors import SHIPPED_MODEL, Cascade, Detector, NoDetector, YuNet, choose, find_cascade, small
from edge.camera.drawn import STANDS_CM, VIEW_DEGREES, Colour, Person, scene
from edge.camera.zone import Seen, Zone, judge
from edge.kiosk_settings import CameraSettings
from edge.measuring import NO_DETECTOR

SHA256 = CameraSettings().model_sha256
ANOTHER_SHA256 = "0" * 64
ZONE = Zone(CameraSettings().zone_near_cm, CameraSettings().zone_far_cm, VIEW_DEGREES)

needs_cascade = pytest.mark.skipif(
    find_cascade() is None, reason=f"OpenCV {cv2.__version__} has no cascade, or its file is not installed"
)
WHITE, BLUE, BLACK = (245, 245, 245), (190, 150, 90), (30, 30, 30)


@pytest.fixture(scope="module")
def yunet() -> Detector:
    return choose(SHIPPED_MODEL, SHA256, find_cascade())


@pytest.fixture(scope="module")
def portrait() -> MatLike:
    """Grace Hopper by the US Navy, in the public domain; it comes with matplotlib."""
    file = Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    picture = cv2.imread(str(file))
    assert picture is not None
    return picture


def placed(portrait: MatLike, face_px: int, roll: float, mirrored: bool, mask: Colour | None = None) -> MatLike:
    """The portrait in a grey picture of 320 x 240, its face so wide and the head leaning so far."""
    picture = portrait.copy()
    if mask is not None:
        cv2.ellipse(picture, (268, 278), (85, 66), 0, 0, 360, mask, cv2.FILLED)  # over nose, mouth and chin
    if mirrored:
        picture = cv2.flip(picture, 1)
    middle = (512 - 268 if mirrored else 268, 226)
    turn = cv2.getRotationMatrix2D(middle, roll, face_px / 170)  # 170 pixels is the width of the face in the portrait
    turn[:, 2] += (160 - middle[0], 120 - middle[1])
    return cv2.warpAffine(picture, turn, (320, 240), flags=cv2.INTER_AREA, borderValue=(128, 128, 128))


def recall(detector: Detector, picture_of: Callable[[int, float, bool], MatLike]) -> float:
    """Share of 70 pictures (7 widths, 5 lean angles, mirrored or not) in which exactly one face is found."""
    cases = [
        (face_px, roll, mirrored)
        for face_px in (24, 32, 48, 64, 90, 120, 160)
        for roll in (-20, -10, 0, 10, 20)
        for mirrored in (False, True)
    ]
    return sum(len(detector.find(picture_of(*case))) == 1 for case in cases) / len(cases)


def faceless(count: int) -> list[MatLike]:
    """Rooms, stripes, noise and coats, without a face."""
    pictures: list[MatLike] = []
    for number in range(count):
        random = np.random.default_rng(number)
        low, high = sorted(random.integers(0, 255, 2))
        picture = random.integers(low, high + 1, (240, 320, 3)).astype(np.uint8)
        picture = cv2.GaussianBlur(picture, (0, 0), float(random.uniform(0.5, 12)))
        for _ in range(8):
            colour = tuple(int(one) for one in random.integers(0, 255, 3))
            x, y, width, height = (int(one) for one in random.integers(5, 150, 4))
            if random.random() < 0.5:
                cv2.rectangle(picture, (x, y), (x + width, y + height), colour, cv2.FILLED)
            else:
                cv2.ellipse(picture, (x, y), (width, height), 0, 0, 360, colour, cv2.FILLED)
        pictures.append(picture)
    return pictures


def seen_by(detector: Detector, *people: Person) -> Seen:
    looked_at = small(scene(people))
    return judge(ZONE, detector.find(looked_at), looked_at.shape[1])


# --- which one is chosen --------------------------------------------------------------------------------------------


def test_with_the_shipped_model_yunet_finds_a_drawn_person(yunet: Detector) -> None:
    assert isinstance(yunet, YuNet)
    assert yunet.name == f"YuNet on OpenCV {cv2.__version__}"
    assert seen_by(yunet, Person(STANDS_CM)).faces == 1
    assert seen_by(yunet) == Seen(0, None, False)


@needs_cascade
def test_with_a_model_of_another_checksum_the_cascade_finds_them(caplog: pytest.LogCaptureFixture) -> None:
    cascade = choose(SHIPPED_MODEL, ANOTHER_SHA256, find_cascade())
    assert isinstance(cascade, Cascade)
    assert cascade.name == f"Haar cascade on OpenCV {cv2.__version__}"
    assert seen_by(cascade, Person(STANDS_CM)).faces == 1
    assert seen_by(cascade) == Seen(0, None, False)
    assert SHA256 in caplog.text
    assert ANOTHER_SHA256 in caplog.text


def test_with_neither_nobody_is_found_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    nothing = choose(SHIPPED_MODEL, ANOTHER_SHA256, None)
    assert isinstance(nothing, NoDetector)
    assert nothing.name == NO_DETECTOR
    assert seen_by(nothing, Person(STANDS_CM)) == Seen(0, None, False)
    assert "goes on without the camera" in caplog.records[-1].getMessage()
    assert caplog.records[-1].levelno == logging.ERROR


def test_a_model_file_that_is_not_there_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert isinstance(choose(tmp_path / "gone.onnx", SHA256, None), NoDetector)
    assert f"{tmp_path / 'gone.onnx'} is not used: No such file or directory" in caplog.text


def test_a_model_that_opencv_cannot_read_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "broken.onnx"
    file.write_bytes(b"no network at all" * 1000)
    checksum = hashlib.sha256(file.read_bytes()).hexdigest()
    assert isinstance(choose(file, checksum, None), NoDetector)
    assert f"OpenCV {cv2.__version__} cannot run it" in caplog.text


# --- how well they see ----------------------------------------------------------------------------------------------


def test_yunet_finds_a_clear_face(yunet: Detector, portrait: MatLike) -> None:
    """Requirement 20 of the thermometry note, as the following ones."""
    assert recall(yunet, lambda *case: placed(portrait, *case)) >= 0.98


@pytest.mark.parametrize("mask", [WHITE, BLUE, BLACK], ids=["white", "blue", "black"])
def test_yunet_finds_a_masked_face(yunet: Detector, portrait: MatLike, mask: Colour) -> None:
    assert recall(yunet, lambda *case: placed(portrait, *case, mask)) >= 0.80


def test_yunet_sees_no_face_where_there_is_none(yunet: Detector) -> None:
    assert sum(len(yunet.find(picture)) for picture in faceless(100)) == 0


@needs_cascade
def test_the_cascade_finds_most_clear_faces_that_are_near_and_upright(portrait: MatLike) -> None:
    cascade = choose(SHIPPED_MODEL, ANOTHER_SHA256, find_cascade())
    widths_px = range(50, 120, 5)
    found = [len(cascade.find(placed(portrait, width_px, 0, mirrored=False))) == 1 for width_px in widths_px]
    assert sum(found) / len(found) >= 0.8


@pytest.mark.parametrize("model_sha256", [SHA256, pytest.param(ANOTHER_SHA256, marks=needs_cascade)])
@pytest.mark.parametrize("distance_cm", [30, 35, 45, 55, 80])
def test_both_tell_the_distance_within_a_tenth(model_sha256: str, distance_cm: int) -> None:
    """So that the same zone holds whatever finds the faces."""
    seen = seen_by(choose(SHIPPED_MODEL, model_sha256, find_cascade()), Person(distance_cm))
    assert seen.distance_cm == pytest.approx(distance_cm, rel=0.1)


def test_two_people_in_the_zone_are_two(yunet: Detector) -> None:
    assert seen_by(yunet, Person(45, -12), Person(50, 12)).faces == 2
    assert seen_by(yunet, Person(45), Person(140, 60)).faces == 1


@pytest.mark.parametrize(("aside_cm", "centred"), [(-12, False), (-3, True), (0, True), (3, True), (12, False)])
def test_who_stands_aside_is_not_centred(yunet: Detector, aside_cm: float, centred: bool) -> None:
    assert seen_by(yunet, Person(STANDS_CM, aside_cm)).centred is centred


def test_a_picture_of_any_shape_is_looked_at(yunet: Detector) -> None:
    """A webcam's 16:9 after a 4:3: the network is told its size each time it changes."""
    wide = cv2.resize(scene([Person(STANDS_CM)])[60:420], (1280, 720))
    assert len(yunet.find(small(wide))) == 1
    assert len(yunet.find(small(scene([Person(STANDS_CM)])))) == 1
    assert small(wide).shape[:2] == (180, 320)


def test_nothing_is_needed_of_opencv_that_only_its_wheel_has() -> None:
    """Debian's package is the bare library, without the module for type checkers."""
    for file in SHIPPED_MODEL.parents[1].glob("*.py"):
        loaded = [node.module for node in ast.parse(file.read_text()).body if isinstance(node, ast.ImportFrom)]
        assert "cv2.typing" not in loaded, file

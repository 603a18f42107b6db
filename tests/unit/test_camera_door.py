"""The daemon's end of the camera's socket: what becomes a fact, and that no visitor can do more than that."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.camera_door import FACTS_A_SECOND_MAX, FIRST_MS_MAX, STALE_MS, WISHES_MAX, known_users
from edge.camera_words import (
    CAMERA_SOCKET,
    JPEG_BYTES_MAX,
    JPEG_START,
    LINE_BYTES_MAX,
    PICTURES_MAX,
    SILENT_MS_MAX,
    Alive,
    Faces,
    Found,
    Picture,
    Take,
    encode,
)
from edge.measuring import CameraFound, CameraLost, FacesSeen, PictureTaken, TakePicture
from edge.wire import UP_BYTES_MAX
from tests.unit.camera_ends import Camera, Door
from tests.unit.small_gate import ShortDirectory, eventually

FOUND = Found(detector="YuNet on OpenCV 4.14.0")
JPEG = JPEG_START + b"x" * (JPEG_BYTES_MAX - len(JPEG_START))


@pytest.fixture
def directory() -> Iterator[Path]:
    short = ShortDirectory()
    yield short.path
    short.close()


@pytest.fixture
def door(directory: Path) -> Iterator[Door]:
    door = Door(directory)
    yield door
    door.close()


@pytest.fixture
def camera(door: Door) -> Iterator[Camera]:
    """A camera that has said its first word."""
    with Camera(door) as camera:
        camera.say(FOUND)
        door.first(CameraFound)
        yield camera


def faces(at_ms: int, number: int = 1) -> Faces:
    return Faces(faces=number, distance_cm=45.0, centred=True, at_ms=at_ms)


# --- what is seen ---------------------------------------------------------------------------------------------------


def test_the_first_word_names_the_detector(door: Door, camera: Camera) -> None:
    assert door.first(CameraFound).detector == FOUND.detector


def test_what_the_camera_sees_becomes_a_fact(door: Door, camera: Camera) -> None:
    at_ms = door.clock.now_ms()
    camera.say(faces(at_ms))
    assert door.first(FacesSeen) == FacesSeen(1, 45.0, True, at_ms)


def test_of_what_waits_only_the_newest_counts(door: Door, camera: Camera) -> None:
    at_ms = door.clock.now_ms()
    camera.say(*(faces(at_ms, number) for number in range(100)))
    eventually(lambda: any(seen.faces == 99 for seen in door.all(FacesSeen)), "the last is told")
    assert len(door.all(FacesSeen)) < 50


def test_what_was_seen_long_ago_is_no_news(door: Door, camera: Camera) -> None:
    camera.say(faces(door.clock.now_ms() - STALE_MS - 1000))
    door.wait_refused("camera_stale")
    assert door.all(FacesSeen) == []


def test_a_camera_can_not_move_the_gates_time_on(door: Door, camera: Camera) -> None:
    camera.say(faces(10**15))
    assert door.first(FacesSeen).at_ms <= door.clock.now_ms()


def test_a_flood_costs_the_brain_no_more_than_its_share(door: Door, camera: Camera) -> None:
    begin_s = time.monotonic()
    for _ in range(200):
        camera.say(*(faces(door.clock.now_ms()) for _ in range(100)))
    camera.say(faces(door.clock.now_ms(), 7))
    eventually(lambda: any(seen.faces == 7 for seen in door.all(FacesSeen)), "the last is told", 30)
    assert len(door.all(FacesSeen)) <= (time.monotonic() - begin_s) * FACTS_A_SECOND_MAX + 1


# --- coming and going -----------------------------------------------------------------------------------------------


def test_a_camera_that_hangs_up_is_lost_and_its_return_is_told(door: Door) -> None:
    with Camera(door) as camera:
        camera.say(FOUND)
        door.first(CameraFound)
    assert "hung up" in door.first(CameraLost).reason
    with Camera(door) as camera:
        camera.say(FOUND)
        eventually(lambda: len(door.all(CameraFound)) == 2, "found again")


def test_a_silent_camera_is_lost_within_three_seconds(door: Door, camera: Camera) -> None:
    door.clock.shift_ms += SILENT_MS_MAX - 1_000
    camera.say(Alive())
    camera.say(faces(door.clock.now_ms()))
    door.first(FacesSeen)
    assert door.all(CameraLost) == []
    door.clock.shift_ms += SILENT_MS_MAX + 1
    assert "has said nothing" in door.first(CameraLost).reason
    assert SILENT_MS_MAX <= 2_500
    assert camera.shown_out()


def test_a_camera_that_never_comes_is_lost_once(door: Door) -> None:
    door.clock.shift_ms += FIRST_MS_MAX - 5_000
    with Camera(door) as silent:
        silent.socket.shutdown(socket.SHUT_WR)
        assert silent.shown_out()
    assert door.all(CameraLost) == []
    door.clock.shift_ms += 5_000
    assert "has not come" in door.first(CameraLost).reason
    door.clock.shift_ms += FIRST_MS_MAX
    with Camera(door) as camera:
        camera.say(FOUND)
        door.first(CameraFound)
    eventually(lambda: len(door.all(CameraLost)) == 2, "lost again")
    assert "hung up" in door.all(CameraLost)[1].reason


def test_a_camera_that_came_in_time_is_not_told_as_missing_later(door: Door, camera: Camera) -> None:
    for _ in range(2 * FIRST_MS_MAX // 2_000):
        door.clock.shift_ms += 2_000
        seen = len(door.all(FacesSeen))
        camera.say(faces(door.clock.now_ms()))
        eventually(lambda n=seen: len(door.all(FacesSeen)) > n, "it is still heard")
    assert door.all(CameraLost) == []


def test_a_second_camera_is_turned_away_and_the_first_goes_on(door: Door, camera: Camera) -> None:
    with Camera(door) as second:
        assert second.shown_out()
    door.wait_refused("camera_turned_away")
    camera.say(faces(door.clock.now_ms()))
    door.first(FacesSeen)
    assert door.all(CameraLost) == []


def test_a_stranger_is_not_let_in(directory: Path) -> None:
    door = Door(directory, users=frozenset({os.getuid() + 1}))
    try:
        with Camera(door) as stranger:
            assert stranger.shown_out()
        door.wait_refused("camera_stranger")
        assert door.all(CameraFound) == []
    finally:
        door.close()


def test_the_daemons_own_user_and_root_are_known() -> None:
    assert {0, os.getuid()} <= known_users()


def test_anybody_may_knock_because_the_peer_is_looked_at(door: Door) -> None:
    path = door.directory / CAMERA_SOCKET
    eventually(path.exists, "the socket is there")
    eventually(lambda: stat.S_IMODE(path.stat().st_mode) == 0o666, "and open")


def test_the_socket_goes_with_the_daemon(directory: Path) -> None:
    door = Door(directory)
    with Camera(door) as camera:
        camera.say(FOUND)
        door.first(CameraFound)
        door.close()
        assert camera.shown_out()
    assert not (directory / CAMERA_SOCKET).exists()


def test_a_socket_that_can_not_be_made_is_counted_and_tried_again(directory: Path) -> None:
    """The button does not need it: nothing is raised in the daemon's start."""
    (directory / CAMERA_SOCKET).mkdir()
    door = Door(directory)
    try:
        door.wait_refused("camera_no_socket")
        (directory / CAMERA_SOCKET).rmdir()
        with Camera(door) as camera:
            camera.say(FOUND)
            door.first(CameraFound)
    finally:
        door.close()


# --- what is not obeyed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense\n",
        b"\xff\xfe\n",
        b"[" * 5000 + b"\n",
        b'{"say":"faces","faces":-1,"distance_cm":45,"centred":true,"at_ms":1}\n',
        b'{"say":"faces","faces":1,"distance_cm":NaN,"centred":true,"at_ms":1}\n',
        b'{"say":"faces","faces":1,"distance_cm":1e300,"centred":true,"at_ms":1}\n',
        b'{"say":"faces","faces":1,"distance_cm":45,"centred":true,"at_ms":-1}\n',
        b'{"say":"faces","faces":1,"distance_cm":45,"centred":true,"at_ms":1,"name":"somebody"}\n',
        b'{"say":"reset","by":"somebody"}\n',
        b"x" * (2 * LINE_BYTES_MAX),
    ],
)
def test_who_is_not_understood_is_shown_out_and_counted(door: Door, camera: Camera, line: bytes) -> None:
    camera.say(line)
    assert camera.shown_out()
    door.wait_refused("camera_not_understood")
    assert "not understood" in door.first(CameraLost).reason
    assert door.all(FacesSeen) == []


def test_who_does_not_say_found_first_is_shown_out(door: Door) -> None:
    with Camera(door) as camera:
        camera.say(faces(door.clock.now_ms()))
        assert camera.shown_out()
    door.wait_refused("camera_not_understood")
    assert door.all(FacesSeen) == []
    assert door.all(CameraLost) == []


def test_a_word_in_pieces_is_put_together(door: Door, camera: Camera) -> None:
    line = encode(faces(door.clock.now_ms()))
    for place in range(len(line)):
        camera.say(line[place : place + 1])
    door.first(FacesSeen)


# --- the alarm's pictures -------------------------------------------------------------------------------------------


def test_after_a_press_the_camera_is_asked_and_its_pictures_become_facts(door: Door, camera: Camera) -> None:
    press_ms = door.clock.now_ms()
    door.door.take(TakePicture("ab-1", press_ms))
    assert camera.hear() == Take(incident="ab-1", press_ms=press_ms, before_ms=3000, after_ms=5000)
    camera.say(Picture(incident="ab-1", at_ms=press_ms - 1500, jpeg=JPEG))
    taken = door.first(PictureTaken)
    assert (taken.incident, taken.offset_ms, taken.jpeg) == ("ab-1", -1500, JPEG)


def test_the_largest_picture_fits_an_event() -> None:
    assert len(encode(Picture(incident="a" * 64, at_ms=10**15, jpeg=JPEG))) <= min(LINE_BYTES_MAX, UP_BYTES_MAX - 8192)


def test_a_picture_that_nobody_asked_for_is_thrown_away_with_its_bringer(door: Door, camera: Camera) -> None:
    camera.say(Picture(incident="ab-1", at_ms=door.clock.now_ms(), jpeg=JPEG))
    assert camera.shown_out()
    door.wait_refused("camera_unasked_picture")
    assert door.all(PictureTaken) == []


@pytest.mark.parametrize("offset_ms", [-60_000, 60_000])
def test_a_picture_from_another_time_is_not_one_of_the_alarm(door: Door, camera: Camera, offset_ms: int) -> None:
    press_ms = door.clock.now_ms()
    door.door.take(TakePicture("ab-1", press_ms))
    camera.hear()
    camera.say(Picture(incident="ab-1", at_ms=press_ms + offset_ms, jpeg=JPEG))
    assert camera.shown_out()
    assert door.all(PictureTaken) == []


def test_of_one_press_no_more_pictures_come_than_are_allowed(door: Door, camera: Camera) -> None:
    press_ms = door.clock.now_ms()
    door.door.take(TakePicture("ab-1", press_ms))
    camera.hear()
    for number in range(PICTURES_MAX):
        camera.say(Picture(incident="ab-1", at_ms=press_ms - number, jpeg=JPEG))
        eventually(lambda n=number: len(door.all(PictureTaken)) == n + 1, "the picture is taken")
    door.door.take(TakePicture("ab-1", press_ms))  # asked twice: still one press
    camera.hear()
    camera.say(Picture(incident="ab-1", at_ms=press_ms - 7, jpeg=JPEG))
    assert camera.shown_out()
    assert len(door.all(PictureTaken)) == PICTURES_MAX


@pytest.mark.parametrize("jpeg", [b"\x89PNG\r\n\x1a\n", JPEG + b"x", b""])
def test_what_is_no_small_jpeg_is_refused(door: Door, camera: Camera, jpeg: bytes) -> None:
    press_ms = door.clock.now_ms()
    door.door.take(TakePicture("ab-1", press_ms))
    camera.hear()
    camera.say(Picture(incident="ab-1", at_ms=press_ms, jpeg=jpeg))
    assert camera.shown_out()
    assert door.all(PictureTaken) == []


def test_where_pictures_are_switched_off_nobody_is_asked(directory: Path) -> None:
    door = Door(directory, pictures=False)
    try:
        with Camera(door) as camera:
            camera.say(FOUND)
            door.first(CameraFound)
            press_ms = door.clock.now_ms()
            door.door.take(TakePicture("ab-1", press_ms))
            door.wait_refused("camera_not_asked")
            camera.say(Picture(incident="ab-1", at_ms=press_ms, jpeg=JPEG))
            assert camera.shown_out()
        assert door.all(PictureTaken) == []
    finally:
        door.close()


def test_a_camera_that_comes_back_soon_after_the_press_is_still_asked(door: Door) -> None:
    door.door.take(TakePicture("ab-1", door.clock.now_ms()))
    with Camera(door) as camera:
        camera.say(FOUND)
        assert camera.hear().incident == "ab-1"


def test_one_that_comes_back_too_late_is_not(door: Door) -> None:
    door.door.take(TakePicture("ab-1", door.clock.now_ms() - 5_001))
    door.wait_refused("camera_not_asked")


def test_wishes_that_nobody_can_fulfil_do_not_pile_up(door: Door) -> None:
    for number in range(WISHES_MAX + 5):
        door.door.take(TakePicture(f"ab-{number}", door.clock.now_ms()))
    eventually(lambda: door.refused().count("camera_not_asked") == 5, "the oldest five are given up")


def test_leaving_a_wish_costs_the_brain_nothing_even_where_nobody_reads(door: Door, camera: Camera) -> None:
    """A thousand presses, and a camera that reads nothing: each call returns at once."""
    slowest_s = 0.0
    for number in range(1000):
        begin_s = time.perf_counter()
        door.door.take(TakePicture(f"ab-{number}", door.clock.now_ms()))
        slowest_s = max(slowest_s, time.perf_counter() - begin_s)
    assert slowest_s < 0.1

"""The camera process's loop: how often it looks, and what it says where nothing can find a face."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import pytest

from edge.camera.daemon_line import DaemonLine
from edge.camera.detectors import NoDetector
from edge.camera.drawn import STANDS_CM, Person, scene
from edge.camera.process import Eye, Rhythm
from edge.camera.sources import open_source
from edge.camera.watch import Watch
from edge.camera_words import CAMERA_SOCKET, Found
from edge.kiosk_settings import CameraSettings
from edge.listening import listen
from edge.measuring import NO_DETECTOR
from tests.unit.small_gate import DEADLINE_S, ShortDirectory


@pytest.fixture
def directory() -> Iterator[Path]:
    short = ShortDirectory()
    yield short.path
    short.close()


def looked_at(a_second: int, source_a_second: int, jitter_ms: int = 0) -> int:
    """How many pictures of 100 s are looked at. The source's pictures come at its own pace, some late."""
    late, rhythm = random.Random(5), Rhythm(a_second)
    moments = [
        1_000_000 + number * 1000 // source_a_second + late.randint(0, jitter_ms)
        for number in range(100 * source_a_second)
    ]
    return sum(rhythm.due(moment) for moment in moments)


@pytest.mark.parametrize("a_second", [2, 5, 10, 15, 30])
def test_of_a_fast_camera_as_many_pictures_are_looked_at_as_were_asked_for(a_second: int) -> None:
    assert looked_at(a_second, 60) == pytest.approx(100 * a_second, rel=0.1)


@pytest.mark.parametrize("a_second", [5, 10, 25])
def test_of_a_camera_at_just_that_pace_nearly_every_picture_is_looked_at(a_second: int) -> None:
    """However unevenly they come: a picture a moment early must not be passed over for the next."""
    assert looked_at(a_second, a_second, jitter_ms=200 // a_second) >= 95 * a_second


def test_after_a_pause_nothing_is_made_up_for() -> None:
    rhythm = Rhythm(10)
    assert rhythm.due(1_000)
    assert sum(rhythm.due(100_000 + step) for step in range(0, 1_000, 20)) <= 11


def test_without_a_detector_it_says_that_it_lives_and_never_that_nobody_is_there(directory: Path) -> None:
    """Not seeing is not the same as seeing nobody."""
    folder = directory / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), scene([Person(STANDS_CM)]))
    settings = CameraSettings(source="opencv", device=str(folder), frames_a_second=30)
    (listening,) = listen(directory, [CAMERA_SOCKET])
    line = DaemonLine(directory / CAMERA_SOCKET, Found(detector=NO_DETECTOR))
    eye = Eye(settings, open_source(settings), NoDetector(), line)
    watch = Watch(pytest.fail, memory_mb_max=1 << 20)  # of a whole test run, not of a camera
    thread = threading.Thread(target=eye.run, args=(watch, None))
    thread.start()
    try:
        listening.socket.settimeout(DEADLINE_S)
        connection, _ = listening.socket.accept()
        with connection, connection.makefile("rb") as stream:
            connection.settimeout(DEADLINE_S)
            said = [msgspec.json.decode(stream.readline()) for _ in range(4)]
            assert said[0] == {"say": "found", "detector": NO_DETECTOR}
            assert said[1:] == [{"say": "alive"}] * 3
            eye.stop()
            thread.join(DEADLINE_S)
            connection.shutdown(socket.SHUT_RDWR)
    finally:
        eye.stop()
        thread.join(DEADLINE_S)
        watch.close()
        line.close()
        listening.close()
    assert not thread.is_alive()

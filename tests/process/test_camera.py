"""The camera process as it runs: what it tells, what it never lets out, and how it ends."""

from __future__ import annotations

import base64
import os
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from edge.camera.drawn import STANDS_CM, VISIT_S, Person, scene, write_video
from edge.camera_words import CAMERA_SOCKET, JPEG_BYTES_MAX, JPEG_START, PICTURES_MAX, Picture, Take, encode
from edge.measuring import CameraFound, CameraLost, FacesSeen, PictureTaken, TakePicture
from tests.process.camera import CameraProcess, DoorThread
from tests.process.waiting import PATIENCE_S, until
from tests.unit.small_gate import ShortDirectory

pytestmark = pytest.mark.process

LINE_BYTES_MAX = 200
"""Of all that is said without a press: a picture, or a useful part of one, has no room in it."""


LONG_FROZEN_MS = 4_000
"""More than a camera may take for one picture: a process that stood still must not take that for a fault."""


@pytest.fixture
def directory() -> Iterator[Path]:
    short = ShortDirectory()
    (short.path / "run").mkdir()
    yield short.path
    short.close()


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("video") / "walk.avi"
    write_video(file)
    return file


def images_in(content: bytes) -> list[str]:
    """Kinds of pictures that begin somewhere in this content, as they are or in base64."""
    starts = {"JPEG": JPEG_START, "PNG": b"\x89PNG\r\n", "RIFF": b"RIFF", "BMP": b"BM6\x10\x0e\x00"}
    return [
        kind
        for kind, start in starts.items()
        if start in content or base64.b64encode(start)[: len(start) * 8 // 6] in content
    ]


# --- what it tells --------------------------------------------------------------------------------------------------


def test_who_walks_up_and_stands_there_is_seen(directory: Path, video: Path) -> None:
    with DoorThread(directory) as door, CameraProcess(directory, device=str(video)) as camera:
        camera.start()
        assert door.wait(CameraFound)[0].detector == f"YuNet on OpenCV {cv2.__version__}"
        standing = pytest.approx(STANDS_CM, abs=5)
        until(lambda: [seen for seen in door.all(FacesSeen) if seen.distance_cm == standing and seen.centred])
        assert {seen.faces for seen in door.all(FacesSeen) if seen.distance_cm == standing} == {1}
        assert {seen.faces for seen in door.all(FacesSeen) if (seen.distance_cm or 999) > 80} == {0}
        assert camera.supervision.moments("WATCHDOG=1")
        assert camera.terminate() == 0
        assert door.wait(CameraLost)[0].reason == "the camera process hung up"


def test_a_daemon_that_comes_later_or_again_is_found(directory: Path, video: Path) -> None:
    with CameraProcess(directory, device=str(video)) as camera:
        camera.start()
        for _ in range(2):
            with DoorThread(directory) as door:
                door.wait(FacesSeen)
        assert camera.alive


def test_a_killed_camera_is_lost_and_its_next_life_is_found(directory: Path, video: Path) -> None:
    with DoorThread(directory) as door, CameraProcess(directory, device=str(video)) as camera:
        camera.start()
        door.wait(FacesSeen)
        camera.kill9()
        door.wait(CameraLost)
        camera.start()
        door.wait(CameraFound, 2)


def test_a_frozen_camera_is_lost_and_found_again_in_the_same_life_when_it_thaws(directory: Path, video: Path) -> None:
    with DoorThread(directory) as door, CameraProcess(directory, device=str(video)) as camera:
        camera.start()
        door.wait(FacesSeen)
        assert camera.process is not None
        camera.process.send_signal(signal.SIGSTOP)
        try:
            frozen_ms = door.all(FacesSeen)[-1].at_ms
            lost = door.wait(CameraLost)[0]
            assert "has said nothing" in lost.reason
            assert lost.at_ms - frozen_ms >= 2_000  # a hiccup is not yet a loss
            until(door.clock.now_ms, lambda now_ms: now_ms - frozen_ms > LONG_FROZEN_MS)
        finally:
            camera.process.send_signal(signal.SIGCONT)
        door.wait(CameraFound, 2)
        assert camera.alive


# --- what never leaves it -------------------------------------------------------------------------------------------


class Recorder:
    """Listens in the daemon's place, keeps every byte, and asks for pictures all the time."""

    def __init__(self, path: Path) -> None:
        self.heard = bytearray()
        self._ear = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._ear.bind(str(path))
        self._ear.listen()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        connection, _ = self._ear.accept()
        with connection, self._ear, suppress(ConnectionError):  # it ends with our words unread
            while said := connection.recv(65_536):
                self.heard += said
                take = Take(incident=str(len(self.heard)), press_ms=0, before_ms=9_000, after_ms=60_000)
                connection.sendall(encode(take))

    def join(self) -> None:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


def test_without_the_switch_no_picture_leaves_by_any_way(directory: Path, video: Path) -> None:
    """Not by the socket, whoever asks for it; not by the log; not into a file."""
    recorder = Recorder(directory / "run" / CAMERA_SOCKET)
    with CameraProcess(directory, device=str(video)) as camera:
        camera.start()
        assert camera.process is not None
        until(lambda: recorder.heard.count(b'"faces":1'))
        writable = [
            Path(file.path) for file in psutil.Process(camera.process.pid).open_files() if not file.mode.startswith("r")
        ]
        until(lambda: recorder.heard.count(b"\n"), lambda lines: lines >= 100)
        assert camera.terminate() == 0
        recorder.join()
        assert images_in(bytes(recorder.heard)) == []
        assert max(len(line) for line in recorder.heard.split(b"\n")) <= LINE_BYTES_MAX
        assert "camera.alarm_pictures is false here" in camera.log()
        assert set(writable) <= {camera.log_file, video}
        for file in directory.rglob("*"):
            if file.is_file():
                assert images_in(file.read_bytes()) == [], file
        assert camera.log_file.stat().st_size < 100_000


def test_the_search_for_pictures_finds_what_it_is_to_find() -> None:
    picture = scene([Person(STANDS_CM)])
    for name, kind in ((".jpg", "JPEG"), (".png", "PNG"), (".webp", "RIFF"), (".bmp", "BMP")):
        _, encoded = cv2.imencode(name, picture)
        content = encoded.tobytes()
        assert kind in images_in(b"before " + content), name
        assert kind in images_in(b'{"jpeg":"' + base64.b64encode(content)), name
    said = Picture(incident="a", at_ms=1, jpeg=cv2.imencode(".jpg", picture)[1].tobytes()[:JPEG_BYTES_MAX])
    assert images_in(encode(said)) == ["JPEG"]
    assert len(encode(said)) > LINE_BYTES_MAX
    assert images_in(b'{"say":"faces","faces":1,"distance_cm":43.9,"centred":true,"at_ms":2176141}\n') == []


@pytest.mark.slow
def test_after_a_press_a_few_small_pictures_come_and_then_no_more(directory: Path, video: Path) -> None:
    settings = {"alarm_pictures": True, "picture_before_s": 2, "picture_after_s": 2}
    with (
        DoorThread(directory, pictures=True) as door,
        CameraProcess(directory, device=str(video), **settings) as camera,
    ):
        camera.start()
        first_ms = door.wait(FacesSeen)[0].at_ms
        until(lambda: door.all(FacesSeen)[-1].at_ms - first_ms, lambda ms: ms >= 3_000)
        assert door.all(PictureTaken) == []
        press_ms = door.clock.now_ms()
        door.door.take(TakePicture("ab-1", press_ms))
        door.wait(PictureTaken, 4)  # on a busy machine the camera stands still now and then: no picture of that moment
        until(lambda: door.all(FacesSeen)[-1].at_ms - press_ms, lambda ms: ms >= 4_000)
        taken = door.all(PictureTaken)
        assert 4 <= len(taken) <= PICTURES_MAX
        assert {one.incident for one in taken} == {"ab-1"}
        assert min(one.offset_ms for one in taken) < -500
        assert max(one.offset_ms for one in taken) > 500
        for one in taken:
            assert len(one.jpeg) <= JPEG_BYTES_MAX
            shown = cv2.imdecode(np.frombuffer(one.jpeg, np.uint8), cv2.IMREAD_COLOR)
            assert shown is not None
            assert shown.shape == (480, 640, 3)
        assert camera.terminate() == 0


# --- how it ends ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_camera_that_hangs_ends_the_process_so_that_it_is_started_again(directory: Path) -> None:
    """A picture that is a pipe into which nobody writes: the read never returns, as with a dead camera."""
    folder = directory / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), scene([]))
    os.mkfifo(folder / "b.png")
    with CameraProcess(directory, device=str(folder)) as camera:
        camera.start()
        assert camera.wait_end() == 4
        assert "no picture in time" in camera.log()


@pytest.mark.parametrize(
    ("camera", "exit_code", "said"),
    [
        ({}, 3, "camera: given nothing; allowed: one table headed [camera]"),
        ({"device": "/nowhere/walk.avi"}, 4, "gatepost-camera: camera.device /nowhere/walk.avi: there is no such file"),
        ({"device": "63"}, 4, "gatepost-camera: camera.device 63: /dev/video63 cannot be opened"),
        ({"frames_a_second": 1}, 3, "camera.frames_a_second: given 1; allowed: a whole number from 2 to 30"),
    ],
)
def test_what_can_not_work_is_said_in_one_line(
    directory: Path, camera: dict[str, object], exit_code: int, said: str
) -> None:
    with CameraProcess(directory, **camera) as process:
        process.spawn()
        assert process.wait_end() == exit_code
        assert said in process.log()
        assert "Traceback" not in process.log()


def test_no_core_file_can_hold_the_last_pictures(directory: Path, video: Path) -> None:
    with CameraProcess(directory, device=str(video)) as camera:
        camera.start()
        assert camera.process is not None
        limits = Path(f"/proc/{camera.process.pid}/limits").read_text()
        (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
        assert core.split()[4:6] == ["0", "0"]


@pytest.mark.slow
def test_the_process_stays_within_its_memory(directory: Path, video: Path) -> None:
    """With detector, ring and pictures at work. What it may have is 200 MB."""
    with (
        DoorThread(directory, pictures=True) as door,
        CameraProcess(directory, device=str(video), alarm_pictures=True, picture_before_s=10) as camera,
    ):
        camera.start()
        first_ms = door.wait(FacesSeen)[0].at_ms
        until(lambda: door.all(FacesSeen)[-1].at_ms - first_ms, lambda ms: ms >= VISIT_S * 1000)
        assert camera.process is not None
        assert psutil.Process(camera.process.pid).memory_info().rss < 150 << 20


def test_the_door_is_open_to_the_cameras_own_user(directory: Path) -> None:
    """That user is in no group of the daemon's: it reaches this socket, and not the one that can end an alarm."""
    with DoorThread(directory):
        path = directory / "run" / CAMERA_SOCKET
        until(path.exists)
        until(lambda: stat.S_IMODE(path.stat().st_mode), 0o666.__eq__)

"""Where pictures come from, how small they are made, and who notices when none come."""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from cv2.typing import MatLike

from edge.camera.drawn import PICTURES_A_SECOND, Person, scene, walk, write_video
from edge.camera.jpeg import small_jpeg
from edge.camera.sources import HEIGHT_PX, WIDTH_PX, Folder, PiCamera, Source, VideoFile, coloured, open_source
from edge.camera.watch import MEMORY_MB_MAX, Watch, resident_mb
from edge.camera_words import JPEG_BYTES_MAX, JPEG_START
from edge.errors import DeviceError, StorageError
from edge.kiosk_settings import CameraSettings
from tests.unit.small_gate import DEADLINE_S

ANY_MEMORY_MB = 1 << 20
"""The process that runs thousands of tests has outgrown a camera's limit, and that ended a watch here."""

HAS_PICAMERA2 = importlib.util.find_spec("picamera2") is not None


def opened(device: Path | str) -> Source:
    return open_source(CameraSettings(source="opencv", device=str(device), frames_a_second=30))


def brightness(picture: MatLike) -> int:
    return round(float(picture.mean()))


def put(folder: Path, name: str, level: int) -> None:
    assert cv2.imwrite(str(folder / name), np.full((48, 64, 3), level, np.uint8))


# --- sources --------------------------------------------------------------------------------------------------------


def test_a_folder_is_shown_by_name_again_and_again(tmp_path: Path) -> None:
    put(tmp_path, "b.png", 100)
    put(tmp_path, "a.png", 50)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "aa.jpg").write_text("no picture either")
    source = opened(tmp_path)
    assert isinstance(source, Folder)
    assert [brightness(source.read()) for _ in range(4)] == [50, 100, 50, 100]
    put(tmp_path, "c.png", 150)
    assert [brightness(source.read()) for _ in range(3)] == [50, 100, 150]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no picture in it that can be read: put some there"):
        opened(tmp_path).read()


def test_a_video_plays_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "walk.avi"
    write_video(file, seconds=0.4)
    source = opened(file)
    assert isinstance(source, VideoFile)
    pictures = [source.read() for _ in range(round(0.4 * PICTURES_A_SECOND) * 2 + 1)]
    assert {picture.shape for picture in pictures} == {(480, 640, 3)}
    source.close()


def test_a_file_that_is_no_video_is_told(tmp_path: Path) -> None:
    file = tmp_path / "no.avi"
    file.write_bytes(b"no video" * 1000)
    with pytest.raises(DeviceError, match="no video that can be read"):
        opened(file).read()


@pytest.mark.parametrize("device", ["/nowhere/at/all", "63", "/dev/video63"])
def test_a_device_that_is_not_there_is_told_with_what_to_do(device: str) -> None:
    with pytest.raises(DeviceError, match=rf"camera.device {device}: .*(give|connect)"):
        opened(device)


@pytest.mark.skipif(HAS_PICAMERA2, reason="picamera2 is installed here")
def test_without_picamera2_the_package_is_named() -> None:
    with pytest.raises(DeviceError, match="install python3-picamera2 with apt"):
        PiCamera(10)


@pytest.mark.skipif(not HAS_PICAMERA2, reason="picamera2 is not installed here: it is Debian's python3-picamera2")
def test_picamera2_gives_pictures_or_the_missing_camera_is_told() -> None:
    """For real: which of the two depends on whether a camera is connected to this machine."""
    from picamera2 import Picamera2

    if Picamera2.global_camera_info():
        camera = PiCamera(10)
        assert camera.read().shape == (HEIGHT_PX, WIDTH_PX, 3)
        camera.close()
    else:
        with pytest.raises(DeviceError, match="rpicam-hello --list-cameras"):
            PiCamera(10)


def test_a_picture_that_libcamera_gives_otherwise_than_asked_has_the_same_colours() -> None:
    blue = np.full((48, 64, 3), (200, 60, 30), np.uint8)
    lightness, *hues = np.split(cv2.cvtColor(blue, cv2.COLOR_BGR2YUV_I420).ravel(), [48 * 64, 48 * 64 * 5 // 4])
    nv12 = np.concatenate([lightness, np.stack(hues, axis=1).ravel()]).reshape(72, 64)
    assert np.abs(coloured(nv12, "NV12").astype(int) - blue).max() <= 3
    assert coloured(blue, "RGB888") is blue


def test_a_picture_in_a_format_that_nobody_knows_is_told_and_not_misread() -> None:
    with pytest.raises(DeviceError, match="gives pictures as YUYV, and RGB888, NV12 are what can be read"):
        coloured(np.zeros((48, 64, 2), np.uint8), "YUYV")


# --- small pictures -------------------------------------------------------------------------------------------------


def test_an_alarms_picture_is_small_and_shows_what_was_there() -> None:
    picture = scene([Person(60)])
    jpeg = small_jpeg(picture)
    assert jpeg is not None
    assert len(jpeg) <= JPEG_BYTES_MAX
    assert jpeg.startswith(JPEG_START)
    shown = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert np.abs(shown.astype(int) - picture.astype(int)).mean() < 5


def test_a_large_and_busy_picture_is_made_smaller_until_it_fits() -> None:
    random = np.random.default_rng(3)
    busy = cv2.resize(random.integers(0, 255, (360, 640, 3)).astype(np.uint8), (1920, 1080))
    jpeg = small_jpeg(busy)
    assert jpeg is not None
    assert len(jpeg) <= JPEG_BYTES_MAX


def test_what_can_not_be_made_small_enough_is_left_out() -> None:
    noise = np.random.default_rng(3).integers(0, 255, (4000, 320, 3)).astype(np.uint8)
    assert small_jpeg(noise) is None


# --- drawn people ---------------------------------------------------------------------------------------------------


def test_the_drawn_visitor_comes_stands_in_the_zone_and_goes() -> None:
    distances = [[person.distance_cm for person in walk(tenth / 10)] for tenth in range(60)]
    standing = [tenth for tenth, there in enumerate(distances) if there == [45]]
    assert len(standing) >= 15
    assert distances[0] == distances[-1] == []
    assert walk(3.0) == walk(9.0)


def test_a_video_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written: give a directory that can be"):
        write_video(tmp_path / "missing" / "walk.avi")


# --- who notices ----------------------------------------------------------------------------------------------------


class Ended:
    """In place of the end of the process."""

    def __init__(self) -> None:
        self.code: int | None = None
        self._ended = threading.Event()

    def __call__(self, code: int) -> None:
        self.code = code
        self._ended.set()

    def wait(self, seconds: float) -> bool:
        return self._ended.wait(seconds)


def test_a_camera_that_never_gives_a_picture_ends_the_process() -> None:
    ended = Ended()
    Watch(ended, start_s_max=0.1, memory_mb_max=ANY_MEMORY_MB)
    assert ended.wait(DEADLINE_S)
    assert ended.code == DeviceError.exit_code


def test_a_camera_that_stops_ends_the_process() -> None:
    ended = Ended()
    watch = Watch(ended, picture_s_max=0.1, memory_mb_max=ANY_MEMORY_MB)
    assert not ended.wait(0.6)  # the start has its own, longer time
    watch.picture()
    assert ended.wait(DEADLINE_S)
    assert ended.code == DeviceError.exit_code


def test_memory_above_its_limit_ends_the_process() -> None:
    ended = Ended()
    Watch(ended, memory_mb_max=1)
    assert ended.wait(DEADLINE_S)
    assert ended.code == StorageError.exit_code


def test_a_closed_watch_ends_nothing() -> None:
    ended = Ended()
    Watch(ended, start_s_max=0.3, memory_mb_max=ANY_MEMORY_MB).close()
    assert not ended.wait(1.0)


def test_memory_is_what_the_kernel_says() -> None:
    before_mb = resident_mb()
    block = bytearray(b"x" * (64 << 20))
    assert 56 <= resident_mb() - before_mb <= 80
    assert len(block) == 64 << 20
    assert MEMORY_MB_MAX == 200

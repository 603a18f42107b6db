"""What finding faces costs: time on one core; and memory, processor and start of the real camera process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import psutil

from benchmarks.figures import Figure, Results, milliseconds, share
from edge.camera.detectors import LOOK_WIDTH_PX, SHIPPED_MODEL, Detector, choose, find_cascade, small
from edge.camera.drawn import PICTURES_A_SECOND, VISIT_S, scene, walk, write_video
from edge.camera_door import CameraDoor
from edge.drivers.clock import SystemClock
from edge.events import Fact
from edge.kiosk_settings import CameraSettings
from edge.measuring import CameraFound
from edge.settings import ClockSettings

PICTURES = 300
YUNET_MS_MAX, CASCADE_MS_MAX = 10.0, 45.0
MEMORY_MB_MAX = 200
FOUND_S_MAX = 10.0
STARTS = 3
MIB = 1 << 20

SETTINGS = """
[gate]
county = "bench"
school = "school"
gate = "gate"
state_directory = "{state}"
runtime_directory = "{directory}"
[pins]
factory = "mock"
[button]
key_gpio = 17
[lamps]
status_gpio = 22
fault_gpio = 23
[[broker]]
name = "one"
host = "127.0.0.1"
tls = false
[camera]
source = "opencv"
device = "{video}"
alarm_pictures = true
picture_before_s = 10
"""


def measure(directory: Path, results: Results, seconds: int, say: Callable[[str], None]) -> None:
    """Time both detectors here, then start the camera process and watch it look at a drawn visitor for ``seconds``."""
    _detectors(results, say)
    video = directory / "walk.avi"
    write_video(video)
    with tempfile.TemporaryDirectory(prefix="gp-") as short:  # a socket's path has 107 characters at most
        settings = directory / "gate.toml"
        settings.write_text(SETTINGS.format(directory=short, state=directory / "state", video=video))
        _process(Path(short), settings, directory / "camera.log", results, seconds, say)


def _detectors(results: Results, say: Callable[[str], None]) -> None:
    cv2.setNumThreads(1)
    yunet = choose(SHIPPED_MODEL, CameraSettings().model_sha256, None)
    results.add(_timed(yunet, YUNET_MS_MAX, say))
    cascade = find_cascade()
    if cascade is not None:
        results.add(_timed(choose(SHIPPED_MODEL, "", cascade), CASCADE_MS_MAX, say))


def _timed(detector: Detector, limit_ms: float, say: Callable[[str], None]) -> Figure:
    say(f"faces by {detector.name}")
    samples = []
    for number in range(PICTURES):
        picture = scene(walk(number * VISIT_S / PICTURES))
        begin_ns = time.perf_counter_ns()
        detector.find(small(picture))
        samples.append((time.perf_counter_ns() - begin_ns) / 1e6)
    return milliseconds(f"faces in a picture {LOOK_WIDTH_PX} wide, {detector.name}, median", samples, 0.5, limit_ms)


def _process(
    run_directory: Path, settings: Path, log_file: Path, results: Results, seconds: int, say: Callable[[str], None]
) -> None:
    facts: list[Fact] = []
    clock = SystemClock(ClockSettings())
    door = CameraDoor(run_directory, facts.append, clock, pictures=True, before_ms=3000, after_ms=5000)
    serving = threading.Thread(target=door.serve)
    serving.start()
    try:
        starts_s = []
        for number in range(STARTS):
            say(f"camera process, start {number + 1} of {STARTS}")
            camera, found_s = _started(settings, log_file, facts)
            starts_s.append(found_s)
            if number + 1 < STARTS:
                camera.kill()
                camera.wait()
        watched = psutil.Process(camera.pid)
        before_s = sum(watched.cpu_times()[:2])
        say(f"camera process for {seconds} s")
        time.sleep(seconds)
        spent_s = sum(watched.cpu_times()[:2]) - before_s
        memory_mb = watched.memory_info().rss / MIB
        camera.terminate()
        camera.wait()
    finally:
        door.close()
        serving.join()
    results.add(Figure("camera process found after its start", share(starts_s, 1.0), FOUND_S_MAX, "s"))
    results.add(Figure("camera process, memory", memory_mb, MEMORY_MB_MAX, "MB"))
    pace = f"{PICTURES_A_SECOND} pictures a second, {CameraSettings().frames_a_second} looked at"
    results.add(Figure("camera process, of one core", 100 * spent_s / seconds, None, "%", pace))


def _started(settings: Path, log_file: Path, facts: list[Fact]) -> tuple[subprocess.Popen[bytes], float]:
    """A camera process, and the seconds until the daemon's end knows of it."""
    known = sum(isinstance(fact, CameraFound) for fact in facts)
    begin_s = time.monotonic()
    with log_file.open("ab") as log:
        camera = subprocess.Popen(
            [sys.executable, "-m", "edge.camera", "run", "--config", str(settings)], stdout=log, stderr=log
        )
    while sum(isinstance(fact, CameraFound) for fact in list(facts)) == known:
        if camera.poll() is not None or time.monotonic() - begin_s > 3 * FOUND_S_MAX:
            camera.kill()
            raise SystemExit(f"the camera process never came: {log_file.read_text()[-3000:]}")
        time.sleep(0.01)
    return camera, time.monotonic() - begin_s

"""The camera process's one loop: read a picture, look at it, say what was seen. Pictures stay in its memory.

The only picture that leaves it is one that the daemon asked for after a real press, and only where
``camera.alarm_pictures`` is true in the settings that this process has read itself.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import cv2

from edge.camera.daemon_line import DaemonLine
from edge.camera.detectors import SHIPPED_MODEL, Detector, NoDetector, choose, find_cascade, small
from edge.camera.jpeg import small_jpeg
from edge.camera.ring import Ring
from edge.camera.sources import Source, open_source
from edge.camera.watch import Watch
from edge.camera.zone import Zone, judge
from edge.camera_words import CAMERA_SOCKET, SPEAK_MS, Alive, Faces, Found
from edge.drivers.systemd import SystemdSupervisor, journal_handler
from edge.errors import DeviceError
from edge.kiosk_settings import CameraSettings
from edge.settings import Settings

if TYPE_CHECKING:
    from cv2.typing import MatLike  # Debian's OpenCV comes without it

log = logging.getLogger(__name__)

CV_ERRORS_ONLY = 2
"""OpenCV's log level: OpenCV 5 warns at each start of what does not concern anybody."""


class Rhythm:
    """Says of which pictures so many a second are looked at. A source faster or as fast as that keeps the rhythm."""

    def __init__(self, a_second: int) -> None:
        self._every_ms = 1000 // a_second
        self._due_ms = 0

    def due(self, now_ms: int) -> bool:
        """True for a picture that is to be looked at."""
        # A little early rather than a whole picture late: a camera's pace is never exactly its setting.
        early_ms = self._every_ms // 4
        if now_ms < self._due_ms - early_ms:
            return False
        self._due_ms = max(self._due_ms, now_ms - early_ms) + self._every_ms
        return True


class Eye:
    """Looks at pictures until ``stop``. The main thread makes and runs it; ``stop`` is for a signal handler."""

    def __init__(self, settings: CameraSettings, source: Source, detector: Detector, line: DaemonLine) -> None:
        self._source = source
        self._detector = detector
        self._line = line
        self._zone = Zone(settings.zone_near_cm, settings.zone_far_cm, settings.view_angle_degrees)
        self._ring = Ring(settings.picture_before_s) if settings.alarm_pictures else None
        self._over = False
        self._rhythm = Rhythm(settings.frames_a_second)
        self._speak_ms = 0
        self._too_large = 0

    def stop(self) -> None:
        """End ``run`` after the picture that it is at."""
        self._over = True

    def run(self, watch: Watch, supervisor: SystemdSupervisor | None) -> None:
        """Look until stopped. Raises DeviceError where no more pictures come."""
        picture = self._source.read()
        log.info("pictures come; faces are found by: %s", self._detector.name)
        if supervisor is not None:
            supervisor.ready()
        while not self._over:
            now_ms = monotonic_ms()
            watch.picture()
            self._take(picture, now_ms)
            if now_ms >= self._speak_ms:
                self._speak_ms = now_ms + SPEAK_MS
                self._line.say(Alive())
                if supervisor is not None:
                    supervisor.feed(f"faces are found by: {self._detector.name}")
            picture = self._source.read()

    def _take(self, picture: MatLike, now_ms: int) -> None:
        if self._rhythm.due(now_ms):
            self._look(picture, now_ms)
        if self._ring is not None and self._ring.wants(now_ms):
            self._keep(self._ring, picture, now_ms)
        for take in self._line.attend(now_ms):
            if self._ring is None:
                log.warning("pictures of press %s were asked for; camera.alarm_pictures is false here", take.incident)
                continue
            handed = self._ring.take(take)
            if handed is None:
                log.info("a press of incident %s so soon after another: its pictures show it already", take.incident)
                continue
            log.warning("a press of incident %s: pictures from before and after it are handed out", take.incident)
            for one in handed:
                self._line.say(one)

    def _look(self, picture: MatLike, now_ms: int) -> None:
        if isinstance(self._detector, NoDetector):
            return
        looked_at = small(picture)
        seen = judge(self._zone, self._detector.find(looked_at), looked_at.shape[1])
        self._line.say(Faces(faces=seen.faces, distance_cm=seen.distance_cm, centred=seen.centred, at_ms=now_ms))

    def _keep(self, ring: Ring, picture: MatLike, now_ms: int) -> None:
        jpeg = small_jpeg(picture)
        if jpeg is None:
            self._too_large += 1
            if self._too_large == 1:
                log.warning("a picture cannot be made small enough to follow an alarm: it is left out")
            return
        for one in ring.add(now_ms, jpeg):
            self._line.say(one)


def run(settings: Settings, camera: CameraSettings) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Raises DeviceError where there are no pictures."""
    _log_to(settings.log.level)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the last pictures
    cv2.setNumThreads(1)  # the other cores are for the button
    if hasattr(cv2, "setLogLevel"):
        cv2.setLogLevel(CV_ERRORS_ONLY)
    watch = Watch()
    detector = choose(Path(camera.model_file or SHIPPED_MODEL), camera.model_sha256, find_cascade())
    source = open_source(camera)
    line = DaemonLine(Path(settings.gate.runtime_directory) / CAMERA_SOCKET, Found(detector=detector.name))
    eye = Eye(camera, source, detector, line)

    def end(_number: int, _frame: FrameType | None) -> None:
        eye.stop()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    address = os.environ.get("NOTIFY_SOCKET", "")
    try:
        eye.run(watch, SystemdSupervisor(address) if address else None)
    except cv2.error as error:
        raise DeviceError(f"OpenCV cannot look at a picture of {camera.device}: {error}") from error
    finally:
        watch.close()
        line.close()
        source.close()
    return 0


def monotonic_ms() -> int:
    """Milliseconds of the machine's monotonic clock: the daemon reads the same one."""
    return time.monotonic_ns() // 1_000_000


def _log_to(level: str) -> None:
    logging.basicConfig(level=level.upper(), handlers=[journal_handler()], force=True)

"""The kiosk of a gate in a storm: students before a sensor that fails, and a camera process that comes and goes.

Its luck is its own: where a student comes or a bus hangs, nothing changes for the hand at the button.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from random import Random

from edge import skin
from edge.events import Command, Fact
from edge.measuring import (
    CameraFound,
    CameraLost,
    FacesSeen,
    MeasureEvery,
    PictureTaken,
    SkinMissed,
    SkinRead,
    TakePicture,
)
from edge.presence import Mode
from edge.screening import IDLE_MS, ThermometerRules
from edge.sim.students import Day, Scene, morning
from edge.sim.timeline import Timeline
from edge.state import KioskRules

PART = skin.PARTS["BCC"]
STUDENTS = 60
BEGIN_MS = 3_000
QUIET_MS = 140
HANG_MS = 1_000
LOOK_MS = 200
PICTURE_MS = 500
PICTURES = 6
TOLD_MS_MAX = 1_000
"""The camera process knocks at a daemon that has just started within this."""

FAULTS = ("no_answer", "bad_checksum", "dead_bus", "bus_gone", "bus_hung")


class Entrance:
    """Lives as long as the gate stands there. ``missed`` says why no reading comes, None where all is well.

    ``camera`` is whether the camera process lives. ``begin`` is called with each life of the daemon.
    """

    def __init__(self, timeline: Timeline, seed: int) -> None:
        self._time = timeline
        self._random = Random(seed)
        day = Day(students=STUDENTS, every_ms=self._random.choice((1_000, 2_000)), covered_share=0.2)
        students = morning(day, seed, timeline.now_ms + BEGIN_MS)
        self._scene = Scene(day, students, PART, seed)
        self._arrivals = [one.arrives_ms for one in students]
        self._post: Callable[[Fact], None] = lambda _: None
        self._life = 0
        self._every_ms = IDLE_MS
        self._watched = False
        self.missed: str | None = None
        self.camera = True

    def rules(self) -> KioskRules:
        """What the gate's settings say of its kiosk."""
        mode = self._random.choice(list(Mode))
        return KioskRules(ThermometerRules(part=PART, mode=mode, camera=True), alarm_pictures=True)

    def begin(self, post: Callable[[Fact], None]) -> None:
        """The daemon starts. What it is told goes through ``post``, which gives it the time."""
        self._life += 1
        self._post = post
        self._every_ms = IDLE_MS
        self._watched = False
        life = self._life
        self._time.after(IDLE_MS, lambda: self._read(life))
        self._time.after(self._random.randint(1, TOLD_MS_MAX), lambda: self._look(life))

    def obey(self, command: Command) -> None:
        """The brain's wish: a pace, or pictures of a press."""
        match command:
            case MeasureEvery(every_ms=every_ms):
                self._every_ms = every_ms
            case TakePicture(incident=incident):
                life = self._life
                for number in range(PICTURES if self._watched else 0):
                    self._time.after(PICTURE_MS * (number + 1), lambda: self._picture(life, incident))
            case _:
                pass

    def break_sensor(self) -> None:
        """Another fault of the bus, or of the sensor on it."""
        self.missed = self._random.choice(FAULTS)

    def _read(self, life: int) -> None:
        if life != self._life:
            return
        if self.missed is None:
            self._post(SkinRead(*self._scene.look(self._time.now_ms), 0))
        else:
            self._post(SkinMissed(self.missed, 0))
        hangs_ms = HANG_MS if self.missed == "bus_hung" else 0
        self._time.after(hangs_ms + max(self._every_ms, QUIET_MS), lambda: self._read(life))

    def _look(self, life: int) -> None:
        if life != self._life:
            return
        if self.camera is not self._watched:
            self._watched = self.camera
            self._post(CameraFound("YuNet", 0) if self.camera else CameraLost("it is gone", 0))
        if self._watched:
            standing = self._stands()
            self._post(FacesSeen(int(standing), 45.0 if standing else None, standing, 0))
        self._time.after(LOOK_MS, lambda: self._look(life))

    def _stands(self) -> bool:
        number = bisect_right(self._arrivals, self._time.now_ms) - 1
        return number >= 0 and self._time.now_ms < self._scene.students[number].leaves_ms

    def _picture(self, life: int, incident: str) -> None:
        if life == self._life and self._watched:
            self._post(PictureTaken(incident, PICTURE_MS, b"\xff\xd8\xff", 0))

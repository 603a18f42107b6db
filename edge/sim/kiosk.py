"""The kiosk's brain in virtual time: a sensor that reads a scene at the pace it is told, and what comes of it."""

from __future__ import annotations

from bisect import bisect_left
from random import Random

from edge import thermometer
from edge.events import Ticked
from edge.measuring import MeasureEvery, Screen, SkinMissed, SkinRead, TellPupil
from edge.screening import IDLE_MS
from edge.sim.students import Scene, Student
from edge.thermometer import News, Outcome, Screened, ThermometerRules

QUIET_MS = 140
LATE_MS_MAX = 6
"""A reading comes up to so much later than planned: other work on the machine."""


class SimulatedKiosk:
    """Brain and sensor. ``missed_share`` of the readings do not come."""

    def __init__(self, rules: ThermometerRules, scene: Scene, seed: int = 0, begin_ms: int = 0) -> None:
        self.state = thermometer.begin(rules, begin_ms)
        self.scene = scene
        self.outcomes: list[Outcome] = []
        self.told: list[tuple[int, TellPupil]] = []
        self.missed_share = 0.0
        self._random = Random(seed)
        self._every_ms = IDLE_MS
        self._read_ms = begin_ms - IDLE_MS
        self.now_ms = begin_ms

    @property
    def screened(self) -> list[Screened]:
        """One for each student, in order."""
        return [one for one in self.outcomes if isinstance(one, Screened)]

    def run_until(self, end_ms: int) -> None:
        """Let time pass."""
        while True:
            read_ms = max(self._read_ms + self._every_ms, self._read_ms + QUIET_MS, self.now_ms)
            wake_ms = thermometer.wake_at(self.state)
            if wake_ms is not None and max(wake_ms, self.now_ms) < read_ms:
                if wake_ms > end_ms:
                    return
                self._take(Ticked(max(wake_ms, self.now_ms)))
                continue
            if read_ms > end_ms:
                return
            read_ms += self._random.randint(0, LATE_MS_MAX)
            self._read_ms = read_ms
            if self._random.random() < self.missed_share:
                self._take(SkinMissed("no_answer", read_ms))
            else:
                self._take(SkinRead(*self.scene.look(read_ms), read_ms))

    def _take(self, news: News) -> None:
        self.now_ms = max(self.now_ms, news.at_ms)
        self.state, said = thermometer.step(self.state, news)
        self.outcomes.extend(said)
        for one in said:
            if isinstance(one, MeasureEvery):
                self._every_ms = one.every_ms
            elif isinstance(one, TellPupil):
                self.told.append((self.now_ms, one))


VERDICTS = (Screen.NORMAL, Screen.AGAIN, Screen.HIGH, Screen.CANNOT_SCREEN)


def waits_ms(kiosk: SimulatedKiosk) -> list[int]:
    """For each student whose verdict was shown: from arrival to the first verdict on the screen."""
    shown = [at_ms for at_ms, one in kiosk.told if one.screen in VERDICTS]
    waits = []
    for student in kiosk.scene.students:
        first = bisect_left(shown, student.arrives_ms)
        if first < len(shown):
            waits.append(shown[first] - student.arrives_ms)
    return waits


def matched(students: list[Student], screened: list[Screened]) -> list[tuple[Student, list[Screened]]]:
    """Each student with the verdicts that began while they stood there."""
    return [
        (one, [each for each in screened if one.arrives_ms <= each.arrived_ms < one.leaves_ms]) for one in students
    ]  # fmt: skip

"""A kiosk's brain and the few things its tests let it see."""

from __future__ import annotations

from typing import TypeVar

from edge import skin, thermometer
from edge.events import Ticked
from edge.measuring import FacesSeen, Screen, SkinMissed, SkinRead, TellPupil
from edge.thermometer import KioskTrouble, News, Outcome, Screened, Thermometer, ThermometerRules

WALL = 20.0
USUAL = 34.3
BCC = ThermometerRules(part=skin.PARTS["BCC"], supply_volts=3.0, emissivity=1.0)
"""A sensor whose numbers are skin temperatures: what is corrected is shown elsewhere."""

T = TypeVar("T")


class Kiosk:
    """Steps the brain with a clock of its own; everything it ever said is in ``said``."""

    def __init__(self, rules: ThermometerRules = BCC, now_ms: int = 10_000) -> None:
        self.now_ms = now_ms
        self.state: Thermometer = thermometer.begin(rules, now_ms)
        self.said: list[Outcome] = []
        self.air = 23.0

    def take(self, news: News) -> None:
        self.state, said = thermometer.step(self.state, news)
        self.said.extend(said)

    def see(self, *celsius: float, every_ms: int = 150) -> None:
        """One reading after another."""
        for one in celsius:
            self.now_ms += every_ms
            self.take(SkinRead(one, self.air, self.now_ms))

    def miss(self, times: int = 1, every_ms: int = 150) -> None:
        for _ in range(times):
            self.now_ms += every_ms
            self.take(SkinMissed("no_answer", self.now_ms))

    def look(self, faces: int, distance_cm: float | None = None) -> None:
        """One picture."""
        self.now_ms += 100
        self.take(FacesSeen(faces, 45.0 if faces else distance_cm, faces > 0, self.now_ms))

    def wait(self, by_ms: int) -> None:
        """Let time pass, with the brain woken when it asks to be; the wall is seen each second."""
        end_ms = self.now_ms + by_ms
        while True:
            wake_ms = thermometer.wake_at(self.state)
            if wake_ms is None or wake_ms > end_ms:
                break
            self.now_ms = max(self.now_ms, wake_ms)
            self.take(Ticked(self.now_ms))
            again_ms = thermometer.wake_at(self.state)
            assert again_ms is None or again_ms > self.now_ms, "the brain would be woken for nothing, for ever"
        self.now_ms = end_ms

    def idle(self, seconds: int) -> None:
        """Nobody there, the sensor in order."""
        for _ in range(seconds):
            self.wait(1_000 - 150)
            self.see(WALL)

    def student(self, skin_celsius: float = USUAL, readings: int = 5) -> Screened:
        """One comes, is read so often, and goes."""
        self.see(*[skin_celsius] * readings, WALL)
        return self.all(Screened)[-1]

    def warm(self, students: int = 20) -> None:
        """A crowd, as one finds it."""
        self.see(WALL, WALL)
        for number in range(students):
            self.see(*[USUAL + (number % 5 - 2) * 0.1] * 5, WALL)

    def all(self, kind: type[T]) -> list[T]:
        return [one for one in self.said if isinstance(one, kind)]

    def troubles(self) -> list[tuple[str, str, bool]]:
        return [(one.trouble.value, one.part, one.raised) for one in self.all(KioskTrouble)]

    def screens(self) -> list[Screen]:
        return [one.screen for one in self.all(TellPupil)]

"""A simulated morning: students who come one after another, and what the infrared sensor sees of them.

All from one seed. Skins are drawn like those of group 1 of the FDA's open data (DOI 10.13026/3bhc-9065, FLIR camera,
second highest of four rounds, in a room of 23 degrees); nobody here is anybody. The sensor settles as its part does,
wavers as its part does, reads 0.6 degrees a volt too high, and sees what skin reflects of its surroundings.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from random import Random

from edge import skin
from edge.skin import KELVIN, Part

SETTLED_IN = math.log(300)
"""Time constants until a step of 15 degrees is within 0.05: what the datasheet calls settled."""

CUP_CELSIUS = 60.0
HAIR_CELSIUS = -3.0
UNDERFILL_SHARE = 0.1


class Cover(Enum):
    """What is between sensor and forehead, or beside it."""

    NOTHING = "nothing"
    HAIR = "hair"
    UNDERFILL = "underfill"
    CUP = "cup"


Shares = tuple[tuple[float, float], ...]
"""A distribution: (share of people, degrees Celsius that so many do not exceed), ends included."""


@dataclass(frozen=True)
class People:
    """How skins are spread, in a room of ``skin.AMBIENT_CELSIUS``: with an oral temperature below 37.5, and from it."""

    fit: skin.Fit
    usual: Shares
    febrile: Shares


CENTRE = People(
    skin.FOREHEAD_CENTRE,
    ((0.0, 32.0), (0.01, 32.53), (0.05, 33.47), (0.25, 34.07), (0.5, 34.42), (0.75, 34.68), (0.95, 35.03),
     (0.99, 35.3), (1.0, 35.5)),
    ((0.0, 34.1), (0.05, 34.38), (0.25, 34.78), (0.5, 35.27), (0.75, 35.6), (0.95, 36.51), (1.0, 36.8)),
)  # fmt: skip
MAXIMUM = People(
    skin.FOREHEAD_MAXIMUM,
    ((0.0, 33.7), (0.01, 34.17), (0.05, 34.63), (0.25, 35.05), (0.5, 35.26), (0.75, 35.49), (0.95, 35.81),
     (0.99, 36.01), (1.0, 36.2)),
    ((0.0, 35.1), (0.05, 35.33), (0.25, 35.78), (0.5, 36.02), (0.75, 36.6), (0.95, 37.25), (1.0, 37.5)),
)  # fmt: skip


@dataclass(frozen=True)
class Student:
    """One student, from ``arrives_ms`` until ``leaves_ms``; covered for the first ``cover_ms`` of it."""

    arrives_ms: int
    leaves_ms: int
    skin_celsius: float
    febrile: bool = False
    cover: Cover = Cover.NOTHING
    cover_ms: int = 0


FIRST = Student(1_000, 4_500, 34.3)
"""Somebody who waits for the word before a rush begins: at rest the kiosk looks once in 1.2 s, and then it is awake."""


@dataclass(frozen=True)
class Day:
    """What a morning is like. ``every_ms`` from one student to the next; the gap between them is drawn from ``gap_ms``.

    ``bias_celsius`` is on every skin (weather, or the sensor), ``drift_celsius`` grows on it over the morning.
    """

    students: int = 400
    every_ms: int = 1_000
    gap_ms: tuple[int, int] = (250, 350)
    people: People = CENTRE
    febrile_share: float = 0.02
    covered_share: float = 0.0
    bias_celsius: float = 0.0
    drift_celsius: float = 0.0
    ambient_celsius: float = 23.0
    wall_celsius: float = 20.0
    supply_volts: float = 3.3
    emissivity: float = 0.98


WINTER = replace(Day(), ambient_celsius=8.0, wall_celsius=4.0, bias_celsius=-1.5)
"""A gate in the open air: too cold to screen anybody."""


def morning(day: Day, seed: int, begin_ms: int = 0) -> list[Student]:
    """The students of a morning, in order."""
    random = Random(seed)
    students = []
    fit = day.people.fit
    room = fit.skin_per_ambient * (day.ambient_celsius - skin.AMBIENT_CELSIUS)
    for number in range(day.students):
        febrile = random.random() < day.febrile_share
        drift = day.drift_celsius * number / max(1, day.students)
        celsius = _drawn(random, day.people.febrile if febrile else day.people.usual) + room + day.bias_celsius + drift
        arrives_ms = begin_ms + number * day.every_ms
        leaves_ms = arrives_ms + day.every_ms - random.randint(*day.gap_ms)
        covered = random.random() < day.covered_share
        cover = random.choice([Cover.HAIR, Cover.UNDERFILL, Cover.CUP]) if covered else Cover.NOTHING
        cover_ms = random.randint(100, leaves_ms - arrives_ms) if covered else 0
        students.append(Student(arrives_ms, leaves_ms, celsius, febrile, cover, cover_ms))
    return students


def _drawn(random: Random, shares: Shares) -> float:
    """A temperature of this distribution, straight lines between what is known of it."""
    share = random.random()
    for (low, below), (high, above) in pairwise(shares):
        if share <= high:
            return below + (above - below) * (share - low) / (high - low)
    return shares[-1][1]


class Scene:
    """What stands in front of the sensor at any moment. Times asked for may not go back."""

    def __init__(self, day: Day, students: list[Student], part: Part, seed: int = 0) -> None:
        self.day = day
        self.students = students
        self._part = part
        self._random = Random(seed)
        self._changes = self._targets()
        self._at_ms = self._changes[0][0]
        self._celsius = day.wall_celsius

    def look(self, at_ms: int) -> tuple[float, float]:
        """What the sensor says at this moment, in degrees Celsius: of what it sees, and of itself."""
        steady_ms = self._part.settle_ms / SETTLED_IN
        first = bisect_right(self._changes, (self._at_ms, math.inf))
        target = self._changes[first - 1][1]
        while self._at_ms < at_ms:
            until_ms = min(at_ms, self._changes[first][0]) if first < len(self._changes) else at_ms
            left = math.exp(-(until_ms - self._at_ms) / steady_ms)
            self._celsius = target + (self._celsius - target) * left
            self._at_ms = until_ms
            if first < len(self._changes) and until_ms == self._changes[first][0]:
                target = self._changes[first][1]
                first += 1
        supply = skin.CELSIUS_PER_VOLT * (self.day.supply_volts - skin.SUPPLY_VOLTS)
        noise = self._random.gauss(0.0, self._part.noise_celsius)
        return self._celsius + supply + noise, self.day.ambient_celsius

    def _targets(self) -> list[tuple[float, float]]:
        """What is in view, from when: ordered (milliseconds, degrees Celsius)."""
        changes: list[tuple[float, float]] = [(-1.0, self.day.wall_celsius)]
        for one in self.students:
            bare_ms = one.arrives_ms + (one.cover_ms if one.cover is not Cover.NOTHING else 0)
            if bare_ms > one.arrives_ms:
                changes.append((one.arrives_ms, self._covered(one)))
            if bare_ms < one.leaves_ms:
                changes.append((bare_ms, self._bare(one.skin_celsius)))
            changes.append((one.leaves_ms, self.day.wall_celsius))
        return changes

    def _covered(self, one: Student) -> float:
        match one.cover:
            case Cover.HAIR:
                return self._bare(one.skin_celsius + HAIR_CELSIUS)
            case Cover.CUP:
                return CUP_CELSIUS
            case _:
                return mixed(self._bare(one.skin_celsius), self.day.wall_celsius, UNDERFILL_SHARE)

    def _bare(self, celsius: float) -> float:
        """What skin radiates of its own and reflects of its surroundings."""
        return mixed(celsius, self.day.ambient_celsius, 1 - self.day.emissivity)


def mixed(celsius: float, other_celsius: float, share: float) -> float:
    """The temperature a sensor sees where ``share`` of the radiation comes from the other (Stefan and Boltzmann)."""
    both = (1 - share) * (celsius + KELVIN) ** 4 + share * (other_celsius + KELVIN) ** 4
    return float(both**0.25) - KELVIN

"""What happens around a gate in some weeks: power, line, centre's clock, faults, officers; all from one seed.

Each fate is a list of stretches of true time in which something is the case. The gate does not see them; it sees what
follows from them.
"""

from __future__ import annotations

from random import Random

from edge.local_time import DAY_MS, HOUR_MS, MINUTE_MS
from edge.sim.stretches import Stretches, joined

Pace = tuple[int, int]
"""Mean milliseconds that something holds, and that it does not."""

POWER: dict[str, Pace] = {
    "steady": (40 * DAY_MS, HOUR_MS),
    "flaky": (DAY_MS, 40 * MINUTE_MS),
    "days off": (4 * DAY_MS, 2 * DAY_MS),
    "weeks off": (12 * DAY_MS, 9 * DAY_MS),
}
LINE: dict[str, Pace] = {
    "steady": (30 * DAY_MS, 30 * MINUTE_MS),
    "flaky": (8 * HOUR_MS, 10 * MINUTE_MS),
    "days out": (5 * DAY_MS, 30 * HOUR_MS),
}
FAULTS: tuple[Pace, ...] = ((9 * HOUR_MS, 20 * DAY_MS), (30 * MINUTE_MS, 2 * DAY_MS))
BUSY: Pace = (5 * HOUR_MS, 20 * DAY_MS)
AWAY: Pace = (2 * HOUR_MS, 10 * DAY_MS)
CLOCK_WRONG: Pace = (12 * HOUR_MS, 15 * DAY_MS)
CLOCK_ERRORS_MS = (
    1_500, -1_500, HOUR_MS, -HOUR_MS, DAY_MS, -DAY_MS, 3_652 * DAY_MS, -3_652 * DAY_MS, 7 * DAY_MS, 30_000,
)  # fmt: skip


def stretches(random: Random, pace: Pace, end: int) -> Stretches:
    """Something holds and does not hold by turns, for random times about its pace."""
    holds, holds_not = pace
    now = 0 if holds > holds_not else int(random.expovariate(1 / holds_not))
    found: Stretches = []
    while now < end:
        until = now + 1 + int(random.expovariate(1 / holds))
        found.append((now, min(until, end)))
        now = until + 1 + int(random.expovariate(1 / holds_not))
    return found


def daily(random: Random, end: int) -> Stretches:
    """Switched on in the morning and off in the evening, by hand, and not on every seventh day."""
    found = []
    for day in range(0, end, DAY_MS):
        if day // DAY_MS % 7 != 6:
            begin = day + random.randint(5 * HOUR_MS, 9 * HOUR_MS)
            found.append((begin, min(end, begin + random.randint(8 * HOUR_MS, 14 * HOUR_MS))))
    return [(begin, stop) for begin, stop in found if begin < stop]


class Fates:
    """All that happens from 0 to ``end`` ms. ``wrong``: stretches with the error that the clock has in them."""

    def __init__(self, random: Random, end: int) -> None:
        self.end = end
        power = random.choice((*POWER, "daily"))
        line = random.choice(tuple(LINE))
        self.words = f"power {power}, line {line}"
        self.powered = daily(random, end) if power == "daily" else stretches(random, POWER[power], end)
        self.line = stretches(random, LINE[line], end)
        self.broken = self._rarely(random, random.choice(FAULTS), 0.4)
        self.busy = self._rarely(random, BUSY, 0.3)
        self.away = self._rarely(random, AWAY, 0.3)
        wrong = self._rarely(random, CLOCK_WRONG, 0.4)
        self.wrong = [(begin, stop, random.choice(CLOCK_ERRORS_MS)) for begin, stop in wrong]
        # The time server is not always there when the gate starts.
        self.server = joined(stretches(random, random.choice(((20 * DAY_MS, HOUR_MS), (2 * DAY_MS, 8 * HOUR_MS))), end))
        self.restarts = self._moments(random, random.choice((0, 0, DAY_MS, 5 * DAY_MS)))
        self.asked = self._moments(random, random.choice((0, 0, 3 * DAY_MS, 10 * DAY_MS)))

    def _rarely(self, random: Random, pace: Pace, chance: float) -> Stretches:
        return stretches(random, pace, self.end) if random.random() < chance else []

    def _moments(self, random: Random, mean: int) -> list[int]:
        found, now = [], 0
        while mean:
            now += 1 + int(random.expovariate(1 / mean))
            if now >= self.end:
                break
            found.append(now)
        return found

"""Presses of a finger while the process stands still again and again, as on a machine that is busy elsewhere: the edges
are heard late, all at once, and before or after the level poll. Each press is one press."""

from __future__ import annotations

import bisect
import random

import pytest

from edge.contact import Closure, Contacts, step, wake_at
from edge.events import Contact, ContactEdge, LevelRead, LookAt, Origin, Ticked

PRESSES = 40
HOLD_MS = 60
PAUSE_MS = (90, 400)
POLL_MS = 50
HEARD_MS_MAX = 3
"""How late an edge is heard by a process that runs."""

STALLS = {"often": (120, (5, 120)), "short": (60, (5, 60)), "long": (300, (50, 250))}
"""Milliseconds from one stall to the next, in the mean, and how long one takes."""


class Finger:
    """A wire that is pressed PRESSES times; with ``bounce`` each closing and opening is up to four."""

    def __init__(self, dice: random.Random, *, bounce: bool) -> None:
        self.moves: list[tuple[float, bool]] = []
        now_ms = 1_000.0
        for _ in range(PRESSES):
            now_ms += dice.uniform(*PAUSE_MS)
            for closed, at_ms in ((True, now_ms), (False, now_ms + HOLD_MS)):
                self.moves.append((at_ms, closed))
                for _ in range(dice.randrange(4) if bounce else 0):
                    for level in (not closed, closed):
                        at_ms += dice.uniform(0.2, 1.5)
                        self.moves.append((at_ms, level))
            now_ms += HOLD_MS
        self.end_ms = now_ms + 500

    def closed(self, at_ms: float) -> bool:
        number = bisect.bisect_right(self.moves, at_ms, key=lambda move: move[0])
        return number > 0 and self.moves[number - 1][1]


class Stalled:
    """A process, and when it runs."""

    def __init__(self, dice: random.Random, kind: str, end_ms: float) -> None:
        mean_ms, lasts_ms = STALLS[kind]
        self.stalls: list[tuple[float, float]] = []
        now_ms = 0.0
        while now_ms < end_ms:
            begins_ms = now_ms + dice.expovariate(1 / mean_ms)
            now_ms = begins_ms + dice.uniform(*lasts_ms)
            self.stalls.append((begins_ms, now_ms))

    def runs_at(self, at_ms: float) -> float:
        """The first moment from here on at which it runs."""
        number = bisect.bisect_right(self.stalls, at_ms, key=lambda stall: stall[0]) - 1
        return max(at_ms, self.stalls[number][1]) if number >= 0 else at_ms


def turns(dice: random.Random, finger: Finger, process: Stalled) -> list[tuple[float, tuple[float, bool] | None]]:
    """When the process hears of an edge, with the edge, and when it polls; by chance in either order at one moment."""
    heard: list[tuple[float, tuple[float, bool] | None]] = []
    last_ms = 0.0
    for at_ms, closed in finger.moves:
        last_ms = max(process.runs_at(process.runs_at(at_ms) + dice.uniform(0, HEARD_MS_MAX)), last_ms + 0.01)
        heard.append((last_ms, (at_ms, closed)))
    poll_ms = process.runs_at(0)
    while poll_ms < finger.end_ms:
        heard.append((poll_ms, None))
        poll_ms = process.runs_at(poll_ms + POLL_MS)
    return sorted(heard, key=lambda turn: (turn[0], dice.random()))


def presses(seed: int, kind: str, *, bounce: bool) -> int:
    """How many presses are found."""
    dice = random.Random(seed)
    finger = Finger(dice, bounce=bounce)
    process = Stalled(dice, kind, finger.end_ms)
    contacts, told, count = Contacts(), False, 0

    def feed(fact: ContactEdge | LevelRead | Ticked) -> None:
        nonlocal contacts, count
        contacts, found = step(contacts, fact)
        for one in found:
            count += isinstance(one, Closure)
            if isinstance(one, LookAt):
                look_ms = process.runs_at(fact.at_ms)
                feed(LevelRead(one.contact, finger.closed(look_ms), int(look_ms)))

    def wait(until_ms: float) -> None:
        while (due_ms := wake_at(contacts)) is not None and process.runs_at(due_ms) <= until_ms:
            feed(Ticked(int(process.runs_at(due_ms))))

    for now_ms, edge in turns(dice, finger, process):
        wait(now_ms)
        if edge is not None:
            told = edge[1]
            feed(ContactEdge(Contact.KEY, told, int(now_ms), Origin.PERSON, int(now_ms - edge[0])))
        elif finger.closed(now_ms) is not told:
            told = not told
            feed(LevelRead(Contact.KEY, told, int(now_ms)))
    wait(finger.end_ms + 2_000)
    return count


@pytest.mark.parametrize("bounce", [False, True], ids=["clean", "bouncing"])
@pytest.mark.parametrize("kind", STALLS)
def test_no_press_is_lost_and_none_is_two_while_the_process_stands_still_again_and_again(
    kind: str, bounce: bool
) -> None:
    assert {seed: found for seed in range(60) if (found := presses(seed, kind, bounce=bounce)) != PRESSES} == {}

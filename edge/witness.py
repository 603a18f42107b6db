"""Whether the wall clock of this boot is right. The witness is the centre: each receipt carries its time.

Pure. A clock that the network has set may still be a year wrong; two clocks that agree are believed.
"""

from __future__ import annotations

from edge.diary import Diary, PastTest
from edge.value import Value

STEP_MS = 2_000
"""A wall clock further off than this from where the confirmed one would be has been set, and is confirmed anew."""


class Moment(Value, frozen=True):
    """Now. ``known``: the wall clock is synchronised, or was in this boot. ``reachable``: a broker is connected and the
    centre listens. ``busy``: an alarm, a window or a test is going on, and no other may begin."""

    at_ms: int
    wall_ms: int
    known: bool
    kernel_boot: str
    reachable: bool
    busy: bool = False


def sure(diary: Diary, now: Moment) -> bool:
    """The wall clock is known to be right: the centre confirmed it in this boot, and nobody has set it since."""
    said = witness(diary, now.kernel_boot)
    return now.known and said is not None and said.clock_right is True and not set_since(said, now)


def witness(diary: Diary, kernel_boot: str) -> PastTest | None:
    """The newest test of this boot in which the centre said what time it is."""
    for test in reversed(diary.tests):
        if test.kernel_boot != kernel_boot:
            break
        if test.clock_right is not None:
            return test
    return None


def set_since(said: PastTest, now: Moment) -> bool:
    """The wall clock is not where it would be, had it gone on since the centre confirmed it."""
    return abs(now.wall_ms - said.wall_ms - (now.at_ms - said.at_ms)) > STEP_MS


def last_right_ms(diary: Diary, now: Moment) -> int:
    """The wall time now, by the clock that was confirmed last in this boot."""
    said = witness(diary, now.kernel_boot)
    return now.wall_ms if said is None else said.wall_ms + now.at_ms - said.at_ms

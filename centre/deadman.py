"""The dead man's switch: a gate that does not test itself when it said it would is raised, even if it is dead.

Pure; no clock. All times are wall clocks in milliseconds. The figures are those of the standards' note, section 4: a
test that is 6 h late is raised, and no gap between two tests may be longer than 84 h.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

HOUR_MS = 3_600_000
LATE_MS = 6 * HOUR_MS
GAP_MS_MAX = 84 * HOUR_MS
AHEAD_MS_MAX = 8 * 24 * HOUR_MS
"""An announcement further away than this, ahead or behind, comes of a wrong clock or schedule, and is not believed."""


class Duty(msgspec.Struct, frozen=True):
    """What a gate owes. ``since_wall_ms`` is its last test, or the centre's first sight of an announcement.

    ``unbelieved_wall_ms`` is the newest announcement if that was not believed, and since when none was.
    """

    due_wall_ms: int | None = None
    since_wall_ms: int = 0
    tested_wall_ms: int = 0
    unbelieved_wall_ms: int | None = None
    unbelieved_since_wall_ms: int = 0

    @property
    def reckoned_wall_ms(self) -> int | None:
        """When a test is due: as announced, or 8 days after the last one; None while nothing was announced."""
        return None if self.due_wall_ms is None else min(self.due_wall_ms, self.since_wall_ms + AHEAD_MS_MAX)

    def overdue(self, wall_ms: int) -> bool:
        """True while the gate is to be raised."""
        reckoned_wall_ms = self.reckoned_wall_ms
        return reckoned_wall_ms is not None and wall_ms >= reckoned_wall_ms + LATE_MS


def announced(duty: Duty, due_wall_ms: int | None, wall_ms: int) -> Duty:
    """The duty after a heartbeat. A gate may plan anew only until the test is due: then only a test ends it.

    That it announces nothing (its clock is not set, its self-test is switched off) takes nothing back. Nor can it put
    a test off for ever: 8 days after its last test it is due, whatever it announces.
    """
    if due_wall_ms is None:
        return duty
    if due_wall_ms < wall_ms - AHEAD_MS_MAX and duty.overdue(wall_ms):
        return replace(duty, unbelieved_wall_ms=None)  # it was off for weeks, and both know what it owes
    if abs(due_wall_ms - wall_ms) > AHEAD_MS_MAX:
        since_wall_ms = wall_ms if duty.unbelieved_wall_ms is None else duty.unbelieved_since_wall_ms
        return replace(duty, unbelieved_wall_ms=due_wall_ms, unbelieved_since_wall_ms=since_wall_ms)
    duty = replace(duty, unbelieved_wall_ms=None)
    if duty.due_wall_ms is not None and duty.tested_wall_ms < duty.due_wall_ms <= wall_ms:
        return duty
    return replace(duty, due_wall_ms=due_wall_ms, since_wall_ms=duty.since_wall_ms or wall_ms)


def after_test(duty: Duty, tested_wall_ms: int) -> Duty:
    """The duty after a test of the whole chain that ended then, whatever its result.

    Until the gate announces the next one, it is due when the longest gap allowed is over: it may never speak again.
    """
    if tested_wall_ms <= duty.tested_wall_ms:
        return duty
    duty = replace(duty, tested_wall_ms=tested_wall_ms, since_wall_ms=max(duty.since_wall_ms, tested_wall_ms))
    if duty.due_wall_ms is None or duty.due_wall_ms > tested_wall_ms:
        return duty
    return replace(duty, due_wall_ms=tested_wall_ms + GAP_MS_MAX)

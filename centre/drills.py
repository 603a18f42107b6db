"""A drill booked with the centre: sirens on, the response timed. Pure; no clock.

It is booked at least 24 h ahead, so that everybody who might take it for real can be told (standards' note, section
4). At its time the centre opens a window of kind ``drill`` at the gate, whose nonce is the drill's id. Times are the
centre's wall clock in milliseconds, 0 while something has not happened.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from centre.windows import MINUTE_MS, MINUTES_MAX
from edge.errors import RefusedError
from edge.wire import Address

HOUR_MS = 3_600_000
NOTICE_MS = 24 * HOUR_MS
AHEAD_MS_MAX = 366 * 24 * HOUR_MS


class Drill(msgspec.Struct, frozen=True):
    """One drill. ``reason`` says why it could not be held, while it cannot."""

    address: Address
    id: str
    by: str
    booked_wall_ms: int
    start_wall_ms: int
    for_ms: int
    short_notice: bool = False
    opened_wall_ms: int = 0
    cancelled_by: str = ""
    cancelled_wall_ms: int = 0
    missed_wall_ms: int = 0
    reason: str = ""

    @property
    def ends_wall_ms(self) -> int:
        """When it is over at the latest."""
        return self.start_wall_ms + self.for_ms

    @property
    def settled(self) -> bool:
        """True once it needs nothing more of the centre: its window was opened, or it will never be."""
        return bool(self.opened_wall_ms or self.cancelled_wall_ms or self.missed_wall_ms)

    @property
    def state(self) -> str:
        """booked, held, cancelled or missed."""
        if self.cancelled_wall_ms:
            return "cancelled"
        if self.missed_wall_ms:
            return "missed"
        return "held" if self.opened_wall_ms else "booked"


def booked(address: Address, id: str, by: str, start_wall_ms: int, minutes: int, wall_ms: int, *, force: bool) -> Drill:
    """A new drill. Raises RefusedError for a time that has passed, is too far, or is too near without ``force``."""
    if not 1 <= minutes <= MINUTES_MAX:
        raise RefusedError(f"a drill of {minutes} minutes is not allowed: give 1 to {MINUTES_MAX}")
    ahead_ms = start_wall_ms - wall_ms
    if ahead_ms < -MINUTE_MS:
        raise RefusedError(f"the start is {-ahead_ms // MINUTE_MS} minutes ago: give a time to come")
    if ahead_ms > AHEAD_MS_MAX:
        raise RefusedError(f"the start is {ahead_ms // NOTICE_MS} days away: {AHEAD_MS_MAX // NOTICE_MS} at most")
    short = ahead_ms < NOTICE_MS
    if short and not force:
        raise RefusedError(
            f"a drill is booked at least {NOTICE_MS // HOUR_MS} h ahead, this one {max(0, ahead_ms) / HOUR_MS:.1f} h: "
            "give a later --start, or --force if everybody concerned has been told"
        )
    return Drill(address, id, by, wall_ms, start_wall_ms, minutes * MINUTE_MS, short)


def cancelled(drill: Drill, by: str, wall_ms: int) -> Drill:
    """The drill after somebody called it off. Raises RefusedError if it is too late for that."""
    if drill.settled:
        raise RefusedError(f"drill {drill.id} at {drill.address} is {drill.state}: nothing to cancel")
    return replace(drill, cancelled_by=by, cancelled_wall_ms=wall_ms)

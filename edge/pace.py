"""How fast a backlog may be sent, and how long to wait before one event goes again.

Pure. The pace is even, so that the processor stays free for the press that comes meanwhile: an allowance grows with
time up to a burst, and what is sent is taken from it. Alarms do not ask.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge.events import Value

EVENTS = 5
EVERY_MS = 2
"""So many in so long at most, over any length of time: 2,500 a second, less than half of what two old cores can do."""

BURST_EVENTS = 16
"""So many may go at once after a pause: a full flight."""

RESEND_MS_MAX = 60_000
"""Longest pause between two sendings of one event."""


class Pace(Value, frozen=True):
    """``allowance`` events may go, as counted at ``counted_ms``. ``held_back``: more would have gone but for it."""

    allowance: int = BURST_EVENTS
    counted_ms: int = 0
    held_back: bool = False


def wake_at(pace: Pace) -> int | None:
    """When time alone lets the next event go, in monotonic milliseconds; None if none was held back."""
    return pace.counted_ms + EVERY_MS if pace.held_back else None


def passed(pace: Pace, now_ms: int) -> Pace:
    """The allowance as it is now. Facts may be a little older than the last one."""
    spans = max(0, now_ms - pace.counted_ms) // EVERY_MS
    return Pace(min(BURST_EVENTS, pace.allowance + EVENTS * spans), pace.counted_ms + EVERY_MS * spans)


def put_off(pace: Pace, now_ms: int) -> Pace:
    """Something more urgent went: the next may go a moment later."""
    return replace(passed(pace, now_ms), held_back=True)


def spent(pace: Pace, events: int, *, more: bool) -> Pace:
    """So many were sent; ``more`` says that there were others, and room for them."""
    left = pace.allowance - events
    return replace(pace, allowance=left, held_back=more and left <= 0)


def pause_ms(first_ms: int, doublings: int) -> int:
    """Pause before an event is sent again: it doubles up to four times, to RESEND_MS_MAX at most."""
    return min(RESEND_MS_MAX, first_ms << min(max(0, doublings), 4))

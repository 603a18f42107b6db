"""A test window at the centre: who opened it, what the gate said to it, and how it ended. Pure; no clock.

Within a window a person's quiet press at that gate counts as a test (``human``) or as a drill; without one it is an
alarm. The gate decides that by its own clock: the centre asks, keeps and shows. All times are the centre's wall clock
in milliseconds, 0 while something has not happened. The rules are those of the standards' note, section 4.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec.structs import replace

from edge import wire
from edge.chain import Kind
from edge.errors import RefusedError
from edge.events import Code, Qualifier, Topic
from edge.wire import Address, CentreCommand, Event

MINUTE_MS = 60_000
MINUTES, MINUTES_MAX = 10, 30
EXPIRES_MS = 60_000
"""A command that has not reached the gate by then is not obeyed: a window must not open when nobody waits for it."""


class Window(msgspec.Struct, frozen=True):
    """One window. ``confirmed`` and ``ended`` are the gate's own words, in the order in which they came here."""

    address: Address
    nonce: str
    kind: Kind
    by: str
    opened_wall_ms: int
    for_ms: int
    confirmed_wall_ms: int = 0
    confirmed_boot: str = ""
    confirmed_boot_counter: int = 0
    closed_by: str = ""
    closed_wall_ms: int = 0
    ended_wall_ms: int = 0
    ended_why: str = ""

    @property
    def id(self) -> str:
        """Its name in the archive."""
        return self.nonce

    @property
    def ends_wall_ms(self) -> int:
        """When it is over at the latest, by the centre's clock."""
        return self.opened_wall_ms + self.for_ms

    def open(self, wall_ms: int) -> bool:
        """True while a press at the gate may count as a test, as far as the centre can know."""
        return not self.ended_wall_ms and not self.closed_wall_ms and wall_ms < self.ends_wall_ms

    def settled(self, wall_ms: int) -> bool:
        """True once nothing more is expected: the gate has ended it, or its word must have come long since."""
        return bool(self.ended_wall_ms) or wall_ms >= self.ends_wall_ms + EXPIRES_MS

    def state(self, wall_ms: int) -> str:
        """One word for people and programs.

        ``asked``: the gate has not answered yet; ``unconfirmed``: it did not in time, so a press there is an alarm;
        ``open``; ``closing``: closed here, the gate has not said so; ``over``: time is up, the gate has not said so;
        ``ended``: by the gate's word.
        """
        if self.ended_wall_ms:
            return "ended"
        if not self.confirmed_wall_ms:
            return "asked" if wall_ms < self.opened_wall_ms + EXPIRES_MS and not self.closed_wall_ms else "unconfirmed"
        if self.closed_wall_ms:
            return "closing"
        return "open" if wall_ms < self.ends_wall_ms else "over"


def opened(address: Address, nonce: str, kind: Kind, by: str, minutes: int, wall_ms: int) -> Window:
    """A new window of 1 to 30 minutes. Raises RefusedError."""
    if not 1 <= minutes <= MINUTES_MAX:
        raise RefusedError(f"a window of {minutes} minutes is not allowed: give 1 to {MINUTES_MAX}")
    return Window(address, nonce, kind, by, wall_ms, minutes * MINUTE_MS)


def closed(window: Window, by: str, wall_ms: int) -> Window:
    """The window after somebody here closed it. Raises RefusedError if it is over."""
    if not window.open(wall_ms):
        raise RefusedError(f"window {window.nonce} at {window.address} is not open any more")
    return replace(window, closed_by=by, closed_wall_ms=wall_ms)


def is_word(event: Event) -> bool:
    """True for a gate's word that a window opened or ended there. A test's report has the same code, elsewhere."""
    return event.topic is Topic.LOG and event.code is Code.WALK_TEST and isinstance(event.body.get("nonce"), str)


def told(window: Window, event: Event, wall_ms: int) -> Window:
    """The window after the gate's word (``is_word``) about it. The two words may come in any order."""
    if event.qualifier is Qualifier.NEW and not window.confirmed_wall_ms:
        boot = event.id.partition("-")[0]
        return replace(
            window, confirmed_wall_ms=wall_ms, confirmed_boot=boot, confirmed_boot_counter=event.boot_counter
        )
    if event.qualifier is Qualifier.RESTORE and not window.ended_wall_ms:
        return replace(window, ended_wall_ms=wall_ms, ended_why=str(event.body.get("why") or "")[:80])
    return window


def restarted(window: Window, event: Event, wall_ms: int) -> Window:
    """The window after a restart of its gate: none outlives the daemon's life in which it was opened."""
    later = event.boot_counter >= window.confirmed_boot_counter
    other = event.id.partition("-")[0] != window.confirmed_boot
    if not window.confirmed_wall_ms or window.ended_wall_ms or not (later and other):
        return window
    return replace(window, ended_wall_ms=wall_ms, ended_why="the gate has restarted")


def opening(window: Window) -> CentreCommand:
    """The command that asks the gate to open it."""
    issued = window.opened_wall_ms
    return CentreCommand(
        wire.SCHEMA, "open_window", window.nonce, _kind(window), window.by, window.for_ms, issued, issued + EXPIRES_MS
    )


def closing(window: Window) -> CentreCommand:
    """The command that asks the gate to end it: good for as long as the window could last."""
    return CentreCommand(
        wire.SCHEMA, "close_window", window.nonce, _kind(window), window.closed_by, window.for_ms,
        window.closed_wall_ms, window.ends_wall_ms + EXPIRES_MS,
    )  # fmt: skip


def _kind(window: Window) -> Literal["human", "drill"]:
    return "drill" if window.kind is Kind.DRILL else "human"

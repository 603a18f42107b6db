"""What people at the desk ask about tests: windows, drills, confirming a card, clearing an item; and drills on time.

Whatever is asked is in the archive, with the name of who asked, before any gate hears of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from centre import cards, drills, items, views, windows
from centre.archive import Archive
from centre.cards import Card
from centre.drills import Drill
from centre.register import Register
from centre.trials import Changes, Trials, new_name
from centre.windows import MINUTE_MS, Window
from edge.chain import Kind
from edge.errors import RefusedError
from edge.events import Stage
from edge.wire import Address

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reach:
    """What must be known before a window is opened: ``listens``: a broker is connected; ``latched``: an alarm is."""

    listens: Callable[[], bool]
    latched: Callable[[Address], bool]


def person(by: object) -> str:
    """A name as it goes to gates and into the archive. Raises RefusedError."""
    name = str(by).strip()
    if not (0 < len(name) <= 80 and name.isprintable()):
        raise RefusedError("--by needs a name of 1 to 80 printable characters")
    return name


class Asking:
    """Owns no thread; the service's thread uses it. Requests raise RefusedError, or sqlite3.Error from the disk."""

    def __init__(self, archive: Archive, register: Register, trials: Trials, reach: Reach) -> None:
        self._archive = archive
        self._register = register
        self._trials = trials
        self._reach = reach

    def do(self, request: Mapping[str, object], wall_ms: int) -> object | None:
        """Answer a request about tests. None if it is about something else."""
        match request:
            case {"do": "window open", "gate": str(gate), "minutes": int(minutes), "by": str(by)}:
                address = self._register.named(gate).address
                window = windows.opened(address, new_name(), Kind.HUMAN, person(by), minutes, wall_ms)
                self._open(window, Changes(), wall_ms)
                return views.window_line(window, wall_ms)
            case {"do": "window close", "id": str(id), "by": str(by)}:
                return self._close(id, person(by), wall_ms)
            case {"do": "drill book", "gate": str(gate), "start_wall_ms": int(start_wall_ms), "minutes": int(minutes),
                  "by": str(by), "force": bool(force)}:  # fmt: skip
                address = self._register.named(gate).address
                drill = drills.booked(address, new_name(), person(by), start_wall_ms, minutes, wall_ms, force=force)
                self._keep(Changes(drills={drill.id: drill}), wall_ms)
                return views.drill_line(drill)
            case {"do": "drill cancel", "id": str(id), "by": str(by)}:
                drill = drills.cancelled(self._archive.drills.find(id), person(by), wall_ms)
                self._keep(Changes(drills={drill.id: drill}), wall_ms)
                return views.drill_line(drill)
            case {"do": "clear", "id": str(id), "by": str(by)}:
                return self._clear(id, person(by), wall_ms)
        return None

    def act(self, card: Card, stage: Stage, by: str, wall_ms: int) -> Mapping[str, object]:
        """An officer confirms a test card. The gate is told, and its link 11 passes if it was in time."""
        acted = cards.act(card, stage, by, wall_ms)
        changes = Changes(cards={(card.address, card.id): acted})
        with self._archive.transaction():
            self._archive.add_act(card.address, card.id, stage, by, wall_ms)
            self._trials.put(changes, wall_ms)
        self._trials.follow(changes, wall_ms)
        self._trials.say(acted)
        return views.card_line(acted, wall_ms)

    def sweep(self, wall_ms: int) -> None:
        """Settle what is over, and hold the drills whose time has come. Raises sqlite3.Error."""
        settled = self._trials.sweep(wall_ms)
        if settled.windows or settled.cards:
            self._keep(settled, wall_ms)
        for drill in list(self._trials.drills.values()):
            if wall_ms >= drill.start_wall_ms:
                self._hold(drill, wall_ms)

    def _hold(self, drill: Drill, wall_ms: int) -> None:
        """Open the drill's window for what is left of its time, as soon as nothing speaks against it."""
        left_ms = drill.ends_wall_ms - wall_ms
        if left_ms < MINUTE_MS:
            missed = replace(drill, missed_wall_ms=wall_ms, reason=drill.reason or "the centre was not running")
            log.error("DRILL MISSED %s %s: %s", drill.address, drill.id, missed.reason)
            self._keep(Changes(drills={drill.id: missed}), wall_ms)
            return
        window = Window(drill.address, drill.id, Kind.DRILL, drill.by, wall_ms, min(left_ms, drill.for_ms))
        held = replace(drill, opened_wall_ms=wall_ms, reason="")
        try:
            self._open(window, Changes(drills={drill.id: held}), wall_ms)
        except RefusedError as refused:
            if str(refused) != drill.reason:
                log.warning("DRILL WAITS %s %s: %s", drill.address, drill.id, refused)
                self._keep(Changes(drills={drill.id: replace(drill, reason=str(refused))}), wall_ms)

    def _open(self, window: Window, changes: Changes, wall_ms: int) -> None:
        address = window.address
        if not self._reach.listens():
            raise RefusedError("no broker is connected: a window could not reach the gate")
        if self._reach.latched(address):
            raise RefusedError(f"an alarm is open at {address}: end it first, a test can wait")
        standing = self._trials.window_at(address, wall_ms)
        if standing is not None:
            raise RefusedError(f"window {standing.nonce} by {standing.by} is open at {address}: close that one first")
        changes.windows[window.nonce] = window
        changes.down.append((address, windows.opening(window)))
        self._keep(changes, wall_ms)

    def _close(self, id: str, by: str, wall_ms: int) -> object:
        window = windows.closed(self._archive.windows.find(id), by, wall_ms)
        down = [(window.address, windows.closing(window))]
        self._keep(Changes(windows={window.nonce: window}, down=[*down]), wall_ms)
        return views.window_line(window, wall_ms)

    def _clear(self, id: str, by: str, wall_ms: int) -> object:
        item = self._archive.items.find(id)
        if item.cleared_wall_ms:
            raise RefusedError(f"item {item.id} was cleared by {item.cleared_by} already")
        item = items.cleared(item, by, wall_ms)
        self._keep(Changes(items={(item.address, item.matter): item}), wall_ms)
        return views.item_line(item)

    def _keep(self, changes: Changes, wall_ms: int) -> None:
        with self._archive.transaction():
            self._trials.put(changes, wall_ms)
        self._trials.follow(changes, wall_ms)

"""What gates say about tests: marks, reports, windows, the next test due, the ledger's head; and what follows from it.

As everywhere at the centre: what people are shown, and what gates are told, changes only after the commit. A batch
collects its ``Changes``, which are kept in its transaction and become memory afterwards.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field
from typing import TypeVar

from centre import cards, deadman, heads, incidents, items, windows
from centre.archive import Archive
from centre.cards import Card
from centre.drills import Drill
from centre.items import Item, Matter
from centre.register import GateEntry, LastTest, Register
from centre.windows import Window
from edge import wire
from edge.events import Code, Qualifier, Stage
from edge.local_time import text_of
from edge.wire import Address, CentreCommand, Event, Receipt

log = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")

BY_ALARM = "the centre: an alarm came"

Down = tuple[Address, CentreCommand | Receipt]
"""What is to be sent down to a gate, by every broker."""


def new_name() -> str:
    """A nonce: 16 hexadecimal digits that nobody can guess."""
    return secrets.token_hex(8)


@dataclass(slots=True)
class Changes:
    """What a batch changes. ``down`` is sent after the commit."""

    windows: dict[str, Window] = field(default_factory=dict)
    cards: dict[tuple[Address, str], Card] = field(default_factory=dict)
    items: dict[tuple[Address, Matter], Item] = field(default_factory=dict)
    drills: dict[str, Drill] = field(default_factory=dict)
    down: list[Down] = field(default_factory=list)


class Trials:
    """Owns no thread; the service's thread uses it. Memory holds what is not settled, the archive everything."""

    def __init__(self, archive: Archive, register: Register) -> None:
        self._archive = archive
        self._register = register
        self._down: list[Down] = []
        self._found = Changes()  # by heartbeats, which need no transaction: kept with the gates' signs of life
        self._told: set[tuple[Address, Matter]] = set()
        self.windows = {window.nonce: window for window in archive.windows.unsettled()}
        self.cards = {(card.address, card.id): card for card in archive.cards.unsettled()}
        self.items = {(item.address, item.matter): item for item in archive.items.unsettled()}
        self.drills = {drill.id: drill for drill in archive.drills.unsettled()}

    def window_at(self, address: Address, wall_ms: int) -> Window | None:
        """The window that is open at this gate, as far as the centre knows."""
        here = (one for one in self.windows.values() if one.address == address and one.open(wall_ms))
        return next(here, None)

    # --- a batch of events ---

    def take(self, changes: Changes, entry: GateEntry, event: Event, wall_ms: int) -> bool:
        """Take a new event inside the batch's transaction. True if the gate's standing changed."""
        address = entry.address
        if incidents.is_alarm(event):
            self._close_for_alarm(changes, address, wall_ms)
        elif incidents.is_mark(event):
            window = self.window_at(address, wall_ms)
            card = self._card(changes, address, event.id)
            nonce = window.nonce if window is not None and not event.replayed else ""
            changes.cards[address, event.id] = cards.marked(card, address, event, nonce, wall_ms)
        elif cards.is_report(event):
            return self._report(changes, entry, event, wall_ms)
        elif (week := items.missed_week(event)) is not None:
            lacks = ", ".join(lack.value for lack in week.lacks)
            detail = f"the week of {text_of(week.monday)} is NON_COMPLIANT: {lacks}; {week.passes} of 2 tests passed"
            self._find(changes, address, Matter.WEEK_MISSED, detail, wall_ms)
        elif windows.is_word(event):
            self._window_word(changes, address, event, wall_ms)
        elif event.code is Code.RESTART and event.qualifier is Qualifier.NEW:
            for window in list(self.windows.values()):
                if window.address == address:
                    changes.windows[window.nonce] = windows.restarted(
                        changes.windows.get(window.nonce, window), event, wall_ms
                    )
        return False

    def _close_for_alarm(self, changes: Changes, address: Address, wall_ms: int) -> None:
        """No press of somebody in need may be taken for a second test."""
        for window in list(self.windows.values()):
            window = changes.windows.get(window.nonce, window)
            if window.address == address and window.open(wall_ms):
                window = windows.closed(window, BY_ALARM, wall_ms)
                changes.windows[window.nonce] = window
                changes.down.append((address, windows.closing(window)))

    def _card(self, changes: Changes, address: Address, id: str) -> Card | None:
        return changes.cards.get((address, id)) or self._archive.cards.get(address, id)

    def _report(self, changes: Changes, entry: GateEntry, event: Event, wall_ms: int) -> bool:
        report = cards.read_report(event)
        if report is None:
            self._register.refused["report"] += 1
            return False
        address = entry.address
        id = report.mark or event.id
        changes.cards[address, id] = cards.reported(self._card(changes, address, id), address, event, report, wall_ms)
        tested_wall_ms = cards.ended_wall_ms(event, wall_ms)
        if tested_wall_ms is None:
            return False
        # Standing may run ahead of a commit that fails: taking the same report twice changes nothing.
        standing, kind = entry.standing, report.kind.value
        if kind not in standing.tests or standing.tests[kind].wall_ms <= tested_wall_ms:
            standing.tests = {**standing.tests, kind: LastTest(id, report.result.value, tested_wall_ms)}
        if report.kind in cards.FULL_TESTS:
            standing.duty = deadman.after_test(standing.duty, tested_wall_ms)
        return True

    def _window_word(self, changes: Changes, address: Address, event: Event, wall_ms: int) -> None:
        nonce = str(event.body["nonce"])
        window = changes.windows.get(nonce) or self.windows.get(nonce) or self._archive.windows.get(address, nonce)
        if window is not None and window.address == address:
            changes.windows[nonce] = windows.told(window, event, wall_ms)
        elif event.qualifier is Qualifier.NEW:
            by = str(event.body.get("by", ""))[:80]
            detail = f"it opened a test window that this centre did not ask for: {nonce[:16]!r} by {by!r}"
            self._find(changes, address, Matter.WINDOW_UNASKED, detail, wall_ms)

    def _find(self, changes: Changes, address: Address, matter: Matter, detail: str, wall_ms: int) -> None:
        known = changes.items.get((address, matter)) or self.items.get((address, matter))
        changes.items[address, matter] = items.found(known, address, matter, detail, new_name(), wall_ms)

    def suspect(self, changes: Changes, address: Address, why: str, wall_ms: int, *, alarm: bool) -> None:
        """Something claims to come from this gate and does not prove it. It may be a real alarm all the same."""
        if alarm:
            detail = f"AN ALARM THAT MAY BE REAL was not taken: telephone the gate at once. {why}"
            self._find(changes, address, Matter.ALARM_UNVERIFIED, detail, wall_ms)
        else:
            detail = f"somebody may speak in its name, or its key has changed: {why}"
            self._find(changes, address, Matter.UNVERIFIED, detail, wall_ms)

    def put(self, changes: Changes, wall_ms: int) -> None:
        """Keep what changed, inside a transaction. Raises sqlite3.Error."""
        for window in changes.windows.values():
            self._archive.windows.put(window, settled=window.settled(wall_ms))
        for card in changes.cards.values():
            self._archive.cards.put(card, settled=card.over(wall_ms))
        for item in changes.items.values():
            self._archive.items.put(item, settled=bool(item.cleared_wall_ms))
        for drill in changes.drills.values():
            self._archive.drills.put(drill, settled=drill.settled)

    def follow(self, changes: Changes, wall_ms: int) -> None:
        """Memory after the commit."""
        for window in changes.windows.values():
            self._tell_window(self.windows.get(window.nonce), window, wall_ms)
            _hold(self.windows, window.nonce, window, settled=window.settled(wall_ms))
        for card in changes.cards.values():
            if card.report is not None:
                level = logging.INFO if card.result == "PASS" else logging.WARNING
                log.log(level, "TEST %s %s %s: %s", card.address, card.kind, card.id, card.result)
            _hold(self.cards, (card.address, card.id), card, settled=card.over(wall_ms))
        for item in changes.items.values():
            if not item.cleared_wall_ms and (item.address, item.matter) not in self.items:
                log.error("LOOK INTO %s %s: %s", item.address, item.matter.value, item.detail)
            _hold(self.items, (item.address, item.matter), item, settled=bool(item.cleared_wall_ms))
        for drill in changes.drills.values():
            _hold(self.drills, drill.id, drill, settled=drill.settled)
        self._down += changes.down

    def _tell_window(self, before: Window | None, window: Window, wall_ms: int) -> None:
        state = window.state(wall_ms)
        if before is None or before.state(wall_ms) != state:
            log.warning("WINDOW %s %s %s: %s", window.address, window.kind.value, window.nonce, state)

    def take_down(self) -> list[Down]:
        """What is to be sent now, by every broker."""
        down, self._down = self._down, []
        return down

    # --- heartbeats ---

    def heartbeat(self, entry: GateEntry, health: dict[str, object], wall_ms: int) -> bool:
        """Take a heartbeat's word about tests and ledger. True if it should be on the disk at once."""
        standing, before_wall_ms = entry.standing, entry.standing.duty.due_wall_ms
        due_wall_ms = health.get("next_test_due_wall_ms")
        if due_wall_ms is None or (isinstance(due_wall_ms, int) and not isinstance(due_wall_ms, bool)):
            standing.duty = deadman.announced(standing.duty, due_wall_ms, wall_ms)
        else:
            self._register.refused["next_test"] += 1
        try:
            head = heads.head_of(health, wall_ms)
        except ValueError:
            self._register.refused["ledger"] += 1
            head = None
        wrong = None
        if head is not None:
            standing.heads, wrong = heads.heard(standing.heads, head)
        if wrong is not None:
            self._find(self._found, entry.address, Matter.LEDGER, wrong, wall_ms)
        return wrong is not None or standing.duty.due_wall_ms != before_wall_ms

    def put_found(self, wall_ms: int) -> None:
        """Keep what heartbeats found, inside a transaction; to be followed after it. Raises sqlite3.Error."""
        self.put(self._found, wall_ms)

    def follow_found(self, wall_ms: int) -> None:
        """Memory after the commit of ``put_found``."""
        found, self._found = self._found, Changes()
        self.follow(found, wall_ms)

    def repeats(self, address: Address) -> None:
        """Say once more what an officer said of this gate's running tests: the word may have been lost."""
        for card in self.cards.values():
            if card.address == address and card.stage is not Stage.RECEIVED:
                self.say(card)

    def say(self, card: Card) -> None:
        """The officer's word about a test, to be sent to its gate."""
        by, acted_wall_ms = card.acted
        self._down.append((card.address, wire.receipt_of(card.id, card.stage, by, acted_wall_ms)))

    # --- what ends by itself ---

    def standing_items(self, wall_ms: int) -> list[Item]:
        """Everything that a person must look into: what follows from each gate's duty, then what was found."""
        out: list[Item] = []
        for entry in self._register.gates.values():
            duty = entry.standing.duty
            reckoned_wall_ms = duty.reckoned_wall_ms
            if reckoned_wall_ms is not None and duty.overdue(wall_ms):
                hours = (wall_ms - reckoned_wall_ms) // deadman.HOUR_MS
                detail = f"its self-test is {hours} h overdue: nobody knows whether its alarm works"
                since_wall_ms = reckoned_wall_ms + deadman.LATE_MS
                out.append(Item(entry.address, Matter.TEST_OVERDUE, since_wall_ms, detail))
            if duty.unbelieved_wall_ms is not None:
                days = (duty.unbelieved_wall_ms - wall_ms) / 24 / deadman.HOUR_MS
                detail = f"it announces its next test for {days:+.0f} days from now: its clock or its schedule is wrong"
                since_wall_ms = duty.unbelieved_since_wall_ms
                out.append(Item(entry.address, Matter.DUE_UNBELIEVABLE, since_wall_ms, detail))
        return out + list(self.items.values())

    def sweep(self, wall_ms: int) -> Changes:
        """What time alone has settled since the last look; to be kept and followed. Tells new items to the journal."""
        standing = {(item.address, item.matter): item for item in self.standing_items(wall_ms) if not item.id}
        for key in standing.keys() - self._told:
            log.error("LOOK INTO %s %s: %s", key[0], key[1].value, standing[key].detail)
        for address, matter in self._told - standing.keys():
            log.warning("settled: %s %s", address, matter.value)
        self._told = set(standing)
        return Changes(
            windows={window.nonce: window for window in self.windows.values() if window.settled(wall_ms)},
            cards={key: card for key, card in self.cards.items() if card.over(wall_ms)},
        )


def _hold(memory: dict[K, V], key: K, thing: V, *, settled: bool) -> None:
    if settled:
        memory.pop(key, None)
    else:
        memory[key] = thing

"""What is known of each gate: when it was heard, its presence, its health, its troubles. No clock: time is passed in.

Times named ``now_ms`` are milliseconds of the centre's monotonic clock. One thread uses a register.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from centre.deadman import Duty
from centre.heads import Heads
from centre.notary import Beat
from edge.errors import RefusedError
from edge.events import Code, Qualifier
from edge.wire import Address, Event, GateWord

SWEEP_MS = 250  # how often silence is looked for; taken off the limit, so that silence is noticed within it
GATES_MAX = 20_000  # names come from outside: a flood of made-up gates must not fill the memory
TROUBLES_MAX = 64  # per gate; there are 14 kinds, some once for each broker or part

Order = tuple[int, int, int]
"""(boot counter, monotonic ms, counter): the only order of a gate's events that can be trusted."""


def order_of(event: Event) -> Order:
    """An event's place among its gate's events."""
    return event.boot_counter, event.monotonic_ms, event.counter


class TroubleNote(msgspec.Struct, frozen=True):
    """The newest word on one trouble. A restored one is kept, so that a late older word cannot raise it again."""

    order: Order
    raised: bool
    code: int
    wall_ms: int
    detail: str
    boot: str = ""


class LastTest(msgspec.Struct, frozen=True):
    """The newest test of one kind: the id of its mark, its result, and when it ended by the gate's word."""

    id: str
    result: str
    wall_ms: int


class Standing(msgspec.Struct):
    """What is kept of a gate over a restart of the centre. ``boot`` is the life that ``restart`` began.

    ``tests`` holds the newest test of each kind, ``beat`` is the newest heartbeat that the gate's key has signed.
    """

    restart: Order = (0, 0, 0)
    boot: str = ""
    troubles: dict[str, TroubleNote] = {}
    duplicates: int = 0
    duty: Duty = Duty()
    heads: Heads = Heads()
    tests: dict[str, LastTest] = {}
    beat: Beat = Beat()


class GateEntry:
    """One gate. ``heard_ms`` is when it last spoke, or when the centre began to wait for it.

    ``verified``: its key is on record, and its last message was signed by it.
    """

    def __init__(self, address: Address, now_ms: int, standing: Standing | None = None) -> None:
        self.address = address
        self.heard_ms = now_ms
        self.heard_wall_ms: int | None = None
        self.silent = False
        self.verified = False
        self.words: dict[int, GateWord] = {}
        self.newest: tuple[int, int] = (0, 0)
        self.health: Mapping[str, object] = {}
        self.standing = standing or Standing()

    @property
    def online(self) -> bool | None:
        """True if any broker says so; None if no broker has said anything."""
        return any(word.online for word in self.words.values()) if self.words else None

    @property
    def troubles(self) -> dict[str, TroubleNote]:
        """The troubles that stand now."""
        return {name: note for name, note in self.standing.troubles.items() if note.raised}


class Register:
    """All gates of the county, and the counts of what was refused."""

    def __init__(self, silent_after_ms: int) -> None:
        self._silent_after_ms = silent_after_ms
        self.gates: dict[Address, GateEntry] = {}
        self.refused: Counter[str] = Counter()

    def know(self, known: Iterable[tuple[Address, int | None, Standing]], now_ms: int) -> None:
        """Gates from an earlier life of the centre; each one's clock starts anew."""
        for address, heard_wall_ms, standing in known:
            entry = self.gates[address] = GateEntry(address, now_ms, standing)
            entry.heard_wall_ms = heard_wall_ms

    def gate(self, address: Address, now_ms: int) -> GateEntry | None:
        """The gate's entry, made if new; None beyond ``GATES_MAX``."""
        entry = self.gates.get(address)
        if entry is None and len(self.gates) < GATES_MAX:
            entry = self.gates[address] = GateEntry(address, now_ms)
        return entry

    def named(self, name: str) -> GateEntry:
        """The gate that is called so: county/school/gate, or as much of its end as is unique. Raises RefusedError."""
        found = [entry for entry in self.gates.values() if f"/{entry.address}".endswith(f"/{name}")]
        if not found:
            raise RefusedError(f"no gate called {name!r} was ever heard: see 'gatepost-centre list'")
        if len(found) > 1:
            some = ", ".join(str(entry.address) for entry in found[:3])
            raise RefusedError(f"{name!r} may mean {some}: give county/school/gate")
        return found[0]

    def heard(self, entry: GateEntry, now_ms: int, wall_ms: int) -> bool:
        """The gate itself spoke. True if it had been silent."""
        was_silent = entry.silent
        entry.heard_ms, entry.heard_wall_ms, entry.silent = max(entry.heard_ms, now_ms), wall_ms, False
        return was_silent

    def word(self, entry: GateEntry, broker: int, word: GateWord, *, retained: bool) -> bool:
        """The gate's presence at one broker. False if it is a late last will of an older connection, and ignored."""
        this = (word.boot_counter, word.connection)
        if not word.online and this < entry.newest:
            return False
        if word.online:
            if not retained and word.boot_counter < entry.newest[0]:
                # A live gate whose boots count from the start again has a new card: old order means nothing now.
                entry.standing.restart, entry.standing.troubles = (0, 0, 0), {}
                entry.standing.boot = ""
            entry.newest = this
        entry.words[broker] = word
        return True

    def trouble(self, entry: GateEntry, event: Event) -> bool:
        """Take a new event; True if it changed what stands. Events may come in any order.

        A restart ends the troubles of earlier lives. It is told once the store answers: its own life may have found
        troubles before (refused settings, a damaged card), and those stand.
        """
        standing, order, boot = entry.standing, order_of(event), event.id.partition("-")[0]
        if event.code is Code.RESTART and event.qualifier is Qualifier.NEW:
            if order <= standing.restart:
                return False
            standing.restart, standing.boot = order, boot
            standing.troubles = {
                name: note for name, note in standing.troubles.items() if note.order > order or note.boot == boot
            }
            return True
        name = event.body.get("trouble")
        if not isinstance(name, str) or event.qualifier not in (Qualifier.NEW, Qualifier.RESTORE):
            return False
        part = event.body.get("part")  # such as a broker's name: it tells troubles of one kind apart
        name = (f"{name}:{part}" if part else name)[:80]
        old = standing.troubles.get(name)
        if (order < standing.restart and boot != standing.boot) or (old is not None and order <= old.order):
            return False
        if old is None and len(standing.troubles) >= TROUBLES_MAX:
            self.refused["troubles"] += 1
            return False
        detail = str(event.body.get("detail", ""))[:200]
        raised = event.qualifier is Qualifier.NEW
        note = TroubleNote(order, raised, event.code, event.wall_ms, detail, boot)
        standing.troubles = {**standing.troubles, name: note}
        return True

    def sweep(self, now_ms: int) -> list[GateEntry]:
        """Gates that became silent since last asked. Call at least every ``SWEEP_MS``."""
        limit_ms = now_ms - self._silent_after_ms + SWEEP_MS
        fallen = [entry for entry in self.gates.values() if not entry.silent and entry.heard_ms <= limit_ms]
        for entry in fallen:
            entry.silent = True
        return fallen

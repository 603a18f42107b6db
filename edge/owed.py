"""What is owed as far as memory holds it, and how far the store has been read: values, and the ways they change.

Pure, and a part of the uplink. Memory holds the alarms and a window of the rest; the store holds everything, read
through one cursor a lane, so that a million owed events cost no more than none.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from edge import pace
from edge.events import Backlog, EventId, Lane, Load, Record, Value, WallStamp

LOAD_LIMIT = 128
"""Rows asked of the store at once: a few milliseconds of its time."""

LANES = tuple(Lane)

HELD_MAX = (1_000, 256, 256)
"""Events of each lane read ahead into memory. A new alarm is always held, whatever this says."""


class UplinkRules(Value, frozen=True):
    """Settings of the uplink; ranges are in ``edge.settings``. ``reserve`` is room that only alarms may use."""

    brokers: tuple[str, ...] = ("broker",)
    done_on_broker: bool = False
    failover_ms: int = 5_000
    reserve: int = 4


class Owed(Value, frozen=True):
    """An event on its way. ``flying``: brokers that have it and have not answered; ``tried``: all that were handed it.

    ``due_ms`` is when it may be handed out (again); ``backfilled`` its wall time as the store worked it out.
    """

    record: Record
    backfilled: WallStamp | None = None
    recovered: bool = False
    flying: tuple[int, ...] = ()
    tried: tuple[int, ...] = ()
    sendings: int = 0
    due_ms: int = 0


class Cursor(Value, frozen=True):
    """How far a lane has been read from the store. ``drained``: nothing owed lies beyond ``seq``."""

    seq: int = 0
    drained: bool = False
    loading: bool = False
    done_meanwhile: frozenset[EventId] = frozenset()


Held = dict[EventId, Owed]


class Uplink(Value, frozen=True):
    """All that is owed. ``held`` and ``cursors`` are by lane; ``pending`` waits to be stored before it may be sent."""

    rules: UplinkRules = UplinkRules()
    held: tuple[Held, Held, Held] = ({}, {}, {})
    pending: dict[EventId, Record] = {}
    cursors: tuple[Cursor, Cursor, Cursor] = (Cursor(), Cursor(), Cursor())
    store_open: bool = False
    backlog: Backlog = Backlog()
    refused: bool = False
    refusals: int = 0
    done: int = 0
    dropped: int = 0
    tick_ms: int = 0
    pace: pace.Pace = pace.Pace()


def drop(uplink: Uplink, record: Record) -> Uplink:
    """Owed no more; remembered while its lane is being read, or the reading would bring it back."""
    held = dict(uplink.held[record.lane])
    del held[record.id]
    uplink = replace(with_held(uplink, record.lane, held), done=uplink.done + 1)
    cursor = uplink.cursors[record.lane]
    if cursor.loading:
        cursor = replace(cursor, done_meanwhile=cursor.done_meanwhile | {record.id})
        uplink = with_cursor(uplink, record.lane, cursor)
    return uplink


def read_ahead(uplink: Uplink, ask: Callable[[Load], None]) -> Uplink:
    """Have the store read wherever a lane has room and more may be owed."""
    for lane, cursor in zip(LANES, uplink.cursors, strict=True):
        if cursor.drained or cursor.loading or len(uplink.held[lane]) > HELD_MAX[lane] - LOAD_LIMIT:
            continue
        uplink = with_cursor(uplink, lane, replace(cursor, loading=True))
        ask(Load(lane, cursor.seq, LOAD_LIMIT))
    return uplink


def landed(owed: Owed, broker: int, due_ms: int) -> Owed:
    """This broker has it no longer, or has answered; it may go again at ``due_ms``."""
    return replace(owed, flying=tuple(number for number in owed.flying if number != broker), due_ms=due_ms)


def hold(uplink: Uplink, owed: Owed) -> Uplink:
    """Keep this event in memory, as it now stands."""
    lane = owed.record.lane
    return with_held(uplink, lane, {**uplink.held[lane], owed.record.id: owed})


def with_held(uplink: Uplink, lane: Lane, held: Held) -> Uplink:
    """Memory with these events in this lane."""
    alarms, troubles, routine = uplink.held
    match lane:
        case Lane.ALARM:
            return replace(uplink, held=(held, troubles, routine))
        case Lane.TROUBLE:
            return replace(uplink, held=(alarms, held, routine))
        case Lane.ROUTINE:  # pragma: no branch - mypy knows that it is the last
            return replace(uplink, held=(alarms, troubles, held))


def with_cursor(uplink: Uplink, lane: Lane, cursor: Cursor) -> Uplink:
    """Memory with this lane read so far."""
    cursors = list(uplink.cursors)
    cursors[lane] = cursor
    return replace(uplink, cursors=(cursors[0], cursors[1], cursors[2]))

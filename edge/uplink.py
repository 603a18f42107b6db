"""What is still owed to the centre, by which broker to say it, and when to say it again.

Pure: no sockets, no topics, no SQL. Alarms go out at once and stay owed until the centre's receipt; everything else is
stored first and done when a broker took it. Memory holds the alarms and a window of the rest; the store holds
everything, read through one cursor a lane, so that a million owed events cost no more than none.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge import pace
from edge.events import (
    Acked,
    Backlog,
    CentreStatus,
    Command,
    EventId,
    Lane,
    LinkDown,
    LinkUp,
    Load,
    Loaded,
    MarkDone,
    ReceiptCame,
    Record,
    Stage,
    Stored,
    StoreOpened,
    Ticked,
    Trouble,
    Value,
    WallStamp,
)

LOAD_LIMIT = 128
"""Rows asked of the store at once: a few milliseconds of its time."""

HELD_MAX = (1_000, 256, 256)
"""Events of each lane read ahead into memory. A new alarm is always held, whatever this says."""

PENDING_MAX = 10_000
"""Events that may wait for a store that does not answer; beyond it routine events are dropped and counted."""

TICK_MS = 250
"""How finely resends are kept while anything is held."""

NO_SUBSCRIBERS = 0x10
"""MQTT 5: the broker took it and had nobody to give it to; it is not kept there."""


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


class Owe(Value, frozen=True):
    """A new event. The core has already told the store to keep it."""

    record: Record
    at_ms: int


class Say(Value, frozen=True):
    """Hand this event to this broker now; the core dates it and makes it a Publish."""

    broker: int
    owed: Owed


class RefusalTrouble(Value, frozen=True):
    """A broker began, or ceased, to refuse our events."""

    trouble: Trouble
    raised: bool
    detail: str
    at_ms: int


News = Owe | Stored | Loaded | StoreOpened | LinkUp | LinkDown | Acked | ReceiptCame | CentreStatus | Ticked
Outcome = Command | Say | RefusalTrouble
Step = tuple[Uplink, tuple[Outcome, ...]]
Room = tuple[int, ...]


def wake_at(uplink: Uplink) -> int | None:
    """When time alone will change something, in monotonic milliseconds; None if never."""
    return pace.wake_at(uplink.pace) or (uplink.tick_ms + TICK_MS if any(uplink.held) else None)


def has_it(reason: int) -> bool:
    """True for an acknowledgement that means that somebody holds the event now."""
    return reason < 0x80 and reason != NO_SUBSCRIBERS


def step(uplink: Uplink, news: News, room: Room) -> Step:
    """Take one piece of news; give the new state and what follows. ``room``: how much each broker may be handed."""
    match news:
        case Acked():
            uplink, said = _acked(uplink, news)
        case Owe():
            uplink, said = _owe(uplink, news), ()
        case Stored():
            uplink, said = _stored(uplink, news), ()
        case Loaded():
            uplink, said = _loaded(uplink, news), ()
        case ReceiptCame():
            uplink, said = _receipt(uplink, news)
        case StoreOpened():
            uplink, said = _store_opened(uplink, news), ()
        case LinkDown():
            uplink, said = _fallen(uplink, news), ()
        case LinkUp() | CentreStatus(listening=True):
            uplink, said = _alarms_due(uplink, news.at_ms), ()
        case CentreStatus():
            return uplink, ()
        case Ticked():
            uplink, said = replace(uplink, tick_ms=news.at_ms), ()
    out: list[Outcome] = list(said)
    if any(room) or uplink.pace.held_back:
        uplink = _send(uplink, room, news.at_ms, out)
    if uplink.store_open:
        uplink = _read_ahead(uplink, out)
    return uplink, tuple(out)


# --- events in and out ---------------------------------------------------------------------------------------


def _owe(uplink: Uplink, news: Owe) -> Uplink:
    record = news.record
    if record.lane is Lane.ALARM:
        return _hold(uplink, Owed(record, due_ms=news.at_ms))
    if record.lane is Lane.ROUTINE and len(uplink.pending) >= PENDING_MAX:
        return replace(uplink, dropped=uplink.dropped + 1)
    return replace(uplink, pending={**uplink.pending, record.id: record})


def _stored(uplink: Uplink, news: Stored) -> Uplink:
    """What was waiting for the card may go out: directly if its lane has caught up, else the cursor will find it.

    The store answers in the order it works: while a lane is ``loading``, the answer to come includes these rows.
    """
    uplink = replace(uplink, backlog=news.backlog)
    if not uplink.pending:
        return uplink
    pending = dict(uplink.pending)
    for id, seq in news.rows:
        record = pending.pop(id, None)
        if record is None:
            continue
        cursor = uplink.cursors[record.lane]
        if cursor.drained and not cursor.loading and len(uplink.held[record.lane]) < HELD_MAX[record.lane]:
            uplink = _with_cursor(_hold(uplink, Owed(record, due_ms=news.at_ms)), record.lane, replace(cursor, seq=seq))
        else:
            uplink = _with_cursor(uplink, record.lane, replace(cursor, drained=False))
    return replace(uplink, pending=pending)


def _store_opened(uplink: Uplink, news: StoreOpened) -> Uplink:
    """Read every lane from the beginning; sequence numbers of an older file mean nothing now."""
    return replace(uplink, store_open=True, backlog=news.backlog, cursors=(Cursor(), Cursor(), Cursor()))


def _loaded(uplink: Uplink, news: Loaded) -> Uplink:
    cursor, held = uplink.cursors[news.lane], uplink.held[news.lane]
    fresh = {
        row.record.id: Owed(row.record, row.backfilled, recovered=True, due_ms=news.at_ms)
        for row in news.rows
        if row.record.id not in held and row.record.id not in cursor.done_meanwhile
    }
    # What was added directly while the store was read is newer than what was read.
    uplink = _with_held(uplink, news.lane, {**fresh, **held} if news.lane is Lane.ALARM else {**held, **fresh})
    seq = max(cursor.seq, news.rows[-1].seq) if news.rows else cursor.seq
    return _with_cursor(uplink, news.lane, Cursor(seq, drained=news.drained))


def _acked(uplink: Uplink, news: Acked) -> Step:
    for lane in Lane:
        owed = None if news.id is None else uplink.held[lane].get(news.id)
        if owed is None:
            continue
        if not has_it(news.reason):
            return _refusal(
                _hold(uplink, _landed(owed, news.broker, news.at_ms + pace.pause_ms(5_000, owed.sendings - 1))), news
            )
        if lane is Lane.ALARM and not uplink.rules.done_on_broker:
            # At the broker is not with the police: it stays owed until the receipt.
            return _accepted(_hold(uplink, _landed(owed, news.broker, owed.due_ms)), news.at_ms)
        uplink, said = _accepted(_drop(uplink, owed.record), news.at_ms)
        return uplink, (MarkDone(owed.record.id), *said)
    return uplink, ()


def _receipt(uplink: Uplink, news: ReceiptCame) -> Step:
    owed = uplink.held[Lane.ALARM].get(news.id)
    if news.stage is not Stage.RECEIVED or owed is None:
        return uplink, ()
    uplink, said = _accepted(_drop(uplink, owed.record), news.at_ms)
    return uplink, (MarkDone(news.id), *said)


def _drop(uplink: Uplink, record: Record) -> Uplink:
    """Owed no more; remembered while its lane is being read, or the reading would bring it back."""
    held = dict(uplink.held[record.lane])
    del held[record.id]
    uplink = replace(_with_held(uplink, record.lane, held), done=uplink.done + 1)
    cursor = uplink.cursors[record.lane]
    if cursor.loading:
        cursor = replace(cursor, done_meanwhile=cursor.done_meanwhile | {record.id})
        uplink = _with_cursor(uplink, record.lane, cursor)
    return uplink


def _fallen(uplink: Uplink, news: LinkDown) -> Uplink:
    """What that broker had and did not answer is due again."""
    for lane in Lane:
        held = uplink.held[lane]
        back = {
            id: _landed(owed, news.broker, news.at_ms) for id, owed in held.items() if news.broker in owed.flying
        }  # fmt: skip
        if back:
            uplink = _with_held(uplink, lane, {**held, **back})
    return uplink


def _alarms_due(uplink: Uplink, at_ms: int) -> Uplink:
    """A way opened, or the centre came back: no alarm waits for its turn."""
    held = uplink.held[Lane.ALARM]
    if not held:
        return uplink
    due = {id: owed if owed.flying else replace(owed, due_ms=at_ms) for id, owed in held.items()}
    return _with_held(uplink, Lane.ALARM, due)


def _refusal(uplink: Uplink, news: Acked) -> Step:
    first = not uplink.refused
    uplink = replace(uplink, refused=True, refusals=uplink.refusals + 1)
    if not first:
        return uplink, ()
    name = uplink.rules.brokers[news.broker]
    why = "nobody subscribes" if news.reason == NO_SUBSCRIBERS else "check the broker's access rules for this gate"
    detail = f"{name} refused an event with reason {news.reason:#04x}: {why}"
    return uplink, (RefusalTrouble(Trouble.PUBLISH_REFUSED, True, detail, news.at_ms),)


def _accepted(uplink: Uplink, at_ms: int) -> Step:
    """An event went through: a standing refusal is over once nothing held is waiting because of one."""
    if not uplink.refused:
        return uplink, ()
    for lane in (Lane.TROUBLE, Lane.ROUTINE, Lane.ALARM):
        if any(owed.sendings and not owed.flying and owed.due_ms > at_ms for owed in uplink.held[lane].values()):
            return uplink, ()
    return replace(uplink, refused=False), (RefusalTrouble(Trouble.PUBLISH_REFUSED, False, "accepted", at_ms),)


# --- sending ----------------------------------------------------------------------------------------------------


def _send(uplink: Uplink, room: Room, now_ms: int, out: list[Outcome]) -> Uplink:
    """Hand out what is due, alarms first, as far as there is room."""
    free = list(room)
    if uplink.held[Lane.ALARM]:
        uplink = _send_alarms(uplink, free, now_ms, out)
    broker = next((number for number, space in enumerate(room) if space > 0), None)
    paced = pace.passed(uplink.pace, now_ms)
    if broker is None:
        return replace(uplink, pace=paced)
    space = free[broker] - uplink.rules.reserve
    may = left = min(space, paced.allowance)
    for lane in (Lane.TROUBLE, Lane.ROUTINE):
        if left > 0 and uplink.held[lane]:
            uplink, left = _send_lane(uplink, lane, broker, left, now_ms, out)
    more = space > may and any(uplink.held[Lane.TROUBLE :])
    return replace(uplink, pace=pace.spent(paced, may - left, more=more))


def _send_lane(
    uplink: Uplink, lane: Lane, broker: int, space: int, now_ms: int, out: list[Outcome]
) -> tuple[Uplink, int]:
    sent: Held = {}
    for id, owed in uplink.held[lane].items():
        if owed.flying or owed.due_ms > now_ms:
            continue
        sent[id] = replace(owed, flying=(broker,), sendings=owed.sendings + 1)
        out.append(Say(broker, sent[id]))
        space -= 1
        if space <= 0:
            break
    return (_with_held(uplink, lane, {**uplink.held[lane], **sent}) if sent else uplink), space


def _send_alarms(uplink: Uplink, free: list[int], now_ms: int, out: list[Outcome]) -> Uplink:
    up = sum(space > 0 for space in free)
    sent: Held = {}
    for id, owed in uplink.held[Lane.ALARM].items():
        if owed.due_ms > now_ms:
            continue
        broker = _next_broker(owed, free)
        if broker is None:
            continue
        free[broker] -= 1
        # Without a receipt by then the next broker gets it as well; after all had it twice, with growing pauses.
        rounds = (owed.sendings + 1) // up
        wait_ms = pace.pause_ms(uplink.rules.failover_ms, rounds - 2)
        sent[id] = replace(
            owed,
            flying=(*owed.flying, broker),
            tried=(*(n for n in owed.tried if n != broker), broker),
            sendings=owed.sendings + 1,
            due_ms=now_ms + wait_ms,
        )
        out.append(Say(broker, sent[id]))
    return _with_held(uplink, Lane.ALARM, {**uplink.held[Lane.ALARM], **sent}) if sent else uplink


def _next_broker(owed: Owed, free: list[int]) -> int | None:
    """The first broker that has not had it; when all have, the one that had it longest ago."""
    able = [number for number, space in enumerate(free) if space > 0 and number not in owed.flying]
    untried = [number for number in able if number not in owed.tried]
    if untried:
        return untried[0]
    return min(able, key=owed.tried.index, default=None)


def _read_ahead(uplink: Uplink, out: list[Outcome]) -> Uplink:
    for lane in Lane:
        cursor = uplink.cursors[lane]
        if cursor.drained or cursor.loading or len(uplink.held[lane]) > HELD_MAX[lane] - LOAD_LIMIT:
            continue
        uplink = _with_cursor(uplink, lane, replace(cursor, loading=True))
        out.append(Load(lane, cursor.seq, LOAD_LIMIT))
    return uplink


def _landed(owed: Owed, broker: int, due_ms: int) -> Owed:
    return replace(owed, flying=tuple(number for number in owed.flying if number != broker), due_ms=due_ms)


def _hold(uplink: Uplink, owed: Owed) -> Uplink:
    lane = owed.record.lane
    return _with_held(uplink, lane, {**uplink.held[lane], owed.record.id: owed})


def _with_held(uplink: Uplink, lane: Lane, held: Held) -> Uplink:
    alarms, troubles, routine = uplink.held
    match lane:
        case Lane.ALARM:
            return replace(uplink, held=(held, troubles, routine))
        case Lane.TROUBLE:
            return replace(uplink, held=(alarms, held, routine))
        case Lane.ROUTINE:
            return replace(uplink, held=(alarms, troubles, held))


def _with_cursor(uplink: Uplink, lane: Lane, cursor: Cursor) -> Uplink:
    cursors = list(uplink.cursors)
    cursors[lane] = cursor
    return replace(uplink, cursors=(cursors[0], cursors[1], cursors[2]))

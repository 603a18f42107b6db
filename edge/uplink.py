"""What is still owed to the centre, and what ends it: the events in and out of the uplink.

Pure: no sockets, no topics, no SQL. Alarms go out at once and stay owed until the centre's receipt; everything else is
stored first and done when a broker took it. ``owed`` is its memory, ``sending`` hands out what is due; others need to
know this module alone.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge import pace
from edge.events import (
    Acked,
    CentreStatus,
    Command,
    EventId,
    Lane,
    LinkDown,
    LinkUp,
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
)
from edge.owed import (
    HELD_MAX,
    Cursor,
    Owed,
    Uplink,
    UplinkRules,
    drop,
    hold,
    landed,
    read_ahead,
    with_cursor,
    with_held,
)
from edge.sending import Room, Say, send

__all__ = [
    "PENDING_MAX",
    "TICK_MS",
    "News",
    "Outcome",
    "Owe",
    "Owed",
    "RefusalTrouble",
    "Room",
    "Say",
    "Uplink",
    "UplinkRules",
    "also",
    "has_it",
    "step",
    "wake_at",
]

PENDING_MAX = 10_000
"""Events that may wait for a store that does not answer; beyond it routine events are dropped and counted."""

TICK_MS = 250
"""How finely resends are kept while anything is held."""

NO_SUBSCRIBERS = 0x10
"""MQTT 5: the broker took it and had nobody to give it to; it is not kept there."""


class Owe(Value, frozen=True):
    """A new event. The core has already told the store to keep it."""

    record: Record
    at_ms: int


class RefusalTrouble(Value, frozen=True):
    """A broker began, or ceased, to refuse our events."""

    trouble: Trouble
    raised: bool
    detail: str
    at_ms: int


News = Owe | Stored | Loaded | StoreOpened | LinkUp | LinkDown | Acked | ReceiptCame | CentreStatus | Ticked
Outcome = Command | Say | RefusalTrouble
Step = tuple[Uplink, tuple[Outcome, ...]]


def wake_at(uplink: Uplink) -> int | None:
    """When time alone will change something, in monotonic milliseconds; None if never."""
    return pace.wake_at(uplink.pace) or (uplink.tick_ms + TICK_MS if any(uplink.held) else None)


def has_it(reason: int) -> bool:
    """True for an acknowledgement that means that somebody holds the event now."""
    return reason < 0x80 and reason != NO_SUBSCRIBERS


def also(uplink: Uplink, id: EventId, room: Room) -> tuple[Uplink, tuple[Say, ...]]:
    """Hand an owed event to every broker that has room and has not had it: the proof of each path by itself."""
    owed = uplink.held[Lane.ALARM].get(id)
    said: list[Say] = []
    for broker, space in enumerate(room):
        if owed is not None and space > 0 and broker not in owed.tried:
            owed = replace(
                owed, flying=(*owed.flying, broker), tried=(*owed.tried, broker), sendings=owed.sendings + 1
            )  # fmt: skip
            said.append(Say(broker, owed))
    return (hold(uplink, owed) if owed is not None and said else uplink), tuple(said)


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
        case Ticked():  # pragma: no branch - mypy knows that it is the last
            uplink, said = replace(uplink, tick_ms=news.at_ms), ()
    out: list[Outcome] = list(said)
    if any(room) or uplink.pace.held_back:
        uplink = send(uplink, room, news.at_ms, out.append)
    if uplink.store_open:
        uplink = read_ahead(uplink, out.append)
    return uplink, tuple(out)


def _owe(uplink: Uplink, news: Owe) -> Uplink:
    record = news.record
    if record.lane is Lane.ALARM:
        return hold(uplink, Owed(record, due_ms=news.at_ms))
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
            uplink = with_cursor(hold(uplink, Owed(record, due_ms=news.at_ms)), record.lane, replace(cursor, seq=seq))
        else:
            uplink = with_cursor(uplink, record.lane, replace(cursor, drained=False))
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
    uplink = with_held(uplink, news.lane, {**fresh, **held} if news.lane is Lane.ALARM else {**held, **fresh})
    seq = max(cursor.seq, news.rows[-1].seq) if news.rows else cursor.seq
    return with_cursor(uplink, news.lane, Cursor(seq, drained=news.drained))


def _acked(uplink: Uplink, news: Acked) -> Step:
    for lane in Lane:
        owed = None if news.id is None else uplink.held[lane].get(news.id)
        if owed is None:
            continue
        if not has_it(news.reason):
            return _refusal(
                hold(uplink, landed(owed, news.broker, news.at_ms + pace.pause_ms(5_000, owed.sendings - 1))), news
            )
        if lane is Lane.ALARM and not uplink.rules.done_on_broker:
            # At the broker is not with the police: it stays owed until the receipt.
            return _accepted(hold(uplink, landed(owed, news.broker, owed.due_ms)), news.at_ms)
        uplink, said = _accepted(drop(uplink, owed.record), news.at_ms)
        return uplink, (MarkDone(owed.record.id), *said)
    return uplink, ()


def _receipt(uplink: Uplink, news: ReceiptCame) -> Step:
    owed = uplink.held[Lane.ALARM].get(news.id)
    if news.stage is not Stage.RECEIVED or owed is None:
        return uplink, ()
    uplink, said = _accepted(drop(uplink, owed.record), news.at_ms)
    return uplink, (MarkDone(news.id), *said)


def _fallen(uplink: Uplink, news: LinkDown) -> Uplink:
    """What that broker had and did not answer is due again."""
    for lane in Lane:
        held = uplink.held[lane]
        back = {
            id: landed(owed, news.broker, news.at_ms) for id, owed in held.items() if news.broker in owed.flying
        }  # fmt: skip
        if back:
            uplink = with_held(uplink, lane, {**held, **back})
    return uplink


def _alarms_due(uplink: Uplink, at_ms: int) -> Uplink:
    """A way opened, or the centre came back: no alarm waits for its turn."""
    held = uplink.held[Lane.ALARM]
    if not held:
        return uplink
    due = {id: owed if owed.flying else replace(owed, due_ms=at_ms) for id, owed in held.items()}
    return with_held(uplink, Lane.ALARM, due)


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

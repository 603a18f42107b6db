"""To which broker an event goes, in which order, and when it goes again.

Pure, and a part of the uplink. Alarms go first, as fast as there is room, and by the next broker when no receipt comes;
the rest goes by the first broker that has room, at an even pace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from edge import pace
from edge.events import EventId, Lane, Topic, Value
from edge.owed import Held, Owed, Uplink, with_held

Room = tuple[int, ...]
"""How many events each broker may be handed now; 0 for one that is not connected."""


LIVE_MS = 10_000
"""A press so young goes before older alarms where not all can go at once: on a slow line those would take seconds."""


class Say(Value, frozen=True):
    """Hand this event to this broker now; the core dates it and makes it a Publish."""

    broker: int
    owed: Owed


def send(uplink: Uplink, room: Room, now_ms: int, say: Callable[[Say], None]) -> Uplink:
    """Hand out what is due, alarms first, as far as there is room."""
    free = list(room)
    rest_waits = bool(uplink.held[Lane.TROUBLE] or uplink.held[Lane.ROUTINE])
    if uplink.held[Lane.ALARM]:
        before = uplink
        uplink = _send_alarms(uplink, free, now_ms, say)
        if uplink is not before:
            # The rest is not handed out in the same breath: the library would have to write it all before it went on.
            return replace(uplink, pace=pace.put_off(uplink.pace, now_ms)) if rest_waits else uplink
    if not rest_waits and not uplink.pace.held_back:
        return uplink
    broker = next((number for number, space in enumerate(room) if space > 0), None)
    paced = pace.passed(uplink.pace, now_ms)
    if broker is None:
        return replace(uplink, pace=paced)
    space = free[broker] - uplink.rules.reserve
    may = left = min(space, paced.allowance)
    for lane in (Lane.TROUBLE, Lane.ROUTINE):
        if left > 0 and uplink.held[lane]:
            uplink, left = _send_lane(uplink, lane, broker, left, now_ms, say)
    more = space > may and any(uplink.held[Lane.TROUBLE :])
    return replace(uplink, pace=pace.spent(paced, may - left, more=more))


def _send_lane(
    uplink: Uplink, lane: Lane, broker: int, space: int, now_ms: int, say: Callable[[Say], None]
) -> tuple[Uplink, int]:
    sent: Held = {}
    for id, owed in uplink.held[lane].items():
        if owed.flying or owed.due_ms > now_ms:
            continue
        if owed.record.topic is Topic.PICTURE and _picture_flies(uplink.held[lane], sent):
            continue
        sent[id] = replace(owed, flying=(broker,), sendings=owed.sendings + 1)
        say(Say(broker, sent[id]))
        space -= 1
        if space <= 0:
            break
    return (with_held(uplink, lane, {**uplink.held[lane], **sent}) if sent else uplink), space


def _picture_flies(held: Held, sent: Held) -> bool:
    """One picture at a time: on a slow line the next press would have to wait behind all that are on their way."""
    return any(owed.flying and owed.record.topic is Topic.PICTURE for owed in (*held.values(), *sent.values()))


def _send_alarms(uplink: Uplink, free: list[int], now_ms: int, say: Callable[[Say], None]) -> Uplink:
    up = len(free) - free.count(0)
    sent: Held = {}
    alarms = uplink.held[Lane.ALARM]
    for id, owed in alarms.items() if len(alarms) <= max(free, default=0) else _live_first(alarms, now_ms):
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
        say(Say(broker, sent[id]))
    return with_held(uplink, Lane.ALARM, {**alarms, **sent}) if sent else uplink


def _live_first(alarms: Held, now_ms: int) -> Iterable[tuple[EventId, Owed]]:
    """Alarms of this life that are young, then the others; each in their order."""
    young = {id: owed for id, owed in alarms.items() if not owed.recovered and now_ms - owed.record.at_ms < LIVE_MS}
    return (*young.items(), *((id, owed) for id, owed in alarms.items() if id not in young))


def _next_broker(owed: Owed, free: list[int]) -> int | None:
    """The first broker that has not had it; when all have, the one that had it longest ago."""
    if not owed.tried:
        return next((number for number, space in enumerate(free) if space > 0), None)
    able = [number for number, space in enumerate(free) if space > 0 and number not in owed.flying]
    untried = [number for number in able if number not in owed.tried]
    if untried:
        return untried[0]
    return min(able, key=owed.tried.index, default=None)

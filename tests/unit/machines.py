"""Short ways to say what the pure machines are given, for their unit tests."""

from __future__ import annotations

from edge.events import (
    ClockQuality,
    Code,
    Contact,
    ContactEdge,
    EventId,
    Lane,
    Origin,
    Qualifier,
    Record,
    Topic,
    WallStamp,
)

BOOT = "ab" * 8


def id_of(counter: int) -> EventId:
    return EventId(BOOT, counter)


def record(counter: int, lane: Lane = Lane.ALARM, at_ms: int = 0, kernel_boot: str = "k1") -> Record:
    """An event; on the alarm lane it is a press."""
    topic = {Lane.ALARM: Topic.ALARM, Lane.TROUBLE: Topic.TROUBLE, Lane.ROUTINE: Topic.LOG}[lane]
    wall = WallStamp(1_000_000 + at_ms, ClockQuality.UNSYNCED, None)
    incident = id_of(counter) if lane is Lane.ALARM else None
    return Record(
        id_of(counter), 1, kernel_boot, at_ms, wall, Origin.PERSON, lane, topic, Code.SILENT_PANIC, Qualifier.NEW,
        incident, {},
    )  # fmt: skip


def edge(at_ms: int, *, closed: bool, contact: Contact = Contact.KEY, origin: Origin = Origin.PERSON) -> ContactEdge:
    return ContactEdge(contact, closed, at_ms, origin)

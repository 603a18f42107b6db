"""Short ways to say what the pure machines are given, for their unit tests."""

from __future__ import annotations

from edge import core
from edge.events import (
    ClockQuality,
    Code,
    Contact,
    ContactEdge,
    EventId,
    Fact,
    Lane,
    LevelRead,
    LookAt,
    Origin,
    Qualifier,
    Record,
    Topic,
    WallStamp,
)
from edge.state import State

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


def think(machine: State, fact: Fact) -> core.Step:
    """The brain with its contact thread beside it: who is asked to look at a contact finds what was told last."""
    machine, said = core.step(machine, fact)
    for one in [*said]:
        if isinstance(one, LookAt):
            closed = getattr(machine.contacts, one.contact.value).closed
            machine, more = think(machine, LevelRead(one.contact, closed, fact.at_ms))
            said += more
    return machine, said

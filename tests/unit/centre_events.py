"""Events as gates send them, made short to write for tests of the centre."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from edge import wire
from edge.events import ClockQuality, Code, Lane, Origin, Qualifier, Topic

BOOT = "00000000000000aa"
ADDRESS = wire.Address("county-1", "school-1", "gate-1")


def event(counter: int, *, boot: str = BOOT, **changes: Any) -> wire.Event:
    """A routine temperature event, unless changed."""
    plain = wire.Event(
        wire.SCHEMA, f"{boot}-{counter}", 1, counter, "kernel-1", counter * 10, 1_700_000_000_000 + counter,
        ClockQuality.SYNCED, 5, None, None, Origin.PERSON, Lane.ROUTINE, Topic.TEMPERATURE, Code.SYSTEM_TROUBLE,
        Qualifier.STATUS, None, False, None, {},
    )  # fmt: skip
    return replace(plain, **changes)


def press(counter: int, incident: int | None = None, **changes: Any) -> wire.Event:
    """A person's press; without ``incident`` it is the first of its own."""
    whole: dict[str, Any] = {
        "lane": Lane.ALARM,
        "topic": Topic.ALARM,
        "code": Code.SILENT_PANIC,
        "qualifier": Qualifier.NEW,
        "incident": f"{BOOT}-{counter if incident is None else incident}",
    }
    return event(counter, **(whole | changes))


def reset(counter: int, incident: int) -> wire.Event:
    """The gate's end (465) of an incident."""
    return press(counter, incident, code=Code.PANIC_RESET, qualifier=Qualifier.RESTORE)


def self_test(counter: int) -> wire.Event:
    """A self-test: the alarm with another origin, of no incident."""
    return replace(press(counter), topic=Topic.SELF_TEST, origin=Origin.SELF_TEST, incident=None)


def trouble(counter: int, name: str, *, raised: bool = True, **changes: Any) -> wire.Event:
    """A trouble begins or ends."""
    qualifier = Qualifier.NEW if raised else Qualifier.RESTORE
    whole: dict[str, Any] = {"lane": Lane.TROUBLE, "topic": Topic.TROUBLE, "qualifier": qualifier}
    return event(counter, **(whole | {"body": {"trouble": name, "detail": "why"}} | changes))

"""Events as gates send them, made short to write for tests of the centre."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from edge import chain, wire
from edge.chain import Kind, Link, LinkResult, Report, Result, Stimulus, Verdict
from edge.diary import Week, body_of
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


def report(
    counter: int, mark: str, *, kind: Kind = Kind.FULL, result: Result = Result.PASS, window: str = "", **changes: Any
) -> wire.Event:
    """A test's report, with two links."""
    links = (
        LinkResult(Link.KEY, Verdict.NOT_TESTED, "needs a finger"),
        LinkResult(Link.UPLINK, Verdict.PASS, measured=120, limit=5000),
    )
    told = Report(kind, result, Stimulus.LOOPBACK, mark, links, 10, 20, window=window)
    whole: dict[str, Any] = {
        "lane": Lane.TROUBLE,
        "topic": Topic.SELF_TEST,
        "code": Code.PERIODIC_TEST,
        "origin": Origin.DRILL if kind is Kind.DRILL else Origin.SELF_TEST,
        "body": chain.body_of(told),
    }
    return event(counter, **(whole | changes))


def window_word(counter: int, nonce: str, *, ended: bool = False, **changes: Any) -> wire.Event:
    """The gate's word that a window opened there, or ended."""
    body = {"nonce": nonce, "kind": "human", "by": "Li", "for_ms": 600_000}
    whole: dict[str, Any] = {
        "lane": Lane.TROUBLE,
        "topic": Topic.LOG,
        "code": Code.WALK_TEST,
        "qualifier": Qualifier.RESTORE if ended else Qualifier.NEW,
        "body": {**body, "why": "its time is over"} if ended else body,
    }
    return event(counter, **(whole | changes))


def restart(counter: int, *, boot_counter: int, boot: str = "00000000000000bb") -> wire.Event:
    """The gate begins a new life."""
    return event(
        counter, boot=boot, boot_counter=boot_counter, lane=Lane.TROUBLE, topic=Topic.LOG, code=Code.RESTART,
        qualifier=Qualifier.NEW,
    )  # fmt: skip


def week_word(counter: int, week: Week) -> wire.Event:
    """The gate has judged a week."""
    body = dict(body_of(week))
    return event(counter, lane=Lane.TROUBLE, topic=Topic.LOG, code=Code.PERIODIC_TEST, body=body)

"""Small ledgers for tests: events of every kind that belongs in one, chained and signed with a key made for it."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from edge.chain import Kind, Link, LinkResult, Report, Result, Stimulus, Verdict, body_of
from edge.events import ClockQuality, Code, EventId, Lane, Origin, Qualifier, Record, Topic, WallStamp
from edge.ledger import Entry, Head, Note, What, next_entry, text_of
from edge.ledger_key import GateKey, load_or_make

BOOT = "00000000000000aa"
KERNEL = "f" * 32
NOVEMBER_MS = 1_793_500_000_000
"""In Shanghai, Sunday 1 November 2026, 10:26."""

HOUR_MS = 3_600_000
GATE = "county/school/gate"


def event(counter: int, topic: Topic = Topic.LOG, **more: object) -> Record:
    """An event; one an hour."""
    at_ms = counter * HOUR_MS
    values = {
        "id": EventId(BOOT, counter), "boot_counter": 3, "kernel_boot": KERNEL, "at_ms": at_ms,
        "wall": WallStamp(NOVEMBER_MS + at_ms, ClockQuality.SYNCED, 20), "origin": Origin.PERSON,
        "lane": Lane.ALARM if topic is Topic.ALARM else Lane.TROUBLE, "topic": topic, "code": Code.RESTART,
        "qualifier": Qualifier.NEW, "incident": None, "body": {"by": "李伟", "number": counter},
    } | more  # fmt: skip
    return Record(**values)  # type: ignore[arg-type]


def report(counter: int, result: Result = Result.PASS, kind: Kind = Kind.FULL) -> Record:
    """A test's report."""
    links = (
        LinkResult(Link.KEY, Verdict.NOT_TESTED, "no loopback fitted"),
        LinkResult(Link.STORE, Verdict.PASS, "", 4.5, 200.0),
        LinkResult(Link.UPLINK, Verdict.PASS if result is not Result.FAIL else Verdict.FAIL, "no answer", 40.0, 5000.0),
        LinkResult(Link.OFFICER, Verdict.PASS, "", 21_000.0, 90_000.0),
    )
    at_ms = counter * HOUR_MS
    said = Report(
        kind=kind, result=result, stimulus=Stimulus.CONTACT_PORT, mark=f"{BOOT}-{counter - 1}", links=links,
        started_ms=at_ms - 30_000, ended_ms=at_ms, operator="li-wei", officer="王芳",
    )  # fmt: skip
    return event(counter, Topic.SELF_TEST, origin=Origin.SELF_TEST, code=Code.PERIODIC_TEST, body=body_of(said))


def key_in(directory: Path) -> GateKey:
    """A gate's key, made in this directory."""
    directory.mkdir(parents=True, exist_ok=True)
    return load_or_make(directory)


def began(key: GateKey, why: str = "", last: Head | None = None) -> Note:
    """The note that opens a ledger."""
    return Note(What.BEGAN, GATE, why, key.public_key, last)


def chained(key: GateKey | None, contents: Sequence[Record | Note], head: Head | None = None) -> list[Entry]:
    """These, chained on and signed."""
    entries = []
    for content in contents:
        entry = next_entry(head, text_of(content), None if key is None else key.sign)
        entries.append(entry)
        head = entry.head
    return entries


def ledger_of(key: GateKey, count: int = 20) -> list[Entry]:
    """A ledger as a gate writes one: the opening note, alarms, reports, lines of the log."""
    contents: list[Record | Note] = [began(key)]
    for counter in range(1, count):
        topic = (Topic.LOG, Topic.ALARM, Topic.SELF_TEST)[counter % 3]
        contents.append(report(counter) if topic is Topic.SELF_TEST else event(counter, topic))
    return chained(key, contents)


def mode_of(path: Path) -> int:
    """A file's permission bits."""
    return stat.S_IMODE(path.stat().st_mode)

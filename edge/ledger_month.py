"""One month of a ledger: which entries it is, when each of them was, and what the month comes to.

Pure. A month is one unbroken piece of the chain: from the first entry dated in it to the last, whatever stands between
them, so that the piece can be checked by itself.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum

from edge import chain
from edge.events import ClockQuality, Code, Origin, Qualifier, Record, Topic
from edge.ledger import Entry, Head, Note, content_of
from edge.local_time import Zone, day_of, wall_of
from edge.value import Value

_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
UNTRUSTED = (ClockQuality.UNSYNCED,)

HELD_MAX = 10_000
"""Entries that wait to be dated: some tens of megabytes at most."""


class Month(Value, frozen=True):
    """A month of the gate's zone, as the wall times of its first moment and of the first one after it."""

    name: str
    begin_ms: int
    end_ms: int


class Basis(Enum):
    """What a moment rests on: a clock that was set; a later entry of the same start of the machine, whose clock was
    set; or the reading of an unset clock, and nothing better."""

    CLOCK = "clock"
    WORKED_OUT = "worked_out"
    UNSET_CLOCK = "unset_clock"


class Moment(Value, frozen=True):
    """When an entry was."""

    wall_ms: int
    basis: Basis


class Dated(Value, frozen=True):
    """An entry with what it holds. ``moment`` None: it is a note of the ledger's own, or cannot be read.

    ``report``: the test's report in it, where it is one.
    """

    entry: Entry
    content: Record | Note | None
    moment: Moment | None
    report: chain.Report | None = None


class Test(Value, frozen=True):
    """A test's report in the ledger."""

    number: int
    id: str
    moment: Moment | None
    report: chain.Report


class Summary(Value, frozen=True):
    """What a month comes to. ``before`` is the entry that stands before its first one, None where that is the first."""

    entries: int
    first: Head | None
    last: Head | None
    before: Head | None
    tests: tuple[Test, ...]
    alarms: tuple[Dated, ...]
    notes: tuple[Dated, ...]
    log: int


def month_of(name: str, zone: Zone) -> Month:
    """The month written as ``2026-11``. Raises ValueError."""
    if _MONTH.fullmatch(name) is None:
        raise ValueError(f"{name[:40]!r} is no month; write it as 2026-11")
    year, number = int(name[:4]), int(name[5:])
    following = f"{year + number // 12}-{number % 12 + 1:02d}"
    begin, end = (wall_of(zone, day_of(f"{one}-01"), 0) for one in (name, following))
    return Month(name, begin, end)


class Dating:
    """Dates entries in their order. One of an unset clock waits for a reading of the same start of the machine whose
    clock was set, which tells of everything before it; and what follows waits behind it, up to ``HELD_MAX`` entries."""

    def __init__(self) -> None:
        self._fixes: dict[str, tuple[int, int]] = {}
        self._held: deque[tuple[Entry, Record | Note | None]] = deque()

    def take(self, entry: Entry) -> Iterator[Dated]:
        """The next entry; gives those that need not wait any more."""
        content = content_of(entry.record)
        if isinstance(content, Record) and content.wall.quality not in UNTRUSTED:
            self._fixes.setdefault(content.kernel_boot, (content.at_ms, content.wall.wall_ms))
        self._held.append((entry, content))
        while self._held and (len(self._held) > HELD_MAX or self._is_known(self._held[0][1])):
            yield self._dated(*self._held.popleft())

    def rest(self) -> Iterator[Dated]:
        """Nothing more comes: the entries that still wait."""
        while self._held:
            yield self._dated(*self._held.popleft())

    def _is_known(self, content: Record | Note | None) -> bool:
        return (
            not isinstance(content, Record)
            or content.wall.quality not in UNTRUSTED
            or content.kernel_boot in self._fixes
        )

    def _dated(self, entry: Entry, content: Record | Note | None) -> Dated:
        if not isinstance(content, Record):
            return Dated(entry, content, None)
        report = report_in(content) if content.topic is Topic.SELF_TEST else None
        return Dated(entry, content, self._moment(content), report)

    def _moment(self, record: Record) -> Moment:
        if record.wall.quality not in UNTRUSTED:
            return Moment(record.wall.wall_ms, Basis.CLOCK)
        fix = self._fixes.get(record.kernel_boot)
        if fix is None:
            return Moment(record.wall.wall_ms, Basis.UNSET_CLOCK)
        at_ms, wall_ms = fix
        return Moment(wall_ms - (at_ms - record.at_ms), Basis.WORKED_OUT)


def within(month: Month, entries: Iterable[Dated]) -> Iterator[Dated]:
    """The month's piece of the chain. An entry that nobody can date goes with the next one.

    All entries are taken, to the last. The month is over once ``HELD_MAX`` entries in a row lie outside it.
    """
    held: list[Dated] = []
    begun = over = False
    for one in entries:
        over = over or (begun and len(held) == HELD_MAX)
        if over:
            held.clear()
            continue
        held.append(one)
        if one.moment is None:
            continue
        if month.begin_ms <= one.moment.wall_ms < month.end_ms:
            begun = True
            yield from held
            held.clear()
        elif not begun and (one.moment.basis is not Basis.UNSET_CLOCK or len(held) >= HELD_MAX):
            held.clear()
    if begun and not over and all(one.moment is None or one.moment.basis is Basis.UNSET_CLOCK for one in held):
        yield from held


class Counting:
    """Sums a month up, entry by entry; of its log only the number is kept."""

    def __init__(self) -> None:
        self._entries = self._log = 0
        self._first: Entry | None = None
        self._last: Entry | None = None
        self._tests: list[Test] = []
        self._alarms: list[Dated] = []
        self._notes: list[Dated] = []

    def take(self, one: Dated) -> None:
        """The next entry of the month."""
        self._entries += 1
        self._first = self._first or one.entry
        self._last = one.entry
        match one.content:
            case Record() as record if one.report is not None:
                self._tests.append(Test(one.entry.number, str(record.id), one.moment, one.report))
            case Record() as record if is_alarm(record):
                self._alarms.append(one)
            case Record(topic=Topic.LOG):
                self._log += 1
            case Note():
                self._notes.append(one)
            case _:
                pass

    def summary(self) -> Summary:
        """The month so far."""
        first, last = self._first, self._last
        before = None if first is None or first.number == 1 else Head(first.number - 1, first.previous)
        return Summary(
            self._entries,
            None if first is None else first.head,
            None if last is None else last.head,
            before,
            tuple(self._tests),
            tuple(self._alarms),
            tuple(self._notes),
            self._log,
        )


def is_alarm(record: Record) -> bool:
    """A press of a person: its beginning, not what followed it."""
    pressed = record.code in (Code.SILENT_PANIC, Code.AUDIBLE_PANIC) and record.qualifier is Qualifier.NEW
    return pressed and record.origin is Origin.PERSON


def report_in(record: Record) -> chain.Report | None:
    """The report of a test that an event carries; None where it carries none that can be read."""
    if not chain.is_report(record.body):
        return None
    try:
        return chain.report_of(record.body)
    except (ValueError, KeyError, TypeError):
        return None

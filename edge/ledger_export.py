"""Writes a month of the ledger: as JSON Lines for the verifier, as CSV for a table, and as a page for a person.

The JSON Lines are the ledger's own bytes; CSV and page are made of them and prove nothing by themselves.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from edge import chain
from edge.errors import StorageError
from edge.events import Record
from edge.ledger import DAMAGED, Entry, Head, Note, line_of
from edge.ledger_check import Checker, Judge, Outcome
from edge.ledger_month import Counting, Dated, Dating, Month, Summary, within
from edge.ledger_weeks import Judged, Weeks
from edge.local_time import Zone, spoken
from edge.value import Value

COLUMNS = (
    "number", "local_time", "time_basis", "wall_ms", "clock", "id", "boot_counter", "monotonic_ms", "topic",
    "origin", "code", "code_name", "qualifier", "incident", "test_kind", "test_result", "test_links", "operator",
    "key_fingerprint", "body", "hash",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A table program would work out a cell that begins so; names and reasons come from outside."""


class Exported(Value, frozen=True):
    """What was written. ``outcome`` is of the whole ledger, of which the month is a part."""

    lines_file: str
    table_file: str
    summary: Summary
    weeks: tuple[Judged, ...]
    outcome: Outcome


def check(entries: Iterable[Entry | None], checker: Checker) -> Outcome:
    """Check a ledger to its end."""
    for _ in _checked(entries, checker):
        pass
    return checker.outcome()


def export(
    entries: Iterable[Entry | None],
    keys: Sequence[Judge],
    month: Month,
    zone: Zone,
    stem: Path,
    head: Head | None = None,
) -> Exported:
    """Check the whole ledger and write the month of it to ``stem``.jsonl and ``stem``.csv. Raises StorageError."""
    checker = Checker(keys, head=head)
    counting, weeks = Counting(), Weeks()
    lines_file, table_file = stem.with_name(f"{stem.name}.jsonl"), stem.with_name(f"{stem.name}.csv")
    with written(lines_file) as lines, written(table_file) as table:
        table.write("﻿".encode())  # without it Excel takes Chinese for something else
        cells = csv.writer(_Encoding(table), lineterminator="\r\n")
        cells.writerow(COLUMNS)
        for one in within(month, _dated(_checked(entries, checker), weeks)):
            lines.write(line_of(one.entry) + b"\n")
            cells.writerow([_safe(cell) for cell in _cells(one, zone)])
            counting.take(one)
    judged = tuple(weeks.judged(month, zone))
    return Exported(str(lines_file), str(table_file), counting.summary(), judged, checker.outcome())


@contextmanager
def written(file: Path) -> Iterator[IO[bytes]]:
    """A file that is there whole or not at all. Raises StorageError."""
    new = file.with_name(f".{file.name}.new")
    try:
        with new.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(file)
    except OSError as error:
        raise StorageError(
            f"{file} cannot be written: {error.strerror}; name another place with --directory"
        ) from error
    finally:
        new.unlink(missing_ok=True)


def _checked(entries: Iterable[Entry | None], checker: Checker) -> Iterator[Entry]:
    for place, entry in enumerate(entries, 1):
        if entry is None:
            checker.malformed(place)
        else:
            checker.take(entry)
            yield entry


def _dated(entries: Iterable[Entry], weeks: Weeks) -> Iterator[Dated]:
    dating = Dating()
    for entry in entries:
        for one in dating.take(entry):
            weeks.learn(one)
            yield one
    for one in dating.rest():
        weeks.learn(one)
        yield one


class _Encoding:
    """What csv writes to: text in, bytes out."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(text.encode("utf-8", DAMAGED))


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _cells(one: Dated, zone: Zone) -> list[object]:
    """One row, in the order of ``COLUMNS``."""
    content, moment, entry, report = one.content, one.moment, one.entry, one.report
    when: list[object] = ["", "", ""]
    if moment is not None:
        when = [spoken(zone, moment.wall_ms), moment.basis.value, moment.wall_ms]
    if not isinstance(content, Record):
        topic = "note" if isinstance(content, Note) else "unreadable"
        return [entry.number, *when, "", "", "", "", topic, *[""] * 10, entry.record, entry.hash]
    body = content.body
    about: list[object] = ["", "", "", body.get("by", body.get("operator", "")), body.get("key_fingerprint", "")]
    if report is not None:
        about = [
            report.kind.value, report.result.value, links_line(report), report.operator, report.key_fingerprint,
        ]  # fmt: skip
    return [
        entry.number, *when, content.wall.quality.value, str(content.id), content.boot_counter, content.at_ms,
        content.topic.value, content.origin.value, content.code.value, content.code.name.lower(),
        content.qualifier.name.lower(), "" if content.incident is None else str(content.incident), *about,
        "" if report else msgspec.json.encode(body).decode(), entry.hash,
    ]  # fmt: skip


def links_line(report: chain.Report) -> str:
    """The eighteen links in one cell: ``1 NOT_TESTED (no loopback fitted); 6 PASS 4.5 of 200 ms; ...``."""
    return "; ".join(link_text(one) for one in report.links)


def link_text(one: chain.LinkResult) -> str:
    """One link's verdict with what was measured and why."""
    text = f"{one.link.value} {one.verdict.value}"
    if one.measured is not None:
        limit = "" if one.limit is None else f" of {_short(one.limit)}"
        text += f" {_short(one.measured)}{limit} {chain.UNITS.get(one.link, '')}".rstrip()
    return f"{text} ({one.reason})" if one.reason else text


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")

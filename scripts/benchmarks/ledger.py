"""What the ledger costs and finds: a month of it verified and exported, single changed bytes, one more commit."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.figures import Figure, Results, share
from edge.chain import Kind, Link, LinkResult, Report, Result, Stimulus, Verdict, body_of
from edge.drivers.store import SqliteOutbox
from edge.events import ClockQuality, Code, EventId, Lane, Origin, Qualifier, Record, Topic, WallStamp
from edge.ledger import Entry, Head, entry_of, line_of
from edge.ledger_check import Checker
from edge.ledger_export import check
from edge.ledger_key import PUBLIC_FILE, PublicKey, load_or_make
from edge.ledger_table import Scribe, read

MONTH = "2026-11"
BEGIN_MS = 1_793_462_400_000  # 1 November 2026, midnight in Shanghai
MONTH_MS = 30 * 24 * 3_600_000
BATCH = 1_000
BYTES = 1_000
SMALL = 500
"""Records of the ledger in which single bytes are changed: each change is looked for by a whole verification."""

LEDGER = (sys.executable, "-m", "edge", "ledger")
COMMITS = 400
SECONDS_MAX = 10.0
YEARS_SECONDS_MAX = 30.0
"""For a ledger of a million entries, as many years fill it."""

BOOT = "d" * 16
LINKS = tuple(
    LinkResult(link, Verdict.PASS, "", 12.5, 200.0, f"{BOOT}-7")
    if link > Link.LOOP
    else LinkResult(link, Verdict.NOT_TESTED, "no loopback fitted")
    for link in Link
)


def measure(directory: Path, results: Results, records: int, say: Callable[[str], None]) -> None:
    """Write a month of so many records as a gate does, prove and export it, and look for what was changed."""
    big, small = directory / "big", directory / "small"
    for place, count in ((big, records), (small, SMALL)):
        _fill(place, count, say)
    _month(big, results, records, say)
    _bytes(small, results, say)
    _commits(directory, results, say)


def measure_years(directory: Path, results: Results, records: int, say: Callable[[str], None]) -> None:
    """Prove a ledger that many years have filled, by the command and by the stand-alone verifier."""
    place = directory / "years"
    _fill(place, records, say)
    say("verify the years")
    seconds = _seconds([*LEDGER, "verify", "--state-directory", str(place)], 2)
    results.add(Figure(f"ledger of {records:,} records, verify alone", seconds, YEARS_SECONDS_MAX, "s"))
    lines = place / "years.jsonl"
    with lines.open("wb") as file:
        file.writelines(line_of(entry) + b"\n" for entry in read(place / "events.db") if entry is not None)
    results.add(_second(place, lines, records, YEARS_SECONDS_MAX, say))


def record(counter: int, of: int) -> Record:
    """An alarm, what followed it, a test's report or a line of the log: one in four each."""
    topic = (Topic.ALARM, Topic.ALARM, Topic.SELF_TEST, Topic.LOG)[counter % 4]
    wall = WallStamp(BEGIN_MS + counter * MONTH_MS // (of + 1), ClockQuality.SYNCED, 20)
    id = EventId(BOOT, counter)
    body: dict[str, str | int | float | bool | None] = {"by": "Li Wei", "press": 1}
    if topic is Topic.SELF_TEST:
        report = Report(Kind.PATH, Result.PASS, Stimulus.CONTACT_PORT, str(id), LINKS, counter, counter + 9)
        body = body_of(report)
    return Record(
        id, 1, "f" * 16, counter * 1_000, wall, Origin.PERSON, Lane.ALARM if topic is Topic.ALARM else Lane.TROUBLE,
        topic, Code.SILENT_PANIC, Qualifier.NEW if counter % 4 else Qualifier.RESTORE, id, body,
    )  # fmt: skip


def _scribe(place: Path) -> Scribe:
    return Scribe("bench/school/gate", lambda: load_or_make(place), lambda *_: None)


def _write(place: Path, count: int) -> Iterator[int]:
    outbox = SqliteOutbox(place / "events.db", 5_000_000, scribe=_scribe(place))
    for first in range(1, count + 1, BATCH):
        last = min(count, first + BATCH - 1)
        outbox.append([record(counter, count) for counter in range(first, last + 1)], None)
        yield last
    outbox.close()


def _fill(place: Path, count: int, say: Callable[[str], None]) -> None:
    place.mkdir()
    for done in _write(place, count):
        if done % 20_000 == 0:
            say(f"writing the ledger: {done:,} of {count:,}")


def _month(place: Path, results: Results, records: int, say: Callable[[str], None]) -> None:
    say("verify and export the month")
    state = ["--state-directory", str(place)]
    verify_s = _seconds([*LEDGER, "verify", *state], 2)
    export_s = _seconds([*LEDGER, "export", "--month", MONTH, "--directory", str(place), *state], 0)
    lines = next(place.glob("*.jsonl"))
    second = _second(place, lines, records, SECONDS_MAX, say)
    size = f"{lines.stat().st_size / 1e6:.0f} MB"
    results.add(Figure(f"ledger of {records:,} records, verify and export", export_s, SECONDS_MAX, "s", size))
    results.add(Figure(f"ledger of {records:,} records, verify alone", verify_s, SECONDS_MAX, "s"))
    results.add(second)


def _second(place: Path, lines: Path, records: int, seconds_max: float, say: Callable[[str], None]) -> Figure:
    say("the second verifier")
    verifier = str(Path(__file__).parents[1] / "verify-ledger")
    seconds = _seconds([sys.executable, verifier, "--key", str(place / PUBLIC_FILE), str(lines)], 2)
    return Figure(f"ledger of {records:,} records, the second verifier", seconds, seconds_max, "s")


def _seconds(command: Sequence[str], exit_code: int) -> float:
    begin_s = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    if done.returncode != exit_code:
        raise SystemExit(f"{command} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.monotonic() - begin_s


def _bytes(place: Path, results: Results, say: Callable[[str], None]) -> None:
    """One byte at a time, in the exported file and in the database's rows, each looked for by a whole verification."""
    database = place / "events.db"
    entries = [entry for entry in read(database) if entry is not None]
    key = PublicKey(load_or_make(place).public_key)
    head = entries[-1].head
    randomly = random.Random(4)
    text = b"".join(line_of(entry) + b"\n" for entry in entries)
    found = 0
    for number in range(BYTES):
        if number % 100 == 0:
            say(f"changed bytes in the file: {number} of {BYTES}")
        changed = bytearray(text)
        changed[randomly.randrange(len(text))] ^= randomly.randrange(1, 256)
        found += _fails(_lines(bytes(changed)), key, head)
    results.add(Figure(f"changed bytes found in the file, of {BYTES:,}", found, BYTES, "", least=True))
    found = 0
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for number in range(BYTES):
            if number % 100 == 0:
                say(f"changed bytes in rows: {number} of {BYTES}")
            entry = randomly.choice(entries)
            name = randomly.choice(("previous", "record", "signature", "hash"))
            content = getattr(entry, name).encode()
            changed = bytearray(content)
            changed[randomly.randrange(len(content))] ^= randomly.randrange(1, 256)
            update = f"UPDATE ledger SET {name} = CAST(? AS TEXT) WHERE number = ?"
            connection.execute(update, (bytes(changed), entry.number))
            found += _fails(read(database), key, head)
            connection.execute(update, (content, entry.number))
    results.add(Figure(f"changed bytes found in the database's rows, of {BYTES:,}", found, BYTES, "", least=True))


def _lines(text: bytes) -> Iterator[Entry | None]:
    *lines, rest = text.split(b"\n")
    for line in lines:
        try:
            yield entry_of(line)
        except ValueError:
            yield None
    if rest:
        yield None


def _fails(entries: Iterator[Entry | None], key: PublicKey, head: Head) -> bool:
    return check(entries, Checker([key], head=head)).result is Result.FAIL


def _commits(directory: Path, results: Results, say: Callable[[str], None]) -> None:
    """One alarm committed, by turns with a ledger and without."""
    say("one more commit")
    outboxes = []
    for name in ("with", "without"):
        place = directory / name
        place.mkdir()
        outboxes.append(SqliteOutbox(place / "events.db", 5_000_000, scribe=_scribe(place) if name == "with" else None))
    spent: list[list[float]] = [[], []]
    for number in range(1, COMMITS + 11):
        for outbox, spans in zip(outboxes, spent, strict=True):
            alarm = record(4 * number, 10**6)
            begin_ns = time.perf_counter_ns()
            outbox.append([alarm], None)
            outbox.backlog()
            if number > 10:  # the first ones load the library and make the key
                spans.append((time.perf_counter_ns() - begin_ns) / 1e6)
    for outbox in outboxes:
        outbox.close()
    for name, part in (("median", 0.5), ("p99", 0.99)):
        ours_ms, plain_ms = (share(spans, part) for spans in spent)
        results.add(
            Figure(f"alarm's commit with the ledger, {name}", ours_ms, None, "ms", f"{ours_ms / plain_ms:.2f} times",
                   f"{plain_ms:.3f} ms without")
        )  # fmt: skip

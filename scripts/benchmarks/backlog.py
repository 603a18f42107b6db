"""What a backlog costs: memory, one more event, and a press while it is replayed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, Results, share
from benchmarks.latency import matched, ratio
from benchmarks.parts import Broker, Child, SqliteOutbox, fill, free_port, routine, settled, write_settings

APPENDS = 400
SETTLE_S = 8.0
EVENTS_A_PRESS = 250
"""Few enough presses that they end before the replay does."""

EVERY_MS = (20, 40)
MIB = 1 << 20


def measure(directory: Path, results: Results, owed: int, say: Callable[[str], None]) -> None:
    """Fill an event log, and add the figures. ``directory`` must be empty."""
    empty, full = directory / "empty", directory / "full"
    for place in (empty, full):
        write_settings_in(place, free_port())
    for done in fill(full / "state" / "events.db", owed):
        if done % 20_000 == 0:
            say(f"filling the event log: {done:,} of {owed:,}")
    say("cost of one more event")
    _cost(empty, full, results)
    say("memory with nobody to tell")
    quiet_bytes, owing_bytes = (_memory(place) for place in (empty, full))
    results.add(
        Figure(
            f"memory, {owed:,} owed against none", (owing_bytes - quiet_bytes) / MIB, 20, "MB more",
            f"{owing_bytes / MIB:.1f} MB", f"{quiet_bytes / MIB:.1f} MB owing nothing",
        )
    )  # fmt: skip
    _replay(full, results, owed, quiet_bytes, say)


def write_settings_in(place: Path, port: int) -> Path:
    """The settings of a gate that lives in this directory."""
    place.mkdir(exist_ok=True)
    return write_settings(place, port)


def _cost(empty: Path, full: Path, results: Results) -> None:
    """One event appended and committed, by turns in an empty and in a full log."""
    outboxes = [SqliteOutbox(place / "state" / "events.db", 5_000_000) for place in (empty, full)]
    spent: list[list[float]] = [[], []]
    for number in range(1, APPENDS + 1):
        for outbox, spans in zip(outboxes, spent, strict=True):
            records = routine("c" * 16, [number])
            begin_ns = time.perf_counter_ns()
            outbox.append(records, None)
            outbox.mark_done([records[0].id])
            outbox.backlog()
            spans.append((time.perf_counter_ns() - begin_ns) / 1e6)
    for outbox in outboxes:
        outbox.close()
    none_ms, many_ms = (share(spans, 0.5) for spans in spent)
    results.add(
        Figure("one more event, many owed against none", many_ms / none_ms, 1.3, "x", f"{many_ms:.3f} ms",
               f"{none_ms:.3f} ms owing nothing")
    )  # fmt: skip


def _memory(place: Path) -> int:
    """The daemon's resident memory with its log open and no broker in reach."""
    gate = Child("gate", write_settings_in(place, free_port()), 0, log=place / "gate.log")
    try:
        time.sleep(SETTLE_S)
        return int(gate.ask("memory"))
    finally:
        gate.close()


def _replay(full: Path, results: Results, owed: int, quiet_bytes: int, say: Callable[[str], None]) -> None:
    presses = owed // EVENTS_A_PRESS
    broker = Broker(full)
    log = full / "replay.log"
    subscriber = Child("subscriber", broker.port, log=log)
    counter = Child("counter", broker.port, log=log)
    gate = Child("gate", write_settings_in(full, broker.port), log=log)
    try:
        say("presses during the replay")
        busy = gate.ask("press", count=presses, seed=1, every_ms=EVERY_MS)
        heard = settled(subscriber, presses, lambda message: message.get("press") is True)
        replaying = counter.ask("count")["count"] < owed
        busy_ms, busy_rows_ms = matched(busy, heard)
        peak_bytes = int(gate.ask("memory"))
        while (told := counter.ask("count"))["count"] < owed:
            say(f"replay: {told['count']:,} of {owed:,}")
            if time.monotonic_ns() - told["last_ns"] > 30_000_000_000:
                raise SystemExit(f"the replay stands at {told['count']:,} of {owed:,}")
            peak_bytes = max(peak_bytes, int(gate.ask("memory")))
            time.sleep(1)
        say("the same presses in quiet")
        time.sleep(2)
        quiet = gate.ask("press", count=presses, seed=2, every_ms=EVERY_MS)
        heard = settled(subscriber, presses, lambda message: message.get("press") is True)
        quiet_ms, _ = matched(quiet, heard)
    finally:
        for child in (gate, counter, subscriber, broker):
            child.close()
    if not replaying:
        raise SystemExit("the replay ended before the presses did: give more events")
    rate = told["count"] / ((told["last_ns"] - told["first_ns"]) / 1e9)
    results.replay = told["seconds"]
    results.add(Figure(f"replay of {owed:,} events", rate, 2_000, "a second", least=True))
    results.add(
        Figure("memory, greatest during the replay", (peak_bytes - quiet_bytes) / MIB, 20, "MB more",
               f"{peak_bytes / MIB:.1f} MB", f"{quiet_bytes / MIB:.1f} MB owing nothing")
    )  # fmt: skip
    for name, part in (("median", 0.5), ("p99", 0.99)):
        results.add(ratio(f"press in the replay against quiet, {name}", share(busy_ms, part), share(quiet_ms, part), 2))
    results.add(
        Figure("press to committed row in the replay, p99", share(busy_rows_ms, 0.99), None, "ms",
               f"median {share(busy_rows_ms, 0.5):.2f}")
    )  # fmt: skip
    results.samples["press to subscriber, in the replay"] = busy_ms
    results.samples["press to subscriber, quiet, same process"] = quiet_ms

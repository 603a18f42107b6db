"""Press to subscriber, to committed row, to lamp and to siren; ours and the bare script's rounds take turns."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Results, milliseconds, share
from benchmarks.parts import Broker, Child, settled, write_settings

PRESSES = 100
EVERY_MS = (20, 40)
SIREN_PRESSES = 300


def measure(directory: Path, results: Results, rounds: int, say: Callable[[str], None]) -> None:
    """Run the rounds and add the figures."""
    broker = Broker(directory)
    log = directory / "latency.log"
    subscriber = Child("subscriber", broker.port, log=log)
    bare = Child("bare", broker.port, log=log)
    gate = Child("gate", write_settings(directory, broker.port), log=log)
    ours_ms: list[float] = []
    bare_ms: list[float] = []
    stored_ms: list[float] = []
    lamp_ms: list[float] = []
    try:
        for number in range(-1, rounds):  # the first round warms everything up and is thrown away
            say(f"press to subscriber: round {number + 1} of {rounds}")
            question = {"count": PRESSES if number >= 0 else 20, "every_ms": EVERY_MS}
            stamps = bare.ask("press", seed=2 * number, **question)
            heard = settled(subscriber, len(stamps), lambda message: "bare" in message)
            theirs = [(one["at_ns"] - at_ns) / 1e6 for at_ns, one in zip(stamps, heard, strict=True)]
            told = gate.ask("press", seed=2 * number + 1, **question)
            heard = settled(subscriber, len(told["pressed"]), lambda message: message.get("press") is True)
            if number >= 0:
                bare_ms += theirs
                one_round, rows_ms = matched(told, heard)
                ours_ms += one_round
                stored_ms += rows_ms
                lamp_ms += [span_ns / 1e6 for span_ns in told["lamp"]]
        say("siren")
        siren_ms = [span_ns / 1e6 for span_ns in gate.ask("siren", count=SIREN_PRESSES)]
    finally:
        for child in (gate, bare, subscriber, broker):
            child.close()
    for name, part, limit in (("median", 0.5, 1.5), ("p90", 0.9, None), ("p99", 0.99, 2.0), ("max", 1.0, None)):
        results.add(ratio(f"press to subscriber, {name}", share(ours_ms, part), share(bare_ms, part), limit))
    results.add(milliseconds("press to committed row, p99", stored_ms, 0.99, 10.0))
    results.add(milliseconds("callback to lamp, p99", lamp_ms, 0.99, 2.0))
    results.add(milliseconds("callback to siren, p99", siren_ms, 0.99, 2.0))
    results.samples["press to subscriber, bare script"] = bare_ms
    results.samples["press to subscriber, gatepost"] = ours_ms
    results.samples["press to committed row"] = stored_ms
    results.samples["callback to lamp"] = lamp_ms


def ratio(name: str, ours_ms: float, theirs_ms: float, limit: float | None) -> Figure:
    """Ours as a multiple of theirs."""
    return Figure(name, ours_ms / theirs_ms, limit, "x", f"{ours_ms:.2f} ms", f"{theirs_ms:.2f} ms")


def matched(told: dict[str, Any], heard: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    """Press to arrival and press to committed row, in ms. An event belongs to the last press not after its edge."""
    pressed: list[int] = told["pressed"]
    whole_ms = [at_ns // 1_000_000 for at_ns in pressed]
    stored = dict(told["stored"])
    arrived_ms, rows_ms, used = [], [], set()
    for message in heard:
        place = bisect_right(whole_ms, message["edge_ms"]) - 1
        if place in used or place < 0:
            raise SystemExit(f"an event belongs to no press: {message}")
        used.add(place)
        arrived_ms.append((message["at_ns"] - pressed[place]) / 1e6)
        rows_ms.append((stored[message["id"]] - pressed[place]) / 1e6)
    return arrived_ms, rows_ms

"""Command line of ``scripts/bench``. Exit code: 0 every limit is held, 1 not."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import backlog, idle, latency, ledger
from benchmarks.figures import Results, plot, save, show

PARTS = ("latency", "idle", "backlog", "ledger")


def main() -> int:
    """Measure what was asked for and say how it went."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="The figures to reach, measured.")
    parser.add_argument("--quick", action="store_true", help="100,000 events, 20 s of idling, fewer rounds")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part alone; may be given again")
    parser.add_argument("--plot", type=Path, default=Path("bench.png"), help="where the picture goes (bench.png)")
    parser.add_argument("--json", type=Path, help="write figures and samples to this file")
    parser.add_argument("--directory", type=Path, help="measure with event logs in this directory (a temporary one)")
    options = parser.parse_args()
    begin = time.monotonic()
    results = Results()

    def say(what: str) -> None:
        line = f"[{time.monotonic() - begin:5.0f} s] {what}"
        end = "\r" if sys.stderr.isatty() else "\n"
        print(f"{line:<78}", end=end, file=sys.stderr, flush=True)

    # Beside the working directory by default, because the usual temporary directory may be memory and sync nothing.
    with tempfile.TemporaryDirectory(prefix="bench.", dir=options.directory or Path.cwd()) as name:
        for part in options.only or PARTS:
            place = Path(name) / part
            place.mkdir()
            if part == "latency":
                latency.measure(place, results, 5 if options.quick else 20, 100, say)
            elif part == "idle":
                idle.measure(place, results, 20 if options.quick else 60, say)
            elif part == "ledger":
                ledger.measure(place, results, 10_000 if options.quick else 100_000, say)
            else:
                backlog.measure(place, results, 100_000 if options.quick else 1_000_000, say)
    show(results)
    plot(results, options.plot)
    if options.json is not None:
        save(results, options.json)
    print(f"{time.monotonic() - begin:.0f} s; the picture is in {options.plot}", file=sys.stderr)
    return 0 if results.held else 1


if __name__ == "__main__":
    sys.exit(main())

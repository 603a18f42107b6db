"""Command line of ``scripts/bench``. Exit code: 0 every limit is held, 1 not."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import backlog, bus, camera, faces, hung, idle, latency, ledger, students
from benchmarks.figures import Results, plot, save, show

PARTS: dict[str, tuple[Callable[[Path, Results, int, Callable[[str], None]], None], int, int]] = {
    "latency": (latency.measure, 5, 20),
    "idle": (idle.measure, 20, 60),
    "backlog": (backlog.measure, 100_000, 1_000_000),
    "faces": (faces.measure, 10, 60),
    "bus": (bus.measure, 100, 1_000),
    "camera": (camera.measure, 2, 10),
    "hung": (hung.measure, 100, 1_000),
    "students": (students.measure, 60, 600),
    "ledger": (ledger.measure, 10_000, 100_000),
    "years": (ledger.measure_years, 100_000, 1_000_000),
}
"""What measures each part, and how much of it: with --quick, and without."""


def main() -> int:
    """Measure what was asked for and say how it went."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="The figures to reach, measured.")
    parser.add_argument("--quick", action="store_true", help="about a tenth of everything")
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
            measure, little, much = PARTS[part]
            measure(place, results, little if options.quick else much, say)
    show(results)
    plot(results, options.plot)
    if options.json is not None:
        save(results, options.json)
    print(f"{time.monotonic() - begin:.0f} s; the picture is in {options.plot}", file=sys.stderr)
    return 0 if results.held else 1


if __name__ == "__main__":
    sys.exit(main())

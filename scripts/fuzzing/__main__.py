"""Feeds every parser what a coverage-guided fuzzer makes up; stops at the first fault with the bytes that did it."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fuzzing.hostile import HOSTILE
from fuzzing.targets import TARGETS, Target, feed

INPUTS = 5_000_000
"""Over all parsers together."""

SLOW_MS = 50
BYTES_MAX = 4_096


def main() -> int:
    """One process for each parser: the fuzzer ends the process it runs in."""
    words = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    words.add_argument("--inputs", type=int, default=INPUTS, help="how many, over all parsers together")
    words.add_argument("--only", choices=sorted(TARGETS), help="this parser alone")
    words.add_argument("--corpus", type=Path, help="a directory for what was found interesting; kept over runs")
    words.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = words.parse_args()
    try:
        import atheris  # noqa: F401 - is it there?
    except ImportError:
        print("SKIPPED: atheris has no wheel for this Python and machine: pip install atheris")
        return 0
    if given.here:
        fuzz(given.only, given.inputs, given.corpus)
        return 0
    names = [given.only] if given.only else list(TARGETS)
    weights = sum(TARGETS[name].weight for name in names)
    worst = 0
    for name in names:
        share = max(1, round(given.inputs * TARGETS[name].weight / weights))
        began = time.monotonic()
        command = [sys.executable, "-m", "fuzzing", "--here", "--only", name, "--inputs", str(share)]
        if given.corpus is not None:
            command += ["--corpus", str(given.corpus / name.replace(" ", "-").replace("'", ""))]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        seconds = time.monotonic() - began
        print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {name}: {share} inputs in {seconds:.0f} s", flush=True)
        if done.returncode:
            print(done.stdout[-4_000:])
        worst = max(worst, abs(done.returncode))
    return min(worst, 1)


def fuzz(name: str, inputs: int, corpus: Path | None) -> None:
    """Never returns: the fuzzer ends the process, with 0 where nothing was found."""
    import atheris

    target = TARGETS[name]

    def one(content: bytes) -> None:
        began = time.process_time_ns()
        feed(target, content)
        spent_ms = (time.process_time_ns() - began) / 1e6
        if spent_ms > SLOW_MS:
            again_ms = min(_once_ms(target, content) for _ in range(3))
            if again_ms > SLOW_MS:  # not just a pause of the garbage collector
                raise TimeoutError(f"{again_ms:.0f} ms for {len(content)} bytes")

    atheris.instrument_all()
    seeds = corpus or Path(tempfile.mkdtemp(prefix="fuzz-"))
    seeds.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate((target.good, *HOSTILE.values())):
        (seeds / f"seed-{number:03d}").write_bytes(content[:BYTES_MAX])
    options = [sys.argv[0], f"-runs={inputs}", f"-max_len={BYTES_MAX}", "-verbosity=0", str(seeds)]
    atheris.Setup(options, one)
    atheris.Fuzz()


def _once_ms(target: Target, content: bytes) -> float:
    began = time.process_time_ns()
    feed(target, content)
    return (time.process_time_ns() - began) / 1e6


sys.exit(main())

"""Feeds every parser what a coverage-guided fuzzer makes up; stops at the first fault with the bytes that did it."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fuzzing.hostile import HOSTILE

INPUTS = 5_000_000
"""Over all parsers together."""

SLOW_MS = 50
BYTES_MAX = 4_096


def main() -> int:
    """One process for each parser: the fuzzer ends the process it runs in."""
    words = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    words.add_argument("--inputs", type=int, default=INPUTS, help="how many, over all parsers together")
    words.add_argument("--only", help="this parser alone")
    words.add_argument("--corpus", type=Path, help="a directory for what was found interesting; kept over runs")
    words.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = words.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("SKIPPED: atheris has no wheel for this Python and machine, or pip could not fetch it")
        return 0
    if given.here:
        fuzz(given.only, given.inputs, given.corpus)
        return 0
    from fuzzing.targets import TARGETS

    if given.only is not None and given.only not in TARGETS:
        words.error(f"--only {given.only}: one of {', '.join(sorted(TARGETS))}")
    names = [given.only] if given.only else list(TARGETS)
    weights = sum(TARGETS[name].weight for name in names)
    failed = [
        name
        for name in names
        if not fed(name, max(1, round(given.inputs * TARGETS[name].weight / weights)), given.corpus)
    ]
    return 1 if failed else 0


def fed(name: str, inputs: int, corpus: Path | None) -> bool:
    """Fuzz one parser in a process of its own; False where something was found."""
    began = time.monotonic()
    command = [sys.executable, "-m", "fuzzing", "--here", "--only", name, "--inputs", str(inputs)]
    if corpus is not None:
        command += ["--corpus", str(corpus / name.replace(" ", "-").replace("'", ""))]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    well = done.returncode == 0
    print(f"{'ok  ' if well else 'FAIL'} {name}: {inputs} inputs in {time.monotonic() - began:.0f} s", flush=True)
    if not well:
        print(done.stdout[-4_000:])
    return well


def fuzz(name: str, inputs: int, corpus: Path | None) -> None:
    """Never returns: the fuzzer ends the process, with 0 where nothing was found."""
    import atheris

    # Ours alone is watched: to instrument every library takes minutes, and shows the fuzzer little.
    with atheris.instrument_imports(include=["edge", "centre"], enable_loader_override=False):
        from fuzzing.targets import TARGETS, feed
    target = TARGETS[name]

    def once_ms(content: bytes) -> float:
        began = time.process_time_ns()
        feed(target, content)
        return (time.process_time_ns() - began) / 1e6

    def one(content: bytes) -> None:
        # Three times over: not just a pause of the garbage collector.
        if all((spent_ms := once_ms(content)) > SLOW_MS for _ in range(3)):
            raise TimeoutError(f"{spent_ms:.0f} ms for {len(content)} bytes")

    seeds = corpus or Path(tempfile.mkdtemp(prefix="fuzz-"))
    seeds.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate((target.good, *HOSTILE.values())):
        (seeds / f"seed-{number:03d}").write_bytes(content[:BYTES_MAX])
    atheris.Setup([sys.argv[0], f"-runs={inputs}", f"-max_len={BYTES_MAX}", "-verbosity=0", str(seeds)], one)
    atheris.Fuzz()


sys.exit(main())

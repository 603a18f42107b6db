"""Entry of ``scripts/sim``: one storm with its trace, or many with a summary."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from edge.sim import phases
from edge.sim.world import World, run

TESTS_A_BLOCK = 250


def replay(seed: int) -> int:
    """Tell one storm step by step."""
    world = World(seed, trace=True)
    error: Exception | None = None
    try:
        world.storm()
        world.calm()
        world.judge()
    except Exception as failure:  # noqa: BLE001 - whatever the brain raised is what we came to see
        error = failure
    _say("\n".join(world.time.trace or []))
    if error is None:
        _say(f"\nstorm {seed}: nothing lost, nothing twice, no lamp lied. {_words(world.happened)}")
        return 0
    _say(f"\nstorm {seed} FAILED: {type(error).__name__}: {error}")
    return 1


def many(first: int, last: int) -> int:
    """Run the storms of all seeds from first to last on all cores."""
    began = time.monotonic()
    happened: Counter[str] = Counter()
    failures = []
    seeds = range(first, last + 1)
    with ProcessPoolExecutor() as pool:
        for number, (seed, error, counts) in enumerate(pool.map(_one, seeds, chunksize=10), 1):
            happened += counts
            if error:
                failures.append(seed)
                _say(f"storm {seed} FAILED: {error}")
            if number % 100 == 0:
                _say(f"{number} of {len(seeds)} storms, {len(failures)} failed")
    seconds = time.monotonic() - began
    _say(f"\n{len(seeds)} storms in {seconds:.0f} s, {len(failures)} failed. {_words(happened)}")
    return 1 if failures else 0


def phases_of(presses: int, tests: int) -> int:
    """Real presses at random phases of as many tests, and tests without any press. 0 if all went as it must."""
    began = time.monotonic()
    failures = 0
    with ProcessPoolExecutor() as pool:
        for seed, error in enumerate(pool.map(_pressed, range(presses), chunksize=20)):
            failures += error != ""
            if error:
                _say(f"press {seed} FAILED: {error}")
        _say(f"{presses} real presses during a test: {presses - failures} were a real alarm in time")
        blocks = range(-(-tests // TESTS_A_BLOCK))
        results: Counter[str] = Counter()
        for seed, (error, counts) in enumerate(pool.map(_undisturbed, blocks)):
            results += counts
            failures += error != ""
            if error:
                _say(f"tests {seed} FAILED: {error}")
    _say(f"{results['marks']} tests without a press: none was an alarm. {_words(results)}")
    _say(f"{time.monotonic() - began:.0f} s, {failures} failed")
    return 1 if failures else 0


def _pressed(seed: int) -> str:
    try:
        phases.pressed_meanwhile(seed)
    except Exception as error:  # noqa: BLE001 - whatever the brain raised is what we came to see
        return f"{type(error).__name__}: {error}"
    return ""


def _undisturbed(seed: int) -> tuple[str, Counter[str]]:
    try:
        return "", phases.undisturbed(seed, TESTS_A_BLOCK)
    except Exception as error:  # noqa: BLE001 - whatever the brain raised is what we came to see
        return f"{type(error).__name__}: {error}", Counter()


def _one(seed: int) -> tuple[int, str, Counter[str]]:
    try:
        return seed, "", run(seed).happened
    except Exception as error:  # noqa: BLE001 - a storm that raises anything has failed
        return seed, f"{type(error).__name__}: {error}", Counter()


def _words(happened: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(happened.items()))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/sim", description="Simulated storms around one gate.")
    parser.add_argument("seed", nargs="?", help="replay this storm, step by step; or the word: phases")
    parser.add_argument("count", nargs="?", type=int, default=2_000, help="so many presses, and five times the tests")
    parser.add_argument("--seeds", metavar="A-B", help="run the storms from A to B")
    arguments = parser.parse_args()
    if arguments.seed == "phases":
        return phases_of(arguments.count, 5 * arguments.count)
    if arguments.seeds:
        first, _, last = arguments.seeds.partition("-")
        return many(int(first), int(last or first))
    if arguments.seed is None:
        parser.error("give a seed, or --seeds A-B")
    return replay(int(arguments.seed))


if __name__ == "__main__":
    sys.exit(main())

"""Entry of ``scripts/sim``: one storm with its trace, or many with a summary."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from edge.sim import county, phases, weeks
from edge.sim.world import World, run

TESTS_A_BLOCK = 250
PEAK_MAX = 100
ALL_BACK_MS_MAX = 120_000


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


def weeks_of(count: int) -> int:
    """So many weeks of gates that test themselves, over everything that can go wrong. 0 if none was called wrongly."""
    began = time.monotonic()
    happened: Counter[str] = Counter()
    failures = 0
    lives = -(-count // weeks.WEEKS_A_LIFE)
    with ProcessPoolExecutor() as pool:
        for number, (seed, error, counts) in enumerate(pool.map(_life, range(lives), chunksize=5), 1):
            happened += counts
            failures += error != ""
            if error:
                _say(f"life {seed} FAILED: {error}")
            if number % 50 == 0:
                _say(f"{number} of {lives} gates, {happened['weeks']} whole weeks judged, {failures} failed")
    seconds = time.monotonic() - began
    _say(f"\n{lives} gates of {weeks.WEEKS_A_LIFE} weeks in {seconds:.0f} s, {failures} failed. {_words(happened)}")
    return 1 if failures else 0


def life(seed: int) -> int:
    """Tell the weeks of one gate step by step."""
    gate = weeks.Life(seed, trace=True)
    error = ""
    try:
        gate.live()
    except Exception as failure:  # noqa: BLE001 - whatever the schedule raised is what we came to see
        error = f"{type(failure).__name__}: {failure}"
    _say("\n".join(gate.trace or []))
    _say(f"\nlife {seed} ({gate.fates.words}): {error or 'nothing wrong'}. {_words(gate.happened)}")
    return 1 if error else 0


def county_of(gates: int) -> int:
    """So many gates after each outage. 0 if the broker was never offered more than 100 connections in a second."""
    failures = 0
    for outage in county.Outage:
        back = county.County(outage, 1, gates).run()
        good = back.peak <= PEAK_MAX and back.all_back_ms <= ALL_BACK_MS_MAX
        failures += not good
        all_s, alarm_s = back.all_back_ms / 1000, back.alarm_ms_max / 1000
        _say(
            f"{outage.value}: at most {back.peak} connections in a second, all back after {all_s:.1f} s,"
            f" gates with an alarm after {alarm_s:.1f} s{'' if good else '  FAILED'}"
        )
    return 1 if failures else 0


def _life(seed: int) -> tuple[int, str, Counter[str]]:
    try:
        return seed, "", weeks.run(seed).happened
    except Exception as error:  # noqa: BLE001 - a life that raises anything has failed
        return seed, f"{type(error).__name__}: {error}", Counter()


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
    parser.add_argument("seed", nargs="?", help="replay this storm, step by step; or: phases, weeks, life, county")
    parser.add_argument(
        "count",
        nargs="?",
        type=int,
        help="so many presses, and five times the tests; so many weeks; one life's seed; so many gates",
    )
    parser.add_argument("--seeds", metavar="A-B", help="run the storms from A to B")
    arguments = parser.parse_args()
    if arguments.seed == "phases":
        count = arguments.count or 2_000
        return phases_of(count, 5 * count)
    if arguments.seed == "weeks":
        return weeks_of(arguments.count or 10_000)
    if arguments.seed == "county":
        return county_of(arguments.count or 2_000)
    if arguments.seed == "life":
        return life(arguments.count or 0)
    if arguments.seeds:
        first, _, last = arguments.seeds.partition("-")
        return many(int(first), int(last or first))
    if arguments.seed is None:
        parser.error("give a seed, or --seeds A-B")
    return replay(int(arguments.seed))


if __name__ == "__main__":
    sys.exit(main())

"""Makes each mistake in a copy of the tree and runs the suite that should notice. Entry of ``scripts/mutants``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutation.harness import AT_ONCE, NOTHING_RAN, ROOT, SECONDS_MAX, Trees, near, pytest
from mutation.mistake import Mistake
from mutation.mistakes import MISTAKES

BRAIN = tuple(f"tests/unit/test_{name}.py" for name in ("core", "claim", "selftest_news", "schedule", "thermometer"))
"""What runs the whole brain and takes seconds: asked next, before the suite that takes minutes."""

SUITE = ("tests/unit", "tests/sim")
LEFT_OUT = (
    "project", "settings", "store", "keeper", "cli", "control", "systemd", "clock", "boot", "centre", "mutants",
    "bundle", "calibrate", "camera", "commands", "doctor", "forced", "installation", "ledger", "operator", "pages",
    "releases", "units", "updat", "validation", "wiring", "write_log", "weeks",
)  # fmt: skip
"""What says nothing of most mistakes, or is slow: asked only where it is near what was spoiled."""

REST = ("-k", " and ".join(f"not test_{name}" for name in LEFT_OUT))


def noticed(tree: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
    """What these tests say if they are not all green. Raises subprocess.TimeoutExpired."""
    if not tests:
        return None
    done = pytest(tree, tests)
    return None if done.returncode in (0, NOTHING_RAN) else done


def judge(trees: Trees, mistake: Mistake) -> tuple[bool, str]:
    """Whether a test noticed; the test, or why none did."""
    try:
        with trees.spoiled(mistake) as tree:
            asked = near(tree, mistake.file), BRAIN, [*REST, *SUITE]
            done = next((one for tests in asked if (one := noticed(tree, tests)) is not None), None)
    except subprocess.TimeoutExpired:
        return False, f"the suite did not end within {SECONDS_MAX} s"
    if done is None:
        return False, mistake.file
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    if done.returncode != 1 or not failed:
        raise RuntimeError(f"{mistake.name}: the suite could not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    test = failed[0].removeprefix("FAILED ").split(" - ")[0]
    if not trees.passes_when_clean(test):
        return False, f"{test} fails without any mistake: mend it, or leave it out"
    return True, test.removeprefix("tests/")


def main(word: str = "") -> int:
    """Judge all; 0 only if every one was caught and still fits."""
    began = time.monotonic()
    chosen = [mistake for mistake in MISTAKES if word in mistake.name]
    unfit = [one for one in chosen if (ROOT / one.file).read_text(encoding="utf-8").count(one.old) != 1]
    for one in unfit:
        print(f"NO LONGER FITS   {one.name}: not exactly once in {one.file}: {one.old!r}")
    fit = [one for one in chosen if one not in unfit]
    survived = 0
    with tempfile.TemporaryDirectory(prefix="gatepost-mutants-") as directory, ThreadPoolExecutor(AT_ONCE) as pool:
        trees = Trees(Path(directory))
        judged = pool.map(lambda each: judge(trees, each), fit)
        for mistake, (caught, by) in zip(fit, judged, strict=True):
            survived += not caught
            print(f"{'caught' if caught else 'SURVIVED':9} {mistake.name:46} {by}", flush=True)
    caught_all = len(chosen) - survived - len(unfit)
    print(f"\n{caught_all} of {len(chosen)} mistakes were caught, in {time.monotonic() - began:.0f} s.")
    return 1 if survived or unfit or not chosen else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--score"]:
        from mutation import score

        sys.exit(score.main(*map(int, sys.argv[2:4]), *sys.argv[4:5]))
    if sys.argv[1:2] == ["--coverage"]:
        from mutation import branches

        sys.exit(branches.main())
    sys.exit(main(*sys.argv[1:2]))

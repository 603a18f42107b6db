"""Makes each mistake in a copy of the tree and runs the suite that should notice. Entry of ``scripts/mutants``."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutation.mistake import Mistake
from mutation.mistakes import MISTAKES

ROOT = Path(__file__).resolve().parents[2]
SUITE = ("tests/unit", "tests/sim")
LEFT_OUT = (
    "project", "settings", "store", "keeper", "cli", "control", "systemd", "clock", "boot", "centre", "mutants",
    "bundle", "calibrate", "camera", "commands", "doctor", "forced", "installation", "ledger", "operator", "pages",
    "releases", "units", "updat", "validation", "wiring", "write_log", "weeks",
)  # fmt: skip
"""What says nothing of most mistakes, or is slow: asked only where it is near what was spoiled."""

REST = ("-k", " and ".join(f"not test_{name}" for name in LEFT_OUT))

PARTS = ("edge", "centre", "kiosk", "tests", "scripts", "config", "systemd", "docs")
FILES = ("setup.cfg", "pyproject.toml", "README.md", "README.zh.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE")
NOTHING_RAN = 5
AT_ONCE = 2
SECONDS_MAX = 900
"""The whole suite takes four minutes alone; only a mistake that nobody notices, or one that hangs, takes it whole."""


class Trees:
    """Copies of the tree in a directory that is thrown away: one for each mistake, and a clean one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._clean = self.copy("clean")
        self._passes: dict[str, bool] = {}
        self._one_at_a_time = threading.Lock()

    def copy(self, name: str) -> Path:
        """A copy, to be spoiled."""
        copy = self._directory / name
        for part in PARTS:
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        for file in FILES:
            shutil.copy(ROOT / file, copy / file)
        return copy

    def passes_when_clean(self, test: str) -> bool:
        """Whether this test is green without any mistake: one that is red anyway has noticed nothing."""
        with self._one_at_a_time:
            if test not in self._passes:
                self._passes[test] = pytest(self._clean, [test]).returncode == 0
            return self._passes[test]


def pytest(tree: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run tests of a copy. Raises subprocess.TimeoutExpired."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments],
        cwd=tree, capture_output=True, text=True, check=False, timeout=SECONDS_MAX,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tree), "HYPOTHESIS_STORAGE_DIRECTORY": str(tree / "examples")},
    )  # fmt: skip


def noticed(tree: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
    """What these tests say if they are not all green. Raises subprocess.TimeoutExpired."""
    if not tests:
        return None
    done = pytest(tree, tests)
    return None if done.returncode in (0, NOTHING_RAN) else done


def near(tree: Path, file: str) -> list[str]:
    """The test files that name this module, or are named after it: they are asked first, because that is quick."""
    stem = Path(file).stem
    names = re.compile(rf"(?m)^(from|import) .*\b{stem}\b")
    return [
        str(test.relative_to(tree))
        for test in sorted((tree / "tests" / "unit").glob("test_*.py"))
        if stem in test.stem or names.search(test.read_text(encoding="utf-8"))
    ]


def judge(trees: Trees, number: int, mistake: Mistake) -> tuple[bool, str]:
    """Whether a test noticed; the test, or why none did."""
    tree = trees.copy(str(number))
    spoiled = tree / mistake.file
    spoiled.write_text(spoiled.read_text(encoding="utf-8").replace(mistake.old, mistake.new), encoding="utf-8")
    try:
        done = noticed(tree, near(tree, mistake.file)) or noticed(tree, [*REST, *SUITE])
    except subprocess.TimeoutExpired:
        return False, f"the suite did not end within {SECONDS_MAX} s"
    finally:
        shutil.rmtree(tree)
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
        judged = pool.map(lambda each: judge(trees, *each), enumerate(fit))
        for mistake, (caught, by) in zip(fit, judged, strict=True):
            survived += not caught
            print(f"{'caught' if caught else 'SURVIVED':9} {mistake.name:46} {by}", flush=True)
    caught_all = len(chosen) - survived - len(unfit)
    print(f"\n{caught_all} of {len(chosen)} mistakes were caught, in {time.monotonic() - began:.0f} s.")
    return 1 if survived or unfit or not chosen else 0


sys.exit(main(*sys.argv[1:2]))

"""Makes each mistake in a copy of the tree and runs the suite that should notice. Entry of ``scripts/mutants``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutation.mistake import Mistake
from mutation.mistakes import MISTAKES

ROOT = Path(__file__).resolve().parents[2]
SUITE = ("tests/unit", "tests/sim")
LEFT_OUT = (
    "project", "settings", "store", "keeper", "cli", "control", "systemd", "clock", "boot", "centre", "mutants",
    "installation", "units", "releases", "updat",
)  # fmt: skip
"""What says nothing of the mistakes, or needs more than a copy holds: it would fail whatever the mistake."""

AT_ONCE = 2
SECONDS_MAX = 180


def judge(mistake: Mistake) -> tuple[Mistake, str | None]:
    """The first test that noticed, or None."""
    with tempfile.TemporaryDirectory(prefix="gatepost-mutant-") as directory:
        copy = Path(directory)
        for part in ("edge", "centre", "kiosk", "tests", "scripts", "config"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("setup.cfg", "pyproject.toml"):
            shutil.copy(ROOT / file, copy / file)
        spoiled = copy / mistake.file
        text = spoiled.read_text(encoding="utf-8")
        spoiled.write_text(text.replace(mistake.old, mistake.new), encoding="utf-8")
        command = [
            sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
            "-k", " and ".join(f"not test_{name}" for name in LEFT_OUT), *SUITE,
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command, cwd=copy, capture_output=True, text=True, check=False, timeout=SECONDS_MAX,
                env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(copy), "HYPOTHESIS_STORAGE_DIRECTORY": directory},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return mistake, f"the suite did not end within {SECONDS_MAX} s"
    if done.returncode == 0:
        return mistake, None
    if done.returncode != 1:
        raise RuntimeError(f"{mistake.name}: the suite could not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    return mistake, failed[0].removeprefix("FAILED tests/").split(" - ")[0] if failed else done.stdout[-200:]


def main(word: str = "") -> int:
    """Judge all; 0 only if every one was caught and still fits."""
    began = time.monotonic()
    chosen = [mistake for mistake in MISTAKES if word in mistake.name]
    if chosen and judge(Mistake("nothing", chosen[0].file, chosen[0].old, chosen[0].old))[1] is not None:
        print("the suite fails without any mistake: nothing would be learnt from it")
        return 1
    unfit = [one for one in chosen if (ROOT / one.file).read_text(encoding="utf-8").count(one.old) != 1]
    for one in unfit:
        print(f"NO LONGER FITS   {one.name}: not exactly once in {one.file}: {one.old!r}")
    survived = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for mistake, test in pool.map(judge, [one for one in chosen if one not in unfit]):
            survived += test is None
            print(f"{'caught' if test else 'SURVIVED':9} {mistake.name:46} {test or mistake.file}", flush=True)
    caught = len(chosen) - survived - len(unfit)
    print(f"\n{caught} of {len(chosen)} mistakes were caught, in {time.monotonic() - began:.0f} s.")
    return 1 if survived or unfit or not chosen else 0


sys.exit(main(*sys.argv[1:2]))

"""Which branches of the code that must not be wrong no test takes. Entry of ``scripts/mutants --coverage``."""

from __future__ import annotations

import subprocess
import sys
import tempfile

from mutation.harness import ROOT
from mutation.kinds import KINDS


def main() -> int:
    """Run the tests near it, name every line and branch that none of them took; 0 only if there is none."""
    files = ",".join(file for kind in KINDS.values() for file in kind.files)
    tests = sorted({test for kind in KINDS.values() for test in kind.tests})
    with tempfile.NamedTemporaryFile(prefix="gatepost-coverage-") as data:
        coverage = [sys.executable, "-m", "coverage"]
        run = ["run", "--branch", f"--data-file={data.name}", f"--include={files}", "-m", "pytest", "-p", "no:xdist"]
        asked = subprocess.run([*coverage, *run, *tests], cwd=ROOT, check=False)
        told = ["report", f"--data-file={data.name}", "--show-missing", "--fail-under=100"]
        report = subprocess.run([*coverage, *told], cwd=ROOT, check=False)
    return 0 if asked.returncode == report.returncode == 0 else 1

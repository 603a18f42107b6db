"""Copies of the tree that may be spoiled, and the tests that are asked about them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

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


def near(tree: Path, file: str) -> list[str]:
    """The test files that name this module, or are named after it: they are asked first, because that is quick."""
    stem = Path(file).stem
    names = re.compile(rf"(?m)^(from|import) .*\b{stem}\b")
    return [
        str(test.relative_to(tree))
        for test in sorted((tree / "tests" / "unit").glob("test_*.py"))
        if stem in test.stem or names.search(test.read_text(encoding="utf-8"))
    ]

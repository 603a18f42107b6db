"""Copies of the tree that may be spoiled, and the tests that are asked about them."""

from __future__ import annotations

import itertools
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mutation.mistake import Mistake

ROOT = Path(__file__).resolve().parents[2]

PARTS = ("edge", "centre", "kiosk", "tests", "scripts", "config", "systemd", "docs")
FILES = (
    "setup.cfg", "pyproject.toml", "README.md", "README.zh.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md",
    "LICENSE",
)  # fmt: skip
NOTHING_RAN = 5
AT_ONCE = 2
SECONDS_MAX = 900
"""The whole suite takes four minutes alone; only a mistake that nobody notices, or one that hangs, takes it whole."""


class Trees:
    """Copies of the tree in a directory that is thrown away: one for each mistake at a time, and a clean one."""

    def __init__(self, directory: Path) -> None:
        self._clean = _copied(directory / "clean")
        self._free: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for number in range(AT_ONCE):
            self._free.put(_copied(directory / str(number)))
        # Python takes its compiled file for the source's while size and whole second of change are the same.
        self._seconds = itertools.count(int(time.time()))
        self._passes: dict[str, bool] = {}
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def spoiled(self, mistake: Mistake) -> Iterator[Path]:
        """A copy with this mistake in it; mended afterwards, for the next. AT_ONCE threads may have one."""
        tree = self._free.get()
        file = tree / mistake.file
        whole = file.read_text(encoding="utf-8")
        try:
            self._write(file, whole.replace(mistake.old, mistake.new))
            yield tree
        finally:
            self._write(file, whole)
            self._free.put(tree)

    def passes_when_clean(self, *tests: str) -> bool:
        """Whether these tests are green without any mistake: what is red anyway has noticed nothing."""
        with self._one_at_a_time:
            asked = " ".join(tests)
            if asked not in self._passes:
                self._passes[asked] = pytest(self._clean, tests).returncode == 0
            return self._passes[asked]

    def _write(self, file: Path, text: str) -> None:
        file.write_text(text, encoding="utf-8")
        second = next(self._seconds)
        os.utime(file, (second, second))


def pytest(tree: Path, arguments: Sequence[str], seconds_max: int = SECONDS_MAX) -> subprocess.CompletedProcess[str]:
    """Run tests of a copy. Raises subprocess.TimeoutExpired."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
         "--hypothesis-profile", "unshrunk", *arguments],
        cwd=tree, capture_output=True, text=True, check=False, timeout=seconds_max,
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


def _copied(copy: Path) -> Path:
    for part in PARTS:
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, copy / file)
    return copy

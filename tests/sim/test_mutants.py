"""The suite is awake: every mistake made on purpose is noticed."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_every_mistake_still_fits_the_code_it_spoils() -> None:
    """Seen at once, and not only by the slow test: one that fits no more is one that nobody makes."""
    spoiled = runpy.run_path(str(ROOT / "scripts" / "mutation" / "mistakes.py"))["MISTAKES"]
    assert [one.name for one in spoiled if (ROOT / one.file).read_text().count(one.old) != 1] == []


@pytest.mark.long
def test_every_mistake_made_on_purpose_is_caught() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mutation"],
        cwd=ROOT / "scripts",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

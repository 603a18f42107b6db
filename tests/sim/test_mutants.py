"""The suite is awake: every mistake made on purpose is noticed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_mistake_made_on_purpose_is_caught() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mutation"],
        cwd=ROOT / "scripts",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

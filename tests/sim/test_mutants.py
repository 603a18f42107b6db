"""The mistakes that ``scripts/mutants`` makes on purpose, to see that the suite is awake, can still be made."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_mistake_still_fits_the_code_it_spoils() -> None:
    """One that fits no more is one that nobody makes."""
    spoiled = runpy.run_path(str(ROOT / "scripts" / "mutation" / "mistakes.py"))["MISTAKES"]
    assert [one.name for one in spoiled if (ROOT / one.file).read_text().count(one.old) != 1] == []

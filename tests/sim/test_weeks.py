"""Weeks of gates that test themselves, over power cuts, clock faults, outages and failing tests."""

from __future__ import annotations

import os

import pytest

from edge.sim.weeks import WEEKS_A_LIFE, run

LIVES = int(os.environ.get("GATEPOST_WEEKS", "240")) // WEEKS_A_LIFE
BLOCK = 3


@pytest.mark.parametrize("first", range(0, LIVES, BLOCK))
def test_every_week_is_called_what_it_was_and_every_good_one_is_compliant(first: int) -> None:
    """Every rule is in ``edge.sim.auditor``; see one life with scripts/sim life SEED."""
    for seed in range(first, first + BLOCK):
        try:
            run(seed)
        except Exception as error:
            raise AssertionError(f"life {seed}: {type(error).__name__}: {error}") from error

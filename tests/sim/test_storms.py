"""Storms: anything may fail and nothing wrong may happen; then faults stop, and all owed work must finish."""

from __future__ import annotations

import os

import pytest

from edge.sim.world import run

STORMS = int(os.environ.get("GATEPOST_STORMS", "400"))
BLOCK = 20


@pytest.mark.parametrize("first", range(0, STORMS, BLOCK))
def test_no_press_is_lost_or_doubled_and_no_lamp_lies(first: int) -> None:
    """Every rule is in ``edge.sim.truth`` and ``World.judge``; replay one storm with scripts/sim SEED."""
    for seed in range(first, first + BLOCK):
        try:
            run(seed)
        except Exception as error:
            raise AssertionError(f"storm {seed}: {type(error).__name__}: {error}") from error

"""A test never hides a real press, and is never taken for one."""

from __future__ import annotations

import os

import pytest

from edge.sim import phases

PHASES = int(os.environ.get("GATEPOST_PHASES", "600"))
BLOCK = 60


@pytest.mark.parametrize("first", range(0, PHASES, BLOCK))
def test_a_real_press_at_any_phase_of_a_test_is_one_alarm_within_two_seconds(first: int) -> None:
    """Replay one with ``edge.sim.phases.pressed_meanwhile(seed, trace=True)``; the full tier is scripts/sim phases."""
    for seed in range(first, first + BLOCK):
        try:
            phases.pressed_meanwhile(seed)
        except Exception as error:
            raise AssertionError(f"press {seed}: {type(error).__name__}: {error}") from error


@pytest.mark.parametrize("seed", [82, 621])
def test_presses_that_were_once_lost_beside_the_relay(seed: int) -> None:
    """82: as long as relay and patience together. 621: down in the very millisecond of the last look."""
    phases.pressed_meanwhile(seed)


def test_no_test_is_an_alarm_and_in_fair_weather_all_of_them_pass() -> None:
    results = phases.undisturbed(1, 200)
    assert (results["PASS"], results["marks"]) == (200, 200)

"""Storms: anything may fail and nothing wrong may happen; then faults stop, and all owed work must finish."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from itertools import groupby
from random import Random

import pytest

from edge.events import Contact, Topic
from edge.sim.weather import CALM
from edge.sim.world import World, run

STORMS = int(os.environ.get("GATEPOST_STORMS", "400"))
BLOCK = 20

EXACT = replace(CALM, delay_ms_max=1, commit_ms_max=1, connect_ms_max=1)
"""Weather in which nothing is left to luck, so that a millisecond counts."""

LIVED_MS = 100_000


@pytest.mark.parametrize("first", range(0, STORMS, BLOCK))
def test_no_press_is_lost_or_doubled_and_no_lamp_lies(first: int) -> None:
    """Every rule is in ``edge.sim.truth`` and ``World.judge``; replay one storm with scripts/sim SEED."""
    for seed in range(first, first + BLOCK):
        try:
            run(seed)
        except Exception as error:
            raise AssertionError(f"storm {seed}: {type(error).__name__}: {error}") from error


def lived(seed: int, *, kiosk: bool) -> World:
    """A gate that is pressed at moments of this seed, while sensor and camera of its kiosk, if it has one, fail."""
    world = World(seed, trace=True, kiosk=kiosk)
    world.set_weather(EXACT)
    for at_ms in Random(seed).sample(range(2_000, LIVED_MS, 700), 25):
        world.time.after(at_ms, lambda: world.terminals.press(Contact.KEY, 200))
    for at_ms in range(5_000, LIVED_MS, 9_000):
        world.time.after(at_ms, world.break_sensor)
        world.time.after(at_ms + 3_000, world.kill_camera)
    world.time.run_until(LIVED_MS + 10_000)
    return world


def presses_of(world: World) -> list[str]:
    """When each press was named, when it was at the centre, and each change of the lamp: to the millisecond."""
    nameless = [re.sub(r"[0-9a-f]{16}-[0-9]+|, fault", "", line) for line in world.time.trace or ()]
    presses = [line for line in nameless if "gate: press" in line or "centre: alarm" in line]
    lamp = [line for line in nameless if "lamp: " in line]
    changes = [next(lines) for _, lines in groupby(lamp, lambda line: line.partition("lamp: ")[2])]
    return presses + changes


@pytest.mark.parametrize("seed", range(6))
def test_a_press_is_the_same_to_the_millisecond_with_a_failing_kiosk_and_without_one(seed: int) -> None:
    with_kiosk, without = lived(seed, kiosk=True), lived(seed, kiosk=False)
    assert presses_of(with_kiosk) == presses_of(without)
    assert len(without.truth.presses) == 25
    told = {event.topic for event in with_kiosk.truth.events.values()}
    assert {Topic.TEMPERATURE, Topic.PICTURE, Topic.TROUBLE} <= told, "the kiosk had nothing to say"

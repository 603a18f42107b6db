"""A simulated morning in front of the demo's sensor: students who come one after another, some of them with a fever."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from demonstration.world import DemoError, World
from edge import skin
from edge.errors import GatepostError
from edge.sim.students import WINTER, Day, Scene, morning

PART = skin.PARTS["BCC"]
LOOK_S = 0.05
WALL_CELSIUS, AIR_CELSIUS = 20.0, 23.0
WELL_CELSIUS, FEBRILE_CELSIUS = 34.4, 38.2
"""What the sensor sees of the two students of ``--once``."""

VERDICTS = ("normal", "high", "cannot_screen")


class Morning:
    """Feeds the sensor from a thread of its own until closed. ``every_s``: from one student to the next."""

    def __init__(self, world: World, every_s: float, *, winter: bool = False, seed: int = 1) -> None:
        self._world = world
        self._over = threading.Event()
        day = WINTER if winter else Day(febrile_share=0.08, covered_share=0.1)
        self._day = replace(day, every_ms=round(every_s * 1000))
        self._seed = seed
        self._thread = threading.Thread(target=self._run, name="morning", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Nobody comes any more."""
        self._over.set()
        self._thread.join(2)

    def _run(self) -> None:
        scene = Scene(self._day, morning(self._day, self._seed, 3_000), PART, self._seed)
        began = time.monotonic()
        while not self._over.wait(LOOK_S):
            try:
                self._world.see(*scene.look(round((time.monotonic() - began) * 1000)))
            except GatepostError:
                self._over.wait(1)  # the gate is starting, or ending: the loop over the terminal tells


def one(world: World, celsius: float) -> dict[str, object]:
    """One student by hand: comes, waits for the word, goes. Gives what the kiosk said. Raises DemoError."""
    world.see(WALL_CELSIUS, AIR_CELSIUS)
    view = world.wait("nobody stands before the kiosk", lambda view: view["kiosk"]["screen"] == "idle")
    number = view["kiosk"]["visit"]
    world.see(celsius, AIR_CELSIUS)
    view = world.wait(
        "the kiosk has spoken",
        lambda view: view["kiosk"]["visit"] > number and view["kiosk"]["screen"] in VERDICTS,
    )
    world.see(WALL_CELSIUS, AIR_CELSIUS)
    said: dict[str, object] = view["kiosk"]
    return said


def both(world: World) -> list[tuple[str, dict[str, object]]]:
    """A well student and a febrile one, with what the kiosk said. Raises DemoError where it said something else."""
    said = []
    for who, celsius, expected in (("well", WELL_CELSIUS, "normal"), ("febrile", FEBRILE_CELSIUS, "high")):
        word = one(world, celsius)
        if word["screen"] != expected:
            raise DemoError(f"the kiosk should say {expected} to a {who} student, and says {word}")
        said.append((who, word))
    return said

"""What an I2C bus that hangs a second, a thousand times, does to presses: at six gates, each beside a plain one.

Every reading of the sensor hangs, one after the other, so nine presses in ten fall into a hang and the rest beside one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, Results
from benchmarks.twins import Twins

PAIRS = 6
TABLES = """
[thermometer]
part = "BCC"
"""


def measure(directory: Path, results: Results, hangs: int, say: Callable[[str], None]) -> None:
    """Let the buses hang so often in all, and press meanwhile."""
    say(f"{2 * PAIRS} gates start")
    twins = Twins(directory, PAIRS, TABLES)
    try:
        for gate in twins.with_kiosk():
            gate.ask("hang", on=True)
        so_far = 0
        while so_far < hangs:
            twins.press()
            so_far = sum(gate.ask("hang", on=True) for gate in twins.with_kiosk())
            if twins.presses % 50 == 0:
                say(f"presses while the bus hangs: {so_far} of {hangs} hangs, {twins.presses * PAIRS} presses")
        results.add(Figure("bus hung for 1 s, times", so_far, hangs, "", f"{PAIRS} gates", least=True))
        twins.add(results, "while the bus hangs")
    finally:
        twins.close()

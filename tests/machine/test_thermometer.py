"""The infrared thermometer on the kernel's I2C: right to the digit, and whatever its bus does, the button is heard."""

from __future__ import annotations

import statistics
from typing import Any

import pytest

from edge.infrared_words import word_of
from tests.machine.gate import PATIENCE_S, SETTINGS, VirtualGate
from tests.process.centre import is_trouble
from tests.process.gate import View

pytestmark = pytest.mark.machine

CELL = {"ambient": "06", "object": "07"}
BUS = "/sys/kernel/gate_i2c"
FAULTS = {"nack": "nack -1", "wrong checksum": "pec -1", "a bit turned over": "flip -1 8", "held bus": "timeout -1"}
PRESSES = 7
RECEIVED_MS_MAX = 1_000
"""As for any press, and for half of them: each arrives, but a machine that is busy elsewhere holds some of them up."""

RESET_S_MAX = 60
"""From the daemon's end to the reset; 16 s where the machine is not busy elsewhere."""


def see(gate: VirtualGate, object_celsius: float, ambient_celsius: float) -> None:
    """Put this before the sensor."""
    for cell, celsius in ((CELL["object"], object_celsius), (CELL["ambient"], ambient_celsius)):
        gate.machine.run(f"echo {cell} {word_of(celsius):04x} >{BUS}/words")


def fault(gate: VirtualGate, words: str) -> None:
    """Break the bus, or mend it: KIND COUNT ARGUMENT, see the module gate_i2c."""
    gate.machine.run(f"echo {words} >{BUS}/fault")


def received_ms(gate: VirtualGate) -> list[float]:
    """How long presses take now, from the closing contact to the centre's receipt."""
    return [received_after_ms(gate) for _ in range(PRESSES)]


def received_after_ms(gate: VirtualGate) -> float:
    """Press once."""
    before = last_press(gate.view())["id"]
    gate.press(pauses_ms=(100, 100))
    last = last_press(
        gate.wait_for(
            lambda view: last_press(view)["id"] != before and last_press(view)["after_ms"]["received"] is not None
        )
    )
    took_ms: float = last["after_ms"]["received"]
    return took_ms


def last_press(view: View | None) -> dict[str, Any]:
    """The newest press in the view."""
    last = None if view is None else view["last_press"]
    return {"id": None} if last is None else dict(last)


def begin(gate: VirtualGate) -> int:
    """A gate whose sensor reads well; how often a fault of it had been told before that: an emulated processor may take
    more than 5 s to load what reads it."""
    gate.start(thermometer={"part": "BCC"})
    gate.wait_for(reads_well)
    return reports(gate.centre.events(), 1)


def reads_well(view: View) -> bool:
    """The sensor has been read, and is trusted."""
    sensor = view["kiosk"]["sensor"]
    return sensor["ambient_celsius"] is not None and not sensor["fault"]


def test_a_reading_is_right_to_the_digit(gate: VirtualGate) -> None:
    gate.start(thermometer={"part": "BCC"})
    see(gate, 34.57, 21.03)
    told = gate.machine.run(f"cd /run && gatepost sensor record seen.jsonl --config {SETTINGS} --seconds 2.5")
    assert "34.57" in told
    assert "21.03" in told
    assert "writes 0" in gate.machine.run(f"cat {BUS}/counts"), "nothing is ever written to the sensor"


@pytest.mark.long
def test_every_fault_of_the_bus_is_told_and_its_end_too_and_no_press_is_slower(gate: VirtualGate) -> None:
    before = begin(gate)
    told = {"whole": statistics.median(received_ms(gate))}
    for number, (name, words) in enumerate(FAULTS.items(), before + 1):
        fault(gate, words)
        gate.wait_for(lambda view: view["kiosk"]["sensor"]["fault"])
        took = received_ms(gate)
        told[name] = statistics.median(took)
        assert statistics.median(took) < RECEIVED_MS_MAX
        fault(gate, "none")
        gate.wait_for(reads_well)
        rows = gate.centre.wait_for(lambda rows, number=number: reports(rows, 3) >= number)
        assert reports(rows, 1) == number, troubles(rows)
    print("press to received, median in ms:", told)  # noqa: T201


def troubles(rows: list[dict[str, Any]]) -> list[str]:
    """All troubles that were told, in words."""
    events = [row["event"] for row in rows if row["event"]["topic"] == "trouble"]
    return [f"{event['monotonic_ms']} {event['qualifier']} {event['body']}" for event in events]


def reports(rows: list[dict[str, Any]], qualifier: int) -> int:
    """How often a fault of the sensor (1), or its end (3), was told."""
    return sum(is_trouble(row, "sensor_fault", qualifier) for row in rows)


def test_a_bus_that_not_even_sigkill_ends_is_told_and_the_button_never_notices(gate: VirtualGate) -> None:
    before = begin(gate)
    fault(gate, "hang -1")
    gate.centre.wait_for(lambda rows: reports(rows, 1) > before, PATIENCE_S)
    assert statistics.median(received_ms(gate)) < RECEIVED_MS_MAX
    fault(gate, "none")
    gate.centre.wait_for(lambda rows: reports(rows, 3) > before, PATIENCE_S)


@pytest.mark.long
def test_a_daemon_killed_while_its_bus_hangs_is_back_after_a_reset_of_the_machine(gate: VirtualGate) -> None:
    """The dead process's thread keeps the button's lines for as long as it hangs, so nothing less brings it back."""
    before = begin(gate)
    gate.press()
    incident = gate.wait_lamp("received")["incident"]["ids"]
    fault(gate, "hang -1")
    gate.centre.wait_for(lambda rows: reports(rows, 1) > before, PATIENCE_S)
    gate.machine.run("sync")
    gate.machine.type("kill -KILL $(systemctl show -P MainPID gatepost)")
    took_s = gate.machine.wait_off(RESET_S_MAX)
    gate.power_on()
    assert gate.wait_lamp("received")["incident"]["ids"] == incident
    armed_s = int(gate.machine.run("systemctl show -P ActiveEnterTimestampMonotonic gatepost")) / 1e6
    print(f"reset {took_s:.1f} s after the daemon was killed, armed {armed_s:.1f} s after that")  # noqa: T201
    assert "hangs in the kernel" in gate.machine.run("journalctl -b -1 -u gatepost --no-pager")
    gate.press()
    gate.wait_presses(2)

"""The first seconds: power-on, a key held from the first moment, a kernel that panics, power cut after power cut."""

from __future__ import annotations

import random
import time

import pytest

from tests.machine.gate import KEY, PROGRAMS, VirtualGate
from tests.process.gate import View
from tests.process.waiting import until

pytestmark = pytest.mark.machine

ARMED_S_MAX = 30.0
BASIC_S = 15.0
"""A quiet emulated machine is this far, at systemd's basic.target, before its first daemon starts. One that is busy
elsewhere is given as much more time to be armed as it takes longer here."""

WATCHDOG_S_MAX = 15
CUTS = 10


def cold(gate: VirtualGate, kernel_words: str = "") -> None:
    """Commission the gate, start it once, and leave the machine without power, its disk whole."""
    gate.start()
    gate.machine.run("sync")
    gate.machine.power_cut()
    gate.machine.kernel_words = kernel_words


def armed_after_s(gate: VirtualGate) -> float:
    """When this boot's daemon was armed, in seconds since the kernel began, as a quiet machine would have counted."""
    armed_s, basic_s = (
        int(gate.machine.run(f"systemctl show -P ActiveEnterTimestampMonotonic {unit}")) / 1e6
        for unit in ("gatepost", "basic.target")
    )
    print(f"armed {armed_s:.1f} s after power-on, {armed_s - basic_s:.1f} s of it after basic.target")  # noqa: T201
    return armed_s / max(1.0, basic_s / BASIC_S)


def test_a_key_held_from_power_on_is_an_alarm_and_the_gate_is_armed_within_30_s(gate: VirtualGate) -> None:
    cold(gate, "virtual_gate.closed=17")
    gate.power_on()
    assert armed_after_s(gate) <= ARMED_S_MAX
    (arrived,) = gate.wait_presses(1)
    armed_ms = int(gate.machine.run("systemctl show -P ActiveEnterTimestampMonotonic gatepost")) / 1000
    assert arrived["event"]["monotonic_ms"] <= armed_ms + 1_000


def test_a_gate_whose_network_cable_is_out_at_power_on_is_armed_within_30_s_all_the_same(gate: VirtualGate) -> None:
    cold(gate)
    gate.power_on(cable=False)
    assert armed_after_s(gate) <= ARMED_S_MAX
    gate.press()
    gate.wait_lamp("stored")
    gate.machine.cable(plugged_in=True)
    gate.wait_presses(1)


def test_a_kernel_that_panics_is_reset_by_the_watchdog_and_the_incident_survives(gate: VirtualGate) -> None:
    cold(gate, "panic=0")
    gate.machine.watchdog = True
    gate.power_on()
    armed_after_s(gate)
    gate.press()
    incident = gate.wait_lamp("received")["incident"]["ids"]
    gate.machine.type("echo c >/proc/sysrq-trigger")
    took_s = gate.machine.wait_off(4 * WATCHDOG_S_MAX)
    print(f"reset {took_s:.1f} s after the panic")  # noqa: T201
    gate.power_on()
    assert gate.wait_lamp("received")["incident"]["ids"] == incident
    gate.press()
    gate.wait_presses(2)


@pytest.mark.long
def test_ten_power_cuts_in_mid_press_lose_no_press_that_the_lamp_had_called_stored(gate: VirtualGate) -> None:
    """Without the centre, so that the card is all that remembers."""
    gate.start()
    gate.broker.stop()
    dice = random.Random(3)
    stored: set[str] = set()
    for cut in range(CUTS):
        gate.machine.type(f"{PROGRAMS}/press {KEY} 50 60 90 200 {cut}")
        stored.add(gate.wait_for(lambda view: is_new(view, stored))["last_press"]["id"])
        time.sleep(dice.uniform(0, 0.3))  # somewhere in the next two presses
        gate.machine.power_cut()
        gate.power_on()
    gate.broker.start()
    arrived = {row["event"]["id"] for row in gate.wait_presses(CUTS, 300)}
    until(lambda: {row["event"]["id"] for row in gate.centre.presses()}, lambda ids: stored <= ids, 120)
    print(f"{len(stored)} ids noted before {CUTS} cuts, {len(arrived)} presses arrived")  # noqa: T201
    assert gate.machine.run(check_database()) == "ok\n"


def is_new(view: View, known: set[str]) -> bool:
    """The newest press is stored, and none of these."""
    last = view["last_press"]
    return last is not None and last["id"] not in known and last["after_ms"]["stored"] is not None


def check_database() -> str:
    """A command that prints what SQLite says of the event log."""
    asked = "sqlite3.connect('/var/lib/gatepost/events.db').execute('PRAGMA integrity_check').fetchone()[0]"
    return f'python3 -c "import sqlite3; print({asked})"'

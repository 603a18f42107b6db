"""Faults of the wires: a cut cable, both contacts closed, a stuck key; each told within the time that is specified."""

from __future__ import annotations

import pytest

from tests.machine.gate import KEY, KEY_NC, VirtualGate

pytestmark = pytest.mark.machine

SUPERVISED = {"key_gpio": KEY, "normally_closed_gpio": KEY_NC}
LOOP_MS_MAX = 1_000
STUCK_MS = 60_000


def begin(gate: VirtualGate) -> None:
    gate.wire(KEY_NC, closed=True)
    gate.start(button=SUPERVISED)


def test_a_cut_cable_is_told_within_a_second_and_so_is_its_repair(gate: VirtualGate) -> None:
    begin(gate)
    cut_ms = gate.wire(KEY_NC, closed=False)
    told = gate.wait_trouble("loop_open")["event"]
    assert 0 < told["monotonic_ms"] - cut_ms <= LOOP_MS_MAX
    gate.wire(KEY_NC, closed=True)
    gate.wait_trouble("loop_open", 3)
    assert gate.wait_for(lambda view: not view["standing"])["lamp"] == "ready", "a cut cable is no alarm"


@pytest.mark.long
def test_both_contacts_closed_are_a_press_and_a_short_and_held_for_60_s_a_stuck_key(gate: VirtualGate) -> None:
    begin(gate)
    closed_ms = gate.wire(KEY, closed=True)
    gate.wait_presses(1)
    short = gate.wait_trouble("loop_short")["event"]
    assert 0 < short["monotonic_ms"] - closed_ms <= LOOP_MS_MAX
    stuck = gate.wait_trouble("key_stuck", seconds=120)["event"]
    assert 0 <= stuck["monotonic_ms"] - closed_ms - STUCK_MS <= LOOP_MS_MAX
    gate.wire(KEY, closed=False)
    gate.wait_trouble("key_stuck", 3)
    gate.wait_trouble("loop_short", 3)
    assert len(gate.wait_presses(1)) == 1, "a stuck key is one press"

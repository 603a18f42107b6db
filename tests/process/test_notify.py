"""systemd's side of the notify socket, a real one: told once that the button is armed, fed while it is, then not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.process.breakable import WATCHDOG_S, BreakableGate
from tests.process.brokers import free_port
from tests.process.gate import GateProcess, troubles
from tests.process.waiting import until

pytestmark = pytest.mark.process


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[BreakableGate]:
    """A gate without any broker: what is shown here does not depend on one."""
    running = BreakableGate(tmp_path, free_port())
    running.start(WATCHDOG_USEC=str(WATCHDOG_S * 1_000_000))
    yield running
    running.close()


def test_ready_is_said_once_and_the_watchdog_is_fed_about_each_second_with_a_status(tmp_path: Path) -> None:
    with GateProcess(tmp_path, free_port()) as gate:
        moments = until(lambda: gate.supervision.moments("WATCHDOG=1"), lambda fed: len(fed) >= 6)
        gaps_s = [after - before for before, after in pairwise(moments)]
        assert max(gaps_s) < WATCHDOG_S
        assert moments[5] - moments[0] > 4, "no more often than that, either"
        gate.press_and_wait()
        until(lambda: gate.supervision.values("STATUS"), lambda said: "lamp stored" in said[-1])
        assert len(gate.supervision.moments("READY=1")) == 1
        assert gate.terminate() == 0
        assert gate.supervision.values("STOPPING") == ["1"]


def test_a_press_at_the_moment_of_ready_counts(gate: BreakableGate) -> None:
    gate.press_and_wait()
    gate.wait_lamp("stored")


@pytest.mark.parametrize("death", ["unreadable", "stalled"])
def test_the_watchdog_starves_when_the_contact_hand_dies_and_the_next_life_works(
    gate: BreakableGate, death: str
) -> None:
    until(gate.fed)
    gate.tell(death)
    view = gate.wait_for(lambda view: view["hungry"] is not None)
    assert view["hungry"] == "contact"
    gate.assert_starved()
    assert "duty_late" in troubles(gate.view())
    assert gate.view()["fault"]
    gate.restart()
    before = gate.fed()
    until(gate.fed, lambda count: count > before)
    gate.press_and_wait()


def test_a_contact_hand_that_recovers_in_time_is_fed_for_again(gate: BreakableGate) -> None:
    until(gate.fed)
    gate.tell("unreadable")
    gate.wait_for(lambda view: view["hungry"] is not None)
    gate.tell("readable")
    gate.wait_for(lambda view: view["hungry"] is None and "duty_late" not in troubles(view))
    before = gate.fed()
    until(gate.fed, lambda count: count > before)


def test_presses_are_found_without_any_edge_and_a_dead_callback_thread_starves_the_watchdog(
    gate: BreakableGate,
) -> None:
    """The level poll is the second witness. Two lost edges are proof enough; a restart is the only cure."""
    until(gate.fed)
    gate.tell("deaf")
    gate.press_and_wait(hold_ms=200)
    view = gate.wait_for(lambda view: view["contacts"]["edges_lost"] >= 1)
    assert "edge_lost" in troubles(view)
    gate.press_and_wait(hold_ms=200)
    view = gate.wait_for(lambda view: view["hungry"] is not None)
    assert view["hungry"] == "contact: the library's callback thread is dead"
    assert view["incident"]["presses"] == 2
    gate.assert_starved()
    gate.press_and_wait(hold_ms=200)
    assert gate.wait_lamp("stored")["incident"]["presses"] == 3


def test_edges_that_come_again_end_the_trouble(gate: BreakableGate) -> None:
    gate.tell("deaf")
    gate.press_and_wait(hold_ms=200)
    gate.wait_for(lambda view: "edge_lost" in troubles(view))
    gate.tell("hearing")
    gate.press_and_wait()
    gate.wait_for(lambda view: "edge_lost" not in troubles(view) and view["hungry"] is None)


@pytest.mark.slow
def test_a_lamp_that_cannot_be_driven_starves_the_watchdog_and_costs_no_press(gate: BreakableGate) -> None:
    until(gate.fed)
    gate.tell("dark")
    gate.press_and_wait()
    view = gate.wait_for(lambda view: view["hungry"] is not None)
    assert view["hungry"] == "lamps"
    assert view["incident"]["presses"] == 1
    assert view["lamp"] == "stored"
    gate.assert_starved()

"""A student in front of the real daemon's simulated sensor, all the way to the centre; and a press meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.requests import CONTROL_SOCKET
from tests.process.brokers import Mosquitto, free_port
from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess, ask
from tests.process.waiting import until

pytestmark = pytest.mark.process

WALL, AIR, SKIN, WARM = 20.0, 23.0, 34.0, 37.6
THERMOMETER = {"part": "BCC", "supply_volts": 3.0, "emissivity": 1.0}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GateProcess, CentreProcess]]:
    directory = tmp_path_factory.mktemp("kiosk")
    with (
        Mosquitto(directory / "broker") as broker,
        CentreProcess(directory / "centre", broker.port) as centre,
        GateProcess(directory / "gate", broker.port, thermometer=THERMOMETER) as gate,
    ):
        gate.wait_for(lambda view: view["kiosk"] is not None and view["kiosk"]["sensor"]["ambient_celsius"] is not None)
        yield gate, centre


def see(gate: GateProcess, celsius: float) -> None:
    answer = ask(gate.run_directory / CONTROL_SOCKET, {"ask": "see", "object_celsius": celsius, "ambient_celsius": AIR})
    assert answer["ok"], answer


def visit(gate: GateProcess, celsius: float) -> dict[str, Any]:
    """One student: the wall, the forehead until a word is spoken, the wall again; what the screen said."""
    see(gate, WALL)
    number = gate.wait_for(lambda view: view["kiosk"]["screen"] == "idle")["kiosk"]["visit"]
    see(gate, celsius)
    spoken = gate.wait_for(
        lambda view: view["kiosk"]["visit"] > number and view["kiosk"]["screen"] in ("normal", "high", "cannot_screen")
    )
    see(gate, WALL)
    return dict(spoken["kiosk"])


def temperatures(centre: CentreProcess) -> list[dict[str, Any]]:
    return [row["event"] for row in centre.events() if row["event"]["topic"] == "temperature"]


def test_a_student_is_judged_shown_and_told_to_the_centre_once(chain: tuple[GateProcess, CentreProcess]) -> None:
    gate, centre = chain
    before = len(temperatures(centre))
    shown = visit(gate, SKIN)
    assert shown["screen"] == "normal"
    assert shown["estimate_celsius"] is not None
    (event,) = until(lambda: temperatures(centre)[before:])
    assert event["body"]["verdict"] == "normal"
    assert event["lane"] == 2


def test_a_hot_forehead_goes_to_the_teacher_and_its_number_stays_off_the_public_screen(
    chain: tuple[GateProcess, CentreProcess],
) -> None:
    gate, centre = chain
    before = len(temperatures(centre))
    shown = visit(gate, WARM)
    assert shown["screen"] == "high"
    assert shown["estimate_celsius"] is None
    assert shown["teacher"]["recent"][0]["estimate_celsius"] is not None
    (event,) = until(lambda: temperatures(centre)[before:])
    assert event["body"]["verdict"] == "high"


def test_a_press_goes_through_while_a_student_is_measured(chain: tuple[GateProcess, CentreProcess]) -> None:
    gate, centre = chain
    see(gate, SKIN)
    gate.press_and_wait()
    centre.wait_presses(1)
    see(gate, WALL)


def test_a_gate_without_a_simulated_sensor_does_not_pretend(tmp_path: Path) -> None:
    with GateProcess(tmp_path, free_port()) as plain:
        answer = ask(plain.run_directory / CONTROL_SOCKET, {"ask": "see", "object_celsius": 30, "ambient_celsius": 20})
        assert not answer["ok"]
        assert "real sensor" in answer["error"]

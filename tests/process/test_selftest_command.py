"""The technician's ``gatepost selftest`` against a real daemon, a real broker and the reference centre."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge import wire
from edge.events import Stage
from tests.process.brokers import Listener, Mosquitto
from tests.process.centre import CentreProcess, is_press
from tests.process.gate import COUNTY, SCHOOL, GateProcess
from tests.process.waiting import PATIENCE_S

pytestmark = pytest.mark.process


@pytest.fixture
def gate(tmp_path: Path, broker: Mosquitto, centre: CentreProcess) -> Iterator[GateProcess]:
    assert centre.directory.exists()
    (tmp_path / "synchronised").touch()
    clock = {"source": "file", "synced_file": str(tmp_path / "synchronised")}
    with GateProcess(tmp_path / "g", broker.port, clock=clock) as running:
        running.wait_connected()
        running.wait_for(lambda view: view["brokers"][0]["centre_listening"] is True)
        yield running


def test_a_path_test_passes_and_every_command_says_so(gate: GateProcess, centre: CentreProcess) -> None:
    done = gate.command_line("selftest", "run", "--path", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["result"] == "PASS"
    assert lines[-1]["report"]["kind"] == "path"
    # One that the schedule begins just then is shown as well: whoever waits wants to know what for.
    assert any(line["running"] and line["running"]["kind"] == "path" for line in lines[:-1])

    links = gate.command_line("selftest", "links", "--language", "zh")
    assert links.returncode == 0
    assert "指挥中心" in links.stdout
    status = gate.command_line("selftest", "status")
    assert status.returncode == 2, "a path test is no whole one"
    assert "Last path test" in status.stdout
    assert not any(is_press(row) for row in centre.events())


def test_a_whole_test_passes_once_an_officer_has_seen_its_card(gate: GateProcess, broker: Mosquitto) -> None:
    """Into a file there is a line for each link as it is proved, and no sign of a terminal."""
    address = wire.Address(COUNTY, SCHOOL, "north")
    with Listener(broker.port, address.up("selftest")) as desk, ThreadPoolExecutor() as aside:
        asked = aside.submit(gate.command_line, "selftest", "run")
        view = gate.wait_for(lambda view: (view["selftest"]["running"] or {}).get("links", {}).get("centre") == "done")
        seen = wire.receipt_of(view["selftest"]["running"]["mark"], Stage.SEEN, "officer Wang", None)
        desk.publish(address.receipts, wire.encode(seen))
        done = asked.result(PATIENCE_S)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\x1b" not in done.stdout
    assert done.stdout.index("centre") < done.stdout.index("officer") < done.stdout.index("PASS")
    assert gate.command_line("selftest", "status").returncode == 0

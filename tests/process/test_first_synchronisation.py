"""Events from before the clock was first set arrive with both times: what it said then, and what was worked out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.brokers import Mosquitto, free_port
from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess

pytestmark = pytest.mark.process


@pytest.mark.parametrize("killed", [False, True], ids=["in one life", "over a kill -9"])
def test_a_press_before_the_first_synchronisation_keeps_both_times_at_the_centre(tmp_path: Path, killed: bool) -> None:
    synced, port = tmp_path / "synced", free_port()
    clock = {"source": "file", "synced_file": str(synced)}
    with GateProcess(tmp_path / "g", port, clock=clock) as gate:
        gate.press_and_wait()
        gate.wait_lamp("stored")
        if killed:
            gate.restart()
        synced.touch()
        gate.wait_for(lambda view: view["clock"] == "synced")
        with Mosquitto(tmp_path / "b", port=port), CentreProcess(tmp_path / "c", port) as centre:
            (row,) = centre.wait_presses(1)
    event = row["event"]
    assert (event["clock"], event["original_clock"]) == ("backfilled", "unsynced")
    assert abs(event["wall_ms"] - event["original_wall_ms"]) < 60_000, "this machine's clock was right all along"
    assert event["wall_bound_ms"] is not None
    assert event["replayed"] is killed or event["age_ms"] >= 10_000

"""A centre that does nothing while the broker is well: the fault lamp of each gate says so within 90 s."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks.stopped_thread import StoppedThread
from tests.process.brokers import Mosquitto
from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess, troubles
from tests.process.threads import read_numbers
from tests.process.waiting import PATIENCE_S

pytestmark = [pytest.mark.process, pytest.mark.long]

TOLD_S_MAX = 90.0


class TellingCentre(CentreProcess):
    """It tells its threads' numbers."""

    def command(self) -> Sequence[str]:
        return ["-m", "tests.process.child_centre", str(self.directory), *super().command()[2:]]

    def ask(self) -> None:
        """Have it write them down."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(b"threads\n")
        self.process.stdin.flush()


@pytest.fixture
def centre(tmp_path: Path, broker: Mosquitto) -> Iterator[TellingCentre]:
    with TellingCentre(tmp_path / "c", broker.port) as running:
        yield running


@pytest.fixture
def gate(tmp_path: Path, broker: Mosquitto, centre: CentreProcess) -> Iterator[GateProcess]:
    with GateProcess(tmp_path / "g", broker.port) as running:
        running.wait_for(lambda view: view["brokers"][0]["centre_listening"] is True)
        yield running


def told_after_s(gate: GateProcess) -> float:
    """How long until the gate says that its centre is lost."""
    began_s = time.monotonic()
    view = gate.wait_for(lambda view: "centre_lost" in troubles(view), TOLD_S_MAX + PATIENCE_S)
    assert view["fault"]
    assert view["brokers"][0]["phase"] == "up"
    return time.monotonic() - began_s


def test_a_frozen_centre_is_told_at_the_gate_within_90_s(gate: GateProcess, centre: CentreProcess) -> None:
    centre.freeze()
    took_s = told_after_s(gate)
    print(f"told after {took_s:.1f} s")  # noqa: T201
    assert took_s < TOLD_S_MAX
    centre.thaw()
    gate.wait_for(lambda view: "centre_lost" not in troubles(view))


def test_a_centre_whose_own_thread_hangs_ends_itself_and_is_told_at_the_gate_within_90_s(
    gate: GateProcess, centre: TellingCentre
) -> None:
    """Its connection to the broker has threads of its own and goes on looking well."""
    assert centre.process is not None
    numbers = read_numbers(centre.directory, centre.ask)
    try:
        with StoppedThread(centre.process.pid, numbers["service"]):
            took_s = told_after_s(gate)
    except PermissionError as error:
        pytest.skip(f"this machine lets nobody stop a thread: {error}")
    print(f"told after {took_s:.1f} s")  # noqa: T201
    assert took_s < TOLD_S_MAX
    assert centre.wait_end() != 0
    assert "hung" in centre.log()

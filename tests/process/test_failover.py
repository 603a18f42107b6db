"""Two brokers: the one that hangs or dies delays no alarm beyond ``failover_s``, and nothing arrives twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.brokers import Mosquitto
from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess

pytestmark = pytest.mark.process

FAILOVER_S = 2
NOISE_MS = 1_000
"""Beyond ``failover_s``: the tick of a quarter of a second, and a busy machine."""


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[tuple[Mosquitto, Mosquitto]]:
    with Mosquitto(tmp_path / "b1") as first, Mosquitto(tmp_path / "b2") as second:
        yield first, second


@pytest.fixture
def centre(tmp_path: Path, brokers: tuple[Mosquitto, Mosquitto]) -> Iterator[CentreProcess]:
    with CentreProcess(tmp_path / "c", *(broker.port for broker in brokers)) as running:
        yield running


@pytest.fixture
def gate(tmp_path: Path, brokers: tuple[Mosquitto, Mosquitto], centre: CentreProcess) -> Iterator[GateProcess]:
    ports = [broker.port for broker in brokers]
    uplink = {"failover_s": FAILOVER_S, "acknowledge_s_max": 20}
    with GateProcess(tmp_path / "g", *ports, uplink=uplink) as running:
        for number in range(len(ports)):
            running.wait_connected(number)
            running.wait_for(lambda view, number=number: view["brokers"][number]["centre_listening"] is True)  # type: ignore[misc]
        yield running


def received_after_ms(gate: GateProcess) -> int:
    """How long the newest press took to the centre's receipt, by the gate's clock."""
    view = gate.wait_lamp("received")
    return int(view["last_press"]["after_ms"]["received"])


def test_an_alarm_goes_by_the_second_broker_when_the_first_hangs(
    gate: GateProcess, centre: CentreProcess, brokers: tuple[Mosquitto, Mosquitto]
) -> None:
    first, _ = brokers
    first.freeze()
    gate.press_and_wait()
    took_ms = received_after_ms(gate)
    assert took_ms <= FAILOVER_S * 1000 + NOISE_MS
    first.thaw()
    gate.press_and_wait()
    received_after_ms(gate)
    # The frozen broker delivers its copy late: one event, two arrivals.
    rows = centre.wait_for(lambda rows: any(row["arrivals"] > 1 for row in rows))
    assert len({row["event"]["id"] for row in rows}) == len(rows)
    assert len(centre.presses()) == 2


def test_an_alarm_goes_by_the_second_broker_at_once_when_the_first_is_dead(
    gate: GateProcess, centre: CentreProcess, brokers: tuple[Mosquitto, Mosquitto]
) -> None:
    first, _ = brokers
    first.kill()
    gate.wait_for(lambda view: view["brokers"][0]["phase"] != "up")
    gate.press_and_wait()
    assert received_after_ms(gate) < FAILOVER_S * 1000
    first.start()
    gate.wait_connected(0)
    gate.press_and_wait()
    gate.wait_lamp("received")
    assert len(centre.wait_presses(2)) == 2


def test_an_alarm_that_is_on_its_way_when_its_broker_dies_takes_the_other(
    gate: GateProcess, centre: CentreProcess, brokers: tuple[Mosquitto, Mosquitto]
) -> None:
    """Killed while it holds the alarm: the loss is noticed, nobody waits for ``failover_s``."""
    first, _ = brokers
    first.freeze()
    gate.press(100)
    gate.wait_for(lambda view: view["brokers"][0]["unanswered"] > 0 and view["last_press"] is not None)
    first.kill()
    assert received_after_ms(gate) <= FAILOVER_S * 1000 + NOISE_MS
    assert len(centre.wait_presses(1)) == 1


def test_the_officers_word_reaches_the_gate_by_whichever_broker_is_left(
    gate: GateProcess, centre: CentreProcess, brokers: tuple[Mosquitto, Mosquitto]
) -> None:
    gate.press_and_wait()
    id = gate.wait_lamp("received")["incident"]["ids"][0]
    brokers[0].kill()
    centre.seen(id)
    gate.wait_lamp("seen")

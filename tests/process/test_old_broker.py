"""A whole gate at amqtt, the demo's broker where mosquitto is not installed: it knows MQTT 3.1.1 alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.amqtt import Amqtt
from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess, plain_broker, troubles

pytestmark = pytest.mark.process


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Amqtt]:
    with Amqtt(tmp_path / "b") as running:
        yield running


@pytest.fixture
def centre(tmp_path: Path, broker: Amqtt) -> Iterator[CentreProcess]:
    with CentreProcess(tmp_path / "c", broker.port) as running:
        yield running


@pytest.fixture
def gate(tmp_path: Path, broker: Amqtt, centre: CentreProcess) -> Iterator[GateProcess]:
    with GateProcess(tmp_path / "g", plain_broker(broker.port, connect_s_max=1)) as running:
        running.wait_connected()
        yield running


def test_a_gate_finds_its_way_to_a_broker_that_answers_nothing_to_mqtt_5(
    gate: GateProcess, centre: CentreProcess
) -> None:
    assert gate.view()["brokers"][0]["mqtt5"] is False
    gate.press_and_wait()
    view = gate.wait_lamp("received")
    assert view["last_press"]["after_ms"]["at_broker"] is not None
    assert [row["event"]["id"] for row in centre.presses()] == [view["last_press"]["id"]]
    centre.seen(view["last_press"]["id"])
    gate.wait_lamp("seen")


def test_a_press_while_that_broker_is_away_arrives_once_when_it_is_back(
    gate: GateProcess, centre: CentreProcess, broker: Amqtt
) -> None:
    broker.kill()
    gate.wait_for(lambda view: view["brokers"][0]["phase"] != "up")
    gate.press_and_wait()
    gate.wait_lamp("stored")
    broker.start()
    gate.wait_lamp("received")
    assert len(centre.wait_presses(1)) == 1
    gate.wait_for(lambda view: troubles(view) == set())

"""A whole gate at amqtt, the demo's broker where mosquitto is not installed: it knows MQTT 3.1.1 alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.process.brokers import free_port
from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess, plain_broker
from tests.process.programs import Program

pytestmark = pytest.mark.process

SETTINGS = """\
listeners:
  default: {{type: tcp, bind: "127.0.0.1:{port}"}}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin: {{allow_anonymous: true}}
"""


class Amqtt(Program):
    """The pure-Python broker as a process."""

    def __init__(self, directory: Path) -> None:
        super().__init__("amqtt", directory)
        self.port = free_port()
        self._settings = directory / "amqtt.yaml"
        self._settings.write_text(SETTINGS.format(port=self.port))

    def command(self) -> Sequence[str]:
        return [str(Path(sys.executable).with_name("amqtt")), "-c", str(self._settings)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Amqtt]:
    running = Amqtt(tmp_path / "b")
    running.spawn()
    yield running
    running.close()


def test_a_gate_finds_its_way_to_a_broker_that_answers_nothing_to_mqtt_5(tmp_path: Path, broker: Amqtt) -> None:
    quick = plain_broker(broker.port, connect_s_max=1)
    with CentreProcess(tmp_path / "c", broker.port) as centre, GateProcess(tmp_path / "g", quick) as gate:
        assert gate.wait_connected()["brokers"][0]["mqtt5"] is False
        gate.press_and_wait()
        view = gate.wait_lamp("received")
        assert [row["event"]["id"] for row in centre.events() if row["event"]["topic"] == "alarm"] == [
            view["last_press"]["id"]
        ]

"""A real amqtt, started as the demo starts it. Pure Python, and MQTT 3.1.1 only: it is there on every machine."""

from __future__ import annotations

from collections.abc import Sequence

from demonstration.broker import amqtt_command
from tests.process.brokers import BrokerProcess


class Amqtt(BrokerProcess):
    """An amqtt of the test's own."""

    def command(self) -> Sequence[str]:
        return amqtt_command(self.port, self.directory)

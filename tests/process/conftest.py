"""The chain that most of these tests stand on: a broker, the reference centre, a gate that is connected.

A file that needs another broker, centre or gate says so by a fixture of its own with the same name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.brokers import Mosquitto
from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A mosquitto without encryption."""
    with Mosquitto(tmp_path / "b") as running:
        yield running


@pytest.fixture
def centre(tmp_path: Path, broker: Mosquitto) -> Iterator[CentreProcess]:
    """The reference centre at that broker."""
    with CentreProcess(tmp_path / "c", broker.port) as running:
        yield running


@pytest.fixture
def gate(tmp_path: Path, broker: Mosquitto, centre: CentreProcess) -> Iterator[GateProcess]:
    """A gate, connected."""
    with GateProcess(tmp_path / "g", broker.port) as running:
        running.wait_connected()
        yield running

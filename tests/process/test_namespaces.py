"""A bad network of the kernel's own before real processes: packets get lost, the cable has no link, lines go dead.

The gates live in a network namespace whose cable nftables spoils. For root, where the kernel has such; else skipped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.brokers import Mosquitto, free_port
from tests.process.centre import CentreProcess
from tests.process.flaps import NOTICED_S_MAX, SHIPPED, Flapper, noticed_after_s
from tests.process.gate import QUICK, GateProcess, plain_broker
from tests.process.namespace import Namespace
from tests.process.storm import SteadyGuard, matched, wait_for_calm

pytestmark = [pytest.mark.process, pytest.mark.long]

LOSS_PERCENT = 30
GATES = ("north", "south", "west", "east")
FLAPS, PRESSES = 50, 400


@pytest.fixture
def cable() -> Iterator[Namespace]:
    with Namespace() as namespace:
        yield namespace


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def broker(tmp_path: Path, cable: Namespace, port: int) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "b", [f"listener {port} {cable.here}"]) as running:
        yield running


def gate_at(cable: Namespace, directory: Path, port: int, name: str, uplink: dict[str, int]) -> GateProcess:
    """A gate whose only way is the cable."""
    gate = GateProcess(directory / name, plain_broker(port, host=cable.here), name=name, uplink=uplink)
    gate.through = cable.through
    return gate


def test_a_connection_that_the_network_has_forgotten_is_noticed_within_30_s_by_the_settings_as_shipped(
    tmp_path: Path, cable: Namespace, broker: Mosquitto, port: int
) -> None:
    with gate_at(cable, tmp_path, port, "north", SHIPPED) as gate:
        took_s = []
        for pause_s in (0, 4, 8):
            gate.wait_connected()
            time.sleep(pause_s)
            took_s.append(noticed_after_s(gate, cable))
        print(f"noticed after {', '.join(f'{one:.1f}' for one in took_s)} s")  # noqa: T201
        assert max(took_s) < NOTICED_S_MAX


def test_a_packet_late_by_two_seconds_each_brings_the_alarm_through(
    tmp_path: Path, cable: Namespace, broker: Mosquitto, port: int
) -> None:
    if not cable.delay(2_000):
        pytest.skip("this kernel has no netem, which delays packets: the proxy's tests show delay alone")
    with (
        CentreProcess(tmp_path / "c", broker.port) as centre,
        gate_at(cable, tmp_path, port, "north", SHIPPED) as gate,
    ):
        gate.wait_connected()
        gate.press_and_wait()
        gate.wait_lamp("received")
        assert len(centre.presses()) == 1


def test_no_press_is_lost_or_doubled_while_packets_get_lost_and_the_cable_fails(
    tmp_path: Path, cable: Namespace, broker: Mosquitto, port: int
) -> None:
    """Each flap is one for all four gates."""
    cable.lose(LOSS_PERCENT)
    gates = [gate_at(cable, tmp_path, port, name, QUICK) for name in GATES]
    guards = [SteadyGuard(gate, PRESSES // len(GATES), "cable") for gate in gates]
    flapper = Flapper(cable, ("cut", "hush", "forget"), FLAPS, (1.0, 5.0), "cable")
    with CentreProcess(tmp_path / "c", broker.port) as centre:
        try:
            for thread in (*guards, flapper):
                thread.start()
            flapper.finish(500)
            for guard in guards:
                guard.finish(240)
            cable.lose(0)
            wait_for_calm(guards)
            rows = centre.events()
            losses = [gate.view()["brokers"][0]["losses"] for gate in gates]
        finally:
            for gate in gates:
                gate.close()
    pairs = [pair for guard in guards for pair in matched(guard, rows)]
    assert len(pairs) >= PRESSES
    print(f"{flapper.done} flaps, {losses} losses, {len(pairs)} presses")  # noqa: T201
    assert all(losses), "a line that was never lost shows nothing"

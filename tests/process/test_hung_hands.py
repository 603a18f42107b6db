"""Each hand of the daemon hangs in turn: one of its threads is stopped by the kernel, and stands for good.

What an alarm stands on starves the watchdog, so that systemd starts the daemon anew; all else is worked around, and the
press is at the centre. What a hung hand costs a press is measured by ``scripts/bench --only hung``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.stopped_thread import StoppedThread
from tests.process.breakable import STARVED_S, WATCHDOG_S, BreakableGate
from tests.process.brokers import Mosquitto
from tests.process.centre import CentreProcess
from tests.process.gate import troubles
from tests.process.waiting import until

pytestmark = pytest.mark.process

BRAIN = "MainThread"
PAHO = "paho-mqtt-client-gatepost-xihu-school-3-north"
LATE_S_MAX = 20.0
"""The lamps' duty may be silent for ten seconds; then the watchdog starves."""

KIOSK = {"thermometer": {"part": "BCC"}, "camera": {"source": "opencv", "device": "/none", "alarm_pictures": True}}


@pytest.fixture
def gate(tmp_path: Path, broker: Mosquitto, centre: CentreProcess) -> Iterator[BreakableGate]:
    running = BreakableGate(tmp_path / "g", broker.port, **KIOSK)
    running.start(WATCHDOG_USEC=str(WATCHDOG_S * 1_000_000))
    running.wait_connected()
    yield running
    running.close()


def hung(gate: BreakableGate, thread: str) -> StoppedThread:
    """That thread of the daemon, to be stopped; or skip where the kernel forbids it."""
    assert gate.process is not None
    stopped = StoppedThread(gate.process.pid, gate.threads()[thread])
    try:
        with stopped:
            pass
    except PermissionError as error:
        pytest.skip(f"this machine lets nobody stop a thread: {error}")
    return stopped


def silence_s(gate: BreakableGate) -> float:
    """So long ago the watchdog was fed last."""
    return time.monotonic() - gate.supervision.moments("WATCHDOG=1")[-1]


@pytest.mark.parametrize(
    "thread",
    [pytest.param("store", marks=pytest.mark.slow), *(
        pytest.param(name, marks=pytest.mark.long) for name in ("dial-broker-1", "control", "sensor", "camera")
    )],
)  # fmt: skip
def test_a_hand_that_no_alarm_stands_on_is_fed_for_and_the_press_arrives(
    gate: BreakableGate, centre: CentreProcess, thread: str
) -> None:
    with hung(gate, thread):
        before = gate.fed()
        gate.tell("press")
        assert len(centre.wait_presses(1)) == 1
        until(gate.fed, lambda fed: fed >= before + STARVED_S)
        assert silence_s(gate) < WATCHDOG_S


@pytest.mark.parametrize(
    "thread", [BRAIN, *(pytest.param(name, marks=pytest.mark.long) for name in ("contact", "lamps"))]
)
def test_a_hand_that_an_alarm_stands_on_starves_the_watchdog(gate: BreakableGate, thread: str) -> None:
    with hung(gate, thread):
        until(lambda: silence_s(gate), lambda silent_s: silent_s > WATCHDOG_S, LATE_S_MAX)


@pytest.mark.long
def test_a_store_that_hangs_is_told_and_keeps_the_lamp_from_claiming_that_it_stored(
    gate: BreakableGate, broker: Mosquitto
) -> None:
    with hung(gate, "store"):
        broker.stop()
        gate.wait_for(lambda view: view["brokers"][0]["phase"] != "up")
        gate.press_and_wait()
        view = gate.wait_for(lambda view: "duty_late" in troubles(view))
        assert view["hungry"] is None
        assert view["lamp"] == "pressed"


@pytest.mark.long
def test_a_thread_of_pahos_that_hangs_is_left_behind_with_its_connection(
    gate: BreakableGate, centre: CentreProcess
) -> None:
    """It acknowledges nothing: the line is condemned like any dead one, and the next dial has a thread of its own."""
    with hung(gate, PAHO):
        gate.press_and_wait()
        view = gate.wait_lamp("received")
        assert view["brokers"][0]["losses"] == 1
        assert len(centre.presses()) == 1

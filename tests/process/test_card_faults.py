"""The real daemon on a card whose calls fail, stall or end the process: strace answers in the kernel's place."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess, troubles
from tests.process.waiting import PATIENCE_S, until

pytestmark = [pytest.mark.process, pytest.mark.long]

AT_BROKER_MS_MAX = 1_000
STALL_S = 5
RETRY_S = 5

WRITES, SYNCS = "pwrite64,ftruncate", "fsync,fdatasync"


@contextmanager
def injected(gate: GateProcess, calls: str, what: str) -> Iterator[subprocess.Popen[bytes]]:
    """While this lasts, these system calls of the whole daemon go wrong."""
    program = shutil.which("strace")
    if program is None:
        pytest.skip("strace is not installed: sudo apt install strace")
    assert gate.process is not None
    output = gate.directory / "strace.log"
    words = [program, "-f", "-o", str(output), "-e", f"trace={calls}", "-e", f"inject={calls}:{what}"]
    with (gate.directory / "strace.err").open("wb") as said:
        tracer = subprocess.Popen([*words, "-p", str(gate.process.pid)], stderr=said)
    try:
        until(
            lambda: (gate.directory / "strace.err").read_text(errors="replace"),
            lambda text: "attached" in text or tracer.poll() is not None,
        )
        if tracer.poll() is not None:
            pytest.skip("strace may not look into another process here: run as root")
        yield tracer
    finally:
        tracer.terminate()
        tracer.wait(PATIENCE_S)


def press_is_sent_at_once(gate: GateProcess, centre: CentreProcess) -> dict[str, int | None]:
    """One more press, at the centre as soon as ever; how long it took to each stage, in milliseconds."""
    before = len(centre.presses())
    gate.press_and_wait()
    centre.wait_presses(before + 1)
    view = gate.wait_for(lambda view: view["last_press"]["after_ms"]["at_broker"] is not None)
    after_ms: dict[str, int | None] = view["last_press"]["after_ms"]
    assert after_ms["at_broker"] is not None
    assert after_ms["at_broker"] <= AT_BROKER_MS_MAX, after_ms
    return after_ms


@pytest.mark.parametrize(
    ("calls", "error"),
    [(WRITES, "EIO"), (WRITES, "ENOSPC"), (f"{WRITES},{SYNCS}", "EROFS"), (SYNCS, "EIO")],
)
def test_a_card_whose_calls_fail_holds_up_no_press_and_is_never_called_well(
    gate: GateProcess, centre: CentreProcess, calls: str, error: str
) -> None:
    with injected(gate, calls, f"error={error}"):
        for _ in range(3):
            assert press_is_sent_at_once(gate, centre)["stored"] is None, "memory is not 'stored'"
        gate.wait_for(lambda view: "store_in_memory" in troubles(view), 10)
    gate.wait_for(lambda view: "store_in_memory" not in troubles(view))
    assert press_is_sent_at_once(gate, centre)
    gate.wait_for(lambda view: view["last_press"]["after_ms"]["stored"] is not None)
    assert not list(gate.state.glob("*.damaged.*")), "a card that refuses is no damaged file"
    assert len(centre.presses()) == 4


def test_a_sync_that_stalls_for_5_s_holds_up_no_press(gate: GateProcess, centre: CentreProcess) -> None:
    with injected(gate, SYNCS, f"delay_enter={STALL_S}s"):
        stored_ms = press_is_sent_at_once(gate, centre)["stored"]
        assert stored_ms is None or stored_ms >= STALL_S * 900, "it is not stored before it is synced"
        view = gate.wait_for(lambda view: view["last_press"]["after_ms"]["stored"] is not None)
        assert view["last_press"]["after_ms"]["stored"] >= STALL_S * 900
    assert press_is_sent_at_once(gate, centre)


@pytest.mark.parametrize(("calls", "number"), [(WRITES, 1), (WRITES, 2), (WRITES, 4), (SYNCS, 1), (SYNCS, 2)])
def test_sigkill_at_a_call_of_the_running_daemon_loses_no_press(
    gate: GateProcess, centre: CentreProcess, calls: str, number: int
) -> None:
    """In the small: at every call there is, tests/crash/test_power_cuts.py."""
    gate.press_and_wait()
    with injected(gate, calls, f"signal=SIGKILL:when={number}"):
        gate.press()
        gate.wait_end()
    gate.start()
    centre.wait_presses(1)
    gate.wait_connected()
    gate.press_and_wait()
    gate.wait_lamp("received")
    gate.wait_for(lambda view: view["owed"]["alarm"] == 0)
    presses = len(centre.presses())
    assert presses in (2, 3), "the second press may end with the process before it was confirmed, and is then no press"
    assert not list(gate.state.glob("*.damaged.*"))

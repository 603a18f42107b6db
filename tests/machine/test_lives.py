"""Whatever ends or hangs the daemon: it is back and armed within 6 s, with its incident and its lamp."""

from __future__ import annotations

import json

import pytest

from tests.machine.gate import PROGRAMS, HostClock, VirtualGate

pytestmark = pytest.mark.machine

NOTICED_S_MAX = 4.0
"""From the fault to the start of the next life. A start takes a Pi a second or two, so it is armed within 6 s; it takes
an emulated processor that much longer, so the start is measured beside it and counted apart."""

LATE_MS_MAX = 2_000
PRESSES = 20

FAULTS = {
    "killed": "kill -KILL $PID",
    "hung": "kill -STOP $PID",
    # The kernel's own choice is everything else first (OOMScoreAdjust=-900), so the choice is made for it here.
    "out-of-memory": "echo 1000 >/proc/$PID/oom_score_adj; echo f >/proc/sysrq-trigger",
}


def begin(gate: VirtualGate) -> tuple[list[str], float]:
    """A gate in mid-alarm: its incident's ids, and the seconds that a start takes on this machine now."""
    gate.start()
    gate.press()
    gate.wait_lamp("received")
    start_s = gate.restarted("systemctl restart gatepost")
    return gate.wait_lamp("received")["incident"]["ids"], start_s


def is_back(gate: VirtualGate, incident: list[str], back_s: float, start_s: float) -> None:
    """The next life has the incident and its lamp, hears a press, and took no longer than it may."""
    view = gate.wait_lamp("received")
    assert view["incident"]["ids"] == incident
    presses = len(gate.wait_presses(1))
    gate.press()
    gate.wait_presses(presses + 1)
    print(f"back and armed after {back_s:.1f} s; a start takes {start_s:.1f} s")  # noqa: T201
    assert back_s - 1.5 * start_s <= NOTICED_S_MAX


@pytest.mark.parametrize("fault", FAULTS)
def test_a_daemon_that_ends_or_hangs_is_back_within_6_s_with_its_incident(gate: VirtualGate, fault: str) -> None:
    incident, start_s = begin(gate)
    is_back(gate, incident, gate.restarted(FAULTS[fault]), start_s)


def test_a_dead_gpio_thread_costs_no_press_and_is_replaced_within_6_s(gate: VirtualGate) -> None:
    incident, start_s = begin(gate)
    threads = gate.machine.run(f"cd /proc/{gate.process()}/task; grep -H pipe_read */wchan | cut -d/ -f1").split()
    assert len(threads) == 1, "lgpio's Python thread reads the kernel's edges from a pipe"
    gate.machine.run(f"{PROGRAMS}/hold-thread {threads[0]} >/run/held 2>&1 & until grep -q held /run/held; do :; done")
    back_s = gate.restarted(f"{PROGRAMS}/press 17 1 300 0 0 1 >/dev/null")
    assert len(gate.wait_presses(2)) == 2, "the level poll heard it"
    is_back(gate, incident, back_s, start_s)


@pytest.mark.long
def test_a_program_that_eats_all_memory_delays_no_press(gate: VirtualGate) -> None:
    gate.start()
    before = gate.process()
    with HostClock() as clock:
        gate.machine.type(f"{PROGRAMS}/press 17 {PRESSES} 60 1400 1600 1 {clock.port} >/run/pressed")
        eat = "while :; do python3 -c 'x = [bytes(2**20) + bytes([n % 7 + 1]) for n in range(10**6)]'; done"
        gate.machine.type(f'systemd-run -q --unit=eater -p OOMPolicy=continue sh -c "{eat}"')
        arrived = gate.wait_presses(PRESSES, 200)
    gate.machine.run("systemctl kill -s KILL eater", 200)
    ended = gate.machine.run("dmesg | grep -c 'Out of memory: Killed'")
    done = json.loads(gate.machine.run("cat /run/pressed"))
    late = [row["received_wall_ms"] - done["host_ahead_ms"] - row["event"]["monotonic_ms"] for row in arrived]
    print(f"press to centre at most {max(late):.0f} ms, while {int(ended)} times memory was eaten up")  # noqa: T201
    assert int(ended) > 0
    assert gate.process() == before, "it was not the gate that was ended"
    assert max(late) < LATE_MS_MAX

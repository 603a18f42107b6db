"""A root that is never written to, as docs/install.md has it: the events lie on a partition of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine.gate import STATE, SYNCED_FILE, VirtualGate
from tests.process.brokers import Authority
from virtual.machine import Machine

pytestmark = [pytest.mark.machine, pytest.mark.long]

DATA_BYTES = 256 << 20
PARTITION = f"LABEL=gatepost {STATE} ext4 noatime,data=ordered,x-systemd.before=gatepost.service 0 2"


@pytest.fixture
def gate(booted: Path, place: Path, county: Authority, tmp_path: Path) -> Iterator[VirtualGate]:
    """A gate whose machine has a second card for the events."""
    assert booted.exists()
    data = place / "data"
    with data.open("wb") as file:
        file.truncate(DATA_BYTES)
    with Machine(place, disks=[str(data)]) as machine, VirtualGate(machine, county, tmp_path) as standing:
        machine.power_on()
        yield standing


def again(gate: VirtualGate) -> None:
    """Pull the plug and put it back."""
    gate.machine.power_cut()
    gate.power_on()
    gate.machine.run(f"touch {SYNCED_FILE}")
    gate.wait_connected()


def test_with_a_root_that_is_read_only_an_incident_survives_power_cuts_and_nothing_else_does(gate: VirtualGate) -> None:
    gate.machine.run(
        f"mke2fs -q -t ext4 -L gatepost /dev/vdb; echo '{PARTITION}' >>/etc/fstab; systemctl daemon-reload;"
        f" mkdir -p {STATE}; udevadm trigger -w /dev/vdb; mount {STATE}; chown gatepost:gatepost {STATE};"
        f" chmod 0700 {STATE}"
    )
    gate.start()
    gate.machine.run("sync")
    gate.machine.kernel_words = "virtual_gate.overlay"
    again(gate)
    assert gate.machine.run("findmnt -n -o FSTYPE /") == "overlay\n"
    gate.press()
    incident = gate.wait_lamp("received")["incident"]["ids"]
    gate.machine.run("touch /etc/was-here; sync")
    again(gate)
    assert gate.machine.attempt("test -e /etc/was-here")[0] == 1
    assert gate.wait_lamp("received")["incident"]["ids"] == incident
    gate.press()
    assert len(gate.wait_presses(2)) == 2
    assert gate.wait_lamp("received")["standing"] == [], "a covered root is no trouble"

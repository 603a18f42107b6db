"""The machine's own driver: one that ends is told as such, and a start in which the emulator stumbles is repeated."""

from __future__ import annotations

import pytest

from tests.machine.conftest import SNAPSHOT
from tests.process.waiting import until
from virtual.machine import STUMBLED, EmulatorStumbled, Machine, MachineError

pytestmark = pytest.mark.machine


def end(machine: Machine) -> None:
    """QEMU's own end, as by a kernel that resets itself."""
    assert machine.monitor is not None
    machine.monitor.do("quit")


def test_a_machine_that_has_ended_is_told_as_such_by_whatever_is_asked_of_it(machine: Machine) -> None:
    end(machine)
    for ask in (lambda: machine.run("true"), lambda: machine.type("true"), lambda: machine.cable(plugged_in=False)):
        with pytest.raises(MachineError, match="the machine ended") as told:
            ask()
        assert not isinstance(told.value, EmulatorStumbled)


def test_a_start_in_which_the_emulator_stumbles_is_begun_again_also_after_the_shell_is_there(machine: Machine) -> None:
    machine.power_cut()
    starts = []

    def started() -> None:
        starts.append(machine.run("cat /proc/uptime"))
        if len(starts) == 1:
            machine.run(f"echo '{STUMBLED}' >/dev/console")
            until(lambda: STUMBLED in machine.console())
            end(machine)
        machine.run("true")

    machine.power_on(SNAPSHOT, started=started)
    assert len(starts) == 2
    assert machine.on

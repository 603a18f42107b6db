"""A gate as the checks see it: the machine, its settings if they can be read, and the daemon's view if it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from edge.languages import Text
from edge.machine import Asked, Machine
from edge.settings import Settings

SERVICE = "gatepost"
"""The daemon's unit and account, as in ``systemd/gatepost.service``."""

JOURNAL = Text(f"Read: journalctl -u {SERVICE} -n 50", f"请查看：journalctl -u {SERVICE} -n 50")
NO_SETTINGS = Text("the settings cannot be read", "无法读取设置文件")
SIMULATED = Text('simulated by the settings: pins.factory = "mock"', '设置中为模拟引脚：pins.factory = "mock"')


class Gate(NamedTuple):
    """``mistakes`` says why there are no settings; then what depends on them is NOT_TESTED."""

    machine: Machine
    file: str
    settings: Settings | None
    mistakes: tuple[str, ...]
    asked: Asked

    @property
    def view(self) -> Mapping[str, Any]:
        """The daemon's view, empty where it does not answer."""
        return self.asked.view or {}

    @property
    def simulated(self) -> bool:
        """A gate on a bench."""
        return self.settings is not None and self.settings.pins.factory == "mock"

    def stands(self, trouble: str) -> bool:
        """Whether the daemon says so."""
        return any(one.get("trouble") == trouble for one in self.view.get("standing", ()))


def is_pi(machine: Machine) -> bool:
    """By the model that the firmware tells."""
    return "Raspberry Pi" in first_line(machine, "/proc/device-tree/model")


def first_line(machine: Machine, path: str) -> str:
    """Empty where there is no such file, or none for this user."""
    try:
        return machine.text(path).replace("\0", "").partition("\n")[0].strip()
    except OSError:
        return ""


def number_in(machine: Machine, path: str, base: int = 10) -> int | None:
    """The number that a file of the kernel holds, None where it holds none."""
    try:
        return int(first_line(machine, path), base)
    except ValueError:
        return None

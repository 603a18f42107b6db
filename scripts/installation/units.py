"""Users, groups and what systemd and udev read: where each file of ``systemd/`` goes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from installation import debian
from installation.machine import Machine, lay, say

SOURCES = Path(__file__).parents[2] / "systemd"

PLACES = {
    "gatepost-accounts.conf": "/usr/lib/sysusers.d/gatepost.conf",
    "gatepost-devices.rules": "/usr/lib/udev/rules.d/70-gatepost.rules",
    "gatepost-modules.conf": "/etc/modules-load.d/gatepost.conf",
    "gatepost-watchdog.conf": "/etc/systemd/system.conf.d/gatepost-watchdog.conf",
    "gatepost-journal.conf": "/etc/systemd/journald.conf.d/gatepost.conf",
}
CHRONY = "/etc/systemd/system/gatepost.service.d/chrony.conf"
UNITS = "/etc/systemd/system"
UPDATE = "gatepost-update.service"
"""Enabled on every gate, for an update that the power interrupts; it does nothing where none is under way."""

COMMANDS = ("gatepost", "gatepost-kiosk", "gatepost-camera")


def place_of(name: str) -> str:
    """Where a file of ``systemd/`` is installed."""
    return PLACES.get(name, f"{UNITS}/{name}")


def services_for(settings: Mapping[str, Any], *, browser: bool) -> list[str]:
    """The services that these settings need, the button first."""
    services = ["gatepost.service"]
    if "camera" in settings:
        services.append("gatepost-camera.service")
    if "kiosk" in settings:
        services.append("gatepost-kiosk.service")
        if browser:
            services.append("gatepost-browser.service")
    return services


def make_accounts(machine: Machine) -> None:
    """Users and groups. Those that are there stay as they are."""
    name = "gatepost-accounts.conf"
    lay(machine, PLACES[name], (SOURCES / name).read_text(encoding="utf-8"))
    machine.run("systemd-sysusers", PLACES[name])


def lay_units(machine: Machine) -> list[str]:
    """Every unit, rule and drop-in; those that changed. What systemd keeps in memory is told by ``reload``."""
    changed = []
    for source in sorted(SOURCES.iterdir()):
        if source.name == "gatepost-chrony.conf":
            continue
        if lay(machine, place_of(source.name), source.read_text(encoding="utf-8")):
            changed.append(source.name)
    if debian.is_installed(machine, "chrony"):
        lay(machine, CHRONY, (SOURCES / "gatepost-chrony.conf").read_text(encoding="utf-8"))
        say("      chrony sets the clock here: the daemon may ask the kernel about it")
    for command in COMMANDS:
        link = machine.root / "usr/local/bin" / command
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.unlink(missing_ok=True)
            link.symlink_to(f"/opt/gatepost/current/bin/{command}")
    return changed


def reload(machine: Machine) -> None:
    """Have systemd and udev read what was laid. In a chroot they read it at the next start."""
    if not machine.boots():
        return
    machine.run("systemctl", "daemon-reexec")  # reads system.conf too: the watchdog
    machine.run("systemctl", "restart", "systemd-journald")
    machine.run("modprobe", "--all", "--quiet", "i2c-dev")
    machine.run("udevadm", "control", "--reload")
    machine.run("udevadm", "trigger", "--subsystem-match=gpio", "--subsystem-match=i2c-dev")


def files() -> list[str]:
    """Every file that an installation lays down, for taking it off again."""
    return [*(place_of(source.name) for source in SOURCES.iterdir() if "chrony" not in source.name), CHRONY]

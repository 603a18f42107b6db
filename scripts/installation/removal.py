"""Takes gatepost off a machine: what the installer laid, and, only when told, what the gate has recorded."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
from pathlib import Path

from installation import units
from installation.machine import Machine, StagedMachine, StepError, ThisMachine, agreed, say

DATA = ("/var/lib/gatepost", "/etc/gatepost")
ACCOUNTS = ("gatepost", "gatepost-camera", "gatepost-kiosk", "gatepost-browser")
GROUPS = ("gatepost-view", "gatepost-control")


def main() -> int:
    """The command ``scripts/uninstall``; its exit code."""
    parser = argparse.ArgumentParser(prog="uninstall", description=__doc__, allow_abbrev=False)
    parser.add_argument("--purge", action="store_true", help="also delete settings, keys, events and accounts")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--root", type=Path, help="a directory instead of this machine; nothing is run")
    options = parser.parse_args()
    machine: Machine = ThisMachine() if options.root is None else StagedMachine(options.root.resolve())
    if not agreed("The button at this gate will be dead. Take gatepost off?", options.yes):
        say("Nothing was changed.")
        return 1
    try:
        remove(machine, purge=options.purge)
    except StepError as error:
        say(f"uninstall: {error}")
        return 1
    kept = [] if options.purge else [path for path in DATA if (machine.root / path.lstrip("/")).exists()]
    say("gatepost is off this machine." + (f" Kept: {', '.join(kept)}; --purge deletes them." if kept else ""))
    return 0


def remove(machine: Machine, *, purge: bool) -> None:
    """Stop and delete everything that was installed; Debian's packages and the boot configuration stay."""
    services = [source.name for source in units.SOURCES.glob("*.service")]
    for service in services:
        with contextlib.suppress(StepError):  # not there, or not enabled
            machine.run("systemctl", "disable", *(["--now"] if machine.boots() else []), service)
    for file in units.files():
        (machine.root / file.lstrip("/")).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        (machine.root / units.CHRONY.lstrip("/")).parent.rmdir()
    for command in units.COMMANDS:
        link = machine.root / "usr/local/bin" / command
        if link.is_symlink():
            link.unlink()
    shutil.rmtree(machine.root / "opt/gatepost", ignore_errors=True)
    if purge:
        for path in DATA:
            shutil.rmtree(machine.root / path.lstrip("/"), ignore_errors=True)
        for account in ACCOUNTS:
            with contextlib.suppress(StepError):  # not there
                machine.run("userdel", account)
        for group in GROUPS:
            with contextlib.suppress(StepError):
                machine.run("groupdel", group)
    if machine.boots():
        machine.run("systemctl", "daemon-reload")


if __name__ == "__main__":
    sys.exit(main())

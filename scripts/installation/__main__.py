"""The command ``scripts/install``: the steps of an installation in their order, each shown as it is done."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge import __version__
from installation import boot, debian, programs, settings, summary, units
from installation.machine import Machine, StagedMachine, StepError, ThisMachine, agreed, ask_person, say

STEPS = 7
CLOCKS = ("ds1307", "ds3231", "pcf8523", "pcf85063a", "rv3028")


def main() -> int:
    """Install; the exit code: 0 done, 1 a step failed, 2 wrong usage."""
    options = _options()
    if options.root is None and os.geteuid() != 0:
        say("install: this changes the machine and needs root: sudo scripts/install")
        return 1
    machine: Machine = ThisMachine() if options.root is None else StagedMachine(options.root.resolve())
    try:
        _refuse_unsuitable(machine, options)
        return _install(machine, options)
    except StepError as error:
        say(f"\ninstall: {error}\nWhat was done so far stays and does no harm; correct it and run this again.")
        return 1
    except OSError as error:
        say(f"\ninstall: {error.filename or 'a file'}: {error.strerror or error}; repair it, then run this again")
        return 1
    except KeyboardInterrupt:
        say("\ninstall: interrupted; run it again to go on")
        return 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="install", description="Puts gatepost on this Raspberry Pi.", allow_abbrev=False
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="the settings of this gate; no questions about them"
    )
    parser.add_argument("--wheels", type=Path, metavar="DIR", help="everything from here, nothing from the network")
    parser.add_argument("--yes", action="store_true", help="change the boot configuration without asking; ask nothing")
    parser.add_argument("--no-apt", action="store_true", help="install no Debian packages")
    parser.add_argument("--browser", action="store_true", help="show the kiosk's pages on this machine's own screen")
    parser.add_argument("--battery-clock", choices=CLOCKS, metavar="CHIP", help=f"fitted on I2C: {', '.join(CLOCKS)}")
    parser.add_argument("--no-start", action="store_true", help="enable the services, and start nothing")
    parser.add_argument("--root", type=Path, metavar="DIR", help="lay the files below DIR and run nothing: to look at")
    return parser.parse_args()


def _refuse_unsuitable(machine: Machine, options: argparse.Namespace) -> None:
    release = debian.release_of(machine)
    if release not in debian.RELEASES:
        raise StepError(f"this is {release or 'no Debian'}: {' and '.join(debian.RELEASES)} can be installed on")
    if options.root is None and not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise StepError("the system's python3 is not 3.11 to 3.13: use the Debian release as it came")
    for path in (options.config, options.wheels):
        if path is not None and not path.exists():
            raise StepError(f"{path} is not there")


def _install(machine: Machine, options: argparse.Namespace) -> int:
    say(f"Installing gatepost {__version__}")
    asked = None if options.yes or not sys.stdin.isatty() else ask_person
    _step(1, "settings")
    tables = settings.lay_down(machine, options.config, asked)
    if tables is None:
        say(f"      none yet: write {settings.PATH}, or run this again with --config FILE or at a terminal")
    known: Mapping[str, Any] = tables or {}
    _step(2, "Debian packages")
    if options.no_apt:
        say("      left out (--no-apt)")
    else:
        debian.update(machine)
        debian.install(machine, debian.wanted(
            machine, known, browser=options.browser, battery_clock=options.battery_clock is not None
        ))  # fmt: skip
    _step(3, "the program")
    version = programs.install(machine, known, None if options.wheels is None else options.wheels.resolve())
    _step(4, "users and groups")
    units.make_accounts(machine)
    missing = settings.protect(machine, known)
    _step(5, "services")
    changed = units.lay_units(machine)
    say(f"      {len(changed)} files laid or renewed")
    _step(6, "boot configuration")
    reboot = _boot(machine, options, known)
    _step(7, "start")
    programs.switch(machine, version)
    units.reload(machine)
    started = summary.start(machine, known, tables is not None, browser=options.browser, start=not options.no_start)
    summary.show(machine, known, started=started, reboot=reboot, missing=missing)
    return 0


def _boot(machine: Machine, options: argparse.Namespace, known: Mapping[str, Any]) -> bool:
    """Change the boot configuration if the person agrees; True if the Pi must be started anew for it."""
    _floor(machine)
    if not boot.is_pi(machine):
        say("      left alone: this is no Raspberry Pi")
        return False
    lines = boot.lines_for(
        i2c="thermometer" in known or options.battery_clock is not None, battery_clock=options.battery_clock
    )
    words = ", ".join([*lines, *boot.KERNEL_WORDS])
    if not agreed(f"      Switch on in the boot configuration: {words}?", options.yes):
        say("      left as it is: without the watchdog a hung kernel stays hung")
        return False
    changed = boot.configure(machine, lines)
    say(f"      {', '.join(changed) or 'as it should be already'}")
    return bool(changed)


def _floor(machine: Machine) -> None:
    """systemd sets no clock to before this file: the day of the installation is the earliest that can be believed."""
    file = machine.root / "usr/lib/clock-epoch"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def _step(number: int, what: str) -> None:
    say(f"[{number}/{STEPS}] {what}")


if __name__ == "__main__":
    sys.exit(main())

"""Entry of ``scripts/vm``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from virtual.machine import MachineError
from virtual.places import MINUTES, PROJECT, why_no_image, why_not
from virtual.steps import BuildError

WHAT = "The virtual gate: a machine with GPIO lines, I2C and systemd, in which the installed gatepost is tested."


def main() -> int:
    """Do what was asked; the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/vm", description=WHAT)
    verbs = parser.add_subparsers(dest="verb", required=True)
    build = verbs.add_parser("build", help="make the image; what is there and fresh is not made again")
    build.add_argument("--clean", action="store_true", help="start from nothing")
    verbs.add_parser("run", help="boot it, with its console in this terminal")
    shell = verbs.add_parser("shell", help="a shell, or one command, in the machine")
    shell.add_argument("command", nargs=argparse.REMAINDER, help="what to run; without it, a shell")
    test = verbs.add_parser("test", help="run the machine tests")
    test.add_argument("names", nargs="*", help="only tests whose names contain one of these, the long ones too")
    test.add_argument("--all", action="store_true", help="the long ones too")
    test.add_argument("--minutes", type=float, help="skip what has not begun after so long")
    options = parser.parse_args()
    reason = why_not() if options.verb in ("build", "test") else why_no_image()
    if reason is not None:
        print(f"skipped: {reason}" if options.verb == "test" else f"scripts/vm: {reason}", file=sys.stderr)
        return int(options.verb != "test")
    try:
        return _do(options)
    except (BuildError, MachineError) as error:
        print(f"scripts/vm: {error}", file=sys.stderr)
        return 1


def _do(options: argparse.Namespace) -> int:
    if options.verb in ("build", "test"):
        from virtual.build import build

        build(options.verb == "build" and options.clean)
        return 0 if options.verb == "build" else _test(options)
    from virtual import terminal

    return terminal.run() if options.verb == "run" else terminal.shell(" ".join(options.command))


def _test(options: argparse.Namespace) -> int:
    chosen = "machine" if options.all or options.names else "machine and not long"
    words = [sys.executable, "-m", "pytest", "-n", "0", "-m", chosen, "-v", "-rA", "--durations=0", "tests/machine"]
    if options.names:
        words += ["-k", " or ".join(options.names)]
    environment = {**os.environ, **({MINUTES: str(options.minutes)} if options.minutes else {})}
    return subprocess.run(words, cwd=PROJECT, env=environment, check=False).returncode


sys.exit(main())

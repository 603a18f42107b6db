"""The command ``gatepost-kiosk``: serve the pages. Every failure is one clear line and the exit code of its class."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.errors import GatepostError, SettingsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code. Usage errors exit with 2 by themselves."""
    parser = argparse.ArgumentParser(prog="gatepost-kiosk", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="serve the pages until told to stop (SIGTERM, Ctrl-C)", allow_abbrev=False)
    run.add_argument("--config", required=True, type=Path, metavar="FILE", help="the gate's settings file")
    options = parser.parse_args(arguments)
    try:
        from kiosk import run as kiosk_run

        return kiosk_run.run(options.config)
    except SettingsError as error:
        return _fail(error.mistakes, error.exit_code)
    except GatepostError as error:
        return _fail([f"gatepost-kiosk: {line}" for line in str(error).splitlines()], error.exit_code)


def _fail(lines: Sequence[str], exit_code: int) -> int:
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    return exit_code

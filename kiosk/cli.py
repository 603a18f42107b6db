"""The command ``gatepost-kiosk``: serve the pages, show them. A failure is one clear line and its class's exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.errors import GatepostError, SettingsError
from edge.settings import load
from kiosk import browser

PATIENCE_S = 180.0
"""A Pi that starts up is to have the page open long before; a grey screen to be gone while somebody seeks help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code. Usage errors exit with 2 by themselves."""
    parser = argparse.ArgumentParser(prog="gatepost-kiosk", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="serve the pages until told to stop (SIGTERM, Ctrl-C)", allow_abbrev=False)
    show = commands.add_parser(
        "browser", help="run a browser, ended when it shows nothing for long", allow_abbrev=False
    )
    for command in (run, show):
        command.add_argument("--config", required=True, type=Path, metavar="FILE", help="the gate's settings file")
    show.add_argument(
        "--patience-s", type=float, default=PATIENCE_S, metavar="SECONDS", help="how long; 180 if not given"
    )
    show.add_argument("browser", nargs="+", metavar="PROGRAM", help="after --: the browser and its options")
    options = parser.parse_args(arguments)
    try:
        settings = load(options.config)
        if settings.kiosk is None:
            allowed = "a table [kiosk] with police_telephone, for a screen"
            raise SettingsError([f"{options.config}: kiosk: nothing; allowed: {allowed}"])
        if "browser" in options:
            return browser.run(options.browser, settings.kiosk.port, options.patience_s)
        from kiosk import run as kiosk_run  # the web server is slow to load, and only here is it needed

        return kiosk_run.run(settings, settings.kiosk)
    except SettingsError as error:
        return _fail(error.mistakes, error.exit_code)
    except GatepostError as error:
        return _fail([f"gatepost-kiosk: {line}" for line in str(error).splitlines()], error.exit_code)


def _fail(lines: Sequence[str], exit_code: int) -> int:
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    return exit_code

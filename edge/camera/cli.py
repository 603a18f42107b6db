"""The command ``gatepost-camera``: runs the camera process, and turns every failure into one line and an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.errors import DeviceError, GatepostError, SettingsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code, as ``edge.errors`` has it. Usage errors exit with 2 by themselves."""
    parser = argparse.ArgumentParser(
        prog="gatepost-camera",
        description="Sees that somebody stands at the kiosk. Pictures stay in its memory.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="look until told to stop (SIGTERM, Ctrl-C)")
    run.add_argument("--config", required=True, type=Path, metavar="FILE", help="the gate's settings file")
    options = parser.parse_args(arguments)
    try:
        return _run(options.config)
    except SettingsError as error:
        lines, exit_code = error.mistakes, error.exit_code
    except GatepostError as error:
        lines, exit_code = [f"gatepost-camera: {line}" for line in str(error).splitlines()], error.exit_code
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    return exit_code


def _run(config: Path) -> int:
    from edge.settings import load

    settings = load(config)
    if settings.camera is None:
        raise SettingsError([f"{config}: camera: given nothing; allowed: one table headed [camera]"])
    try:
        from edge.camera import process
    except ImportError as error:
        raise DeviceError(
            f"OpenCV cannot be loaded ({error}): install gatepost[camera], or python3-opencv with apt and make the"
            " environment with --system-site-packages"
        ) from error
    return process.run(settings, settings.camera)

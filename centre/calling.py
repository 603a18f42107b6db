"""What every command of ``gatepost-centre`` has: its common options, and the way to the running centre."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from centre import files

Directory = Annotated[
    Path | None,
    typer.Option(
        "--runtime-directory", help="Where control.sock is. Also $GATEPOST_CENTRE_RUNTIME.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
By = Annotated[str, typer.Option("--by", help="Who does it: goes to the gate and into the archive.")]


def call(directory: Path | None, request: Mapping[str, object]) -> Any:
    """Ask the running centre. Raises NotReachableError, or what the centre raised."""
    from centre.desk import call as ask

    return ask(directory or files.default_runtime_directory(), request)


def print_json(answer: object) -> None:
    """One line for programs."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    sys.stdout.flush()

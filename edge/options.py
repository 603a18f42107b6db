"""The options that several commands share, and what they mean."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

DIRECTORY = Path("/run/gatepost")  # as edge.settings.Gate has it; not loaded for a plain question

Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The daemon's settings file, to find its sockets.")
]
Directory = Annotated[
    Path | None,
    typer.Option(
        "--runtime-directory",
        metavar="DIR",
        envvar="GATEPOST_RUNTIME_DIRECTORY",
        help=f"Where the daemon's sockets are; {DIRECTORY} if nothing is said.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]


def directory_of(config: Path | None, runtime_directory: Path | None) -> Path:
    """Where the daemon's sockets are, by its settings file or by the directory that was given."""
    if config is not None:
        from edge import settings

        return Path(settings.load(config).gate.runtime_directory)
    return DIRECTORY if runtime_directory is None else runtime_directory


def print_json(value: object) -> None:
    """One line for programs, at once."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


@contextmanager
def until_interrupted() -> Iterator[None]:
    """Ctrl-C ends the command well (exit code 0), and so does a reader that has enough (``| head``)."""
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except BrokenPipeError:
        # Nothing more can be said, not even by the interpreter's last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None

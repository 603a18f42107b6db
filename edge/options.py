"""The options that several commands share, and what they mean."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from edge.languages import Language, Text, language_of

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


def spoken(en: str, zh: str) -> str:
    """A text of ``--help`` in the terminal's language, which is known before any option is read."""
    return Text(en, zh).of(language_of(None, os.environ))


SETTINGS_FILE = Path("/etc/gatepost/gatepost.toml")
"""As the service has it; what the technician's commands look at if nothing is said."""

SettingsFile = Annotated[
    Path,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="GATEPOST_CONFIG",
        help=spoken(
            f"The gate's settings file; {SETTINGS_FILE} if nothing is said.", f"校门的设置文件，默认 {SETTINGS_FILE}。"
        ),
        show_default=False,
        show_envvar=False,
    ),
]
InLanguage = Annotated[
    Language | None,
    typer.Option(
        "--language", help=spoken("English or Chinese; as the terminal if nothing is said.", "英文或中文，默认随终端。")
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help=spoken("One JSON object a line, for programs.", "每行一个 JSON 对象，供程序使用。")),
]


def directory_of(config: Path | None, runtime_directory: Path | None) -> Path:
    """Where the daemon's sockets are, by its settings file or by the directory that was given."""
    if config is not None:
        from edge import settings

        return Path(settings.load(config).gate.runtime_directory)
    return DIRECTORY if runtime_directory is None else runtime_directory


def language(given: Language | None) -> Language:
    """What ``--language`` or the terminal says."""
    return language_of(given, os.environ)


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

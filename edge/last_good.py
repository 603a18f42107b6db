"""The last settings that worked: a slip of the pen at a gate must not silence its button."""

from __future__ import annotations

import logging
import os
import sys
import tomllib
from pathlib import Path

import msgspec

from edge.errors import SettingsError
from edge.settings import Settings, load

log = logging.getLogger("gatepost")

FILE = "settings.last-good.json"


def load_or_last_good(path: Path) -> tuple[Settings, str | None]:
    """The settings, or those that worked last and why the new ones were refused: a slip of the pen at a gate must not
    silence its button. Raises SettingsError where nothing ever worked."""
    try:
        return load(path), None
    except SettingsError as error:
        try:
            kept = msgspec.json.decode(_file_of(path).read_bytes(), type=Settings)
        except (OSError, msgspec.DecodeError):
            raise error from None  # said, all of it, by the command line
        for line in error.mistakes:
            print(line, file=sys.stderr)  # noqa: T201
        return kept, f"settings refused, running on the last that worked: {error.mistakes[0]}"


def _file_of(path: Path) -> Path:
    """Where the last good settings lie when the new ones cannot be read: their own word first, then systemd's."""
    try:
        named = tomllib.loads(path.read_text(encoding="utf-8"))["gate"]["state_directory"]
        directory = path.resolve().parent / str(named)
    except (OSError, ValueError, KeyError, TypeError):
        directory = Path(os.environ.get("STATE_DIRECTORY", "/var/lib/gatepost"))
    return directory / FILE


def keep(settings: Settings) -> None:
    """Remember settings that worked. A directory that cannot be written is logged, and no reason not to run."""
    file = Path(settings.gate.state_directory) / FILE
    fresh = msgspec.json.encode(settings)
    try:
        if file.exists() and file.read_bytes() == fresh:
            return
        part = file.with_suffix(".part")
        part.write_bytes(fresh)
        part.replace(file)
    except OSError as error:
        log.warning("the settings could not be kept as last good: %s", error)

"""The centre's directory and the locks that keep two centres apart."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from edge.errors import AlreadyRunningError, StorageError

RUNTIME_VARIABLE = "GATEPOST_CENTRE_RUNTIME"


def default_runtime_directory() -> Path:
    """``$GATEPOST_CENTRE_RUNTIME``, else ``/run/gatepost-centre``."""
    return Path(os.environ.get(RUNTIME_VARIABLE) or "/run/gatepost-centre")


def make_directory(path: Path) -> None:
    """Make it for this user alone, if missing. Raises StorageError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"directory {path}: {error.strerror}: make it, or give another") from error


def lock(path: Path, what: str) -> IO[bytes]:
    """Hold ``path`` until the process ends. Raises AlreadyRunningError or StorageError."""
    try:
        held = open(path, "ab")  # noqa: SIM115 - held for life
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}: give a place the centre may write to") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise AlreadyRunningError(f"{what} is in use by another centre: stop that one first") from error
    return held

"""Writes a file so that a power cut leaves the old one or the new one, whole. The one home of that.

The event log has SQLite for it.
"""

from __future__ import annotations

import os
from pathlib import Path


def lay(file: Path, content: bytes, *, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Put ``content`` in the file's place, with these rights; ``owner`` is user and group, None whoever calls.

    Nobody but the caller can read it before it has its rights. Raises OSError, and then the old file is untouched.
    """
    new = file.with_name(f".{file.name}.new")  # one name: what a power cut leaves of it goes with the next writing
    new.unlink(missing_ok=True)
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(content)
            stream.flush()
            if owner is not None:
                os.fchown(stream.fileno(), *owner)
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        new.replace(file)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync_directory(file.parent)


def sync_directory(directory: Path) -> None:
    """Have the card keep which files are there. Raises OSError."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

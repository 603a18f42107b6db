"""Replaces a settings file so that a power cut leaves the old one or the new one, whole, with the rights it had."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from edge.errors import StorageError


def replace_text(file: Path, text: str) -> None:
    """Put ``text`` in the file's place. A link stays a link. Raises StorageError; then the old file is untouched."""
    place = Path(os.path.realpath(file))
    try:
        old = place.stat()
        handle, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                os.fchmod(handle, stat.S_IMODE(old.st_mode))
                os.fchown(handle, old.st_uid, old.st_gid)
                stream.write(text.encode())
                stream.flush()
                os.fsync(handle)
            os.replace(name, place)
        except BaseException:
            os.unlink(name)
            raise
        directory = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise StorageError(
            f"{file} cannot be replaced: {error.strerror}; use sudo, and look at the space of its directory"
        ) from error

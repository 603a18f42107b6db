"""Replaces a settings file so that a power cut leaves the old one or the new one, whole, with the rights it had."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from edge import whole_file
from edge.errors import StorageError


def replace_text(file: Path, text: str) -> None:
    """Put ``text`` in the file's place. A link stays a link. Raises StorageError; then the old file is untouched."""
    place = Path(os.path.realpath(file))
    try:
        old = place.stat()
        whole_file.lay(place, text.encode(), mode=stat.S_IMODE(old.st_mode), owner=(old.st_uid, old.st_gid))
    except OSError as error:
        raise StorageError(
            f"{file} cannot be replaced: {error.strerror}; use sudo, and look at the space of its directory"
        ) from error

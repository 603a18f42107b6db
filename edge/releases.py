"""Where installed versions lie: one directory each, and the links ``current`` and ``previous``.

Knows the file system and nothing of gatepost's other modules: the installer uses it before anything is installed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from edge import whole_file

BASE = Path("/opt/gatepost")
COMPLETE = "complete"
"""A file in each version's directory that is written last. Without it the power went in the middle of installing."""


class Releases:
    """The versions below ``base``. Root calls it, one process at a time (``lock`` of the caller)."""

    def __init__(self, base: Path = BASE) -> None:
        self.base = base

    def place(self, version: str) -> Path:
        """The directory of this version, which need not be there."""
        return self.base / version

    def current(self) -> str | None:
        """The version that runs after the next start; None where none is installed."""
        return self._link("current")

    def previous(self) -> str | None:
        """The version to go back to; None where there is none."""
        return self._link("previous")

    def is_complete(self, version: str, content: str | None = None) -> bool:
        """It was installed to the end, and from ``content`` if that is given."""
        try:
            found = (self.place(version) / COMPLETE).read_text(encoding="utf-8")
        except OSError:
            return False
        return content is None or found.strip() == content

    def completed(self, version: str, content: str) -> None:
        """Installed to the end, and on the card: only now may ``switch`` be told of it. Raises OSError."""
        os.sync()
        write_through(self.place(version) / COMPLETE, content)

    def switch(self, version: str) -> None:
        """Make ``version`` the current one, and the one before it the previous one.

        A power cut at any moment leaves a ``current`` that works. Raises FileNotFoundError for one that is not
        complete, OSError where the links cannot be made.
        """
        if not self.is_complete(version):
            raise FileNotFoundError(f"{self.place(version)} is not a complete installation: install it again")
        if self.current() == version:
            return
        self.keep_current()
        self._point("current", version)

    def keep_current(self) -> None:
        """Make the current version the one to go back to, before another is tried. Raises OSError."""
        before = self.current()
        if before is not None and self.is_complete(before):
            self._point("previous", before)

    def go_back(self, version: str) -> None:
        """Make ``version`` current again after a trial, and stay ``previous``: it carries the way back out itself.

        Raises FileNotFoundError for one that is not complete, OSError.
        """
        if not self.is_complete(version):
            raise FileNotFoundError(f"{self.place(version)} is not a complete installation: install it again")
        self._point("current", version)

    def prune(self) -> list[str]:
        """Delete every version that is neither current nor previous; their names."""
        kept = {self.current(), self.previous()}
        gone = [entry.name for entry in self._versions() if entry.name not in kept]
        for name in gone:
            (self.place(name) / COMPLETE).unlink(missing_ok=True)  # half deleted is not complete
            shutil.rmtree(self.place(name))
        return gone

    def _versions(self) -> list[Path]:
        if not self.base.is_dir():
            return []
        return sorted(
            entry
            for entry in self.base.iterdir()
            if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith(".")
        )

    def _link(self, name: str) -> str | None:
        try:
            return os.readlink(self.base / name)
        except OSError:
            return None

    def _point(self, name: str, version: str) -> None:
        """A new link is made beside and moved over the old one: there is never none."""
        beside = self.base / f".{name}.new"
        beside.unlink(missing_ok=True)
        beside.symlink_to(version)
        beside.replace(self.base / name)
        whole_file.sync_directory(self.base)


def write_through(file: Path, text: str) -> None:
    """Make the file have this text, whole or not at all, also over a power cut. Raises OSError."""
    whole_file.lay(file, text.encode(), mode=0o644)

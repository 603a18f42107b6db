"""Room on the card that is set aside for alarms: a file of no use, deleted when the card is full.

On a full card SQLite refuses everything, deleting included, so the room must be there before. The store's thread calls
everything here.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

RESERVE_BYTES = 2 * 1024 * 1024
"""A hundred alarms: their WAL (1 MiB until it is brought into the file), their rows, entries and indexes."""

_SHARE_OF_CARD = 3
"""Never more than one part in so many: a card as small as that (a test's, a RAM disk) has other worries."""


class Reserve:
    """The file beside ``path``. Nothing here raises."""

    def __init__(self, path: Path) -> None:
        self._file = path.with_name(f"{path.stem}.reserve")
        self._spent = False

    @property
    def is_spent(self) -> bool:
        """True while what is left of the card is for alarms only."""
        return self._spent

    def set_aside(self) -> None:
        """Make the file, where there is room for it and for as much again."""
        with suppress(OSError):
            card = os.statvfs(self._file.parent)
            if self._file.exists() or card.f_blocks * card.f_frsize < _SHARE_OF_CARD * RESERVE_BYTES:
                self._spent = False
                return
            self._spent = card.f_bavail * card.f_frsize < 2 * RESERVE_BYTES
            if not self._spent:
                self._make()

    def give_up(self) -> bool:
        """Make the room, where the card is full and it has not been made yet; True if that is worth another try."""
        with suppress(OSError):
            card = os.statvfs(self._file.parent)
            if self._file.exists() and card.f_bavail * card.f_frsize < RESERVE_BYTES:
                self._file.unlink()
                self._spent = True
                return True
        return False

    def _make(self) -> None:
        part = self._file.with_suffix(".part")
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.posix_fallocate(handle, 0, RESERVE_BYTES)
            finally:
                os.close(handle)
            part.replace(self._file)
        except OSError:
            part.unlink(missing_ok=True)
            raise

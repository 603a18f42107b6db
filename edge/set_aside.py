"""Damaged store files that were moved aside for a technician, and when they have to go.

They are called ``events.damaged.N``, and hold what the store held: temperatures and pictures too. The store's thread
calls everything here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edge import whole_file

FILES_MAX = 3
"""Damaged files that are kept for a technician."""

_PARTS = ("", "-wal", "-shm")


def move(path: Path) -> str:
    """Rename the file with its -wal and -shm; keep the newest three. Raises OSError. Says where it went."""
    older_ones = _numbers(path)
    number = older_ones[-1] + 1 if older_ones else 1
    moved = False
    for suffix, target in zip(_PARTS, _parts(path, number), strict=True):
        with suppress(FileNotFoundError):
            os.rename(f"{path}{suffix}", target)
            moved = True
    if not moved:
        return ""
    for surplus in older_ones[: len(older_ones) + 1 - FILES_MAX]:
        for part in _parts(path, surplus):
            part.unlink(missing_ok=True)
    whole_file.sync_directory(path.parent)
    return f"; moved aside to {_parts(path, number)[0].name}"


def files(path: Path) -> Sequence[Path]:
    """The damaged files that are kept, the newest first."""
    return [_parts(path, number)[0] for number in reversed(_numbers(path))]


def older(path: Path, before_wall_ms: int) -> Sequence[int]:
    """Numbers of the damaged files no part of which was written since, as the machine's clock dated it; oldest first.

    A clock that was behind makes a file go early, which costs a technician's evidence and nobody's secret.
    """
    return [number for number in _numbers(path) if _written_ms(path, number) < before_wall_ms]


def delete(path: Path, number: int) -> bool:
    """Delete a damaged file with its -wal and -shm. False if it cannot be deleted: ``older`` still finds it then."""
    try:
        for part in reversed(_parts(path, number)):
            part.unlink(missing_ok=True)
        whole_file.sync_directory(path.parent)
    except OSError:
        return False
    return True


def _numbers(path: Path) -> Sequence[int]:
    """Also of a file of which only the -wal or -shm is left: records may lie in the -wal alone."""
    stem = f"{path.stem}.damaged."
    names = (found.name.removeprefix(stem) for found in path.parent.glob(f"{stem}*"))
    numbers = (name.removesuffix("-wal").removesuffix("-shm") for name in names)
    return sorted({int(number) for number in numbers if number.isdecimal()})


def _parts(path: Path, number: int) -> Sequence[Path]:
    return [path.with_name(f"{path.stem}.damaged.{number}{suffix}") for suffix in _PARTS]


def _written_ms(path: Path, number: int) -> int:
    newest_ms = 0
    for part in _parts(path, number):
        with suppress(OSError):
            newest_ms = max(newest_ms, part.stat().st_mtime_ns // 1_000_000)
    return newest_ms

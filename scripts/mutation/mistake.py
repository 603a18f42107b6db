"""What a mistake made on purpose is."""

from __future__ import annotations

from typing import NamedTuple


class Mistake(NamedTuple):
    """One edit: ``old`` stands exactly once in ``file`` and becomes ``new``."""

    name: str
    file: str
    old: str
    new: str

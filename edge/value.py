"""The base of everything that is said between the brain and its hands."""

from __future__ import annotations

import msgspec


class Value(msgspec.Struct, frozen=True):
    """Base of all facts, commands and records: immutable and compared by content."""

"""The newest entry of a ledger, as the gate tells it in each heartbeat: who keeps it notices a ledger that was cut."""

from __future__ import annotations

import re

from edge.value import Value

_HEAD = re.compile(r"([1-9][0-9]{0,15}):([0-9a-f]{64})")


class Head(Value, frozen=True):
    """Number and hash of an entry. The number rises by one with each; nobody can make another entry of this hash."""

    number: int
    hash: str


def head_of(text: str) -> Head:
    """``NUMBER:HASH``, as people pass a head on. Raises ValueError."""
    found = _HEAD.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f"{text[:90]!r} is not NUMBER:HASH, such as 1234:9f86d0… with 64 hexadecimal digits")
    return Head(int(found[1]), found[2])

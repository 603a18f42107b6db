"""What is asked of an outbox, card or memory alike, by those who have two of them."""

from __future__ import annotations

from collections.abc import Sequence

from edge.diary import Diary
from edge.events import Latch, Load, Row
from edge.measuring import CrowdKept
from edge.ports import Outbox

HISTORY_LIMIT = 1_000

Signs = tuple[Latch | None, int | None, CrowdKept | None, Diary | None]
"""What an outbox tells when it opens: latch, last sign of life, crowd, diary."""


def load_of(load: Load, after_seq: int, outbox: Outbox) -> Sequence[Row]:
    """Owed rows of the load's lane, from another cursor."""
    return outbox.load(load.lane, after_seq, load.limit)


def signs_of(outbox: Outbox) -> Signs:
    """All that a starting brain is told."""
    return outbox.latch(), outbox.last_alive_wall_ms(), outbox.crowd(), outbox.diary()


def latched(latch: Latch | None) -> bool:
    """True where an incident is open."""
    return latch is not None and bool(latch.ids)


def all_rows(outbox: Outbox) -> list[Row]:
    """Everything in it, owed or not."""
    rows: list[Row] = []
    while found := outbox.history(rows[-1].seq if rows else 0, HISTORY_LIMIT):
        rows.extend(found)
    return rows

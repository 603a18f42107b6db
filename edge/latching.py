"""How one word about the open incident is laid over another, so that neither a restart nor a late card loses an alarm.

Pure. A latch that is said before the store could be read knows nothing of older incidents; those stay beside it.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from edge.events import EventId, Latch


def over(latch: Latch, kept: Latch | None) -> Latch:
    """What is to be kept where ``kept`` is now: a press before the store was read must not end an older alarm.

    What this same life of the daemon said before is no older alarm: it is left out, with what it was laid over kept.
    """
    if not latch.unread or kept is None:
        return latch
    older = kept.before if kept.unread and kept.boot == latch.boot else replace(kept, before=None)
    if older is None:
        return latch
    siren_ms = older.siren_until_ms if older.kernel_boot == latch.kernel_boot else None
    return replace(
        latch,
        ids=(*latch.ids, *(id for id in older.ids if id not in latch.ids)),
        officer=latch.officer or older.officer,
        presses=latch.presses + older.presses,
        siren_until_ms=siren_ms if latch.siren_until_ms is None else latch.siren_until_ms,
        before=older,
        done_on_broker=latch.done_on_broker or older.done_on_broker,
    )


def unheard(known: Collection[EventId], kept: Latch | None) -> Latch | None:
    """The incidents of a kept latch that are not ``known`` to this life: a file saved from damage may be behind."""
    ids = () if kept is None else tuple(id for id in kept.ids if id not in known)
    if kept is None or not ids:
        return None
    return replace(kept, ids=ids, presses=kept.presses if ids == kept.ids else 0)

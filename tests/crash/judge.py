"""The judge of cards: what was promised must be there, what is there must be whole, the ledger must hang together."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence, Set
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from edge.drivers.store import SqliteOutbox
from edge.events import EventId, Lane
from edge.ledger_check import MERE_DOUBTS, Checker
from edge.ledger_export import check
from edge.ledger_key import GateKey, PublicKey
from edge.ledger_table import read
from edge.ports import OutboxDamaged, OutboxFull
from tests.crash.day import Promise


class Order(NamedTuple):
    """What may have changed without a fault: events that were marked done, and such as may be forgotten."""

    done: Set[EventId]
    forgotten: Set[EventId]
    key: GateKey


def faults(path: Path, promises: Sequence[Promise], order: Order) -> list[str]:
    """What is wrong with a card once the store has opened it; empty if nothing is."""
    try:
        outbox = SqliteOutbox(path, 1_000)
    except (OutboxDamaged, OutboxFull) as error:
        return [f"corrupt: {error}"]
    try:
        latch = outbox.latch()
    finally:
        outbox.close()
    found: list[str] = []
    with closing(sqlite3.connect(path)) as connection:
        (whole,) = connection.execute("PRAGMA integrity_check").fetchone()
        rows = connection.execute("SELECT boot, counter, owed, lane FROM events").fetchall()
        counts = connection.execute("SELECT lane, kept, owed FROM counts ORDER BY lane").fetchall()
    if whole != "ok":
        found.append(f"corrupt: {whole}")
    owed = {EventId(boot, counter): bool(owed) for boot, counter, owed, _ in rows}
    for lane in Lane:
        mine = [row for row in rows if row[3] == lane]
        if counts[lane][1:] != (len(mine), sum(row[2] for row in mine)):
            found.append(f"corrupt: the counts of {lane.name} are not those of the rows")
    promised = {id for promise in promises for id in promise.ids}
    lost = sorted(promised - set(owed) - order.forgotten)
    if lost:
        found.append(f"lost: {len(lost)} of {len(promised)}, the first is {lost[0]}")
    settled = [id for id in promised & set(owed) if not owed[id] and id not in order.done]
    if settled:
        found.append(f"lost: {settled[0]} is owed no more, and nobody said so")
    if max((promise.latched for promise in promises), default=0) > (0 if latch is None else latch.presses):
        found.append("lost: an older latch came back")
    heads = [promise.head for promise in promises if promise.head is not None]
    outcome = check(read(path), Checker([PublicKey(order.key.public_key)], head=heads[-1] if heads else None))
    return found + [f"ledger: {one}" for one in outcome.findings if one.fault not in MERE_DOUBTS]

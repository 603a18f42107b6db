"""What a person at the centre must look into, beside incidents and troubles. Pure; no clock.

Two kinds: those that follow from what is known of a gate and end by themselves, and those that stand until a named
person has cleared them, because nothing that the gate says can prove them settled.
"""

from __future__ import annotations

from enum import Enum

import msgspec
from msgspec.structs import replace

from edge.diary import Week, week_of
from edge.events import Code, Topic
from edge.wire import Address, Event


class Matter(Enum):
    """What it is about. The first two end by themselves."""

    TEST_OVERDUE = "test_overdue"
    DUE_UNBELIEVABLE = "due_unbelievable"
    LEDGER = "ledger"
    WINDOW_UNASKED = "window_unasked"
    WEEK_MISSED = "week_missed"
    ALARM_UNVERIFIED = "alarm_unverified"
    UNVERIFIED = "unverified"


class Item(msgspec.Struct, frozen=True):
    """One matter at one gate. ``id`` is empty where it ends by itself; ``times`` counts how often it was found."""

    address: Address
    matter: Matter
    since_wall_ms: int
    detail: str
    id: str = ""
    times: int = 1
    cleared_by: str = ""
    cleared_wall_ms: int = 0


def found(known: Item | None, address: Address, matter: Matter, detail: str, id: str, wall_ms: int) -> Item:
    """The item after something was found that only a person can clear: one of a kind for each gate."""
    if known is None or known.cleared_wall_ms:
        return Item(address, matter, wall_ms, detail[:300], id)
    return replace(known, detail=detail[:300], times=known.times + 1)


def missed_week(event: Event) -> Week | None:
    """The judged week that this event tells of, if it broke the rule of two tests; else None."""
    week = week_of(event.body) if event.topic is Topic.LOG and event.code is Code.PERIODIC_TEST else None
    return None if week is None or week.compliant else week


def cleared(item: Item, by: str, wall_ms: int) -> Item:
    """The item after a named person has looked into it."""
    return replace(item, cleared_by=by, cleared_wall_ms=wall_ms)

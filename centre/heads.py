"""The newest ledger head of a gate, as an outside witness: a log that was shortened or rewritten shows. Pure; no clock.

Each heartbeat names the newest record of the gate's ledger by number and hash. Heartbeats of two brokers may overtake
one another, and those that waited at a broker may come late, so "later" is by the gate's own order, never by arrival.
"""

from __future__ import annotations

import msgspec

SETTLE_MS = 60_000
"""A boot nobody knows whose counter does not follow is believed to be the newest once it still speaks after this time:
what waited at a broker comes at once and then never again; a gate whose card was replaced or set back goes on."""

CHARACTERS_MAX = 128
NUMBER_MAX = 2**63 - 1


class Head(msgspec.Struct, frozen=True):
    """One heartbeat's head. ``wall_ms`` is when the centre heard it, ``monotonic_ms`` the gate's own clock."""

    number: int
    hash: str
    boot: str
    boot_counter: int
    monotonic_ms: int
    wall_ms: int


class Heads(msgspec.Struct, frozen=True):
    """``newest`` is what later heads are compared with; ``stranger`` began a boot that does not follow it."""

    newest: Head | None = None
    stranger: Head | None = None


def head_of(health: dict[str, object], wall_ms: int) -> Head | None:
    """A heartbeat's head, None where it names none. Raises ValueError where it cannot be understood."""
    said = health.get("ledger")
    if said is None:
        return None
    try:
        head = msgspec.convert({**health, **_plain(said), "wall_ms": wall_ms}, Head)
    except (msgspec.ValidationError, TypeError) as error:
        raise ValueError(str(error)) from error
    whole = (head.number, head.boot_counter, head.monotonic_ms)
    if not all(0 <= one <= NUMBER_MAX for one in whole) or max(len(head.hash), len(head.boot)) > CHARACTERS_MAX:
        raise ValueError(f"number {head.number}, hash of {len(head.hash)} characters")
    return head


def _plain(said: object) -> dict[str, object]:
    if not isinstance(said, dict):
        raise TypeError("ledger is no object")
    return {"number": said.get("number"), "hash": said.get("hash")}


def heard(heads: Heads, head: Head) -> tuple[Heads, str | None]:
    """Take a head; give what is known now and, where the log was tampered with, what is wrong in one sentence."""
    newest = heads.newest
    if newest is None:
        return Heads(head), None
    if head.boot == newest.boot:
        if head.monotonic_ms <= newest.monotonic_ms:
            return heads, None  # late, or the same heartbeat by another broker
    elif head.boot_counter <= newest.boot_counter:
        stranger = heads.stranger
        if stranger is None or stranger.boot != head.boot:
            return Heads(newest, head), None
        if head.wall_ms < stranger.wall_ms + SETTLE_MS:
            return heads, None
    return Heads(head), _wrong(newest, head)


def _wrong(before: Head, after: Head) -> str | None:
    """The older head is given whole: ``gatepost ledger verify --head`` takes it so."""
    told = f"before, it ended with {before.number}:{before.hash}"
    if after.number < before.number:
        return f"its ledger was shortened to {after.number}; {told}"
    if after.number == before.number and after.hash != before.hash:
        return f"the end of its ledger was rewritten ({after.hash[:8]}...); {told}"
    return None

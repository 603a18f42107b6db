"""Who really said it: what comes from a gate whose key is on record counts only if that key signed it. Pure; no clock.

An old message is as well signed as a new one. Events are told apart by their ids, and presence by its connection; a
heartbeat, which is what keeps a gate from being called silent, must be newer than the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from centre.inbox import Arrival
from edge import seals, wire
from edge.ledger_key import PublicKey
from edge.wire import Address, WireError

UNPROVED = ("unsigned", "signature", "no_key")
"""Reasons of refusal that an officer must look into: somebody may speak in a gate's name."""

Keys = Callable[[str], Sequence[PublicKey] | None]
"""A gate's keys by its name; None where none is on record."""


class Notary:
    """``required``: a gate without a key on record is refused, too; else it is believed and shown as unverified."""

    def __init__(self, keys: Keys = lambda _: None, *, required: bool = False) -> None:
        self._keys = keys
        self._required = required

    def opened(self, arrival: Arrival, address: Address) -> tuple[bytes, bool]:
        """The message without its seal, and whether the gate's own key has signed it.

        Raises WireError: ``unsigned``, ``signature`` or ``no_key``, and ``oversized``.
        """
        payload = arrival.payload
        if len(payload) > wire.UP_BYTES_MAX:
            raise WireError("oversized", f"{len(payload)} bytes, {wire.UP_BYTES_MAX} allowed")
        body, signature = seals.taken_off(payload)
        keys = self._keys(str(address))
        if keys is None:
            if self._required:
                raise WireError("no_key", f"{address} has no key on record")
            return body, False
        if not signature:
            raise WireError("unsigned", f"{address} has a key on record and did not sign")
        digest = seals.digest_of(arrival.topic, body)
        if not any(key.is_genuine(digest, signature) for key in keys):
            raise WireError("signature", f"{address}: it is not by its key, or came on another topic")
        return body, True


class Beat(msgspec.Struct, frozen=True):
    """A heartbeat's place among those of its gate."""

    boot: str = ""
    boot_counter: int = 0
    monotonic_ms: int = 0


def beat_of(health: Mapping[str, object]) -> Beat | None:
    """A heartbeat's place, None where it tells none."""
    try:
        return msgspec.convert(health, Beat) if {"boot", "boot_counter", "monotonic_ms"} <= health.keys() else None
    except msgspec.ValidationError:
        return None


def is_newer(last: Beat, beat: Beat, has_lived: Callable[[str], bool]) -> bool:
    """True for a heartbeat that was said after ``last``.

    ``has_lived`` tells whether events of a boot were ever kept: a boot whose counter does not follow is a replay then,
    else the first life on a new card.
    """
    if beat.boot == last.boot:
        return beat.monotonic_ms > last.monotonic_ms
    return not last.boot or beat.boot_counter > last.boot_counter or not has_lived(beat.boot)

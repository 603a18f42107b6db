"""What the centre says to gates, as it travels: signed for one gate, with what makes it new to that gate.

A receipt quotes the digest of the very message that it answers. What officers say quotes the newest challenge that the
gate's heartbeats told, and a number that rises under it; nothing of that need outlive the process. No thread of its
own: the service's thread uses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from centre.inbox import Arrival
from edge import seals, wire
from edge.events import Stage
from edge.ledger_key import load_or_make_at
from edge.seals import Sign
from edge.wire import Address, CentreCommand, Event, Proof, Receipt

KEY_FILE, PUBLIC_FILE = "centre.key", "centre.pub"
"""Beside the centre's database, unless another key is named. The public one is for ``centre.public_key_file``."""

COMMAND_MS = 60_000
"""A command that has not reached the gate by then is not obeyed, by the gate's own clock."""

ACT_MS = 120_000
"""What an officer says of an alarm is repeated with each heartbeat, so it need not live long."""

WITHIN_MS_MAX = 300_000
"""What a gate allows at most, whatever is asked."""

_CHALLENGE = re.compile(r"[0-9a-f]{16}")


@dataclass(slots=True)
class _Heard:
    """The newest challenge of a gate, when it was heard by the centre's monotonic clock, and the last number said."""

    challenge: str
    boot: str
    monotonic_ms: int
    at_ms: int
    number: int = 0


class Voice:
    """``sign`` makes the centre's signatures."""

    def __init__(self, sign: Sign) -> None:
        self._sign = sign
        self._heard: dict[Address, _Heard] = {}

    def heard(self, address: Address, health: Mapping[str, object], now_ms: int) -> None:
        """Note the challenge of a heartbeat, if it has one and is newer than what is known."""
        match health:
            case {"challenge": str(challenge), "boot": str(boot), "monotonic_ms": int(monotonic_ms)}:
                pass
            case _:
                return
        known = self._heard.get(address)
        late = known is not None and known.boot == boot and monotonic_ms <= known.monotonic_ms
        same = known is not None and known.challenge == challenge
        if _CHALLENGE.fullmatch(challenge) and not late and not same:
            self._heard[address] = _Heard(challenge, boot, monotonic_ms, now_ms)

    def receipt(self, address: Address, event: Event, arrival: Arrival, wall_ms: int) -> tuple[str, bytes]:
        """Topic and message that say that this arrival of this event is kept."""
        body, _ = seals.taken_off(arrival.payload)
        digest = seals.digest_of(arrival.topic, body).hex()
        receipt = wire.receipt_of(event.id, Stage.RECEIVED, "", wall_ms, digest)
        return self._sealed(address.receipts, receipt)

    def say(self, address: Address, word: CentreCommand | Receipt, now_ms: int) -> tuple[str, bytes]:
        """Topic and message of what an officer says to this gate. Each call makes a new word of it."""
        if isinstance(word, CentreCommand):
            topic, word_ms = address.commands, COMMAND_MS
        else:
            topic, word_ms = address.receipts, ACT_MS
        heard = self._heard.get(address)
        if heard is None:  # an old gate asks for none; another refuses it, and hears it again after its next heartbeat
            return self._sealed(topic, word)
        heard.number += 1
        within_ms = min(now_ms - heard.at_ms + word_ms, WITHIN_MS_MAX)
        return self._sealed(topic, replace(word, proof=Proof(heard.challenge, heard.number, within_ms)))

    def _sealed(self, topic: str, word: CentreCommand | Receipt) -> tuple[str, bytes]:
        return topic, seals.sealed(topic, wire.encode(word), self._sign)


def voice_of(directory: Path, key_file: Path | None) -> Voice:
    """The centre's voice, by the key in this file, else by the one in the centre's directory, made if missing.

    Raises CertificateError.
    """
    path = directory / KEY_FILE if key_file is None else key_file
    return Voice(load_or_make_at(path, directory / PUBLIC_FILE, "the centre's key").sign)

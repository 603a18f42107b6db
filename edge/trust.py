"""What this gate signs, and whom it believes: one for the gate, whichever broker a message goes or comes by.

The brain's thread seals; paho's threads ask whether what came is genuine and new. Nothing here may delay or stop an
alarm: without its own key the gate sends unsigned, and without the centre's a word is as good as the broker's rules.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from edge import seals, wire
from edge.challenges import Challenges
from edge.events import EventId, Record, Stage, Topic
from edge.wire import CentreCommand, Proof, Receipt, WireError

ANSWERED = (Topic.ALARM, Topic.SELF_TEST)
"""What the centre sends a receipt for."""

SENT_EVENTS_MAX = 1_000
"""Alarms whose digests are remembered: far more than can be on their way."""

SENDINGS_MAX = 16
"""Digests remembered of one alarm: it goes again every few seconds, and each time its age differs."""


class Signer(Protocol):
    """The gate's private key."""

    public_key: str

    def sign(self, digest: bytes) -> str:
        """The signature of a digest as 128 hexadecimal digits."""


class Genuine(Protocol):
    """A public key."""

    def is_genuine(self, digest: bytes, signature: str) -> bool:
        """True where the private key made this signature of these bytes."""


class KeyHolder:
    """A key that several threads need, loaded by the first of them; whoever comes later gets the same one."""

    def __init__(self, load: Callable[[], Signer]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._key: Signer | None = None

    @property
    def key(self) -> Signer | None:
        """The key, None until it was loaded. Any thread; never waits."""
        return self._key

    def load(self) -> Signer:
        """The key. Raises CertificateError, and tries again at the next call. Not for the brain's thread."""
        with self._lock:
            if self._key is None:
                self._key = self._load()
            return self._key


def nobody() -> None:
    """The signer of a gate that has no key."""


def no_keys() -> None:
    """The keys of a gate that was given none: whatever the broker lets through is obeyed."""


class Trust:
    """``signer`` gives the gate's key, or None while there is none; it must not wait.

    ``centre_keys`` gives the keys by which the centre may sign, one after the other where it is replacing one: None
    where the settings name no file, () where the file they name cannot be used; then no word is believed.
    """

    def __init__(
        self,
        signer: Callable[[], Signer | None] = nobody,
        centre_keys: Callable[[], Sequence[Genuine] | None] = no_keys,
        draw: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._signer = signer
        self._read_keys = centre_keys
        self._keys = centre_keys()
        self._lock = threading.Lock()
        self._challenges = Challenges(draw)
        self._sent: dict[EventId, tuple[str, ...]] = {}

    # --- up -----------------------------------------------------------------------------------------------------

    def seal(self, topic: str, body: bytes) -> bytes:
        """A message as it travels; unsigned while there is no key, which is a trouble of the ledger's."""
        return self._seal(body, seals.digest_of(topic, body))

    def seal_event(self, topic: str, body: bytes, record: Record) -> bytes:
        """As ``seal``. Of what the centre answers the digest is remembered: its receipt must quote it."""
        digest = seals.digest_of(topic, body)
        if record.topic not in ANSWERED:
            return self._seal(body, digest)
        id = record.id
        with self._lock:
            before = self._sent.get(id, ())
            self._sent[id] = (*before, digest.hex())[-SENDINGS_MAX:]
            if len(self._sent) > SENT_EVENTS_MAX:
                del self._sent[next(iter(self._sent))]
        return self._seal(body, digest)

    def heartbeat(self, topic: str, health: Mapping[str, object], now_ms: int) -> bytes:
        """A heartbeat as it travels, with the challenge that the centre is to quote."""
        with self._lock:
            challenge = self._challenges.current(now_ms)
        return self.seal(topic, wire.encode({**health, "challenge": challenge}))

    def _seal(self, body: bytes, digest: bytes) -> bytes:
        key = self._signer()
        if key is None:
            return body
        return seals.put_on(body, key.sign(digest))

    # --- down ---------------------------------------------------------------------------------------------------

    def read_keys(self) -> None:
        """Read the centre's keys afresh, as at each dial; those that worked stay while the file does not.

        May wait for the card. Raises nothing.
        """
        self._keys = self._read_keys() or self._keys

    def receipt(self, topic: str, payload: bytes, now_ms: int) -> tuple[EventId, Stage, Receipt]:
        """A receipt that is genuine and new, as ``wire.decode_receipt`` gives it. Raises WireError."""
        id, stage, receipt = wire.decode_receipt(self._opened(topic, payload))
        if self._keys is not None:
            if stage is Stage.RECEIVED:
                self._answers(id, receipt.digest)
            else:
                self._obey(receipt.proof, now_ms)
        return id, stage, receipt

    def command(self, topic: str, payload: bytes, now_ms: int) -> tuple[CentreCommand, bool]:
        """A command that is genuine, and whether it has proved that it is new. Raises WireError."""
        command = wire.decode_command(self._opened(topic, payload))
        if self._keys is None:
            return command, False
        self._obey(command.proof, now_ms)
        return command, True

    def _opened(self, topic: str, payload: bytes) -> bytes:
        """The message without its seal, if the seal is the centre's or none is wanted."""
        keys = self._keys
        if keys is None:
            return payload
        if len(payload) > wire.DOWN_BYTES_MAX:
            raise WireError("oversized", f"{len(payload)} bytes, {wire.DOWN_BYTES_MAX} allowed")
        body, signature = seals.taken_off(payload)
        if not signature:
            raise WireError("unsigned", f"{len(payload)} bytes without a signature")
        digest = seals.digest_of(topic, body)
        if not any(key.is_genuine(digest, signature) for key in keys):
            raise WireError("signature", "it is not by the centre's key, or was meant for another gate")
        return body

    def _answers(self, id: EventId, digest: str | None) -> None:
        """What was received must be what was sent in this life: its boot's id alone makes every sending new."""
        with self._lock:
            if digest is None or digest not in self._sent.get(id, ()):
                raise WireError("digest", f"{id}: this life of the gate has sent no event like that")

    def _obey(self, proof: Proof | None, now_ms: int) -> None:
        with self._lock:
            self._challenges.obey(proof, now_ms)

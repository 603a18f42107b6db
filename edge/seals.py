"""The seal of a message: an Ed25519 signature as the last field of its JSON, and what it covers. The seal's one home.

A reader of the version before sees one field more, which it ignores. The signature covers the SHA-256 of the topic
and of the message as it was before the field was put on; the topic names county, school, gate and kind, so that what
was said to one gate, or by one, is worth nothing anywhere else. docs/centre.md has it for those who write another end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256

PREFIX = b"gatepost message 1"
"""Stands in front of what is hashed: a signature of the ledger's, by the same key, is never one of a message."""

_SEAL = re.compile(rb',"signature":"([0-9a-f]{128})"\}')
SEAL_BYTES = 144

Sign = Callable[[bytes], str]
"""Gives the signature of a digest as 128 hexadecimal digits."""


def digest_of(topic: str, body: bytes) -> bytes:
    """What is signed, 32 bytes: of a topic and of a message without its seal."""
    return sha256(b"%b\n%b\n%b" % (PREFIX, topic.encode(), body)).digest()


def put_on(body: bytes, signature: str) -> bytes:
    """The message with its seal. ``body`` is a JSON object of at least one field."""
    return b'%b,"signature":"%b"}' % (body[:-1], signature.encode())


def sealed(topic: str, body: bytes, sign: Sign) -> bytes:
    """The message, signed for this topic."""
    return put_on(body, sign(digest_of(topic, body)))


def taken_off(payload: bytes) -> tuple[bytes, str]:
    """The message as it was before it was sealed, and the signature: empty where there is no seal."""
    found = _SEAL.fullmatch(payload, len(payload) - SEAL_BYTES) if len(payload) > SEAL_BYTES else None
    if found is None:
        return payload, ""
    return payload[:-SEAL_BYTES] + b"}", found[1].decode()

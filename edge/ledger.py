"""The ledger's entries: what belongs in it, how entries are chained, and an entry as a line of text and back.

Pure. An entry is one line; its hash covers every byte of the line before the hash, its signature every byte before the
signature, and each entry repeats the hash of the one before. So an entry that is genuine vouches for all before it,
their signatures included. docs/ledger.md has the format for those who write another verifier.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from hashlib import sha256

import msgspec

from edge.events import Record, Topic
from edge.ledger_head import Head as Head
from edge.ledger_head import head_of as head_of
from edge.value import Value

NOTHING = "0" * 64
"""What the first entry of all has for the hash of the entry before."""

DAMAGED = "surrogateescape"
"""How what is no text is read and written: a damaged row must be found to be wrong, and not end the search."""

TOPICS = (Topic.ALARM, Topic.SELF_TEST, Topic.LOG)
"""Alarms, tests, and what was done at the gate. None of the three ever carries a temperature or a picture."""

_LINE = re.compile(
    rb'\{"ledger":1,"number":([1-9][0-9]{0,15}),"previous":"([0-9a-f]{64})","record":(\{.*\}),'
    rb'"signature":"([0-9a-f]{128}|)","hash":"([0-9a-f]{64})"\}'
)

Sign = Callable[[bytes], str]
"""Gives the signature of a digest in hexadecimal digits."""


class Entry(Value, frozen=True):
    """One entry. ``record`` is the event (or note) as JSON text; ``signature`` is empty where there was no key."""

    number: int
    previous: str
    record: str
    signature: str
    hash: str

    @property
    def head(self) -> Head:
        """This entry as the end of a chain."""
        return Head(self.number, self.hash)


class What(Enum):
    """Why the ledger itself wrote an entry: it began, it signs with this key from here on, or cannot sign."""

    BEGAN = "began"
    KEY = "key"
    UNSIGNED = "unsigned"


class Note(Value, frozen=True):
    """An entry that is no event. ``last`` is the newest entry that was known when a ledger had to begin anew."""

    note: What
    gate: str
    why: str
    public_key: str = ""
    last: Head | None = None


_encoder = msgspec.json.Encoder()
_note = msgspec.json.Decoder(Note)
_record = msgspec.json.Decoder(Record)


def belongs(record: Record) -> bool:
    """True for what the ledger keeps: every alarm, every test, and every line of the log."""
    return record.topic in TOPICS


def text_of(value: Record | Note) -> str:
    """What an entry holds, as it is kept and hashed: nobody need ever write the same JSON again."""
    return _encoder.encode(value).decode()


def content_of(text: str) -> Record | Note | None:
    """What an entry holds; None where nobody can read it, which no gate of ours has written."""
    try:
        return _note.decode(text) if text.startswith('{"note":') else _record.decode(text)
    except (msgspec.DecodeError, ValueError):  # what is no JSON, and what is no text at all
        return None


def next_entry(head: Head | None, text: str, sign: Sign | None) -> Entry:
    """The entry that follows ``head`` (None: the first of all)."""
    number, previous = (1, NOTHING) if head is None else (head.number + 1, head.hash)
    signature = "" if sign is None else sign(sha256(_signed(number, previous, text)).digest())
    return Entry(number, previous, text, signature, _hash(number, previous, text, signature))


def digest_of(entry: Entry) -> bytes:
    """What is signed: the SHA-256 of the line as far as its signature."""
    return sha256(_signed(entry.number, entry.previous, entry.record)).digest()


def is_whole(entry: Entry) -> bool:
    """True where the entry's hash is that of its content."""
    return entry.hash == _hash(entry.number, entry.previous, entry.record, entry.signature)


def line_of(entry: Entry) -> bytes:
    """The entry as one line of JSON, without the line's end."""
    sealed = _sealed(entry.number, entry.previous, entry.record, entry.signature)
    return b'%b,"hash":"%b"}' % (sealed, entry.hash.encode("utf-8", DAMAGED))


def entry_of(line: bytes) -> Entry:
    """The entry in a line that ``line_of`` wrote. Raises ValueError for any other, if only by a space."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError("not an entry in the form that gatepost writes")
    number, previous, record, signature, hash = found.groups()
    return Entry(int(number), previous.decode(), record.decode(), signature.decode(), hash.decode())


def _signed(number: int, previous: str, text: str) -> bytes:
    return f'{{"ledger":1,"number":{number},"previous":"{previous}","record":{text}'.encode("utf-8", DAMAGED)


def _sealed(number: int, previous: str, text: str, signature: str) -> bytes:
    sealed = f'{{"ledger":1,"number":{number},"previous":"{previous}","record":{text},"signature":"{signature}"'
    return sealed.encode("utf-8", DAMAGED)


def _hash(number: int, previous: str, text: str, signature: str) -> str:
    return sha256(_sealed(number, previous, text, signature)).hexdigest()

"""What the ledger does to its table in the event log's file: written with the events, read by commands.

The store's thread writes. A command reads the file beside the running daemon and changes nothing in it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from edge.errors import CertificateError, StorageError
from edge.events import Record
from edge.ledger import DAMAGED, Entry, Head, Note, What, belongs, is_whole, next_entry, text_of

ADD = "INSERT INTO ledger (number, previous, record, signature, hash) VALUES (?, ?, ?, ?, ?)"
HEAD = "SELECT number, hash FROM ledger ORDER BY number DESC LIMIT 1"
FIRST = "SELECT number, previous, record, signature, hash FROM ledger ORDER BY number LIMIT 1"
BEFORE = """
    SELECT number, previous, record, signature, hash FROM ledger WHERE number < ? ORDER BY number DESC LIMIT ?
"""
PIECE = "SELECT number, previous, record, signature, hash FROM ledger WHERE number > ? ORDER BY number LIMIT ?"
READ = "SELECT number, previous, record, signature, hash FROM ledger ORDER BY number"
KEEP_KEY = "INSERT INTO keep (key, value) VALUES ('ledger', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
KEPT_KEY = "SELECT value FROM keep WHERE key = 'ledger'"

LOST = "the file that held the entries before was damaged, deleted or replaced"
PUT_BACK = "an older file was put in the place of the one that was written"
REPLACED_KEY = "another key is in use from here on"
BUSY_S = 5.0
SHORT_S = 0.1
"""The store's own thread waits no longer for a lock: a press may come."""

TAIL_ENTRIES = 500
"""What a self-test looks at: some 50 ms on a Pi, once a day."""

NUMBER_MAX = 2**63 - 1


class Signer(Protocol):
    """The gate's private key."""

    public_key: str

    def sign(self, digest: bytes) -> str:
        """The signature of a digest in hexadecimal digits."""


class Scribe:
    """Chains events on, whichever file they go to. The store's thread calls everything; nothing here may fail a press.

    It outlives the files: where one is lost while the gate runs, the next goes on with the number that was reached.
    """

    def __init__(self, gate: str, load_key: Callable[[], Signer], tell: Callable[[bool, str], None]) -> None:
        """``load_key`` may raise CertificateError; ``tell`` hears when, and why, entries are not signed."""
        self._gate = gate
        self._load_key = load_key
        self._tell = tell
        self._key: Signer | None = None
        self._why = ""
        self._written: Head | None = None

    @property
    def written(self) -> Head | None:
        """The newest entry that is known to be on the card."""
        return self._written

    @property
    def public_key(self) -> str | None:
        """Of the key that signs, None while there is none."""
        return None if self._key is None else self._key.public_key

    def prepare(self) -> None:
        """Before a transaction: try for the key, as long as there is none. An event never waits for it in vain."""
        if self._key is not None:
            return
        try:
            self._key = self._load_key()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, alarms are kept and the trouble is told
            why = str(error) if isinstance(error, CertificateError) else f"unforeseen {type(error).__name__}: {error}"
            if why != self._why:
                self._why = why
                self._tell(True, why)
            return
        if self._why:
            self._tell(False, "entries are signed again")
            self._why = ""

    def add(self, connection: sqlite3.Connection, records: Sequence[Record]) -> Head | None:
        """Chain on those of the records that belong, within the caller's transaction; the new head.

        The caller says ``committed`` once they are safe. Raises sqlite3.Error.
        """
        head = head_in(connection)
        kept = [record for record in records if belongs(record)]
        if not kept:
            return head
        contents: list[Note | Record] = [*self._notes(connection, head), *kept]
        if head is None:
            head = self._written  # the file is new, and the numbers go on
        sign = None if self._key is None else self._key.sign
        rows = []
        for content in contents:
            entry = next_entry(head, text_of(content), sign)
            rows.append(_row(entry))
            head = entry.head
        connection.executemany(ADD, rows)
        return head

    def committed(self, head: Head | None) -> None:
        """This is on the card: what follows goes on from here, even in another file."""
        self._written = head or self._written

    def salvaged(self, head: Head | None) -> None:
        """A damaged file's newest entry, as far as it could be read, if this life has not written a newer one."""
        if self._written is None:
            self._written = head

    def _notes(self, connection: sqlite3.Connection, head: Head | None) -> list[Note]:
        """What the ledger itself must say before it goes on: that it began, and by which key it is signed."""
        public_key = "" if self._key is None else self._key.public_key
        found = connection.execute(KEPT_KEY).fetchone()
        notes = []
        if head is None:
            why = LOST if self._written is not None else ""
            notes.append(Note(What.BEGAN, self._gate, why, public_key, self._written))
        elif self._written is not None and head.number < self._written.number:
            notes.append(Note(What.BEGAN, self._gate, PUT_BACK, public_key, self._written))
        if self._key is None and (found is None or found[0]):
            notes.append(Note(What.UNSIGNED, self._gate, self._why))
        elif self._key is not None and found is not None and found[0] != public_key:
            why = REPLACED_KEY if found[0] else "entries are signed again"
            notes.append(Note(What.KEY, self._gate, why, public_key))
        if found is None or found[0] != public_key:
            connection.execute(KEEP_KEY, (public_key,))
        return notes


def head_in(connection: sqlite3.Connection) -> Head | None:
    """The newest entry of a file; None where there is none. Raises sqlite3.Error."""
    found = connection.execute(HEAD).fetchone()
    return None if found is None else Head(*found)


def first_in(connection: sqlite3.Connection) -> Entry | None:
    """The oldest entry of a file; None where there is none. Raises sqlite3.Error."""
    found = connection.execute(FIRST).fetchone()
    return None if found is None else Entry(*found)


def piece_before(damaged: Path, first: Entry, limit: int) -> list[Entry]:
    """Entries of a damaged file that go before ``first``, the newest of them first: only what the chain proves."""
    entries: list[Entry] = []
    number, hash = first.number - 1, first.previous
    # What cannot be read ends the search: nothing before it could be proved.
    with suppress(sqlite3.Error, UnicodeDecodeError, StorageError), closing(_opened(damaged)) as connection:
        for row in connection.execute(BEFORE, (first.number, limit)):
            entry = _entry(row)
            if entry is None or entry.head != Head(number, hash) or not is_whole(entry):
                break
            entries.append(entry)
            number, hash = entry.number - 1, entry.previous
    return entries


def tail_of(connection: sqlite3.Connection) -> tuple[int, str]:
    """How many of the newest entries were looked at, TAIL_ENTRIES at most, and what is wrong with them, if anything.

    Numbers, hashes and links. Signatures and all that lies before are for ``gatepost ledger verify``.
    Raises sqlite3.Error. For a connection of its own: what it reads as text changes.
    """
    connection.text_factory = partial(str, encoding="utf-8", errors=DAMAGED)
    following: Entry | None = None
    looked = 0
    for row in connection.execute(BEFORE, (NUMBER_MAX, TAIL_ENTRIES)):
        entry = _entry(row)
        looked += 1
        if entry is None or not is_whole(entry):
            return looked, f"entry {row[0]} was changed"
        if following is not None and (entry.number, entry.hash) != (following.number - 1, following.previous):
            return looked, f"entry {following.number} does not follow the one before it"
        following = entry
    return looked, "" if looked else "the ledger is empty"


def put_back(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    """Write entries of an older file, within the caller's transaction. Raises sqlite3.Error."""
    connection.executemany(ADD, [_row(entry) for entry in entries])


def read(database: Path) -> Iterator[Entry | None]:
    """Every entry as one moment had them, None for a row that is none. The daemon may go on.

    Raises StorageError where the file cannot be read.
    """
    with _explained(database), closing(_opened(database)) as connection:
        for row in connection.execute(READ):
            yield _entry(row)


def read_piece(database: Path, after: int, limit: int) -> list[Entry | None]:
    """As ``read``, but only entries after a number, at most ``limit``."""
    with _explained(database), closing(_opened(database, SHORT_S)) as connection:
        return [_entry(row) for row in connection.execute(PIECE, (after, limit))]


@contextmanager
def _explained(database: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if "no such table" in str(error):
            raise StorageError(f"{database} has no ledger yet: start this gatepost's daemon once") from error
        raise StorageError(
            f"{database} cannot be read: {error}; run this as the service's user (sudo -u gatepost ...)"
        ) from error


def _entry(row: tuple[object, ...]) -> Entry | None:
    match row:
        case (int(number), str(previous), str(record), str(signature), str(hash)):
            return Entry(number, previous, record, signature, hash)
        case _:
            return None


def _row(entry: Entry) -> tuple[int, str, str, str, str]:
    return entry.number, entry.previous, entry.record, entry.signature, entry.hash


def _opened(database: Path, busy_s: float = BUSY_S) -> sqlite3.Connection:
    if not database.exists():
        raise StorageError(f"{database} is not there; name the gate's settings with --config FILE")
    connection = sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True, timeout=busy_s)
    connection.text_factory = partial(str, encoding="utf-8", errors=DAMAGED)
    return connection

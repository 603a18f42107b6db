"""The ledger in the event log's file: what is chained on, what is said when a key or a file is missing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edge.chain import Result
from edge.errors import CertificateError, StorageError
from edge.events import Record, Topic
from edge.ledger import Entry, Head, Note, What, content_of
from edge.ledger_check import Checker, Fault
from edge.ledger_export import check
from edge.ledger_key import GateKey, PublicKey
from edge.ledger_table import Scribe, Signer, head_in, read, tail_of
from edge.store_schema import MIGRATIONS
from tests.unit.ledgers import GATE, event, key_in


class Desk:
    """A scribe with its file, and what it told."""

    def __init__(self, directory: Path, load_key: Callable[[], Signer]) -> None:
        self.path = directory / "events.db"
        self.told: list[tuple[bool, str]] = []
        self.scribe = Scribe(GATE, load_key, lambda raised, detail: self.told.append((raised, detail)))
        self.open()

    def open(self) -> None:
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        if not self.connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
            for statement in MIGRATIONS[3]:
                self.connection.execute(statement)
            self.connection.execute("CREATE TABLE keep (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")

    def write(self, *records: Record, commit: bool = True) -> None:
        self.scribe.prepare()
        self.connection.execute("BEGIN IMMEDIATE")
        head = self.scribe.add(self.connection, records)
        self.connection.execute("COMMIT" if commit else "ROLLBACK")
        if commit:
            self.scribe.committed(head)

    def entries(self) -> list[Entry]:
        return [entry for entry in read(self.path) if entry is not None]

    def contents(self) -> list[Note | Record | None]:
        return [content_of(entry.record) for entry in self.entries()]

    def lose(self) -> None:
        self.connection.close()
        for file in self.path.parent.glob("events.db*"):
            file.unlink()
        self.open()


@pytest.fixture
def key(tmp_path: Path) -> GateKey:
    return key_in(tmp_path / "key")


@pytest.fixture
def desk(tmp_path: Path, key: GateKey) -> Desk:
    return Desk(tmp_path, lambda: key)


def verdict(desk: Desk, key: GateKey, head: Head | None = None) -> tuple[Result, list[Fault]]:
    outcome = check(read(desk.path), Checker([PublicKey(key.public_key)], head=head))
    return outcome.result, [one.fault for one in outcome.findings]


def test_the_first_event_opens_the_ledger_with_the_gate_and_its_key(desk: Desk, key: GateKey) -> None:
    desk.write(event(1))
    desk.write(event(2), event(3, Topic.ALARM))
    assert desk.contents() == [
        Note(What.BEGAN, GATE, "", key.public_key), event(1), event(2), event(3, Topic.ALARM),
    ]  # fmt: skip
    assert verdict(desk, key, desk.entries()[-1].head) == (Result.PASS, [])
    assert desk.told == []


@pytest.mark.parametrize("topic", [Topic.TEMPERATURE, Topic.PICTURE, Topic.FLOW, Topic.TROUBLE])
def test_nothing_personal_and_no_trouble_is_chained_on(desk: Desk, topic: Topic) -> None:
    desk.write(event(1, topic))
    assert desk.entries() == []


def test_a_transaction_that_did_not_come_about_leaves_nothing_and_the_next_goes_on_well(
    desk: Desk, key: GateKey
) -> None:
    desk.write(event(1), commit=False)
    desk.write(event(2))
    desk.write(event(3), commit=False)
    desk.write(event(4))
    assert desk.contents()[1:] == [event(2), event(4)]
    assert verdict(desk, key, desk.entries()[-1].head) == (Result.PASS, [])


def test_without_a_key_events_are_kept_unsigned_with_the_reason_and_signed_as_soon_as_it_is_there(
    tmp_path: Path, key: GateKey
) -> None:
    missing = [True]

    def load() -> Signer:
        if missing:
            raise CertificateError("ledger.key can be used by others")
        return key

    desk = Desk(tmp_path, load)
    desk.write(event(1))
    desk.write(event(2))
    assert desk.told == [(True, "ledger.key can be used by others")]
    assert [entry.signature for entry in desk.entries()] == [""] * 4
    assert desk.contents()[1] == Note(What.UNSIGNED, GATE, "ledger.key can be used by others")
    missing.clear()
    desk.write(event(3))
    assert desk.told[1:] == [(False, "entries are signed again")]
    assert desk.contents()[4:] == [Note(What.KEY, GATE, "entries are signed again", key.public_key), event(3)]
    assert all(entry.signature for entry in desk.entries()[4:])
    assert verdict(desk, key, desk.entries()[-1].head) == (Result.PARTIAL, [Fault.UNSIGNED])


def test_another_key_is_said_in_the_ledger(desk: Desk, key: GateKey, tmp_path: Path) -> None:
    desk.write(event(1))
    other = key_in(tmp_path / "other")
    desk.scribe = Scribe(GATE, lambda: other, lambda *_: None)
    desk.write(event(2))
    desk.write(event(3))
    notes = [one for one in desk.contents() if isinstance(one, Note)]
    assert [(one.note, one.public_key) for one in notes] == [
        (What.BEGAN, key.public_key), (What.KEY, other.public_key),
    ]  # fmt: skip
    assert verdict(desk, other, desk.entries()[-1].head) == (Result.PASS, [])


def test_a_file_that_is_lost_while_the_gate_runs_is_gone_on_from(desk: Desk, key: GateKey) -> None:
    desk.write(event(1))
    last = desk.entries()[-1]
    desk.lose()
    desk.write(event(2))
    note, record = desk.entries()
    assert (note.number, note.previous) == (last.number + 1, last.hash)
    content = content_of(note.record)
    assert isinstance(content, Note)
    assert content.last == last.head
    assert content_of(record.record) == event(2)
    assert verdict(desk, key, record.head) == (Result.PARTIAL, [Fault.BEGAN_ANEW])


def test_what_a_damaged_file_still_said_is_gone_on_from_after_a_restart(desk: Desk, key: GateKey) -> None:
    desk.scribe.salvaged(Head(40, "a" * 64))
    desk.write(event(2))
    assert (desk.entries()[0].number, desk.entries()[0].previous) == (41, "a" * 64)


def test_a_damaged_files_end_does_not_replace_a_newer_one_that_this_life_wrote(desk: Desk) -> None:
    desk.write(event(1))
    written = desk.entries()[-1]
    desk.scribe.salvaged(Head(1, "a" * 64))
    desk.lose()
    desk.write(event(2))
    assert desk.entries()[0].previous == written.hash


def test_an_older_copy_put_in_the_files_place_is_told_by_the_gate_itself(desk: Desk, key: GateKey) -> None:
    desk.write(event(1))
    copy = sqlite3.connect(desk.path.with_name("copy"))
    with closing(copy):
        desk.connection.backup(copy)
    desk.write(event(2))
    desk.lose()
    with closing(sqlite3.connect(desk.path.with_name("copy"))) as copy:
        copy.backup(desk.connection)
    desk.write(event(3))
    desk.write(event(4))
    result, faults = verdict(desk, key)
    assert (result, faults) == (Result.FAIL, [Fault.ROLLED_BACK])


def test_the_head_is_what_the_file_has(desk: Desk) -> None:
    assert head_in(desk.connection) is None
    desk.write(event(1))
    assert head_in(desk.connection) == desk.entries()[-1].head


def test_a_file_without_a_ledger_and_no_file_at_all_are_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not there"):
        list(read(tmp_path / "events.db"))
    with closing(sqlite3.connect(tmp_path / "events.db")) as connection:
        connection.execute("CREATE TABLE events (x)")
    with pytest.raises(StorageError, match="has no ledger yet"):
        list(read(tmp_path / "events.db"))
    (tmp_path / "events.db").write_bytes(b"rubbish" * 1000)
    with pytest.raises(StorageError, match="cannot be read"):
        list(read(tmp_path / "events.db"))


def test_of_1000_random_changed_bytes_of_rows_none_goes_unnoticed(desk: Desk, key: GateKey) -> None:
    import random

    randomly = random.Random(7)
    for counter in range(1, 20):
        desk.write(event(counter, Topic.ALARM))
    head = desk.entries()[-1].head
    rows = desk.connection.execute("SELECT number, previous, record, signature, hash FROM ledger").fetchall()
    names = ("previous", "record", "signature", "hash")
    for _ in range(1000):
        number, *texts = randomly.choice(rows)
        column = randomly.randrange(4)
        changed = bytearray(texts[column].encode())
        place = randomly.randrange(len(changed))
        changed[place] ^= randomly.randrange(1, 256)
        statement = f"UPDATE ledger SET {names[column]} = CAST(? AS TEXT) WHERE number = ?"
        desk.connection.execute(statement, (bytes(changed), number))
        assert verdict(desk, key, head)[0] is Result.FAIL, (number, names[column], place)
        desk.connection.execute(statement, (texts[column].encode(), number))
    assert verdict(desk, key, head) == (Result.PASS, [])


def test_a_self_test_looks_at_the_ledgers_end_and_names_the_entry_that_was_changed(desk: Desk) -> None:
    desk.write(*(event(counter) for counter in range(1, 9)))
    count = len(desk.entries())
    assert tail_of(desk.connection) == (count, "")
    with desk.connection:
        desk.connection.execute("UPDATE ledger SET record = record || ' ' WHERE number = 6")
    looked, fault = tail_of(desk.connection)
    assert (looked, fault) == (count - 5, "entry 6 was changed")


def test_a_self_test_notices_an_entry_that_is_missing_from_the_ledgers_end(desk: Desk) -> None:
    desk.write(*(event(counter) for counter in range(1, 9)))
    with desk.connection:
        desk.connection.execute("DELETE FROM ledger WHERE number = 6")
    assert tail_of(desk.connection)[1] == "entry 7 does not follow the one before it"

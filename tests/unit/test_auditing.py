"""The gate proves its own ledger between two jobs, and says so as link 16 of a self-test."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from edge.auditing import AGAIN_MS, EVERY_MS, PIECE, Auditing
from edge.chain import Link
from edge.drivers.clock import FixedClock
from edge.errors import StorageError
from edge.ledger import Entry, Head
from edge.ledger_key import GateKey, PublicKey
from edge.proving import LinkProbed
from tests.unit.ledgers import began, chained, event, key_in, ledger_of


class Desk:
    """An auditor over entries in memory, with a clock moved by hand."""

    def __init__(self, key: GateKey) -> None:
        self.key = key
        self.entries: list[Entry | None] = list(ledger_of(key, 3 * PIECE))
        last = self.entries[-1]
        assert last is not None
        self.head: Head | None = last.head
        self.clock = FixedClock(1_000)
        self.told: list[LinkProbed] = []
        self.broken: StorageError | None = None
        self.judge: PublicKey | None = PublicKey(key.public_key)
        self.auditing = Auditing(self._read, lambda: self.head, lambda: self.judge, self.clock, self.told.append)

    def _read(self, after: int, limit: int) -> list[Entry | None]:
        if self.broken is not None:
            raise self.broken
        return [entry for entry in self.entries if entry is None or entry.number > after][:limit]

    def wait(self, ms: int) -> LinkProbed | None:
        """Let time pass and the auditor work as long as it wants to; what it told, if anything."""
        self.clock.advance(ms)
        del self.told[:]
        while self.auditing.step():
            pass
        return self.told[0] if self.told else None


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(key_in(tmp_path))


def test_the_first_round_comes_at_once_and_the_next_hours_later(desk: Desk) -> None:
    probed = desk.wait(0)
    assert probed == LinkProbed(Link.LOG, True, "", desk.clock.now_ms(), 3.0 * PIECE)
    assert desk.wait(EVERY_MS - 1) is None
    assert desk.wait(1) is not None


def test_one_step_looks_at_one_piece(desk: Desk) -> None:
    assert [desk.auditing.step() for _ in range(4)] == [True, True, True, False]
    assert len(desk.told) == 1


def test_entries_that_are_added_meanwhile_are_no_fault(desk: Desk) -> None:
    desk.auditing.step()
    assert desk.head is not None
    desk.entries += chained(desk.key, [event(500)], desk.head)
    probed = desk.wait(0)
    assert probed is not None
    assert (probed.good, probed.measured) == (True, 3 * PIECE + 1)


@pytest.mark.parametrize("what", ["edited", "deleted", "cut", "put back", "unreadable", "gone"])
def test_whatever_was_done_to_the_file_makes_the_link_fail(desk: Desk, what: str) -> None:
    entry = desk.entries[40]
    assert entry is not None
    match what:
        case "edited":
            desk.entries[40] = replace(entry, record=entry.record.replace("1", "2"))
        case "deleted":
            del desk.entries[40]
        case "cut":
            del desk.entries[-1]
        case "put back":
            desk.entries = list(chained(desk.key, [began(desk.key), *(event(n) for n in range(1, 3 * PIECE))]))
        case "unreadable":
            desk.entries[40] = None
        case _:
            desk.broken = StorageError("events.db is not there")
    probed = desk.wait(0)
    assert probed is not None
    assert not probed.good
    assert probed.detail
    assert desk.wait(AGAIN_MS - 1) is None
    assert desk.wait(1) is not None


def test_a_ledger_signed_by_another_key_fails_and_one_that_nobody_signs_is_a_doubt(desk: Desk, tmp_path: Path) -> None:
    desk.judge = PublicKey(key_in(tmp_path / "other").public_key)
    probed = desk.wait(0)
    assert probed is not None
    assert (probed.good, probed.detail.partition(":")[0]) == (False, "forged")
    desk.judge = None
    assert desk.wait(EVERY_MS) == LinkProbed(Link.LOG, True, "", desk.clock.now_ms(), 3.0 * PIECE)

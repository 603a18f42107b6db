"""The judge of power cuts, on small logs written by hand."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from tests.machine import write_log
from tests.machine.write_log import AT_ONCE, FLUSH, SECTOR_BYTES, card_after, entries


def logged(file: Path, *writes: tuple[int, int, bytes]) -> Path:
    """A log of (sector, flags, data)."""
    content = struct.pack("<QQQI", write_log.MAGIC, 1, len(writes), SECTOR_BYTES).ljust(SECTOR_BYTES, b"\0")
    for sector, flags, data in writes:
        content += struct.pack("<QQQQ", sector, len(data) // SECTOR_BYTES, flags, 0).ljust(SECTOR_BYTES, b"\0") + data
    file.write_bytes(content)
    return file


def sectors(letters: str) -> bytes:
    return b"".join(letter.encode() * SECTOR_BYTES for letter in letters)


def test_what_was_flushed_is_kept_and_the_rest_may_be_lost_or_torn(tmp_path: Path) -> None:
    log = logged(tmp_path / "log", (0, 0, sectors("ab")), (0, FLUSH, b""), (2, 0, sectors("cdef")))
    seen = set()
    for seed in range(50):
        card = tmp_path / "card"
        card.write_bytes(sectors("------"))
        card_after(log, list(entries(log)), random.Random(seed), card)
        seen.add(card.read_bytes()[::SECTOR_BYTES].decode())
    assert {content[:2] for content in seen} == {"ab"}
    assert {"ab----", "abcdef"} < seen
    assert any(content[2] == "c" and content.endswith("-") for content in seen), "torn"


def test_a_write_that_must_be_on_the_card_at_once_is(tmp_path: Path) -> None:
    log = logged(tmp_path / "log", (0, AT_ONCE, sectors("a")))
    card = tmp_path / "card"
    for seed in range(20):
        card.write_bytes(sectors("-"))
        assert card_after(log, list(entries(log)), random.Random(seed), card) == (0, 0)
        assert card.read_bytes() == sectors("a")


def test_cards_lie_one_after_the_other(tmp_path: Path) -> None:
    log = logged(tmp_path / "log", (1, 0, sectors("a")), (0, FLUSH, b""))
    card = tmp_path / "card"
    card.write_bytes(sectors("----"))
    card_after(log, list(entries(log)), random.Random(1), card, 2 * SECTOR_BYTES)
    assert card.read_bytes() == sectors("---a")


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(bytes(4096))
    with pytest.raises(ValueError, match="no write log"):
        list(entries(tmp_path / "log"))

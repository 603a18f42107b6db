"""What a card was told to write, in order, as QEMU's blklogwrites logs it; and cards made of it for any moment.

The format is that of the kernel's dm-log-writes. A card without a capacitor keeps what was written before the last
flush; of what came later it keeps, loses or tears each write as it likes.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MAGIC = 0x6A736677736872
FLUSH, AT_ONCE, DISCARD = 1, 2, 4
SECTOR_BYTES = 512
LOST, TORN = 0.4, 0.2


class Write(NamedTuple):
    """One entry: where it stands in the log, and where its ``size`` bytes belong on the card."""

    logged_at: int
    place: int
    flags: int
    size: int


def entries(log: Path) -> Iterator[Write]:
    """All that was logged. Raises ValueError where this is no such log."""
    with log.open("rb") as file:
        magic, _, _, sector = struct.unpack("<QQQI", file.read(28))
        if magic != MAGIC:
            raise ValueError(f"{log} is no write log: it begins with {magic:#x}")
        at, end = sector, log.stat().st_size
        while at + 32 <= end:
            file.seek(at)
            place, sectors, flags, _ = struct.unpack("<QQQQ", file.read(32))
            if (place, sectors, flags) == (0, 0, 0):
                return
            size = sectors * sector
            yield Write(at, place * sector, flags, size)
            at += sector + (0 if flags & DISCARD else size)


def card_after(log: Path, writes: list[Write], dice: random.Random, card: Path, offset: int = 0) -> tuple[int, int]:
    """Apply these writes to the card as it was before them (at ``offset`` in the file), and lose power.

    How many were lost and how many torn.
    """
    flushed = max((number for number, write in enumerate(writes) if write.flags & FLUSH), default=-1)
    lost = torn = 0
    with log.open("rb") as source, card.open("r+b") as target:
        for number, write in enumerate(writes):
            if write.flags & DISCARD or not write.size:
                continue
            source.seek(write.logged_at + SECTOR_BYTES)
            data = source.read(write.size)
            if number > flushed and not write.flags & AT_ONCE:
                fate = dice.random()
                if fate < LOST:
                    lost += 1
                    continue
                if fate < LOST + TORN and write.size > SECTOR_BYTES:
                    data = data[: SECTOR_BYTES * dice.randrange(1, write.size // SECTOR_BYTES)]
                    torn += 1
            target.seek(offset + write.place)
            target.write(data)
    return lost, torn

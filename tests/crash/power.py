"""Cards as a power cut may leave them: what was synced is there, what came later is kept, lost or torn.

Names are as uncertain as bytes: that a file was made, or deleted, is certain once its directory was synced. SQLite does
that with the first sync of a new journal or WAL, and where it deletes a journal that it must not find again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from tests.crash.listening_vfs import Op

SECTOR_BYTES = 512
KEPT_SHARES = (0.0, 0.1, 0.5, 0.9, 1.0)
"""How much of what was not synced a card kept: from nothing to all of it, drawn anew for every cut."""

TORN = 0.2
"""The share of unsynced writes of which only some sectors arrived."""

Files = dict[str, bytearray]


class Card:
    """What is certain after the calls so far, and what is not."""

    def __init__(self, files: Files) -> None:
        self._certain = {name: bytearray(data) for name, data in files.items()}
        self._named = set(files)  # on the card for certain, as far as names go
        self._pending: dict[str, list[Op]] = {}
        self._names: list[Op] = []  # made or deleted, not yet certain
        self._seen = set(files)  # what a process finds there now

    def take(self, op: Op) -> None:
        """One more call was made."""
        match op.kind:
            case "create":
                self._names.append(op)
                self._seen.add(op.name)
                self._certain[op.name] = bytearray()
                self._pending[op.name] = []
            case "delete":
                self._names.append(op)
                self._seen.discard(op.name)
                if op.place:
                    self._sync_names()
            case "sync":
                apply(self._certain[op.name], self._pending.pop(op.name, []))
                if any(one.name == op.name for one in self._names) and not op.name.endswith(".db"):
                    self._sync_names()
            case _:
                self._pending.setdefault(op.name, []).append(op)

    def killed(self) -> Files:
        """As after SIGKILL: all that was written is there."""
        files = {name: bytearray(self._certain[name]) for name in self._seen}
        for name, data in files.items():
            apply(data, self._pending.get(name, []))
        return files

    def cut(self, dice: Random) -> Files:
        """As after a power cut."""
        kept = dice.choice(KEPT_SHARES)
        there = set(self._named)
        for op in self._names:
            if dice.random() < kept:
                (there.add if op.kind == "create" else there.discard)(op.name)
        files: Files = {}
        for name in sorted(there & set(self._certain)):
            files[name] = bytearray(self._certain[name])
            ops = [part for op in self._pending.get(name, []) for part in _fate(op, kept, dice)]
            apply(files[name], ops)
        return files

    def _sync_names(self) -> None:
        for op in self._names:
            if op.kind == "create":
                self._named.add(op.name)
            else:
                self._named.discard(op.name)
        self._names = []


def apply(data: bytearray, ops: Sequence[Op]) -> None:
    """Carry out writes and truncations."""
    for op in ops:
        if op.kind == "truncate":
            del data[op.place :]
        else:
            data.extend(bytes(max(0, op.place - len(data))))
            data[op.place : op.place + len(op.data)] = op.data


def _fate(op: Op, kept: float, dice: Random) -> Iterator[Op]:
    if op.kind == "write" and dice.random() < TORN:
        end = op.place + len(op.data)
        place = op.place
        while place < end:
            after = min(end, place // SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES)
            if dice.random() < kept:
                yield Op("write", op.name, place, op.data[place - op.place : after - op.place])
            place = after
    elif dice.random() < kept:
        yield op


def lay_down(files: Files, directory: Path) -> None:
    """Make these the only files there."""
    directory.mkdir(exist_ok=True)
    for old in directory.iterdir():
        old.unlink()
    for name, data in files.items():
        (directory / name).write_bytes(data)

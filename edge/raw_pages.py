"""Rows out of the pages of a SQLite file, without SQLite: for a file whose tree leads nowhere any more. Pure reading.

A page of rows explains itself: how many there are, where each lies, of which types its columns are. So a page that is
destroyed costs the rows on it and no others, even the first page of all. What is found this way proves nothing of
itself: whoever asks must know a row that is whole from one that is not. The format is SQLite's (fileformat2.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

Cell = tuple[int, tuple[object, ...]]
"""A row's number (0 in a table without numbers) and its columns."""

_ROWS, _KEYS = 0x0D, 0x0A  # leaves of a table, and of an index or a table without numbers
_LEAVES = (bytes((_ROWS,)), bytes((_KEYS,)))
_WAL_MAGIC = (0x377F0682, 0x377F0683)
_WAL_HEADER, _FRAME_HEADER, _FILE_HEADER = 32, 24, 100
_SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)  # bytes of the column types 0 to 9
_MAGIC = b"SQLite format 3"
_LIKELY_SIZES = (1024, 4096)  # of files of ours
_COLUMNS_MAX = 64


class RawPages:
    """The pages of ``path`` as its WAL last had them. Raises OSError where the file cannot be read at all."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("rb")
        self._wal: BinaryIO | None = None
        self._newer: dict[int, int] = {}  # page number: where it lies in the WAL
        try:
            self.size = _page_size(self._file.read(_FILE_HEADER)) or self._likely_size()
            self.count = -(-self._file.seek(0, 2) // self.size)
            self._open_wal(path.with_name(f"{path.name}-wal"))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the files go."""
        for file in (self._file, self._wal):
            if file is not None:
                file.close()

    def cells(self, number: int) -> Iterator[Cell]:
        """The rows on page ``number`` (from 1), as far as they can be read."""
        page = self._page(number)
        start = _FILE_HEADER if number == 1 else 0
        if len(page) < start + 8 or page[start] not in (_ROWS, _KEYS):
            return
        numbered = page[start] == _ROWS
        for place in range(start + 8, start + 8 + 2 * int.from_bytes(page[start + 3 : start + 5]), 2):
            try:
                cell = self._cell(page, int.from_bytes(page[place : place + 2]), numbered)
            except (IndexError, ValueError, OSError, OverflowError):
                continue  # not a row, or one of which a part is lost
            if cell is not None:
                yield cell

    def _likely_size(self) -> int:
        """The smaller size, unless far fewer places begin as leaves do there than at the larger one."""
        shares = {}
        for size in _LIKELY_SIZES:
            starts = range(size, self._file.seek(0, 2), size)
            found = sum(self._file.seek(place) == place and self._file.read(1)[:1] in _LEAVES for place in starts)
            shares[size] = found / max(1, len(starts))
        small, large = _LIKELY_SIZES
        return small if 2 * shares[small] > shares[large] else large

    def _page(self, number: int) -> bytes:
        if number in self._newer and self._wal is not None:
            self._wal.seek(self._newer[number])
            return self._wal.read(self.size)
        self._file.seek((number - 1) * self.size)
        return self._file.read(self.size)

    def _cell(self, page: bytes, place: int, numbered: bool) -> Cell | None:
        length, place = _varint(page, place)
        number = 0
        if numbered:
            number, place = _varint(page, place)
        payload = self._payload(page, place, length, numbered)
        columns = _columns(payload)
        return None if columns is None else (number, columns)

    def _payload(self, page: bytes, place: int, length: int, numbered: bool) -> bytes:
        """What is on the page, and what did not fit there and lies on a chain of others."""
        if not 0 < length <= self.size * self.count:
            raise ValueError("no length of a row")
        most = self.size - 35 if numbered else (self.size - 12) * 64 // 255 - 23
        if length <= most:
            return page[place : place + length]
        least = (self.size - 12) * 32 // 255 - 23
        here = least + (length - least) % (self.size - 4)
        here = here if here <= most else least
        parts, rest = [page[place : place + here]], length - here
        following = int.from_bytes(page[place + here : place + here + 4])
        while rest > 0 and following:
            part = self._page(following)
            parts.append(part[4 : 4 + min(rest, self.size - 4)])
            rest -= self.size - 4
            following = int.from_bytes(part[:4])
        return b"".join(parts)

    def _open_wal(self, path: Path) -> None:
        """Which pages the WAL has newer than the file: those up to its last commit, of its own round."""
        try:
            self._wal = path.open("rb")
        except FileNotFoundError:
            return
        header = self._wal.read(_WAL_HEADER)
        if len(header) < _WAL_HEADER or int.from_bytes(header[:4]) not in _WAL_MAGIC:
            return
        uncommitted: dict[int, int] = {}
        place = _WAL_HEADER
        while len(frame := self._wal.read(_FRAME_HEADER)) == _FRAME_HEADER and frame[8:16] == header[16:24]:
            uncommitted[int.from_bytes(frame[:4])] = place + _FRAME_HEADER
            if pages := int.from_bytes(frame[4:8]):
                self._newer.update(uncommitted)
                self.count = max(self.count, min(pages, self.count + len(self._newer)))
                uncommitted = {}
            place += _FRAME_HEADER + self.size
            self._wal.seek(place)


def _page_size(header: bytes) -> int | None:
    """What the file says of itself, if it still does."""
    size = int.from_bytes(header[16:18])
    return size if header.startswith(_MAGIC) and size >= 512 and size & (size - 1) == 0 else None


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends. Raises IndexError."""
    value = 0
    for length in range(1, 9):
        byte = data[place]
        value = value << 7 | byte & 0x7F
        place += 1
        if byte < 0x80:
            return value, place
        if length == 8:
            value = value << 8 | data[place]
            return value, place + 1
    raise AssertionError("eight bytes end it")


def _columns(payload: bytes) -> tuple[object, ...] | None:
    """The columns of a row, None where it has none. Raises IndexError or ValueError for what is no row."""
    end, place = _varint(payload, 0)
    if not 1 < end <= len(payload):
        return None
    kinds: list[int] = []
    while place < end:
        kind, place = _varint(payload, place)
        kinds.append(kind)
    if len(kinds) > _COLUMNS_MAX or place != end:
        return None
    return tuple(_values(payload, place, kinds))


def _values(payload: bytes, place: int, kinds: Sequence[int]) -> Iterator[object]:
    for kind in kinds:
        size = _SIZES[kind] if kind < len(_SIZES) else (kind - 12) // 2
        data = payload[place : place + size]
        if size < 0 or len(data) < size:
            raise ValueError("a column that is not there")
        place += size
        if kind in (0, 7):
            yield None  # nothing; the store keeps no broken numbers
        elif kind < len(_SIZES):
            yield kind - 8 if kind >= 8 else int.from_bytes(data, signed=True)
        else:
            yield data.decode("utf-8", "surrogateescape") if kind % 2 else data

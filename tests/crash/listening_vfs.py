"""SQLite's own file layer with an ear at every write, and with failures to order.

The store's code and SQLite stay as they are: the file layer that SQLite would use is copied, and three of its calls
(write, truncate, sync) and two about names (open, delete) pass through Python. Nothing is preloaded and nothing traced,
so it works wherever Python's ``sqlite3`` uses a SQLite that others can reach, as Debian's does.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from typing import Any, NamedTuple

import pytest

OK, IOERR, FULL, CANTOPEN = 0, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN
IOERR_WRITE, IOERR_FSYNC = IOERR | 3 << 8, IOERR | 4 << 8

_Name = c_void_p
_Open = CFUNCTYPE(c_int, c_void_p, _Name, c_void_p, c_int, POINTER(c_int))
_Delete = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)


class _Methods(ctypes.Structure):
    """``sqlite3_io_methods``, version 3."""

    _fields_ = [
        ("iVersion", c_int), ("xClose", c_void_p), ("xRead", c_void_p), ("xWrite", _Write), ("xTruncate", _Truncate),
        ("xSync", _Sync), ("rest", c_void_p * 13),
    ]  # fmt: skip


class _File(ctypes.Structure):
    _fields_ = [("methods", POINTER(_Methods))]


class _Vfs(ctypes.Structure):
    """``sqlite3_vfs``, version 3."""

    _fields_ = [
        ("iVersion", c_int), ("szOsFile", c_int), ("mxPathname", c_int), ("pNext", c_void_p), ("zName", c_char_p),
        ("pAppData", c_void_p), ("xOpen", _Open), ("xDelete", _Delete), ("rest", c_void_p * 14),
    ]  # fmt: skip


class Op(NamedTuple):
    """One call that changes a card. ``kind``: create, write, truncate, sync or delete; the file by its last name."""

    kind: str
    name: str
    place: int = 0
    data: bytes = b""


class Fault(NamedTuple):
    """What a call answers instead of doing its work. ``part`` of a write, 0 to 1, is written all the same."""

    code: int
    part: float = 0.0


Ear = Callable[[Op], Fault | None]


class ListeningVfs:
    """Registered as the default while in use. ``ear`` hears of every call before it is made, and may refuse it."""

    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        self.mistakes: list[BaseException] = []
        self._library = _library()
        original = self._library.sqlite3_vfs_find(None)
        self._original = original.contents
        self._vfs = _Vfs.from_buffer_copy(self._original)
        self._vfs.zName = b"listening"
        self._vfs.xOpen, self._vfs.xDelete = _Open(self._open), _Delete(self._delete)
        self._patched: dict[int, _Methods] = {}  # by the address of SQLite's own table
        self._names: dict[int, str] = {}
        self._calls: list[Any] = []

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Every connection that is opened meanwhile, by whomever in this process, goes through here."""
        self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1)
        try:
            yield
        finally:
            self._library.sqlite3_vfs_unregister(ctypes.byref(self._vfs))
            self._library.sqlite3_vfs_register(ctypes.byref(self._original), 1)
        assert not self.mistakes, self.mistakes

    def _refused(self, op: Op) -> Fault | None:
        try:
            return self.ear(op)
        except BaseException as error:  # noqa: BLE001 - nothing may pass through SQLite; told when it is over
            self.mistakes.append(error)
            return Fault(IOERR)

    def _open(self, vfs: int, name: int, file: int, flags: int, out: Any) -> int:
        path = None if not name else ctypes.string_at(name).decode()
        new = path is not None and not Path(path).exists()
        if path is not None and new and flags & 4 and self._refused(Op("create", Path(path).name)):
            _File.from_address(file).methods = POINTER(_Methods)()
            return CANTOPEN
        code = self._original.xOpen(vfs, name, file, flags, out)
        opened = _File.from_address(file)
        if code == OK and path is not None and opened.methods:
            self._names[file] = Path(path).name
            opened.methods = ctypes.pointer(self._methods(opened.methods))
        return int(code)

    def _methods(self, table: Any) -> _Methods:
        address = ctypes.addressof(table.contents)
        if address not in self._patched:
            ours = _Methods.from_buffer_copy(table.contents)
            theirs = table.contents
            calls = (
                _Write(lambda file, data, size, place: self._write(theirs, file, data, size, place)),
                _Truncate(lambda file, size: self._truncate(theirs, file, size)),
                _Sync(lambda file, flags: self._sync(theirs, file, flags)),
            )
            self._calls.append(calls)
            ours.xWrite, ours.xTruncate, ours.xSync = calls
            self._patched[address] = ours
        return self._patched[address]

    def _write(self, theirs: _Methods, file: int, data: int, size: int, place: int) -> int:
        fault = self._refused(Op("write", self._names[file], place, ctypes.string_at(data, size)))
        if fault is None:
            return int(theirs.xWrite(file, data, size, place))
        if fault.part:
            theirs.xWrite(file, data, int(size * fault.part), place)
        return fault.code

    def _truncate(self, theirs: _Methods, file: int, size: int) -> int:
        fault = self._refused(Op("truncate", self._names[file], size))
        return int(theirs.xTruncate(file, size)) if fault is None else fault.code

    def _sync(self, theirs: _Methods, file: int, flags: int) -> int:
        fault = self._refused(Op("sync", self._names[file]))
        return int(theirs.xSync(file, flags)) if fault is None else fault.code

    def _delete(self, vfs: int, name: bytes, sync: int) -> int:
        there = Path(name.decode()).exists()
        fault = self._refused(Op("delete", Path(name.decode()).name, sync)) if there else None
        return int(self._original.xDelete(vfs, name, sync)) if fault is None else fault.code


def _library() -> Any:
    """The very SQLite that Python uses, or skip the test."""
    file = getattr(_sqlite3, "__file__", None)
    try:
        library = ctypes.CDLL(file) if file else None
        find, register = library.sqlite3_vfs_find, library.sqlite3_vfs_register  # type: ignore[union-attr]
        forget = library.sqlite3_vfs_unregister  # type: ignore[union-attr]
    except (AttributeError, OSError):
        pytest.skip("this Python has a SQLite of its own inside, which cannot be listened to: use Debian's python3")
    find.restype, find.argtypes = POINTER(_Vfs), [c_char_p]
    register.argtypes, forget.argtypes = [c_void_p, c_int], [c_void_p]
    return library

"""The officer's desk: a local socket, one JSON request a line, one JSON answer a line. Both ends are here.

Only the centre's own user can open it (mode 0600 in a directory of mode 0700).
"""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from centre import views
from centre.archive import Archive
from centre.incidents import Incident
from edge import errors
from edge.errors import GatepostError, NotReachableError, RefusedError, StorageError
from edge.wire import Address

log = logging.getLogger(__name__)

SOCKET_NAME = "control.sock"
REQUEST_BYTES_MAX = 65_536
CONNECTIONS_MAX = 16
IDLE_S_MAX = 60
ANSWER_S_MAX = 10
ROWS_MAX = 2000  # per answer; the client asks for page after page
READS = ("events", "show", "tests", "windows", "drills", "drill")

Ask = Callable[[Mapping[str, object], float], object]


class Desk:
    """Serves the socket from threads of its own. ``ask`` reaches the service; events are read from ``database``."""

    def __init__(self, directory: Path, database: Path, ask: Ask) -> None:
        self._path = directory / SOCKET_NAME
        self._database = database
        self._ask = ask
        self._places = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # A socket left by a killed centre; that no other one runs, the lock beside it has shown.
            self._path.unlink(missing_ok=True)
            before = os.umask(0o177)
            try:
                self._listener.bind(str(self._path))
            finally:
                os.umask(before)
            self._listener.listen(CONNECTIONS_MAX)
        except OSError as error:
            raise StorageError(f"socket {self._path}: {error}: give another --runtime-directory") from error
        self._thread = threading.Thread(target=self._accept, name="desk", daemon=True)

    def start(self) -> None:
        """Open the desk."""
        self._thread.start()

    def close(self) -> None:
        """Close the desk and take the socket away."""
        with suppress(OSError):  # not connected: shutdown is only there to wake accept()
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            if not self._places.acquire(blocking=False):
                connection.close()
                log.warning("desk: more than %d at once: one turned away", CONNECTIONS_MAX)
                continue
            threading.Thread(target=self._serve, args=(connection,), name="desk-one", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(IDLE_S_MAX)
            with connection, connection.makefile("rwb") as stream:
                while line := stream.readline(REQUEST_BYTES_MAX):
                    stream.write(msgspec.json.encode(self._reply(line)) + b"\n")
                    stream.flush()
        except OSError as error:
            log.info("desk: a visitor left: %s", error)
        finally:
            self._places.release()

    def _reply(self, line: bytes) -> dict[str, object]:
        try:
            return {"ok": True, "answer": self._do(request_of(line))}
        except GatepostError as error:
            return {"ok": False, "error": type(error).__name__, "message": str(error)}
        except sqlite3.Error as error:
            return {"ok": False, "error": "StorageError", "message": f"the database cannot be read: {error}"}

    def _do(self, request: Mapping[str, object]) -> object:
        if request.get("do") in READS:
            # Reading much must not hold up receipts: these have a reader of their own.
            archive = Archive(self._database, read_only=True)
            try:
                return read(archive, request, time.time_ns() // 1_000_000)
            finally:
                archive.close()
        return self._ask(request, ANSWER_S_MAX)


def request_of(line: bytes) -> dict[str, object]:
    """What somebody at the desk asks. Raises RefusedError."""
    try:
        return msgspec.json.decode(line, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(f"request not understood: {error}") from error


def read(archive: Archive, request: Mapping[str, object], wall_ms: int) -> object:
    """Answer a request that only reads. Raises RefusedError or sqlite3.Error."""
    match request:
        case {"do": "events", "after": int(after), "limit": int(limit), "gate": str() | None as gate}:
            return archive.events(after, _limit(limit), gate)
        case {"do": "show", "id": str(id)}:
            return _shown(archive, id, wall_ms)
        case {"do": "tests", "gate": str() | None as gate, "limit": int(limit)}:
            return [views.trial_line(card, wall_ms) for card in archive.cards.newest(_limit(limit), gate)]
        case {"do": "windows", "gate": str() | None as gate, "limit": int(limit)}:
            return [views.window_line(window, wall_ms) for window in archive.windows.newest(_limit(limit), gate)]
        case {"do": "drills", "gate": str() | None as gate, "limit": int(limit)}:
            return [views.drill_line(drill) for drill in archive.drills.newest(_limit(limit), gate)]
        case {"do": "drill", "id": str(id)}:
            drill = archive.drills.find(id)
            window = archive.windows.get(drill.address, drill.id)
            held = archive.cards.of(drill.address, "window", drill.id)
            return {
                "drill": views.drill_line(drill),
                "window": None if window is None else views.window_line(window, wall_ms),
                "tests": [views.trial_line(card, wall_ms) for card in held],
            }
    raise RefusedError(f"request {request.get('do')!r} is not understood: use the same version at both ends")


def _limit(asked: int) -> int:
    return max(0, min(asked, ROWS_MAX))


def _shown(archive: Archive, id: str, wall_ms: int) -> dict[str, object]:
    found = archive.find(id)
    if isinstance(found, Incident):
        events, acts = archive.history(found)
        return {"incident": views.incident_line(found), "test": None, "events": events, "acts": acts}
    event: Any = found["event"]
    address = Address(*str(found["address"]).split("/"))
    card = archive.cards.get(address, event["id"])
    if card is None:
        return {"incident": None, "test": None, "events": [found], "acts": []}
    report = archive.event(address, card.report_id)
    return {
        "incident": None,
        "test": views.trial_line(card, wall_ms),
        "events": [found] if report is None or card.report_id == event["id"] else [found, report],
        "acts": archive.acts(address, card.id),
    }


def call(directory: Path, request: Mapping[str, object]) -> object:
    """Ask the centre that runs with this directory. Raises NotReachableError, or what the centre raised."""
    path = directory / SOCKET_NAME
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_S_MAX + 5)
            connection.connect(str(path))
            with connection.makefile("rwb") as stream:
                stream.write(msgspec.json.encode(request) + b"\n")
                stream.flush()
                line = stream.readline()
    except OSError as error:
        raise NotReachableError(
            f"no centre answers at {path} ({error}): start 'gatepost-centre run' or give its --runtime-directory"
        ) from error
    if not line:
        raise NotReachableError(f"the centre at {path} hung up without an answer: look in its journal")
    reply = msgspec.json.decode(line, type=dict[str, object])
    if reply.get("ok"):
        return reply.get("answer")
    kind = getattr(errors, str(reply.get("error")), RefusedError)
    if not (isinstance(kind, type) and issubclass(kind, GatepostError)) or kind is errors.SettingsError:
        kind = RefusedError
    raise kind(str(reply.get("message")))

"""The other end of the local sockets: asks the daemon that runs on this machine."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from edge import errors
from edge.errors import GatepostError, NotReachableError, RefusedError
from edge.requests import PATH_BYTES_MAX

TIMEOUT_S = 7.0
"""More than the five seconds after which the daemon itself says that its brain does not answer."""

_CLASSES = {
    found.exit_code: found
    for found in vars(errors).values()
    if isinstance(found, type) and issubclass(found, GatepostError) and found is not errors.SettingsError
}


class Client:
    """Asks on the socket at ``path``. Each call connects anew, so a daemon that restarted is simply found again.

    ``timeout_s`` bounds every wait. One thread at a time uses a generator; calls are independent.
    """

    def __init__(self, path: Path, timeout_s: float = TIMEOUT_S) -> None:
        self.path = path
        self.timeout_s = timeout_s

    def ask(self, ask: str, **fields: object) -> dict[str, Any]:
        """One request, such as ``ask("reset", by="name")``; the view, empty where the answer has none.

        Raises NotReachableError where no daemon answers, or the class the daemon names (RefusedError mostly).
        """
        with self._connected() as connection:
            self._send(connection, {"id": 1, "ask": ask, **fields})
            return self._view(self._line(connection, bytearray(), patient=False))

    def watch(self, every_ms: int = 200) -> Iterator[dict[str, Any]]:
        """The view now and after each change, for ever; ``every_ms`` is 20 to 5000. Raises as ``ask`` does.

        A daemon that stands still looks like a gate where nothing changes. So in silence it is asked for its status.
        """
        numbers = itertools.count(2)
        with self._connected() as connection:
            buffer = bytearray()
            self._send(connection, {"id": 1, "ask": "watch", "every_ms": every_ms})
            while True:
                try:
                    line = self._line(connection, buffer)
                except TimeoutError:
                    self._send(connection, {"id": next(numbers), "ask": "status"})
                    line = self._line(connection, buffer, patient=False)
                view = self._view(line)
                if line.get("id") == 1:
                    yield view

    def _connected(self) -> socket.socket:
        if len(bytes(self.path)) > PATH_BYTES_MAX:
            raise NotReachableError(f"socket {self.path}: the path has more than {PATH_BYTES_MAX} bytes; shorten it")
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self.timeout_s)
        try:
            connection.connect(str(self.path))
        except PermissionError:
            connection.close()
            raise NotReachableError(
                f"you may not open {self.path}: use sudo, or join the group gatepost-view (to look) or"
                " gatepost-control (to act)"
            ) from None
        except OSError as error:
            connection.close()
            why = "there is no such socket" if isinstance(error, FileNotFoundError) else str(error.strerror or error)
            raise NotReachableError(
                f"no daemon answers at {self.path} ({why}): start it (systemctl start gatepost, or: gatepost run"
                " --config FILE), or say where it runs with --config FILE"
            ) from None
        return connection

    def _send(self, connection: socket.socket, request: dict[str, object]) -> None:
        try:
            connection.sendall(msgspec.json.encode(request) + b"\n")
        except BrokenPipeError:
            return  # its last words are perhaps still to be read
        except OSError as error:
            raise self._lost(str(error.strerror or error)) from None

    def _line(self, connection: socket.socket, buffer: bytearray, *, patient: bool = True) -> dict[str, Any]:
        """The next answer. Raises TimeoutError where ``patient`` and a whole timeout went by in silence."""
        while (end := buffer.find(b"\n")) < 0:
            try:
                said = connection.recv(65_536)
            except TimeoutError:
                if patient and not buffer:
                    raise
                raise self._lost(f"it stands still: no answer for {self.timeout_s:g} s") from None
            except OSError as error:
                raise self._lost(str(error.strerror or error)) from None
            if not said:
                raise self._lost("it hung up")
            buffer += said
        line = bytes(buffer[:end])
        del buffer[: end + 1]
        try:
            return msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise self._lost(f"what it says is not understood: {error}") from error

    def _view(self, line: dict[str, Any]) -> dict[str, Any]:
        if not line.get("ok"):
            kind = _CLASSES.get(line.get("exit_code", RefusedError.exit_code), RefusedError)
            raise kind(str(line.get("error")))
        view = line.get("view")
        return view if isinstance(view, dict) else {}

    def _lost(self, why: str) -> NotReachableError:
        return NotReachableError(f"the daemon at {self.path} does not answer ({why}): look in its journal, start it")

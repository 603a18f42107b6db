"""Both ends of the camera's socket for tests: a real door with what it posted, and a program as raw as can be."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import TypeVar

from edge.camera_door import CameraDoor, known_users
from edge.camera_words import CAMERA_SOCKET, Said, Take, decode_take, encode
from edge.events import Fact, MessageRefused
from tests.unit.small_gate import DEADLINE_S, ShiftedClock, eventually

F = TypeVar("F", bound=Fact)


class Door:
    """A door on its own thread, and what it posted."""

    def __init__(self, directory: Path, *, pictures: bool = True, users: frozenset[int] = known_users()) -> None:
        self.directory = directory
        self.clock = ShiftedClock()
        self.facts: list[Fact] = []
        self.door = CameraDoor(
            directory, self.facts.append, self.clock, pictures=pictures, before_ms=3000, after_ms=5000,
            users=lambda: users,
        )  # fmt: skip
        self._thread = threading.Thread(target=self.door.serve)
        self._thread.start()

    def close(self) -> None:
        self.door.close()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()

    def all(self, kind: type[F]) -> list[F]:
        return [fact for fact in list(self.facts) if isinstance(fact, kind)]

    def refused(self) -> list[str]:
        return [fact.reason for fact in self.all(MessageRefused)]

    def first(self, kind: type[F]) -> F:
        eventually(lambda: bool(self.all(kind)), f"{kind.__name__} comes; there is {self.facts}")
        return self.all(kind)[0]

    def wait_refused(self, reason: str) -> None:
        eventually(lambda: reason in self.refused(), f"{reason} is counted; there is {self.facts}")


class Camera:
    """A program at the camera's socket, as raw as can be."""

    def __init__(self, door: Door) -> None:
        path = door.directory / CAMERA_SOCKET
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE_S)
        eventually(lambda: self.socket.connect_ex(str(path)) == 0, "the door is there")
        self._stream = self.socket.makefile("rb")

    def __enter__(self) -> Camera:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self.socket.close()

    def say(self, *words: Said | bytes) -> None:
        self.socket.sendall(b"".join(word if isinstance(word, bytes) else encode(word) for word in words))

    def hear(self) -> Take:
        return decode_take(self._stream.readline())

    def shown_out(self) -> bool:
        """Wait until the daemon has closed this connection."""
        try:
            while self.socket.recv(65_536):
                pass
        except ConnectionError:
            pass
        return True

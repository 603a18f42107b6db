"""The camera process's end of ``camera.sock``. Never waits for the daemon; finds one that restarted."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

from edge.camera_words import LINE_BYTES_MAX, Found, NotUnderstood, Picture, Said, Take, decode_take, encode

log = logging.getLogger(__name__)

RETRY_MS = 1_000

UNSENT_BYTES_MAX = 512 * 1024
"""Of pictures that the daemon has not taken: more than two alarms' worth, and it is not listening."""


class DaemonLine:
    """Speaks at ``path``; ``found`` is the first word of each connection. One thread uses it; nothing here raises."""

    def __init__(self, path: Path, found: Found) -> None:
        self._path = path
        self._found = found
        self._connection: socket.socket | None = None
        self._retry_ms = 0
        self._unsent = bytearray()
        self._heard = bytearray()
        self._refused = ""

    def say(self, word: Said) -> None:
        """Say it, if the daemon listens. What was seen is not kept for later; a picture is, until it is taken."""
        if self._connection is None or (self._unsent and not isinstance(word, Picture)):
            return
        self._unsent += encode(word)
        self._flush()
        if len(self._unsent) > UNSENT_BYTES_MAX:
            self._hang_up("it takes nothing")

    def attend(self, now_ms: int) -> list[Take]:
        """Connect where that is due, send what waits, and give what the daemon asked."""
        if self._connection is None:
            if now_ms < self._retry_ms:
                return []
            self._retry_ms = now_ms + RETRY_MS
            self._connect()
        if self._unsent:
            self._flush()
        return self._listen()

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._hang_up("this process ends")

    def _connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            connection.connect(str(self._path))
        except OSError as error:
            connection.close()
            reason = error.strerror or str(error)
            if reason != self._refused:  # not once a second
                log.warning("no daemon listens at %s (%s): tried again every second", self._path, reason)
            self._refused = reason
            return
        log.info("the daemon listens at %s", self._path)
        self._connection, self._refused = connection, ""
        self._unsent += encode(self._found)

    def _flush(self) -> None:
        while self._unsent and self._connection is not None:
            try:
                sent = self._connection.send(self._unsent)
            except BlockingIOError:
                return  # the rest when it has read some
            except OSError as error:
                self._hang_up(error.strerror or str(error))
                return
            del self._unsent[:sent]

    def _listen(self) -> list[Take]:
        if self._connection is None:
            return []
        try:
            heard = self._connection.recv(LINE_BYTES_MAX)
        except BlockingIOError:
            return []
        except OSError as error:
            self._hang_up(error.strerror or str(error))
            return []
        if not heard or len(self._heard) > LINE_BYTES_MAX:
            self._hang_up("it hung up" if not heard else "its line does not end")
            return []
        self._heard += heard
        *lines, rest = self._heard.split(b"\n")
        self._heard = rest
        takes: list[Take] = []
        for line in lines:
            try:
                takes.append(decode_take(bytes(line)))
            except NotUnderstood as error:
                log.warning("the daemon's word is not understood: %s; both must be of the same version", error)
        return takes

    def _hang_up(self, reason: str) -> None:
        assert self._connection is not None
        log.warning("the line to the daemon is closed: %s", reason)
        self._connection.close()
        self._connection = None
        self._unsent.clear()
        self._heard.clear()

"""Reads how long the gate's certificates last: at the start, and again when a file was replaced."""

from __future__ import annotations

from pathlib import Path

from edge.certificate_words import CertificateRead
from edge.credentials import until_wall_ms
from edge.errors import CertificateError
from edge.ports import Clock, Post
from edge.settings import Settings

LOOK_MS = 60_000
"""How often the files are looked at; one that did not change is not read again."""


class CertificateHands:
    """One for all brokers. ``look`` is called by one thread at a time, which may wait for the card."""

    def __init__(self, settings: Settings, clock: Clock, post: Post) -> None:
        named = enumerate(broker.certificate_file for broker in settings.broker)
        self._files = {number: Path(file) for number, file in named if file is not None}
        self._clock = clock
        self._post = post
        self._seen: dict[int, tuple[int, int]] = {}

    def look(self) -> None:
        """Post a CertificateRead for each file that is new or has changed."""
        for broker, file in self._files.items():
            sign = _sign(file)
            if self._seen.get(broker) == sign:
                continue
            self._seen[broker] = sign
            until_ms, problem = None, ""
            try:
                until_ms = until_wall_ms(file)
            except CertificateError as error:
                problem = str(error)
            self._post(CertificateRead(broker, until_ms, problem, self._clock.now_ms()))


def _sign(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return -1, -1
    return found.st_mtime_ns, found.st_ino

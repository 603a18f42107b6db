"""The newest of what the daemon says, and the streams of those who look at it. Holds the present and nothing older.

Only the loop's thread calls anything here, but for ``Watcher``'s way in, ``put``, which it reaches through the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import msgspec

from kiosk.shown import KioskView

BEAT_S = 1.0
"""A page hears something this often. After 2.5 s of silence it says that it is out of order."""

RETRY_MS = 500
"""How soon a browser that lost the stream asks again; its own default is several seconds."""


class Board:
    """What is shown now: a view, or None while the daemon does not answer. Its texts are a page's own matter."""

    def __init__(self) -> None:
        self.kiosk: KioskView | None = None
        self.listeners = 0
        self.screens = 0
        self._closed = False
        self._bell = asyncio.Event()

    def put(self, kiosk: KioskView | None) -> None:
        """Show this from now on."""
        self.kiosk = kiosk
        self._ring()

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        self._ring()

    async def stream(
        self, page: str, make: Callable[[KioskView | None], object], *, screen: bool = False
    ) -> AsyncIterator[bytes]:
        """Server-sent events: which ``page`` these are for, what ``make`` gives now and when it changes, and beats.

        A listener that is slow misses what has passed meanwhile, and gets the newest. ``screen``: it is the students'.
        """
        self.listeners += 1
        self.screens += screen
        try:
            yield f"retry: {RETRY_MS}\nevent: page\ndata: {page}\n\n".encode()
            sent = None
            while not self._closed:
                bell = self._bell
                said = msgspec.json.encode(make(self.kiosk))
                yield b"event: beat\ndata:\n\n" if said == sent else b"data: " + said + b"\n\n"
                sent = said
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S):
                        await bell.wait()
        finally:
            self.listeners -= 1
            self.screens -= screen

    def _ring(self) -> None:
        rung, self._bell = self._bell, asyncio.Event()
        rung.set()

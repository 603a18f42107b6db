"""The thread that watches the daemon through ``view.sock`` and tells what it sees, or that it sees nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.client import Client
from edge.errors import GatepostError
from kiosk.shown import KioskView, kiosk_view

log = logging.getLogger(__name__)

WATCH_MS = 40
"""A verdict is on the screen 100 ms after the brain's word; half of that may be lost here."""

SILENCE_S_MAX = 1.0
"""A daemon that stands still is asked after so long, and given up after as long again: within the page's 3 s."""

AGAIN_S = 0.5


class Watcher:
    """Calls ``tell`` with each new view of the kiosk, and with None while there is none. ``failures`` is by kind."""

    def __init__(self, view_socket: Path, tell: Callable[[KioskView | None], None]) -> None:
        self._client = Client(view_socket, SILENCE_S_MAX)
        self._tell = tell
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._said: str | None = None
        self.failures = {"unreachable": 0, "malformed": 0, "unforeseen": 0}

    def start(self) -> None:
        """Begin to watch, for ever."""
        self._thread.start()

    def close(self) -> None:
        """Watch no more: it ends with the daemon's next word, or with the process."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._watch()
            except GatepostError as error:
                self._failed("unreachable", str(error))
            except msgspec.ValidationError as error:
                self._failed("malformed", f"the daemon's view is not understood ({error}): update both together")
            except Exception as error:  # noqa: BLE001 - counted and told; the page says that it is out of order
                self._failed("unforeseen", f"unforeseen {type(error).__name__}: {error}")
            self._over.wait(AGAIN_S)

    def _watch(self) -> None:
        newest: KioskView | None = None
        first = True
        for view in self._client.watch(WATCH_MS):
            if self._over.is_set():
                return
            kiosk = kiosk_view(view)
            self._note(None if kiosk is not None else "this gate has no [thermometer]: there is nothing to show")
            if first or kiosk != newest:
                self._tell(kiosk)
            newest, first = kiosk, False

    def _failed(self, kind: str, why: str) -> None:
        self.failures[kind] += 1
        self._note(why)
        self._tell(None)

    def _note(self, why: str | None) -> None:
        """Each reason is said once, not twice a second; and so is its end."""
        if why != self._said:
            log.warning("%s", why) if why else log.info("the daemon answers")
            self._said = why

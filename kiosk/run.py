"""Puts the running screen together: settings, sockets, the watcher's thread, and the web server on the main thread."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import uvicorn

from edge.drivers.systemd import journal_handler, supervisor
from edge.errors import PortInUseError, SettingsError
from edge.kiosk_settings import KioskSettings
from edge.requests import VIEW_SOCKET
from edge.settings import Settings
from kiosk.board import Board
from kiosk.door import Door, read_word
from kiosk.shown import KioskView
from kiosk.sounds import Sounds
from kiosk.watcher import Watcher
from kiosk.web import Site, by_address
from kiosk.words import LANGUAGES

log = logging.getLogger("gatepost-kiosk")

LOOPBACK = "127.0.0.1"
CONNECTIONS_MAX = 64
FEED_S = 2.0
"""systemd restarts the screen when its loop has not turned for WatchdogSec= (10 s)."""


class Server(uvicorn.Server):
    """Ends the endless streams when it is told to end."""

    def __init__(self, config: uvicorn.Config, board: Board, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(config)
        self._board = board
        self._loop = loop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The main thread calls it, between two steps of the loop."""
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self._board.close)


def run(settings: Settings, kiosk: KioskSettings) -> int:
    """Serve until SIGTERM or SIGINT; the exit code. The main thread calls it. Raises GatepostError before it serves."""
    root = logging.getLogger()
    root.setLevel(settings.log.level.upper())
    root.addHandler(journal_handler())
    door = None
    if kiosk.teacher_host is not None and kiosk.teacher_token_file is not None:
        door = Door(read_word(Path(kiosk.teacher_token_file)))
    sockets = [_listen(LOOPBACK, kiosk.port)]
    try:
        if door is not None and kiosk.teacher_host is not None:
            sockets.append(_listen(kiosk.teacher_host, kiosk.port))
        # The server takes these signals itself, and raises them once more at its end, when ours are back in place.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        asyncio.run(_serve(kiosk, Path(settings.gate.runtime_directory), door, sockets))
    finally:
        for one in sockets:
            one.close()
    return 0


async def _serve(
    settings: KioskSettings, runtime_directory: Path, door: Door | None, sockets: list[socket.socket]
) -> None:
    board, loop = Board(), asyncio.get_running_loop()

    def tell(kiosk: KioskView | None) -> None:
        with suppress(RuntimeError):  # the loop has ended, and so does the process
            loop.call_soon_threadsafe(board.put, kiosk)

    watcher = Watcher(runtime_directory / VIEW_SOCKET, tell)
    own = None if settings.voice_directory is None else Path(settings.voice_directory)
    words = LANGUAGES[settings.language]
    site = Site(board, words, Sounds(settings.language, settings.voice, own), settings.police_telephone)

    def health() -> dict[str, object]:
        refused = 0 if door is None else door.refused
        return {"answers": board.kiosk is not None, "listeners": board.listeners, "screens": board.screens,
                "words_refused": refused, **watcher.failures}  # fmt: skip

    apps = {_address(sockets[0]): site.loopback(health)}
    if door is not None:
        apps[_address(sockets[1])] = site.school(door)
    server = Server(
        uvicorn.Config(
            by_address(apps), access_log=False, log_config=None, lifespan="off", http="h11", ws="none",
            server_header=False, proxy_headers=False, limit_concurrency=CONNECTIONS_MAX, timeout_graceful_shutdown=2,
        ),
        board,
        loop,
    )  # fmt: skip
    watcher.start()
    feeding = asyncio.create_task(_feed(server, health))
    try:
        await server.serve(sockets)
    finally:
        feeding.cancel()
        watcher.close()


async def _feed(server: Server, health: Callable[[], dict[str, object]]) -> None:
    """Tell systemd that the pages are served, and that the loop still turns."""
    told = supervisor()
    while not server.started:
        await asyncio.sleep(0.01)
    told.ready()
    while True:
        told.feed(", ".join(f"{what} {value}" for what, value in health().items()))
        await asyncio.sleep(FEED_S)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises PortInUseError, or SettingsError where the address is not one of this machine."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
    except OSError as error:
        raise SettingsError([f"kiosk.teacher_host: {host!r}: {error.strerror or error}"]) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(CONNECTIONS_MAX)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                f"port {port} of {host} is taken: stop the program that has it, or choose another in kiosk.port"
            ) from error
        allowed = "an address of this machine in the school's network"
        raise SettingsError([f"kiosk.teacher_host: {host!r} ({error.strerror}); allowed: {allowed}"]) from error
    return listener


def _address(listener: socket.socket) -> tuple[str, int]:
    name = listener.getsockname()
    return str(name[0]), int(name[1])

"""Puts the running centre together, and takes it down in order."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from centre import files
from centre.archive import Archive
from centre.broker import Broker, Secrets, broker_of
from centre.desk import Desk
from centre.gate_keys import DIRECTORY, GateKeys
from centre.link import Link
from centre.notary import Notary
from centre.service import Service
from centre.voice import voice_of
from edge.errors import SettingsError, StorageError
from edge.wire import Address

log = logging.getLogger(__name__)

LOOK_S = 5
HUNG_S = 40
"""With ten seconds for the end, the gates hear within a minute that nobody listens; 90 s are promised."""


def notify(state: str) -> None:
    """Tell systemd, if it started us (sd_notify(3))."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(state.encode(), "\0" + path[1:] if path.startswith("@") else path)
    except OSError as error:
        log.warning("systemd cannot be told %s: %s", state, error)


def run(
    county: str,
    urls: Sequence[str],
    secrets: Secrets,
    protocol: str,
    database: Path,
    directory: Path,
    silent_after_s: int,
    signing_key_file: Path | None,
    *,
    require_signatures: bool,
) -> int:
    """Run until SIGTERM or SIGINT; the exit code. The main thread calls it. Raises GatepostError before it starts."""
    brokers = _brokers(county, urls, secrets, protocol)
    held = _hold(directory, database)
    over = threading.Event()
    failed = threading.Event()
    ready = threading.Event()

    def listening() -> None:
        if not ready.is_set():
            ready.set()
            sys.stdout.write("gatepost-centre: listening\n")
            sys.stdout.flush()
            notify("READY=1")

    def failure() -> None:
        failed.set()
        over.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    data = database.resolve().parent
    voice = voice_of(data, signing_key_file)
    notary = Notary(GateKeys(data / DIRECTORY).of, required=require_signatures)
    archive = Archive(database)
    desk: Desk | None = None
    links: list[Link] = []
    try:
        service = Service(county, archive, silent_after_s * 1000, voice, notary, listening, failure)
        desk = Desk(directory, database, service.ask)
        links += [Link(i, broker, county, service.wall_ms, service.post) for i, broker in enumerate(brokers)]
        service.start(links)
        desk.start()
        for link in links:
            link.start()
        _watch(service, over, failure)
        notify("STOPPING=1")
        service.stop()
    finally:
        for link in links:
            link.close()
        if desk is not None:
            desk.close()
        archive.close()
        for lock in held:
            lock.close()
    if failed.is_set():
        raise StorageError("the centre stopped by itself: the journal says why")
    return 0


def _watch(service: Service, over: threading.Event, failure: Callable[[], None]) -> None:
    """Wait for the end. A centre that hangs ends by itself: its broker connections alone would go on looking well."""
    looks, turns = 0, -1
    while not over.wait(LOOK_S):
        looks = looks + 1 if service.turns == turns else 0
        turns = service.turns
        if looks * LOOK_S >= HUNG_S:
            log.critical("the centre hung for %d s: it ends, so that the gates hear of it", HUNG_S)
            failure()


def _brokers(county: str, urls: Sequence[str], secrets: Secrets, protocol: str) -> list[Broker]:
    try:
        Address(county, "x", "x")
    except ValueError as error:
        raise SettingsError([f"--county: {error}"]) from error
    return [broker_of(url, secrets, protocol) for url in urls]


def _hold(directory: Path, database: Path) -> list[IO[bytes]]:
    """Locks that keep a second centre away from the same runtime directory and the same database."""
    files.make_directory(directory)
    held = [files.lock(directory / "lock", f"runtime directory {directory}")]
    files.make_directory(database.resolve().parent)
    held.append(files.lock(Path(f"{database}.lock"), f"database {database}"))
    return held

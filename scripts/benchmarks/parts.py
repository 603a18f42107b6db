"""What every measurement needs: a broker, child processes that answer questions, a settings file, a filled store."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.child import PATIENCE_S
from edge.drivers.store import SqliteOutbox
from edge.events import ClockQuality, Code, EventId, Lane, Origin, Qualifier, Record, Topic, WallStamp

FILL_BATCH = 2_000


def free_port() -> int:
    """A TCP port of this machine that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Broker:
    """A mosquitto of our own, with its defaults but for the length of its queues."""

    def __init__(self, directory: Path) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if program is None:
            raise SystemExit("the benchmarks need mosquitto: sudo apt-get install -y mosquitto")
        self.port = free_port()
        file = directory / "mosquitto.conf"
        file.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n"
            + ("user root\n" if os.geteuid() == 0 else "")
        )
        with (directory / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen([program, "-c", str(file)], stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE_S
        while not self._accepts():
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"mosquitto opens no port: {(directory / 'mosquitto.log').read_text()}")
            time.sleep(0.02)

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(PATIENCE_S)


class Child:
    """One of the programs beside this file, in a process of its own: a line of JSON in, a line of JSON out."""

    def __init__(self, module: str, *arguments: object, log: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        environment.pop("NOTIFY_SOCKET", None)
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stream, env=environment, text=True,
            )  # fmt: skip
        self._log = log
        self._answer()

    def ask(self, question: str, **more: object) -> Any:
        """Send a question, wait for its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"ask": question, **more}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended: {self._log.read_text(errors='replace')[-3000:]}")
        return json.loads(line)

    def close(self) -> None:
        """End it: it ends when nobody asks any more."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def settled(subscriber: Child, count: int, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """The messages that are wanted, once there are so many; more or fewer end the benchmark."""
    found: list[dict[str, Any]] = []
    until = time.monotonic() + PATIENCE_S
    while len(found) < count and time.monotonic() < until:
        found += [message for message in subscriber.ask("arrived") if wanted(message)]
        time.sleep(0.05)
    if len(found) != count:
        raise SystemExit(f"{len(found)} presses arrived, {count} were made")
    return found


def write_settings(directory: Path, port: int, more: str = "", *, gate: str = "gate") -> Path:
    """A settings file for a gate on mock pins, as quick as settings allow. ``more``: further tables."""
    file = directory / "gate.toml"
    file.write_text(f"""
[gate]
county = "bench"
school = "school"
gate = "{gate}"
state_directory = "{directory}/state"
runtime_directory = "{directory}/run"
[pins]
factory = "mock"
[button]
key_gpio = 17
confirm_ms = 0
release_ms = 10
[lamps]
status_gpio = 22
fault_gpio = 23
[siren]
relay_gpio = 24
mode = "audible"
[store]
routine_events_max = 5000000
[[broker]]
name = "main"
host = "127.0.0.1"
port = {port}
tls = false
{more}""")
    (directory / "state").mkdir(parents=True, exist_ok=True)
    return file


def routine(boot: str, counters: Sequence[int]) -> list[Record]:
    """Temperature events of an earlier life of the gate."""
    wall = WallStamp(1_790_000_000_000, ClockQuality.SYNCED, 20)
    return [
        Record(
            EventId(boot, counter), 1, "f" * 16, counter * 10, wall, Origin.PERSON, Lane.ROUTINE, Topic.TEMPERATURE,
            Code.SYSTEM_TROUBLE, Qualifier.STATUS, None, {"skin_c": 34.2, "ambient_c": 21.5, "verdict": "normal"},
        )
        for counter in counters
    ]  # fmt: skip


def fill(file: Path, count: int) -> Iterator[int]:
    """Put owed routine events into an event log; yields how many are in."""
    outbox = SqliteOutbox(file, 5_000_000)
    for first in range(1, count + 1, FILL_BATCH):
        last = min(count, first + FILL_BATCH - 1)
        outbox.append(routine("b" * 16, range(first, last + 1)), None)
        yield last
    outbox.close()

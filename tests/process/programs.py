"""A program of ours as a real process: started with a real NOTIFY_SOCKET, ended in every way a process can end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests.process.waiting import PATIENCE_S, until

PROJECT = Path(__file__).resolve().parents[2]


class Supervision:
    """A datagram socket in systemd's place. ``said`` holds (moment, assignment), in order; moments are monotonic."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.path = path
        self.said: list[tuple[float, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._listen, name="supervision", daemon=True)
        self._thread.start()

    def moments(self, assignment: str) -> list[float]:
        """When this was said, such as ``WATCHDOG=1``."""
        return [moment for moment, said in list(self.said) if said == assignment]

    def values(self, name: str) -> list[str]:
        """What was said of this name, such as ``STATUS``."""
        return [said.partition("=")[2] for _, said in list(self.said) if said.startswith(f"{name}=")]

    def close(self) -> None:
        """Listen no more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stopper:
            stopper.sendto(b"", str(self.path))
        self._thread.join(PATIENCE_S)
        self._socket.close()

    def _listen(self) -> None:
        while message := self._socket.recv(65536):
            now_s = time.monotonic()
            self.said += [(now_s, line) for line in message.decode().split("\n") if line]


class Program:
    """One life after another of a process; the log of all of them is in ``log_file``."""

    through: Sequence[str] = ()
    """The program that runs it, where it is to live in a network of its own."""

    def __init__(self, name: str, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.log_file = directory / f"{name}.log"
        self.supervision = Supervision(directory / f"{name}.notify")
        self.process: subprocess.Popen[bytes] | None = None
        self.lives = 0

    def command(self) -> Sequence[str]:
        """What is run."""
        raise NotImplementedError

    def spawn(self, **environment: str) -> None:
        """Start the process and return at once."""
        assert not self.alive, "it runs already"
        self.lives += 1
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GATEPOST", "JOURNAL"))}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.through, sys.executable, *self.command()],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=PROJECT,
                env={**inherited, "NOTIFY_SOCKET": str(self.supervision.path), **environment},
            )

    @property
    def alive(self) -> bool:
        """True while the process of this life runs."""
        return self.process is not None and self.process.poll() is None

    def wait_ready(self, seconds: float = PATIENCE_S) -> None:
        """Wait until this life has said READY=1."""
        until(
            lambda: (len(self.supervision.moments("READY=1")) >= self.lives, self.alive),
            lambda seen: seen[0] or not seen[1],
            seconds,
            self.log,
        )
        assert self.alive, f"it ended: {self.log()}"

    def wait_end(self, seconds: float = PATIENCE_S) -> int:
        """The exit code, once the process has ended by itself."""
        assert self.process is not None
        return self.process.wait(seconds)

    def kill9(self) -> None:
        """The end without a word. Harmless if it has ended."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """An orderly end; the exit code."""
        return self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop in its tracks: it does nothing, and its connections stand."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after ``freeze``. Harmless without one."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill9()
        self.supervision.close()

    def log(self) -> str:
        """The end of what it said, for messages of failed tests."""
        return self.log_file.read_text(errors="replace")[-6000:] if self.log_file.exists() else "(no log)"

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        if self.process.stdin is not None:
            self.process.stdin.close()
        return code

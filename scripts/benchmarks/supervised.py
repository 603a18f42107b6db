"""The camera process as systemd runs it: started again whenever it ended, and killed when it feeds no watchdog.

systemd's part is played here, by the figures of ``systemd/gatepost-camera.service``.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

UNIT = Path(__file__).parents[2] / "systemd" / "gatepost-camera.service"
TURN_S = 0.1


class Supervised:
    """Runs ``gatepost-camera`` from a thread of its own until closed. ``process`` is its present life."""

    def __init__(self, settings: Path, log_file: Path) -> None:
        keys = dict(re.findall(r"(?m)^(\w+)=(\S+)$", UNIT.read_text(encoding="utf-8")))
        self._watchdog_s, self._rest_s = float(keys["WatchdogSec"]), float(keys["RestartSec"])
        self._start_s, self._nice = float(keys["TimeoutStartSec"]), keys["Nice"]
        self._settings = settings
        self._log_file = log_file
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._address = f"@gatepost-bench-{os.getpid()}"
        self._notify.bind("\0" + self._address[1:])
        self._notify.settimeout(TURN_S)
        self._over = threading.Event()
        self.lives = 0
        self.process = self._started()
        self._thread = threading.Thread(target=self._run, name="supervised", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it for good."""
        self._over.set()
        self._thread.join()
        self.process.kill()
        self.process.wait()
        self._notify.close()

    def _run(self) -> None:
        due_s = time.monotonic() + self._start_s
        while not self._over.is_set():
            try:
                self._notify.recv(4096)
                due_s = time.monotonic() + self._watchdog_s
            except TimeoutError:
                if time.monotonic() > due_s:
                    self.process.kill()
            if self.process.poll() is not None:
                self._over.wait(self._rest_s)
                self.process = self._started()
                due_s = time.monotonic() + self._start_s

    def _started(self) -> subprocess.Popen[bytes]:
        self.lives += 1
        command = ["nice", "-n", self._nice, sys.executable, "-m", "edge.camera", "run", "--config"]
        with self._log_file.open("ab") as log:
            return subprocess.Popen(
                [*command, str(self._settings)], stdout=log, stderr=log,
                env={**os.environ, "NOTIFY_SOCKET": self._address},
            )  # fmt: skip

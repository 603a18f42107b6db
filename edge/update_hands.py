"""The gate as an update sees it where systemd runs it: services are restarted, the daemon is asked at its sockets."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge.client import Client
from edge.errors import GatepostError
from edge.requests import CONTROL_SOCKET, VIEW_SOCKET

DAEMON = "gatepost.service"
BESIDE = ("gatepost-kiosk.service", "gatepost-camera.service")
RESTART_S_MAX = 60.0


class SocketHands:
    """What every gate has, whoever runs it. ``timeout_s`` bounds each question."""

    def __init__(self, runtime_directory: Path, timeout_s: float = 2.0) -> None:
        self._view = Client(runtime_directory / VIEW_SOCKET, timeout_s)
        self._control = Client(runtime_directory / CONTROL_SOCKET, timeout_s)

    def view(self) -> Mapping[str, Any] | None:
        """As the port ``updating.Hands`` says."""
        try:
            return self._view.ask("status")
        except GatepostError:
            return None  # not there: that is the answer

    def ask(self, ask: str, **fields: object) -> bool:
        """As the port says."""
        try:
            self._control.ask(ask, **fields)
        except GatepostError:
            return False
        return True

    def now_s(self) -> float:
        """As the port says."""
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        """As the port says."""
        time.sleep(seconds)


class SystemdHands(SocketHands):
    """Restarts by systemctl. Needs root."""

    def restart(self, *, at_once: bool) -> None:
        """The daemon first; what else runs of the new version after it. Raises GatepostError."""
        if at_once:
            with suppress(GatepostError):  # it had ended already
                _systemctl("kill", "--signal=SIGKILL", DAEMON)
        _systemctl("--no-block", "restart", DAEMON)
        _systemctl("--no-block", "try-restart", *BESIDE)


def _systemctl(*words: str) -> None:
    try:
        done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False, timeout=RESTART_S_MAX)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GatepostError(f"systemctl {' '.join(words)} failed: {error}; look at: systemctl status") from error
    if done.returncode != 0:
        raise GatepostError(f"systemctl {' '.join(words)} failed: {done.stderr.strip()}; look at: systemctl status")

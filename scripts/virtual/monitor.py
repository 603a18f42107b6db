"""QEMU's monitor (QMP): one JSON object a line, each way."""

from __future__ import annotations

import json
import socket
from typing import Any


class MonitorError(Exception):
    """QEMU refused a command; the text is its own."""


class HungUp(MonitorError):
    """QEMU is gone, or is just going."""


class Monitor:
    """Takes a connected socket, which it owns."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")
        self._lines.readline()  # its greeting
        self.do("qmp_capabilities")

    def do(self, command: str, **arguments: object) -> Any:
        """Carry out one command; its result. Raises MonitorError."""
        try:
            self._connection.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
            while (line := self._lines.readline()).endswith(b"\n"):
                answer = json.loads(line)
                if "error" in answer:
                    raise MonitorError(f"{command}: {answer['error']['desc']}")
                if "return" in answer:
                    return answer["return"]
        except OSError as error:
            raise HungUp(f"{command}: {error}") from error
        raise HungUp(f"{command}: QEMU hung up")

    def human(self, line: str) -> None:
        """A command of QEMU's older monitor, which answers by silence. Raises MonitorError with what it said."""
        if said := self.do("human-monitor-command", **{"command-line": line}):
            raise MonitorError(f"{line}: {said.strip()}")

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._connection.close()

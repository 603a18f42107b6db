"""The network cable between the gate and the broker: a TCP relay that can be pulled out and put back.

Pulled means what it means at a school: nothing is refused and nothing is closed, bytes just stop. The gate has to find
out by itself.
"""

from __future__ import annotations

import contextlib
import socket
import threading


class Cable:
    """Relays ``port`` (chosen by the system) to the broker's port on the loopback address."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._in = threading.Event()
        self._in.set()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def plugged_in(self) -> bool:
        """True while bytes flow."""
        return self._in.is_set()

    def pull(self) -> None:
        """Stop all bytes."""
        self._in.clear()

    def put_back(self) -> None:
        """Let bytes flow. What was connected before is gone, as after a real outage."""
        stale, self._open = self._open, []
        for one in stale:
            _close(one)
        self._in.set()

    def _accept(self) -> None:
        while True:
            gate, _ = self._listener.accept()
            self._in.wait()
            try:
                broker = socket.create_connection(("127.0.0.1", self._broker_port))
            except OSError:
                _close(gate)
                continue
            for one in (gate, broker):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open += [gate, broker]
            for source, sink in ((gate, broker), (broker, gate)):
                threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._in.wait()
                sink.sendall(data)
        _close(source)
        _close(sink)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()

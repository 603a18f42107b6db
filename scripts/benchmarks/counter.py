"""Counts routine events as cheaply as can be: plain MQTT 3.1.1 by hand, so that the far end is never what is slow."""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time

from benchmarks.child import TOPIC, answer, questions


class Counter:
    """``count`` so far, with when the first and the last came, and the count at each whole second of it."""

    def __init__(self, port: int) -> None:
        self.count = 0
        self.first_ns = self.last_ns = 0
        self.seconds: list[tuple[float, int]] = []
        self._channel = socket.create_connection(("127.0.0.1", port))
        name = b"bench-counter"
        connect = b"\0\4MQTT\4\2\0\0" + struct.pack("!H", len(name)) + name
        self._channel.sendall(bytes([0x10, len(connect)]) + connect)
        topic = f"{TOPIC}/temperature".encode()
        subscribe = b"\0\1" + struct.pack("!H", len(topic)) + topic + b"\0"
        self._channel.sendall(bytes([0x82, len(subscribe)]) + subscribe)

    def run(self) -> None:
        """Read for ever."""
        buffer = b""
        while received := self._channel.recv(1 << 16):
            buffer += received
            place, found = 0, 0
            while (packet := _packet(buffer, place)) is not None:
                kind, place = packet
                found += kind == 3
            buffer = buffer[place:]
            if found:
                self._note(found)

    def _note(self, found: int) -> None:
        now_ns = time.monotonic_ns()
        self.first_ns = self.first_ns or now_ns
        self.last_ns = now_ns
        self.count += found
        elapsed_s = (now_ns - self.first_ns) / 1e9
        if not self.seconds or elapsed_s - self.seconds[-1][0] >= 1:
            self.seconds.append((elapsed_s, self.count))


def _packet(buffer: bytes, place: int) -> tuple[int, int] | None:
    """The kind of the packet that begins here, and where the next begins; None when it is not all there."""
    length, shift, head = 0, 0, place + 1
    while head < len(buffer):
        byte = buffer[head]
        head += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (buffer[place] >> 4, head + length) if head + length <= len(buffer) else None
    return None


def main(port: int) -> None:
    """Count, and tell when asked."""
    counter = Counter(port)
    threading.Thread(target=counter.run, daemon=True).start()
    answer("ready")
    for _ in questions():
        answer({
            "count": counter.count,
            "first_ns": counter.first_ns,
            "last_ns": counter.last_ns,
            "seconds": counter.seconds,
        })  # fmt: skip


main(int(sys.argv[1]))

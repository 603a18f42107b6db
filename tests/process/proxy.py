"""A TCP line to a port of this machine that can be cut, hushed, forgotten, slowed and made lossy."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable

from tests.process.waiting import PATIENCE_S

PARCEL_BYTES = 1_400
RESEND_S = 0.2
"""What a lost parcel costs: TCP sends it again after so long, then after twice as long. Those behind it wait."""

Way = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Line:
    """One connection. ``lost``: nothing passes any more, in either direction, and nobody is told."""

    def __init__(self, *ends: asyncio.StreamWriter) -> None:
        self.ends = ends
        self.lost = False

    def reset(self) -> None:
        for end in self.ends:
            _reset(end)


class FaultProxy:
    """Listens on ``port`` from ``__enter__`` on. Every method may be called by any thread; the work has its own."""

    def __init__(self, to_port: int, seed: int = 0) -> None:
        self.port = 0
        self.delay_s = 0.0
        """One way."""
        self.loss = 0.0
        """The share of parcels that get lost, each time they are sent."""
        self._to_port = to_port
        self._random = random.Random(seed)
        self._refuses = False
        self._lines: set[_Line] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    @property
    def stands(self) -> bool:
        """True while a connection stands that something can be done to."""
        return any(not line.lost for line in tuple(self._lines))

    # --- faults -------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Reset every connection and refuse new ones, until ``mend``: both ends notice."""
        self._do(self._cut)

    def hush(self) -> None:
        """Let nothing pass and tell nobody, until ``mend``; then all goes on where it stood."""
        self._do(self._passing.clear)

    def forget(self) -> None:
        """Let nothing of the connections that stand pass ever again: both ends believe in them. New ones work."""
        self._do(lambda: [setattr(line, "lost", True) for line in self._lines])

    def mend(self) -> None:
        """End ``cut`` and ``hush``."""
        self._do(self._mend)

    # --- on the loop --------------------------------------------------------------------------------------------

    def _do(self, act: Callable[[], object]) -> None:
        async def done() -> None:
            act()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(PATIENCE_S)

    async def _open(self) -> None:
        self._passing = asyncio.Event()
        self._passing.set()
        self._server = await asyncio.start_server(self._welcome, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _cut(self) -> None:
        self._refuses = True
        for line in self._lines:
            line.reset()

    def _mend(self) -> None:
        self._refuses = False
        self._passing.set()

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(writer)
        try:
            await self._passing.wait()
            if self._refuses:
                line.reset()
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
            line.ends = (writer, far_writer)
            self._lines.add(line)
            near, far = (reader, writer), (far_reader, far_writer)
            await asyncio.gather(self._pump(line, near, far), self._pump(line, far, near))
        except (OSError, asyncio.CancelledError):  # nobody listens there, or this is the end
            line.reset()
        finally:
            self._lines.discard(line)

    async def _pump(self, line: _Line, source: Way, sink: Way) -> None:
        """What comes from one end goes to the other, in order, when its time has come."""
        parcels: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        carrier = self._loop.create_task(self._carry(line, parcels, sink[1]))
        due_s = 0.0
        try:
            data = b"-"
            while data:
                try:
                    data = await source[0].read(PARCEL_BYTES)
                except OSError:
                    data = b""
                due_s = max(due_s, self._loop.time() + self._journey_s())
                parcels.put_nowait((due_s, data))
            source[1].close()
            await carrier
        finally:
            carrier.cancel()

    async def _carry(
        self, line: _Line, parcels: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter
    ) -> None:
        data = b"-"
        while data:
            due_s, data = await parcels.get()
            await asyncio.sleep(max(0.0, due_s - self._loop.time()))
            await self._passing.wait()
            if not line.lost and not sink.is_closing():
                if data:
                    sink.write(data)
                else:
                    sink.close()

    def _journey_s(self) -> float:
        journey_s, resend_s = self.delay_s, RESEND_S
        while self._random.random() < self.loss:
            journey_s, resend_s = journey_s + resend_s, 2 * resend_s
        return journey_s


def _reset(end: asyncio.StreamWriter) -> None:
    channel = end.get_extra_info("socket")
    if channel is not None and channel.fileno() >= 0:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.transport.abort()

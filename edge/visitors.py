"""The visitors of the local sockets: who is connected, what they said as lines, what they have not taken yet.

Knows nothing of what is asked. A slow, broken or silent visitor costs the others nothing: every buffer, wait and count
has a bound. Only the serving thread calls anything here.
"""

from __future__ import annotations

import selectors
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from operator import is_

import msgspec

from edge.errors import NotReachableError, RefusedError
from edge.ports import Clock
from edge.requests import LINE_BYTES_MAX, Id

VISITORS_MAX = 16

UNSENT_BYTES_MAX = 256 * 1024
"""More than this not taken by a visitor, and it is shown out."""

STUCK_MS = 5_000
"""A visitor that has taken nothing for so long while something waits for it is shown out."""

IDLE_MS = 60_000
"""So is one that neither asks nor watches: forgotten connections must not use up the places."""

TIMES = frozenset({"monotonic_ms", "uptime_ms", "for_s", "left_s", "ago_ms"})
"""What in a view, at any depth, moves on with time alone: no news to a watcher."""


class View(msgspec.Struct, frozen=True):
    """The brain's answer: ready to be sent, and without what changes by itself."""

    encoded: msgspec.Raw
    still: Mapping[str, object]


class Watching(msgspec.Struct, eq=False):
    """A visitor's watch. ``sent`` is what it last heard, ``kept`` the newest it could not be told yet.

    ``parts`` is what the brain knew when a view was last wanted, at ``wanted_ms``.
    """

    id: Id
    every_ms: int
    next_ms: int
    asking: bool = False
    sent: Mapping[str, object] | None = None
    kept: View | None = None
    parts: tuple[object, ...] = ()
    wanted_ms: int = 0

    def wants(self, parts: tuple[object, ...], now_ms: int, still_ms_max: int) -> bool:
        """True if a view is due: a part is another object than when one was last wanted, or that was too long ago."""
        same = len(parts) == len(self.parts) and all(map(is_, parts, self.parts))
        if same and now_ms < self.wanted_ms + still_ms_max:
            return False
        self.parts, self.wanted_ms = parts, now_ms
        return True


class Visitor(msgspec.Struct, eq=False):
    """One connection. ``moved_ms``: when it last said or took anything; ``requests``: not answered yet."""

    connection: socket.socket
    may_act: bool
    uid: int
    moved_ms: int
    heard: bytearray
    unsent: bytearray
    requests: int = 0
    watching: Watching | None = None
    leaving: bool = False
    gone: bool = False


class Visitors:
    """All connections on one selector. ``take`` is given each line, ``failed`` is told of an unforeseen failure."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        clock: Clock,
        take: Callable[[Visitor, bytes], None],
        failed: Callable[[], None],
    ) -> None:
        self._selector = selector
        self._clock = clock
        self._take = take
        self._failed = failed
        self._here: list[Visitor] = []
        self.counts = {"turned_away": 0, "slow": 0}

    def __iter__(self) -> Iterator[Visitor]:
        return iter(tuple(self._here))

    def welcome(self, listener: socket.socket, *, may_act: bool) -> None:
        """Somebody knocks. Raises OSError where the system has no more connections to give."""
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # it changed its mind
        connection.setblocking(False)
        if len(self._here) >= VISITORS_MAX:
            self.counts["turned_away"] += 1
            error = f"{VISITORS_MAX} programs are connected already: close one and try again"
            with connection, suppress(OSError):  # gone by itself: it is counted all the same
                connection.send(_line(refusal(None, error, NotReachableError.exit_code)))
            return
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _pid, uid, _gid = struct.unpack("3i", credentials)
        visitor = Visitor(connection, may_act, uid, self._clock.now_ms(), bytearray(), bytearray())
        self._selector.register(connection, selectors.EVENT_READ, visitor)
        self._here.append(visitor)

    def attend(self, visitor: Visitor, events: int) -> None:
        """A visitor says or takes something. Its failure is its own."""
        try:
            if events & selectors.EVENT_WRITE and not visitor.gone:
                self._flush(visitor)
            if events & selectors.EVENT_READ and not visitor.gone:
                self._listen(visitor)
        except OSError:
            self.show_out(visitor)  # it hung up: its right
        except Exception:  # noqa: BLE001 - counted; the others go on
            self._failed()
            self.show_out(visitor)

    def say(self, visitor: Visitor, answer: Mapping[str, object]) -> None:
        """Send one line, or keep it until the visitor takes it."""
        if visitor.gone:
            return
        if not visitor.unsent:
            visitor.moved_ms = self._clock.now_ms()
        visitor.unsent += _line(answer)
        try:
            self._flush(visitor)
        except OSError:
            self.show_out(visitor)  # it hung up: its right
        if len(visitor.unsent) > UNSENT_BYTES_MAX:
            self.counts["slow"] += 1
            self.show_out(visitor)

    def refuse(self, visitor: Visitor, id: Id, error: str, exit_code: int = RefusedError.exit_code) -> None:
        """Say that a request is not done, and why."""
        self.say(visitor, refusal(id, error, exit_code))

    def tell_watcher(self, visitor: Visitor) -> None:
        """Say the newest change, once the visitor has taken the one before: it may miss some, never the last."""
        watching = visitor.watching
        if watching is None or watching.kept is None or visitor.unsent:
            return
        view, watching.kept = watching.kept, None
        watching.sent = view.still
        self.say(visitor, {"id": watching.id, "ok": True, "view": view.encoded})

    def deadlines(self) -> Iterator[int]:
        """When somebody is to be shown out, in monotonic milliseconds."""
        for visitor in self._here:
            if visitor.unsent:
                yield visitor.moved_ms + STUCK_MS
            elif visitor.watching is None:
                yield visitor.moved_ms + IDLE_MS

    def show_out_late(self, now_ms: int) -> None:
        """Show out who takes nothing and who says nothing."""
        for visitor in self:
            if visitor.unsent and visitor.moved_ms + STUCK_MS <= now_ms:
                self.counts["slow"] += 1
                self.show_out(visitor)
            elif not visitor.unsent and visitor.watching is None and visitor.moved_ms + IDLE_MS <= now_ms:
                self.show_out(visitor)

    def show_out(self, visitor: Visitor) -> None:
        """Close this connection, whatever is still unsaid."""
        if visitor.gone:
            return
        visitor.gone, visitor.watching = True, None
        visitor.unsent.clear()
        if visitor.connection in self._selector.get_map():
            self._selector.unregister(visitor.connection)
        visitor.connection.close()
        self._here.remove(visitor)

    def _listen(self, visitor: Visitor) -> None:
        said = visitor.connection.recv(LINE_BYTES_MAX)
        visitor.moved_ms = self._clock.now_ms()
        visitor.heard += said
        *lines, rest = visitor.heard.split(b"\n")
        visitor.heard = rest
        for line in lines:
            if visitor.leaving or visitor.gone:
                return
            if len(line) > LINE_BYTES_MAX:
                self._too_long(visitor)
            elif line.strip():
                self._take(visitor, bytes(line))
        if len(rest) > LINE_BYTES_MAX and not visitor.leaving:
            self._too_long(visitor)
        if not said:
            visitor.watching = None  # one who only stopped asking looks like one who hung up
            self._leave(visitor)

    def _too_long(self, visitor: Visitor) -> None:
        self.refuse(visitor, None, f"a request has at most {LINE_BYTES_MAX} bytes")
        self._leave(visitor)

    def _leave(self, visitor: Visitor) -> None:
        """Listen no more; the visitor goes when everything that it asked is answered and taken."""
        visitor.leaving = True
        self._register(visitor)

    def _flush(self, visitor: Visitor) -> None:
        with suppress(BlockingIOError):  # the rest when it has read some
            while visitor.unsent:
                sent = visitor.connection.send(visitor.unsent)
                del visitor.unsent[:sent]
                visitor.moved_ms = self._clock.now_ms()
        self.tell_watcher(visitor)
        self._register(visitor)

    def _register(self, visitor: Visitor) -> None:
        if visitor.gone:
            return
        events = 0 if visitor.leaving else selectors.EVENT_READ
        events |= selectors.EVENT_WRITE if visitor.unsent else 0
        registered = visitor.connection in self._selector.get_map()
        if not events and not visitor.requests:
            self.show_out(visitor)
        elif events and registered:
            self._selector.modify(visitor.connection, events, visitor)
        elif events:
            self._selector.register(visitor.connection, events, visitor)
        elif registered:
            self._selector.unregister(visitor.connection)


def refusal(id: Id, error: str, exit_code: int) -> dict[str, object]:
    """The answer to a request that is not done."""
    return {"id": id, "ok": False, "error": error, "exit_code": exit_code}


def _line(answer: Mapping[str, object]) -> bytes:
    return msgspec.json.encode(answer) + b"\n"


def still(view: Mapping[str, object], local: Mapping[str, int]) -> Mapping[str, object]:
    """A view without what changes by itself: two views that are equal here tell a watcher the same."""
    return {**_without_times(view), "local": dict(local)}


def _without_times(view: Mapping[str, object]) -> dict[str, object]:
    return {key: _still_value(value) for key, value in view.items() if key not in TIMES}


def _still_value(value: object) -> object:
    match value:
        case Mapping():
            return _without_times(value)
        case list():
            return [_still_value(one) for one in value]
        case _:
            return value

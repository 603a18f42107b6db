"""The daemon's local sockets: ``view.sock`` to look, ``control.sock`` to look and act. Says what ``requests`` shapes.

One thread serves all visitors. The brain is asked for one view at a time, at most every VIEW_MS_MIN, whoever and
however many want it: looking must not slow a press. For a watch it is asked where more than the time has changed, and
every STILL_MS_MAX.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge.errors import NotReachableError
from edge.events import Code, MessageRefused, Noted, Qualifier, ResetAsked, Trouble, ViewAsked
from edge.listening import listen
from edge.ports import Clock, Post
from edge.proving import ArrivedAsked, SelfTestAsked
from edge.requests import (
    CONTROL_SOCKET,
    VIEW_SOCKET,
    Arrived,
    BadRequest,
    Calibrated,
    Id,
    Press,
    Reset,
    See,
    SelfTest,
    Status,
    Updated,
    Watch,
    calibration_words,
    decode,
    update_words,
)
from edge.visitors import View, Visitor, Visitors, Watching, still

ANSWER_MS_MAX = 5_000
"""The brain's time to answer; then the visitor is told so."""

REQUESTS_MAX = 64
"""Of one visitor, not yet answered."""

VIEW_MS_MIN = 10
"""At most a hundred views a second are made; one takes the brain a tenth of a millisecond."""

STILL_MS_MAX = 1_000
"""A watch looks after this long also where nothing seems to have changed: some things in a view come by time alone."""

PAUSE_S = 0.1
"""Rest after a failure of the loop itself, so that one that stays does not use up a core."""


def _always_new() -> tuple[object, ...]:
    return (object(),)


class _Waiting(NamedTuple):
    """Somebody waits for a view."""

    visitor: Visitor
    id: Id
    due_ms: int
    watching: Watching | None


class Control:
    """Makes both sockets at once (mode 0660), serves them in ``serve``.

    ``press`` closes the simulated contact for so many milliseconds and returns at once; ``see`` lets the simulated
    sensor see so many degrees, in air of so many. None where the real ones are fitted. ``add`` gives what a view says
    beyond what the brain knows; it is called on the thread that serves, so that the brain waits for no file.
    ``glimpse`` gives the parts of what the brain knows: while each is the same object as before, a watch hears nothing.
    Raises AlreadyRunningError where a daemon answers on a socket, StorageError where the sockets cannot be made.
    """

    def __init__(
        self,
        runtime_directory: Path,
        post: Post,
        clock: Clock,
        press: Callable[[int], None] | None,
        see: Callable[[float, float], None] | None = None,
        add: Callable[[], Mapping[str, object]] = dict,
        glimpse: Callable[[], tuple[object, ...]] = _always_new,
    ) -> None:
        self._add = add
        self._glimpse = glimpse
        self._post = post
        self._clock = clock
        self._press = press
        self._see = see
        self._waiting: list[_Waiting] = []
        self._asked: list[_Waiting] = []
        self._in_flight = False
        self._asked_ms = clock.now_ms() - VIEW_MS_MIN
        self._token = 0
        self._counts = {"unanswered": 0, "failed": 0}
        self._answers: deque[tuple[int, Mapping[str, object]]] = deque(maxlen=64)  # one question is open at a time
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._serving = False
        self._listeners = listen(runtime_directory, (VIEW_SOCKET, CONTROL_SOCKET))
        self._ear, self._bell = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for one in (self._ear, self._bell):
            one.setblocking(False)
        for ear in (self._ear, *(listener.socket for listener in self._listeners)):
            self._selector.register(ear, selectors.EVENT_READ)
        self._visitors = Visitors(self._selector, clock, self._take, self._failed)

    def answer(self, token: int, view: Mapping[str, object]) -> None:
        """The brain's view for whoever asked. The brain calls it: returns at once, never raises."""
        self._answers.append((token, view))
        self._ring()

    def close(self) -> None:
        """End ``serve`` and take the sockets away. Any thread, also when ``serve`` never ran; twice is harmless."""
        with self._lock:
            first = not self._over.is_set()
            self._over.set()
            serving = self._serving
        if serving:
            self._ring()
        elif first:
            self._dispose()

    def serve(self) -> None:
        """Serve until ``close``. Its own thread calls it; nothing a visitor does ends it."""
        with self._lock:
            if self._over.is_set():
                return
            self._serving = True
        try:
            while not self._over.is_set():
                try:
                    self._turn()
                except Exception:  # noqa: BLE001 - a thread that ends here would blind everybody; counted
                    self._failed()
                    self._over.wait(PAUSE_S)
        finally:
            self._dispose()

    # --- one turn of the serving thread -----------------------------------------------------------------------------

    def _turn(self) -> None:
        due_ms = min(self._deadlines(), default=None)
        timeout_s = None if due_ms is None else max(0, due_ms - self._clock.now_ms()) / 1000
        for key, events in self._selector.select(timeout_s):
            if isinstance(key.data, Visitor):
                self._visitors.attend(key.data, events)
            elif key.fileobj is self._ear:
                with suppress(BlockingIOError):
                    self._ear.recv(4096)
            else:
                assert isinstance(key.fileobj, socket.socket)
                self._visitors.welcome(key.fileobj, may_act=key.fileobj is self._listeners[1].socket)
        while self._answers:
            token, view = self._answers.popleft()
            self._answered(token, {**view, **self._add()})
        now_ms = self._clock.now_ms()
        self._give_up(now_ms)
        self._visitors.show_out_late(now_ms)
        self._ask(now_ms)

    def _deadlines(self) -> Iterator[int]:
        yield from self._visitors.deadlines()
        yield from (one.due_ms for one in (*self._asked, *self._waiting))
        if self._in_flight:
            yield self._asked_ms + ANSWER_MS_MAX
        elif self._waiting:
            yield self._asked_ms + VIEW_MS_MIN
        for visitor in self._visitors:
            if visitor.watching is not None and not visitor.watching.asking:
                yield visitor.watching.next_ms

    def _ask(self, now_ms: int) -> None:
        """Ask the brain for a view, if anybody wants one and none is on its way. It answers for all who wait."""
        for visitor in self._visitors:
            watching = visitor.watching
            if watching is not None and not watching.asking and watching.next_ms <= now_ms:
                watching.next_ms = now_ms + watching.every_ms
                if watching.wants(self._glimpse(), now_ms, STILL_MS_MAX):
                    watching.asking = True
                    self._waiting.append(_Waiting(visitor, watching.id, now_ms + ANSWER_MS_MAX, watching))
        self._waiting = [one for one in self._waiting if not one.visitor.gone]
        if self._waiting and not self._in_flight and now_ms >= self._asked_ms + VIEW_MS_MIN:
            self._token += 1
            self._asked, self._waiting = self._waiting, []
            self._in_flight, self._asked_ms = True, now_ms
            self._post(ViewAsked(self._token, now_ms))

    def _give_up(self, now_ms: int) -> None:
        """Tell those whom the brain left without an answer. A watch ends with that."""
        error = f"the daemon's brain did not answer within {ANSWER_MS_MAX // 1000} s: look in its journal"
        late = [one for one in (*self._asked, *self._waiting) if one.due_ms <= now_ms]
        self._asked = [one for one in self._asked if one.due_ms > now_ms]
        self._waiting = [one for one in self._waiting if one.due_ms > now_ms]
        self._counts["unanswered"] += len(late)
        self._turn_down(late, error, NotReachableError.exit_code)
        if self._in_flight and self._asked_ms + ANSWER_MS_MAX <= now_ms:
            self._in_flight = False

    def _answered(self, token: int, view: Mapping[str, object]) -> None:
        if token != self._token or not self._in_flight:
            return  # too late: whoever asked has been told so, and counted
        self._in_flight = False
        asked, self._asked = self._asked, []
        local = {**self._counts, **self._visitors.counts}
        try:
            made = View(msgspec.Raw(msgspec.json.encode({**view, "local": local})), still(view, local))
        except Exception:  # noqa: BLE001 - counted, and said to those who wait for it
            self._failed()
            self._turn_down(asked, "the daemon's view cannot be shown: please report this", 1)
            return
        for one in asked:
            self._settle(one)
            if one.watching is None:
                self._visitors.say(one.visitor, {"id": one.id, "ok": True, "view": made.encoded})
            elif one.visitor.watching is one.watching:
                one.watching.kept = None if made.still == one.watching.sent else made
                self._visitors.tell_watcher(one.visitor)

    def _turn_down(self, those: list[_Waiting], error: str, exit_code: int) -> None:
        for one in those:
            self._settle(one)
            if one.watching is not None:
                if one.visitor.watching is not one.watching:
                    continue  # a watch that was replaced meanwhile
                one.visitor.watching = None
            self._visitors.refuse(one.visitor, one.id, error, exit_code)

    def _settle(self, one: _Waiting) -> None:
        if one.watching is None:
            one.visitor.requests -= 1
        else:
            one.watching.asking = False

    # --- what visitors ask ------------------------------------------------------------------------------------------

    def _take(self, visitor: Visitor, line: bytes) -> None:
        try:
            request = decode(line)
        except BadRequest as error:
            self._visitors.refuse(visitor, error.id, str(error))
            return
        now_ms = self._clock.now_ms()
        match request:
            case Status(id=id) if visitor.requests >= REQUESTS_MAX:
                self._visitors.refuse(visitor, id, f"{REQUESTS_MAX} requests wait already")
            case Status(id=id):
                visitor.requests += 1
                self._waiting.append(_Waiting(visitor, id, now_ms + ANSWER_MS_MAX, None))
            case Watch(id=id, every_ms=every_ms):
                visitor.watching = Watching(id, every_ms, now_ms)
            case _ if not visitor.may_act:
                self._visitors.refuse(visitor, request.id, f"{VIEW_SOCKET} is only for looking: ask {CONTROL_SOCKET}")
            case Reset(id=id, by=by, key_fingerprint=key):
                self._post(ResetAsked(by.strip(), visitor.uid, now_ms, key))
                self._visitors.say(visitor, {"id": id, "ok": True})
            case SelfTest(id=id, kind=kind, by=by, key_fingerprint=key, token=token):
                self._post(SelfTestAsked(kind, by.strip(), key, token, now_ms))
                self._visitors.say(visitor, {"id": id, "ok": True})
            case Arrived(id=id, by=by):
                self._post(ArrivedAsked(by.strip(), now_ms))
                self._visitors.say(visitor, {"id": id, "ok": True})
            case Calibrated():
                detail = calibration_words(request, visitor.uid)
                self._post(Noted(Code.CONFIGURATION_CHANGED, Qualifier.STATUS, None, detail, now_ms))
                self._visitors.say(visitor, {"id": request.id, "ok": True})
            case Updated(kept=kept):
                trouble, now = Trouble.UPDATE_UNDONE, Qualifier.RESTORE if kept else Qualifier.NEW
                words = update_words(request, visitor.uid)
                self._post(Noted(Code.CONFIGURATION_CHANGED, Qualifier.STATUS, None, words, now_ms))
                self._post(Noted(Code.CONFIGURATION_CHANGED, now, trouble, words, now_ms))
                self._visitors.say(visitor, {"id": request.id, "ok": True})
            case Press(hold_ms=hold_ms):
                press = self._press
                self._pretend(visitor, request.id, "button", None if press is None else partial(press, hold_ms))
            case See(object_celsius=seen, ambient_celsius=air):
                see = self._see
                self._pretend(visitor, request.id, "sensor", None if see is None else partial(see, seen, air))

    def _pretend(self, visitor: Visitor, id: Id, what: str, act: Callable[[], None] | None) -> None:
        """Do what only a simulated part can be told to do."""
        if act is None:
            error = f"this gate has a real {what}: use that one; this works only where pins are simulated"
            self._visitors.refuse(visitor, id, error)
            return
        try:
            act()
        except Exception as failure:  # noqa: BLE001 - counted, and said to the visitor
            self._failed()
            self._visitors.refuse(visitor, id, f"the simulated {what} failed: {failure}", 1)
            return
        self._visitors.say(visitor, {"id": id, "ok": True})

    # --- small things -----------------------------------------------------------------------------------------------

    def _failed(self) -> None:
        self._counts["failed"] += 1
        self._post(MessageRefused("local_failed", self._clock.now_ms()))

    def _ring(self) -> None:
        with self._lock:  # held only for this long, and once more at the very end
            if self._bell.fileno() >= 0:
                with suppress(BlockingIOError):  # it rings already
                    self._bell.send(b"!")

    def _dispose(self) -> None:
        for visitor in self._visitors:
            self._visitors.show_out(visitor)
        self._selector.close()
        for listener in self._listeners:
            listener.close()
        with self._lock:
            self._ear.close()
            self._bell.close()

"""The daemon's end of ``camera.sock``: lets one camera process in, and turns what it says into facts.

Nothing here is shared with the button. One thread serves; the brain only leaves a wish. Whatever the visitor does, it
gets no more than FACTS_A_SECOND_MAX facts and PICTURES_MAX pictures of a press through, and no picture that was not
asked for. Every refusal is counted under a name that begins with ``camera_``.
"""

from __future__ import annotations

import pwd
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from os import getuid
from pathlib import Path

from edge.camera_words import (
    CAMERA_SOCKET,
    LINE_BYTES_MAX,
    PICTURES_MAX,
    SILENT_MS_MAX,
    Faces,
    Found,
    NotUnderstood,
    Picture,
    Said,
    Take,
    decode_said,
    encode,
)
from edge.errors import GatepostError
from edge.events import MessageRefused
from edge.listening import Listening, listen
from edge.measuring import CameraFound, CameraLost, FacesSeen, PictureTaken, TakePicture
from edge.ports import Clock, Post

USER = "gatepost-camera"
"""Who runs the camera process on a gate. The daemon's own user and root are let in as well."""

MODE = 0o666
"""Anybody may knock; the peer's user id decides. In a group of the sockets', the camera process could end an alarm."""

FACTS_A_SECOND_MAX = 50
FIRST_MS_MAX = 20_000
"""A camera process that has not come so long after the start is lost."""

STALE_MS = 1_500
"""What was seen longer ago is not news any more."""

TURN_S = 0.2
PAUSE_S = 0.5
"""Rest after a failure and after a visitor was shown out, so that neither can use up a core."""

SLACK_MS = 2_000
"""So much outside the asked span may a picture be: the camera keeps one every half second."""

WISHES_MAX = 8


def known_users() -> frozenset[int]:
    """The user ids that are let in."""
    users = {0, getuid()}
    with suppress(KeyError):  # not made on this machine
        users.add(pwd.getpwnam(USER).pw_uid)
    return frozenset(users)


class _Visitor:
    """The camera process that is here. ``said_ms``: when it last said something."""

    def __init__(self, connection: socket.socket, now_ms: int) -> None:
        self.connection = connection
        self.said_ms = now_ms
        self.heard = bytearray()
        self.detector: str | None = None


class CameraDoor:
    """Makes the socket in ``serve``, not before: a gate whose camera socket cannot be made still has its button.

    ``before_ms`` and ``after_ms``: of what pictures are asked after a press, in milliseconds; ``pictures`` False: none
    ever is.
    """

    def __init__(
        self,
        runtime_directory: Path,
        post: Post,
        clock: Clock,
        *,
        pictures: bool,
        before_ms: int,
        after_ms: int,
        users: Callable[[], frozenset[int]] = known_users,
    ) -> None:
        self._directory = runtime_directory
        self._post = post
        self._clock = clock
        self._pictures = pictures
        self._before_ms = before_ms
        self._after_ms = after_ms
        self._users = users
        self._wishes: deque[TakePicture] = deque()
        self._held: deque[TakePicture] = deque()
        self._over = threading.Event()
        self._listening: Listening | None = None
        self._visitor: _Visitor | None = None
        self._taking: dict[str, tuple[int, int]] = {}  # of each incident: when it was pressed, pictures still to come
        self._lost_ms: int | None = clock.now_ms() + FIRST_MS_MAX  # when it counts as lost; None: told already

    def take(self, command: TakePicture) -> None:
        """Have pictures of this press handed out. The brain calls it: returns at once, never raises."""
        self._wishes.append(command)

    def close(self) -> None:
        """End ``serve`` within TURN_S. Any thread; twice is harmless."""
        self._over.set()

    def serve(self) -> None:
        """Serve until ``close``. Its own thread calls it; nothing the visitor does ends it."""
        while not self._over.is_set():
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - counted; without this thread the kiosk would be blind for good
                self._count("no_socket" if isinstance(error, GatepostError) else "failed")
                self._show_out("the daemon's end failed")
        if self._visitor is not None:
            self._visitor.connection.close()
        if self._listening is not None:
            self._listening.close()

    # --- one turn of the serving thread -----------------------------------------------------------------------------

    def _turn(self) -> None:
        if self._listening is None:
            (self._listening,) = listen(self._directory, [CAMERA_SOCKET], MODE)
        self._ask()
        if self._visitor is None:
            self._welcome(self._listening.socket, TURN_S)
        else:
            self._turn_away(self._listening.socket)
            self._listen(self._visitor)
        now_ms = self._clock.now_ms()
        if self._visitor is not None and now_ms - self._visitor.said_ms > SILENT_MS_MAX:
            self._count("silent")
            self._show_out(f"the camera process has said nothing for {now_ms - self._visitor.said_ms} ms")
        if self._lost_ms is not None and now_ms >= self._lost_ms:
            self._lost_ms = None
            self._post(CameraLost("the camera process has not come: look in its journal", now_ms))

    def _welcome(self, listener: socket.socket, wait_s: float) -> None:
        listener.settimeout(wait_s)
        try:
            connection, _ = listener.accept()
        except (TimeoutError, BlockingIOError, ConnectionAbortedError):
            return
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _pid, uid, _gid = struct.unpack("3i", credentials)
        if uid not in self._users():
            connection.close()
            self._count("stranger")
            self._over.wait(PAUSE_S)
            return
        connection.settimeout(TURN_S)
        self._visitor = _Visitor(connection, self._clock.now_ms())

    def _turn_away(self, listener: socket.socket) -> None:
        """One camera is enough. A second process that knocks may find the first gone when it tries again."""
        listener.settimeout(0)
        with suppress(BlockingIOError, ConnectionAbortedError):
            listener.accept()[0].close()
            self._count("turned_away")

    def _listen(self, visitor: _Visitor) -> None:
        try:
            heard = visitor.connection.recv(LINE_BYTES_MAX)
        except TimeoutError:
            return
        except OSError as error:
            self._show_out(f"the line to the camera process broke: {error.strerror or error}")
            return
        if not heard:
            self._show_out("the camera process hung up")
            return
        visitor.said_ms = self._clock.now_ms()
        *lines, rest = (visitor.heard + heard).split(b"\n")
        visitor.heard = bytearray(rest)
        try:
            if len(rest) > LINE_BYTES_MAX:
                raise NotUnderstood("a line that does not end")
            self._hear(visitor, [decode_said(bytes(line)) for line in lines])
        except NotUnderstood as error:
            self._count("not_understood")
            self._show_out(f"the camera process is not understood: {error}")
        self._over.wait(1 / FACTS_A_SECOND_MAX)  # what it says meanwhile waits in the kernel, and then it waits

    def _hear(self, visitor: _Visitor, said: list[Said]) -> None:
        """Of what was seen only the newest counts. Raises NotUnderstood for what may not be said."""
        now_ms = visitor.said_ms
        newest: Faces | None = None
        for word in said:
            match word:
                case Found(detector=detector) if visitor.detector is None:
                    visitor.detector, self._lost_ms = detector, None
                    self._post(CameraFound(detector, now_ms))
                case _ if visitor.detector is None:
                    raise NotUnderstood("its first word must be 'found'")
                case Picture():
                    self._picture(word, now_ms)
                case Faces():
                    newest = word
        if newest is None:
            return
        if newest.at_ms < now_ms - STALE_MS:
            self._count("stale")
            return
        seen_ms = min(newest.at_ms, now_ms)
        self._post(FacesSeen(newest.faces, newest.distance_cm, newest.centred, seen_ms))

    # --- pictures of an alarm ---------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Hand wishes on. They wait for a camera that is just coming back, as long as there is something to see."""
        now_ms = self._clock.now_ms()
        self._taking = {
            incident: taking
            for incident, taking in self._taking.items()
            if now_ms <= taking[0] + self._after_ms + 2 * SLACK_MS
        }
        while self._wishes:
            if len(self._held) >= WISHES_MAX:
                self._held.popleft()
                self._count("not_asked")
            self._held.append(self._wishes.popleft())
        while self._held:
            wish = self._held[0]
            over = not self._pictures or now_ms > wish.at_ms + self._after_ms
            if not over and (self._visitor is None or self._visitor.detector is None):
                return
            self._held.popleft()
            if over or self._visitor is None:
                self._count("not_asked")
            else:
                self._taking.setdefault(wish.incident, (wish.at_ms, PICTURES_MAX))
                self._say(self._visitor, wish)

    def _say(self, visitor: _Visitor, wish: TakePicture) -> None:
        take = Take(incident=wish.incident, press_ms=wish.at_ms, before_ms=self._before_ms, after_ms=self._after_ms)
        try:
            visitor.connection.sendall(encode(take))
        except OSError as error:
            self._show_out(f"the camera process takes nothing: {error.strerror or error}")

    def _picture(self, picture: Picture, now_ms: int) -> None:
        """One that was asked for. Raises NotUnderstood for any other."""
        press_ms, left = self._taking.get(picture.incident, (0, 0))
        early, late = press_ms - self._before_ms - SLACK_MS, press_ms + self._after_ms + SLACK_MS
        if not left or not early <= picture.at_ms <= min(late, now_ms):
            self._count("unasked_picture")
            raise NotUnderstood("a picture that nobody asked for")
        self._taking[picture.incident] = (press_ms, left - 1)
        self._post(PictureTaken(picture.incident, picture.at_ms - press_ms, picture.jpeg, now_ms))

    # --- small things -----------------------------------------------------------------------------------------------

    def _show_out(self, reason: str) -> None:
        visitor, self._visitor = self._visitor, None
        if visitor is not None:
            visitor.connection.close()
            if visitor.detector is not None:
                self._post(CameraLost(reason, self._clock.now_ms()))
        self._over.wait(PAUSE_S)

    def _count(self, what: str) -> None:
        self._post(MessageRefused(f"camera_{what}", self._clock.now_ms()))

"""The camera process's end of the socket, against the daemon's real end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.camera.daemon_line import RETRY_MS, UNSENT_BYTES_MAX, DaemonLine
from edge.camera_words import CAMERA_SOCKET, JPEG_START, Alive, Faces, Found, Picture, Take, encode
from edge.listening import listen
from edge.measuring import CameraFound, CameraLost, FacesSeen, PictureTaken, TakePicture
from tests.unit.camera_ends import Door
from tests.unit.small_gate import DEADLINE_S, ShortDirectory, eventually

FOUND = Found(detector="YuNet on OpenCV 4.14.0")


@pytest.fixture
def directory() -> Iterator[Path]:
    short = ShortDirectory()
    yield short.path
    short.close()


@pytest.fixture
def line(directory: Path) -> Iterator[DaemonLine]:
    line = DaemonLine(directory / CAMERA_SOCKET, FOUND)
    yield line
    line.close()


class Loop:
    """The camera's loop as far as its line is concerned; each turn is RETRY_MS later than the one before."""

    def __init__(self, line: DaemonLine) -> None:
        self.line = line
        self.now_ms = 0
        self.takes: list[Take] = []

    def turn(self) -> None:
        self.now_ms += RETRY_MS
        self.takes += self.line.attend(self.now_ms)
        self.line.say(Alive())


@pytest.fixture
def loop(line: DaemonLine) -> Loop:
    return Loop(line)


def until(loop: Loop, door: Door, kind: type[CameraFound | CameraLost], count: int = 1) -> None:
    def came() -> bool:
        loop.turn()
        return len(door.all(kind)) >= count

    eventually(came, f"{kind.__name__}; there is {door.facts}")


def test_found_is_the_first_word_of_each_connection(directory: Path, loop: Loop) -> None:
    for _ in range(2):
        door = Door(directory)
        until(loop, door, CameraFound)
        assert door.first(CameraFound).detector == FOUND.detector
        door.close()
        loop.turn()


def test_without_a_daemon_nothing_waits_and_it_is_said_once(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    begin_s = time.monotonic()
    for _ in range(100):
        loop.turn()
    assert time.monotonic() - begin_s < DEADLINE_S
    assert len([record for record in caplog.records if "no daemon listens" in record.getMessage()]) == 1


def test_what_was_seen_while_nobody_listened_is_not_told_later(directory: Path, loop: Loop) -> None:
    for number in range(10):
        loop.line.say(Faces(faces=number, distance_cm=None, centred=False, at_ms=0))
    door = Door(directory)
    try:
        until(loop, door, CameraFound)
        loop.line.say(Faces(faces=42, distance_cm=None, centred=False, at_ms=door.clock.now_ms()))
        eventually(lambda: bool(door.all(FacesSeen)), "the newest is told")
        assert [seen.faces for seen in door.all(FacesSeen)] == [42]
    finally:
        door.close()


def test_a_wish_comes_and_a_picture_goes(directory: Path, loop: Loop) -> None:
    door = Door(directory)
    try:
        until(loop, door, CameraFound)
        press_ms = door.clock.now_ms()
        door.door.take(TakePicture("ab-1", press_ms))

        def asked() -> bool:
            loop.turn()
            return bool(loop.takes)

        eventually(asked, "the wish comes")
        loop.line.say(Picture(incident="ab-1", at_ms=press_ms, jpeg=JPEG_START + b"x" * 15_000))
        assert door.first(PictureTaken).incident == "ab-1"
    finally:
        door.close()


def test_a_daemon_that_reads_nothing_holds_nobody_up_and_costs_bounded_memory(directory: Path, loop: Loop) -> None:
    """It is there, and stands still: pictures wait for it, up to a bound, then the line is cut."""
    (listening,) = listen(directory, [CAMERA_SOCKET])
    try:
        picture = Picture(incident="ab-1", at_ms=0, jpeg=JPEG_START + b"x" * 19_000)
        loop.turn()
        begin_s = time.monotonic()
        for _ in range(5 * UNSENT_BYTES_MAX // 19_000):
            loop.line.say(picture)
        assert time.monotonic() - begin_s < DEADLINE_S
        listening.socket.setblocking(True)
        connection, _ = listening.socket.accept()
        with connection:
            connection.settimeout(DEADLINE_S)
            heard = 0
            while said := connection.recv(65_536):
                heard += len(said)
        assert heard < UNSENT_BYTES_MAX  # what the kernel held; the rest was let go
    finally:
        listening.close()


def test_what_is_seen_while_the_daemon_reads_nothing_does_not_pile_up(directory: Path, loop: Loop) -> None:
    """It stood still for minutes and goes on: the line still holds, and what it hears is soon new again."""
    (listening,) = listen(directory, [CAMERA_SOCKET])
    try:
        loop.turn()
        for _ in range(20_000):
            loop.line.say(Faces(faces=1, distance_cm=45.0, centred=True, at_ms=1))
        listening.socket.setblocking(True)
        connection, _ = listening.socket.accept()
        with connection, connection.makefile("rb") as stream:
            connection.settimeout(DEADLINE_S)

            def news() -> bool:
                loop.turn()
                loop.line.say(Faces(faces=2, distance_cm=45.0, centred=True, at_ms=2))
                return b'"faces":2' in stream.readline()

            assert any(news() for _ in range(20_000))
    finally:
        listening.close()


def test_a_daemon_of_another_version_does_not_end_the_camera(
    directory: Path, loop: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    (listening,) = listen(directory, [CAMERA_SOCKET])
    try:
        loop.turn()
        listening.socket.setblocking(True)
        connection, _ = listening.socket.accept()
        with connection:
            connection.sendall(
                b'{"ask":"zoom"}\n{"ask":"take","incident":"a","press_ms":1,"before_ms":2,"after_ms":3}\n'
            )

            def heard() -> bool:
                loop.turn()
                return bool(loop.takes)

            eventually(heard, "what is understood is obeyed")
        assert "is not understood" in caplog.text
    finally:
        listening.close()


def test_half_a_word_of_a_daemon_that_died_does_not_spoil_the_next_ones_first(directory: Path, loop: Loop) -> None:
    take = Take(incident="a", press_ms=1, before_ms=2, after_ms=3)
    (listening,) = listen(directory, [CAMERA_SOCKET])
    try:
        for said in (encode(take)[:10], encode(take)):
            loop.turn()
            listening.socket.setblocking(True)
            connection, _ = listening.socket.accept()
            with connection:
                connection.sendall(said)
                loop.turn()
            loop.turn()
        assert loop.takes == [take]
    finally:
        listening.close()

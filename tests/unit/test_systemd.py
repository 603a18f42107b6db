"""What systemd is told over a real datagram socket, and what the journal gets."""

from __future__ import annotations

import io
import logging
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.drivers.systemd import (
    ForegroundSupervisor,
    JournalHandler,
    LineHandler,
    SystemdSupervisor,
    journal_handler,
    supervisor,
    watchdog_interval_ms,
)


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """NOTIFY_SOCKET in both forms that systemd uses."""
    return str(tmp_path / "notify") if request.param == "path" else f"@gatepost-test-{secrets.token_hex(8)}"


@pytest.fixture
def systemd(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + address[1:] if address.startswith("@") else address)
        listening.settimeout(5)
        yield listening


def test_each_word_reaches_systemd(systemd: socket.socket, address: str) -> None:
    told = SystemdSupervisor(address)
    told.ready()
    told.feed("armed; 3 owed")
    told.stopping()
    assert [systemd.recv(4096) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1\nSTATUS=armed; 3 owed", b"STOPPING=1"]
    assert told.failed == 0


def test_a_status_can_not_smuggle_in_another_word(systemd: socket.socket, address: str) -> None:
    SystemdSupervisor(address).feed("broker said\nSTOPPING=1\n" + "x" * 5000 + "\ud800")
    words = systemd.recv(65536).decode()
    assert words.startswith("WATCHDOG=1\nSTATUS=broker said STOPPING=1 xxx")
    assert words.count("\n") == 1
    assert len(words) < 300


def test_a_systemd_that_does_not_listen_any_more_holds_nobody_up(systemd: socket.socket, address: str) -> None:
    """Its queue fills; every further word is counted and given up at once, and the queue is heard when it drains."""
    told = SystemdSupervisor(address)
    for number in range(2000):
        told.feed(str(number))
    assert 0 < told.failed < 2000
    lost = told.failed
    systemd.recv(4096)
    told.feed("again")
    assert told.failed == lost


@pytest.mark.parametrize("gone", ["/nonexistent/notify", "@gatepost-nobody", "/" + "x" * 200, "a\0b", "@"])
def test_a_socket_that_is_not_there_is_counted_and_raises_nothing(gone: str) -> None:
    told = SystemdSupervisor(gone)
    told.ready()
    told.feed("armed")
    assert told.failed == 2


def test_a_failure_is_logged_once_not_at_every_feed(caplog: pytest.LogCaptureFixture) -> None:
    told = SystemdSupervisor("/nonexistent/notify")
    for _ in range(5):
        told.feed("armed")
    assert len(caplog.records) == 1


def test_the_environment_tells_which_supervisor_there_is() -> None:
    assert isinstance(supervisor({"NOTIFY_SOCKET": "/run/systemd/notify"}), SystemdSupervisor)
    assert isinstance(supervisor({"NOTIFY_SOCKET": ""}), ForegroundSupervisor)
    assert isinstance(supervisor({}), ForegroundSupervisor)


def test_in_the_foreground_the_last_status_can_be_read() -> None:
    nobody = ForegroundSupervisor()
    nobody.ready()
    nobody.feed("armed")
    nobody.feed("armed; 1 owed")
    nobody.stopping()
    assert (nobody.status, nobody.fed) == ("armed; 1 owed", 2)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid())}, 10_000),
        ({"WATCHDOG_USEC": "10000000"}, 10_000),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_PID": str(os.getpid())}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "999"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_interval_is_systemds_and_only_for_this_process(
    environ: dict[str, str], expected: int | None
) -> None:
    assert watchdog_interval_ms(environ) == expected


def record(text: str, level: int = logging.WARNING, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("edge.test", level, __file__, 7, text, None, None, "function")
    made.__dict__.update(fields)
    return made


def test_the_journal_gets_the_events_id_as_a_field() -> None:
    sent: list[tuple[str, dict[str, str | int]]] = []
    handler = JournalHandler(lambda message, **fields: sent.append((message, fields)))
    handler.handle(record("press stored", event_id="00112233aabbccdd-7"))
    handler.handle(record("started", logging.INFO))
    (message, fields), (_, plain) = sent
    assert message == "press stored"
    assert fields["GATEPOST_EVENT_ID"] == "00112233aabbccdd-7"
    assert (fields["PRIORITY"], plain["PRIORITY"]) == ("4", "6")
    assert "GATEPOST_EVENT_ID" not in plain
    assert {name for name, value in fields.items() if not isinstance(value, str)} == {"CODE_LINE"}


def test_systemd_python_takes_the_fields_as_they_are() -> None:
    """Where it is installed. A journal that is not running takes them too, and drops them."""
    journal = pytest.importorskip("systemd.journal", reason="systemd-python is not installed")
    handler = JournalHandler(journal.send)
    handler.handle(record("written by the tests of gatepost", event_id="00112233aabbccdd-7"))
    assert handler.failed == 0


def test_a_journal_that_fails_is_counted_and_raises_nothing() -> None:
    def refuse(message: str, **fields: str) -> None:
        raise OSError(message, fields)

    handler = JournalHandler(refuse)
    handler.handle(record("press stored"))
    assert handler.failed == 1


def test_a_line_carries_the_events_id() -> None:
    stream = io.StringIO()
    handler = journal_handler(stream, {})
    handler.handle(record("press stored", event_id="00112233aabbccdd-7"))
    handler.handle(record("started", logging.INFO, event_id=None))
    assert stream.getvalue().splitlines() == [
        "WARNING edge.test: press stored [event 00112233aabbccdd-7]",
        "INFO edge.test: started",
    ]


def test_a_stream_that_is_closed_is_counted_and_raises_nothing() -> None:
    stream = io.StringIO()
    handler = LineHandler(stream)
    stream.close()
    handler.handle(record("press stored"))
    assert handler.failed == 1


def test_the_journal_is_used_only_where_the_stream_is_connected_to_it(tmp_path: Path) -> None:
    """A variable inherited from a desktop session is not enough: a person at a terminal would see nothing."""
    with (tmp_path / "stream").open("w+") as stream:
        status = os.fstat(stream.fileno())
        mine = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        connected = journal_handler(stream, mine)
        assert type(journal_handler(stream, {"JOURNAL_STREAM": "1:2"})) is LineHandler
        if isinstance(connected, JournalHandler):
            return  # systemd-python is installed here
        connected.handle(record("press stored", logging.ERROR))
        stream.seek(0)
        assert stream.read() == "<3>ERROR edge.test: press stored\n"

"""The process ``gatepost-kiosk``: how it starts, what it costs, how it ends, and how it refuses."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.browser.screens import Kiosk
from tests.process.gate import bench_tables, plain_broker, settings_text
from tests.process.programs import PROJECT
from tests.process.waiting import PATIENCE_S, until

pytestmark = pytest.mark.process

RSS_MIB_MAX = 60


def refused(directory: Path, **kiosk: object) -> tuple[int, str]:
    """The exit code and the one line of a start that cannot be."""
    file = directory / "gate.toml"
    tables = bench_tables(directory, **({"kiosk": kiosk} if kiosk else {}))
    file.write_text(settings_text([plain_broker(1)], tables))
    command = [sys.executable, "-m", "kiosk", "run", "--config", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT, timeout=PATIENCE_S)
    (line,) = ended.stderr.splitlines()
    return ended.returncode, line


def test_it_says_ready_once_it_serves_feeds_the_watchdog_and_ends_in_order(tmp_path: Path) -> None:
    with Kiosk(tmp_path) as kiosk:
        assert b"<html" in kiosk.get("/")
        until(lambda: kiosk.supervision.moments("WATCHDOG=1"), lambda fed: len(fed) >= 2)
        assert kiosk.terminate() == 0
        assert "ERROR" not in kiosk.log()


def test_it_takes_less_than_60_mib(tmp_path: Path) -> None:
    with Kiosk(tmp_path) as kiosk:
        for path in ("/", "/teacher", "/health", "/sounds/chime-normal", "/static/student.js"):
            kiosk.get(path)
        assert kiosk.process is not None
        assert psutil.Process(kiosk.process.pid).memory_info().rss <= RSS_MIB_MAX * 1024 * 1024


def test_it_starts_before_the_daemon_and_says_once_why_it_shows_nothing(tmp_path: Path) -> None:
    kiosk = Kiosk(tmp_path)
    try:
        kiosk.spawn()
        kiosk.wait_ready()
        until(lambda: kiosk.get("/health"), lambda said: b'"unreachable":3' in said)
        assert kiosk.log().count("no daemon answers") == 1
        kiosk.open_gate()
        until(lambda: kiosk.get("/health"), lambda said: b'"answers":true' in said)
    finally:
        kiosk.close()


def test_a_view_that_is_not_understood_is_counted_and_told(tmp_path: Path) -> None:
    with Kiosk(tmp_path) as kiosk:
        kiosk.view = {"screen": "normal"}
        until(lambda: kiosk.get("/health"), lambda said: b'"malformed":2' in said)
        assert "update both together" in kiosk.log()
        kiosk.show("idle")
        until(lambda: kiosk.get("/health"), lambda said: b'"answers":true' in said)


def test_a_gate_without_a_screen_is_told_what_to_write(tmp_path: Path) -> None:
    code, line = refused(tmp_path)
    assert code == 3
    assert "[kiosk]" in line


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, line = refused(tmp_path, police_telephone="110", port=port)
    assert code == 9
    assert str(port) in line


def test_a_teachers_file_that_is_missing_or_an_address_of_elsewhere_is_named(tmp_path: Path) -> None:
    word = tmp_path / "word"
    kiosk = {"police_telephone": "110", "port": 18470, "teacher_host": "192.0.2.1", "teacher_token_file": str(word)}
    code, line = refused(tmp_path, **kiosk)
    assert (code, "teacher_token_file" in line) == (6, True)
    word.write_text("seven-geese-cross-the-river")
    code, line = refused(tmp_path, **kiosk)
    assert (code, "192.0.2.1" in line) == (3, True)


def test_its_health_tells_the_screens_that_have_opened_their_page_from_other_listeners(tmp_path: Path) -> None:
    with Kiosk(tmp_path) as kiosk:
        for path, told in (
            ("/events", b'"listeners":1,"screens":1'),
            ("/teacher/events", b'"listeners":1,"screens":0'),
        ):
            until(lambda: kiosk.get("/health"), lambda said: b'"listeners":0,"screens":0' in said)
            with socket.create_connection(("127.0.0.1", kiosk.port)) as page:
                page.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                until(lambda: kiosk.get("/health"), lambda said, told=told: told in said)

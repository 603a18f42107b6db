"""``gatepost-kiosk browser``: a browser that shows nothing is ended, for a fresh start; any other is left alone."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.screens import Kiosk
from tests.process.programs import PROJECT, Program
from tests.process.waiting import PATIENCE_S, until

pytestmark = pytest.mark.process

PAGE_S = 10.0
"""How long these browsers may show nothing: more than Chromium's start takes on a busy machine."""

STILL = (sys.executable, "-c", "import time; time.sleep(600)")
"""A browser that runs, and never asks for anything."""


class Shown(Program):
    """``python -m kiosk browser`` with this browser."""

    def __init__(self, kiosk: Kiosk, browser: list[str], page_s: float = PAGE_S) -> None:
        super().__init__("browser", kiosk.settings_file.parent / "browser")
        self._command = ["-m", "kiosk", "browser", "--config", str(kiosk.settings_file), "--patience-s", str(page_s)]
        self._command += ["--", *browser]

    def __enter__(self) -> Shown:
        self.spawn()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def command(self) -> list[str]:
        return self._command

    def processes(self) -> list[psutil.Process]:
        """The browser's own, all of them."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True) if self.alive else []

    def close(self) -> None:
        """With the browser."""
        for one in self.processes():
            one.kill()
        super().close()


@pytest.fixture
def chromium(tmp_path: Path) -> list[str]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: sudo apt-get install -y chromium fonts-noto-cjk")
    return [CHROMIUM, "--headless=new", *ARGUMENTS, f"--user-data-dir={tmp_path / 'profile'}"]


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[Kiosk]:
    with Kiosk(tmp_path) as serving:
        yield serving


def screens(kiosk: Kiosk, number: int) -> None:
    until(lambda: kiosk.get("/health"), lambda said: f'"screens":{number}'.encode() in said)


def test_a_browser_whose_page_crashed_is_ended_with_all_it_started(kiosk: Kiosk, chromium: list[str]) -> None:
    with Shown(kiosk, chromium) as shown:
        screens(kiosk, 1)
        began = shown.processes()
        for one in began:
            if "--type=renderer" in one.cmdline():
                one.kill()
        screens(kiosk, 0)
        assert shown.wait_end() == 7
        assert "no page open" in shown.log()
        assert psutil.wait_procs(began, PATIENCE_S)[1] == []


def test_a_browser_that_shows_its_page_is_left_alone_and_ends_when_it_is_told(
    kiosk: Kiosk, chromium: list[str]
) -> None:
    with Shown(kiosk, chromium) as shown:
        screens(kiosk, 1)
        begin_s = time.monotonic()
        until(lambda: time.monotonic() - begin_s > PAGE_S + 5)
        began = shown.processes()
        assert shown.terminate() == 0
        assert psutil.wait_procs(began, PATIENCE_S)[1] == []


def test_without_the_kiosk_no_browser_is_to_blame(kiosk: Kiosk) -> None:
    kiosk.terminate()
    with Shown(kiosk, list(STILL), 0.5) as shown:
        until(shown.log, lambda said: "does not answer" in said)
        begin_s = time.monotonic()
        until(lambda: time.monotonic() - begin_s > 2.0)
        assert shown.processes() != []
        assert shown.log().count("\n") == 1, "it is said once"
        kiosk.spawn()
        assert shown.wait_end() == 7


@pytest.mark.parametrize(
    ("browser", "code", "said"),
    [
        (["/bin/false"], 1, ""),
        (["no-such-browser"], 4, "no-such-browser: No such file or directory: install it"),
        (["sh", "-c", "kill -KILL $$"], 137, ""),
        (["sh", "-c", 'test "$1 $2" = "-- --kiosk"', "sh", "--", "--kiosk"], 0, ""),
    ],
)
def test_a_browser_that_ends_by_itself_or_never_starts_gives_its_reason(
    kiosk: Kiosk, browser: list[str], code: int, said: str
) -> None:
    command = [sys.executable, "-m", "kiosk", "browser", "--config", str(kiosk.settings_file), "--", *browser]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT, timeout=PATIENCE_S)
    assert (ended.returncode, said in ended.stderr) == (code, True)

"""What the student's page does when the daemon, or the process that serves it, is gone, stands still or returns."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.screens import Kiosk
from tests.browser.test_student_page import await_screen, go
from tests.process.waiting import until

pytestmark = pytest.mark.process

GONE_S_MAX = 3.0


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Kiosk]:
    """A kiosk that a test may break."""
    with Kiosk(tmp_path) as kiosk:
        yield kiosk


def test_a_daemon_that_is_gone_is_out_of_order_within_3_s_and_returns_by_itself(page: Page, own: Kiosk) -> None:
    go(page, own, "normal")
    begin_s = time.monotonic()
    own.close_gate()
    await_screen(page, "out_of_order")
    assert time.monotonic() - begin_s <= GONE_S_MAX
    assert "36.5" not in page.content()
    own.open_gate()
    await_screen(page, "normal")


def test_a_daemon_that_stands_still_is_out_of_order_within_3_s(page: Page, own: Kiosk) -> None:
    go(page, own, "normal")
    assert own.gate is not None
    begin_s = time.monotonic()
    own.gate.deaf = True
    await_screen(page, "out_of_order")
    assert time.monotonic() - begin_s <= GONE_S_MAX
    own.gate.deaf = False
    own.close_gate()
    own.open_gate()
    await_screen(page, "normal")


def test_a_daemon_that_only_has_nothing_new_to_say_stays_on_the_screen(page: Page, own: Kiosk) -> None:
    go(page, own, "normal")
    begin_s = time.monotonic()
    until(lambda: time.monotonic() - begin_s > 2 * GONE_S_MAX, what=lambda: "time stands still")
    assert page.locator("html").get_attribute("data-screen") == "normal"


@pytest.mark.parametrize("view", [None, {"screen": "normal"}, {"screen": "splendid"}])
def test_a_view_without_a_thermometer_or_not_understood_is_out_of_order(
    page: Page, own: Kiosk, view: dict[str, object] | None
) -> None:
    go(page, own, "normal")
    own.view = view
    await_screen(page, "out_of_order")
    own.show("idle")
    await_screen(page, "idle")


def test_a_page_that_hears_nothing_says_so_by_itself(page: Page, own: Kiosk) -> None:
    go(page, own, "normal")
    assert own.process is not None
    os.kill(own.process.pid, signal.SIGSTOP)
    try:
        await_screen(page, "out_of_order")
    finally:
        os.kill(own.process.pid, signal.SIGCONT)
    await_screen(page, "normal")


def test_a_page_survives_the_death_of_the_process_that_serves_it(page: Page, own: Kiosk) -> None:
    go(page, own, "normal")
    own.kill9()
    await_screen(page, "out_of_order")
    own.spawn()
    own.wait_ready()
    await_screen(page, "normal")


def test_a_page_of_another_version_is_loaded_anew(page: Page, own: Kiosk) -> None:
    go(page, own, "idle")
    own.kill9()
    text = own.settings_file.read_text()
    own.settings_file.write_text(text.replace('police_telephone = "110"', 'police_telephone = "112"'))
    own.spawn()
    own.wait_ready()
    expect(page.locator(".police strong")).to_have_text("112", timeout=30_000)


def test_it_ends_in_order_while_pages_are_open(page: Page, own: Kiosk) -> None:
    go(page, own, "idle")
    assert own.terminate() == 0
    assert "ERROR" not in own.log()

"""Debian's Chromium, driven by Playwright, and a kiosk in each language."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.browser.screens import Kiosk

CHROMIUM = shutil.which("chromium")
# Where everybody is root, as in a container, Chromium's sandbox cannot be made.
ARGUMENTS = ("--no-sandbox", "--disable-gpu")
LOUD = "--autoplay-policy=no-user-gesture-required"
SIZE = {"width": 1024, "height": 600}


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: sudo apt-get install -y chromium fonts-noto-cjk")
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """As at a gate: it may play sounds without being touched."""
    launched = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, LOUD])
    yield launched
    launched.close()


@pytest.fixture
def silent_browser(playwright: Playwright) -> Iterator[Browser]:
    """As a browser is by itself: no sound before somebody touches the page."""
    quiet = "--autoplay-policy=document-user-activation-required"
    launched = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, quiet])
    yield launched
    launched.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport=SIZE, reduced_motion="reduce")
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which nothing may go wrong: whatever the browser complains of fails the test."""
    made = context.new_page()
    complaints: list[str] = []
    made.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    made.on("pageerror", lambda error: complaints.append(str(error)))
    yield made
    # A stream that broke because a test took its other end away, and the door's no, are meant to be.
    assert [one for one in complaints if "net::ERR_" not in one and "401 (Unauthorized)" not in one] == []


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    with Kiosk(tmp_path_factory.mktemp("zh")) as kiosk:
        yield kiosk


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    with Kiosk(tmp_path_factory.mktemp("en"), language="en") as kiosk:
        yield kiosk


@pytest.fixture(params=["zh", "en"])
def kiosk(request: pytest.FixtureRequest) -> Kiosk:
    """One after the other."""
    made: Kiosk = request.getfixturevalue({"zh": "chinese", "en": "english"}[request.param])
    made.show("idle")
    return made

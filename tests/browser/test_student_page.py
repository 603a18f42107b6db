"""The student's page in Chromium: every state, both languages, several screens, and what it must not show."""

from __future__ import annotations

import io
import itertools
import json
import re
import time
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, expect

from edge.measuring import Reason, Screen
from kiosk.words import LANGUAGES
from tests.browser.screens import REASONS, SCREENS, Kiosk
from tests.process.waiting import until

pytestmark = pytest.mark.process

PATIENCE_MS = 30_000
PARTS = "h1:visible, .detail:visible, .badge:visible, .estimate:visible, .police:visible"
SIZES = [(800, 480), (1024, 600), (1280, 800)]

STARTED_SOUNDS = """
window.started = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (when) {
  window.started.push({ at_ms: Date.now(), state: this.context.state, begin_s: when - this.context.currentTime,
    length_s: this.buffer.duration, peak: Math.max(...this.buffer.getChannelData(0).slice(0, 8000)) });
  return start.call(this, when);
};
"""

SHOWN_TIMES = """
window.shown = {};
new MutationObserver(() => {
  const screen = document.documentElement.dataset.screen;
  requestAnimationFrame(() => setTimeout(() => { window.shown[screen] = Date.now(); }));
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-screen"] });
"""


SOUNDS = 14
"""A chime and a voice for each screen but idle."""

SAYS_WHAT_HAPPENS = """
const decode = BaseAudioContext.prototype.decodeAudioData;
BaseAudioContext.prototype.decodeAudioData = async function (bytes) {
  const sound = await decode.call(this, bytes);
  setTimeout(() => console.log("a sound is there"));
  return sound;
};
new MutationObserver(() => console.log("screen " + document.documentElement.dataset.screen))
  .observe(document, { subtree: true, attributes: true, attributeFilter: ["data-screen"] });
"""
"""For a page that is not to be touched: for Chromium each question of Playwright's is a touch that allows sound."""


def await_screen(page: Page, screen: str) -> None:
    page.wait_for_selector(f"html[data-screen={screen}]", timeout=PATIENCE_MS)


def go(page: Page, kiosk: Kiosk, screen: str, **more: object) -> None:
    """Open the page, and wait until it shows this."""
    kiosk.show(screen, **more)  # type: ignore[arg-type]
    page.goto(kiosk.address)
    await_screen(page, screen)


def words_of(page: Page) -> str:
    return page.locator("body").inner_text()


def language_of(page: Page) -> str:
    return str(page.locator("html").get_attribute("lang"))[:2]


@pytest.mark.parametrize("screen", SCREENS)
def test_each_state_shows_its_own_words_and_nothing_of_the_others(page: Page, kiosk: Kiosk, screen: str) -> None:
    go(page, kiosk, screen)
    words = LANGUAGES[language_of(page)]
    expect(page.locator("section:visible")).to_have_count(1)
    expect(page.locator("h1:visible")).to_have_text(words.prompts[Screen(screen)].title)
    reason = Reason(REASONS.get(screen, "none"))
    detail = words.for_students[reason] or words.prompts[Screen(screen)].detail
    expect(page.locator(".detail:visible")).to_have_text(detail)
    expect(page.locator("footer")).to_have_text(words.disclaimer)
    assert ("36.5" in words_of(page)) == (screen == "normal")
    assert ("110" in words_of(page)) == (screen == "idle")


def test_the_estimate_is_small_about_and_named_for_what_it_is(page: Page, kiosk: Kiosk) -> None:
    go(page, kiosk, "normal")
    words = LANGUAGES[language_of(page)]
    expect(page.locator(".estimate")).to_contain_text(words.about)
    expect(page.locator(".estimate")).to_contain_text(words.estimate_of)
    verdict, figure = page.locator("#normal h1").bounding_box(), page.locator(".estimate").bounding_box()
    assert verdict is not None
    assert figure is not None
    assert verdict["y"] < figure["y"]


def test_a_normal_without_an_estimate_shows_no_empty_one(page: Page, chinese: Kiosk) -> None:
    chinese.show("normal")
    assert chinese.view is not None
    chinese.view["estimate_celsius"] = None
    page.goto(chinese.address)
    await_screen(page, "normal")
    expect(page.locator(".estimate")).to_be_hidden()


@pytest.mark.parametrize("screen", ["again", "high", "cannot_screen"])
def test_a_number_is_hidden_from_the_public_even_if_the_daemon_gives_one(
    page: Page, chinese: Kiosk, screen: str
) -> None:
    go(page, chinese, screen, estimate=38.1)
    assert "38.1" not in page.content()


def test_a_page_holds_no_more_than_the_present(page: Page, chinese: Kiosk) -> None:
    go(page, chinese, "normal", estimate=36.7)
    assert "36.7" in page.content()
    chinese.show("idle", visit=2)
    await_screen(page, "idle")
    assert "36.7" not in page.content()
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_the_public_stream_says_nothing_of_what_only_teachers_may_see(chinese: Kiosk, page: Page) -> None:
    chinese.show("high")
    page.goto(chinese.address)
    said = page.evaluate("""() => new Promise((resolve) => {
      const stream = new EventSource("/events");
      stream.onmessage = (event) => { stream.close(); resolve(event.data); };
    })""")
    assert set(json.loads(said)) == {"screen", "visit", "detail", "estimate"}
    assert "35.9" not in said


@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_to_complain_of(page: Page, kiosk: Kiosk, screen: str) -> None:
    go(page, kiosk, screen)
    results = Axe().run(page, options={"resultTypes": ["violations", "passes"]})
    assert results.violations_count == 0, results.generate_report()
    assert "color-contrast" in {rule["id"] for rule in results.response["passes"]}


def test_axe_would_find_a_bad_contrast(page: Page, chinese: Kiosk) -> None:
    go(page, chinese, "normal")
    page.evaluate("document.documentElement.style.setProperty('--text', '#ffffff')")
    assert "color-contrast" in Axe().run(page).generate_report()


COLOURS = """() => [...document.querySelectorAll("h1, p, p *, footer")].filter((one) => one.checkVisibility())
.map((one) => {
  let field = one;
  while (getComputedStyle(field).backgroundColor === "rgba(0, 0, 0, 0)") field = field.parentElement;
  return [one.textContent, getComputedStyle(one).color, getComputedStyle(field).backgroundColor];
})"""


def luminance(colour: str) -> float:
    """As WCAG 2 has it, of ``rgb(r, g, b)``."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)]
    assert len(parts) == 3, f"not opaque: {colour}"
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("screen", SCREENS)
def test_every_word_stands_out_from_its_field(page: Page, chinese: Kiosk, screen: str) -> None:
    """Axe leaves out single characters and some figures; here nothing is left out."""
    go(page, chinese, screen)
    found = page.evaluate(COLOURS)
    assert len(found) >= 3
    for text, *colours in found:
        dark, light = sorted(luminance(colour) for colour in colours)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, colours)


def grey(page: Page) -> Image.Image:
    """The screen without colour, and without the words: its shape and its brightness."""
    shot = page.screenshot(clip={"x": 0, "y": 0, "width": 410, "height": 540})
    return Image.open(io.BytesIO(shot)).convert("L").resize((82, 108))


def shape(image: Image.Image) -> Image.Image:
    """What differs from the field around it, whatever the brightness of either."""
    field = image.getpixel((1, 1))
    assert isinstance(field, int)
    return ImageChops.difference(image, Image.new("L", image.size, field)).point(lambda value: 255 * (value > 40))


def test_without_colour_and_words_each_state_has_a_shape_of_its_own(page: Page, chinese: Kiosk) -> None:
    page.goto(chinese.address)
    shapes = {}
    for visit, screen in enumerate(SCREENS):
        chinese.show(screen, visit=visit)
        await_screen(page, screen)
        shapes[screen] = shape(grey(page))
    shares = {
        (one, other): ImageStat.Stat(ImageChops.difference(shapes[one], shapes[other])).mean[0] / 255
        for one, other in itertools.combinations(SCREENS, 2)
    }
    assert min(shares.values()) > 0.05, sorted(shares.items(), key=lambda pair: pair[1])[:3]
    again = ImageStat.Stat(ImageChops.difference(shapes["high"], shapes["high"])).mean[0]
    assert again == 0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_is_cut_off_on_any_screen_or_for_any_reason(
    page: Page, kiosk: Kiosk, screen: str, size: tuple[int, int]
) -> None:
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    go(page, kiosk, screen)
    words = LANGUAGES[language_of(page)]
    details = {*words.for_students.values(), words.prompts[Screen(screen)].detail} - {""}
    footer = page.locator("footer").bounding_box()
    assert footer is not None
    for detail in sorted(details) if screen in REASONS else [words.prompts[Screen(screen)].detail]:
        page.locator(".detail:visible").evaluate("(element, text) => { element.textContent = text; }", detail)
        for part in page.locator(
            "h1:visible, .detail:visible, .badge:visible, .estimate:visible, .police:visible"
        ).all():
            box = part.bounding_box()
            assert box is not None
            assert box["x"] >= 0, (detail, box)
            assert box["x"] + box["width"] <= width, (detail, box)
            assert box["y"] >= 0, (detail, box)
            assert box["y"] + box["height"] <= footer["y"] + 1, (detail, box)
            assert part.evaluate("element => element.scrollWidth - element.clientWidth") <= 1, detail
    assert footer["y"] + footer["height"] <= height + 1


@pytest.mark.parametrize("size", SIZES)
def test_the_figures_are_an_eighth_of_the_screen_high(page: Page, kiosk: Kiosk, size: tuple[int, int]) -> None:
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    go(page, kiosk, "normal")
    strong = page.locator(".estimate strong")
    box = strong.bounding_box()
    assert box is not None
    shot = Image.open(io.BytesIO(page.screenshot(clip=box))).convert("L")
    ink = shot.point(lambda value: 255 * (value < 60)).getbbox()
    assert ink is not None
    assert ink[3] - ink[1] >= height / 8


@pytest.mark.parametrize("telephone", ["0571-8888 1234", "+86 (571) 8888-12345"])
def test_a_longer_telephone_number_fits_too(page: Page, tmp_path: Path, telephone: str) -> None:
    with Kiosk(tmp_path, police_telephone=telephone) as kiosk:
        go(page, kiosk, "idle")
        expect(page.locator(".police strong")).to_have_text(telephone)
        police, footer = page.locator(".police").bounding_box(), page.locator("footer").bounding_box()
    assert police is not None
    assert footer is not None
    assert police["x"] + police["width"] <= 1024
    assert police["y"] + police["height"] <= footer["y"]


def test_a_verdict_is_on_the_screen_within_a_tenth_of_a_second(page: Page, chinese: Kiosk) -> None:
    """This machine may be busy with other work at any moment, so the quicker half of many changes is looked at."""
    page.add_init_script(SHOWN_TIMES)
    go(page, chinese, "idle")
    delays = []
    for turn in range(30):
        screen = ("normal", "again", "high")[turn % 3]
        page.evaluate("window.shown = {}")
        page.wait_for_timeout(7 * turn % 40)  # the daemon is looked at every 40 ms: at another moment each time
        begin_ms = time.time_ns() // 1_000_000
        chinese.show(screen, visit=turn + 2)
        await_screen(page, screen)
        shown_ms = until(lambda screen=screen: page.evaluate(f"window.shown.{screen} ?? 0"))
        delays.append(shown_ms - begin_ms)
    delays.sort()
    assert delays[0] >= 0
    assert delays[15] <= 100, delays


def test_a_reload_restores_the_state_in_silence(page: Page, chinese: Kiosk) -> None:
    """Also where the state comes last of all, when every sound is ready to be played."""
    page.add_init_script(STARTED_SOUNDS)
    go(page, chinese, "high", visit=5)
    held: list[Route] = []
    page.route(f"{chinese.address}/events", lambda route: held.append(route))
    page.reload()
    loaded = "performance.getEntriesByType('resource').filter((one) => one.name.includes('/sounds/')).length"
    until(lambda: page.evaluate(loaded), lambda count: count == SOUNDS)
    expect(page.locator("html")).to_have_attribute("data-screen", "out_of_order")
    held[0].continue_()
    await_screen(page, "high")
    assert page.evaluate("window.started") == []


def sounds_of(page: Page, kiosk: Kiosk, screen: str, visit: int) -> list[dict[str, float]]:
    """What is played when the page goes from idle to this."""
    kiosk.show("idle", visit=visit)
    await_screen(page, "idle")
    page.evaluate("window.started = []")
    kiosk.show(screen, visit=visit)
    await_screen(page, screen)
    started: list[dict[str, float]] = page.evaluate("window.started")
    return started


def test_each_state_has_a_sound_of_its_own_and_idle_has_none(page: Page, kiosk: Kiosk) -> None:
    page.add_init_script(STARTED_SOUNDS)
    go(page, kiosk, "idle")
    until(lambda: len(sounds_of(page, kiosk, "out_of_order", 1)), lambda count: count == 2)
    heard = {screen: sounds_of(page, kiosk, screen, 10 + at) for at, screen in enumerate(SCREENS) if screen != "idle"}
    chimes = {round(chime["length_s"], 3) for chime, _ in heard.values()}
    assert len(chimes) == len(heard)
    for chime, voice in heard.values():
        assert chime["state"] == "running"
        assert chime["begin_s"] <= 0.01
        assert voice["begin_s"] == pytest.approx(chime["length_s"], abs=0.05)
        assert voice["length_s"] <= 1.25
        assert min(chime["peak"], voice["peak"]) > 0.1
    kiosk.show("idle", visit=99)
    page.evaluate("window.started = []")
    await_screen(page, "idle")
    assert page.evaluate("window.started") == []


def test_the_same_screen_for_the_next_student_sounds_again(page: Page, chinese: Kiosk) -> None:
    page.add_init_script(STARTED_SOUNDS)
    go(page, chinese, "idle")
    until(lambda: len(sounds_of(page, chinese, "normal", 1)), lambda count: count == 2)
    page.evaluate("window.started = []")
    chinese.show("normal", visit=2)
    until(lambda: page.evaluate("window.started.length"), lambda count: count == 2)


def test_where_sound_is_not_allowed_the_page_works_in_silence(silent_browser: Browser, chinese: Kiosk) -> None:
    page = silent_browser.new_page()
    page.add_init_script(STARTED_SOUNDS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(SAYS_WHAT_HAPPENS)
    said: list[str] = []

    def all_is_there(message: ConsoleMessage) -> bool:
        said.append(message.text)
        return said.count("a sound is there") == SOUNDS and "screen idle" in said

    chinese.show("idle")
    with page.expect_console_message(all_is_there, timeout=PATIENCE_MS):
        page.goto(chinese.address)
    for visit, screen in enumerate(("normal", "again", "high"), 2):
        with page.expect_console_message(lambda message, screen=screen: message.text == f"screen {screen}"):  # type: ignore[misc]
            chinese.show(screen, visit=visit)
    assert page.evaluate("window.started") == []
    assert errors == []


def test_who_wants_no_motion_gets_none(page: Page, context: BrowserContext, browser: Browser, chinese: Kiosk) -> None:
    go(page, chinese, "measuring")
    assert page.evaluate("document.getAnimations().length") == 0
    moving = browser.new_page(reduced_motion="no-preference")
    go(moving, chinese, "measuring")
    animations = moving.evaluate("""document.getAnimations().map((one) => [
      one.effect.getComputedTiming().iterations === Infinity ? one.effect.getComputedTiming().duration : 0,
      Object.keys(Object.assign({}, ...one.effect.getKeyframes()))])""")
    moving.close()
    assert animations
    for period_ms, properties in animations:
        assert period_ms == 0 or period_ms >= 334, "more than three times a second"
        assert not {"opacity", "backgroundColor", "color", "visibility"} & set(properties), "it flashes"


def test_everything_comes_from_this_machine(page: Page, kiosk: Kiosk) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    go(page, kiosk, "idle")
    assert all(url.startswith(kiosk.address) for url in asked)
    answer = page.goto(kiosk.address)
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"

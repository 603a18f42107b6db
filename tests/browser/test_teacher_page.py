"""The teacher's page in Chromium, and its door to the school's network. 127.0.0.2 stands for the school's side."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from edge.measuring import Verdict
from kiosk.door import TRIES_A_MINUTE
from kiosk.words import LANGUAGES
from tests.browser.screens import Kiosk
from tests.browser.test_student_page import language_of

pytestmark = pytest.mark.process

SCHOOL = "127.0.0.2"
WORD = "seven-geese-cross-the-river"


def open_teacher(page: Page, kiosk: Kiosk) -> None:
    page.goto(f"{kiosk.address}/teacher")
    page.wait_for_selector("html[data-state=well]")


def test_it_shows_the_mornings_figures_and_who_needs_a_teacher(page: Page, kiosk: Kiosk) -> None:
    open_teacher(page, kiosk)
    words = LANGUAGES[language_of(page)]
    for verdict, students in {"normal": 412, "again": 23, "high": 4, "cannot_screen": 2}.items():
        expect(page.locator(f"#count-{verdict}")).to_have_text(str(students))
    rows = page.locator("#visits tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text(words.verdicts[Verdict.HIGH])
    assert rows.nth(0).locator("td").all_inner_texts()[3:] == ["35.9", "+1.4", "38.1"]
    assert rows.nth(1).locator("td").all_inner_texts()[3:] == ["35.9", "−0.2", "38.1"]
    assert rows.nth(2).locator("td").all_inner_texts()[3:] == ["–", "–", "–"]
    expect(page.locator("#crowd")).to_have_text("34.5")
    expect(page.locator("#chart rect")).to_have_count(28)
    expect(page.locator("#nobody")).to_be_hidden()


def test_it_follows_the_gate_without_a_touch(page: Page, chinese: Kiosk) -> None:
    open_teacher(page, chinese)
    assert chinese.view is not None
    teacher = {**chinese.view["teacher"], "recent": [], "today": {"normal": 413}}
    chinese.view = {**chinese.view, "teacher": teacher, "warming_up": True}
    expect(page.locator("#count-normal")).to_have_text("413")
    expect(page.locator("#count-high")).to_have_text("0")
    expect(page.locator("#nobody")).to_be_visible()
    expect(page.locator("#warming")).to_be_visible()
    chinese.show("idle")
    expect(page.locator("#warming")).to_be_hidden()


def test_a_sensor_that_fails_is_said_in_a_word_and_a_shape(page: Page, chinese: Kiosk) -> None:
    open_teacher(page, chinese)
    assert chinese.view is not None
    chinese.view = {**chinese.view, "sensor": {**chinese.view["sensor"], "fault": True}}
    expect(page.locator("#sensor .fault")).to_be_visible()
    expect(page.locator("#sensor .good")).to_be_hidden()
    chinese.show("idle")
    expect(page.locator("#sensor .good")).to_be_visible()


def test_times_of_a_clock_that_is_not_set_are_said_to_be_unsure(page: Page, chinese: Kiosk) -> None:
    open_teacher(page, chinese)
    expect(page.locator("#clock")).to_be_hidden()
    assert chinese.view is not None
    recent = [{**one, "clock": "unsynced"} for one in chinese.view["teacher"]["recent"]]
    chinese.view = {**chinese.view, "teacher": {**chinese.view["teacher"], "recent": recent}}
    expect(page.locator("#clock")).to_be_visible()
    chinese.show("idle")


def test_without_the_gate_it_shows_no_figures_and_says_why(page: Page, tmp_path: Path) -> None:
    with Kiosk(tmp_path) as kiosk:
        open_teacher(page, kiosk)
        kiosk.close_gate()
        expect(page.locator("#gone")).to_be_visible()
        expect(page.locator("#count-normal")).to_have_text("–")
        expect(page.locator("#visits tr")).to_have_count(0)
        assert "35.9" not in page.content()
        kiosk.open_gate()
        expect(page.locator("#gone")).to_be_hidden()
        expect(page.locator("#count-normal")).to_have_text("412")


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_axe_finds_nothing_to_complain_of_on_a_desk_and_on_a_telephone(
    page: Page, kiosk: Kiosk, size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_teacher(page, kiosk)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


# --- the door ----------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Kiosk]:
    """A kiosk whose teacher's page is opened to the school."""
    word = tmp_path / "teacher.word"
    word.write_text(f"{WORD}\n")
    with Kiosk(tmp_path, teacher_host=SCHOOL, teacher_token_file=str(word)) as kiosk:
        yield kiosk


def school(kiosk: Kiosk, path: str = "/teacher") -> str:
    return f"http://{SCHOOL}:{kiosk.port}{path}"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Shows where an answer leads instead of going there."""

    def redirect_request(self, *_: object) -> None:
        return None


def status(url: str, headers: Mapping[str, str] = {}, word: str | None = None) -> tuple[int, Mapping[str, str]]:
    """The status and the headers of one answer; a word is sent as the form sends it."""
    body = None if word is None else urllib.parse.urlencode({"word": word}).encode()
    request = urllib.request.Request(url, body, dict(headers))
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=10) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers


def enter(page: Page, word: str) -> None:
    page.locator("input").fill(word)
    page.locator("button").click()


def test_the_word_opens_the_page_and_is_in_no_address_cookie_or_log(page: Page, opened: Kiosk) -> None:
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    answer = page.goto(school(opened, "/"))
    assert answer is not None
    assert answer.status == 401
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    enter(page, WORD)
    page.wait_for_selector("html[data-state=well]")
    expect(page.locator("#count-normal")).to_have_text("412")
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    for told in (*addresses, cookie["value"], opened.log()):
        assert WORD not in told
    page.reload()
    page.wait_for_selector("html[data-state=well]")


def test_a_wrong_word_is_refused_clearly(page: Page, opened: Kiosk) -> None:
    page.goto(school(opened))
    enter(page, WORD + "s")
    expect(page.locator("#complaint")).to_have_text(LANGUAGES["zh"].teacher.wrong)
    assert page.context.cookies() == []


def test_after_five_wrong_words_even_the_right_one_must_wait_but_not_who_is_inside(opened: Kiosk) -> None:
    code, headers = status(school(opened, "/teacher/enter"), word=WORD)
    assert (code, headers["location"]) == (303, "/teacher")
    inside = {"Cookie": headers["set-cookie"].partition(";")[0]}
    codes = [status(school(opened, "/teacher/enter"), word="wrong")[0] for _ in range(TRIES_A_MINUTE + 1)]
    assert codes == [401] * TRIES_A_MINUTE + [429]
    assert status(school(opened, "/teacher/enter"), word=WORD)[0] == 429
    assert status(school(opened), {"Authorization": f"Bearer {WORD}"})[0] == 429
    assert status(school(opened), inside)[0] == 200


def test_a_program_may_say_the_word_in_a_header(opened: Kiosk) -> None:
    assert status(school(opened), {"Authorization": f"Bearer {WORD}"})[0] == 200
    assert status(school(opened), {"Authorization": "Bearer wrong"})[0] == 401
    assert status(school(opened, f"/teacher?word={WORD}"))[0] == 401
    assert status(school(opened, "/teacher/events"))[0] == 401


def test_the_school_sees_nothing_but_the_teachers_page(opened: Kiosk) -> None:
    right = {"Authorization": f"Bearer {WORD}"}
    for path in ("/events", "/health", "/sounds/chime-normal", "/static/..%2fwords.py", "/static/words.py"):
        assert status(school(opened, path), right)[0] == 404, path
    assert status(school(opened, "/"), right)[1]["location"] == "/teacher"
    assert status(school(opened, "/static/teacher.css"))[0] == 200


def test_loopback_asks_no_word_and_is_not_fooled_by_another_name(opened: Kiosk) -> None:
    assert status(f"{opened.address}/teacher")[0] == 200
    assert status(f"{opened.address}/teacher", {"Host": "kiosk.example.org"})[0] == 400


def test_a_body_that_is_too_long_is_refused(opened: Kiosk) -> None:
    assert status(school(opened, "/teacher/enter"), word="x" * 10_000)[0] == 413


def test_pages_carry_the_same_strict_headers_everywhere(opened: Kiosk) -> None:
    for url in (opened.address, f"{opened.address}/teacher", school(opened), school(opened, "/nothing")):
        headers = status(url)[1]
        assert "default-src 'none'" in headers["content-security-policy"], url
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers

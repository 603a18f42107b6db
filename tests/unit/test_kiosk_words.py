"""The words of each language: complete, short, and without what must not be said."""

from __future__ import annotations

import re
import string
from typing import get_args, get_type_hints

import pytest

from edge.kiosk_settings import KioskSettings
from edge.measuring import Reason, Screen, Verdict
from kiosk.words import CHINESE, ENGLISH, LANGUAGES, Words
from tests.process.programs import PROJECT

ALL = pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)


def texts_of(words: Words) -> list[str]:
    prompts = [text for prompt in words.prompts.values() for text in prompt]
    plain = [text for text in words if isinstance(text, str)]
    tables = [text for table in (words.for_students, words.for_teachers, words.verdicts) for text in table.values()]
    return [*prompts, *plain, *tables, *words.teacher]


def test_there_is_a_language_for_each_that_the_settings_allow() -> None:
    assert set(get_args(get_type_hints(KioskSettings)["language"])) == set(LANGUAGES)


@ALL
def test_every_state_reason_and_verdict_has_its_words(words: Words) -> None:
    assert list(words.prompts) == list(Screen)
    assert list(words.for_students) == list(Reason)
    assert list(words.for_teachers) == list(Reason)
    assert list(words.verdicts) == list(Verdict)
    assert all(prompt.title and prompt.detail for prompt in words.prompts.values())
    assert all(text for reason, text in words.for_teachers.items() if reason is not Reason.NONE)
    assert all(words.teacher)
    assert all(text for text in words if isinstance(text, str))


def test_the_languages_leave_the_same_things_unsaid() -> None:
    for reason in Reason:
        assert bool(CHINESE.for_students[reason]) == bool(ENGLISH.for_students[reason]), reason
    for screen in Screen:
        assert bool(CHINESE.prompts[screen].spoken) == bool(ENGLISH.prompts[screen].spoken), screen
    for one, other in zip(texts_of(CHINESE), texts_of(ENGLISH), strict=True):
        fields = [{field for _, field, _, _ in string.Formatter().parse(text) if field} for text in (one, other)]
        assert fields[0] == fields[1], (one, other)


@ALL
def test_each_state_has_a_title_and_a_voice_of_its_own(words: Words) -> None:
    titles = [prompt.title for prompt in words.prompts.values()]
    spoken = [prompt.spoken for prompt in words.prompts.values() if prompt.spoken]
    assert len(set(titles)) == len(titles)
    assert len(set(spoken)) == len(spoken) == len(Screen) - 1


def test_all_of_chinese_is_chinese_and_all_of_english_is_not() -> None:
    chinese = re.compile("[\u4e00-\u9fff]")
    silent = {CHINESE.tag, CHINESE.voice, ""}
    assert all(chinese.search(text) for text in texts_of(CHINESE) if text not in silent)
    assert not any(chinese.search(text) for text in texts_of(ENGLISH))


@ALL
def test_nobody_is_accused_and_the_disclaimer_stands(words: Words) -> None:
    accusing = re.compile(r"发烧|发热|病|\bfever|\bill\b|\bsick", re.IGNORECASE)
    assert not any(accusing.search(text) for text in texts_of(words))
    assert ("不是医用体温计" in words.disclaimer) or ("not a medical thermometer" in words.disclaimer)


def test_no_page_script_or_style_says_fever() -> None:
    for file in (PROJECT / "kiosk").rglob("*"):
        if file.suffix in {".py", ".html", ".js", ".css", ".svg"}:
            text = file.read_text(encoding="utf-8").lower()
            assert not any(word in text for word in ("发烧", "发热", "fever")), file


def test_no_page_names_an_address_elsewhere() -> None:
    allowed = {"http://www.w3.org/2000/svg"}  # a name, not a place
    for file in (PROJECT / "kiosk").rglob("*"):
        if file.suffix in {".html", ".js", ".css", ".svg"}:
            found = set(
                re.findall(r"(?:https?:)?//[\w.]+[\w./]*", re.sub(r"(?m)^\s*//.*| // .*", "", file.read_text()))
            )
            assert found <= allowed, (file, found)

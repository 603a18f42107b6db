"""The pages as HTML: templates with the words of one language put in. Every screen of a page is in it from the start.

So a page needs no more than the name of a screen to show it, and does not grow while it runs.
"""

from __future__ import annotations

import hashlib
from html import escape
from pathlib import Path
from string import Template

from edge.measuring import Screen
from kiosk.sounds import Sounds
from kiosk.words import Words

HERE = Path(__file__).parent
STATIC = {file.name: file for file in sorted((HERE / "static").iterdir()) if file.suffix in {".css", ".js", ".svg"}}


def fingerprint(*made: str) -> str:
    """A short name of pages made with an empty name; a browser that shows another version loads the page anew."""
    content = b"".join([*(file.read_bytes() for file in STATIC.values()), *(page.encode() for page in made)])
    return hashlib.sha256(content).hexdigest()[:12]


def student_page(words: Words, sounds: Sounds, police_telephone: str, page: str) -> str:
    """The page for students: one section for each screen."""
    return _template("student").substitute(
        _escaped(words),
        page=page,
        police_telephone=escape(police_telephone),
        screens="\n".join(_screen(screen, words, sounds, police_telephone) for screen in Screen),
    )


def teacher_page(words: Words, page: str) -> str:
    """The page for the teacher on duty."""
    return _template("teacher").substitute(_escaped(words), page=page)


def sign_in_page(words: Words, complaint: str = "") -> str:
    """The form that asks for the teachers' word."""
    return _template("sign_in").substitute(_escaped(words), complaint=escape(complaint))


def _screen(screen: Screen, words: Words, sounds: Sounds, police_telephone: str) -> str:
    prompt = words.prompts[screen]
    extra = {Screen.IDLE: "idle_extra", Screen.NORMAL: "normal_extra"}.get(screen)
    parts = {**_escaped(words), "police_telephone": escape(police_telephone)}
    return _template("screen").substitute(
        screen=screen.value,
        sounds=" ".join(sounds.of(screen)),
        title=escape(prompt.title),
        detail=escape(prompt.detail),
        shape=(HERE / "pages" / "shapes" / f"{screen.value}.svg").read_text(encoding="utf-8").strip(),
        extra="" if extra is None else _template(extra).substitute(parts),
    )


def _template(name: str) -> Template:
    return Template((HERE / "pages" / f"{name}.html").read_text(encoding="utf-8"))


def _escaped(words: Words) -> dict[str, str]:
    plain = {key: value for key, value in words._asdict().items() if isinstance(value, str)}
    teacher = {f"teacher_{key}": value for key, value in words.teacher._asdict().items()}
    verdicts = {f"verdict_{key.value}": value for key, value in words.verdicts.items()}
    return {key: escape(value) for key, value in {**plain, **teacher, **verdicts}.items()}

"""The two languages of the technician's commands, and how one is chosen.

A text stands in both, side by side, where it is made: whoever changes one sees the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Language(StrEnum):
    """As ``--language`` takes it."""

    EN = "en"
    ZH = "zh"


class Text(NamedTuple):
    """The same in English and in Chinese."""

    en: str
    zh: str

    def of(self, language: Language) -> str:
        """In this language."""
        return self.zh if language is Language.ZH else self.en


NOTHING = Text("", "")


def same(text: str) -> Text:
    """What is the same in every language: a name, a number, a command."""
    return Text(text, text)


def language_of(given: Language | None, environment: Mapping[str, str]) -> Language:
    """The one that was asked for, else that of the terminal (LC_ALL, LC_MESSAGES, LANG, in that order), else English.

    An empty variable is as good as none (locale(7)).
    """
    if given is not None:
        return given
    named = next((word for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (word := environment.get(name))), "")
    return Language.ZH if named.lower().startswith("zh") else Language.EN

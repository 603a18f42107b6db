"""The school's calendar file: the days on which no children come, and so no hours are quiet.

One line is one day, or two with "to" between them; what follows "#" is for people:

    2026-10-01 to 2026-10-07   # National Day
    2027-01-01
"""

from __future__ import annotations

from pathlib import Path

from edge.errors import SettingsError
from edge.local_time import day_of

FILE_BYTES_MAX = 100_000
SPAN_DAYS_MAX = 120
"""The longest holidays are about 60 days: a longer span is a slip of the pen in a year or month."""


def parse(text: str, name: str) -> frozenset[int]:
    """The days (``edge.local_time``) of a calendar's text; ``name`` stands for the file in messages.

    Raises SettingsError with every mistake in it.
    """
    days: set[int] = set()
    mistakes: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].strip()
        if not words:
            continue
        try:
            days.update(_span(words))
        except ValueError as error:
            mistakes.append(f"{name}: line {number}: given {words[:60]!r}; allowed: {error}")
    if mistakes:
        raise SettingsError(mistakes)
    return frozenset(days)


def read(path: str | Path) -> frozenset[int]:
    """The days of a calendar file. Raises SettingsError with every mistake, also where it cannot be read."""
    file = Path(path)
    try:
        with file.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise SettingsError([f"{file}: too long: a calendar has at most {FILE_BYTES_MAX} bytes"])
        return parse(content.decode("utf-8-sig"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise SettingsError([f"{file}: cannot be read: {reason}; give a calendar in selftest.calendar_file"]) from error


def _span(words: str) -> range:
    first, separator, last = words.partition(" to ")
    try:
        begin = day_of(first.strip())
        end = day_of(last.strip()) if separator else begin
    except ValueError:
        raise ValueError("one date as 2026-10-01, or two with 'to' between them") from None
    if not begin <= end < begin + SPAN_DAYS_MAX:
        raise ValueError(f"a last day not before the first, and at most {SPAN_DAYS_MAX} days in all")
    return range(begin, end + 1)

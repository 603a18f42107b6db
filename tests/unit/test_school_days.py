"""The school's calendar file."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import SettingsError
from edge.local_time import day_of
from edge.school_days import parse, read

CALENDAR = """
# The school year 2026/27
2026-10-01 to 2026-10-07   # National Day
2027-01-01

2027-02-29x
2026-10-07 to 2026-10-01
2026-10-01 to 2027-10-07
2026-10-01 - 2026-10-07
"""


def test_days_and_spans_are_read_and_comments_are_for_people() -> None:
    days = parse("\n".join(CALENDAR.splitlines()[:4]), "calendar.txt")
    assert days == {*range(day_of("2026-10-01"), day_of("2026-10-08")), day_of("2027-01-01")}
    assert parse("", "calendar.txt") == frozenset()


def test_every_mistake_is_told_with_its_line() -> None:
    with pytest.raises(SettingsError) as caught:
        parse(CALENDAR, "calendar.txt")
    assert [line.partition("; allowed: ")[0] for line in caught.value.mistakes] == [
        "calendar.txt: line 6: given '2027-02-29x'",
        "calendar.txt: line 7: given '2026-10-07 to 2026-10-01'",
        "calendar.txt: line 8: given '2026-10-01 to 2027-10-07'",
        "calendar.txt: line 9: given '2026-10-01 - 2026-10-07'",
    ]


def test_a_file_is_read_however_the_editor_saved_it(tmp_path: Path) -> None:
    file = tmp_path / "calendar.txt"
    file.write_bytes("\ufeff2026-10-01 # 国庆节\r\n".encode())
    assert read(file) == {day_of("2026-10-01")}


def test_a_file_that_can_not_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "long.txt").write_bytes(b"#" * 200_000)
    for name, words in [("none.txt", "No such file"), ("bytes.txt", "not UTF-8"), ("long.txt", "too long")]:
        with pytest.raises(SettingsError, match=words) as caught:
            read(tmp_path / name)
        assert len(caught.value.mistakes) == 1

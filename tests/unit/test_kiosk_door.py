"""The door of the teacher's page: the word, the pass, and how often one may try."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import CertificateError
from kiosk.door import ADDRESSES_MAX, PASS_S, TRIES_A_MINUTE, WORD_CHARACTERS_MIN, Door, read_word

WORD = "seven-geese-cross-the-river"
NOW_S = 1_790_000_000


def test_only_the_word_fits() -> None:
    door = Door(WORD)
    assert door.fits(WORD)
    assert not any(door.fits(other) for other in ("", WORD[:-1], WORD + "s", WORD.upper(), "七鹅"))


def test_a_pass_is_good_for_half_a_day_and_no_longer() -> None:
    door = Door(WORD)
    given = door.make_pass(NOW_S)
    assert WORD not in given
    assert door.takes_pass(given, NOW_S)
    assert door.takes_pass(given, NOW_S + PASS_S - 1)
    assert not door.takes_pass(given, NOW_S + PASS_S)


@pytest.mark.parametrize("given", ["", ".", "x", "1.2", "²." + "0" * 64, f"{NOW_S + 99}.{'0' * 64}", "é.é"])
def test_what_is_no_pass_of_ours_is_refused(given: str) -> None:
    assert not Door(WORD).takes_pass(given, NOW_S)


def test_a_pass_cannot_be_made_to_last_and_ends_with_the_word() -> None:
    until, _, signature = Door(WORD).make_pass(NOW_S).partition(".")
    assert not Door(WORD).takes_pass(f"{int(until) + 1}.{signature}", NOW_S)
    assert not Door(WORD + "2").takes_pass(f"{until}.{signature}", NOW_S)


def test_a_pass_of_a_clock_that_was_far_ahead_is_refused() -> None:
    assert not Door(WORD).takes_pass(Door(WORD).make_pass(NOW_S + 10 * PASS_S), NOW_S)


def test_five_tries_a_minute_from_each_address() -> None:
    door = Door(WORD)
    assert all(door.may_try("one", at_ms) for at_ms in range(TRIES_A_MINUTE))
    assert not door.may_try("one", 59_999)
    assert door.may_try("other", 59_999)
    assert door.may_try("one", 60_000)
    assert door.refused == 1


def test_the_right_word_makes_the_earlier_tries_forgotten() -> None:
    door = Door(WORD)
    for _ in range(TRIES_A_MINUTE):
        door.may_try("one", 0)
        door.forgive("one")
    assert door.may_try("one", 1)


def test_many_addresses_take_no_more_room() -> None:
    door = Door(WORD)
    for number in range(10 * ADDRESSES_MAX):
        door.may_try(str(number), 0)
    assert len(door._tries) == ADDRESSES_MAX


def test_the_word_is_the_first_line_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "word"
    file.write_text(f"  {WORD} \nnot this\n")
    assert read_word(file) == WORD


@pytest.mark.parametrize("content", [b"", b"\n" + WORD.encode(), b"x" * (WORD_CHARACTERS_MIN - 1), b"\xff" * 40])
def test_a_word_that_is_missing_or_short_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "word"
    file.write_bytes(content)
    with pytest.raises(CertificateError, match=r"^kiosk.teacher_token_file .*write .*$"):
        read_word(file)


def test_a_file_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="cannot be read"):
        read_word(tmp_path / "nothing")

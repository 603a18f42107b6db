"""Whether a word of the centre is new, by itself: how long a challenge is good for, and what is remembered."""

from __future__ import annotations

import itertools

import pytest

from edge.challenges import Challenges
from edge.wire import Proof, WireError


def challenges() -> Challenges:
    """The first challenge drawn is ``0`` in 16 digits, the next ``1``, and so on."""
    numbers = itertools.count()
    return Challenges(lambda: f"{next(numbers):016x}")


def proof(drawn: int = 0, number: int = 1, within_ms: int = 60_000) -> Proof:
    return Proof(f"{drawn:016x}", number, within_ms)


def refused(known: Challenges, said: Proof | None, now_ms: int) -> str:
    with pytest.raises(WireError) as caught:
        known.obey(said, now_ms)
    return caught.value.reason


def test_heartbeats_of_one_second_carry_the_same_challenge() -> None:
    known = challenges()
    drawn = [int(known.current(now_ms), 16) for now_ms in (5_000, 5_999, 6_000, 6_999, 7_000)]
    assert drawn == [0, 0, 1, 1, 2]


def test_a_word_that_quotes_nothing_or_what_was_never_drawn_is_refused() -> None:
    known = challenges()
    known.current(0)
    assert refused(known, None, 1) == "unproved"
    assert refused(known, proof(1), 1) == "challenge"


@pytest.mark.parametrize(("within_ms", "last_ms"), [(60_000, 60_000), (300_000, 300_000), (900_000, 300_000)])
def test_a_word_is_good_for_as_long_as_it_says_and_5_minutes_at_most(within_ms: int, last_ms: int) -> None:
    known = challenges()
    known.current(1_000)
    assert refused(known, proof(within_ms=within_ms), 1_000 + last_ms + 1) == "expired"
    known.obey(proof(within_ms=within_ms), 1_000 + last_ms)


def test_numbers_rise_under_a_challenge_and_begin_anew_under_the_next() -> None:
    known = challenges()
    known.current(0)
    known.current(1_000)
    known.obey(proof(0, 5), 2_000)
    assert refused(known, proof(0, 5), 2_000) == "replayed"
    assert refused(known, proof(0, 4), 2_000) == "reordered"
    known.obey(proof(0, 6), 2_000)
    known.obey(proof(1, 1), 2_000)
    assert refused(known, proof(0, 7), 2_000) == "reordered"
    assert refused(known, proof(0, 5), 2_000) == "replayed", "it is still told apart from what was overtaken"


def test_the_65th_challenge_takes_the_first_ones_place() -> None:
    known = challenges()
    for turn in range(64):
        known.current(turn * 1_000)
    known.obey(proof(0), 64_000 - 4_000)
    known.current(64_000)
    assert refused(known, proof(0, 2), 64_000) == "challenge"
    known.obey(proof(1, within_ms=100_000), 64_000)


def test_of_256_words_it_is_known_that_they_were_obeyed_and_of_older_ones_that_they_were_overtaken() -> None:
    known = challenges()
    known.current(0)
    for number in range(1, 258):
        known.obey(proof(0, number), 10)
    assert refused(known, proof(0, 2), 10) == "replayed"
    assert refused(known, proof(0, 1), 10) == "reordered"

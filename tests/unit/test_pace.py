"""How fast a backlog goes, in figures."""

from __future__ import annotations

import pytest

from edge import pace
from edge.pace import Pace


@pytest.mark.parametrize(
    ("now_ms", "expected"),
    [(99, Pace(1, 100)), (101, Pace(1, 100)), (102, Pace(6, 102)), (105, Pace(11, 104)), (106, Pace(16, 106)),
     (9_000, Pace(16, 9_000))],
)  # fmt: skip
def test_five_more_may_go_every_2_ms_up_to_16_and_no_moment_is_counted_twice(now_ms: int, expected: Pace) -> None:
    assert pace.passed(Pace(1, 100, held_back=True), now_ms) == expected


def test_what_was_held_back_goes_2_ms_after_the_last_count() -> None:
    assert pace.wake_at(Pace(0, 100)) is None
    assert pace.wake_at(Pace(0, 100, held_back=True)) == 102


def test_what_is_put_off_for_an_alarm_goes_a_moment_later() -> None:
    assert pace.put_off(Pace(1, 100), 102) == Pace(6, 102, held_back=True)


@pytest.mark.parametrize(
    ("events", "more", "expected"),
    [(16, True, Pace(0, 100, held_back=True)), (16, False, Pace(0, 100)), (15, True, Pace(1, 100)),
     (0, True, Pace(16, 100))],
)  # fmt: skip
def test_only_more_than_may_go_is_held_back(events: int, more: bool, expected: Pace) -> None:
    assert pace.spent(Pace(16, 100, held_back=True), events, more=more) == expected


def test_the_pause_doubles_four_times_and_ends_at_a_minute() -> None:
    assert [pace.pause_ms(1_000, turn) for turn in (-1, 0, 1, 2, 3, 4, 5)] == [
        1_000, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000,
    ]  # fmt: skip
    assert pace.pause_ms(5_000, 4) == 60_000

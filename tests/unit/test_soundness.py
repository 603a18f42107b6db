"""Whether the sensor can be trusted."""

from __future__ import annotations

import pytest

from edge import soundness
from edge.soundness import Soundness


def after(pattern: str, every_ms: int = 150) -> Soundness:
    """What a row of readings leaves: "." good, "x" missed."""
    sound = Soundness()
    for number, one in enumerate(pattern, 1):
        sound = soundness.read(sound, good=one == ".", at_ms=number * every_ms)
    return sound


def test_the_share_is_of_the_last_hundred_readings() -> None:
    assert soundness.error_share(after("x" * 10 + "." * 30)) == 0.25
    assert soundness.error_share(after("x" * 10 + "." * 95)) == 0.05
    assert soundness.error_share(Soundness()) == 0.0


def test_twenty_of_a_hundred_are_borne_and_one_more_is_a_fault() -> None:
    assert not after(("." * 4 + "x") * 20).fault
    assert after(("." * 4 + "x") * 20 + "x").fault


def test_a_fault_ends_after_twenty_good_readings_in_a_row() -> None:
    broken = "x" * 21
    assert after(broken + "." * 19).fault
    assert after(broken + "." * 19 + "x" + "." * 19).fault
    mended = after(broken + "." * 20)
    assert not mended.fault
    assert soundness.error_share(mended) == 0.0


@pytest.mark.parametrize("missed", ["", "xxxx"])
def test_no_good_reading_for_five_seconds_is_a_fault_missed_or_silent(missed: str) -> None:
    sound = after("." + missed, every_ms=1_000)
    assert not soundness.passed(sound, 5_900).fault
    assert soundness.passed(sound, 6_000).fault


def test_the_fault_says_what_is_wrong() -> None:
    assert "no good reading of the infrared sensor for 7 s" in soundness.why(after("."), 7_150)
    assert "21 of the last 42 readings" in soundness.why(after(".x" * 21), 42 * 150)

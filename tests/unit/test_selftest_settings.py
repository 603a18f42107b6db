"""The settings of the self-test: what is refused, and with which words."""

from __future__ import annotations

import pytest

from edge.selftest_settings import SelfTestSettings, minute_of, span_of
from edge.settings import parse
from tests.unit.test_settings import PLAIN, only_mistake_in


def mistake(keys: str) -> str:
    return only_mistake_in(f"{PLAIN}[selftest]\n{keys}\n").removeprefix("gate.toml: ")


def test_a_gate_tests_itself_without_being_told() -> None:
    read = parse(PLAIN, "gate.toml").selftest
    assert read == SelfTestSettings()
    assert (read.enabled, read.days, read.time) == (True, ("tuesday", "friday"), "10:10")
    assert [span_of(span) for span in read.quiet_hours] == [(420, 510), (690, 840), (960, 1110)]


def test_times_are_minutes_since_midnight() -> None:
    assert (minute_of("00:00"), minute_of("10:10"), span_of("22:30-24:00")) == (0, 610, (1350, 1440))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ('time = "24:00"', "selftest.time: given '24:00'; allowed: a time of day, 00:00 to 23:59"),
        ('time = "9:10"', "selftest.time: given '9:10'"),
        (
            'time = "10:45"',
            "selftest.time: given '10:45'; allowed: a time from which selftest.spread_minutes (60) reach",
        ),
        ('time = "08:29"', "selftest.time: given '08:29'"),
        ('time = "23:30"', "selftest.time: given '23:30'; allowed: a time after which selftest.spread_minutes end"),
        ('days = ["tuesday"]', "selftest.days: given a list of 1; allowed: a list of 2 to 7 of"),
        ('days = ["friday", "tuesday"]', "selftest.days: given friday, tuesday; allowed: each day once, in the order"),
        ('days = ["friday", "friday"]', "selftest.days: given friday, friday"),
        ('days = ["dienstag", "friday"]', "selftest.days: given a list of 2"),
        ('quiet_hours = ["7:00-8:00"]', "selftest.quiet_hours: given a list of 1; allowed: a list of at most 8 spans"),
        ('quiet_hours = ["22:00-06:00"]', "selftest.quiet_hours: given 22:00-06:00; allowed: spans that end later"),
        ('quiet_hours = ["00:00-12:00", "10:00-20:30"]', "selftest.quiet_hours: given nearly the whole day"),
        ('time_zone = "Asia/Shanghia"', "selftest.time_zone: given 'Asia/Shanghia'; allowed: a time zone such as"),
        ('time_zone = "/etc/passwd"', "selftest.time_zone: given '/etc/passwd'"),
        ("loopback_gpio = 17", "selftest.loopback_gpio: given 17; allowed: a GPIO number that no other key has"),
    ],
)
def test_a_setting_that_can_not_be_kept_is_refused(keys: str, words: str) -> None:
    assert mistake(keys).startswith(words)


@pytest.mark.parametrize("keys", ['time = "10:29"', 'time = "08:30"', 'time = "23:00"\nspread_minutes = 59'])
def test_a_test_may_begin_right_up_to_the_quiet_hours(keys: str) -> None:
    parse(f"{PLAIN}[selftest]\n{keys}\n", "gate.toml")


def test_a_loopback_leaves_a_quick_press_no_place_to_hide() -> None:
    """The relay's time and its time to let go, together, must be shorter than the shortest press."""
    text = PLAIN.replace("[button]\n", "[button]\nconfirm_ms = 14\n")
    told = only_mistake_in(f"{text}[selftest]\nloopback_gpio = 25\n").removeprefix("gate.toml: ")
    assert told.startswith("button.confirm_ms: given 14; allowed: at most 13 ms together with selftest.loopback_gpio")
    assert parse(f"{text}[selftest]\n", "gate.toml").button.confirm_ms == 14

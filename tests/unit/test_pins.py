"""The pin factory: who is told what when it cannot be had, and how seldom its threads wake up."""

from __future__ import annotations

import ctypes
import threading

import pytest

from edge.drivers.pins import SLACK_MS, open_factory, unhurried
from edge.errors import DeviceError

GET_SLACK = 30  # linux/prctl.h: PR_GET_TIMERSLACK, of the thread that asks


def slack_ns() -> int:
    return int(ctypes.CDLL(None).prctl(GET_SLACK))


def slack_of_a_new_thread_ns() -> int:
    told: list[int] = []
    thread = threading.Thread(target=lambda: told.append(slack_ns()))
    thread.start()
    thread.join()
    return told[0]


def test_threads_that_the_pin_library_starts_may_wake_up_late_and_none_that_come_after_it() -> None:
    before = slack_ns()
    with unhurried():
        assert slack_of_a_new_thread_ns() == SLACK_MS * 1_000_000
    assert (slack_ns(), slack_of_a_new_thread_ns()) == (before, before)
    assert before < SLACK_MS * 1_000_000


def test_this_threads_own_slack_is_back_even_where_the_library_fails() -> None:
    before = slack_ns()
    with pytest.raises(OSError, match="no chip"), unhurried():
        raise OSError("no chip")
    assert slack_ns() == before


def test_pins_that_cannot_be_had_are_told_with_what_to_do() -> None:
    """On this machine there is no library for real pins, or no chip."""
    with pytest.raises(DeviceError, match=r"scripts/install.*Anywhere else: pins\.factory = 'mock'"):
        open_factory("lgpio")

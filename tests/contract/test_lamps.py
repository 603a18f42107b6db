"""What lamps and siren promise: gpiozero's on mock pins, and the siren that is not there.

The simulator has no such hands: its judge looks at each command itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from edge.drivers.clock import FixedClock
from edge.drivers.lamps import PATTERNS, GpioLamps, GpioSiren, NoSiren
from edge.drivers.pins import open_factory
from edge.errors import DeviceError
from edge.events import Show
from edge.ports import SirenHand

STATUS, FAULT, RELAY = 22, 23, 24


@pytest.fixture
def pins() -> Iterator[Any]:
    factory = open_factory("mock")
    yield factory
    factory.close()


def lamps_on(pins: Any) -> GpioLamps:
    return GpioLamps(STATUS, FAULT, pin_factory=pins, clock=FixedClock(), post=lambda _: None)


def lit(pins: Any, gpio: int) -> bool:
    """Whether current flows: a line that was let go drives nothing."""
    pin = pins.pin(gpio)
    return pin.function == "output" and bool(pin.state)


# --- lamps ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("show", Show)
def test_a_lamp_answers_at_once_without_its_thread(pins: Any, show: Show) -> None:
    lamps = lamps_on(pins)
    assert not lit(pins, STATUS)
    lamps.show(show, fault=False)
    assert (lit(pins, STATUS), lit(pins, FAULT)) == (True, False)
    lamps.show(show, fault=True)
    assert (lit(pins, STATUS), lit(pins, FAULT)) == (True, True)
    lamps.show(show, fault=False)
    assert not lit(pins, FAULT)
    lamps.close()


def test_no_two_stages_look_alike() -> None:
    assert set(PATTERNS) == set(Show)
    assert len(set(PATTERNS.values())) == len(Show)


def test_at_the_end_the_lamps_are_dark_and_their_lines_free(pins: Any) -> None:
    lamps = lamps_on(pins)
    lamps.show(Show.RECEIVED, fault=True)
    lamps.close()
    assert not lit(pins, STATUS)
    assert not lit(pins, FAULT)
    lamps_on(pins).close()


def test_a_lamps_line_that_is_taken_is_named(pins: Any) -> None:
    lamps = lamps_on(pins)
    with pytest.raises(DeviceError, match="lamps on GPIO 22 and 23 cannot be used"):
        lamps_on(pins)
    lamps.close()


# --- siren ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["relay", "none"])
def siren(request: pytest.FixtureRequest, pins: Any) -> SirenHand:
    return GpioSiren(RELAY, pin_factory=pins) if request.param == "relay" else NoSiren()


def test_a_siren_may_be_told_the_same_twice_and_in_any_order(siren: SirenHand, pins: Any) -> None:
    fitted = isinstance(siren, GpioSiren)
    assert not lit(pins, RELAY), "silent until told"
    siren.stop()
    for _ in range(2):
        siren.sound()
        assert lit(pins, RELAY) is fitted
    for _ in range(2):
        siren.stop()
        assert not lit(pins, RELAY)
    siren.sound()
    siren.close()
    assert not lit(pins, RELAY), "silent at the end"


def test_a_sirens_line_that_is_taken_is_named(pins: Any) -> None:
    siren = GpioSiren(RELAY, pin_factory=pins)
    with pytest.raises(DeviceError, match="siren on GPIO 24 cannot be used"):
        GpioSiren(RELAY, pin_factory=pins)
    siren.close()

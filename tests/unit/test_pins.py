"""The pin factory: who cannot have it is told why, and what to do."""

from __future__ import annotations

import pytest

from edge.drivers.pins import open_factory
from edge.errors import DeviceError


def test_pins_that_cannot_be_had_are_told_with_what_to_do() -> None:
    """On this machine there is no library for real pins, or no chip."""
    with pytest.raises(DeviceError, match=r"scripts/install.*Anywhere else: pins\.factory = 'mock'"):
        open_factory("lgpio")

"""Puts the sensors that the settings name on a bus, with the hand that reads them."""

from __future__ import annotations

from collections.abc import Callable

from edge.drivers.i2c import I2cBus
from edge.drivers.mlx90614 import Mlx90614
from edge.drivers.thermopile import Thermopile
from edge.drivers.tmp117 import Tmp117
from edge.kiosk_settings import ThermometerSettings
from edge.ports import Bus, Clock, Post


def thermopile(
    settings: ThermometerSettings,
    clock: Clock,
    post: Post,
    failed: Callable[[str], None],
    bus: Bus | None = None,
) -> Thermopile:
    """The hand that measures. ``bus``: another than the machine's own. Touches nothing yet: its thread will."""
    bus = I2cBus(settings.i2c_bus, clock) if bus is None else bus
    reference = None if settings.reference == "none" else Tmp117(bus, settings.reference_address, clock)
    return Thermopile(bus, Mlx90614(bus, settings.i2c_address, clock), reference, clock, post, failed)

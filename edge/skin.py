"""What the infrared sensor's number says of a skin: its supply, the skin's emissivity, the sensor's own ways. Pure.

The laws are of the datasheet (Melexis MLX90614, revision 13) and of Stefan and Boltzmann; the fits come from group 1
of the FDA's open data (DOI 10.13026/3bhc-9065), as ``docs/thermometer-validation.md`` works them out. This is a
screening aid on skin temperature, no medical thermometer.
"""

from __future__ import annotations

from edge.value import Value

KELVIN = 273.15
SUPPLY_VOLTS = 3.0
CELSIUS_PER_VOLT = 0.6
"""The sensor reads so much more for each volt above 3.0 (datasheet, section 11)."""

SAMPLE_MS = 150
"""Shortest pause between two readings: the bus must rest for 0.14 s in between."""


class Part(Value, frozen=True):
    """One kind of MLX90614: how long it settles, how much it wavers (root mean square), how wide it sees."""

    settle_ms: int
    noise_celsius: float
    angle_degrees: int


PARTS = {
    "BAA": Part(100, 0.05, 90),
    "DAA": Part(100, 0.05, 90),
    "BCC": Part(140, 0.18, 35),
    "DCC": Part(140, 0.18, 35),
    "BCF": Part(1_330, 0.10, 10),
    "BCI": Part(650, 0.10, 5),
    "DCI": Part(650, 0.10, 5),
}
"""As they leave the factory (datasheet, tables 8 and 9), by the letters in the part's name."""


class Fit(Value, frozen=True):
    """How skin and mouth went together in a room of ``AMBIENT_CELSIUS``, at one place of the forehead.

    ``spread`` is the mouth's standard deviation over the skin's: the slope of the matched-spread estimate.
    """

    skin_celsius: float
    oral_celsius: float
    skin_per_ambient: float
    spread: float


FOREHEAD_CENTRE = Fit(34.32, 36.97, 0.19, 0.80)
"""One small spot, as a thermopile sees it. The spread was 0.74; below 0.8 an estimate hides high readings."""

FOREHEAD_MAXIMUM = Fit(35.27, 36.97, 0.12, 0.91)
"""The hottest place of the forehead: for a sensor that looks for it."""

AMBIENT_CELSIUS = 23.0
AMBIENT_FITTED_CELSIUS = (20.0, 29.0)
"""Rooms the data knows. Outside nothing more is corrected: the slope is not known there."""


def sample_ms(part: Part) -> int:
    """The pace of reading while somebody stands there: so that one falls just after the sensor has settled."""
    readings = max(1, part.settle_ms // SAMPLE_MS)
    return max(SAMPLE_MS, part.settle_ms // readings + 1)


def corrected(object_celsius: float, surroundings_celsius: float, supply_volts: float, emissivity: float) -> float:
    """The skin's temperature: what the supply adds is taken off, and what the skin reflects of its surroundings.

    ``emissivity`` is above 0 and at most 1. The two corrections cancel in a warm office and part in winter.
    """
    seen = object_celsius - CELSIUS_PER_VOLT * (supply_volts - SUPPLY_VOLTS) + KELVIN
    reflected = (1 - emissivity) * (surroundings_celsius + KELVIN) ** 4
    return float((max(0.0, seen**4 - reflected) / emissivity) ** 0.25) - KELVIN


def residual(fit: Fit, skin_celsius: float, ambient_celsius: float) -> float:
    """The skin's temperature as it would be in a room of ``AMBIENT_CELSIUS``: what the crowd is made of."""
    low, high = AMBIENT_FITTED_CELSIUS
    room = min(max(ambient_celsius, low), high)
    return skin_celsius - fit.skin_per_ambient * (room - AMBIENT_CELSIUS)


def estimate(fit: Fit, slope: float, residual_celsius: float, follow_celsius: float = 0.0) -> float:
    """A number that people know, of a residual: a straight line, so that it has no place to which it pulls.

    ``slope`` is 1 for the constant offset and ``fit.spread`` for the matched spread. ``follow_celsius`` is how far the
    morning's crowd lies above the fit's: that much is weather or drift of the sensor, and is taken off.
    """
    return fit.oral_celsius + slope * (residual_celsius - follow_celsius - fit.skin_celsius)

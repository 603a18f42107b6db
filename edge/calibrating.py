"""From readings of a reference to the offset that the thermometer lacks, or to why they do not tell it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, pstdev

from edge import skin
from edge.languages import Text
from edge.measuring import SkinRead
from edge.value import Value

SAMPLES_MIN = 20
MISSED_SHARE_MAX = 0.1
OFFSET_CELSIUS_MAX = 2.0
"""As in ``edge.kiosk_settings``: a sensor that is farther off is broken, or does not see the reference alone."""

DRIFT_CELSIUS_MAX = 0.1
"""The medians of the first and the second half may differ by so much: more, and something still warms up."""

AIR_CELSIUS_MAX = 0.3
"""And the sensor itself may have changed by so much (datasheet of the MLX90614: a changing case reads wrong)."""

NOISE_TIMES_MAX = 3.0
"""So many times the part's own noise; more, and it is not the reference alone that is seen."""


class Measured(Value, frozen=True):
    """What the readings say. ``wrong`` is empty where the offset may be used.

    ``seen_celsius`` is the median, corrected for supply and emissivity but for no offset; ``spread_celsius`` one
    standard deviation.
    """

    seen_celsius: float
    spread_celsius: float
    offset_celsius: float
    samples: int
    wrong: tuple[Text, ...]


def judged(
    reads: Sequence[SkinRead], missed: int, part: skin.Part, supply_volts: float, emissivity: float, reference: float
) -> Measured:
    """The offset that makes these readings say ``reference``, in degrees Celsius, and what speaks against it."""
    if len(reads) < SAMPLES_MIN:
        text = Text(f"only {len(reads)} readings, {SAMPLES_MIN} are needed: look at gatepost sensor watch",
                    f"只有 {len(reads)} 个读数，需要 {SAMPLES_MIN} 个：请看 gatepost sensor watch")  # fmt: skip
        return Measured(0.0, 0.0, 0.0, len(reads), (text,))
    seen = [skin.corrected(one.object_celsius, one.ambient_celsius, supply_volts, emissivity) for one in reads]
    own = [one.ambient_celsius for one in reads]
    offset = round(reference - median(seen), 2)
    spread = pstdev(seen)
    half = len(seen) // 2
    drift = median(seen[half:]) - median(seen[:half])
    checks = (
        (missed / (missed + len(reads)) > MISSED_SHARE_MAX,
         Text(f"{missed} readings failed: push plug and wires home", f"{missed} 个读数失败：请插紧插头和接线")),
        (spread > NOISE_TIMES_MAX * part.noise_celsius,
         Text(f"the readings waver by {spread:.2f} degrees: come closer, the reference must fill what the sensor sees",
              f"读数波动 {spread:.2f} 度：请靠近，参考源必须充满传感器的视野")),
        (abs(drift) > DRIFT_CELSIUS_MAX,
         Text(f"the readings move by {drift:+.2f} degrees: wait until reference and sensor have settled",
              f"读数漂移 {drift:+.2f} 度：请等参考源和传感器稳定")),
        (max(own) - min(own) > AIR_CELSIUS_MAX,
         Text(f"the sensor itself changed by {max(own) - min(own):.2f} degrees: keep sun, hands and wind off it",
              f"传感器自身变化 {max(own) - min(own):.2f} 度：请避开阳光、手和风")),
        (abs(offset) > OFFSET_CELSIUS_MAX,
         Text(f"{offset:+.2f} degrees are needed, {OFFSET_CELSIUS_MAX:g} allowed: is the reference what you gave?",
              f"需要 {offset:+.2f} 度，最多 {OFFSET_CELSIUS_MAX:g} 度：参考温度是否正确？")),
    )  # fmt: skip
    return Measured(median(seen), spread, offset, len(reads), tuple(text for wrong, text in checks if wrong))

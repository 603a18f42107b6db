"""Whether the sensor can be trusted: its share of missed readings, its silence, its second sensor and its air. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from edge.measuring import ReferenceRead, SkinRead
from edge.value import Value

WINDOW = 100
ERROR_SHARE_MAX = 0.2
"""More than this share of the last ``WINDOW`` readings missed is a fault: no verdicts."""

GOOD_IN_A_ROW = 20
"""So many in a row end a fault, and the window begins anew: at the idle pace that is 23 seconds."""

BLIND_MS = 5_000
"""No good reading for so long is a fault: missed each time, or the sensor's thread hangs. A bus may hang for 1 s."""

REFERENCE_MS = 60_000
"""A reading of the second sensor is good for so long."""

DRIFT_CELSIUS_MAX = 0.5
"""A black body read further off than this says that the sensor wants looking at."""

_DRIFT_SHARE = 0.1  # of each reading: noise is averaged over some ten
_SEEN_CELSIUS = 5.0  # farther off, something stands before the black body

AIR_CHANGE_CELSIUS = 3.0
AIR_CHANGE_MS = 600_000
"""The air changed by more than this within ten minutes: the crowd of before is no comparison."""

_AIR_EVERY_MS = 60_000


class Soundness(Value, frozen=True):
    """``misses`` has a bit for each of the last readings, the newest lowest; ``good_ms`` is when the last was good.

    ``drift_celsius`` is how far the sensor reads above the black body.
    """

    misses: int = 0
    readings: int = 0
    good_in_a_row: int = 0
    good_ms: int = 0
    fault: bool = False
    drifted: bool = False
    reference_celsius: float | None = None
    reference_ms: int = 0
    drift_celsius: float | None = None
    sensor_celsius: float | None = None
    air: tuple[tuple[int, float], ...] = ()


def error_share(sound: Soundness) -> float:
    """Missed readings among the last hundred, 0 to 1."""
    return sound.misses.bit_count() / sound.readings if sound.readings else 0.0


def read(sound: Soundness, *, good: bool, at_ms: int) -> Soundness:
    """One more reading, or one that could not be had."""
    misses = (sound.misses << 1 | (not good)) & (1 << WINDOW) - 1
    sound = replace(
        sound,
        misses=misses,
        readings=min(WINDOW, sound.readings + 1),
        good_in_a_row=sound.good_in_a_row + 1 if good else 0,
        good_ms=at_ms if good else sound.good_ms,
    )
    if sound.fault and sound.good_in_a_row >= GOOD_IN_A_ROW:
        return replace(sound, fault=False, misses=0, readings=GOOD_IN_A_ROW)
    # Of a window that is not full yet the rest counts as good: a share of three readings says nothing.
    return replace(sound, fault=sound.fault or misses.bit_count() > ERROR_SHARE_MAX * WINDOW)


def passed(sound: Soundness, now_ms: int) -> Soundness:
    """A fault too: there was no good reading for ``BLIND_MS``."""
    return replace(sound, fault=True, good_in_a_row=0) if now_ms - sound.good_ms >= BLIND_MS else sound


def why(sound: Soundness, now_ms: int) -> str:
    """The fault in words."""
    if now_ms - sound.good_ms >= BLIND_MS:
        return f"no good reading of the infrared sensor for {(now_ms - sound.good_ms) // 1000} s"
    return f"{sound.misses.bit_count()} of the last {sound.readings} readings of the infrared sensor were missed"


def referred(sound: Soundness, fact: ReferenceRead) -> Soundness:
    """The second sensor's reading taken in."""
    return replace(sound, reference_celsius=fact.celsius, reference_ms=fact.at_ms)


def reference(sound: Soundness, now_ms: int) -> float | None:
    """What the second sensor says, None where there is none or it is silent."""
    return sound.reference_celsius if now_ms - sound.reference_ms <= REFERENCE_MS else None


def compared(sound: Soundness, seen_celsius: float, now_ms: int) -> Soundness:
    """The black body seen while nobody stands there: what the sensor says of it, against its own thermometer."""
    true_celsius = reference(sound, now_ms)
    if true_celsius is None or abs(seen_celsius - true_celsius) > _SEEN_CELSIUS:
        return sound
    now, before = seen_celsius - true_celsius, sound.drift_celsius
    drift = now if before is None else before + _DRIFT_SHARE * (now - before)
    return replace(sound, drift_celsius=drift, drifted=abs(drift) > DRIFT_CELSIUS_MAX)


def breathed(sound: Soundness, fact: SkinRead, ambient_celsius: float) -> tuple[Soundness, bool]:
    """The air as it is now; True if it changed so much that the crowd of before is no comparison."""
    now = (fact.at_ms, ambient_celsius)
    recent = tuple(one for one in sound.air if fact.at_ms - one[0] <= AIR_CHANGE_MS)
    changed = any(abs(ambient_celsius - one[1]) > AIR_CHANGE_CELSIUS for one in recent)
    if changed:
        recent = ()
    if not recent or fact.at_ms - recent[-1][0] >= _AIR_EVERY_MS:
        recent = (*recent, now)
    return replace(sound, sensor_celsius=fact.ambient_celsius, air=recent), changed

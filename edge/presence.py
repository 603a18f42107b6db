"""Whether somebody stands in front of the sensor: by its jump away from the background, by a face, or by both. Pure.

The sensor sees a warm spot, not a person; so what counts is the contrast to what it sees when nobody is there, and the
way back to that. With a wall as warm as skin there is no contrast, and nothing is seen.
"""

from __future__ import annotations

from enum import Enum

from msgspec.structs import replace

from edge.measuring import NO_DETECTOR, CameraFound, CameraLost, FacesSeen
from edge.value import Value

CONTRAST_CELSIUS = (1.5, 4.0)
"""A jump is ``JUMP_SHARE`` of the way from the background to a usual skin, within these."""

JUMP_SHARE = 0.4

FACE_CELSIUS = (28.0, 42.0)
"""In front of a wall warmer than skin a face is a fall; and a fall is only a face if it ends here."""

LIKE_A_FACE_CELSIUS = 3.0
"""A background so near to a usual skin may be somebody: the sensor alone cannot tell."""

GONE_SHARE = 0.4
"""Back to less than this share of the way from background to face: nobody stands there any more."""

LEVEL_CELSIUS_MAX = 37.0
"""A cup does not set the level: when it is put down, the student is still there."""

SEEN_MS = 500
"""A picture older than this says nothing. Five at the usual pace."""

EMPTY_PICTURES = 2
"""So many without a face in a row: nobody stands there. One may be a blink or a turned head."""

_TOWARDS, _AWAY = 0.1, 0.5  # of the way, at each reading: a half-gone student must not drag the background along


class Mode(Enum):
    """What tells that somebody stands there. With ``BOTH`` a face in the zone and a jump are needed."""

    THERMOPILE = "thermopile"
    CAMERA = "camera"
    BOTH = "both"


class Eyes(Value, frozen=True):
    """What the camera last saw. ``detector`` is None while the camera process is not there."""

    detector: str | None = None
    faces: int = 0
    near: bool = False
    seen_ms: int | None = None
    empty: int = 0


def looked(eyes: Eyes, fact: FacesSeen | CameraFound | CameraLost) -> Eyes:
    """The camera's news taken in."""
    match fact:
        case CameraFound(detector=detector):
            return Eyes(detector)
        case CameraLost():
            return Eyes()
        case FacesSeen(faces=faces, distance_cm=distance_cm, at_ms=at_ms):
            empty = 0 if faces else eyes.empty + 1
            return replace(eyes, faces=faces, near=distance_cm is not None, seen_ms=at_ms, empty=empty)


def can_see(eyes: Eyes, now_ms: int) -> bool:
    """True while the camera finds faces: there, with a detector, and not silent."""
    looks = eyes.detector is not None and eyes.detector != NO_DETECTOR
    return looks and eyes.seen_ms is not None and now_ms - eyes.seen_ms <= SEEN_MS


def jumped(background_celsius: float, object_celsius: float, usual_celsius: float) -> bool:
    """True if the sensor sees something else than the background: warmer, or a face in front of something warmer."""
    change = object_celsius - background_celsius
    low, high = CONTRAST_CELSIUS
    least = min(high, max(low, JUMP_SHARE * abs(usual_celsius - background_celsius)))
    before_warmer = background_celsius > usual_celsius + low and FACE_CELSIUS[0] <= object_celsius <= FACE_CELSIUS[1]
    return change >= least or (-change >= least and before_warmer)


def level_of(level_celsius: float, background_celsius: float, object_celsius: float) -> float:
    """The reading farthest from the background so far: what full presence looks like."""
    reading = min(object_celsius, LEVEL_CELSIUS_MAX)
    return max(level_celsius, reading, key=lambda one: abs(one - background_celsius))


def has_gone(background_celsius: float, level_celsius: float, object_celsius: float) -> bool:
    """True if the sensor is back near the background. False where there is no contrast to tell by."""
    way = level_celsius - background_celsius
    if abs(way) < CONTRAST_CELSIUS[0]:
        return False
    return (object_celsius - background_celsius) / way < GONE_SHARE


def followed(background_celsius: float | None, object_celsius: float, usual_celsius: float) -> float:
    """The background after a reading with nobody there: it moves away from a face quickly, and towards one slowly."""
    if background_celsius is None:
        return object_celsius
    away = abs(object_celsius - usual_celsius) > abs(background_celsius - usual_celsius)
    return background_celsius + (_AWAY if away else _TOWARDS) * (object_celsius - background_celsius)

"""The vocabulary of measuring: what sensor and camera report, and what students and camera are told.

Nothing here acts, and nothing here knows who anybody is. All times named ``at_ms`` are milliseconds of the machine's
monotonic clock; temperatures are degrees Celsius.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from edge.value import Value


class Screen(Enum):
    """What the kiosk shows, speaks and signals. There is no state without one, and none says *normal* by default."""

    IDLE = "idle"
    STAND_HERE = "stand_here"
    MEASURING = "measuring"
    NORMAL = "normal"
    AGAIN = "again"
    HIGH = "high"
    CANNOT_SCREEN = "cannot_screen"
    OUT_OF_ORDER = "out_of_order"


class Verdict(Enum):
    """How one student's visit ended. ``HIGH`` means "to the teacher, contact thermometer", never "fever"."""

    NORMAL = "normal"
    AGAIN = "again"
    HIGH = "high"
    CANNOT_SCREEN = "cannot_screen"


class Reason(Enum):
    """Why a visit did not end with *normal*, in words that tell the student or the teacher what to do."""

    NONE = "none"
    COME_CLOSER = "come_closer"
    UNCOVER_FOREHEAD = "uncover_forehead"
    HOLD_STILL = "hold_still"
    ONE_AT_A_TIME = "one_at_a_time"
    HOT_OBJECT = "hot_object"
    BORDERLINE = "borderline"
    ABOVE_CROWD = "above_crowd"
    ABOVE_GUARD = "above_guard"
    TOO_FEW_SAMPLES = "too_few_samples"
    TOO_COLD_HERE = "too_cold_here"
    TOO_WARM_HERE = "too_warm_here"
    CROWD_TOO_MIXED = "crowd_too_mixed"
    SENSOR_FAULT = "sensor_fault"


class CrowdKept(Value, frozen=True):
    """The crowd in the form that outlives a restart: residuals, and how long before ``at_ms`` each student came.

    Oldest first. ``wall_ms`` and ``at_ms`` are the moment it was kept. Its age is the difference of the monotonic times
    where ``kernel_boot`` is the same, else that of the wall times, worth something only if ``synced`` then and now.
    ``mark`` names sensor and corrections: under others the residuals mean nothing. ``today``: the students counted
    since the night, by verdict, the last of whom came ``last_ago_ms`` before.
    """

    residuals_celsius: tuple[float, ...]
    ago_ms: tuple[int, ...]
    mark: str
    wall_ms: int
    synced: bool
    kernel_boot: str
    at_ms: int
    today: Mapping[Verdict, int] = {}
    last_ago_ms: int = 0


# --- facts: what hands post ------------------------------------------------------------------------------------


class SkinRead(Value, frozen=True):
    """One good reading of the infrared sensor, as the sensor says it: corrected for nothing."""

    object_celsius: float
    ambient_celsius: float
    at_ms: int


class SkinMissed(Value, frozen=True):
    """One reading that could not be had within its tries and time. ``reason`` is a short, stable key."""

    reason: str
    at_ms: int


class ReferenceRead(Value, frozen=True):
    """A reading of the second sensor: the room's or the black body's temperature."""

    celsius: float
    at_ms: int


NO_DETECTOR = "none"
"""The detector's name where the camera process has nothing to find faces with: FacesSeen then never comes."""


class FacesSeen(Value, frozen=True):
    """What the camera process saw in one picture: ``faces`` within the zone.

    ``distance_cm`` and ``centred`` are of the nearest face, in the zone or not; ``at_ms`` is when it was taken.
    """

    faces: int
    distance_cm: float | None
    centred: bool
    at_ms: int


class CameraFound(Value, frozen=True):
    """The camera process is there. ``detector`` names what finds its faces."""

    detector: str
    at_ms: int


class CameraLost(Value, frozen=True):
    """The camera process is gone, or silent. ``reason`` is for people."""

    reason: str
    at_ms: int


class PictureTaken(Value, frozen=True):
    """One small JPEG around an alarm. ``offset_ms`` counts from the press, below 0 before it."""

    incident: str
    offset_ms: int
    jpeg: bytes
    at_ms: int


MeasuringFact = SkinRead | SkinMissed | ReferenceRead | FacesSeen | CameraFound | CameraLost | PictureTaken


# --- commands: what hands obey ---------------------------------------------------------------------------------


class MeasureEvery(Value, frozen=True):
    """Read the infrared sensor at this pace: slow while idle, quick while somebody stands there."""

    every_ms: int


class TellPupil(Value, frozen=True):
    """Signal this by lamp and buzzer; the screen reads it from the view."""

    screen: Screen
    reason: Reason


class TakePicture(Value, frozen=True):
    """A real press: the camera process may hand out what its ring holds, and the next seconds."""

    incident: str
    at_ms: int


class KeepCrowd(Value, frozen=True):
    """Keep the crowd for the next life. Only the last one is kept."""

    crowd: CrowdKept


MeasuringCommand = MeasureEvery | TellPupil | TakePicture

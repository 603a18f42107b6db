"""How far away a face is, and whether it stands where the thermometer looks. Pure; a face here is a box, no picture.

A face of known width looks narrower the farther it is. Children's faces are 11.5 to 14.5 cm wide, so a distance is good
to 10 or 15 percent, and the zone takes in every face that may be within it (section 4.5 of the thermometry note).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import radians, tan

from edge.value import Value

FACE_CM = 13.0
NARROWEST_FACE_CM = 11.5
WIDEST_FACE_CM = 14.5

DISTANCE_CM_MAX = 1_000.0
"""Nobody asks how far beyond it a speck is that looks like a face."""

OFF_CENTRE_CM_MAX = 5.0
"""A narrow thermometer looks at a spot of 4 cm, a forehead is 10 to 12 cm wide."""


class Face(Value, frozen=True):
    """Where a face is in a picture, in pixels; ``width_px`` from cheek to cheek, whatever found it."""

    middle_px: float
    width_px: float


class Zone(Value, frozen=True):
    """Where a student stands. ``view_degrees`` is what the lens sees from left to right."""

    near_cm: int
    far_cm: int
    view_degrees: int


class Seen(Value, frozen=True):
    """``faces`` within the zone; distance and place of the nearest face, in the zone or not.

    Only left and right count for ``centred``: at which height of the picture the thermometer looks differs with
    each mount.
    """

    faces: int
    distance_cm: float | None
    centred: bool


def judge(zone: Zone, faces: Sequence[Face], picture_width_px: int) -> Seen:
    """What these faces in a picture of this width mean. A box narrower than a pixel is no face."""
    faces = [face for face in faces if face.width_px >= 1]
    if not faces:
        return Seen(0, None, False)
    focal_px = picture_width_px / 2 / tan(radians(zone.view_degrees) / 2)
    within = [
        face
        for face in faces
        if NARROWEST_FACE_CM * focal_px / zone.far_cm <= face.width_px <= WIDEST_FACE_CM * focal_px / zone.near_cm
    ]
    nearest = max(faces, key=lambda face: face.width_px)
    off_centre_cm = abs(nearest.middle_px - picture_width_px / 2) / nearest.width_px * FACE_CM
    distance_cm = min(DISTANCE_CM_MAX, FACE_CM * focal_px / nearest.width_px)
    return Seen(len(within), round(distance_cm, 1), off_centre_cm <= OFF_CENTRE_CM_MAX)

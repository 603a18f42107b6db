"""Draws people who walk up to the kiosk: faces that detectors find and that are nobody's. For demo, bench and tests.

Drawn as a lens of VIEW_DEGREES sees them, so that the distance that is worked out can be compared with the drawn one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import radians, tan
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.camera.zone import FACE_CM
from edge.errors import StorageError
from edge.value import Value

if TYPE_CHECKING:
    from cv2.typing import MatLike  # Debian's OpenCV comes without it

WIDTH_PX, HEIGHT_PX = 640, 480
VIEW_DEGREES = 62
FOCAL_PX = WIDTH_PX / 2 / tan(radians(VIEW_DEGREES) / 2)
PICTURES_A_SECOND = 15

VISIT_S = 6.0
"""One visit of ``walk``: nobody, somebody comes, stands in the zone, and goes."""

STANDS_CM = 45
COMES_FROM_CM = 150

Colour = tuple[int, int, int]  # blue, green, red

_HAIR, _COAT, _WHITE, _IRIS = (30, 25, 25), (120, 80, 50), (245, 245, 245), (40, 30, 30)
_SKIN, _SHADE, _LIGHT, _CHEEK = (150, 180, 225), (108, 130, 162), (162, 194, 243), (135, 166, 232)
_LIP, _MOUTH, _NOSTRIL = (90, 90, 190), (50, 50, 110), (60, 60, 90)


class Person(Value, frozen=True):
    """Somebody: how far from the lens, how far to the right of its middle, and the mask they wear, if any."""

    distance_cm: float
    aside_cm: float = 0.0
    mask: Colour | None = None


def scene(people: Sequence[Person], width_px: int = WIDTH_PX) -> MatLike:
    """A corridor with these people in it, the nearest drawn last."""
    picture = np.full((HEIGHT_PX, WIDTH_PX, 3), np.linspace(120, 190, WIDTH_PX, dtype=np.uint8)[:, None], np.uint8)
    cv2.rectangle(picture, (40, 60), (180, HEIGHT_PX), (110, 140, 110), cv2.FILLED)
    cv2.rectangle(picture, (460, 0), (600, 300), (200, 190, 170), cv2.FILLED)
    for person in sorted(people, key=lambda person: -person.distance_cm):
        _draw(picture, person)
    soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
    size = (width_px, round(HEIGHT_PX * width_px / WIDTH_PX))
    return soft if width_px == WIDTH_PX else cv2.resize(soft, size, interpolation=cv2.INTER_AREA)


def walk(at_s: float) -> list[Person]:
    """Who is there at this moment of an endless row of visits, one each VISIT_S."""
    moment_s = at_s % VISIT_S
    if moment_s < 1.5 or moment_s >= 5.5:
        return []
    if moment_s < 2.5:  # comes
        return [Person(COMES_FROM_CM + (STANDS_CM - COMES_FROM_CM) * (moment_s - 1.5), 30 * (2.5 - moment_s))]
    if moment_s < 4.5:  # stands
        return [Person(STANDS_CM)]
    return [Person(STANDS_CM + 20 * (moment_s - 4.5), -60 * (moment_s - 4.5))]  # goes


def write_video(file: Path, seconds: float = VISIT_S) -> None:
    """Write ``walk`` as a video file (.avi, Motion JPEG: every OpenCV reads it). Raises StorageError."""
    code = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(file), code, PICTURES_A_SECOND, (WIDTH_PX, HEIGHT_PX))
    if not writer.isOpened():
        raise StorageError(f"the video {file} cannot be written: give a directory that can be, and a name in .avi")
    try:
        for number in range(round(seconds * PICTURES_A_SECOND)):
            writer.write(scene(walk(number / PICTURES_A_SECOND)))
    finally:
        writer.release()


def _draw(picture: MatLike, person: Person) -> None:
    """Shapes are given in hundredths of the face's width, counted from its middle."""
    unit_px = FACE_CM * FOCAL_PX / person.distance_cm / 92  # what detectors call a face is 92 of these wide
    middle_x = WIDTH_PX / 2 + person.aside_cm * FOCAL_PX / person.distance_cm
    middle_y = HEIGHT_PX / 2

    def oval(x: float, y: float, half_width: float, half_height: float, colour: Colour, turned: float = 0) -> None:
        middle = (round((middle_x + x * unit_px) * 16), round((middle_y + y * unit_px) * 16))
        halves = (max(1, round(half_width * unit_px * 16)), max(1, round(half_height * unit_px * 16)))
        cv2.ellipse(picture, middle, halves, turned, 0, 360, colour, cv2.FILLED, cv2.LINE_AA, 4)

    oval(0, 150, 95, 75, _COAT)
    oval(0, 75, 24, 40, _SHADE)
    oval(0, -18, 56, 62, _HAIR)
    oval(-50, 5, 7, 13, _SHADE)
    oval(50, 5, 7, 13, _SHADE)
    oval(0, 5, 48, 62, _SKIN)
    oval(0, -8, 38, 40, _LIGHT)
    oval(0, -62, 50, 26, _HAIR)
    for side in (-1, 1):
        oval(side * 46, -30, 9, 30, _HAIR)
        oval(side * 21, -4, 14, 9, _SHADE)
        oval(side * 21, -2, 11, 5.5, _WHITE)
        oval(side * 21, -2, 5.5, 5.5, _IRIS)
        oval(side * 21, -15, 14, 3, _IRIS, 5 * side)
        oval(side * 24, 24, 10, 7, _CHEEK)
    oval(0, 12, 5, 16, _LIGHT)
    oval(0, 27, 11, 5, _SHADE)
    oval(-5, 28, 3, 2, _NOSTRIL)
    oval(5, 28, 3, 2, _NOSTRIL)
    oval(0, 45, 18, 6, _LIP)
    oval(0, 44, 17, 1.2, _MOUTH)
    if person.mask is not None:
        oval(0, 38, 40, 28, person.mask)
        oval(0, 20, 30, 6, person.mask)

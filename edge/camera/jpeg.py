"""Makes a picture small enough to follow an alarm over a slow line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from edge.camera_words import JPEG_BYTES_MAX

if TYPE_CHECKING:
    from cv2.typing import MatLike  # Debian's OpenCV comes without it

QUALITIES = (60, 40, 25)
"""Tried in this order, first at full width, then at half."""

WIDTH_PX_MAX = 640


def small_jpeg(picture: MatLike) -> bytes | None:
    """The best JPEG of at most JPEG_BYTES_MAX, None where nothing legible is so small. Raises cv2.error."""
    width_px = picture.shape[1]
    for limit_px in (WIDTH_PX_MAX, WIDTH_PX_MAX // 2):
        scale = min(1.0, limit_px / width_px)
        sized = picture if scale == 1 else cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for quality in QUALITIES:
            good, jpeg = cv2.imencode(".jpg", sized, (cv2.IMWRITE_JPEG_QUALITY, quality))
            if good and jpeg.size <= JPEG_BYTES_MAX:
                return jpeg.tobytes()
    return None

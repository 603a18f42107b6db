"""Finds faces in one picture, with whatever OpenCV offers here: the network YuNet, the old cascade, or nothing.

Chosen once, at start. YuNet needs a model file, and OpenCV 4.10 or later to read it; it finds masked faces too. The
cascade is part of OpenCV 4 and was taken out of OpenCV 5. Detection is not recognition: nothing here describes a face
but by its place and width.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np

from edge.camera.zone import Face
from edge.measuring import NO_DETECTOR

if TYPE_CHECKING:
    from cv2.typing import MatLike  # Debian's OpenCV comes without it

log = logging.getLogger(__name__)

LOOK_WIDTH_PX = 320
"""Faces are looked for in a picture of this width: 5 ms instead of 16 for one of 640."""

SHIPPED_MODEL = Path(__file__).parent / "models" / "face_detection_yunet_2023mar.onnx"

CASCADE = "haarcascade_frontalface_default.xml"
CASCADE_DIRECTORIES = (Path("/usr/share/opencv4/haarcascades"), Path("/usr/share/opencv/haarcascades"))
"""Where Debian's package opencv-data puts it; OpenCV's own wheel has it within."""

SCORE_MIN = 0.7
OVERLAP_MAX = 0.3
MODEL_BYTES_MAX = 50_000_000

CASCADE_SCALE = 1.2
CASCADE_NEIGHBOURS = 5
CASCADE_FACE_PX_MIN = 32
CASCADE_BOX_SHARE = 0.72
"""A cascade's box is square and reaches from forehead to chin: the face in it is narrower. Measured against YuNet's."""


class Detector(Protocol):
    """What finds faces. One thread uses it."""

    name: str
    """For people, with OpenCV's version; ``measuring.NO_DETECTOR`` where nothing is found, ever."""

    def find(self, picture: MatLike) -> Sequence[Face]:
        """The faces in a colour picture that is LOOK_WIDTH_PX wide. Raises cv2.error."""


class YuNet:
    """OpenCV's FaceDetectorYN. Raises cv2.error where this OpenCV cannot read the model."""

    name = f"YuNet on OpenCV {cv2.__version__}"

    def __init__(self, model: bytes) -> None:
        # From memory, not by its name: what was checked is what is used.
        onnx = np.frombuffer(model, np.uint8)
        nothing = np.empty(0, np.uint8)
        self._size = (LOOK_WIDTH_PX, LOOK_WIDTH_PX * 3 // 4)
        self._detector = cv2.FaceDetectorYN.create("onnx", onnx, nothing, self._size, SCORE_MIN, OVERLAP_MAX)
        self.find(np.zeros((self._size[1], self._size[0], 3), np.uint8))  # an older OpenCV fails only here

    def find(self, picture: MatLike) -> Sequence[Face]:
        """As ``Detector`` has it."""
        size = (picture.shape[1], picture.shape[0])
        if size != self._size:
            self._size = size
            self._detector.setInputSize(size)
        boxes: Any = self._detector.detect(picture)[1]
        return [] if boxes is None else [Face(float(x + width / 2), float(width)) for x, _, width, *_ in boxes]


class Cascade:
    """The cascade of OpenCV 4. It finds no masked face, and fewer that are turned."""

    name = f"Haar cascade on OpenCV {cv2.__version__}"

    def __init__(self, file: Path) -> None:
        self._classifier = _cascade_class()(str(file))
        self._least = (CASCADE_FACE_PX_MIN, CASCADE_FACE_PX_MIN)

    def find(self, picture: MatLike) -> Sequence[Face]:
        """As ``Detector`` has it."""
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        boxes = self._classifier.detectMultiScale(grey, CASCADE_SCALE, CASCADE_NEIGHBOURS, minSize=self._least)
        return [Face(float(x + width / 2), float(width) * CASCADE_BOX_SHARE) for x, _, width, _ in boxes]


class NoDetector:
    """Neither is there: the thermometer must tell by itself that somebody stands there."""

    name = NO_DETECTOR

    def find(self, picture: MatLike) -> Sequence[Face]:  # noqa: ARG002 - the shape of Detector
        """Nobody."""
        return ()


def choose(model_file: Path, sha256: str, cascade: Path | None) -> Detector:
    """The best detector that works here; why a better one does not is logged. ``cascade`` is ``find_cascade()``."""
    try:
        return YuNet(_checked(model_file, sha256))
    except (OSError, ValueError) as error:
        log.error("camera.model_file %s is not used: %s", model_file, getattr(error, "strerror", None) or error)
    except (AttributeError, TypeError, cv2.error) as error:  # before 4.9 it takes no model from memory
        reason = str(error).strip().partition("\n")[0]
        log.error(
            "camera.model_file %s is not used: OpenCV %s cannot run it (%s); install 4.10 or later",
            model_file, cv2.__version__, reason,
        )  # fmt: skip
    if cascade is not None:
        log.warning("faces are found by OpenCV's old cascade: it does not see who wears a mask")
        return Cascade(cascade)
    log.error(
        "no face is found: OpenCV %s has no cascade, and there is no model; correct camera.model_file and"
        " camera.model_sha256. The thermometer goes on without the camera",
        cv2.__version__,
    )
    return NoDetector()


def find_cascade() -> Path | None:
    """The file of OpenCV's frontal cascade, None where this OpenCV has no use for it or it is not installed."""
    if _cascade_class() is None:
        return None
    own = getattr(getattr(cv2, "data", None), "haarcascades", None)
    directories = [*([Path(own)] if own else []), *CASCADE_DIRECTORIES]
    return next((directory / CASCADE for directory in directories if (directory / CASCADE).is_file()), None)


def small(picture: MatLike) -> MatLike:
    """The picture at LOOK_WIDTH_PX, its height in proportion."""
    height, width = picture.shape[:2]
    size = (LOOK_WIDTH_PX, max(1, round(height * LOOK_WIDTH_PX / width)))
    return picture if width == LOOK_WIDTH_PX else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _checked(model_file: Path, sha256: str) -> bytes:
    """The model's content. Raises OSError, and ValueError where its checksum is another."""
    with model_file.open("rb") as stream:
        model = stream.read(MODEL_BYTES_MAX)
    found = hashlib.sha256(model).hexdigest()
    if found != sha256:
        raise ValueError(f"its SHA-256 is {found}, camera.model_sha256 says {sha256}")
    return model


def _cascade_class() -> Any:
    return getattr(cv2, "CascadeClassifier", None)

"""Where pictures come from: the Pi's camera, a USB camera, a video file or a folder of pictures.

``read`` gives the next picture when it is due, so a file plays at its own pace and for ever. A read may hang for good
in the library below: that is for ``watch`` to notice. Nothing is written anywhere.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2

from edge.errors import DeviceError
from edge.kiosk_settings import CameraSettings

if TYPE_CHECKING:
    from cv2.typing import MatLike  # Debian's OpenCV comes without it

WIDTH_PX, HEIGHT_PX = 640, 480
"""Asked of a camera: large enough for a person to be made out in an alarm's picture."""

FILE_PICTURES_A_SECOND = 25.0
"""Of a video file that does not say its own pace, which is believed from 1 to 120."""

PICTURE_NAMES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")

PI_BUFFERS = 3
"""One that fills, one that is read, one ready. Each is 0.9 MB."""

PI_FORMAT = "RGB888"
"""Asked of the Pi's camera. In memory that is blue, green, red."""

COLOURS_OF = {PI_FORMAT: None, "NV12": cv2.COLOR_YUV2BGR_NV12}
"""What libcamera may give, whatever it was asked for, and what OpenCV makes colours of it by."""


class Source(Protocol):
    """A source of colour pictures (blue, green, red). One thread uses it."""

    def read(self) -> MatLike:
        """The next picture, when it is due. Raises DeviceError where there is none any more."""

    def close(self) -> None:
        """Let the camera go."""


class UsbCamera:
    """A camera that the kernel knows as ``/dev/video<number>``. Raises DeviceError where it cannot be opened."""

    def __init__(self, device: str) -> None:
        number = int(device) if device.isdigit() else int(device.removeprefix("/dev/video"))
        self._name = f"/dev/video{number}"
        self._capture = cv2.VideoCapture(number, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise DeviceError(
                f"camera.device {device}: {self._name} cannot be opened: connect the camera, stop what else uses it, or"
                " add the service's user to the group video"
            )
        for setting, value in ((cv2.CAP_PROP_FRAME_WIDTH, WIDTH_PX), (cv2.CAP_PROP_FRAME_HEIGHT, HEIGHT_PX)):
            self._capture.set(setting, value)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def read(self) -> MatLike:
        """As ``Source`` has it."""
        good, picture = self._capture.read()
        if not good:
            raise DeviceError(f"{self._name} gives no more pictures: look at its cable")
        return picture

    def close(self) -> None:
        """Let the camera go."""
        self._capture.release()


class VideoFile:
    """Plays a video file again and again. Raises DeviceError where it holds no picture that can be read."""

    def __init__(self, file: str) -> None:
        self._name = file
        self._capture = cv2.VideoCapture(file)
        said = self._capture.get(cv2.CAP_PROP_FPS)
        self._pace = _Pace(said if 1 <= said <= 120 else FILE_PICTURES_A_SECOND)

    def read(self) -> MatLike:
        """As ``Source`` has it."""
        self._pace.wait()
        good, picture = self._capture.read()
        if not good:
            self._capture.release()
            self._capture = cv2.VideoCapture(self._name)
            good, picture = self._capture.read()
        if not good:
            raise DeviceError(f"camera.device {self._name}: no video that can be read: name another file")
        return picture

    def close(self) -> None:
        """Let the file go."""
        self._capture.release()


class Folder:
    """Shows the pictures of a folder, by name, again and again. What is put there later is seen in the next round."""

    def __init__(self, folder: Path, pictures_a_second: float) -> None:
        self._folder = folder
        self._pace = _Pace(pictures_a_second)
        self._files: list[Path] = []

    def read(self) -> MatLike:
        """As ``Source`` has it. A file that is no picture is passed over."""
        self._pace.wait()
        for _ in range(2):  # what is left of this round, then one whole round
            while self._files:
                picture = cv2.imread(str(self._files.pop(0)), cv2.IMREAD_COLOR)
                if picture is not None:
                    return picture
            self._files = sorted(file for file in self._folder.iterdir() if file.suffix.lower() in PICTURE_NAMES)
        raise DeviceError(f"camera.device {self._folder}: no picture in it that can be read: put some there")

    def close(self) -> None:
        """Nothing is held."""


class PiCamera:
    """The camera on the Pi's ribbon cable, by picamera2. Raises DeviceError where there is none."""

    def __init__(self, pictures_a_second: int) -> None:
        try:
            from picamera2 import Picamera2  # Debian's package: a virtual environment must see it
        except ImportError as error:
            raise DeviceError(
                f"camera.source picamera2 cannot be loaded ({error}): install python3-picamera2 with apt, and make the"
                ' environment with --system-site-packages; or set camera.source = "opencv"'
            ) from error
        try:
            camera: Any = Picamera2()
            width, height = camera.sensor_resolution
            # Half the sensor's size is read from its whole area; smaller sizes may show only the middle of the view.
            camera.configure(
                camera.create_video_configuration(
                    main={"format": PI_FORMAT, "size": (WIDTH_PX, HEIGHT_PX)},
                    raw={"size": (width // 2, height // 2)},
                    controls={"FrameRate": pictures_a_second},
                    buffer_count=PI_BUFFERS,
                )
            )
            camera.start()
        except (RuntimeError, IndexError, OSError) as error:
            raise DeviceError(
                f"the Pi's camera does not start ({error}): look at its cable, and at what rpicam-hello --list-cameras"
                " says"
            ) from error
        self._camera = camera
        self._format = str(camera.camera_configuration()["main"]["format"])

    def read(self) -> MatLike:
        """As ``Source`` has it."""
        return coloured(self._camera.capture_array("main"), self._format)

    def close(self) -> None:
        """Let the camera go."""
        self._camera.close()


def coloured(picture: MatLike, pixel_format: str) -> MatLike:
    """A picture as libcamera gives it, in blue, green, red. Raises DeviceError for a format that is not known here."""
    if pixel_format not in COLOURS_OF:
        raise DeviceError(
            f"the Pi's camera gives pictures as {pixel_format}, and {', '.join(COLOURS_OF)} are what can be read:"
            ' connect another camera, or set camera.source = "opencv"'
        )
    made_by = COLOURS_OF[pixel_format]
    return picture if made_by is None else cv2.cvtColor(picture, made_by)


class _Pace:
    """Lets so many through in a second."""

    def __init__(self, a_second: float) -> None:
        self._step_s = 1 / a_second
        self._due_s = time.monotonic()

    def wait(self) -> None:
        now_s = time.monotonic()
        if self._due_s > now_s:
            time.sleep(self._due_s - now_s)
        self._due_s = max(self._due_s + self._step_s, now_s)


def open_source(settings: CameraSettings) -> Source:
    """The source that the settings name. Raises DeviceError."""
    device = settings.device
    if settings.source == "picamera2":
        return PiCamera(settings.frames_a_second)
    if device.isdigit() or device.removeprefix("/dev/video").isdigit():
        return UsbCamera(device)
    if Path(device).is_dir():
        return Folder(Path(device), settings.frames_a_second)
    if Path(device).is_file():
        return VideoFile(device)
    raise DeviceError(
        f"camera.device {device}: there is no such file or folder: give the number of a USB camera, or a whole path"
    )

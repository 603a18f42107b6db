"""What is said between ``gatepost-camera`` and the daemon, at ``camera.sock``: one JSON object a line. Shared by both.

The camera process says ``found`` first, then ``faces`` for each picture that it looked at (never, where it has nothing
to find faces with), and ``alive`` twice a second while pictures come. The daemon says only ``take``, after a real
press; ``picture`` answers it, and nothing else that is said holds a picture or a part of one. All ``at_ms`` are
milliseconds of the machine's monotonic clock, which both processes read.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

CAMERA_SOCKET = "camera.sock"

JPEG_BYTES_MAX = 20_000
"""Of one picture: as base64 in an MQTT event it stays well within ``wire.UP_BYTES_MAX``."""

JPEG_START = b"\xff\xd8\xff"

LINE_BYTES_MAX = 32_768
"""Of one line: a picture in base64 and what is said with it."""

PICTURES_MAX = 6
"""Around one press: three up to it, three after it."""

SPEAK_MS = 500
"""While pictures come, the camera process says that it is alive this often."""

SILENT_MS_MAX = 2_500
"""Silent for longer, and the daemon takes the camera process for lost."""

Incident = Annotated[str, Meta(min_length=1, max_length=64)]
Moment = Annotated[int, Meta(ge=0)]
Span = Annotated[int, Meta(ge=0, le=60_000)]


class Found(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="say", tag="found"):
    """The first word. ``detector`` names what finds the faces, ``measuring.NO_DETECTOR`` where nothing does."""

    detector: Annotated[str, Meta(min_length=1, max_length=80)]


class Faces(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="say", tag="faces"):
    """What was seen in one picture, as ``measuring.FacesSeen`` has it."""

    faces: Annotated[int, Meta(ge=0, le=1000)]
    distance_cm: Annotated[float, Meta(ge=0, le=10_000)] | None
    centred: bool
    at_ms: Moment


class Alive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="say", tag="alive"):
    """Pictures come."""


class Picture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="say", tag="picture"):
    """One small JPEG around the press of ``incident``; ``at_ms`` is when it was taken."""

    incident: Incident
    at_ms: Moment
    jpeg: Annotated[bytes, Meta(max_length=JPEG_BYTES_MAX)]


Said = Found | Faces | Alive | Picture


class Take(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", tag="take"):
    """Hand out pictures from ``before_ms`` before the press to ``after_ms`` after it."""

    incident: Incident
    press_ms: Moment
    before_ms: Span
    after_ms: Span


class NotUnderstood(ValueError):
    """A line that is none of these words."""


_said = msgspec.json.Decoder(Said)
_take = msgspec.json.Decoder(Take)
_FAILURES = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def encode(word: Said | Take) -> bytes:
    """One line, with its end."""
    return msgspec.json.encode(word) + b"\n"


def decode_said(line: bytes) -> Said:
    """What the camera process said. Raises NotUnderstood."""
    try:
        said: Said = _said.decode(line)
    except _FAILURES as error:
        raise NotUnderstood(str(error)) from error
    if isinstance(said, Picture) and not said.jpeg.startswith(JPEG_START):
        raise NotUnderstood("a picture that is no JPEG")
    return said


def decode_take(line: bytes) -> Take:
    """What the daemon asked. Raises NotUnderstood."""
    try:
        take: Take = _take.decode(line)
    except _FAILURES as error:
        raise NotUnderstood(str(error)) from error
    return take

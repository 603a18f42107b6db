"""What is said at the daemon's local sockets: one JSON object a line, each way. Shared by both ends.

Requests: ``{"id": 1, "ask": "status"}``, ``{"id": 2, "ask": "watch", "every_ms": 200}`` on either socket; on the
control socket also ``{"ask": "reset", "by": "name"}``, ``calibrated``, ``updated`` and, where pins are simulated,
``{"ask": "press", "hold_ms": 100}`` and ``{"ask": "see", "object_celsius": 34.5, "ambient_celsius": 22}``. A
self-test is ``{"ask": "selftest", "kind": "full", "by": "name", "token": "t1"}``: the view's ``selftest.answer``
repeats the token and says whether it began, ``selftest.running`` how far it is.

Answers repeat the id: ``{"id": 1, "ok": true, "view": {...}}``, or
``{"id": 1, "ok": false, "error": "...", "exit_code": 10}`` where ``exit_code`` is that of the class in
``edge.errors`` which the command line raises.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from edge.chain import Kind

VIEW_SOCKET = "view.sock"
CONTROL_SOCKET = "control.sock"
LINE_BYTES_MAX = 4096  # a request is under 200 bytes
PATH_BYTES_MAX = 107  # Linux: sun_path has 108 bytes, the last is zero

Id = Annotated[str, Meta(max_length=80)] | int | None


class _Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask"):
    id: Id = None


class Status(_Request, frozen=True, kw_only=True, tag="status"):
    """The view, once."""


class Watch(_Request, frozen=True, kw_only=True, tag="watch"):
    """The view now and whenever it has changed, looked at every ``every_ms``. A later watch replaces an earlier one."""

    every_ms: Annotated[int, Meta(ge=20, le=5000)] = 200


class Reset(_Request, frozen=True, kw_only=True, tag="reset"):
    """A named person ends the incident: ``by`` is 1 to 80 printable characters, ``key_fingerprint`` of the SSH key."""

    by: Annotated[str, Meta(min_length=1, max_length=80)]
    key_fingerprint: Annotated[str, Meta(max_length=80)] = ""


class Calibrated(_Request, frozen=True, kw_only=True, tag="calibrated"):
    """A named person has set ``thermometer.offset_celsius`` against a reference. For the log; it changes nothing."""

    by: Annotated[str, Meta(min_length=1, max_length=80)]
    key_fingerprint: Annotated[str, Meta(max_length=80)] = ""
    before_celsius: Annotated[float, Meta(ge=-2.0, le=2.0)]
    offset_celsius: Annotated[float, Meta(ge=-2.0, le=2.0)]
    reference_celsius: Annotated[float, Meta(ge=-40, le=60)]
    samples: Annotated[int, Meta(ge=1, le=10_000)]


class Updated(_Request, frozen=True, kw_only=True, tag="updated"):
    """An update has ended: ``kept``, or taken back for a ``reason``. For the log; taken back, it is a trouble."""

    before: Annotated[str, Meta(max_length=60)]
    after: Annotated[str, Meta(max_length=60)]
    by: Annotated[str, Meta(min_length=1, max_length=80)]
    kept: bool
    reason: Annotated[str, Meta(max_length=400)]


class Press(_Request, frozen=True, kw_only=True, tag="press"):
    """Close the simulated contact for ``hold_ms``."""

    hold_ms: Annotated[int, Meta(ge=1, le=120_000)] = 100


class See(_Request, frozen=True, kw_only=True, tag="see"):
    """Let the simulated infrared sensor see this from now on, in degrees Celsius."""

    object_celsius: Annotated[float, Meta(ge=-70, le=380)]
    ambient_celsius: Annotated[float, Meta(ge=-38, le=125)]


Words = Annotated[str, Meta(max_length=80)]


class SelfTest(_Request, frozen=True, kw_only=True, tag="selftest"):
    """A named person asks for a test: ``full``, ``path``; or ``human``, ``drill`` in the centre's window.

    ``key_fingerprint`` is that of the SSH key. ``token``, of the asker's choice, finds the answer in the view.
    """

    kind: Kind
    by: Annotated[str, Meta(min_length=1, max_length=80)]
    key_fingerprint: Words = ""
    token: Words = ""


class Arrived(_Request, frozen=True, kw_only=True, tag="arrived"):
    """A named person says that the helpers of a drill are here."""

    by: Annotated[str, Meta(min_length=1, max_length=80)]


Request = Status | Watch | Reset | Calibrated | Updated | Press | See | SelfTest | Arrived


ASKS = "status, watch, reset, calibrated, updated, press, see, selftest, arrived"


class BadRequest(ValueError):
    """A line that is not a request. ``id`` is its id where that could be read."""

    def __init__(self, id: Id, detail: str) -> None:
        super().__init__(detail)
        self.id = id


class _OnlyId(msgspec.Struct, frozen=True):
    id: Id = None


_request = msgspec.json.Decoder(Request)
_only_id = msgspec.json.Decoder(_OnlyId)
_FAILURES = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode(line: bytes) -> Request:
    """One line as a request. Raises BadRequest, whose text says what is allowed."""
    try:
        request: Request = _request.decode(line)
    except _FAILURES as error:
        raise BadRequest(_id_of(line), f"not understood: {error}; asks are {ASKS}") from error
    if isinstance(request, Reset | Calibrated | SelfTest | Arrived):
        if not (request.by.isprintable() and request.by.strip()):
            word = type(request).__struct_config__.tag
            raise BadRequest(request.id, f"{word} needs 'by': the name of a person, 1 to 80 printable characters")
        if not getattr(request, "key_fingerprint", "").isprintable():
            raise BadRequest(request.id, "key_fingerprint has printable characters, as ssh-keygen -l shows them")
    return request


def calibration_words(request: Calibrated, uid: int) -> str:
    """What the log says of a calibration; ``uid`` is the peer's, which the kernel vouches for."""
    key = f", key {request.key_fingerprint}" if request.key_fingerprint else ""
    return (
        f"thermometer.offset_celsius {request.before_celsius:+.2f} -> {request.offset_celsius:+.2f} by"
        f" {request.by.strip()} (uid {uid}{key}): {request.samples} readings of a reference of"
        f" {request.reference_celsius:.2f} degrees Celsius"
    )


def update_words(request: Updated, uid: int) -> str:
    """What the log says of an update; ``uid`` is the peer's, which the kernel vouches for."""
    what = f"version {request.before} -> {request.after} by {request.by.strip()} (uid {uid})"
    return f"{what}: {request.reason}" if request.kept else f"{what} was taken back: {request.reason}"


def _id_of(line: bytes) -> Id:
    try:
        return _only_id.decode(line).id
    except _FAILURES:
        return None  # the error answer then carries no id either

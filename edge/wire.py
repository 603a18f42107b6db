"""Records and receipts as bytes, and the names of the topics. The one home of the wire's schema.

JSON over MQTT, QoS 1. A message from outside is never trusted: ``decode_*`` raises ``WireError`` whose ``reason``
is the key of the counter that health shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

import msgspec

from edge.events import (
    ClockQuality,
    Code,
    EventId,
    Lane,
    Origin,
    Qualifier,
    Record,
    Stage,
    Topic,
    WallStamp,
)

SCHEMA = 1
DOWN_BYTES_MAX = 4096  # a receipt is about 150 bytes; anything near this is not from a centre of ours
UP_BYTES_MAX = 65536
NO_SUBSCRIBERS = 0x10  # MQTT 5: accepted, and nobody is there to get it
FAILURE = 0x80  # MQTT 5: reason codes from here on are refusals

_ID = re.compile(r"[0-9a-f]{16}-[1-9][0-9]{0,15}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class WireError(ValueError):
    """A message that is not obeyed. ``reason`` is a short, stable key: oversized, malformed, schema, ..."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class Address(msgspec.Struct, frozen=True):
    """Where a gate stands. Each part is 1 to 40 of ``a-z 0-9 -``."""

    county: str
    school: str
    gate: str

    def __post_init__(self) -> None:
        for part in (self.county, self.school, self.gate):
            if not _NAME.fullmatch(part):
                raise ValueError(f"{part!r} is not 1 to 40 of a-z, 0-9 and '-'")

    def __str__(self) -> str:
        return f"{self.county}/{self.school}/{self.gate}"

    def up(self, last: str) -> str:
        """Topic of a message from this gate, such as ``gate/<county>/<school>/<gate>/alarm``."""
        return f"gate/{self}/{last}"

    @property
    def receipts(self) -> str:
        """Topic on which the centre answers this gate."""
        return f"gate/{self}/down/receipt"

    @property
    def commands(self) -> str:
        """Topic on which the centre asks this gate for something."""
        return f"gate/{self}/down/command"

    @property
    def down(self) -> str:
        """Subscription for everything meant for this gate."""
        return f"gate/{self}/down/#"

    @property
    def centre_status(self) -> str:
        """Retained topic that says whether the county's centre application is listening."""
        return centre_status_topic(self.county)


def centre_status_topic(county: str) -> str:
    """Retained topic that says whether the county's centre application is listening."""
    return f"centre/{county}/status"


def address_of(topic: str) -> tuple[Address, str]:
    """Split an upward topic into the gate's address and its last word. Raises WireError('topic')."""
    parts = topic.split("/")
    if len(parts) != 5 or parts[0] != "gate":
        raise WireError("topic", topic[:200])
    try:
        return Address(*parts[1:4]), parts[4]
    except ValueError as error:
        raise WireError("topic", str(error)) from error


class Event(msgspec.Struct, frozen=True, omit_defaults=False):
    """An event as it travels. ``replayed`` and ``age_ms`` tell yesterday's press from a new one.

    ``wall_ms`` is the best wall time known when it was sent, of quality ``clock``; where that was worked out
    afterwards, ``original_*`` keep what the clock said at the time. Order is (boot_counter, monotonic_ms, counter).
    """

    schema: int
    id: str
    boot_counter: int
    counter: int
    kernel_boot: str
    monotonic_ms: int
    wall_ms: int
    clock: ClockQuality
    wall_bound_ms: int | None
    original_wall_ms: int | None
    original_clock: ClockQuality | None
    origin: Origin
    lane: Lane
    topic: Topic
    code: Code
    qualifier: Qualifier
    incident: str | None
    replayed: bool
    age_ms: int | None
    body: dict[str, str | int | float | bool | None]


Challenge = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]
"""Drawn by a gate, told in its heartbeats, and quoted by what the centre says to it."""


class Proof(msgspec.Struct, frozen=True):
    """That a word is new: it answers a challenge of the gate, as the centre's ``number``-th word to it.

    It is not obeyed later than ``within_ms`` after the gate drew the challenge, by the gate's own monotonic clock.
    """

    challenge: Challenge
    number: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    within_ms: Annotated[int, msgspec.Meta(ge=1, le=300_000)]


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """The centre's word about one press (``received``) or its incident (``seen``, ``dispatched``, ``closed``).

    ``received`` quotes the event's ``digest``, in hexadecimal digits, as it came (``edge.seals``): that makes it new
    by itself. The others carry a ``proof``.
    """

    schema: int
    id: str
    stage: str
    by: Annotated[str, msgspec.Meta(max_length=80)]
    centre_wall_ms: int | None
    digest: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")] | None = None
    proof: Proof | None = None


class CentreCommand(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the centre asks of a gate. None of them can disarm, mute or delay the button.

    ``open_window``: a person's press counts as a test (``kind`` human) or as a drill (``kind`` drill) for ``for_ms``,
    1 to 1,800,000; ``close_window`` ends it. ``nonce`` names the window. A command is refused when retained, when its
    nonce was seen before, and when it is old: by its ``proof`` where the gate knows the centre's key, else after
    ``expires_wall_ms`` by a clock that is set.
    """

    schema: int
    command: Literal["open_window", "close_window"]
    nonce: Challenge
    kind: Literal["human", "drill"]
    by: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    for_ms: Annotated[int, msgspec.Meta(ge=1, le=1_800_000)]
    issued_wall_ms: int
    expires_wall_ms: int
    proof: Proof | None = None


class CentreWord(msgspec.Struct, frozen=True):
    """The centre's retained presence; the broker's last will says ``listening`` false."""

    schema: int
    listening: bool
    centre_wall_ms: int | None


class GateWord(msgspec.Struct, frozen=True):
    """A gate's retained presence. ``boot_counter`` keeps a late last will from covering a newer session."""

    schema: int
    online: bool
    boot: str
    boot_counter: int
    connection: int


RECEIPT_STAGES = {stage.name.lower(): stage for stage in (Stage.RECEIVED, Stage.SEEN, Stage.DISPATCHED, Stage.CLOSED)}

T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_event = msgspec.json.Decoder(Event)
_receipt = msgspec.json.Decoder(Receipt)
_command = msgspec.json.Decoder(CentreCommand)
_centre = msgspec.json.Decoder(CentreWord)
_gate = msgspec.json.Decoder(GateWord)
_health = msgspec.json.Decoder(dict[str, object])


def event_of(record: Record, stamp: WallStamp, *, replayed: bool, age_ms: int | None) -> Event:
    """The travelling form of a record. ``stamp`` is its best wall time now; the original is kept if it differs."""
    backfilled = stamp.quality is ClockQuality.BACKFILLED
    return Event(
        SCHEMA,
        str(record.id),
        record.boot_counter,
        record.id.counter,
        record.kernel_boot,
        record.at_ms,
        stamp.wall_ms,
        stamp.quality,
        stamp.bound_ms,
        record.wall.wall_ms if backfilled else None,
        record.wall.quality if backfilled else None,
        record.origin,
        record.lane,
        record.topic,
        record.code,
        record.qualifier,
        None if record.incident is None else str(record.incident),
        replayed,
        age_ms,
        dict(record.body),
    )


def encode(message: Event | Receipt | CentreCommand | CentreWord | GateWord | Mapping[str, object]) -> bytes:
    """Any message of ours as JSON bytes."""
    return _encoder.encode(message)


def parse_id(text: str) -> EventId:
    """``<16 hex digits>-<counter>`` as an id. Raises WireError('id')."""
    if not _ID.fullmatch(text):
        raise WireError("id", text[:80])
    boot, _, counter = text.partition("-")
    return EventId(boot, int(counter))


def _decode(payload: bytes, decoder: msgspec.json.Decoder[T], bytes_max: int) -> T:
    if len(payload) > bytes_max:
        raise WireError("oversized", f"{len(payload)} bytes, {bytes_max} allowed")
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError("malformed", str(error)[:200]) from error


def _our_schema(schema: int) -> None:
    if schema != SCHEMA:
        raise WireError("schema", f"{schema}, {SCHEMA} understood")


def decode_event(payload: bytes) -> Event:
    """An event from a gate. Raises WireError. An unknown origin reads as a person."""
    event = _decode(payload, _event, UP_BYTES_MAX)
    _our_schema(event.schema)
    if parse_id(event.id).counter != event.counter:
        raise WireError("id", f"{event.id} with counter {event.counter}")
    if event.incident is not None:
        parse_id(event.incident)
    return event


def decode_receipt(payload: bytes) -> tuple[EventId, Stage, Receipt]:
    """The centre's word: which id, which stage, and the message itself. Raises WireError."""
    receipt = _decode(payload, _receipt, DOWN_BYTES_MAX)
    _our_schema(receipt.schema)
    stage = RECEIPT_STAGES.get(receipt.stage)
    if stage is None:
        raise WireError("stage", receipt.stage[:40])
    return parse_id(receipt.id), stage, receipt


def decode_command(payload: bytes) -> CentreCommand:
    """What the centre asks. Raises WireError."""
    command = _decode(payload, _command, DOWN_BYTES_MAX)
    _our_schema(command.schema)
    return command


def decode_centre_word(payload: bytes) -> CentreWord:
    """Whether the centre's application listens. Raises WireError."""
    word = _decode(payload, _centre, DOWN_BYTES_MAX)
    _our_schema(word.schema)
    return word


def decode_gate_word(payload: bytes) -> GateWord:
    """A gate's presence. Raises WireError."""
    word = _decode(payload, _gate, DOWN_BYTES_MAX)
    _our_schema(word.schema)
    return word


def decode_health(payload: bytes) -> dict[str, object]:
    """A heartbeat's body. Raises WireError."""
    return _decode(payload, _health, UP_BYTES_MAX)


def receipt_of(id: str, stage: Stage, by: str, centre_wall_ms: int | None, digest: str | None = None) -> Receipt:
    """A receipt in the form that travels."""
    return Receipt(SCHEMA, id, stage.name.lower(), by, centre_wall_ms, digest)

"""Keys for tests, and both ends of the line as they run: the gate's trust and the centre's voice."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from centre.inbox import Arrival
from centre.voice import Voice
from edge import below, wire
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
from edge.ledger_key import GateKey, PublicKey
from edge.trust import Trust

ADDRESS = wire.Address("county-1", "school-1", "gate-1")
ELSEWHERE = wire.Address("county-1", "school-1", "gate-2")
WALL_MS = 1_764_000_000_000


def key(seed: int) -> GateKey:
    """The same key for the same seed, 0 to 255."""
    return GateKey(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


CENTRE, GATE, STRANGER = key(1), key(2), key(3)


def nonces(life: int) -> Iterator[str]:
    """16 hexadecimal digits after another, others in each life."""
    count = 0
    while True:
        count += 1
        yield f"{life:08x}{count:08x}"


class GateEnd:
    """One life of a gate's trust, with a clock that the test moves. ``boot`` names its life."""

    def __init__(self, life: int = 1, address: wire.Address = ADDRESS, signer: GateKey | None = GATE) -> None:
        self.address = address
        self.life = life
        self.boot = f"{life:016x}"
        self.now_ms = 1_000_000
        draw = nonces(life)
        self.keys: tuple[PublicKey, ...] | None = (PublicKey(CENTRE.public_key),)
        self.trust = Trust(lambda: signer, lambda: self.keys, lambda: next(draw))

    def record(self, counter: int, topic: Topic = Topic.ALARM) -> Record:
        """A press of this life, or another event."""
        id = EventId(self.boot, counter)
        stamp = WallStamp(WALL_MS, ClockQuality.SYNCED, 20)
        return Record(
            id, self.life, "kernel", self.now_ms, stamp, Origin.PERSON, Lane.ALARM, topic, Code.SILENT_PANIC,
            Qualifier.NEW, id, {},
        )  # fmt: skip

    def press(self, counter: int, *, age_ms: int | None = None) -> Arrival:
        """A press as it comes to the centre."""
        record = self.record(counter)
        event = wire.event_of(record, record.wall, replayed=age_ms is not None, age_ms=age_ms)
        topic = self.address.up("alarm")
        return Arrival(0, topic, self.trust.seal_event(topic, wire.encode(event), record), False, lambda: None)

    def beat(self) -> Arrival:
        """A heartbeat as it comes to the centre."""
        self.now_ms += 1_000
        health = {"schema": 1, "boot": self.boot, "boot_counter": self.life, "monotonic_ms": self.now_ms}
        topic = self.address.up("heartbeat")
        return Arrival(0, topic, self.trust.heartbeat(topic, health, self.now_ms), False, lambda: None)

    def hear(self, topic: str, payload: bytes, *, retained: bool = False) -> below.Below:
        """What a message from below means here. Raises WireError."""
        return below.read(
            topic, payload, retained=retained, address=self.address, broker=0, now_ms=self.now_ms, trust=self.trust
        )

    def refuses(self, topic: str, payload: bytes, *, retained: bool = False) -> str:
        """Why a message is refused here; empty where it is obeyed."""
        try:
            self.hear(topic, payload, retained=retained)
        except wire.WireError as error:
            return error.reason
        return ""


class CentreEnd:
    """The centre's voice, which has heard this gate."""

    def __init__(self, signer: GateKey = CENTRE) -> None:
        self.now_ms = 5_000_000
        self.voice = Voice(signer.sign)

    def hear(self, beat: Arrival) -> None:
        """A heartbeat arrives."""
        address, _ = wire.address_of(beat.topic)
        self.voice.heard(address, wire.decode_health(beat.payload), self.now_ms)

    def receipt(self, press: Arrival) -> tuple[str, bytes]:
        """The receipt for a press."""
        address, _ = wire.address_of(press.topic)
        return self.voice.receipt(address, wire.decode_event(press.payload), press, WALL_MS)

    def act(self, id: str, stage: Stage = Stage.SEEN, address: wire.Address = ADDRESS) -> tuple[str, bytes]:
        """What an officer says about an incident."""
        return self.voice.say(address, wire.receipt_of(id, stage, "officer Wang", WALL_MS), self.now_ms)

    def window(self, name: str = "ab" * 8, address: wire.Address = ADDRESS) -> tuple[str, bytes]:
        """A test window is opened."""
        return self.voice.say(address, window(name), self.now_ms)


def window(name: str = "ab" * 8) -> wire.CentreCommand:
    """The command that opens a window, without anything that proves that it is new."""
    return wire.CentreCommand(wire.SCHEMA, "open_window", name, "human", "Li", 600_000, WALL_MS, WALL_MS + 60_000)

"""The parsers, each as a function of bytes that either takes them or raises what it says it raises."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from centre.desk import request_of
from centre.inbox import Arrival
from centre.intake import EVENT_WORDS, read
from centre.notary import Notary
from edge import below, camera_words, infrared_words, requests, seals, settings, update_file, wire
from edge.errors import CertificateError, RefusedError, SettingsError
from edge.ledger import entry_of
from edge.ledger_key import GateKey, PublicKey, public_keys_in
from edge.ports import ReadingMissed
from edge.trust import Trust

ADDRESS = wire.Address("county-1", "school-1", "gate-1")
KEY = GateKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))
PUBLIC = PublicKey(KEY.public_key)
DOWN = (ADDRESS.receipts, ADDRESS.commands, ADDRESS.centre_status)
UP = [ADDRESS.up(word) for word in (*sorted(EVENT_WORDS), "heartbeat", "status", "probe", "x")]


class Target(NamedTuple):
    """A parser, what it may raise, and bytes that it takes. ``weight``: its share of all inputs, less where slow."""

    parse: Callable[[bytes], object]
    raises: tuple[type[Exception], ...]
    good: bytes
    weight: float = 1.0


def _below(trust: Trust) -> Callable[[bytes], object]:
    def parse(payload: bytes) -> object:
        for topic in DOWN:
            try:
                below.read(topic, payload, retained=False, address=ADDRESS, broker=0, now_ms=0, trust=trust)
            except wire.WireError:
                continue
        return None

    return parse


def _genuine(payload: bytes) -> object:
    """What a stolen key of the centre could make the gate read."""
    if not payload.endswith(b"}"):
        return None
    trust = Trust(centre_keys=lambda: (PUBLIC,))
    for topic in DOWN[:2]:
        try:
            sealed = seals.sealed(topic, payload, KEY.sign)
            below.read(topic, sealed, retained=False, address=ADDRESS, broker=0, now_ms=0, trust=trust)
        except wire.WireError:
            continue
    return None


def _up(notary: Notary) -> Callable[[bytes], object]:
    def parse(payload: bytes) -> object:
        return [read(Arrival(0, topic, payload, False, lambda: None), "county-1", notary) for topic in UP]

    return parse


def _topic(text: bytes) -> object:
    return read(Arrival(0, text.decode("utf-8", "replace"), b"{}", False, lambda: None), "county-1")


def _settings(text: bytes) -> object:
    return settings.parse(text.decode("utf-8", "replace"), "fuzzed")


def _sensor(read_bytes: bytes) -> object:
    return infrared_words.celsius_of(0x5A, infrared_words.OBJECT, read_bytes)


def _update(content: bytes) -> object:
    """The file as it comes, and the same list as if the county had signed it."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "update.tar"
        key = Ed25519PrivateKey.from_private_bytes(bytes(32))
        for whole in (content, update_of(content, key.sign(content))):
            file.write_bytes(whole)
            try:
                update_file.unpack(file, key.public_key(), Path(directory) / "wheels")
            except RefusedError:
                continue
    return None


def update_of(manifest: bytes, signature: bytes) -> bytes:
    """An update file with this list in it, and no wheel."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in ((update_file.MANIFEST, manifest), (update_file.SIGNATURE, signature)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


GOOD_EVENT = (
    b'{"schema":1,"id":"00000000000000aa-1","boot_counter":1,"counter":1,"kernel_boot":"k","monotonic_ms":10,'
    b'"wall_ms":1,"clock":"synced","wall_bound_ms":5,"original_wall_ms":null,"original_clock":null,'
    b'"origin":"person","lane":0,"topic":"alarm","code":122,"qualifier":1,"incident":"00000000000000aa-1",'
    b'"replayed":false,"age_ms":null,"body":{}}'
)
GOOD_RECEIPT = b'{"schema":1,"id":"00000000000000aa-1","stage":"received","by":"","centre_wall_ms":1}'
GOOD_COMMAND = (
    b'{"schema":1,"command":"open_window","nonce":"0123456789abcdef","kind":"human","by":"Li","for_ms":1,'
    b'"issued_wall_ms":1,"expires_wall_ms":2}'
)
GOOD_SETTINGS = (
    b'gate = { county = "c", school = "s", gate = "g" }\nbutton = { key_gpio = 17 }\n'
    b'lamps = { status_gpio = 22, fault_gpio = 23 }\nbroker = [{ name = "one", host = "h", tls = false }]\n'
)
GOOD_MANIFEST = b'{"product":"gatepost","version":"1","python":"3.11","machine":"aarch64","extras":[],"wheels":{}}'

TARGETS: Mapping[str, Target] = {
    "wire.decode_event": Target(wire.decode_event, (wire.WireError,), GOOD_EVENT),
    "wire.decode_receipt": Target(wire.decode_receipt, (wire.WireError,), GOOD_RECEIPT),
    "wire.decode_command": Target(wire.decode_command, (wire.WireError,), GOOD_COMMAND),
    "wire.decode_centre_word": Target(
        wire.decode_centre_word, (wire.WireError,), b'{"schema":1,"listening":true,"centre_wall_ms":1}'
    ),
    "wire.decode_gate_word": Target(
        wire.decode_gate_word, (wire.WireError,),
        b'{"schema":1,"online":true,"boot":"00000000000000aa","boot_counter":1,"connection":1}',
    ),
    "wire.decode_health": Target(wire.decode_health, (wire.WireError,), b'{"schema":1}'),
    "a gate's down topics, unsigned": Target(_below(Trust()), (), GOOD_RECEIPT, 0.5),
    "a gate's down topics, signed": Target(_below(Trust(centre_keys=lambda: (PUBLIC,))), (), GOOD_COMMAND, 0.5),
    "what the centre's own key signed": Target(_genuine, (), GOOD_COMMAND, 0.05),
    "the centre's up topics": Target(_up(Notary()), (), GOOD_EVENT, 0.1),
    "the centre's up topics, signed": Target(_up(Notary(lambda _: (PUBLIC,))), (), GOOD_EVENT, 0.1),
    "topics": Target(_topic, (), b"gate/county-1/school-1/gate-1/probe"),
    "requests.decode": Target(requests.decode, (requests.BadRequest,), b'{"ask":"press","id":1,"hold_ms":100}'),
    "camera_words.decode_said": Target(
        camera_words.decode_said, (camera_words.NotUnderstood,),
        b'{"say":"faces","faces":1,"distance_cm":40.5,"centred":true,"at_ms":1}',
    ),
    "camera_words.decode_take": Target(
        camera_words.decode_take, (camera_words.NotUnderstood,),
        b'{"ask":"take","incident":"x","press_ms":1,"before_ms":1,"after_ms":1}',
    ),
    "the centre's desk": Target(request_of, (RefusedError,), b'{"do":"list"}'),
    "settings.parse": Target(_settings, (SettingsError,), GOOD_SETTINGS, 0.02),
    "infrared_words.celsius_of": Target(
        _sensor, (ReadingMissed,), infrared_words.wire_of(0x5A, infrared_words.OBJECT, 0x3A00)
    ),
    "update_file.unpack": Target(_update, (), GOOD_MANIFEST, 0.002),
    "ledger.entry_of": Target(entry_of, (ValueError,), b'{"ledger":1,"number":1}'),
    "public keys": Target(
        lambda pem: public_keys_in(pem, "fuzzed"), (CertificateError,),
        b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAAAA\n-----END PUBLIC KEY-----\n",
    ),
}  # fmt: skip


def feed(target: Target, content: bytes) -> None:
    """Hand this to a parser. Whatever it raises beside what it says is a fault, and leaves here."""
    try:
        target.parse(content)
    except target.raises:
        return

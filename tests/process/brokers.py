"""Brokers for tests: a real mosquitto that can be stopped, killed and frozen, a broker that misbehaves to order,
an authority that issues certificates, and an inbox and a listener that wait for things with a deadline."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self, TypeVar

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.events import Fact

PATIENCE_S = 30.0  # how long a test waits for what must come; generous, for two busy cores
F = TypeVar("F")


def find_mosquitto() -> str:
    """The mosquitto program, or skip the test that needs it."""
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("mosquitto is not installed: sudo apt install mosquitto")
    return found


def free_port() -> int:
    """A TCP port of this machine that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class BrokerProcess:
    """A broker of the test's own on 127.0.0.1 that can be stopped, killed and frozen."""

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.directory = directory
        self.port = free_port() if port is None else port
        self.process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self.log_file = directory / f"broker-{self.port}.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def command(self) -> Sequence[str]:
        """What is run; writes the settings that it reads."""
        raise NotImplementedError

    def start(self) -> None:
        """Start, and return once the port accepts connections."""
        command = self.command()
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE_S
        while not self._accepts():
            try:
                self.process.wait(0.01)
            except subprocess.TimeoutExpired:
                assert time.monotonic() < until, f"the broker opens no port: {self.log()}"
            else:
                raise AssertionError(f"the broker ended at once: {self.log()}")

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """Orderly end: clients are told."""
        self._signal(signal.SIGTERM, end=True)

    def kill(self) -> None:
        """Sudden end, also of a frozen one. May be called when it has ended."""
        self._signal(signal.SIGKILL, end=True)

    def freeze(self) -> None:
        """Stop in its tracks: connections stand, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after ``freeze``."""
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    def log(self) -> str:
        """What it said, for messages of failed tests."""
        return self.log_file.read_text(errors="replace")[-4000:]

    def _signal(self, number: signal.Signals, *, end: bool = False) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            if end:
                self.process.wait(PATIENCE_S)


class Mosquitto(BrokerProcess):
    """A mosquitto. ``lines`` follow the listener in its configuration file."""

    def __init__(
        self, directory: Path, lines: Sequence[str] = (), *, port: int | None = None, anonymous: bool = True
    ) -> None:
        super().__init__(directory, port)
        self.lines = list(lines)
        self.anonymous = anonymous
        self._program = find_mosquitto()

    def command(self) -> Sequence[str]:
        settings = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {str(self.anonymous).lower()}",
            *self.lines,
            *([] if any(line.startswith("persistence ") for line in self.lines) else ["persistence false"]),
            *(["user root"] if os.geteuid() == 0 else []),  # else it gives up its rights and cannot read our files
        ]
        file = self.directory / f"mosquitto-{self.port}.conf"
        file.write_text("\n".join(settings) + "\n")
        return [self._program, "-v", "-c", str(file)]


def password_file(directory: Path, **passwords: str) -> Path:
    """A mosquitto password file with these users."""
    program = shutil.which("mosquitto_passwd")
    if program is None:
        pytest.skip("mosquitto_passwd is not installed: sudo apt install mosquitto")
    file = directory / "passwords"
    file.write_text("".join(f"{user}:{word}\n" for user, word in passwords.items()))
    subprocess.run([program, "-U", str(file)], check=True, capture_output=True)
    return file


class Authority:
    """A certificate authority of the test's own, as openssl makes it for a county: without key usage."""

    def __init__(self, directory: Path, name: str = "county") -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed: sudo apt install openssl")
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.certificate = directory / f"{name}-ca.pem"
        self._key = directory / f"{name}-ca.key"
        done = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", self._key, "-out", self.certificate, "-days", "2", "-subj", f"/CN={name} authority"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def issue(self, name: str, *, host: str | None = None, days: int = 2) -> tuple[Path, Path]:
        """Certificate and key: of a server where ``host`` is given ('DNS:...' or 'IP:...'), else of a client.

        Negative ``days`` make one that has expired. ``name`` may have slashes.
        """
        file = name.replace("/", ".")
        certificate, key = self.directory / f"{file}.pem", self.directory / f"{file}.key"
        authority, signer = self._own()
        use = ExtendedKeyUsageOID.CLIENT_AUTH if host is None else ExtendedKeyUsageOID.SERVER_AUTH
        secret = generate_private_key(SECP256R1())
        until = datetime.now(UTC) + timedelta(days=days)
        made = (
            x509.CertificateBuilder(
                authority.subject, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), secret.public_key(),
                x509.random_serial_number(), until - timedelta(days=abs(days)), until,
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=False)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        )  # fmt: skip
        if host is not None:
            kind, value = host.split(":", 1)
            named = x509.DNSName(value) if kind == "DNS" else x509.IPAddress(ip_address(value))
            made = made.add_extension(x509.SubjectAlternativeName([named]), critical=False)
        certificate.write_bytes(made.sign(signer, SHA256()).public_bytes(Encoding.PEM))
        key.write_bytes(secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, key

    def revoke(self, *certificates: Path) -> bytes:
        """A list of revoked certificates, in PEM form."""
        now = datetime.now(UTC)
        authority, signer = self._own()
        made = x509.CertificateRevocationListBuilder(authority.subject, now, now + timedelta(days=2))
        for certificate in certificates:
            number = x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number
            made = made.add_revoked_certificate(x509.RevokedCertificateBuilder(number, now).build())
        return made.sign(signer, SHA256()).public_bytes(Encoding.PEM)

    def _own(self) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
        key = load_pem_private_key(self._key.read_bytes(), None)
        assert isinstance(key, EllipticCurvePrivateKey)
        return x509.load_pem_x509_certificate(self.certificate.read_bytes()), key


class SilentBroker:
    """Accepts connections and subscriptions and, to begin with, acknowledges no publish. Speaks MQTT 5 and 3.1.1.

    ``connack`` replaces its answer to CONNECT, byte for byte (empty: hang up instead; None: the proper one).
    ``suback`` is its answer to each subscription, None for silence. ``reason`` is what it acknowledges with (MQTT 5).
    """

    def __init__(
        self, *, connack: bytes | None = None, suback: int | None = 1, receive_max: int | None = None, reason: int = 0
    ) -> None:
        self._connack = connack
        self._suback = suback
        self._receive_max = receive_max
        self._reason = reason
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._changed = threading.Condition()
        self._channels: list[socket.socket] = []
        self._owed: list[tuple[socket.socket, int, bool]] = []
        self._acknowledging = False
        self.topics: list[str] = []
        self.greeting = b""  # sent before each SUBACK
        self._taken: list[int] = []
        self.owed_most = 0
        self.connections = 0
        self._thread = threading.Thread(target=self._accept, name="silent-broker", daemon=True)

    def __enter__(self) -> SilentBroker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        with self._changed:
            channels = list(self._channels)
        for channel in channels:
            _shut(channel)
        self._thread.join(PATIENCE_S)

    def acknowledge(self) -> None:
        """Acknowledge what is owed, and all that comes from now on."""
        with self._changed:
            self._acknowledging = True
            self._pay()

    def wait_for_publishes(self, count: int) -> list[str]:
        """The topics of what came, once there are ``count`` of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.topics) >= count, PATIENCE_S), self.topics
            return list(self.topics)

    def publish_to_newest(self, topic: str, payload: bytes, mid: int) -> None:
        """Publish on the newest connection (MQTT 3.1.1, QoS 1) and wait until the client has dealt with it."""
        self.send(publish_packet(topic, payload, mid))
        with self._changed:
            assert self._changed.wait_for(lambda: mid in self._taken, PATIENCE_S), "the client did not acknowledge"

    def send(self, packet: bytes) -> None:
        """Send raw bytes on the newest connection."""
        with self._changed:
            self._channels[-1].sendall(packet)

    def _accept(self) -> None:
        while True:
            try:
                channel, _ = self._listening.accept()
            except OSError:
                return
            with self._changed:
                self._channels.append(channel)
                self.connections += 1
            threading.Thread(target=self._serve, args=(channel,), name="silent-broker-channel", daemon=True).start()

    def _serve(self, channel: socket.socket) -> None:
        mqtt5 = False
        with channel, channel.makefile("rb") as stream:
            try:
                while (packet := _read_packet(stream)) is not None:
                    kind, body = packet
                    if kind >> 4 == 1:
                        mqtt5 = body[6] == 5
                        answer = self._proper_connack(mqtt5) if self._connack is None else self._connack
                        if not answer:
                            return
                        channel.sendall(answer)
                    elif kind >> 4 == 8 and self._suback is not None:
                        codes = bytes([self._suback] * 2)
                        tail = body[:2] + (b"\0" if mqtt5 else b"") + codes
                        channel.sendall(self.greeting + bytes([0x90, len(tail)]) + tail)
                    elif kind >> 4 == 3:
                        self._take(channel, body, mqtt5)
                    elif kind >> 4 == 4:
                        with self._changed:
                            self._taken.append(struct.unpack("!H", body[:2])[0])
                            self._changed.notify_all()
                    elif kind >> 4 == 12:
                        channel.sendall(b"\xd0\0")
            except (OSError, IndexError, struct.error):  # hung up, or not MQTT at all
                return

    def _proper_connack(self, mqtt5: bool) -> bytes:
        if not mqtt5:
            return b"\x20\x02\0\0"
        properties = b"" if self._receive_max is None else b"\x21" + struct.pack("!H", self._receive_max)
        return bytes([0x20, 3 + len(properties), 0, 0, len(properties)]) + properties

    def _take(self, channel: socket.socket, body: bytes, mqtt5: bool) -> None:
        length = struct.unpack("!H", body[:2])[0]
        (mid,) = struct.unpack("!H", body[2 + length : 4 + length])
        with self._changed:
            self.topics.append(body[2 : 2 + length].decode())
            self._owed.append((channel, mid, mqtt5))
            self.owed_most = max(self.owed_most, len(self._owed))
            if self._acknowledging:
                self._pay()
            self._changed.notify_all()

    def _pay(self) -> None:
        for channel, mid, mqtt5 in self._owed:
            reason = bytes([self._reason]) if self._reason and mqtt5 else b""
            try:
                channel.sendall(bytes([0x40, 2 + len(reason)]) + struct.pack("!H", mid) + reason)
            except OSError:
                continue  # its client hung up meanwhile
        self._owed.clear()


def publish_packet(topic: str, payload: bytes, mid: int) -> bytes:
    """A PUBLISH of MQTT 3.1.1 with QoS 1, byte for byte."""
    body = struct.pack("!H", len(topic)) + topic.encode() + struct.pack("!H", mid) + payload
    assert len(body) < 16384
    return bytes([0x32, len(body) & 0x7F | 0x80, len(body) >> 7]) + body


def _shut(channel: socket.socket) -> None:
    try:
        channel.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was first


def _read_packet(stream: Any) -> tuple[int, bytes] | None:
    head = stream.read(1)
    length, shift = 0, 0
    while head:
        byte = stream.read(1)
        if not byte:
            return None
        length |= (byte[0] & 0x7F) << shift
        shift += 7
        if not byte[0] & 0x80:
            return head[0], stream.read(length)
    return None


class Inbox:
    """A place for facts (port ``Post``) in which a test waits for one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.facts: list[Fact] = []

    def post(self, fact: Fact) -> None:
        with self._changed:
            self.facts.append(fact)
            self._changed.notify_all()

    def all_of(self, kind: type[F]) -> list[F]:
        """The facts of a kind that came so far."""
        with self._changed:
            return [fact for fact in self.facts if isinstance(fact, kind)]

    def wait_for(self, kind: type[F], count: int = 1, *, seconds: float = PATIENCE_S) -> list[F]:
        """At least ``count`` facts of a kind, as soon as they are there. Fails the test if they do not come."""
        until = time.monotonic() + seconds
        with self._changed:
            while True:
                found = [fact for fact in self.facts if isinstance(fact, kind)]
                if len(found) >= count:
                    return found
                left = until - time.monotonic()
                assert left > 0, f"{count} {kind.__name__} did not come within {seconds} s: {self.facts[-20:]}"
                self._changed.wait(left)


class Listener:
    """A client of the test's own that hears topics and may publish. QoS 1 both ways."""

    def __init__(self, port: int, *topics: str, mqtt5: bool = True) -> None:
        self._heard: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        ready = threading.Event()
        protocol = MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self.client.on_message = lambda _c, _u, message: self._heard.put(message)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect("127.0.0.1", port)
        self.client.subscribe([(topic, 1) for topic in topics] or [("test/nothing", 1)])
        self.client.loop_start()
        assert ready.wait(PATIENCE_S), "the test's own subscription was not answered"

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish and wait until the broker has it."""
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE_S)

    def next(self, fits: Callable[[mqtt.MQTTMessage], bool] = lambda _: True) -> mqtt.MQTTMessage:
        """The next message that fits; others are passed over. Fails the test if none comes."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                message = self._heard.get(timeout=max(0.001, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no such message came within {PATIENCE_S} s") from None
            if fits(message):
                return message

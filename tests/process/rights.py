"""A county's broker as config/mosquitto/ ships it, on a port and in a directory of the test's own, and its clients."""

from __future__ import annotations

import queue
import shutil
import socket
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge import wire
from edge.tls import client_context
from tests.process.brokers import PATIENCE_S, Authority, BrokerProcess, find_mosquitto
from tests.process.gate import COUNTY, SCHOOL
from tests.process.programs import PROJECT

SHIPPED = PROJECT / "config" / "mosquitto"
GATE = f"{COUNTY}/{SCHOOL}/north"
NEIGHBOUR = f"{COUNTY}/{SCHOOL}/south"
CENTRE = f"centre/{COUNTY}"
REFUSED = 0x87
"""MQTT 5: not authorised."""


class CountyBroker(BrokerProcess):
    """The shipped files, changed in nothing but port, directories, county and user.

    ``directory`` holds ca.pem, broker.pem, broker.key and revoked.pem.
    """

    def command(self) -> Sequence[str]:
        text = (SHIPPED / "mosquitto.conf").read_text()
        rights = self.directory / "rights.acl"
        rights.write_text((SHIPPED / "gatepost.acl").read_text().replace("county-1", COUNTY))
        for shipped, ours in (
            ("listener 8883\n", f"listener {self.port} 127.0.0.1\n"),
            ("/etc/mosquitto/gatepost/", f"{self.directory}/"),
            ("/etc/mosquitto/gatepost.acl", str(rights)),
            ("/var/lib/mosquitto/", f"{self.directory}/"),
        ):
            assert shipped in text
            text = text.replace(shipped, ours)
        file = self.directory / "mosquitto.conf"
        file.write_text(
            f"{text}\nuser root\n"
        )  # else, started by root, it gives up its rights and cannot read our files
        return [find_mosquitto(), "-c", str(file)]


def lay_down(directory: Path, authority: Authority, pair: tuple[Path, Path], *revoked: Path) -> None:
    """Put the broker's four files where the configuration looks for them."""
    directory.mkdir(parents=True, exist_ok=True)
    for source, name in zip((authority.certificate, *pair), ("ca.pem", "broker.pem", "broker.key"), strict=True):
        shutil.copy(source, directory / name)
    (directory / "revoked.pem").write_bytes(authority.revoke(*revoked))


def context(authority: Path, pair: tuple[Path, Path] | None) -> ssl.SSLContext:
    """TLS as a client with this certificate and key, or none, speaks it."""
    made = client_context()
    made.load_verify_locations(cafile=str(authority))
    if pair is not None:
        made.load_cert_chain(*map(str, pair))
    return made


class RightsClient:
    """One client, by MQTT 5, that tells what the broker answered to it."""

    def __init__(self, port: int, tls: ssl.SSLContext | None, name: str = "", will: str | None = None) -> None:
        self._heard: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        self._reasons: queue.Queue[ReasonCode] = queue.Queue()
        self._granted = threading.Event()
        self._welcome: queue.Queue[int] = queue.Queue()
        self.ended = threading.Event()
        client = self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        if tls is not None:
            client.tls_set_context(tls)
        if will is not None:
            client.will_set(will, b"will", qos=1)
        client.on_connect = lambda _c, _u, _f, code, _p: self._welcome.put(code.value)
        client.on_publish = lambda _c, _u, _m, code, _p: self._reasons.put(code)
        client.on_subscribe = lambda *_: self._granted.set()
        client.on_message = lambda _c, _u, message: self._heard.put(message)
        client.on_disconnect = lambda *_: self._end()
        try:
            client.connect("127.0.0.1", port, 15)
        except OSError:
            self._end()
            return
        client.loop_start()

    def __enter__(self) -> RightsClient:
        assert self.let_in, "the broker refuses a client that it should let in"
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def let_in(self) -> bool:
        """Whether the broker accepts the login. Waits for it; ask once."""
        return self._welcome.get(timeout=PATIENCE_S) == 0

    def may_write(self, topic: str, payload: bytes = b"forged", *, retain: bool = False) -> bool:
        """Publish with QoS 1, and whether the broker lets it. Any other refusal than for want of rights fails."""
        self._client.publish(topic, payload, qos=1, retain=retain)
        reason = self._reasons.get(timeout=PATIENCE_S).value
        assert reason in (0, wire.NO_SUBSCRIBERS, REFUSED), reason
        return reason != REFUSED

    def send(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 0, which nobody answers."""
        self._client.publish(topic, payload)

    def subscribe(self, topic: str) -> None:
        """Ask for a topic; mosquitto grants every wish and lets nothing through."""
        self._granted.clear()
        self._client.subscribe(topic, qos=1)
        assert self._granted.wait(PATIENCE_S)

    def next(self) -> mqtt.MQTTMessage:
        """The next message that comes."""
        return self._heard.get(timeout=PATIENCE_S)

    def break_off(self) -> None:
        """Hang up without a word, so that the broker publishes the will."""
        channel = self._client.socket()
        assert channel is not None
        socket.socket.shutdown(channel, socket.SHUT_RDWR)  # below TLS: no word of goodbye either

    def close(self) -> None:
        """Say goodbye."""
        self._client.disconnect()
        self._client.loop_stop()

    def _end(self) -> None:
        self._welcome.put(-1)
        self.ended.set()

"""One broker, by paho. Every connection is a fresh client object; the session lives at the broker.

Messages are acknowledged to the broker only when the service says so, after its commit: the broker keeps what the
centre has not kept. MQTT wants acknowledgements in the order of the messages, and alarms are kept first, so each
connection holds them back until all before them are settled.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from centre.broker import Broker
from centre.inbox import Arrival
from edge import wire

log = logging.getLogger(__name__)

RECEIVE_MAX = 1000  # unacknowledged messages the broker may have out (MQTT 5); 3.1.1 brokers set their own
SESSION_S = 7 * 24 * 3600  # how long a broker keeps what came while the centre was away
KEEPALIVE_S = 15
CONNECT_S_MAX = 5
ANSWER_S_MAX = 5  # from TCP connection to granted subscription
BACKOFF_S = (0.5, 15.0)
_OLD_PROTOCOL = 0x84  # MQTT 5 "unsupported protocol version"; paho maps 3.1.1's code 1 to it


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """Subscribed at this broker, or no longer; ``reason`` is for people."""

    broker: int
    up: bool
    reason: str


class _Acks:
    """The acknowledgements of one connection, sent in the order in which the messages came.

    A client object lives for one connection, so a late one can never acknowledge a message of the next.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owed: deque[list[int]] = deque()  # [message id, settled?]

    def expect(self, client: mqtt.Client, mid: int) -> Callable[[], None]:
        """Note a message; the result settles it. Any thread may call either."""
        entry = [mid, 0]
        with self._lock:
            self._owed.append(entry)

        def settle() -> None:
            with self._lock:
                entry[1] = 1
                while self._owed and self._owed[0][1]:
                    client.ack(self._owed.popleft()[0], 1)

        return settle


def _nothing() -> None:
    """QoS 0 needs no acknowledgement."""


Post = Callable[[Arrival | LinkChanged], None]


class Link:
    """Keeps one broker connected from a thread of its own. ``post`` may be called on paho's thread and never raises."""

    def __init__(self, number: int, broker: Broker, county: str, wall_ms: Callable[[], int], post: Post) -> None:
        self._number = number
        self._broker = broker
        self._county = county
        self._wall_ms = wall_ms
        self._post = post
        self._stop = threading.Event()
        self._down = threading.Event()
        self._client: mqtt.Client | None = None
        self._mqtt5 = broker.protocol != "3.1.1"
        self._acks = _Acks()
        self._answered = False
        self._connected = False
        self._subscribed = False
        self._reason = ""
        self._thread = threading.Thread(target=self._run, name=f"link-{number}", daemon=True)

    @property
    def name(self) -> str:
        """The broker, for people."""
        return self._broker.name

    @property
    def up(self) -> bool:
        """Connected and subscribed."""
        return self._subscribed

    def start(self) -> None:
        """Begin to dial, for ever."""
        self._thread.start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> mqtt.MQTTMessageInfo | None:
        """Hand a QoS 1 message to the connection, if there is one. The service's thread calls it.

        A session that waited brings alarms before the broker has answered the subscription: they have a receipt too.
        """
        client = self._client
        if client is None or not self._connected:
            return None
        return client.publish(topic, payload, qos=1, retain=retain)

    def say(self, listening: bool) -> mqtt.MQTTMessageInfo | None:
        """Publish the centre's retained word: not before it is subscribed, or gates would be told of a listener."""
        if not self._subscribed:
            return None
        word = wire.CentreWord(wire.SCHEMA, listening, self._wall_ms())
        return self.publish(wire.centre_status_topic(self._county), wire.encode(word), retain=True)

    def close(self) -> None:
        """Orderly end: the word first, so that gates know at once."""
        self._stop.set()
        info = self.say(False)
        if info is not None:
            try:
                info.wait_for_publish(2)
            except (RuntimeError, ValueError) as error:  # the connection went away meanwhile: the last will says it
                log.warning("broker %s: last word not sent: %s", self._broker.name, error)
        self._down.set()
        self._thread.join(5)

    def _run(self) -> None:
        pause_s = BACKOFF_S[0]
        while not self._stop.is_set():
            self._down.clear()
            was_up = self._session()
            pause_s = BACKOFF_S[0] if was_up else min(pause_s * 2, BACKOFF_S[1])
            self._stop.wait(pause_s * random.uniform(0.5, 1.0))

    def _session(self) -> bool:
        """One connection from dialling to its end. True if it got as far as the subscription."""
        client = self._build()
        self._client, self._answered, self._connected, self._subscribed = client, False, False, False
        self._reason = ""
        self._acks = _Acks()
        dialled = False
        try:
            self._dial(client)
            dialled = True
            client.loop_start()
            if not self._down.wait(ANSWER_S_MAX) and not self._subscribed:
                self._reason = "no answer to the connection or the subscription"
            elif self._subscribed:
                self._down.wait()
        except (OSError, ValueError) as error:
            self._reason = str(error)
        if dialled and not self._answered and self._broker.protocol == "auto":
            self._mqtt5 = not self._mqtt5  # an old broker may hang up on MQTT 5, or say nothing: try the other next
        was_up, self._connected, self._subscribed = self._subscribed, False, False
        client.disconnect()
        client.loop_stop()
        self._client = None
        self._post(LinkChanged(self._number, False, self._reason or "connection closed"))
        return was_up

    def _build(self) -> mqtt.Client:
        protocol = mqtt.MQTTv5 if self._mqtt5 else mqtt.MQTTv311
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"gatepost-centre-{self._county}",
            clean_session=None if self._mqtt5 else False,
            protocol=protocol,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S_MAX
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls)
        will = wire.CentreWord(wire.SCHEMA, False, None)
        client.will_set(wire.centre_status_topic(self._county), wire.encode(will), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        return client

    def _dial(self, client: mqtt.Client) -> None:
        if not self._mqtt5:
            client.connect(self._broker.host, self._broker.port, KEEPALIVE_S)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_S
        properties.ReceiveMaximum = RECEIVE_MAX
        client.connect(self._broker.host, self._broker.port, KEEPALIVE_S, clean_start=False, properties=properties)

    # --- paho's thread: note and post, nothing else, and nothing raised ---

    def _on_connect(
        self, client: mqtt.Client, _: object, __: object, reason: ReasonCode, ___: Properties | None
    ) -> None:
        self._answered = reason.value != _OLD_PROTOCOL
        if reason.is_failure:
            self._reason = f"refused: {reason}"
            self._down.set()
            return
        # Five words: what comes from gates. What goes down to them has six and is not ours to read.
        self._connected = True
        client.subscribe(f"gate/{self._county}/+/+/+", qos=1)

    def _on_subscribe(
        self, _: mqtt.Client, __: object, ___: int, reasons: list[ReasonCode], ____: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._reason = f"subscription refused: {reasons[0]}: the broker must let the centre read gate/#"
            self._down.set()
            return
        self._subscribed = True
        self._post(LinkChanged(self._number, True, "MQTT 5" if self._mqtt5 else "MQTT 3.1.1"))

    def _on_message(self, client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        settle = self._acks.expect(client, message.mid) if message.qos else _nothing
        self._post(Arrival(self._number, topic, bytes(message.payload), message.retain, settle))

    def _on_disconnect(
        self, _: mqtt.Client, __: object, ___: object, reason: ReasonCode, ____: Properties | None
    ) -> None:
        self._reason = self._reason or str(reason)
        self._down.set()

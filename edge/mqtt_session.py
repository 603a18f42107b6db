"""One dial, the connection it may become, and what paho tells of both. For ``drivers/mqtt.py`` alone."""

from __future__ import annotations

import heapq
import itertools
import logging
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge import credentials
from edge.events import EventId, Fact, Lane
from edge.ports import Clock
from edge.settings import BrokerSettings

RECEIVE_MAX_UNSAID = 65535  # MQTT 5, 3.2.2.3.3: what a broker that names no Receive Maximum takes at once
WAITING_MAX = 256  # the brain has at most about 20 in flight; more waiting than this means that nothing moves
INFLIGHT_MAX = 1000  # above anything that is handed to paho, so that its own queue stays empty
DOWN_PACKET_BYTES_MAX = 65536  # MQTT 5 brokers do not send us more; paho would read up to 256 MB into memory

_logger = logging.getLogger("gatepost.mqtt")


class Own(Enum):
    """What is published beside events."""

    HEALTH = "health"
    STATUS = "status"


Purpose = EventId | Own


class Message(NamedTuple):
    """One publish, QoS 1."""

    topic: str
    payload: bytes
    purpose: Purpose
    retain: bool = False


class LastWord(logging.Handler):
    """Keeps paho's last complaint: its callbacks do not say why a socket failed."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it. paho's thread."""
        self.text = record.getMessage().removeprefix("failed to receive on socket: ")


class Client(mqtt.Client):
    """paho's client, which also says when its thread ends, even by a fault of paho's own."""

    when_ended: Callable[[str | None], None] | None = None

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        """All that paho's thread does, from its start to its end."""
        fault: str | None = None
        try:
            return super().loop_forever(timeout, retry_first_connection)
        except Exception as error:
            _logger.critical("paho's thread ended by a fault", exc_info=True)
            fault = f"paho's thread ended by a fault: {error!r}"
            return MQTTErrorCode.MQTT_ERR_UNKNOWN
        finally:
            ended, self.when_ended = self.when_ended, None
            # Without its callbacks the client is in no reference cycle and gives its descriptors back at once.
            self.on_connect = self.on_disconnect = self.on_subscribe = self.on_publish = self.on_message = None
            if ended is not None:
                ended(fault)


def new_client(
    id: str, settings: BrokerSettings, complaint: LastWord, clock: Clock | None, *, mqtt5: bool
) -> Client:  # fmt: skip
    """A client that has not dialled, with certificates and password read afresh. Raises CertificateError.

    A ``clock`` that is not set judges no certificate's dates: an alarm must go out all the same.
    """
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=id,
        clean_session=None if mqtt5 else True,
        protocol=MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
    )
    client.connect_timeout = settings.connect_s_max
    client.max_inflight_messages = INFLIGHT_MAX
    complaints = logging.Logger("paho", logging.ERROR)  # of its own: nothing of it reaches the journal
    complaints.addHandler(complaint)
    client.enable_logger(complaints)
    context = credentials.tls_context(settings, dated=clock is None or clock.read().error_ms is not None)
    if context is not None:
        client.tls_set_context(context)
    if settings.username is not None:
        client.username_pw_set(settings.username, credentials.password(settings))
    return client


def dial(client: Client, settings: BrokerSettings, *, mqtt5: bool) -> None:
    """Open the connection, say CONNECT and start paho's thread. Blocks; raises OSError."""
    if mqtt5:
        client.connect(
            settings.host, settings.port, settings.keepalive_s, clean_start=True, properties=connect_properties()
        )
    else:
        client.connect(settings.host, settings.port, settings.keepalive_s)
    channel = client.socket()
    if isinstance(channel, socket.socket):  # an alarm must not wait for the one before (Nagle)
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.loop_start()


class Session:
    """One dial and the connection it may become. Guarded by the link's lock."""

    def __init__(self, connection: int, mqtt5: bool) -> None:
        self.connection = connection
        self.mqtt5 = mqtt5
        self.client: Client | None = None
        self.complaint = LastWord(logging.ERROR)
        self.accepted = False
        self.up = False
        self.answered = threading.Event()
        self.ended = threading.Event()
        self.receive_max = RECEIVE_MAX_UNSAID
        self.unacknowledged = 0
        self.early_news: list[Fact] = []  # a broker may send what it retained before it grants the subscription
        self._flight: dict[int, Purpose] = {}
        self._early: dict[int, int] = {}  # acknowledged before the publishing thread could note the number
        self._waiting: list[tuple[int, int, Message]] = []
        self._order = itertools.count()

    def admit(self, message: Message, lane: Lane) -> bool:
        """True: hand it to paho now. False: it waits for an acknowledgement, alarms in front.

        Raises OverflowError where too many wait.
        """
        if self.unacknowledged < self.receive_max:
            self.unacknowledged += 1
            return True
        if len(self._waiting) >= WAITING_MAX:
            raise OverflowError(f"{WAITING_MAX} messages wait for the broker")
        heapq.heappush(self._waiting, (lane.value, next(self._order), message))
        return False

    def note(self, mid: int, purpose: Purpose) -> int | None:
        """paho gave the message this number. Returns the reason code if it was acknowledged already."""
        reason = self._early.pop(mid, None)
        if reason is None:
            self._flight[mid] = purpose
        return reason

    def acknowledged(self, mid: int, reason: int) -> tuple[Purpose | None, Message | None]:
        """The broker has a message: its purpose, unless ``note`` is yet to come, and what may follow it now."""
        purpose = self._flight.pop(mid, None)
        if purpose is None:
            self._early[mid] = reason
        self.unacknowledged -= 1
        if not self._waiting or self.unacknowledged >= self.receive_max:
            return purpose, None
        self.unacknowledged += 1
        return purpose, heapq.heappop(self._waiting)[2]


class Refusals:
    """What was refused, by reason, for the journal: the first, second, fourth, ... of a kind is worth a line."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._counts: Counter[str] = Counter()

    def tell(self, reason: str, detail: str) -> None:
        """One more. paho's thread; a flood must not fill the journal."""
        self._counts[reason] += 1
        count = self._counts[reason]
        if count & (count - 1) == 0:
            _logger.warning("%s: refused (%d of this kind so far) %s", self._place, count, detail)


def hang_up(session: Session) -> None:
    """End the connection without a word, so that the broker publishes the last will; paho's thread then ends."""
    channel = None if session.client is None else session.client.socket()
    if isinstance(channel, socket.socket):
        try:
            # Not the SSL socket's own: it drops its cipher first, and paho's thread could then send in the clear.
            socket.socket.shutdown(channel, socket.SHUT_RDWR)
        except OSError as error:
            _logger.debug("was closed already: %s", error)


def answer_quickly(session: Session) -> None:
    """Have the kernel confirm at once what the broker sent, where it can (Linux; it forgets the wish, so each time).

    A broker that leaves Nagle's algorithm on (mosquitto does) holds its next packet back until then. The kernel
    would take 40 ms, and the next packet may be the centre's receipt.
    """
    option = getattr(socket, "TCP_QUICKACK", None)
    channel = None if session.client is None else session.client.socket()
    if option is not None and isinstance(channel, socket.socket):
        try:
            channel.setsockopt(socket.IPPROTO_TCP, option, 1)
        except OSError as error:
            _logger.debug("closed meanwhile: %s", error)


def connect_properties() -> Properties:
    """What MQTT 5 lets us ask of a broker: no message that is far too large to be the centre's."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it so
    properties.MaximumPacketSize = DOWN_PACKET_BYTES_MAX
    return properties


def place(settings: BrokerSettings) -> str:
    """A broker as people know it."""
    return f"broker {settings.name} ({settings.host}:{settings.port})"


def loss(code: ReasonCode, by_broker: bool, session: Session) -> str:
    """Why a connection ended, from the little that paho says."""
    name = code.getName()
    if by_broker:
        return f"the broker ended the connection: {name}"
    if session.complaint.text:
        return f"the connection broke: {session.complaint.text}"
    return "the broker closed the connection" if name == "Unspecified error" else f"the connection ended: {name}"


def explain(error: OSError, settings: BrokerSettings) -> str:
    """Why a dial failed and what to do, in one line."""
    where = place(settings)
    if isinstance(error, ssl.SSLCertVerificationError):
        todo = "check ca_file, host and this machine's clock"
        return f"{where} shows a certificate that is refused: {error.verify_message}; {todo}"
    if isinstance(error, ssl.SSLError):
        return f"{where} does not speak TLS with us: {error.reason or error}; check port and tls"
    if isinstance(error, socket.gaierror):
        return f"{where}: host name not found ({error.strerror}); check host and the name servers"
    if isinstance(error, ConnectionRefusedError):
        return f"{where}: nothing listens there; check host, port and that the broker runs"
    if isinstance(error, TimeoutError):
        return f"{where} did not answer within {settings.connect_s_max} s; check network and firewall"
    return f"{where} cannot be reached: {error.strerror or error}"

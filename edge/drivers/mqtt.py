"""One broker through paho-mqtt, and nothing that paho remembers.

Each dial makes a new paho client, and a lost connection throws it away with its queue: what is owed is known to
the brain alone. An answer of a client that was thrown away is ignored. paho's thread posts facts and does no more.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from enum import Enum

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge import credentials, wire
from edge.errors import CertificateError
from edge.events import (
    Acked,
    Boot,
    CentreStatus,
    EventId,
    Fact,
    Lane,
    LinkDown,
    LinkUp,
    MessageRefused,
    Publish,
    PublishHealth,
    ReceiptCame,
)
from edge.ports import Clock, Post
from edge.settings import BrokerSettings

GOODBYE_S_MAX = 1.0  # each for the last word's acknowledgement and for the end of paho's thread
INFLIGHT_MAX = 1000  # above anything we hand to paho, so that its own queue stays empty
RECEIVE_MAX_UNSAID = 65535  # MQTT 5, 3.2.2.3.3: what a broker that names no Receive Maximum takes at once
WAITING_MAX = 256  # the brain has at most about 20 in flight; more waiting than this means that nothing moves
DOWN_PACKET_BYTES_MAX = 65536  # MQTT 5 brokers do not send us more; paho would read up to 256 MB into memory

_logger = logging.getLogger("gatepost.mqtt")


class _Own(Enum):
    """What is published beside events."""

    HEALTH = "health"
    STATUS = "status"


_Purpose = EventId | _Own


class _LastWord(logging.Handler):
    """Keeps paho's last complaint: its callbacks do not say why a socket failed."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage().removeprefix("failed to receive on socket: ")


class _Client(mqtt.Client):
    """paho's client, which also says when its thread ends, even by a fault of paho's own."""

    when_ended: Callable[[str | None], None] | None = None

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
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


class _Session:
    """One dial and the connection it may become. Guarded by the link's lock."""

    def __init__(self, connection: int, mqtt5: bool) -> None:
        self.connection = connection
        self.mqtt5 = mqtt5
        self.client: _Client | None = None
        self.complaint = _LastWord(logging.ERROR)
        self.accepted = False
        self.up = False
        self.answered = threading.Event()
        self.ended = threading.Event()
        self.receive_max = RECEIVE_MAX_UNSAID
        self.unacknowledged = 0
        self.flight: dict[int, _Purpose] = {}
        self.early: dict[int, int] = {}  # acknowledged before the publishing thread could note the number
        self.waiting: list[tuple[int, int, str, bytes, _Purpose]] = []
        self.order = itertools.count()


class PahoLink:
    """Port BrokerLink. The brain calls every method but ``close``; none of them blocks or raises.

    ``run_in_background`` runs jobs one after the other on a thread of this link's own: dialling blocks there for
    ``connect_s_max`` at most twice (socket, then answers), and as long as the resolver likes for a host name.
    The lock is never held over a call of paho's: paho calls back with locks of its own held.
    """

    def __init__(
        self,
        number: int,
        settings: BrokerSettings,
        address: wire.Address,
        boot: Boot,
        clock: Clock,
        post: Post,
        run_in_background: Callable[[Callable[[], None]], None],
    ) -> None:
        self._number = number
        self._settings = settings
        self._address = address
        self._boot = boot
        self._clock = clock
        self._post = post
        self._run_in_background = run_in_background
        self._lock = threading.Lock()
        self._session: _Session | None = None
        self._connections = 0
        self._told_down = False

    # --- the brain's side ---------------------------------------------------------------------------------------

    def connect(self, mqtt5: bool) -> None:
        """Dial once, in the background. Answer: LinkUp or LinkDown."""
        self.disconnect_if_any("dialled again")
        with self._lock:
            self._connections += 1
            session = self._session = _Session(self._connections, mqtt5)
            self._told_down = False
        self._run_in_background(lambda: self._dial(session))

    def disconnect(self, reason: str) -> None:
        """Throw the connection and all that paho holds away. The last will tells the others. Answer: LinkDown."""
        if not self.disconnect_if_any(reason):
            self._answer_nobody(reason)

    def disconnect_if_any(self, reason: str) -> bool:
        """As ``disconnect``, but silent where there is no connection; tells whether there was one."""
        with self._lock:
            session = self._session
        return session is not None and self._lose(session, reason)

    def publish(self, command: Publish) -> None:
        """Send a record. Answer: Acked, or LinkDown before it."""
        event = wire.event_of(command.record, command.stamp, replayed=command.replayed, age_ms=command.age_ms)
        topic = self._address.up(command.record.topic.value)
        self._send(topic, wire.encode(event), command.record.id, command.record.lane)

    def publish_health(self, command: PublishHealth) -> None:
        """Send heartbeat or probe. Answer: Acked with no id, or LinkDown before it."""
        body = {"schema": wire.SCHEMA, "probe": True} if command.probe else command.health
        topic = self._address.up("probe" if command.probe else "heartbeat")
        self._send(topic, wire.encode(body), _Own.HEALTH, Lane.TROUBLE)

    def close(self) -> None:
        """Say goodbye (retained status offline) if connected, and end, within three GOODBYE_S_MAX. Posts nothing."""
        with self._lock:
            session, self._session = self._session, None
            self._told_down = True
        if session is None:
            return
        session.answered.set()
        client = session.client
        if client is not None and session.up:
            try:
                word = client.publish(self._address.up("status"), self._word(session, online=False), qos=1, retain=True)
                word.wait_for_publish(GOODBYE_S_MAX)
                client.disconnect()
            except (OSError, ValueError, RuntimeError) as error:  # the last will says it in our stead
                _logger.warning("no goodbye to broker %s: %s", self._settings.name, error)
            # Not loop_stop(): it waits without end for acknowledgements that a dead broker never sends.
            session.ended.wait(GOODBYE_S_MAX)
        _hang_up(session)

    # --- sending ------------------------------------------------------------------------------------------------

    def _send(self, topic: str, payload: bytes, purpose: _Purpose, lane: Lane) -> None:
        with self._lock:
            session = self._session
            if session is not None and session.up:
                if session.unacknowledged < session.receive_max:
                    session.unacknowledged += 1
                    item = (0, 0, topic, payload, purpose)
                elif len(session.waiting) < WAITING_MAX:
                    heapq.heappush(session.waiting, (lane.value, next(session.order), topic, payload, purpose))
                    return
                else:
                    item = None
        if session is None:
            self._answer_nobody("not connected")
        elif not session.up:
            self._lose(session, "something was to be sent before the connection stood")
        elif item is None:
            self._lose(session, f"{WAITING_MAX} messages wait for the broker")
        else:
            self._hand(session, item[2], item[3], item[4])

    def _hand(self, session: _Session, topic: str, payload: bytes, purpose: _Purpose, retain: bool = False) -> None:
        """Give one message to paho. The acknowledgement may come before paho's number for it is known here."""
        assert session.client is not None
        try:
            message = session.client.publish(topic, payload, qos=1, retain=retain)
        except Exception as error:
            _logger.exception("paho failed to publish to broker %s", self._settings.name)
            self._lose(session, f"paho failed to publish: {error}")
            return
        if message.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._lose(session, f"paho refused to publish: {mqtt.error_string(message.rc)}")
            return
        with self._lock:
            reason = session.early.pop(message.mid, None)
            if reason is None:
                session.flight[message.mid] = purpose
        if reason is not None:
            self._acknowledge(session, purpose, reason)

    def _acknowledge(self, session: _Session, purpose: _Purpose, reason: int) -> None:
        if purpose is _Own.STATUS:
            if reason >= wire.FAILURE:
                self._refuse("status_refused")
            return
        id = purpose if isinstance(purpose, EventId) else None
        with self._lock:
            if session is self._session:
                self._post(Acked(self._number, id, reason, self._clock.now_ms()))

    # --- dialling, in the background ----------------------------------------------------------------------------

    def _dial(self, session: _Session) -> None:
        settings = self._settings
        try:
            client = session.client = self._build(session)
            if session is self._session:
                if session.mqtt5:
                    client.connect(
                        settings.host,
                        settings.port,
                        settings.keepalive_s,
                        clean_start=True,
                        properties=_connect_properties(),
                    )
                else:
                    client.connect(settings.host, settings.port, settings.keepalive_s)
                channel = client.socket()
                if isinstance(channel, socket.socket):  # an alarm must not wait for the one before (Nagle)
                    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.loop_start()
        except CertificateError as error:
            self._lose(session, str(error))
        except OSError as error:
            self._lose(session, _explain(error, settings))
        except Exception as error:
            _logger.critical("dialling broker %s failed", settings.name, exc_info=True)
            self._lose(session, f"dialling failed: {error!r}")
        if not session.answered.wait(settings.connect_s_max):
            self._lose(session, f"{_place(settings)} answered nothing within {settings.connect_s_max} s")
        if session is not self._session and not session.up:  # given up meanwhile, perhaps before there was a socket
            _hang_up(session)

    def _build(self, session: _Session) -> _Client:
        settings = self._settings
        address = self._address
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"gatepost-{address.county}-{address.school}-{address.gate}",
            clean_session=None if session.mqtt5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if session.mqtt5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = settings.connect_s_max
        client.max_inflight_messages = INFLIGHT_MAX
        complaints = logging.Logger("paho", logging.ERROR)  # of its own: nothing of it reaches the journal
        complaints.addHandler(session.complaint)
        client.enable_logger(complaints)
        client.will_set(address.up("status"), self._word(session, online=False), qos=1, retain=True)
        context = credentials.tls_context(settings)
        if context is not None:
            client.tls_set_context(context)
        if settings.username is not None:
            client.username_pw_set(settings.username, credentials.password(settings))
        self._bind(session, client)
        return client

    def _word(self, session: _Session, *, online: bool) -> bytes:
        boot = self._boot
        return wire.encode(wire.GateWord(wire.SCHEMA, online, boot.id, boot.counter, session.connection))

    # --- paho's thread ------------------------------------------------------------------------------------------

    def _bind(self, session: _Session, client: _Client) -> None:
        """Callbacks that know their session. No exception leaves them: it would end paho's thread unseen."""

        def guarded(action: Callable[[], object]) -> None:
            try:
                if session is self._session:
                    action()
            except Exception:
                _logger.critical("a callback of broker %s failed", self._settings.name, exc_info=True)
                self._refuse("callback")

        def ended(fault: str | None) -> None:
            session.ended.set()
            guarded(lambda: self._lose(session, fault or "paho's thread ended without a reason"))

        client.on_connect = lambda _c, _u, _f, code, answer: guarded(lambda: self._connected(session, code, answer))
        client.on_subscribe = lambda _c, _u, _m, codes, _p: guarded(lambda: self._subscribed(session, codes))
        client.on_disconnect = lambda _c, _u, flags, code, _p: guarded(
            lambda: self._disconnected(session, code, flags.is_disconnect_packet_from_server)
        )
        client.on_publish = lambda _c, _u, mid, code, _p: guarded(lambda: self._published(session, mid, code.value))
        client.on_message = lambda _c, _u, message: guarded(lambda: self._came(message))
        client.when_ended = ended

    def _connected(self, session: _Session, code: ReasonCode, answer: Properties | None) -> None:
        if code.is_failure:
            old = session.mqtt5 and code.getName() == "Unsupported protocol version"
            hint = "; check username, password_file and certificate_file" if code.value in (0x86, 0x87, 0x8C) else ""
            self._lose(session, f"{_place(self._settings)} refuses us: {code.getName()}{hint}", old_protocol=old)
            return
        assert session.client is not None
        session.accepted = True
        session.receive_max = getattr(answer, "ReceiveMaximum", RECEIVE_MAX_UNSAID)
        session.client.subscribe([(self._address.down, 1), (self._address.centre_status, 1)])
        session.unacknowledged += 1
        self._hand(session, self._address.up("status"), self._word(session, online=True), _Own.STATUS, retain=True)

    def _subscribed(self, session: _Session, codes: list[ReasonCode]) -> None:
        if any(code.is_failure for code in codes):
            self._refuse("subscribe_refused")  # no receipt will come, but alarms can still be sent
        with self._lock:
            if session is self._session and not session.up:
                session.up = True
                self._post(LinkUp(self._number, session.mqtt5, self._clock.now_ms()))
        session.answered.set()

    def _published(self, session: _Session, mid: int, reason: int) -> None:
        _answer_quickly(session)
        following: tuple[int, int, str, bytes, _Purpose] | None = None
        with self._lock:
            purpose = session.flight.pop(mid, None)
            if purpose is None:
                session.early[mid] = reason
            session.unacknowledged -= 1
            if session.waiting and session.unacknowledged < session.receive_max:
                following = heapq.heappop(session.waiting)
                session.unacknowledged += 1
        if purpose is not None:
            self._acknowledge(session, purpose, reason)
        if following is not None:
            self._hand(session, following[2], following[3], following[4])

    def _came(self, message: mqtt.MQTTMessage) -> None:
        try:
            self._post(self._read(message))
        except UnicodeDecodeError:
            self._refuse("topic")  # paho decodes a topic only when it is asked for
        except wire.WireError as error:
            self._refuse(error.reason)

    def _read(self, message: mqtt.MQTTMessage) -> Fact:
        """What a message from below means. Raises WireError, or UnicodeDecodeError for its topic."""
        topic, payload = message.topic, bytes(message.payload)
        if topic == self._address.centre_status:
            return CentreStatus(self._number, wire.decode_centre_word(payload).listening, self._clock.now_ms())
        if message.retain:
            raise wire.WireError("retained", topic[:200])
        if topic != self._address.receipts:
            raise wire.WireError("topic", topic[:200])
        id, stage, receipt = wire.decode_receipt(payload)
        return ReceiptCame(id, stage, receipt.by, receipt.centre_wall_ms, self._clock.now_ms())

    def _disconnected(self, session: _Session, code: ReasonCode, by_broker: bool) -> None:
        # An old broker hangs up on a version it does not know, or answers in a form that MQTT 5 does not have.
        # One that hangs up over TLS means something else: a client certificate that it does not accept.
        sudden = code.getName() in ("Unspecified error", "Protocol error") and "SSL" not in session.complaint.text
        old = session.mqtt5 and not session.accepted and sudden and not by_broker
        self._lose(session, _loss(code, by_broker, session), old_protocol=old)

    # --- answers ------------------------------------------------------------------------------------------------

    def _lose(self, session: _Session, reason: str, *, old_protocol: bool = False) -> bool:
        """End a session, once, whoever notices first. False if somebody did before."""
        with self._lock:
            if session is not self._session:
                return False
            self._session = None
            self._told_down = True
            self._post(LinkDown(self._number, reason, old_protocol, self._clock.now_ms()))
        session.answered.set()
        self._run_in_background(lambda: _hang_up(session))
        return True

    def _answer_nobody(self, reason: str) -> None:
        """LinkDown where there is no session, unless one is in the inbox already: one loss is told once."""
        with self._lock:
            if not self._told_down:
                self._told_down = True
                self._post(LinkDown(self._number, reason, False, self._clock.now_ms()))

    def _refuse(self, reason: str) -> None:
        self._post(MessageRefused(reason, self._clock.now_ms()))


def _hang_up(session: _Session) -> None:
    """End the connection without a word, so that the broker publishes the last will; paho's thread then ends."""
    channel = None if session.client is None else session.client.socket()
    if isinstance(channel, socket.socket):
        try:
            # Not the SSL socket's own: it drops its cipher first, and paho's thread could then send in the clear.
            socket.socket.shutdown(channel, socket.SHUT_RDWR)
        except OSError as error:
            _logger.debug("was closed already: %s", error)


def _answer_quickly(session: _Session) -> None:
    """Have the kernel confirm at once what the broker sent, where it can (Linux; it forgets the wish, so each time).

    A broker that leaves Nagle's algorithm on (mosquitto does) holds its next packet back until then. The kernel
    would take 40 ms, and the next packet may be the centre's receipt.
    """
    option = getattr(socket, "TCP_QUICKACK", None)
    channel = None if session.client is None else session.client.socket()
    if option is not None and isinstance(channel, socket.socket):
        channel.setsockopt(socket.IPPROTO_TCP, option, 1)


def _connect_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it so
    properties.MaximumPacketSize = DOWN_PACKET_BYTES_MAX
    return properties


def _place(settings: BrokerSettings) -> str:
    return f"broker {settings.name} ({settings.host}:{settings.port})"


def _loss(code: ReasonCode, by_broker: bool, session: _Session) -> str:
    """Why a connection ended, from the little that paho says."""
    name = code.getName()
    if by_broker:
        return f"the broker ended the connection: {name}"
    if session.complaint.text:
        return f"the connection broke: {session.complaint.text}"
    return "the broker closed the connection" if name == "Unspecified error" else f"the connection ended: {name}"


def _explain(error: OSError, settings: BrokerSettings) -> str:
    """Why a dial failed and what to do, in one line."""
    place = _place(settings)
    if isinstance(error, ssl.SSLCertVerificationError):
        todo = "check ca_file, host and this machine's clock"
        return f"{place} shows a certificate that is refused: {error.verify_message}; {todo}"
    if isinstance(error, ssl.SSLError):
        return f"{place} does not speak TLS with us: {error.reason or error}; check port and tls"
    if isinstance(error, socket.gaierror):
        return f"{place}: host name not found ({error.strerror}); check host and the name servers"
    if isinstance(error, ConnectionRefusedError):
        return f"{place}: nothing listens there; check host, port and that the broker runs"
    if isinstance(error, TimeoutError):
        return f"{place} did not answer within {settings.connect_s_max} s; check network and firewall"
    return f"{place} cannot be reached: {error.strerror or error}"

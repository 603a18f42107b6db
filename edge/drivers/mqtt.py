"""One broker through paho-mqtt, and nothing that paho remembers.

Each dial makes a new paho client, and a lost connection throws it away with its queue: what is owed is known to
the brain alone. An answer of a client that was thrown away is ignored. paho's thread posts facts and does no more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge import below, wire
from edge.errors import CertificateError
from edge.events import Acked, Boot, EventId, Lane, LinkDown, LinkUp, MessageRefused, Publish, PublishHealth, Topic
from edge.mqtt_session import (
    RECEIVE_MAX_UNSAID,
    Client,
    Message,
    Own,
    Purpose,
    Refusals,
    Session,
    answer_quickly,
    dial,
    explain,
    hang_up,
    loss,
    new_client,
    place,
)
from edge.ports import Clock, Post
from edge.settings import BrokerSettings
from edge.trust import Trust

GOODBYE_S_MAX = 1.0  # each for the last word's acknowledgement and for the end of paho's thread
GIVE_WAY_S = 0.0001  # what paho's thread needs to get an alarm out; measured in docs/benchmarks.md

PROBE = wire.encode({"schema": wire.SCHEMA, "probe": True})

EARLY_NEWS_MAX = 16  # before the subscription is granted only retained messages can come: one is meant to

_logger = logging.getLogger("gatepost.mqtt")


class PahoLink:
    """Port BrokerLink. The brain calls every method but ``close``; none of them raises, or blocks for longer than
    ``GIVE_WAY_S``.

    ``run_in_background`` runs jobs one after the other on a thread of this link's own: dialling blocks there for
    ``connect_s_max`` at most thrice (socket, login, subscription), and as long as the resolver likes for a host name.
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
        trust: Trust,
    ) -> None:
        self._number = number
        self._settings = settings
        self._address = address
        self._topics = {topic: address.up(topic.value) for topic in Topic}
        self._name = f"gatepost-{address.county}-{address.school}-{address.gate}"  # long for 3.1.1, which brokers allow
        self._boot = boot
        self._clock = clock
        self._post = post
        self._run_in_background = run_in_background
        self._trust = trust
        self._refusals = Refusals(place(settings))
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._connections = 0
        self._told_down = False
        self._spoke_mqtt5 = False

    # --- the brain's side ---------------------------------------------------------------------------------------

    def connect(self, mqtt5: bool) -> None:
        """Dial once, in the background. Answer: LinkUp or LinkDown."""
        self.disconnect_if_any("dialled again")
        with self._lock:
            self._connections += 1
            session = self._session = Session(self._connections, mqtt5)
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
        record, topic = command.record, self._topics[command.record.topic]
        payload = self._trust.seal_event(topic, wire.encode(event), record)
        self._send(Message(topic, payload, record.id), record.lane)

    def publish_health(self, command: PublishHealth) -> None:
        """Send heartbeat or probe. Answer: Acked with no id, or LinkDown before it."""
        topic = self._address.up("probe" if command.probe else "heartbeat")
        payload = PROBE if command.probe else self._trust.heartbeat(topic, command.health, self._clock.now_ms())
        self._send(Message(topic, payload, Own.HEALTH), Lane.TROUBLE)

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
        hang_up(session)

    # --- sending ------------------------------------------------------------------------------------------------

    def _send(self, message: Message, lane: Lane) -> None:
        now, reason = False, ""
        with self._lock:
            session = self._session
            if session is not None and session.up:
                try:
                    now = session.admit(message, lane)
                except OverflowError as error:
                    reason = str(error)
            else:
                reason = "something was to be sent before the connection stood"
        if session is None:
            self._answer_nobody("not connected")
        elif reason:
            self._lose(session, reason)
        elif now:
            self._hand(session, message)
            if lane is Lane.ALARM:
                # Only one thread at a time runs Python: else paho's would wait for all that the brain does next.
                time.sleep(GIVE_WAY_S)

    def _hand(self, session: Session, message: Message) -> None:
        """Give one message to paho. The acknowledgement may come before paho's number for it is known here."""
        assert session.client is not None
        try:
            handed = session.client.publish(message.topic, message.payload, qos=1, retain=message.retain)
        except Exception as error:
            _logger.exception("paho failed to publish to broker %s", self._settings.name)
            self._lose(session, f"paho failed to publish: {error}")
            return
        if handed.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._lose(session, f"paho refused to publish: {mqtt.error_string(handed.rc)}")
            return
        with self._lock:
            reason = session.note(handed.mid, message.purpose)
        if reason is not None:
            self._acknowledge(session, message.purpose, reason)

    def _acknowledge(self, session: Session, purpose: Purpose, reason: int) -> None:
        if purpose is Own.STATUS:
            if reason >= wire.FAILURE:
                self._refuse("status_refused")
            return
        id = purpose if isinstance(purpose, EventId) else None
        with self._lock:
            if session is self._session:
                self._post(Acked(self._number, id, reason, self._clock.now_ms()))

    # --- dialling, in the background ----------------------------------------------------------------------------

    def _dial(self, session: Session) -> None:
        settings = self._settings
        try:
            self._trust.read_keys()
            client = session.client = new_client(
                self._name, settings, session.complaint, self._clock, mqtt5=session.mqtt5
            )
            client.will_set(self._address.up("status"), self._word(session, online=False), qos=1, retain=True)
            self._bind(session, client)
            if session is self._session:
                dial(client, settings, mqtt5=session.mqtt5)
        except CertificateError as error:
            self._lose(session, str(error))
        except OSError as error:
            self._lose(session, explain(error, settings))
        except Exception as error:
            _logger.critical("dialling broker %s failed", settings.name, exc_info=True)
            self._lose(session, f"dialling failed: {error!r}")
        answered, within_s = session.answered.wait, settings.connect_s_max
        if not (answered(within_s) or (session.accepted and answered(within_s))):  # each answer has its own time
            # Some old brokers (amqtt) neither refuse a version they do not know nor hang up: they wait for more.
            silent = session.mqtt5 and not session.accepted and not self._spoke_mqtt5
            reason = f"{place(settings)} answered nothing within {settings.connect_s_max} s"
            self._lose(session, reason, old_protocol=silent)
        if session is not self._session and not session.up:  # given up meanwhile, perhaps before there was a socket
            hang_up(session)

    def _word(self, session: Session, *, online: bool) -> bytes:
        boot = self._boot
        word = wire.GateWord(wire.SCHEMA, online, boot.id, boot.counter, session.connection)
        return self._trust.seal(self._address.up("status"), wire.encode(word))

    # --- paho's thread ------------------------------------------------------------------------------------------

    def _bind(self, session: Session, client: Client) -> None:
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
        client.on_message = lambda _c, _u, message: guarded(lambda: self._came(session, message))
        client.when_ended = ended

    def _connected(self, session: Session, code: ReasonCode, answer: Properties | None) -> None:
        if code.is_failure:
            old = session.mqtt5 and code.getName() == "Unsupported protocol version"
            hint = "; check username, password_file and certificate_file" if code.value in (0x86, 0x87, 0x8C) else ""
            self._lose(session, f"{place(self._settings)} refuses us: {code.getName()}{hint}", old_protocol=old)
            return
        assert session.client is not None
        session.accepted = True
        self._spoke_mqtt5 = self._spoke_mqtt5 or session.mqtt5
        session.receive_max = getattr(answer, "ReceiveMaximum", RECEIVE_MAX_UNSAID)
        session.client.subscribe([(self._address.down, 1), (self._address.centre_status, 1)])
        session.unacknowledged += 1
        word = self._word(session, online=True)
        self._hand(session, Message(self._address.up("status"), word, Own.STATUS, retain=True))

    def _subscribed(self, session: Session, codes: list[ReasonCode]) -> None:
        if any(code.is_failure for code in codes):
            self._refuse("subscribe_refused")  # no receipt will come, but alarms can still be sent
        with self._lock:
            if session is self._session and not session.up:
                session.up = True
                self._post(LinkUp(self._number, session.mqtt5, self._clock.now_ms()))
                for fact in session.early_news:
                    self._post(fact)
        session.answered.set()

    def _published(self, session: Session, mid: int, reason: int) -> None:
        answer_quickly(session)
        with self._lock:
            purpose, following = session.acknowledged(mid, reason)
        if purpose is not None:
            self._acknowledge(session, purpose, reason)
        if following is not None:
            self._hand(session, following)

    def _came(self, session: Session, message: mqtt.MQTTMessage) -> None:
        try:
            fact = below.read(
                message.topic, bytes(message.payload), retained=message.retain, address=self._address,
                broker=self._number, now_ms=self._clock.now_ms(), trust=self._trust,
            )  # fmt: skip
        except UnicodeDecodeError:
            self._refuse("topic")  # paho decodes a topic only when it is asked for
        except wire.WireError as error:
            self._refusals.tell(error.reason, str(error))
            self._refuse(error.reason)
        else:
            with self._lock:
                if session.up:
                    self._post(fact)
                elif len(session.early_news) < EARLY_NEWS_MAX:
                    session.early_news.append(fact)
                else:
                    self._refuse("early")

    def _disconnected(self, session: Session, code: ReasonCode, by_broker: bool) -> None:
        # An old broker hangs up on a version it does not know, or answers in a form that MQTT 5 does not have.
        # One that breaks off over TLS means something else: TLS 1.3 tells of a refused certificate only now.
        reason = loss(code, by_broker, session)
        torn = self._settings.tls and session.complaint.text != ""
        if torn and not session.accepted:
            reason += "; the broker may want a certificate_file, or another one"
        sudden = code.getName() in ("Unspecified error", "Protocol error") and not by_broker and not torn
        self._lose(session, reason, old_protocol=session.mqtt5 and not session.accepted and sudden)

    # --- answers ------------------------------------------------------------------------------------------------

    def _lose(self, session: Session, reason: str, *, old_protocol: bool = False) -> bool:
        """End a session, once, whoever notices first. False if somebody did before."""
        with self._lock:
            if session is not self._session:
                return False
            self._session = None
            self._told_down = True
            self._post(LinkDown(self._number, reason, old_protocol, self._clock.now_ms()))
        session.answered.set()
        self._run_in_background(lambda: hang_up(session))
        return True

    def _answer_nobody(self, reason: str) -> None:
        """LinkDown where there is no session, unless one is in the inbox already: one loss is told once."""
        with self._lock:
            if not self._told_down:
                self._told_down = True
                self._post(LinkDown(self._number, reason, False, self._clock.now_ms()))

    def _refuse(self, reason: str) -> None:
        self._post(MessageRefused(reason, self._clock.now_ms()))

"""Brokers, and the gate's connections to them: they lose, repeat, delay, refuse, and fall silent half dead."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from msgspec.structs import replace

from edge.events import (
    Acked,
    CentreStatus,
    EventId,
    Fact,
    LinkDown,
    LinkUp,
    MessageRefused,
    Publish,
    PublishHealth,
    ReceiptCame,
)
from edge.sim.centre import Centre, forged
from edge.sim.timeline import Timeline
from edge.sim.truth import Truth
from edge.sim.weather import Weather

NOT_AUTHORISED = 0x87
NO_SUBSCRIBERS = 0x10
HANDSHAKE_MS_MAX = 5_000
KEEPALIVE_MS = 22_000


class Broker:
    """One broker between gate and centre. ``wire`` is the connection of the gate's present life."""

    def __init__(self, number: int, timeline: Timeline, truth: Truth, centre: Centre) -> None:
        self.number = number
        self._time = timeline
        self._truth = truth
        self._centre = centre
        self.weather = Weather()
        self.up = True
        self.reachable = True
        self.speaks_5 = True
        self.listening = True
        self.keeps_session = True
        self.denies = False
        self.wire: Wire | None = None
        self._queue: list[Publish] = []

    def arrive(self, publish: Publish, mqtt5: bool) -> int:
        """A publish reached the broker. Give the reason code."""
        if self.denies or self._time.chance(self.weather.refused):
            if not mqtt5:
                return 0x80  # MQTT 3.1.1 brokers that deny close the connection; told as a failure all the same
            return self._time.random.choice((NOT_AUTHORISED, NO_SUBSCRIBERS))
        if not self.listening and not self.keeps_session:
            if mqtt5:
                return NO_SUBSCRIBERS
            self._truth.spilt.add(publish.record.id)
            self._truth.taken.add(publish.record.id)
            return 0
        self._truth.taken.add(publish.record.id)
        self._queue.append(publish)
        self._forward()
        if self._time.chance(self.weather.delivered_twice):
            self._queue.append(publish)
            self._forward()
        return 0

    def crash(self) -> None:
        """The broker's process ends and forgets what it had not passed on."""
        self.up = False
        self._truth.spilt |= {publish.record.id for publish in self._queue}
        self._queue.clear()
        if self.wire is not None:
            self.wire.drop("connection reset")

    def set_listening(self, listening: bool) -> None:
        """The centre's application comes to this broker, or goes."""
        self.listening = listening
        self.say_listening()
        self._forward()

    def say_listening(self) -> None:
        """See ``Down``. One connection keeps its order, so what is heard is how it is when it is heard."""

        def deliver() -> None:
            if self.up and self.wire is not None:
                self.wire.hear(CentreStatus(self.number, self.listening, 0))

        self._time.after(self.pause_ms(), deliver)

    def to_gate(self, receipt: ReceiptCame) -> None:
        """See ``Down``."""
        if not self.listening:
            return
        if self._time.chance(self.weather.receipt_lost):
            return
        fact: Fact = receipt
        if self._time.chance(self.weather.receipt_retained):
            fact = MessageRefused("retained", 0)
        self._down(fact)
        if self._time.chance(self.weather.receipt_twice):
            self._down(receipt)
        if self._time.chance(self.weather.receipt_forged):
            self._down(forged(self._time))

    def pause_ms(self) -> int:
        """One way through the network."""
        late_ms = self._time.random.randint(0, self.weather.late_ms_max) if self._time.chance(0.1) else 0
        return self._time.random.randint(1, self.weather.delay_ms_max) + late_ms

    def _forward(self) -> None:
        while self._queue and self.listening and self.up:
            publish = self._queue.pop(0)
            self._time.after(self.pause_ms(), lambda publish=publish: self._centre.take(publish, self.number))  # type: ignore[misc]

    def _down(self, fact: Fact) -> None:
        def deliver() -> None:
            if self.up and self.wire is not None:
                self.wire.hear(fact)

        self._time.after(self.pause_ms(), deliver)


class Phase(Enum):
    """What the connection really is."""

    IDLE = "idle"
    DIALLING = "dialling"
    UP = "up"


class Wire:
    """The gate's connection to one broker, in one life of the daemon."""

    def __init__(self, broker: Broker, timeline: Timeline, post: Callable[[Fact], None]) -> None:
        self._broker = broker
        self._time = timeline
        self._post = post
        self.phase = Phase.IDLE
        self.half_dead = False
        self.session = 0
        self._mqtt5 = True

    def connect(self, mqtt5: bool) -> None:
        """Dial once."""
        self.phase = Phase.DIALLING
        self.session += 1
        session, broker = self.session, self._broker
        self._mqtt5 = mqtt5
        fails = not broker.reachable or not broker.up or self._time.chance(broker.weather.connect_fails)
        pause_ms = HANDSHAKE_MS_MAX if not broker.reachable else self._time.random.randint(
            1, broker.weather.connect_ms_max
        )  # fmt: skip

        def dialled() -> None:
            if session != self.session:
                return
            if fails or not broker.up or not broker.reachable:
                self._ended("cannot connect", old_protocol=False)
            elif mqtt5 and not broker.speaks_5:
                self._ended("unsupported protocol version", old_protocol=True)
            else:
                self.phase = Phase.UP
                self.half_dead = False
                self._post(LinkUp(broker.number, mqtt5, 0))
                broker.say_listening()

        self._time.after(pause_ms, dialled)

    def disconnect(self, reason: str) -> None:
        """The brain throws the connection away."""
        self.session += 1
        session = self.session
        self._time.after(1, lambda: self._ended(reason, old_protocol=False) if session == self.session else None)

    def drop(self, reason: str) -> None:
        """The connection breaks, and both ends notice."""
        if self.phase is Phase.UP:
            self.session += 1
            self._ended(reason, old_protocol=False)

    def cut(self) -> None:
        """The way is gone without a word: only silence tells, or the library's keep-alive after a while."""
        if self.phase is Phase.UP:
            self.half_dead = True
            session = self.session
            self._time.after(KEEPALIVE_MS, lambda: self.drop("keep-alive") if session == self.session else None)

    def hang(self) -> None:
        """The broker takes and never acknowledges again, while its keep-alive goes on."""
        if self.phase is Phase.UP:
            self.half_dead = True

    def publish(self, command: Publish) -> None:
        """An event sets out. What is in the air arrives even if the gate loses its power meanwhile."""
        if self.half_dead or self._time.chance(self._broker.weather.publish_lost):
            return
        session, mqtt5 = self.session, self._mqtt5

        def arrive() -> None:
            if self._broker.up and self._broker.reachable:
                self._answer(command.record.id, self._broker.arrive(command, mqtt5), session)

        self._time.after(self._broker.pause_ms(), arrive)

    def publish_health(self, _command: PublishHealth) -> None:
        """Heartbeat or probe."""
        if self.half_dead or self._time.chance(self._broker.weather.publish_lost):
            return
        session = self.session
        pause_ms = self._broker.pause_ms()
        self._time.after(pause_ms, lambda: self._answer(None, 0, session) if self._broker.up else None)

    def hear(self, fact: Fact) -> None:
        """Something from below."""
        if self.phase is Phase.UP and not self.half_dead and self._broker.reachable:
            self._post(replace(fact, at_ms=0))

    def _answer(self, id: EventId | None, reason: int, session: int) -> None:
        if self._time.chance(self._broker.weather.acknowledgement_lost):
            return

        def acked() -> None:
            if session == self.session and self.phase is Phase.UP and not self.half_dead:
                self._post(Acked(self._broker.number, id, reason, 0))

        self._time.after(self._broker.pause_ms(), acked)

    def _ended(self, reason: str, old_protocol: bool) -> None:
        self.phase = Phase.IDLE
        self._post(LinkDown(self._broker.number, reason, old_protocol, 0))

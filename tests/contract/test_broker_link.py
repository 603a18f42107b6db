"""What every link to a broker promises: paho's to a real mosquitto by both protocols and to amqtt, and the simulator's.

The simulator's wire is the port but for ``close``: no simulated life ends in an orderly way. Its facts carry no time;
the simulated gate dates them when they come.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest

from edge import wire
from edge.events import Acked, CentreStatus, EventId, Fact, LinkDown, LinkUp, ReceiptCame, Stage
from edge.sim.centre import Centre
from edge.sim.network import Broker, Wire
from edge.sim.timeline import Timeline
from edge.sim.truth import Truth
from tests.process.amqtt import Amqtt
from tests.process.brokers import BrokerProcess, Listener, Mosquitto
from tests.process.links import ADDRESS, BOOT, LinkUnderTest, press, probe, receipt

pytestmark = pytest.mark.process

F = TypeVar("F")

REAL = ["mosquitto", "mosquitto by 3.1.1", "amqtt"]

CONNECT_S_MAX = 2
"""How long amqtt's silence is listened to."""

VIRTUAL_MS = 60_000
"""More than anything takes in the simulator, the library's keep-alive included."""


class Real:
    """paho to a broker of the test's own. A centre listens and may speak."""

    def __init__(self, broker: BrokerProcess, *, mqtt5: bool) -> None:
        self.mqtt5 = mqtt5
        self._broker = broker
        self._open = ExitStack()
        if broker.process is None or broker.process.poll() is not None:
            broker.start()
        self._under_test = self._open.enter_context(LinkUnderTest(broker.port, connect_s_max=CONNECT_S_MAX))
        self._centre: Listener | None = None
        self.link = self._under_test.link
        self.facts = self._under_test.inbox.facts

    def close(self) -> None:
        self._open.close()

    def wait_for(self, kind: type[F], count: int = 1) -> list[F]:
        return self._under_test.inbox.wait_for(kind, count)

    def settle(self) -> None:
        self._under_test.settle()

    def centre_comes(self) -> None:
        speaks_5 = isinstance(self._broker, Mosquitto)
        listener = Listener(self._broker.port, ADDRESS.up("alarm"), mqtt5=speaks_5)
        self._centre = self._open.enter_context(listener)

    def wait_arrival(self) -> str:
        assert self._centre is not None
        return wire.decode_event(bytes(self._centre.next().payload)).id

    def centre_says_received(self, counter: int) -> None:
        assert self._centre is not None
        self._centre.publish(ADDRESS.receipts, receipt(counter))

    def centre_says_listening(self) -> None:
        assert self._centre is not None
        word = wire.encode(wire.CentreWord(wire.SCHEMA, True, None))
        self._centre.publish(ADDRESS.centre_status, word)

    def broker_dies(self) -> None:
        self._broker.kill()

    def broker_returns(self) -> None:
        self._broker.start()


class Simulated:
    """The simulator's wire, broker and centre, in virtual time."""

    def __init__(self, *, mqtt5: bool) -> None:
        self.mqtt5 = mqtt5
        self.facts: list[Fact] = []
        self._time = Timeline(7)
        self._truth = Truth()
        self._centre = Centre(self._time, self._truth)
        self._broker = Broker(0, self._time, self._truth, self._centre)
        self._broker.speaks_5 = mqtt5
        self._centre.brokers = [self._broker]
        self._broker.wire = self.link = Wire(self._broker, self._time, self.facts.append)
        record = press(1).record
        self._truth.events[record.id] = record

    def close(self) -> None:
        """Nothing runs."""

    def wait_for(self, kind: type[F], count: int = 1) -> list[F]:
        end_ms = self._time.now_ms + VIRTUAL_MS
        while len(found := [fact for fact in self.facts if isinstance(fact, kind)]) < count:
            assert self._time.now_ms < end_ms, f"{count} {kind.__name__} did not come: {self.facts}"
            self._time.run_until(self._time.now_ms + 1)
        return found

    def settle(self) -> None:
        self._time.run_until(self._time.now_ms + VIRTUAL_MS)

    def centre_comes(self) -> None:
        """It is there from the beginning."""

    def wait_arrival(self) -> str:
        end_ms = self._time.now_ms + VIRTUAL_MS
        while not self._centre.arrivals:
            assert self._time.now_ms < end_ms, "nothing arrived"
            self._time.run_until(self._time.now_ms + 1)
        (id,) = self._centre.arrivals
        return str(id)

    def centre_says_received(self, counter: int) -> None:
        self._broker.to_gate(ReceiptCame(EventId(BOOT.id, counter), Stage.RECEIVED, "centre", None, 0))

    def centre_says_listening(self) -> None:
        self._broker.say_listening()

    def broker_dies(self) -> None:
        self._broker.crash()

    def broker_returns(self) -> None:
        self._broker.up = True


Subject = Real | Simulated


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    running = Mosquitto(_directory(tmp_path_factory))
    yield running
    running.kill()


@pytest.fixture(scope="module")
def amqtt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Amqtt]:
    running = Amqtt(_directory(tmp_path_factory))
    yield running
    running.kill()


def _directory(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("broker")


@pytest.fixture(params=[*REAL, "simulated", "simulated by 3.1.1"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    name, _, old = str(request.param).partition(" by ")
    mqtt5 = not old and name != "amqtt"
    made: Subject = Simulated(mqtt5=mqtt5) if name == "simulated" else Real(request.getfixturevalue(name), mqtt5=mqtt5)
    yield made
    made.close()


def up(subject: Subject, count: int = 1) -> LinkUp:
    subject.link.connect(subject.mqtt5)
    return subject.wait_for(LinkUp, count)[-1]


def of(subject: Subject, kind: type[F]) -> list[F]:
    return [fact for fact in list(subject.facts) if isinstance(fact, kind)]


def test_a_dial_is_answered_once_with_up(subject: Subject) -> None:
    answer = up(subject)
    subject.settle()
    assert (answer.broker, answer.mqtt5) == (0, subject.mqtt5)
    assert (of(subject, LinkUp), of(subject, LinkDown)) == ([answer], [])


def test_a_dial_to_an_absent_broker_is_answered_once_with_down_and_the_next_works(subject: Subject) -> None:
    subject.broker_dies()
    subject.link.connect(subject.mqtt5)
    (down,) = subject.wait_for(LinkDown)
    subject.settle()
    assert (of(subject, LinkUp), of(subject, LinkDown)) == ([], [down])
    assert down.reason
    assert not down.old_protocol
    subject.broker_returns()
    up(subject)


@pytest.mark.parametrize("subject", ["amqtt", "simulated by 3.1.1"], indirect=True)
def test_a_broker_without_mqtt5_makes_itself_known_and_takes_the_old_protocol(subject: Subject) -> None:
    subject.link.connect(True)
    (down,) = subject.wait_for(LinkDown)
    assert down.old_protocol
    assert not up(subject).mqtt5


def test_an_event_arrives_and_is_acknowledged_once_under_its_own_id(subject: Subject) -> None:
    up(subject)
    subject.centre_comes()
    subject.link.publish(press(1))
    assert subject.wait_arrival() == f"{BOOT.id}-1"
    (acked,) = subject.wait_for(Acked)
    subject.settle()
    assert (acked.broker, acked.id, acked.reason) == (0, EventId(BOOT.id, 1), 0)
    assert of(subject, Acked) == [acked]


def test_a_sign_of_life_is_acknowledged_without_an_id(subject: Subject) -> None:
    up(subject)
    subject.link.publish_health(probe())
    assert subject.wait_for(Acked)[0].id is None


def test_a_line_that_is_thrown_away_is_told_once_with_its_reason_and_the_next_dial_works(subject: Subject) -> None:
    up(subject)
    subject.link.disconnect("probes stay unanswered")
    (down,) = subject.wait_for(LinkDown)
    subject.settle()
    assert of(subject, LinkDown) == [down]
    assert (down.reason, down.old_protocol) == ("probes stay unanswered", False)
    up(subject, 2)
    subject.link.publish_health(probe())
    subject.wait_for(Acked)


def test_nothing_of_a_line_that_was_thrown_away_is_acknowledged_after_its_end(subject: Subject) -> None:
    """The brain has counted it as unsent; a late answer would be taken for the next sending's."""
    up(subject)
    subject.centre_comes()
    subject.link.publish(press(1))
    subject.link.disconnect("thrown away")
    subject.wait_for(LinkDown)
    up(subject, 2)
    subject.settle()
    kinds = [type(fact) for fact in subject.facts]
    assert Acked not in kinds[kinds.index(LinkDown) :]


def test_a_broker_that_dies_is_told_once_and_the_next_dial_works(subject: Subject) -> None:
    up(subject)
    subject.broker_dies()
    (down,) = subject.wait_for(LinkDown)
    subject.settle()
    assert of(subject, LinkDown) == [down]
    assert not down.old_protocol
    subject.broker_returns()
    up(subject, 2)


def test_the_centres_words_are_told_as_it_said_them(subject: Subject) -> None:
    up(subject)
    subject.centre_comes()
    subject.centre_says_received(1)
    (came,) = subject.wait_for(ReceiptCame)
    assert (came.id, came.stage, came.by) == (EventId(BOOT.id, 1), Stage.RECEIVED, "centre")
    subject.centre_says_listening()
    assert subject.wait_for(CentreStatus)[-1].listening


@pytest.mark.parametrize("subject", REAL, indirect=True)
def test_after_close_nothing_more_is_told(subject: Real) -> None:
    up(subject)
    told = list(subject.facts)
    subject.link.close()
    subject.link.disconnect("the brain was late with this")
    subject.broker_dies()
    subject.settle()
    assert subject.facts == told

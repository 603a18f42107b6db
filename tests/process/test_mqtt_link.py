"""The link to a broker, against a real mosquitto and against brokers that misbehave."""

from __future__ import annotations

import gc
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge import wire
from edge.events import (
    Acked,
    CentreStatus,
    EventId,
    Lane,
    LinkDown,
    LinkUp,
    MessageRefused,
    ReceiptCame,
    Stage,
)
from edge.mqtt_session import WAITING_MAX, Client, Message, Session
from tests.process.brokers import Inbox, Listener, Mosquitto, SilentBroker, free_port, publish_packet
from tests.process.links import ADDRESS, BOOT, LinkUnderTest, press, probe, receipt

STATUS = ADDRESS.up("status")
ALARM = ADDRESS.up("alarm")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def link(broker: Mosquitto) -> Iterator[LinkUnderTest]:
    with LinkUnderTest(broker.port) as under_test:
        yield under_test


def refusals(inbox: Inbox, count: int) -> list[str]:
    return sorted(fact.reason for fact in inbox.wait_for(MessageRefused, count))


# --- connecting ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mqtt5", [True, False])
def test_a_dial_is_answered_once_with_up_and_the_gate_is_said_to_be_online(link: LinkUnderTest, mqtt5: bool) -> None:
    assert link.up(mqtt5=mqtt5).mqtt5 is mqtt5
    with Listener(link.settings.port, STATUS) as listener:
        word = listener.next()
    assert word.retain
    assert wire.decode_gate_word(bytes(word.payload)) == wire.GateWord(wire.SCHEMA, True, BOOT.id, BOOT.counter, 1)
    link.settle()
    assert len(link.inbox.all_of(LinkUp)) == 1
    assert link.inbox.all_of(LinkDown) == []


def test_an_absent_broker_is_told_once_with_what_to_check() -> None:
    with LinkUnderTest(free_port()) as link:
        down = link.refused()
    assert "nothing listens there" in down.reason
    assert not down.old_protocol


def test_a_host_that_has_no_address_is_told_once() -> None:
    with LinkUnderTest(1883, host="no-such-host.invalid") as link:
        assert "host name not found" in link.refused().reason


@pytest.mark.parametrize(
    "connack",
    [pytest.param(b"\x20\x02\x00\x01", id="refuses the version"), pytest.param(b"", id="hangs up")],
)
def test_a_broker_that_knows_only_the_old_protocol_is_recognised(connack: bytes) -> None:
    with SilentBroker(connack=connack) as old, LinkUnderTest(old.port) as link:
        assert link.refused(mqtt5=True).old_protocol


def test_a_broker_that_refuses_the_old_protocol_too_does_not_ask_for_it_again() -> None:
    with SilentBroker(connack=b"\x20\x02\x00\x01") as broker, LinkUnderTest(broker.port) as link:
        assert not link.refused(mqtt5=False).old_protocol


def test_a_broker_that_accepts_and_says_nothing_is_given_up_after_the_set_time(broker: Mosquitto) -> None:
    with LinkUnderTest(broker.port, connect_s_max=1) as link:
        broker.freeze()
        assert "answered nothing within 1 s" in link.refused().reason


def test_silence_asks_for_the_old_protocol_once_as_some_old_brokers_answer_nothing_to_a_new_one(
    broker: Mosquitto,
) -> None:
    broker.freeze()
    with LinkUnderTest(broker.port, connect_s_max=1) as link:
        assert link.refused(mqtt5=True).old_protocol
    with LinkUnderTest(broker.port, connect_s_max=1) as link:
        assert not link.refused(mqtt5=False).old_protocol


def test_a_broker_that_has_spoken_mqtt5_and_falls_silent_keeps_it(broker: Mosquitto) -> None:
    """By the old protocol it could not say any more that it refused an event, or that nobody was there to have it."""
    with LinkUnderTest(broker.port, connect_s_max=1) as link:
        link.up()
        broker.freeze()
        link.link.disconnect("silent")
        link.link.connect(mqtt5=True)
        down = link.inbox.wait_for(LinkDown, 2)[1]
        assert "answered nothing within 1 s" in down.reason
        assert not down.old_protocol


def test_a_broker_that_is_silent_after_it_accepted_us_speaks_our_protocol() -> None:
    with SilentBroker(suback=None) as broker, LinkUnderTest(broker.port, connect_s_max=1) as link:
        assert not link.refused(mqtt5=True).old_protocol


def test_a_refused_subscription_is_counted_and_alarms_can_still_be_sent() -> None:
    with SilentBroker(suback=0x80) as broker, LinkUnderTest(broker.port) as link:
        broker.acknowledge()
        link.up()
        assert refusals(link.inbox, 1) == ["subscribe_refused"]
        link.link.publish(press(1))
        assert link.inbox.wait_for(Acked)[0].id == EventId(BOOT.id, 1)


def test_the_end_of_pahos_thread_is_told_even_if_paho_does_not_tell_it() -> None:
    """paho's select() cannot take descriptors above 1023: its thread ends without calling anybody."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip("this user may not open 2048 files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    with SilentBroker() as broker, LinkUnderTest(broker.port) as link:
        taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
        try:
            down = link.refused()
        finally:
            for descriptor in taken:
                os.close(descriptor)
        assert "thread ended" in down.reason
        assert not down.old_protocol
        link.up()


def test_a_fault_that_ends_pahos_loop_is_told() -> None:
    with SilentBroker() as broker:
        told: list[str | None] = []
        client = Client(CallbackAPIVersion.VERSION2)
        client.when_ended = told.append
        client.connect("127.0.0.1", broker.port)
        client.loop_forever(timeout=-1.0)  # raises inside paho
    assert told == ["paho's thread ended by a fault: ValueError('Invalid timeout.')"]


# --- publishing ---------------------------------------------------------------------------------------------------


def test_a_publish_with_a_subscriber_is_acknowledged_and_arrives_whole(link: LinkUnderTest) -> None:
    link.up()
    with Listener(link.settings.port, ALARM) as listener:
        link.link.publish(press(5))
        message = listener.next()
        acked = link.inbox.wait_for(Acked)[0]
    command = press(5)
    expected = wire.event_of(command.record, command.stamp, replayed=False, age_ms=None)
    assert wire.decode_event(bytes(message.payload)) == expected
    assert not message.retain
    assert (acked.broker, acked.id, acked.reason) == (0, EventId(BOOT.id, 5), 0)


def test_without_a_subscriber_mqtt5_says_so(link: LinkUnderTest) -> None:
    link.up()
    link.link.publish(press(1))
    assert link.inbox.wait_for(Acked)[0].reason == wire.NO_SUBSCRIBERS


def test_the_old_protocol_says_0_whether_or_not_anybody_listens(link: LinkUnderTest) -> None:
    link.up(mqtt5=False)
    link.link.publish(press(1))
    assert link.inbox.wait_for(Acked)[0].reason == 0


def test_a_publish_refused_by_the_brokers_rules_carries_its_reason(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.write_text(f"topic readwrite {STATUS}\n")
    with Mosquitto(tmp_path, [f"acl_file {rules}"]) as broker, LinkUnderTest(broker.port) as link:
        link.up()
        link.link.publish(press(1))
        assert link.inbox.wait_for(Acked)[0].reason == 0x87


def test_a_status_refused_by_the_brokers_rules_is_counted(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.write_text(f"topic write {ALARM}\n")
    with Mosquitto(tmp_path, [f"acl_file {rules}"]) as broker, LinkUnderTest(broker.port) as link:
        link.up()
        assert refusals(link.inbox, 1) == ["status_refused"]


@pytest.mark.parametrize("mqtt5", [True, False])
def test_every_one_of_500_publishes_is_acknowledged_under_its_own_id(link: LinkUnderTest, mqtt5: bool) -> None:
    link.up(mqtt5=mqtt5)
    for first in range(1, 501, 20):
        for counter in range(first, first + 20):
            link.link.publish(press(counter))
        link.inbox.wait_for(Acked, first + 19)
    assert sorted(fact.id.counter for fact in link.inbox.all_of(Acked) if fact.id) == list(range(1, 501))


def test_an_acknowledgement_before_paho_has_told_the_number_is_not_lost() -> None:
    """paho's thread may be faster than the thread that publishes."""
    session = Session(1, mqtt5=True)
    id = EventId(BOOT.id, 1)
    assert session.admit(Message("t", b"", id), Lane.ALARM)
    assert session.acknowledged(mid=4, reason=0x10) == (None, None)
    assert session.note(mid=4, purpose=id) == 0x10
    assert session.note(mid=5, purpose=id) is None
    assert session.acknowledged(mid=5, reason=0) == (id, None)


def test_a_broker_that_lets_too_many_wait_is_lost() -> None:
    with SilentBroker(receive_max=1) as broker, LinkUnderTest(broker.port) as link:
        link.up()
        for counter in range(1, WAITING_MAX + 2):
            link.link.publish(press(counter))
        assert "wait for the broker" in link.inbox.wait_for(LinkDown)[0].reason


def test_probe_and_heartbeat_are_acknowledged_without_an_id(link: LinkUnderTest) -> None:
    link.up()
    with Listener(link.settings.port, ADDRESS.up("probe")) as listener:
        link.link.publish_health(probe(0))
        assert listener.next().topic == ADDRESS.up("probe")
    assert link.inbox.wait_for(Acked)[0].id is None


def test_a_broker_that_never_acknowledges_gives_no_acknowledgement() -> None:
    with SilentBroker() as broker, LinkUnderTest(broker.port) as link:
        link.up()
        link.link.publish(press(1))
        assert broker.wait_for_publishes(2) == [STATUS, ALARM]
        link.link.disconnect("no acknowledgement")
        link.inbox.wait_for(LinkDown)
        broker.acknowledge()
        link.up(count=2)
        assert link.inbox.all_of(Acked) == []


def test_never_more_is_under_way_than_the_broker_takes_and_alarms_go_first() -> None:
    with SilentBroker(receive_max=3) as broker, LinkUnderTest(broker.port) as link:
        link.up()
        for counter in range(1, 11):
            link.link.publish(press(counter, lane=Lane.ROUTINE))
        link.link.publish(press(11))
        broker.wait_for_publishes(3)
        broker.acknowledge()
        link.inbox.wait_for(Acked, 11)
        assert broker.owed_most == 3
        assert broker.wait_for_publishes(12)[3] == ALARM


def test_a_publish_before_any_connection_is_answered_with_down() -> None:
    with LinkUnderTest(free_port()) as link:
        link.link.publish(press(1))
        link.link.publish(press(2))
        assert len(link.inbox.wait_for(LinkDown)) == 1


def test_a_publish_while_still_dialling_ends_the_dial_with_down(broker: Mosquitto) -> None:
    broker.freeze()
    with LinkUnderTest(broker.port) as link:
        link.link.connect(mqtt5=True)
        link.link.publish(press(1))
        assert "before the connection stood" in link.inbox.wait_for(LinkDown)[0].reason
        broker.thaw()
        link.settle()
        assert link.inbox.all_of(LinkUp) == []


# --- losing the connection ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mqtt5", [True, False])
def test_a_broker_that_dies_is_one_loss(link: LinkUnderTest, broker: Mosquitto, mqtt5: bool) -> None:
    link.up(mqtt5=mqtt5)
    broker.kill()
    down = link.inbox.wait_for(LinkDown)[0]
    link.link.publish(press(1))  # the brain may not have read of the loss yet
    link.link.disconnect("the brain may be late with this, too")
    link.settle()
    assert link.inbox.all_of(LinkDown) == [down]
    assert not down.old_protocol
    broker.start()
    link.up(mqtt5=mqtt5, count=2)


def test_after_a_loss_nothing_that_paho_held_is_sent_again(link: LinkUnderTest, broker: Mosquitto) -> None:
    """The brain alone sends again; paho would have sent its own copy as well."""
    link.up()
    broker.freeze()
    link.link.publish(press(1))
    broker.kill()
    link.inbox.wait_for(LinkDown)
    broker.start()
    with Listener(broker.port, ALARM) as listener:
        link.up(count=2)
        link.link.publish(press(2))
        first = listener.next()
    assert wire.decode_event(bytes(first.payload)).counter == 2


def test_disconnect_is_answered_at_once_and_the_next_dial_works(link: LinkUnderTest, broker: Mosquitto) -> None:
    link.up()
    broker.freeze()
    link.link.disconnect("probes stay unanswered")
    assert [down.reason for down in link.inbox.all_of(LinkDown)] == ["probes stay unanswered"]
    broker.thaw()
    link.up(count=2)
    link.link.publish(press(1))
    link.inbox.wait_for(Acked)
    assert len(link.inbox.all_of(LinkDown)) == 1


def test_a_thrown_away_connection_is_told_to_the_others_by_the_last_will(link: LinkUnderTest) -> None:
    link.up()
    with Listener(link.settings.port, STATUS) as listener:
        listener.next()
        link.link.disconnect("thrown away")
        word = wire.decode_gate_word(bytes(listener.next().payload))
    assert (word.online, word.connection) == (False, 1)


def test_a_killed_gate_is_said_to_be_offline(broker: Mosquitto) -> None:
    program = (
        "from tests.process.links import LinkUnderTest\n"
        f"link = LinkUnderTest({broker.port})\nlink.up()\nprint('up', flush=True)\ninput()\n"
    )
    with Listener(broker.port, STATUS) as listener:
        gate = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        try:
            assert wire.decode_gate_word(bytes(listener.next().payload)).online
            gate.send_signal(signal.SIGKILL)
            assert not wire.decode_gate_word(bytes(listener.next().payload)).online
        finally:
            gate.kill()
            gate.communicate()


def test_close_says_goodbye_and_posts_nothing(link: LinkUnderTest) -> None:
    link.up()
    with Listener(link.settings.port, STATUS) as listener:
        listener.next()
        link.link.close()
        assert not wire.decode_gate_word(bytes(listener.next().payload)).online
    assert link.inbox.all_of(LinkDown) == []


def test_close_ends_in_bounded_time_with_a_broker_that_answers_nothing() -> None:
    with SilentBroker() as broker, LinkUnderTest(broker.port) as link:
        link.up()
        link.link.publish(press(1))
        link.link.close()  # would hang for ever if it waited for paho's queue
    assert ALARM in broker.topics


def test_a_reason_that_the_broker_gives_is_passed_on() -> None:
    with SilentBroker() as broker, LinkUnderTest(broker.port) as link:
        link.up()
        broker.send(b"\xe0\x02\x8e\x00")
        assert "Session taken over" in link.inbox.wait_for(LinkDown)[0].reason


def test_what_a_thrown_away_connection_still_hears_is_ignored() -> None:
    """Its socket may live a moment longer; the brain has counted its events as unsent."""
    with SilentBroker() as broker, LinkUnderTest(broker.port) as link:
        link.up(mqtt5=False)
        link.link.publish(press(1))
        broker.wait_for_publishes(2)
        link.settle()
        let_go = link.hold()
        link.link.disconnect("thrown away")
        broker.acknowledge()
        broker.publish_to_newest(ADDRESS.receipts, receipt(1), 7)
        let_go()
        link.settle()
        assert link.inbox.all_of(Acked) == []
        assert link.inbox.all_of(ReceiptCame) == []
        assert len(link.inbox.all_of(LinkDown)) == 1


def test_reconnecting_leaves_no_descriptors_behind(link: LinkUnderTest) -> None:
    """Also without the garbage collector: an idle gate may not run it for hours."""
    link.up()
    link.link.disconnect("first")
    gc.collect()
    gc.disable()
    try:
        before = len(os.listdir("/proc/self/fd"))
        for turn in range(2, 22):
            link.up(count=turn)
            link.link.disconnect("again")
        link.up(count=22)
        after = len(os.listdir("/proc/self/fd"))
    finally:
        gc.enable()
    assert after <= before + 6  # the connection that stands has three, and one may be about to go


# --- from below ---------------------------------------------------------------------------------------------------


def test_receipts_come_through_also_twice(link: LinkUnderTest) -> None:
    """To know a duplicate is the brain's work."""
    link.up()
    with Listener(link.settings.port) as centre:
        centre.publish(ADDRESS.receipts, receipt(3))
        centre.publish(ADDRESS.receipts, receipt(3))
    came = link.inbox.wait_for(ReceiptCame, 2)
    assert [(fact.id, fact.stage) for fact in came] == [(EventId(BOOT.id, 3), Stage.RECEIVED)] * 2


def test_a_retained_receipt_is_refused(link: LinkUnderTest) -> None:
    with Listener(link.settings.port) as centre:
        centre.publish(ADDRESS.receipts, receipt(3), retain=True)
    link.up()
    assert refusals(link.inbox, 1) == ["retained"]
    assert link.inbox.all_of(ReceiptCame) == []


def test_what_cannot_be_obeyed_is_refused_with_its_reason_and_the_link_lives_on(link: LinkUnderTest) -> None:
    link.up()
    bad = {
        "oversized": (ADDRESS.receipts, b" " * (wire.DOWN_BYTES_MAX + 1)),
        "malformed": (ADDRESS.receipts, b"\xff{not json"),
        "schema": (ADDRESS.receipts, receipt().replace(b'"schema":1', b'"schema":99')),
        "stage": (ADDRESS.receipts, receipt(stage="disarmed")),
        "id": (ADDRESS.receipts, receipt().replace(BOOT.id.encode(), b"x")),
        "topic": (f"gate/{ADDRESS}/down/disarm", b"{}"),
    }
    with Listener(link.settings.port) as centre:
        for topic, payload in bad.values():
            centre.publish(topic, payload)
        centre.publish(ADDRESS.receipts, b"")
        centre.publish(ADDRESS.receipts, receipt(1))
    link.inbox.wait_for(ReceiptCame)
    assert refusals(link.inbox, 7) == sorted([*bad, "malformed"])
    assert link.inbox.all_of(LinkDown) == []


def test_a_topic_that_is_not_text_is_refused() -> None:
    with SilentBroker() as broker, LinkUnderTest(broker.port) as link:
        link.up()
        broker.send(b"\x30\x05\x00\x02\xff\xfe\x00")
        assert refusals(link.inbox, 1) == ["topic"]
        assert link.inbox.all_of(LinkDown) == []


def test_the_centres_retained_status_is_told(link: LinkUnderTest) -> None:
    with Listener(link.settings.port) as centre:
        centre.publish(ADDRESS.centre_status, wire.encode(wire.CentreWord(wire.SCHEMA, True, None)), retain=True)
        link.up()
        assert link.inbox.wait_for(CentreStatus)[0].listening
        centre.publish(ADDRESS.centre_status, wire.encode(wire.CentreWord(wire.SCHEMA, False, None)), retain=True)
    assert not link.inbox.wait_for(CentreStatus, 2)[1].listening


def test_what_the_broker_says_before_it_grants_the_subscription_is_told_after_up() -> None:
    """MQTT lets it send what it retained first; a brain that is not connected would make nothing of it."""
    with SilentBroker() as broker, LinkUnderTest(broker.port) as link:
        word = wire.encode(wire.CentreWord(wire.SCHEMA, True, None))
        broker.greeting = publish_packet(ADDRESS.centre_status, word, 9)
        link.up(mqtt5=False)
        link.inbox.wait_for(CentreStatus)
        assert [type(fact) for fact in link.inbox.facts] == [LinkUp, CentreStatus]


def test_an_exception_in_a_callback_is_counted_and_the_thread_lives_on(broker: Mosquitto) -> None:
    """The inbox must not raise; if it ever does, paho's thread has to survive it."""
    with LinkUnderTest(broker.port) as link, Listener(broker.port) as centre:
        link.up()
        good = link.inbox.post

        def failing(fact: object) -> None:
            if isinstance(fact, ReceiptCame) and fact.id.counter == 1:
                raise RuntimeError("inbox")
            good(fact)  # type: ignore[arg-type]

        link.poster = failing
        centre.publish(ADDRESS.receipts, receipt(1))
        assert refusals(link.inbox, 1) == ["callback"]
        centre.publish(ADDRESS.receipts, receipt(2))
        assert link.inbox.wait_for(ReceiptCame)[0].id.counter == 2

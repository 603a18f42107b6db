"""What comes from below is never trusted: each bad message is refused under a counted reason, and moves no lamp."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.brokers import Listener, Mosquitto
from tests.process.gate import COUNTY, SCHOOL, GateProcess, View, troubles

pytestmark = pytest.mark.process

DOWN = f"gate/{COUNTY}/{SCHOOL}/north/down"
RECEIPT = f"{DOWN}/receipt"
CENTRE = f"centre/{COUNTY}/status"


def receipt(id: str | int, stage: str = "received", **other: object) -> bytes:
    """A receipt, good but for what is laid over it."""
    return json.dumps({"schema": 1, "id": id, "stage": stage, "by": "", "centre_wall_ms": 1, **other}).encode()


BAD_RECEIPTS = {
    "empty": (b"", "malformed"),
    "no JSON": (b"received", "malformed"),
    "half of it": (receipt("{id}")[:-9], "malformed"),
    "bad UTF-8": (receipt("{id}").replace(b'"by": ""', b'"by": "\xff\xfe"'), "malformed"),
    "bytes": (bytes(range(256)), "malformed"),
    "a list": (b"[]", "malformed"),
    "nested deeply": (b"[" * 4000, "malformed"),
    "nested in a key": (receipt("{id}")[:-1] + b', "x": ' + b"[" * 3800, "malformed"),
    "too long": (receipt("{id}", pad="x" * 5000), "oversized"),
    "far too long": (receipt("{id}", pad="x" * 60_000), "oversized"),
    "another schema": (receipt("{id}", schema=2), "schema"),
    "no schema": (receipt("{id}").replace(b'"schema": 1, ', b""), "malformed"),
    "schema as text": (receipt("{id}", schema="1"), "malformed"),
    "an id of no shape": (receipt("everything"), "id"),
    "an id in capitals": (receipt("ABCDEF0123456789-1"), "id"),
    "an id with a tail": (receipt("abcdef0123456789-1\n"), "id"),
    "an id as a number": (receipt(1), "malformed"),
    "a stage nobody knows": (receipt("{id}", "disarmed"), "stage"),
    "stage stored": (receipt("{id}", "stored"), "stage"),
    "a name too long": (receipt("{id}", by="x" * 81), "malformed"),
    "another gate's press": (receipt("abcdef0123456789-1"), "not_awaited"),
    "another gate's close": (receipt("abcdef0123456789-1", "closed"), "not_awaited"),
}

BAD_WORDS = {
    "no JSON": (b"true", "malformed"),
    "bad UTF-8": (b'{"schema": 1, "listening": "\xff"}', "malformed"),
    "nested deeply": (b"[" * 4000, "malformed"),
    "too long": (b" " * 5000, "oversized"),
    "another schema": (b'{"schema": 9, "listening": false, "centre_wall_ms": null}', "schema"),
    "not a truth value": (b'{"schema": 1, "listening": 0, "centre_wall_ms": null}', "malformed"),
}


@pytest.fixture
def listener(broker: Mosquitto) -> Iterator[Listener]:
    """Somebody who may publish anything, and whose listening makes the broker take the gate's alarms."""
    with Listener(broker.port, "gate/#") as running:
        yield running


@pytest.fixture
def gate(tmp_path: Path, broker: Mosquitto, listener: Listener) -> Iterator[GateProcess]:
    with GateProcess(tmp_path / "g", broker.port) as running:
        running.wait_connected()
        yield running


def counted(view: View, reason: str) -> int:
    """How often a message was refused for this reason."""
    return int(view["counters"].get(f"refused_{reason}", 0))


def press(gate: GateProcess) -> str:
    """One press, at the broker and received by nobody; its id."""
    gate.press_and_wait()
    return str(gate.wait_lamp("at_broker")["last_press"]["id"])


def test_every_bad_receipt_is_refused_under_its_reason_and_moves_no_lamp(gate: GateProcess, listener: Listener) -> None:
    id = press(gate)
    for name, (payload, reason) in BAD_RECEIPTS.items():
        before = counted(gate.view(), reason)
        listener.publish(RECEIPT, payload.replace(b"{id}", id.encode()))
        view = gate.wait_for(lambda view, reason=reason, before=before: counted(view, reason) > before)  # type: ignore[misc]
        assert counted(view, reason) == before + 1, name
        assert (view["lamp"], view["incident"]["unreceived"]) == ("at_broker", 1), name
        assert view["incident"]["ids"] == [id], name
    listener.publish(RECEIPT, receipt(id))
    gate.wait_lamp("received")


def test_every_bad_word_on_the_centre_is_refused_and_says_nothing_about_it(
    gate: GateProcess, listener: Listener
) -> None:
    listener.publish(CENTRE, b'{"schema": 1, "listening": true, "centre_wall_ms": null}')
    gate.wait_for(lambda view: view["brokers"][0]["centre_listening"] is True)
    for name, (payload, reason) in BAD_WORDS.items():
        before = counted(gate.view(), reason)
        listener.publish(CENTRE, payload, retain=True)
        view = gate.wait_for(lambda view, reason=reason, before=before: counted(view, reason) > before)  # type: ignore[misc]
        assert view["brokers"][0]["centre_listening"] is True, name
        assert "centre_lost" not in troubles(view), name


def test_a_repeated_receipt_changes_nothing_and_is_counted(gate: GateProcess, listener: Listener) -> None:
    id = press(gate)
    for stage in ("received", "seen", "dispatched"):
        listener.publish(RECEIPT, receipt(id, stage, by="officer Wang"))
        view = gate.wait_lamp(stage)
        before = counted(view, "not_awaited")
        listener.publish(RECEIPT, receipt(id, stage, by="officer Wang"))
        view = gate.wait_for(lambda view, before=before: counted(view, "not_awaited") > before)  # type: ignore[misc]
        assert view["lamp"] == stage
        assert view["delivered"] == gate.view()["delivered"]
    for stage in ("seen", "received"):
        before = counted(gate.view(), "not_awaited")
        listener.publish(RECEIPT, receipt(id, stage))
        view = gate.wait_for(lambda view, before=before: counted(view, "not_awaited") > before)  # type: ignore[misc]
        assert view["lamp"] == "dispatched", "a late word never takes the lamp back"


def test_a_close_that_comes_twice_ends_one_incident_once_and_never_the_next(
    gate: GateProcess, listener: Listener
) -> None:
    first = press(gate)
    for _ in range(2):
        listener.publish(RECEIPT, receipt(first, "closed", by="officer Wang"))
    gate.wait_for(lambda view: counted(view, "not_awaited") == 1 and view["incident"]["ids"] == [])
    gate.press_and_wait()
    second = str(gate.view()["incident"]["ids"][0])
    listener.publish(RECEIPT, receipt(first, "closed", by="officer Wang"))
    view = gate.wait_for(lambda view: counted(view, "not_awaited") == 2)
    assert view["incident"]["ids"] == [second]


def test_a_receipt_that_waits_retained_at_the_broker_is_refused(
    gate: GateProcess, listener: Listener, broker: Mosquitto
) -> None:
    """It may be years old. The gate that connects anew gets it before everything else."""
    id = press(gate)
    gate.kill9()
    listener.publish(RECEIPT, receipt(id, "closed", by="nobody"), retain=True)
    gate.start()
    view = gate.wait_for(lambda view: counted(view, "retained") > 0)
    assert view["counters"] == {"refused_retained": 1}
    view = gate.wait_lamp("at_broker")
    assert (view["incident"]["ids"], view["incident"]["unreceived"]) == ([id], 1)


def test_commands_and_unknown_words_from_below_are_refused(gate: GateProcess, listener: Listener) -> None:
    id = press(gate)
    for number, word in enumerate(("receipt/more", "disarm", "reset"), 1):
        listener.publish(f"{DOWN}/{word}", receipt(id, "closed"))
        view = gate.wait_for(lambda view, number=number: counted(view, "topic") == number)  # type: ignore[misc]
        assert view["incident"]["ids"] == [id], word
    listener.publish(f"{DOWN}/command", receipt(id, "closed"))
    view = gate.wait_for(lambda view: counted(view, "malformed") == 1)
    assert view["incident"]["ids"] == [id]
    assert gate.view()["lamp"] == "at_broker"


def test_a_flood_from_below_delays_no_press(gate: GateProcess, listener: Listener) -> None:
    """Two thousand bad messages in one go, and a packet that is too big to be delivered."""
    listener.publish(RECEIPT, b"x" * 200_000)
    for _ in range(2_000):
        listener.client.publish(RECEIPT, b"[" * 100, qos=0)
    gate.press_and_wait()
    gate.wait_lamp("at_broker")
    gate.wait_for(lambda view: counted(view, "malformed") >= 1_000)
    assert gate.lives == 1
    assert gate.alive

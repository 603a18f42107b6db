"""The lamp says how far the alarm got, and never more: silent, refusing and deaf brokers, the officer, restarts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.brokers import Listener, Mosquitto, SilentBroker
from tests.process.centre import CentreProcess, is_press
from tests.process.gate import COUNTY, SCHOOL, GateProcess, View, plain_broker, troubles

pytestmark = pytest.mark.process

SOON = {"communicate_s_max": 5}
EVERYTHING = "gate/#"


def lamps_until(gate: GateProcess, trouble: str) -> set[str]:
    """Every lamp that was shown from now until the trouble stands."""
    shown: set[str] = set()

    def stands(view: View) -> bool:
        shown.add(view["lamp"])
        return trouble in troubles(view)

    gate.wait_for(stands)
    return shown


# --- brokers that do not do their work --------------------------------------------------------------------------


def test_a_broker_that_never_acknowledges_leaves_the_lamp_at_stored_and_lights_the_fault_lamp(tmp_path: Path) -> None:
    """After ``communicate_s_max`` the failure to communicate (354) stands, and the line is condemned and redialled."""
    with SilentBroker() as silent, GateProcess(tmp_path / "g", silent.port, alarm=SOON) as gate:
        gate.wait_connected()
        gate.press_and_wait()
        gate.wait_lamp("stored")
        assert lamps_until(gate, "failure_to_communicate") == {"stored"}
        view = gate.wait_for(lambda view: view["brokers"][0]["losses"] > 0)
        assert view["fault"]
        assert view["lamp"] == "stored"
        assert view["incident"]["unreceived"] == 1
        assert view["last_press"]["after_ms"]["at_broker"] is None


def test_the_second_broker_gets_the_alarm_that_the_first_does_not_acknowledge(
    tmp_path: Path, broker: Mosquitto, centre: CentreProcess
) -> None:
    with SilentBroker() as silent, GateProcess(tmp_path / "g", silent.port, broker.port) as gate:
        gate.wait_connected(0)
        gate.wait_connected(1)
        gate.press_and_wait()
        gate.wait_lamp("received")
        assert len(centre.wait_presses(1)) == 1
        assert "failure_to_communicate" not in troubles(gate.view())


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_broker_that_refuses_by_its_access_rules_never_brings_the_lamp_to_received(
    tmp_path: Path, protocol: str
) -> None:
    """MQTT 5 says that it refused: the lamp stays at stored. 3.1.1 cannot: it claims the broker, never the centre."""
    rules = tmp_path / "rules"
    rules.write_text(f"topic read #\ntopic write gate/{COUNTY}/{SCHOOL}/north/status\n")
    lines = [f"acl_file {rules}"]
    with Mosquitto(tmp_path / "b", lines) as strict:
        entry = plain_broker(strict.port, protocol=protocol)
        with GateProcess(tmp_path / "g", entry, alarm=SOON) as gate:
            gate.wait_connected()
            gate.press_and_wait()
            claimed = "stored" if protocol == "5" else "at_broker"
            gate.wait_lamp(claimed)
            assert lamps_until(gate, "failure_to_communicate") <= {"stored", claimed}
            view = gate.view()
            assert view["fault"]
            assert view["incident"]["unreceived"] == 1
            if protocol == "5":
                assert "publish_refused" in troubles(view)
                assert view["refusals"] >= 1


def test_access_rules_that_are_put_right_let_the_alarm_through_and_end_the_trouble(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.write_text("topic read #\ntopic write centre/#\n")
    with (
        Mosquitto(tmp_path / "b", [f"acl_file {rules}"]) as strict,
        CentreProcess(tmp_path / "c", strict.port) as centre,
        GateProcess(tmp_path / "g", strict.port) as gate,
    ):
        gate.wait_connected()
        gate.press_and_wait()
        gate.wait_for(lambda view: "publish_refused" in troubles(view))
        rules.write_text("topic readwrite #\n")
        strict.restart()
        gate.wait_lamp("received")
        assert len(centre.wait_presses(1)) == 1
        gate.wait_for(lambda view: "publish_refused" not in troubles(view))
        centre.wait_trouble("publish_refused", qualifier=3)


def test_without_the_centre_the_lamp_stays_at_the_broker_until_the_centre_comes(
    tmp_path: Path, broker: Mosquitto, centre: CentreProcess
) -> None:
    """Somebody else listens, so the broker does not say that nobody does."""
    with Listener(broker.port, EVERYTHING), GateProcess(tmp_path / "g", broker.port, alarm=SOON) as gate:
        gate.wait_connected()
        centre.kill9()
        gate.wait_for(lambda view: "centre_lost" in troubles(view))
        gate.press_and_wait()
        gate.wait_lamp("at_broker")
        assert lamps_until(gate, "failure_to_communicate") == {"at_broker"}
        assert gate.view()["fault"]
        centre.start()
        gate.wait_lamp("received")
        gate.wait_for(lambda view: troubles(view) == set() and not view["fault"])
        assert len(centre.wait_presses(1)) == 1
        assert centre.wait_trouble("failure_to_communicate")["event"]["code"] == 354
        centre.wait_trouble("failure_to_communicate", qualifier=3)
        assert centre.wait_trouble("centre_lost")["event"]["code"] == 356
        centre.wait_trouble("centre_lost", qualifier=3)


def test_a_broker_that_has_nobody_to_give_the_alarm_to_does_not_count_as_having_it(
    tmp_path: Path, broker: Mosquitto
) -> None:
    """MQTT 5 reason 0x10: it took the message, and it is not kept there."""
    with GateProcess(tmp_path / "g", broker.port, alarm=SOON) as gate:
        gate.wait_connected()
        gate.press_and_wait()
        gate.wait_lamp("stored")
        assert lamps_until(gate, "failure_to_communicate") == {"stored"}
        with CentreProcess(tmp_path / "c", broker.port):
            gate.wait_lamp("received")


@pytest.mark.parametrize("reason", [0x87, 0x97, 0x10])
def test_an_acknowledgement_with_a_reason_against_it_does_not_count_as_one(tmp_path: Path, reason: int) -> None:
    """Not authorised, over the quota, nobody there. mosquitto never says the second of itself."""
    with SilentBroker(reason=reason) as refusing, GateProcess(tmp_path / "g", refusing.port) as gate:
        refusing.acknowledge()
        gate.wait_connected()
        gate.press_and_wait()
        gate.wait_lamp("stored")
        assert lamps_until(gate, "publish_refused") <= {"stored"}
        view = gate.wait_for(lambda view: view["refusals"] >= 2)  # it was sent again
        assert view["lamp"] == "stored"
        assert view["incident"]["unreceived"] == 1
        assert view["last_press"]["after_ms"]["at_broker"] is None


def test_where_the_broker_is_the_end_lamp_and_status_claim_the_broker_and_no_more(
    tmp_path: Path, broker: Mosquitto
) -> None:
    """A county whose platform cannot answer: ``done_on = "broker"``."""
    on_broker = {**SOON, "done_on": "broker"}
    with (
        Listener(broker.port, EVERYTHING) as listener,
        GateProcess(tmp_path / "g", broker.port, alarm=on_broker) as gate,
    ):
        gate.wait_connected()
        gate.press_and_wait()
        view = gate.wait_lamp("at_broker")
        listener.next(lambda message: message.topic.endswith("/alarm"))
        assert view["done_on"] == "broker"
        assert view["incident"]["unreceived"] == 0
        assert view["last_press"]["after_ms"]["received"] is None
        gate.restart()
        gate.wait_connected()
        view = gate.wait_for(lambda view: view["lamp"] != "ready")
        assert view["lamp"] == "at_broker", "nor does it claim more after a restart"
        assert troubles(view) == set()


# --- the officer, and the ways to end an incident ---------------------------------------------------------------


def test_the_officers_acts_reach_the_lamp_and_closing_ends_the_incident(
    gate: GateProcess, centre: CentreProcess
) -> None:
    id = gate.press_and_wait()["incident"]["ids"][0]
    gate.wait_lamp("received")
    centre.seen(id)
    gate.wait_lamp("seen")
    centre.dispatched(id)
    gate.wait_lamp("dispatched")
    gate.press_and_wait()
    assert gate.wait_lamp("dispatched")["incident"]["ids"] == [id], "a second press joins the same incident"
    centre.close_incident(id, "officer Li")
    view = gate.wait_lamp("ready")
    assert view["incident"]["ids"] == []
    ended = centre.wait_for(lambda rows: any(row["event"]["code"] == 465 for row in rows))
    reset = next(row["event"] for row in ended if row["event"]["code"] == 465)
    assert reset["qualifier"] == 3
    assert reset["incident"] == id
    assert (reset["body"]["by"], reset["body"]["means"], reset["body"]["presses"]) == ("officer Li", "centre", 2)


def test_a_named_person_at_the_command_line_ends_the_incident(gate: GateProcess, centre: CentreProcess) -> None:
    id = gate.press_and_wait()["incident"]["ids"][0]
    gate.wait_lamp("received")
    done = gate.command_line("reset", "--by", "Li Wei")
    assert done.returncode == 0, done.stderr
    gate.wait_lamp("ready")
    ended = centre.wait_for(lambda rows: any(row["event"]["code"] == 465 for row in rows))
    reset = next(row["event"] for row in ended if row["event"]["code"] == 465)
    assert (reset["incident"], reset["body"]["by"]) == (id, "Li Wei")
    assert "command line" in reset["body"]["means"]
    assert centre.incidents()[0]["ended"], "ended at the gate; the officer still has to close it"


def test_a_reset_without_a_name_is_refused_and_the_incident_stays(gate: GateProcess) -> None:
    gate.press_and_wait()
    assert not gate.reset("   ")["ok"]
    assert gate.command_line("reset", "--by", "").returncode == 10
    assert gate.view()["incident"]["ids"]


def test_a_reset_while_the_alarm_is_on_its_way_does_not_hide_that_it_has_not_arrived(
    gate: GateProcess, broker: Mosquitto, centre: CentreProcess
) -> None:
    broker.stop()
    gate.press_and_wait()
    gate.wait_lamp("stored")
    assert gate.reset("Li Wei")["ok"]
    view = gate.wait_for(lambda view: view["incident"]["ids"] == [])
    assert view["lamp"] == "stored"
    broker.start()
    assert len(centre.wait_presses(1)) == 1
    gate.wait_lamp("ready")


# --- restarts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["kill9", "terminate"])
def test_an_incident_is_latched_over_any_end_of_the_daemon_and_the_lamp_then_says_the_same(
    gate: GateProcess, centre: CentreProcess, end: str
) -> None:
    first = gate.press_and_wait()["incident"]
    gate.wait_lamp("received")
    getattr(gate, end)()
    gate.start()
    view = gate.wait_lamp("received")
    assert view["incident"]["ids"] == first["ids"]
    centre.seen(first["ids"][0])
    gate.wait_lamp("seen")
    getattr(gate, end)()
    gate.start()
    view = gate.wait_lamp("seen")
    assert view["incident"]["presses"] == 1
    gate.press_and_wait()
    rows = centre.wait_presses(2)
    assert {row["event"]["incident"] for row in rows} == {first["ids"][0]}, "a press after the restart joins it"


def test_a_restart_before_the_centre_has_the_alarm_never_shows_that_it_has(
    gate: GateProcess, broker: Mosquitto, centre: CentreProcess
) -> None:
    broker.stop()
    gate.press_and_wait()
    gate.wait_lamp("stored")
    gate.restart()
    shown: set[str] = set()

    def stored(view: View) -> bool:
        shown.add(view["lamp"])
        return bool(view["lamp"] == "stored")

    gate.wait_for(stored)
    assert shown <= {"ready", "stored"}, "until the store is read the lamp knows of nothing; never does it claim more"
    broker.start()
    gate.wait_lamp("received")
    (row,) = centre.wait_presses(1)
    assert row["event"]["replayed"]
    assert is_press(row)


def test_a_reset_is_final_over_a_kill(gate: GateProcess, centre: CentreProcess) -> None:
    gate.press_and_wait()
    gate.wait_lamp("received")
    gate.reset("Li Wei")
    gate.wait_lamp("ready")
    centre.wait_for(lambda rows: any(row["event"]["code"] == 465 for row in rows))
    gate.restart()
    gate.wait_connected()
    view = gate.wait_for(lambda view: view["delivered"] > 0)
    assert (view["lamp"], view["incident"]["ids"]) == ("ready", [])

"""Real gate, broker and centre with signatures: what the centre says is obeyed, what somebody else says is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from centre.desk import call
from centre.gate_keys import GateKeys
from edge import seals, wire
from edge.events import Stage
from tests.process.brokers import Listener, Mosquitto
from tests.process.centre import CentreProcess
from tests.process.gate import COUNTY, SCHOOL, GateProcess, View
from tests.unit.signers import window

pytestmark = pytest.mark.process

ADDRESS = wire.Address(COUNTY, SCHOOL, "north")


@pytest.fixture
def gate(tmp_path: Path, broker: Mosquitto, centre: CentreProcess) -> Iterator[GateProcess]:
    key = {"public_key_file": str(centre.directory / "centre.pub")}
    with GateProcess(tmp_path / "g", broker.port, centre=key) as running:
        running.wait_connected()
        yield running


def refused(view: View, reason: str) -> int:
    return int(view["counters"].get(f"refused_{reason}", 0))


def act(centre: CentreProcess, id: str, stage: str) -> None:
    """The officer at the desk."""
    call(centre.run_directory, {"do": "act", "id": id, "stage": stage, "by": "officer Wang"})


def test_an_alarm_goes_its_whole_way_by_signed_words(gate: GateProcess, centre: CentreProcess) -> None:
    id = gate.press_and_wait()["last_press"]["id"]
    gate.wait_lamp("received")
    act(centre, id, "seen")
    gate.wait_lamp("seen")
    act(centre, id, "dispatched")
    gate.wait_lamp("dispatched")
    act(centre, id, "closed")
    gate.wait_lamp("ready")


def test_a_gate_whose_key_is_on_record_is_verified_and_who_speaks_in_its_name_is_shown(
    gate: GateProcess, centre: CentreProcess, broker: Mosquitto
) -> None:
    GateKeys(centre.directory / "keys").add(str(ADDRESS), (gate.state / "ledger.pub").read_bytes())
    id = gate.press_and_wait()["last_press"]["id"]
    gate.wait_lamp("received")
    assert [one["verified"] for one in centre.incidents()] == [True]
    kept = centre.presses()[0]["event"]
    forged = {**kept, "id": f"{id.partition('-')[0]}-77", "counter": 77, "signature": "0" * 128}
    with Listener(broker.port) as forger:
        forger.publish(ADDRESS.up("alarm"), wire.encode(forged))
    look = centre.wait_look(lambda look: look["items"])
    assert [(one["matter"], one["address"]) for one in look["items"]] == [("alarm_unverified", str(ADDRESS))]
    assert [one["incident"] for one in look["incidents"]] == [id]


def test_a_window_opens_at_a_gate_whose_clock_nobody_has_set(gate: GateProcess, centre: CentreProcess) -> None:
    assert gate.view()["clock"] == "unsynced"
    centre.wait_look(lambda look: any(one["health"] for one in look["gates"]))
    asked = {"do": "window open", "gate": str(ADDRESS), "minutes": 1, "by": "Li"}
    opened: Any = call(centre.run_directory, asked)
    centre.wait_look(lambda look: [one["state"] for one in look["windows"]] == ["open"])
    call(centre.run_directory, {"do": "window close", "id": opened["id"], "by": "Li"})
    centre.wait_look(lambda look: not look["windows"])


def test_forged_words_are_counted_and_change_nothing(
    gate: GateProcess, centre: CentreProcess, broker: Mosquitto
) -> None:
    centre.terminate()
    id = gate.press_and_wait()["last_press"]["id"]
    gate.wait_lamp("at_broker")
    with Listener(broker.port) as forger:
        for stage in (Stage.RECEIVED, Stage.SEEN, Stage.CLOSED):
            forger.publish(ADDRESS.receipts, wire.encode(wire.receipt_of(id, stage, "nobody", None)))
        forger.publish(ADDRESS.commands, wire.encode(window()))
        forger.publish(ADDRESS.commands, wire.encode(window()), retain=True)
        receipt = wire.encode(wire.receipt_of(id, Stage.RECEIVED, "", 1))
        forger.publish(ADDRESS.receipts, seals.put_on(receipt, "0" * 128))
        view = gate.wait_for(lambda view: refused(view, "signature") == 1)
    assert refused(view, "unsigned") == 5
    assert view["lamp"] == "at_broker"
    assert view["incident"]["ids"] == [id]
    assert "refused (4 of this kind so far) unsigned" in gate.log()
    centre.start()
    gate.wait_lamp("received")


def test_what_was_recorded_before_a_restart_of_the_gate_is_worth_nothing_after_it(
    gate: GateProcess, centre: CentreProcess, broker: Mosquitto
) -> None:
    with Listener(broker.port, ADDRESS.down) as tap:
        id = gate.press_and_wait()["last_press"]["id"]
        received = tap.next()
        gate.wait_lamp("received")
        act(centre, id, "seen")
        seen = tap.next(lambda message: json.loads(message.payload)["stage"] == "seen")
        gate.wait_lamp("seen")
        tap.publish(seen.topic, seen.payload)
        gate.wait_for(lambda view: refused(view, "replayed") == 1)
        centre.terminate()
        gate.restart()
        gate.wait_connected()
        for message in (received, seen):
            tap.publish(message.topic, message.payload)
        gate.wait_for(lambda view: refused(view, "digest") == 1 and refused(view, "challenge") == 1)

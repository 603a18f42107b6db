"""Windows, cards and drills from the officer's desk to the guard's finger: real daemon, brokers and centre."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from edge.requests import CONTROL_SOCKET
from tests.process.brokers import Mosquitto
from tests.process.centre import Arrived, CentreProcess
from tests.process.gate import COUNTY, SCHOOL, GateProcess, ask

pytestmark = pytest.mark.process

GATE = f"{COUNTY}/{SCHOOL}/north"
HOLD_MS = 150
"""A quiet press."""


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[tuple[Mosquitto, Mosquitto]]:
    with Mosquitto(tmp_path / "b1") as one, Mosquitto(tmp_path / "b2") as two:
        yield one, two


@pytest.fixture
def centre(tmp_path: Path, brokers: tuple[Mosquitto, Mosquitto]) -> Iterator[CentreProcess]:
    with CentreProcess(tmp_path / "c", *(broker.port for broker in brokers)) as running:
        yield running


@pytest.fixture
def gate(tmp_path: Path, brokers: tuple[Mosquitto, Mosquitto], centre: CentreProcess) -> Iterator[GateProcess]:
    (tmp_path / "synchronised").touch()
    clock = {"source": "file", "synced_file": str(tmp_path / "synchronised")}
    with GateProcess(
        tmp_path / "g", *(broker.port for broker in brokers), clock=clock, siren={"relay_gpio": 24}
    ) as running:
        for broker in (0, 1):
            running.wait_connected(broker)
        running.wait_for(lambda view: view["clock"] == "synced")
        centre.wait_look(lambda look: any(one["address"] == GATE and one["health"] for one in look["gates"]))
        yield running


def open_window(centre: CentreProcess) -> str:
    """A window that the gate has confirmed."""
    id = str(centre.officer("window", "open", "--gate", GATE, "--minutes", "10", "--by", "officer Wang")["id"])
    wait_window(centre, "open")
    return id


def wait_window(centre: CentreProcess, state: str) -> dict[str, Any]:
    look = centre.wait_look(lambda look: [one["state"] for one in look["windows"]] == [state])
    window: dict[str, Any] = look["windows"][0]
    return window


def wait_card(centre: CentreProcess) -> str:
    """The id on the test card, as soon as it is on the officer's screen."""
    return str(centre.wait_look(lambda look: look["cards"])["cards"][0]["test"])


def wait_test(centre: CentreProcess, kind: str) -> dict[str, Any]:
    """The newest test, once its report is here."""
    centre.wait_look(lambda look: kind in look["gates"][0]["tests"] and not look["cards"])
    test: dict[str, Any] = centre.officer("tests", "--gate", GATE)[0]
    return test


def begin(gate: GateProcess, kind: str) -> None:
    """A technician at the gate asks for a test, again and again while the gate has no line yet or a test of its own."""
    for number in count(1):
        token = f"t{number}"
        request = {"id": number, "ask": "selftest", "kind": kind, "by": "technician Li", "token": token}
        assert ask(gate.run_directory / CONTROL_SOCKET, request)["ok"]
        view = gate.wait_for(lambda view, token=token: view["selftest"]["answer"]["token"] == token)  # type: ignore[misc]
        if not view["selftest"]["answer"]["refused"]:
            return


def verdict(test: dict[str, Any], link: str) -> str:
    return str(next(one["verdict"] for one in test["links"] if one["name"] == link))


def test_a_press_in_a_window_is_a_card_that_an_officer_confirms_and_the_next_press_is_an_alarm(
    gate: GateProcess, centre: CentreProcess
) -> None:
    id = open_window(centre)
    gate.press(HOLD_MS)
    mark = wait_card(centre)
    assert centre.incidents() == []
    centre.seen(mark)
    test = wait_test(centre, "human")
    assert (test["test"], test["window"], test["seen_by"]) == (mark, id, "officer Wang")
    assert (test["result"], verdict(test, "officer"), test["report"]["officer"]) == ("PASS", "PASS", "officer Wang")
    kept = centre.officer("window", "list")[0]
    assert (kept["state"], kept["ended_why"]) == ("ended", "its press has been tested")
    gate.press_and_wait(HOLD_MS)
    assert len(centre.wait_presses(1)) == 1
    assert len(centre.incidents()) == 1


def test_after_the_officer_closed_the_window_a_press_is_an_alarm(gate: GateProcess, centre: CentreProcess) -> None:
    id = open_window(centre)
    centre.officer("window", "close", id, "--by", "officer Li")
    centre.wait_look(lambda look: look["windows"] == [])
    gate.press(HOLD_MS)
    centre.wait_presses(1)
    assert centre.officer("window", "list")[0]["ended_why"] == "closed by officer Li"
    assert centre.officer("tests") == []


def test_a_press_in_need_within_a_window_is_an_alarm_and_both_sides_close_it(
    gate: GateProcess, centre: CentreProcess
) -> None:
    open_window(centre)
    gate.press_and_wait(2_500)
    centre.wait_presses(1)
    assert len(centre.incidents()) == 1
    centre.wait_look(lambda look: look["windows"] == [])
    gate.press(HOLD_MS)
    assert len(centre.wait_presses(2)) == 2


def test_a_gate_that_is_cut_off_closes_its_window_and_the_centre_learns_it(
    gate: GateProcess, centre: CentreProcess, brokers: tuple[Mosquitto, Mosquitto]
) -> None:
    open_window(centre)
    for broker in brokers:
        broker.kill()
    gate.wait_for(lambda view: view["selftest"]["window"] is None)
    gate.press_and_wait(HOLD_MS)
    for broker in brokers:
        broker.start()
    centre.wait_presses(1)
    centre.wait_look(lambda look: look["windows"] == [])
    assert centre.officer("window", "list")[0]["ended_why"] == "no broker is connected"


def test_a_screen_told_to_do_so_confirms_a_whole_test_as_software(gate: GateProcess, centre: CentreProcess) -> None:
    begin(gate, "full")
    wait_card(centre)
    centre.officer("watch", "--times", "1", "--confirm-tests-as", "wall screen")
    test = wait_test(centre, "full")
    assert (verdict(test, "officer"), test["report"]["officer"]) == ("PASS", "software wall screen")
    assert (verdict(test, "key"), centre.incidents()) == ("NOT_TESTED", [])
    assert not any(is_alarm(row) for row in centre.events())


def is_alarm(row: Arrived) -> bool:
    return bool(row["event"]["topic"] == "alarm")


def test_a_drill_is_timed_from_the_press_to_the_arrival(gate: GateProcess, centre: CentreProcess) -> None:
    now = datetime.now().astimezone().isoformat()
    drill = centre.officer("drill", "book", "--gate", GATE, "--start", now, "--by", "officer Wang", "--force")
    wait_window(centre, "open")
    gate.press(HOLD_MS)
    mark = wait_card(centre)
    centre.seen(mark)
    centre.dispatched(mark)
    view = gate.wait_for(lambda view: (view["selftest"]["running"] or {}).get("links", {}).get("officer") == "done")
    assert view["selftest"]["running"]["kind"] == "drill"
    time.sleep(0.2)  # the helpers' way, not a wait
    assert ask(gate.run_directory / CONTROL_SOCKET, {"id": 1, "ask": "arrived", "by": "guard Zhao"})["ok"]
    wait_test(centre, "drill")
    shown = centre.officer("drill", "show", drill["id"])
    (test,) = shown["tests"]
    after = test["after_ms"]
    assert 0 <= after["receipt"] <= after["seen"] <= after["dispatched"]
    assert after["arrived"] >= 200
    assert (test["origin"], test["result"], shown["drill"]["state"]) == ("drill", "PASS", "held")
    assert centre.incidents() == []


def test_the_centre_knows_when_the_next_test_is_due_and_where_the_ledger_ends(
    gate: GateProcess, centre: CentreProcess
) -> None:
    """The gate plans once a path test has shown that its clock is right; the head is one that its verifier takes."""
    begin(gate, "path")
    look = centre.wait_look(lambda look: look["gates"][0]["next_test_due_wall_ms"] and look["gates"][0]["ledger"])
    assert abs(look["gates"][0]["next_test_due_wall_ms"] - time.time() * 1000) < 8 * 24 * 3_600_000
    assert look["items"] == []
    head = centre.officer("heads", "--gate", GATE)[0]
    verified = gate.command_line("ledger", "verify", "--head", f"{head['number']}:{head['hash']}")
    assert verified.returncode == 0, verified.stdout + verified.stderr

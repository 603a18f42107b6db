"""The whole self-test: real daemon, mosquitto twice, reference centre, and mock pins wired as a loopback."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import wire
from edge.chain import Kind, Report, Result, Stimulus, is_report, report_of
from edge.drivers.bench import Bench
from edge.events import Contact, Stage
from edge.proving import SelfTestAsked
from tests.process.bench_gate import BenchGate
from tests.process.brokers import Listener, Mosquitto
from tests.process.centre import CentreProcess, is_press
from tests.process.gate import COUNTY, SCHOOL

pytestmark = pytest.mark.process

ADDRESS = wire.Address(COUNTY, SCHOOL, "north")
WIRED = {"loopback_gpio": 25, "lamp_sense_gpio": 12, "siren_sense_gpio": 13}
SIREN = {"relay_gpio": 24}


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[tuple[Mosquitto, Mosquitto]]:
    with Mosquitto(tmp_path / "b1") as one, Mosquitto(tmp_path / "b2") as two:
        yield one, two


@pytest.fixture
def centre(tmp_path: Path, brokers: tuple[Mosquitto, Mosquitto]) -> Iterator[CentreProcess]:
    with CentreProcess(tmp_path / "c", *(broker.port for broker in brokers)) as running:
        yield running


@pytest.fixture
def desk(brokers: tuple[Mosquitto, Mosquitto]) -> Iterator[Listener]:
    """What an officer's desk sends to the gate."""
    with Listener(brokers[0].port, ADDRESS.up("selftest")) as listening:
        yield listening


class Gate(BenchGate):
    """A gate that is asked for tests."""

    def ask(self, kind: Kind, by: str = "technician Li") -> None:
        """Ask for a test; return once it has begun."""
        token = secrets.token_hex(4)
        self.running.post(SelfTestAsked(kind, by, "SHA256:abc", token, self.now_ms()))
        view = self.wait_for(lambda view: view["selftest"]["answer"]["token"] == token)
        assert view["selftest"]["answer"]["refused"] == ""

    def wait_mark(self) -> str:
        """The id of the running test's own press, as soon as the centre has it."""
        view = self.wait_for(lambda view: (view["selftest"]["running"] or {}).get("links", {}).get("centre") == "done")
        return str(view["selftest"]["running"]["mark"])

    def wait_report(self) -> Report:
        """The report of the test that runs, as soon as it has ended."""
        view = self.wait_for(lambda view: view["selftest"]["last"] and not view["selftest"]["running"])
        last = {key: value for key, value in view["selftest"]["last"].items() if key != "ago_ms"}
        return report_of(last)


@pytest.fixture
def gate(tmp_path: Path, brokers: tuple[Mosquitto, Mosquitto], centre: CentreProcess) -> Iterator[Gate]:
    assert centre.directory.exists()
    ports = [broker.port for broker in brokers]
    (tmp_path / "synchronised").touch()
    clock = {"source": "file", "synced_file": str(tmp_path / "synchronised")}
    with Gate(tmp_path / "g", *ports, selftest=WIRED, siren=SIREN, clock=clock) as running:
        running.wait_for(
            lambda view: all(one["phase"] == "up" for one in view["brokers"]) and view["last_id"] is not None
        )
        yield running


def seen(desk: Listener, mark: str) -> None:
    """The officer has seen the test's card."""
    desk.publish(ADDRESS.receipts, wire.encode(wire.receipt_of(mark, Stage.SEEN, "officer Wang", None)))


def verdicts(report: Report) -> dict[str, str]:
    return {one.link.name: one.verdict.value for one in report.links}


def presses(centre: CentreProcess) -> list[Any]:
    return [row for row in centre.events() if is_press(row)]


def test_a_whole_test_proves_every_link_that_is_fitted_and_is_no_alarm(
    gate: Gate, centre: CentreProcess, desk: Listener
) -> None:
    gate.ask(Kind.FULL)
    seen(desk, gate.wait_mark())
    report = gate.wait_report()

    assert report.result is Result.PASS, [one for one in report.links if one.verdict.value == "FAIL"]
    assert report.stimulus is Stimulus.LOOPBACK
    assert (report.operator, report.officer) == ("technician Li", "officer Wang")
    untested = ["KEY", "LOOP", "POWER", "TAMPER", "WATCHDOG", "THERMOMETER"]
    assert verdicts(report) == {
        one.link.name: "NOT_TESTED" if one.link.name in untested else "PASS" for one in report.links
    }
    rows = centre.wait_for(lambda rows: any(is_report(row["event"]["body"]) for row in rows))
    arrived = next(row["event"] for row in rows if is_report(row["event"]["body"]))
    assert report_of(arrived["body"]) == report
    assert (arrived["topic"], arrived["origin"], arrived["code"]) == ("selftest", "self_test", 601)
    assert presses(centre) == []
    assert gate.view()["incident"]["ids"] == []


def test_a_real_press_during_a_test_is_an_alarm_and_takes_the_lamp(
    gate: Gate, centre: CentreProcess, desk: Listener
) -> None:
    gate.ask(Kind.FULL)
    mark = gate.wait_mark()
    gate.bench.press(80)
    centre.wait_presses(1)
    seen(desk, mark)
    report = gate.wait_report()
    assert (report.result, report.alarms) == (Result.PARTIAL, 1)
    assert verdicts(report)["LAMPS"] in ("PASS", "NOT_TESTED")
    assert verdicts(report)["CENTRE"] == "PASS"
    assert len(presses(centre)) == 1


class FingerBeside:
    """The relay's wire, with a finger that comes down on the button in the moment in which the relay lets go."""

    def __init__(self, wire: Any, bench: Bench) -> None:
        self._wire = wire
        self._bench = bench

    def drive_high(self) -> None:
        self._wire.drive_high()

    def drive_low(self) -> None:
        self._bench.set(Contact.KEY, closed=True)
        self._wire.drive_low()


def test_a_finger_on_the_button_when_the_relay_lets_go_is_an_alarm(gate: Gate, centre: CentreProcess) -> None:
    """Relay and finger are one wire: nothing moves on it when the one takes over from the other."""
    relay = gate.pin(WIRED["loopback_gpio"])
    relay.input_pin = FingerBeside(relay.input_pin, gate.bench)
    gate.ask(Kind.PATH)
    centre.wait_presses(1)
    gate.bench.set(Contact.KEY, closed=False)
    gate.wait_report()
    assert len(presses(centre)) == 1


def test_a_cut_cable_fails_and_lights_the_fault_lamp(gate: Gate) -> None:
    assert gate.running.bench is not None
    gate.running.bench.wires[WIRED["loopback_gpio"]].cut = True
    gate.ask(Kind.FULL)
    report = gate.wait_report()
    assert report.result is Result.FAIL
    assert [name for name, verdict in verdicts(report).items() if verdict == "FAIL"] == ["CABLE"]
    assert gate.trouble_since_ms("selftest_failed") is not None


def window(kind: str = "human", for_ms: int = 600_000, *, late_ms: int = 0) -> wire.CentreCommand:
    wall_ms = int(time.time() * 1000)
    return wire.CentreCommand(
        wire.SCHEMA, "open_window", secrets.token_hex(8), kind, "officer Wang", for_ms, wall_ms,
        wall_ms + 60_000 - late_ms,
    )  # fmt: skip


def test_a_press_in_the_centres_window_is_a_test_and_the_next_one_an_alarm(
    gate: Gate, centre: CentreProcess, desk: Listener
) -> None:
    desk.publish(ADDRESS.commands, wire.encode(window()))
    gate.wait_for(lambda view: view["lamp"] == "testing")
    gate.bench.press(150)
    seen(desk, gate.wait_mark())
    report = gate.wait_report()
    assert (report.kind, report.result, verdicts(report)["KEY"]) == (Kind.HUMAN, Result.PASS, "PASS"), report
    assert presses(centre) == []
    assert gate.view()["selftest"]["window"] is None
    gate.bench.press(150)
    assert len(centre.wait_presses(1)) == 1
    logged = [row["event"] for row in centre.events() if row["event"]["code"] == 607 and row["event"]["topic"] == "log"]
    assert [(one["qualifier"], one["body"]["by"]) for one in logged] == [(1, "officer Wang"), (3, "officer Wang")]


def test_a_press_that_is_held_is_an_alarm_in_a_window_too(gate: Gate, centre: CentreProcess, desk: Listener) -> None:
    desk.publish(ADDRESS.commands, wire.encode(window()))
    gate.wait_for(lambda view: view["lamp"] == "testing")
    gate.bench.press(2_300)
    assert len(centre.wait_presses(1)) == 1


def test_a_window_that_was_held_back_or_was_open_before_is_not_opened(gate: Gate, desk: Listener) -> None:
    desk.publish(ADDRESS.commands, wire.encode(window(late_ms=120_000)))
    gate.wait_for(lambda view: view["counters"].get("refused_window_expired") == 1)
    once = window(for_ms=1)
    for _ in range(2):
        desk.publish(ADDRESS.commands, wire.encode(once))
    gate.wait_for(lambda view: view["counters"].get("refused_window_repeated") == 1)
    desk.publish(ADDRESS.commands, wire.encode(window()), retain=True)
    gate.wait_for(lambda view: view["selftest"]["window"] is not None)  # live, it is not retained

"""The loopback self-test through the kernel's lines: a relay across the button, sensors at lamp and siren."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from edge.chain import Kind, Report, Result, report_of
from tests.machine.gate import KEY, KEY_NC, PROGRAMS, STATUS_LAMP, VirtualGate
from tests.process.gate import View

pytestmark = pytest.mark.machine

RELAY, SIREN, LAMP_SENSE, SIREN_SENSE = 25, 24, 12, 13
BUTTON = f"{RELAY}:{KEY} {RELAY}:{KEY_NC}:opens"
SENSES = f"{STATUS_LAMP}:{LAMP_SENSE} {SIREN}:{SIREN_SENSE}"
TRIES = 6
"""An emulated processor that is busy elsewhere is often too late for a test's 50 ms: in doubt it is an alarm then."""

TOKENS = itertools.count(1)


def wired(gate: VirtualGate, wires: str) -> None:
    """Solder the wires, in the place of those that were there."""
    gate.machine.attempt("systemctl stop wires")
    gate.machine.run(f"systemd-run -q --collect --unit=wires sh -c 'exec {PROGRAMS}/wires {wires} >/run/wires'")
    gate.machine.run("until grep -q wired /run/wires; do sleep 0.1; done; rm /run/wires")


def begin(gate: VirtualGate) -> None:
    wired(gate, f"{BUTTON} {SENSES}")
    gate.start(
        button={"key_gpio": KEY, "normally_closed_gpio": KEY_NC},
        siren={"relay_gpio": SIREN},
        # Not by itself: a new gate's first whole test would come between the test's own at some times of the day.
        selftest={
            "enabled": False, "loopback_gpio": RELAY, "lamp_sense_gpio": LAMP_SENSE, "siren_sense_gpio": SIREN_SENSE,
        },
    )  # fmt: skip


def outcome(gate: VirtualGate, kind: Kind) -> Report:
    """One test's report; the officer confirms a whole one as soon as the centre has it. An alarm that it became is
    ended."""
    token = f"t{next(TOKENS)}"
    gate.ask(ask="selftest", kind=kind.value, by="technician Li", token=token)
    view = gate.wait_for(lambda view: view["selftest"]["answer"]["token"] == token)
    assert view["selftest"]["answer"]["refused"] == ""
    view = gate.wait_for(lambda view: awaits_officer(view) or not view["selftest"]["running"])
    if kind is Kind.FULL and awaits_officer(view):
        gate.centre.seen(view["selftest"]["running"]["mark"])
    last = gate.wait_for(lambda view: view["selftest"]["last"] and not view["selftest"]["running"])["selftest"]["last"]
    report = report_of({key: value for key, value in last.items() if key != "ago_ms"})
    if report.alarms:
        gate.ask(ask="reset", by="technician Li")
        gate.wait_for(lambda view: not view["incident"]["ids"])
    print({one.link.name: (one.verdict.value, one.reason) for one in report.links})  # noqa: T201
    return report


def awaits_officer(view: View) -> bool:
    """The test that runs has come back from the centre."""
    running: dict[str, Any] = view["selftest"]["running"] or {}
    return bool(running.get("links", {}).get("centre") == "done")


def verdicts(report: Report) -> dict[str, str]:
    return {one.link.name: one.verdict.value for one in report.links}


def test_a_whole_test_passes_through_the_lines_and_is_no_alarm(gate: VirtualGate) -> None:
    begin(gate)
    reports = [outcome(gate, Kind.FULL)]
    while reports[-1].result is not Result.PASS and len(reports) < TRIES:
        reports.append(outcome(gate, Kind.FULL))
    assert reports[-1].result is Result.PASS
    proved = {"CABLE", "GPIO", "DECISION", "STORE", "LAMPS", "SIREN", "UPLINK", "CENTRE", "OFFICER", "RETURN", "LOG"}
    assert {name for name, verdict in verdicts(reports[-1]).items() if verdict == "PASS"} >= proved
    assert len(gate.centre.presses()) == sum(report.alarms for report in reports)


@pytest.mark.long
def test_a_relay_whose_wire_is_off_and_a_dead_lamp_fail_at_their_own_links(gate: VirtualGate) -> None:
    begin(gate)
    wired(gate, f"{RELAY}:{KEY_NC}:opens {SIREN}:{SIREN_SENSE}")
    report = outcome(gate, Kind.PATH)
    assert report.result is Result.FAIL
    assert verdicts(report)["CABLE"] == "FAIL"
    assert verdicts(report)["CENTRE"] != "PASS", "what never closed cannot have reached the centre"
    wired(gate, f"{BUTTON} {SIREN}:{SIREN_SENSE}")
    reports = [report, outcome(gate, Kind.PATH)]
    while verdicts(reports[-1])["LAMPS"] == "NOT_TESTED" and len(reports) < TRIES:
        reports.append(outcome(gate, Kind.PATH))
    assert verdicts(reports[-1])["LAMPS"] == "FAIL"
    assert len(gate.centre.presses()) == sum(one.alarms for one in reports)

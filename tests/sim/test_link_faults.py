"""A fault forced into each of the eighteen links fails that link, and no other that does not hang on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from edge.chain import Kind, Link, Report, Result, Verdict
from edge.events import Contact
from edge.evidence import Fitted
from edge.measuring import SkinRead
from edge.proving import ArrivedAsked, LinkProbed
from edge.sim.phases import Bench
from edge.sim.weather import Weather
from edge.state import KioskRules
from tests.unit.pupils import BCC

FITTED = Fitted(
    brokers=("one", "two"), loopback=True, supervised=True, siren=True, siren_sense=True, lamp_sense=True,
    thermometer=True, ledger=True,
)  # fmt: skip
PROBED = (Link.LOOP, Link.POWER, Link.TAMPER, Link.LOG, Link.WATCHDOG)
"""What no press can prove: the simulated port for them is the fact by which their hand reports (docs/selftest.md)."""


def bench() -> Bench:
    """A gate on which everything is fitted, and everything works."""
    made = Bench(7, fitted=FITTED, kiosk=KioskRules(BCC))
    for link in PROBED:
        made.gate.ask(LinkProbed(link, True, "proved", 0, 1.0, 1.0))
    ROOM.celsius = 20.0
    read(made)
    return made


class Room:
    """How warm the sensor says it is."""

    celsius = 20.0


ROOM = Room()


def read(made: Bench) -> None:
    """The infrared sensor reads on, once a second."""
    made.gate.ask(SkinRead(21.0, ROOM.celsius, 0))
    made.time.after(1_000, lambda: read(made))


def run(made: Bench, kind: Kind = Kind.FULL) -> Report:
    made.begin(kind)
    if kind in (Kind.HUMAN, Kind.DRILL):
        made.pass_by(500)
        made.terminals.press(Contact.KEY, 150)
        made.pass_by(30_000)
        made.gate.ask(ArrivedAsked("guard", 0))
    made.finish()
    report = made.gate.state.test.last
    assert report is not None
    assert made.alarms() == []
    return report


def test_where_everything_is_fitted_and_works_every_link_passes_but_the_finger() -> None:
    report = run(bench())
    verdicts = {one.link: one.verdict for one in report.links}
    assert verdicts.pop(Link.KEY) is Verdict.NOT_TESTED
    assert set(verdicts.values()) == {Verdict.PASS}, report.links
    assert report.result is Result.PASS


def test_a_persons_press_proves_the_key_as_well() -> None:
    report = run(bench(), Kind.HUMAN)
    assert {one.verdict for one in report.links} == {Verdict.PASS}, report.links


def told(link: Link) -> Callable[[Bench], None]:
    return lambda made: made.gate.ask(LinkProbed(link, False, "forced", 0))


def cut_relay(made: Bench) -> None:
    made.terminals.relay_cut = True


def lose_edges(made: Bench) -> None:
    made.terminals.relay_edges = False


def slow_decision(made: Bench) -> None:
    """Debounce that waits for longer than the relay holds."""
    contacts = made.gate.state.contacts
    contacts = replace(contacts, rules=replace(contacts.rules, confirm_ms=45))
    made.gate.state = replace(made.gate.state, contacts=contacts)


def refuse_writes(made: Bench) -> None:
    made.gate._card.takes_writes = False


def blind_lamp(made: Bench) -> None:
    made.gate.tester.senses_lamp = False


def silence_siren(made: Bench) -> None:
    made.gate.tester.senses_siren = False


def break_second_broker(made: Bench) -> None:
    made.brokers[1].denies = True


def silence_centre(made: Bench) -> None:
    for broker in made.brokers:
        broker.weather = Weather(receipt_lost=1.0)


def no_officer(made: Bench) -> None:
    made.centre.confirms_tests = False


def hide_receipt(made: Bench) -> None:
    made.gate.tester.shows_receipt = False


def set_clock(made: Bench) -> None:
    made.gate.kernel.offset_ms += 5_000
    made.pass_by(1_500)


def break_sensor(made: Bench) -> None:
    ROOM.celsius = 80.0
    made.pass_by(1_000)


FAULTS: dict[Link, tuple[Callable[[Bench], None], Kind]] = {
    Link.KEY: (told(Link.KEY), Kind.FULL),
    Link.CABLE: (cut_relay, Kind.FULL),
    Link.LOOP: (told(Link.LOOP), Kind.FULL),
    Link.GPIO: (lose_edges, Kind.FULL),
    Link.DECISION: (slow_decision, Kind.FULL),
    Link.STORE: (refuse_writes, Kind.FULL),
    Link.LAMPS: (blind_lamp, Kind.FULL),
    Link.SIREN: (silence_siren, Kind.FULL),
    Link.UPLINK: (break_second_broker, Kind.FULL),
    Link.CENTRE: (silence_centre, Kind.FULL),
    Link.OFFICER: (no_officer, Kind.DRILL),
    Link.RETURN: (hide_receipt, Kind.FULL),
    Link.POWER: (told(Link.POWER), Kind.FULL),
    Link.TAMPER: (told(Link.TAMPER), Kind.FULL),
    Link.TIME: (set_clock, Kind.FULL),
    Link.LOG: (told(Link.LOG), Kind.FULL),
    Link.WATCHDOG: (told(Link.WATCHDOG), Kind.FULL),
    Link.THERMOMETER: (break_sensor, Kind.FULL),
}


def test_no_link_is_without_a_forced_fault() -> None:
    assert set(FAULTS) == set(Link)


@pytest.mark.parametrize("link", Link, ids=lambda link: link.name.lower())
def test_a_forced_fault_fails_its_own_link_alone(link: Link) -> None:
    """What hangs on it is not reached, and says so; everything else still passes."""
    made = bench()
    force, kind = FAULTS[link]
    force(made)
    report = run(made, kind)
    failed = [one.link for one in report.links if one.verdict is Verdict.FAIL]
    assert failed == [link], report.links
    assert report.result is Result.FAIL
    unproved = [one for one in report.links if one.verdict is Verdict.NOT_TESTED and one.link is not Link.KEY]
    assert all(one.reason.startswith("not reached") for one in unproved), unproved

"""Days without any broker, on a virtual clock, with the real brain and the real store: then the live alarm is first.

The guard presses, the thermometer reads, the daemon is started anew each day; nothing of it can leave the gate. When a
broker is back the alarm that was pressed a moment before reaches the centre within a second, before the backlog.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from edge import alarm, contact, links, selftest, state, uplink
from edge.events import Backlog, Code, Contact, Lane, Noted, Qualifier
from edge.evidence import Fitted
from edge.sim.card import Card
from edge.sim.centre import Arrival, Centre
from edge.sim.hand import Terminals
from edge.sim.network import Broker
from edge.sim.timeline import Timeline
from edge.sim.truth import Truth, is_press
from tests.sim.real_store import StoringGate

HOUR_MS = 3_600_000
AT_ONCE = 25
"""Readings come some at a time: students come in rushes."""

LIVE_MS = 1_000
NEAR_MS = 3_000
DRAINED_MS_MAX = 60_000
NAMES = ("one", "two")


class Outage(NamedTuple):
    """So many hours without a broker, and what a gate makes of each part of them: ``lives`` of the daemon."""

    hours: int
    readings: int
    presses: int
    lives: int


SHORT = Outage(hours=1, readings=2_000, presses=30, lives=7)
WEEK = Outage(hours=7 * 24, readings=14_000, presses=30, lives=7)


class County:
    """One gate with a real store, two brokers, the centre."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.time = Timeline(seed)
        self.truth = Truth()
        self.truth.now_ms = lambda: self.time.now_ms
        self.centre = Centre(self.time, self.truth)
        self.brokers = [Broker(number, self.time, self.truth, self.centre) for number in range(len(NAMES))]
        self.centre.brokers = list(self.brokers)
        self.terminals = Terminals(self.time)
        rules = state.Rules(
            contact=contact.ContactRules(supervised=True),
            alarm=alarm.AlarmRules(),
            links=links.LinkRules(NAMES, (True,) * 2, (True,) * 2, jitter_seed=seed),
            uplink=uplink.UplinkRules(NAMES),
            selftest=selftest.SelfTestRules(Fitted(brokers=NAMES, supervised=True)),
        )
        StoringGate.file = directory / "events.db"
        self.gate = StoringGate(self.time, self.truth, Card(), self.terminals, self.brokers, rules)
        self.gate.kernel.synchronise()

    def pass_by(self, pause_ms: int) -> None:
        self.time.run_until(self.time.now_ms + pause_ms)

    def endure(self, outage: Outage) -> None:
        """The outage, part after part: readings and presses spread over it, each part a life of the daemon."""
        rushes = outage.readings // AT_ONCE // outage.lives
        pause_ms = outage.hours * HOUR_MS // outage.lives // rushes
        press_every = max(1, rushes * outage.lives // outage.presses)
        for life in range(outage.lives):
            for rush in range(rushes):
                for _ in range(AT_ONCE):
                    self.gate.ask(Noted(Code.CONFIGURATION_CHANGED, Qualifier.STATUS, None, "a reading", 0))
                if (life * rushes + rush) % press_every == 0:
                    self.terminals.press(Contact.KEY, 200)
                self.pass_by(pause_ms)
            self.gate.stop()
            self.gate.start()
        self.pass_by(NEAR_MS)

    def wait_for_dial(self) -> None:
        """Until the gate is about to dial: so what is pressed now is fresh when the line stands."""
        while not 1_000 <= self._dial_ms() - self.gate.kernel.now_ms() <= NEAR_MS:
            self.pass_by(100)

    def wait_for_line(self) -> int:
        """The moment at which a broker was connected."""
        while not links.connected(self.gate.state.links):
            self.pass_by(1)
        return self.time.now_ms

    def press_now(self) -> int:
        """Press; the moment of it."""
        self.terminals.press(Contact.KEY, 200)
        return self.time.now_ms

    def press_of(self, pressed_ms: int) -> Arrival | None:
        """The press of that moment, once the centre has it."""
        for one in self.centre.arrivals.values():
            told = self.truth.presses.get(one.publish.record.id)
            if told is not None and told.closing.start_ms == pressed_ms:
                return one
        return None

    def _dial_ms(self) -> int:
        return min(link.retry_ms for link in self.gate.state.links.links if link.phase is links.Phase.DOWN)


def left_ms(one: Arrival) -> int:
    """When the gate handed it to the broker, by the clock of its kernel, which is the same in all its lives here."""
    assert one.publish.age_ms is not None
    return one.publish.record.at_ms + one.publish.age_ms


@pytest.mark.parametrize(
    "outage", [pytest.param(SHORT, id="an-hour"), pytest.param(WEEK, id="seven-days", marks=pytest.mark.long)]
)
def test_the_first_live_alarm_after_an_outage_is_at_the_centre_within_a_second_and_before_the_backlog(
    tmp_path: Path, outage: Outage
) -> None:
    county = County(tmp_path, seed=6)
    county.pass_by(20_000)
    assert links.connected(county.gate.state.links), "without a line before it there is no outage"
    for broker in county.brokers:
        broker.crash()
    before = set(county.centre.arrivals)
    county.endure(outage)
    assert set(county.centre.arrivals) == before
    county.wait_for_dial()
    waiting_ms = county.press_now()
    for broker in county.brokers:
        broker.up = True
    up_ms = county.wait_for_line()
    fresh_ms = county.press_now()
    county.pass_by(LIVE_MS)
    waiting, fresh = county.press_of(waiting_ms), county.press_of(fresh_ms)
    assert waiting is not None, "pressed a moment before the line stood, and not at the centre a second after"
    assert fresh is not None, "pressed when the line stood, and not at the centre a second later"
    assert not waiting.publish.replayed
    assert not fresh.publish.replayed
    arrived = [one for id, one in county.centre.arrivals.items() if id not in before]
    rest = [one for one in arrived if one.publish.record.lane is not Lane.ALARM]
    # The simulated network keeps no order: what counts is when the gate let each go.
    assert left_ms(waiting) <= min(map(left_ms, rest)), "something of the backlog went before it"
    assert len(rest) < outage.readings // 2, "with so little backlog it shows nothing that the alarm came first"
    print(f"{waiting.true_ms - up_ms} ms and {fresh.true_ms - fresh_ms} ms; {len(rest)} others in that second")  # noqa: T201
    county.pass_by(DRAINED_MS_MAX)
    lost = set(county.truth.events) - set(county.centre.arrivals)
    assert lost == set()
    assert sum(is_press(one.publish.record) for one in arrived) <= len(county.truth.presses)
    assert len(county.truth.presses) >= outage.presses + 2
    assert sum(map(len, county.gate.state.uplink.held)) == 0
    assert replace(county.gate.state.uplink.backlog, last_id=None) == Backlog()

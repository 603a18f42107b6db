"""A real press at every phase of a test, and tests without any: what the standards' note calls R18.

The wires are true to life: a relay that takes its time and bounces, a finger that comes before it, with it, after it.
The judge is the world's own (``edge.sim.truth``): one push of a finger is one alarm, and no alarm is without a finger.
"""

from __future__ import annotations

from collections import Counter

from edge import alarm, contact, links, selftest, state, uplink
from edge.chain import Kind, Result, WindowOpened
from edge.events import Contact, Topic
from edge.evidence import Fitted
from edge.proving import ArrivedAsked, SelfTestAsked
from edge.sim.card import Card
from edge.sim.centre import Arrival, Centre
from edge.sim.clocks import EPOCH_MS
from edge.sim.gate import Gate
from edge.sim.hand import Terminals
from edge.sim.network import Broker
from edge.sim.timeline import Timeline
from edge.sim.truth import Truth, Wrong, is_press

ARRIVE_MS = 2_000
"""From the press, or from the moment that makes one of a window an alarm, to the centre."""

WARM_UP_MS = 3_000
TEST_MS_MAX = 100_000

HOLDS_MS = (50, 60, 80, 120, 200, 400, 1_000, 2_500)
NEAR_MS = 120
"""Half of the presses fall so close around the relay's time."""


class Bench:
    """A gate with two brokers in fair weather, from one seed."""

    def __init__(
        self, seed: int, *, trace: bool = False, fitted: Fitted | None = None, kiosk: state.KioskRules | None = None
    ) -> None:
        self.time = Timeline(seed)
        if trace:
            self.time.trace = []
        self.truth = Truth()
        self.truth.now_ms = lambda: self.time.now_ms
        self.centre = Centre(self.time, self.truth)
        names = ("one", "two")
        self.brokers = [Broker(number, self.time, self.truth, self.centre) for number in range(2)]
        self.centre.brokers = list(self.brokers)
        self.terminals = Terminals(self.time)
        if fitted is None:
            fitted = Fitted(brokers=names, loopback=self.time.random.random() < 0.75, supervised=True)
        rules = state.Rules(
            contact=contact.ContactRules(supervised=True),
            alarm=alarm.AlarmRules(),
            links=links.LinkRules(names, (True,) * 2, (True,) * 2, jitter_seed=seed),
            uplink=uplink.UplinkRules(names),
            selftest=selftest.SelfTestRules(fitted),
            kiosk=kiosk or state.KioskRules(),
        )
        self.gate = Gate(self.time, self.truth, Card(), self.terminals, self.brokers, rules)
        self.gate.kernel.synchronise()
        self.pass_by(WARM_UP_MS)

    def pass_by(self, pause_ms: int) -> None:
        """Let time pass."""
        self.time.run_until(self.time.now_ms + pause_ms)

    def begin(self, kind: Kind) -> None:
        """Ask for a test; or open the centre's window for one."""
        if kind in (Kind.FULL, Kind.PATH):
            self.gate.ask(SelfTestAsked(kind, "technician", "", "", 0))
        else:
            nonce = f"{self.time.random.getrandbits(64):016x}"
            expires_ms = EPOCH_MS + self.time.now_ms + 60_000
            self.gate.ask(WindowOpened(nonce, kind, "officer", 600_000, expires_ms, 0))

    def finish(self) -> None:
        """Until the test has ended."""
        end_ms = self.time.now_ms + TEST_MS_MAX
        while self.gate.state.test.run is not None or self.gate.state.test.claim is not None:
            self.pass_by(500)
            if self.time.chance(0.1):
                self.gate.ask(ArrivedAsked("guard", 0))  # which means something in a drill only
            if self.time.now_ms > end_ms:
                raise Wrong(f"the test did not end within {TEST_MS_MAX // 1000} s")

    def alarms(self) -> list[Arrival]:
        """The real alarms that the centre has."""
        return [one for one in self.centre.arrivals.values() if is_press(one.publish.record)]

    def marks(self) -> list[Arrival]:
        """The tests' own presses that the centre has."""
        return [one for one in self.centre.arrivals.values() if one.publish.record.topic is Topic.SELF_TEST]


def pressed_meanwhile(seed: int, *, trace: bool = False) -> Bench:
    """One test and one real press at a random phase of it. Raises Wrong, or whatever the brain raised."""
    bench = Bench(seed, trace=trace)
    random = bench.time.random
    kind = random.choice((Kind.FULL, Kind.FULL, Kind.PATH, Kind.HUMAN, Kind.DRILL))
    hold_ms = random.choice(HOLDS_MS)
    if kind in (Kind.HUMAN, Kind.DRILL):
        return _pressed_in_window(bench, kind, hold_ms)
    near = random.random() < 0.5
    after_ms = random.randint(0, NEAR_MS) if near else random.randint(0, 25_000)
    early = random.random() < 0.2
    bounce_ms = random.choice((0, 0, 6, 15)) if hold_ms >= 80 else 0
    if early:
        bench.terminals.press(Contact.KEY, hold_ms, bounce_ms)
        bench.pass_by(random.randint(0, NEAR_MS))
        pressed_ms = bench.terminals.history[-1].start_ms
        bench.begin(kind)
    else:
        bench.begin(kind)
        bench.pass_by(after_ms)
        pressed_ms = bench.time.now_ms
        bench.terminals.press(Contact.KEY, hold_ms, bounce_ms)
    _demand_one(bench, pressed_ms + ARRIVE_MS)
    bench.finish()
    _demand_one(bench, bench.time.now_ms)
    return bench


def _pressed_in_window(bench: Bench, kind: Kind, hold_ms: int) -> Bench:
    """The quiet press that the window is for, and a second one; or one that is held."""
    random = bench.time.random
    bench.begin(kind)
    bench.pass_by(random.randint(100, 5_000))
    pressed_ms = bench.time.now_ms
    bench.terminals.press(Contact.KEY, hold_ms)
    if hold_ms >= 2_000:
        _demand_one(bench, pressed_ms + 2_000 + ARRIVE_MS)
        bench.finish()
        return bench
    bench.pass_by(hold_ms + random.randint(60, 20_000))
    if bench.alarms():
        raise Wrong("a quiet press in the centre's window became an alarm")
    pressed_ms = bench.time.now_ms
    bench.terminals.press(Contact.KEY, random.choice(HOLDS_MS))
    _demand_one(bench, pressed_ms + ARRIVE_MS)
    bench.finish()
    _demand_one(bench, bench.time.now_ms)
    return bench


def _demand_one(bench: Bench, by_ms: int) -> None:
    bench.time.run_until(max(by_ms, bench.time.now_ms))
    found = bench.alarms()
    if len(found) != 1:
        raise Wrong(f"one real press, and the centre has {len(found)} alarms of it")
    if found[0].true_ms > by_ms:
        raise Wrong(f"the alarm came {found[0].true_ms - by_ms} ms late")


def undisturbed(seed: int, tests: int) -> Counter[str]:
    """So many tests one after another, disturbances on the cable, and nobody presses: none may be an alarm, all pass.

    Raises Wrong, or whatever the brain raised. Gives the results, and how many marks the centre has.
    """
    bench = Bench(seed)
    results: Counter[str] = Counter()
    for _ in range(tests):
        kind = bench.time.random.choice((Kind.FULL, Kind.PATH))
        bench.begin(kind)
        if bench.time.chance(0.5):
            bench.pass_by(bench.time.random.randint(0, NEAR_MS))
            bench.terminals.spike(bench.time.random.randint(1, 5))
        bench.finish()
        report = bench.gate.state.test.last
        assert report is not None
        results[report.result.value] += 1
        if report.result is not Result.PASS:
            raise Wrong(f"a test in fair weather: {report.result.value}, {selftest.failed_links(report)}")
        if bench.alarms():
            raise Wrong("a test was an alarm at the centre")
        bench.pass_by(bench.time.random.randint(100, 60_000))
    results["marks"] = sum(one.publish.record.code.value in (122, 123) for one in bench.marks())
    if results["marks"] != tests:
        raise Wrong(f"{tests} tests, and {results['marks']} marks at the centre")
    return results

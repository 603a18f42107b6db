"""A county in a bottle: one gate, its card, its brokers, the centre and the weather, all from one seed.

A storm has two phases. In the first anything may fail, and nothing wrong may happen. Then faults stop, and nothing else
is done for the gate's sake: only time passes, and all owed work must finish.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from edge import alarm, contact, links, selftest, state, uplink
from edge.chain import Kind, Result
from edge.events import Code, Contact, Lane, Noted, Qualifier, Record
from edge.evidence import Fitted
from edge.proving import SelfTestAsked
from edge.sim.card import Card
from edge.sim.centre import Centre
from edge.sim.entrance import Entrance
from edge.sim.gate import Gate
from edge.sim.hand import Terminals
from edge.sim.network import Broker
from edge.sim.timeline import Timeline
from edge.sim.truth import Truth, Wrong, is_press
from edge.sim.weather import CALM, Weather, storm

STORM_MS = 120_000
CALM_MS = 240_000
LIVE_MS_MAX = 1_000
KIOSK_EVERY = 5
"""One storm in so many has a kiosk at its gate."""

TESTED_EVERY = 3
"""In one storm of so many a technician tests the alarm in the midst of it; half of these gates have a relay for it."""

TEST_MS_MAX = 100_000


class World:
    """Everything around one gate. ``happened`` counts what the storm did. ``kiosk`` None: the seed decides."""

    def __init__(self, seed: int, *, trace: bool = False, kiosk: bool | None = None) -> None:
        self.time = Timeline(seed)
        if trace:
            self.time.trace = []
        random = self.time.random
        self.happened: Counter[str] = Counter()
        done_on_broker = random.random() < 0.1
        self.truth = Truth(done_on_broker)
        self.truth.now_ms = lambda: self.time.now_ms
        self.centre = Centre(self.time, self.truth)
        count = random.choice((1, 2))
        self.brokers = [Broker(number, self.time, self.truth, self.centre) for number in range(count)]
        self.centre.brokers = list(self.brokers)
        self.card = Card()
        self.terminals = Terminals(self.time)
        self.tested = seed % TESTED_EVERY == 1
        self.entrance = Entrance(self.time, seed) if kiosk or (kiosk is None and seed % KIOSK_EVERY == 0) else None
        names = tuple(f"broker-{number}" for number in range(count))
        rules = state.Rules(
            contact=contact.ContactRules(supervised=True),
            alarm=alarm.AlarmRules(done_on_broker=done_on_broker, audible=random.random() < 0.5),
            links=links.LinkRules(names, (True,) * count, (True,) * count, jitter_seed=seed),
            uplink=uplink.UplinkRules(names, done_on_broker),
            selftest=selftest.SelfTestRules(
                Fitted(
                    brokers=names, receipts=not done_on_broker, loopback=self.tested and seed % 2 == 0, supervised=True
                )
            ),
            kiosk=state.KioskRules() if self.entrance is None else self.entrance.rules(),
        )
        self.gate = Gate(self.time, self.truth, self.card, self.terminals, self.brokers, rules, self.entrance)

    # --- what may happen --------------------------------------------------------------------------------------------

    def press(self) -> None:
        """The guard pushes the key, well or badly."""
        random = self.time.random
        if self.time.now_ms > self.terminals.busy_until_ms:
            self.happened["presses"] += 1
            hold_ms = random.choice((120, 200, 600, 3_000))
            self.terminals.press(Contact.KEY, hold_ms, random.choice((0, 6, 15)), random.choice((0, 0, 2)))

    def spike(self) -> None:
        """A disturbance on the cable."""
        if self.time.now_ms > self.terminals.busy_until_ms:
            self.happened["disturbances"] += 1
            self.terminals.spike(self.time.random.randint(1, 5))

    def turn_reset_key(self) -> None:
        """Somebody turns the reset key."""
        if self.time.now_ms > self.terminals.busy_until_ms:
            self.happened["resets"] += 1
            self.terminals.press(Contact.RESET, 300)

    def cut_power(self) -> None:
        """The Pi goes dark, and comes back with another kernel and a wrong clock."""
        if self.gate.alive:
            self.happened["power cuts"] += 1
            self.gate.stop()
            self.time.after(self.time.random.randint(2_000, 15_000), self._on)

    def kill_daemon(self) -> None:
        """The daemon dies; its supervisor starts it again."""
        if self.gate.alive:
            self.happened["kills"] += 1
            self.gate.stop()
            self.time.after(self.time.random.randint(200, 2_000), self.gate.start)

    def break_broker(self) -> None:
        """A broker crashes, or the way to it fails in one of three ways; it mends after a while."""
        random = self.time.random
        broker = random.choice(self.brokers)
        self.happened["broker faults"] += 1
        match random.randint(0, 4):
            case 0:
                broker.crash()
                self._mend(lambda: setattr(broker, "up", True))
            case 1:
                broker.reachable = False
                if broker.wire is not None:
                    broker.wire.cut()
                self._mend(lambda: setattr(broker, "reachable", True))
            case 2:
                if broker.wire is not None:
                    broker.wire.hang()
            case 3:
                broker.denies = True
                self._mend(lambda: setattr(broker, "denies", False))
            case _:
                broker.speaks_5 = not broker.speaks_5

    def send_centre_home(self) -> None:
        """The centre's application goes away for a while; perhaps the broker keeps its session."""
        self.happened["centre absences"] += 1
        for broker in self.brokers:
            broker.keeps_session = self.time.chance(0.5)
            broker.set_listening(False)
        self._mend(self._call_centre_back)

    def break_card(self) -> None:
        """The card refuses writes, or hangs."""
        self.happened["card faults"] += 1
        if self.time.chance(0.5):
            self.card.takes_writes = False
            self._mend(lambda: setattr(self.card, "takes_writes", True))
        else:
            self.card.stuck_ms = self.time.random.randint(500, 20_000)
            self._mend(lambda: setattr(self.card, "stuck_ms", 0))

    def break_sensor(self) -> None:
        """The infrared sensor or its bus fails, in one of the ways that it can."""
        if self.entrance is not None:
            entrance = self.entrance
            self.happened["sensor faults"] += 1
            entrance.break_sensor()
            self._mend(lambda: setattr(entrance, "missed", None))

    def kill_camera(self) -> None:
        """The camera process dies, and comes back after a while."""
        if self.entrance is not None:
            entrance = self.entrance
            self.happened["camera deaths"] += 1
            entrance.camera = False
            self._mend(lambda: setattr(entrance, "camera", True))

    def test(self) -> None:
        """A technician asks for a test, whatever else happens; the gate may refuse."""
        self.happened["tests asked for"] += 1
        kind = self.time.random.choice((Kind.FULL, Kind.PATH))
        self.gate.ask(SelfTestAsked(kind, "technician", "", "", 0))

    def set_clock(self) -> None:
        """The time server is heard, or lost with a jump."""
        if self.gate.kernel.synced:
            self.gate.kernel.lose(0)
        else:
            self.gate.kernel.synchronise()

    def routine(self) -> None:
        """A few events that are not alarms."""
        if self.gate.alive:
            for _ in range(self.time.random.randint(1, 40)):
                self.gate._feed(Noted(Code.CONFIGURATION_CHANGED, Qualifier.NEW, None, "", self.gate.kernel.now_ms()))

    # --- a storm ------------------------------------------------------------------------------------------------------

    def storm(self) -> None:
        """Phase one."""
        self.set_weather(storm(self.time.random))
        self.centre.officer_awake = 0.5
        acts: list[tuple[Callable[[], None], int]] = [
            (self.press, 14), (self.spike, 6), (self.turn_reset_key, 2), (self.gate.command_line_reset, 1),
            (self.cut_power, 3), (self.kill_daemon, 3), (self.break_broker, 6), (self.send_centre_home, 2),
            (self.break_card, 3), (self.set_clock, 4), (self.routine, 4),
        ]  # fmt: skip
        if self.entrance is not None:
            acts += [(self.break_sensor, 4), (self.kill_camera, 4)]
        if self.tested:
            acts.append((self.test, 10))
        for act, most in acts:
            for _ in range(self.time.random.randint(0, most)):
                self.time.after(self.time.random.randint(0, STORM_MS), act)
        self.time.run_until(self.time.now_ms + STORM_MS)

    def calm(self) -> None:
        """Phase two: faults stop, and only time passes."""
        self.set_weather(CALM)
        self.centre.officer_awake = 0.0
        self.card.takes_writes, self.card.stuck_ms = True, 0
        if self.entrance is not None:
            self.entrance.missed, self.entrance.camera = None, True
        for broker in self.brokers:
            broker.up = broker.reachable = broker.speaks_5 = True
            broker.denies = False
            broker.set_listening(True)
        self.time.run_until(self.time.now_ms + 30_000)
        self.gate.kernel.synchronise()
        self.time.run_until(self.time.now_ms + CALM_MS)

    def judge(self) -> None:
        """All owed work is finished, in order, and the next press is quick. Raises Wrong."""
        self._judge_presses()
        if any(self.gate.state.uplink.held):  # made this very moment: flow is told when five minutes are over
            self.time.run_until(self.time.now_ms + LIVE_MS_MAX)
        for lane in Lane:
            if self.gate.state.uplink.held[lane] or self.card.file.owed[lane]:
                raise Wrong(f"still owed on the {lane.name} lane: {self.gate.state.uplink.held[lane]}")
        self.time.run_until(self.time.now_ms + 1_000)
        arrivals = len(self.centre.arrivals)
        self.terminals.press(Contact.KEY, 100)
        self.time.run_until(self.time.now_ms + LIVE_MS_MAX)
        fresh = [one for one in list(self.centre.arrivals.values())[arrivals:] if is_press(one.publish.record)]
        if len(fresh) != 1 or fresh[0].publish.replayed:
            raise Wrong(f"a press in calm did not arrive live within {LIVE_MS_MAX} ms")
        self.time.run_until(self.time.now_ms + 5_000)
        self.terminals.press(Contact.RESET, 300)
        self.time.run_until(self.time.now_ms + 5_000)
        if self.gate.state.alarm.ids:
            raise Wrong("the reset key did not end the incident")
        if self.tested:
            self._judge_test()
        if self.gate.state.health.standing:
            raise Wrong(f"troubles stand after calm: {self.gate.state.health.standing}")

    def _judge_test(self) -> None:
        """After calm the whole chain passes its test, and that ends the trouble of every test that failed before."""
        self.centre.confirms_tests = True
        self.gate.ask(SelfTestAsked(Kind.FULL, "technician", "", "", 0))
        end_ms = self.time.now_ms + TEST_MS_MAX
        while self.gate.state.test.run is not None and self.time.now_ms < end_ms:
            self.time.run_until(self.time.now_ms + 1_000)
        report = self.gate.state.test.last
        best = Result.PARTIAL if self.truth.done_on_broker else Result.PASS
        if report is None or report.kind is not Kind.FULL or report.result is not best:
            failed = "it never ended" if report is None else f"{report.result.value} {selftest.failed_links(report)}"
            raise Wrong(f"a test in calm did not pass: {failed}")
        self.time.run_until(self.time.now_ms + 5_000)

    def _judge_presses(self) -> None:
        named = {id(told.closing) for told in self.truth.presses.values()}
        for closing in self.terminals.history:
            if closing.contact is Contact.KEY and not closing.spike and self.gate.was_up(closing):
                if id(closing) not in named:
                    raise Wrong(f"a press from {closing.start_ms} to {closing.end_ms} ms was never noticed")
                self.happened["seen presses"] += 1
        for press, told in self.truth.presses.items():
            reached = press in self.truth.on_card or told.life == self.gate.lives
            if reached and press not in self.truth.at_centre and not self.truth.done_on_broker:
                raise Wrong(f"press {press} was stored or lived to be sent, and is not at the centre")
            if reached and press not in self.truth.taken:
                raise Wrong(f"press {press} never reached a broker")
        records = [self.truth.presses[press].record for press in self.centre.arrivals if press in self.truth.presses]
        by_truth = sorted(records, key=lambda record: self.truth.presses[record.id].true_ms)
        if sorted(records, key=_order) != by_truth:
            raise Wrong("the centre's order is not the order in which the keys were pressed")

    # --- helpers ------------------------------------------------------------------------------------------------------

    def _call_centre_back(self) -> None:
        for broker in self.brokers:
            broker.set_listening(True)

    def _on(self) -> None:
        if not self.gate.alive:
            self.gate.power_on()

    def _mend(self, mend: Callable[[], None]) -> None:
        self.time.after(self.time.random.randint(1_000, 40_000), mend)

    def set_weather(self, weather: Weather) -> None:
        """How the card, the cable and every broker are from now on."""
        self.card.weather = weather
        self.terminals.edge_lost = weather.edge_lost
        for broker in self.brokers:
            broker.weather = weather


def run(seed: int, *, trace: bool = False) -> World:
    """One storm from its seed, judged. Raises Wrong, or whatever the brain raised."""
    world = World(seed, trace=trace)
    world.storm()
    world.calm()
    world.judge()
    return world


def _order(record: Record) -> tuple[int, int, int]:
    return record.boot_counter, record.at_ms, record.id.counter

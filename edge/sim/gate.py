"""One Pi: its kernel, one life of the daemon after another, and the hands that carry out what the brain commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from msgspec.structs import replace

from edge import core, state
from edge.events import (
    Alive,
    Boot,
    Code,
    Command,
    Connect,
    Contact,
    ContactEdge,
    Disconnect,
    Fact,
    Lane,
    LevelRead,
    Loaded,
    LookAt,
    MarkDone,
    Origin,
    Publish,
    PublishHealth,
    ReceiptCame,
    Record,
    ResetAsked,
    ShowLamp,
    SoundSiren,
    Stage,
    Store,
    StoreCommand,
    Ticked,
)
from edge.proving import CloseContact, PulseSiren
from edge.sim.card import Card, Keeper
from edge.sim.clocks import Kernel
from edge.sim.entrance import Entrance
from edge.sim.hand import LOOK_MS, POLL_MS, Closing, Terminals
from edge.sim.network import Broker, Phase, Wire
from edge.sim.tester import RELAY_MS_MAX, Tester
from edge.sim.timeline import Timeline
from edge.sim.truth import Told, Truth, Wrong, is_press

ALIVE_MS = 1_000
RESET_KEY_MS_MAX = 600
UNANSWERED_MAX = 24  # 16 + 4 alarms, a heartbeat and probes


class Gate:
    """The machine at the gate. ``alive`` while a daemon runs; ``entrance`` None: a gate without a kiosk."""

    def __init__(
        self,
        timeline: Timeline,
        truth: Truth,
        card: Card,
        terminals: Terminals,
        brokers: Sequence[Broker],
        rules: state.Rules,
        entrance: Entrance | None = None,
    ) -> None:
        self._time = timeline
        self._truth = truth
        self._card = card
        self._terminals = terminals
        self._brokers = brokers
        self._rules = rules
        self._entrance = entrance
        self.lives = 0
        self.boots = 0
        self.alive = False
        self.lived: list[tuple[int, int]] = []
        terminals.listener = self._moved
        self.power_on()

    # --- power ----------------------------------------------------------------------------------------------------

    def power_on(self) -> None:
        """The kernel starts, and the daemon with it."""
        self.kernel = Kernel(self._time, self.lives)
        self.start()

    def start(self) -> None:
        """A new life of the daemon on the same kernel."""
        self.lives += 1
        self.boots += 1
        life = self.lives
        self.alive = True
        self._since_ms = self._time.now_ms
        boot = Boot(f"{self._time.random.getrandbits(64):016x}", self.boots, self.kernel.id)
        self._truth.begin_life(life)
        self._told: dict[Contact, bool] = {}
        self._planned_ms: int | None = None
        self.state = state.begin(boot, self._rules, self.kernel.now_ms())
        self._time.say(f"gate: life {life} begins, boot {boot.id}")

        def post(fact: Fact) -> None:
            if self.alive and life == self.lives:
                self._feed(replace(fact, at_ms=self.kernel.now_ms()))

        fitted = self._rules.selftest.fitted
        self.tester = Tester(self._time, self._terminals, fitted.loopback, post, self.kernel.now_ms)
        self.keeper = self.open_store(post)
        for broker in self._brokers:
            broker.wire = Wire(broker, self._time, post)
        self._feed(self.kernel.read())
        self._poll(life)
        self._beat(life)
        self.keeper.start()
        if self._entrance is not None:
            self._entrance.begin(post)

    def open_store(self, post: Callable[[Fact], None]) -> Keeper:
        """The store's thread of a new life. A gate on another card than the simulated one says so here."""
        keeper = Keeper(self._time, self._truth, self._card, post)
        keeper.clock = self.kernel.now_ms
        return keeper

    def stop(self) -> None:
        """The daemon is gone in this instant: killed, or the power cut."""
        self.alive = False
        self.lived.append((self._since_ms, self._time.now_ms))
        self.keeper.power_cut()
        self.tester.end()
        for broker in self._brokers:
            broker.wire = None
        self._time.say("gate: gone")

    def was_up(self, closing: Closing) -> bool:
        """True if one life saw the whole closure, and a little more."""
        now_ms = self._time.now_ms
        spans = [*self.lived, (self._since_ms, now_ms)] if self.alive else self.lived
        return any(begin < closing.start_ms and closing.end_ms + 200 < end for begin, end in spans)

    # --- what it senses -------------------------------------------------------------------------------------------

    def _moved(self, contact: Contact, told: bool) -> None:
        if self.alive and told:
            closed = self._terminals.closed[contact]
            self._told[contact] = closed
            self._feed(ContactEdge(contact, closed, self.kernel.now_ms(), Origin.PERSON))

    def _poll(self, life: int) -> None:
        if not self.alive or life != self.lives:
            return
        for contact, closed in self._terminals.closed.items():
            if self._told.get(contact) is not closed:
                self._told[contact] = closed
                self._feed(LevelRead(contact, closed, self.kernel.now_ms()))
        self._time.after(POLL_MS, lambda: self._poll(life))

    def _look(self, contact: Contact, life: int) -> None:
        if self.alive and life == self.lives:
            self._told[contact] = self._terminals.closed[contact]
            self._feed(LevelRead(contact, self._told[contact], self.kernel.now_ms()))

    def _beat(self, life: int) -> None:
        if not self.alive or life != self.lives:
            return
        for duty in ("contact", "lamps"):
            self._feed(Alive(duty, self.kernel.now_ms()))
        self._feed(self.kernel.read())
        self.keeper.beat()
        self._time.after(ALIVE_MS, lambda: self._beat(life))

    def command_line_reset(self) -> None:
        """A named person ends the incident."""
        if self.alive:
            self._feed(ResetAsked("technician", 1000, self.kernel.now_ms()))

    # --- what it thinks and does ----------------------------------------------------------------------------------

    def _feed(self, fact: Fact) -> None:
        self._truth.reset_acts = int(self._entitled(fact))
        self.state, commands = core.step(self.state, fact)
        for command in commands:
            self._obey(command)
        if isinstance(fact, Loaded) and fact.lane is Lane.ALARM:
            self._truth.recovered = True
        if self.state.lamp is not None:
            self._truth.lamp(self.state.lamp.show)
        self._plan(self.lives)

    def _plan(self, life: int) -> None:
        due_ms = max(core.wake_at(self.state), self.kernel.now_ms())
        if self._planned_ms is not None and self._planned_ms <= due_ms:
            return
        self._planned_ms = due_ms

        def tick() -> None:
            if not self.alive or life != self.lives or self._planned_ms != due_ms:
                return
            self._planned_ms = None
            if core.wake_at(self.state) <= self.kernel.now_ms():
                self._feed(Ticked(self.kernel.now_ms()))
            else:
                self._plan(life)

        self._time.after(due_ms - self.kernel.now_ms(), tick)

    def _entitled(self, fact: Fact) -> bool:
        """May this fact end an incident? The reset key turned just now, a named person, or the centre's close."""
        if isinstance(fact, ResetAsked):
            return True
        if isinstance(fact, ReceiptCame):
            return fact.stage is Stage.CLOSED and fact.id in self._truth.open_ids
        now_ms = self._time.now_ms
        return any(
            one.contact is Contact.RESET and one.start_ms <= now_ms <= one.end_ms + RESET_KEY_MS_MAX
            for one in self._terminals.history[-6:]
        )

    def _obey(self, command: Command) -> None:
        match command:
            case Store(record=record):
                self._note(record)
                self.keeper.take(command)
            case MarkDone(id=id):
                self._truth.may_be_done(id)
                self.keeper.take(command)
            case Publish(broker=number) | PublishHealth(broker=number):
                self._publish(command, self._wire(number), number)
            case Connect(broker=number, mqtt5=mqtt5):
                wire = self._wire(number)
                if wire.phase is not Phase.IDLE:
                    raise Wrong(f"broker {number} is dialled while {wire.phase.value}")
                wire.connect(mqtt5)
            case Disconnect(broker=number, reason=reason):
                self._wire(number).disconnect(reason)
            case LookAt(contact=contact):
                self._time.after(LOOK_MS, partial(self._look, contact, self.lives))
            case CloseContact():
                self.tester.close_contact(command)
            case PulseSiren() | SoundSiren():
                self.tester.sound()
            case ShowLamp(show=show):
                self.tester.light(show)
                self._time.say(f"lamp: {show.value}{', fault' if command.fault else ''}")
            case _ if isinstance(command, StoreCommand):
                self.keeper.take(command)
            case _ if self._entrance is not None:
                self._entrance.obey(command)
            case _:
                pass

    def ask(self, fact: Fact) -> None:
        """Somebody asks the gate for something now: a test, a window."""
        if self.alive:
            self._feed(replace(fact, at_ms=self.kernel.now_ms()))

    def _publish(self, command: Publish | PublishHealth, wire: Wire, number: int) -> None:
        if wire.phase is not Phase.UP:
            raise Wrong(f"something is published to broker {number}, which is {wire.phase.value}")
        if self.state.links.links[number].unanswered > UNANSWERED_MAX:
            raise Wrong(f"{self.state.links.links[number].unanswered} unanswered publishes at broker {number}")
        if isinstance(command, Publish):
            wire.publish(command)
        else:
            wire.publish_health(command)

    def _wire(self, number: int) -> Wire:
        wire = self._brokers[number].wire
        if wire is None:
            raise Wrong("a command without a life")
        return wire

    def _note(self, record: Record) -> None:
        """Write down what the gate says that happened, beside what did."""
        if record.id in self._truth.events:
            return
        self._truth.events[record.id] = record
        self._truth.keep_apart(record)
        if is_press(record):
            true_ms = self.kernel.started_ms + record.at_ms
            self._time.say(f"gate: press {record.id}")
            self._truth.press(Told(record, self.lives, true_ms, self._finger(true_ms)))
        elif record.code is Code.PANIC_RESET:
            self._time.say(f"gate: reset {dict(record.body)}")
            self._truth.reset(record)

    def _finger(self, true_ms: int) -> Closing:
        """The push of the hand behind a press; a press without one is a false alarm."""
        # What comes down while a relay still holds the contact is dated at the moment the relay was told to let go.
        slack_ms = RELAY_MS_MAX if self._rules.selftest.fitted.loopback else 0
        for closing in reversed(self._terminals.history):
            if closing.contact is Contact.KEY and closing.start_ms - slack_ms <= true_ms <= closing.end_ms + POLL_MS:
                if closing.spike:
                    raise Wrong(f"a disturbance of {closing.end_ms - closing.start_ms} ms became an alarm")
                return closing
        raise Wrong(f"an alarm at {true_ms} ms that nobody pressed")

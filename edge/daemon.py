"""Builds the real hands from the settings and runs them. No logic of any kind lives here but the order of starting.

The contacts wait for nobody: store and broker libraries are loaded on a thread beside, and what the brain commands
meanwhile waits for its hand.
"""

from __future__ import annotations

import gc
import logging
import logging.handlers
import queue
import signal
import sys
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, get_args

from edge import last_good, making, state
from edge.certificate_hands import LOOK_MS, CertificateHands
from edge.control import Control
from edge.drivers import wear
from edge.drivers.boot import next_boot
from edge.drivers.button import GpioContacts
from edge.drivers.clock import SystemClock, kernel_boot
from edge.drivers.lamps import GpioLamps, GpioSiren, NoSiren
from edge.drivers.pages import hold
from edge.drivers.pins import open_factory
from edge.drivers.systemd import journal_handler, supervisor
from edge.errors import StorageError
from edge.events import (
    Alive,
    AnswerView,
    Code,
    Connect,
    Contact,
    Disconnect,
    FeedWatchdog,
    Journal,
    LookAt,
    MarkDone,
    MessageRefused,
    Noted,
    Publish,
    PublishHealth,
    Qualifier,
    Record,
    ShowLamp,
    SoundSiren,
    StopSiren,
    StoreCommand,
    StoreTrouble,
    TellReady,
    Trouble,
)
from edge.kiosk_hands import KioskHands
from edge.ports import BrokerLink
from edge.rules import bench_of, contacts_of, rules_of, schedule_of
from edge.runtime import Brain, Periodic, Thread, Worker, together
from edge.selftest_hands import SelfTestHands
from edge.settings import Settings
from edge.wire import Address

if TYPE_CHECKING:
    from edge.ledger_check import Judge
    from edge.ledger_table import Scribe

log = logging.getLogger("gatepost")

GATHER_MS = 25
"""So long the card is spared until it is told that an event is done: a replay shares one commit among some sixty. What
a power cut takes with it is sent again, and the centre knows it by its id."""

NEW_POWER_MS = 120_000
"""A daemon that starts within this of its kernel may have got its power back with all others of the county."""

ALIVE_MS = 1_000
"""How often the contact thread reports, and reads the clocks."""

SWITCH_S = 0.0003
"""Python hands its interpreter lock over after 5 ms by default; a press must not wait that long behind a replay. With
0.1 ms the lamp's thread took it from the brain in the midst of signing: the median press came a tenth later."""


class Daemon:
    """The running gate. Made, started and closed by the main thread; ``brain.run`` is the main thread's work."""

    def __init__(self, settings: Settings, refused: str | None = None) -> None:
        self.settings = settings
        self.refused = refused
        self.clock = SystemClock(settings.clock)
        self._directories()
        self.boot, problem = next_boot(Path(settings.gate.state_directory), kernel_boot())
        now_ms = self.clock.now_ms()
        plan, unplanned = schedule_of(settings)
        rules = rules_of(settings, self.boot.id, plan, power_is_new=now_ms < NEW_POWER_MS)
        self.brain = Brain(state.begin(self.boot, rules, now_ms), self.clock)
        self.post = self.brain.post
        self.post(self.clock.read())
        # A bench is somebody's own machine: its memory is not ours to hold.
        loose = hold() if settings.pins.factory == "lgpio" else None
        for trouble in (refused, problem, unplanned, loose):
            if trouble is not None:
                log.error("%s", trouble)
        if unplanned is not None:
            self.post(MessageRefused("selftest_calendar", now_ms))
        if loose is not None:
            self.post(MessageRefused("memory_not_held", now_ms))
        if refused is not None:
            self.post(Noted(Code.CONFIGURATION_CHANGED, Qualifier.NEW, Trouble.SETTINGS_REFUSED, refused, now_ms))
        self.pins = open_factory(settings.pins.factory)
        self.gpios = contacts_of(settings)
        self.bench = bench_of(settings, self.pins) if settings.pins.factory == "mock" else None
        self.kiosk = KioskHands(settings, self.pins, self.clock, self.post, self._failed)
        self.supervisor = supervisor()
        self._closing: list[Any] = []
        self._hands: list[Any] = []
        self._starter: Thread | None = None
        self._alive_ms = 0
        self._began_ms = now_ms
        self._brokers: list[BrokerLink] = []

    def start(self) -> None:
        """Arm the button, then bring up everything else. Raises GatepostError where the gate cannot work at all."""
        settings = self.settings
        press = None
        see = None if self.kiosk.simulated is None else self.kiosk.see
        if self.bench is not None:
            bench: Worker[int] = Worker("bench", self._press, self._failed)
            self._closing.append(bench)
            press = bench.put
        # First of all: it fails if another daemon runs, before any line is taken.
        directory = Path(settings.gate.runtime_directory)
        self.control = Control(directory, self.post, self.clock, press, see, self._wear, self.brain.glimpse)
        self._hands.append(self.control)
        # Beside the arming, not after it: a press in the first moment shall find a store, and wait for none.
        self._starter = Thread("starter", self._start_store_and_brokers, self._failed)
        self.lamps = GpioLamps(
            settings.lamps.status_gpio, settings.lamps.fault_gpio, pin_factory=self.pins, clock=self.clock,
            post=self.post,
        )  # fmt: skip
        self._hands.append(self.lamps)
        self.siren = (
            NoSiren() if settings.siren is None else GpioSiren(settings.siren.relay_gpio, pin_factory=self.pins)
        )
        self._hands.append(self.siren)
        self.brain.attach({
            ShowLamp: lambda command: self.lamps.show(command.show, command.fault),
            SoundSiren: lambda _: self.siren.sound(),
            StopSiren: lambda _: self.siren.stop(),
            FeedWatchdog: lambda command: self.supervisor.feed(command.status),
            TellReady: lambda _: self.supervisor.ready(),
            AnswerView: lambda command: self.control.answer(command.token, command.view),
            Journal: _journal,
        })  # fmt: skip
        self.contacts = GpioContacts(self.gpios, pin_factory=self.pins, clock=self.clock, post=self.post)
        self._hands.append(self.contacts)
        if self.bench is not None:
            self.bench.rest()  # a simulated pull-up lifts a line even off a closed contact
        self.post(Alive("contact", self.clock.now_ms()))
        self.watch = Periodic("contact", settings.button.poll_ms, self._watch, self._failed)
        self._hands.append(self.watch)
        self.brain.attach({LookAt: self._look})
        Thread("lamps", self.lamps.play, self._failed)
        Thread("control", self.control.serve, self._failed)
        if self.refused is None:  # the gate has started with them; the brain does not wait for the card to hear it
            Thread("settings", partial(last_good.keep, settings), self._failed)

    def run(self) -> None:
        """Think until stopped."""
        self.brain.run()

    def stop(self) -> None:
        """Begin an orderly end; any thread, or a signal handler."""
        self.supervisor.stopping()
        self.post(Noted(Code.SHUTDOWN, Qualifier.NEW, None, "orderly end", self.clock.now_ms()))
        self.brain.stop()

    def close(self) -> None:
        """Close every hand that was made, the last first. Bounded: a hung hand is left behind."""
        # Lamps before brokers: while a dead one is waited for, no lamp may say that the button works.
        for thing in reversed(self._hands):
            thing.close()
        if self._starter is not None:  # stopped in its first moment, the gate waits for a store that keeps its presses
            self._starter.join()
            self.brain.hand_over()
        # Several that hang must not add up: the supervisor would kill what is left, and the store with it.
        together([broker.close for broker in self._brokers], self._failed)
        together([thing.close for thing in self._closing], self._failed)

    # --- what threads do ------------------------------------------------------------------------------------------

    def _look(self, command: LookAt) -> None:
        """The brain wants a second look: by the contact thread, because a look may take its time."""
        self.contacts.look(command.contact)
        self.watch.wake()

    def _watch(self) -> None:
        """The contact thread's work: the second witness, the sign of life, the clocks."""
        self.contacts.poll()
        now_ms = self.clock.now_ms()
        if now_ms - self._alive_ms >= ALIVE_MS:
            self._alive_ms = now_ms
            self.post(Alive("contact", now_ms))
            self.post(self.clock.read())

    def _wear(self) -> dict[str, object]:
        return {"card": wear.written(self.clock.now_ms() - self._began_ms)}

    def _press(self, jobs: Any) -> None:
        if self.bench is not None:
            for hold_ms in jobs:
                self.bench.press(hold_ms)

    def _failed(self, what: str) -> None:
        self.post(MessageRefused(what, self.clock.now_ms()))

    def _ledger_trouble(self, raised: bool, detail: str) -> None:
        """The store's thread says that it cannot sign, or can again."""
        self.post(StoreTrouble(Trouble.LEDGER_UNSIGNED, raised, detail, self.clock.now_ms()))

    def _start_store_and_brokers(self) -> None:
        """On a thread of its own, because these libraries take their time to load; the button does not wait."""
        from edge.auditing import Auditing
        from edge.drivers.memory_outbox import MemoryOutbox
        from edge.drivers.store import SqliteOutbox
        from edge.keeper import Keeper
        from edge.ledger_table import Scribe, read_piece
        from edge.trust_hands import TrustHands

        settings = self.settings
        address = Address(settings.gate.county, settings.gate.school, settings.gate.gate)
        file = Path(settings.gate.state_directory) / "events.db"
        limit = settings.store.routine_events_max
        trusted = TrustHands(settings, self.clock, self.post, self._failed)
        scribe = Scribe(str(address), trusted.holder.load, self._ledger_trouble)
        audit = Auditing(
            partial(read_piece, file), lambda: scribe.written, partial(_ledger_judge, scribe), self.clock, self.post
        )
        card = partial(SqliteOutbox, file, limit, scribe=scribe)
        keeper = Keeper(card, MemoryOutbox, self.clock, self.post, audit=audit.step)
        store: Worker[StoreCommand] = Worker(
            "store", keeper.run, self._failed, open=keeper.open, idle=keeper.idle, close=keeper.close,
            can_wait=lambda command: isinstance(command, MarkDone), gather_ms=GATHER_MS,
        )  # fmt: skip
        self._closing.append(store)
        self.brain.attach(dict.fromkeys(get_args(StoreCommand), store.put))

        from edge.drivers.mqtt import PahoLink

        trust = trusted.trust()
        for number, broker in enumerate(settings.broker):
            dialler: Worker[Any] = Worker(f"dial-{broker.name}", _call_each, self._failed)
            self._closing.append(dialler)
            self._brokers.append(
                PahoLink(number, broker, address, self.boot, self.clock, self.post, dialler.put, trust)
            )  # fmt: skip
        brokers = self._brokers
        self.brain.attach({
            Connect: lambda command: brokers[command.broker].connect(command.mqtt5),
            Disconnect: lambda command: brokers[command.broker].disconnect(command.reason),
            Publish: lambda command: brokers[command.broker].publish(command),
            PublishHealth: lambda command: brokers[command.broker].publish_health(command),
        })  # fmt: skip
        tests = SelfTestHands(
            settings.selftest, lambda: self.contacts.level(Contact.KEY), lambda for_ms: self.siren.pulse(for_ms),
            pin_factory=self.pins, clock=self.clock, post=self.post, failed=self._failed,
        )  # fmt: skip
        self._closing.append(tests)
        self.brain.attach(tests.hands())
        # Last of all: neither button, store nor broker waits for a sensor or a camera.
        self._closing.append(self.kiosk)
        self.brain.attach(self.kiosk.start())
        if any(broker.certificate_file for broker in settings.broker):
            certificates = CertificateHands(settings, self.clock, self.post)
            certificates.look()
            self._closing.append(Periodic("certificates", LOOK_MS, certificates.look, self._failed))
        gc.collect()
        gc.freeze()

    def _directories(self) -> None:
        for directory in (self.settings.gate.state_directory, self.settings.gate.runtime_directory):
            try:
                Path(directory).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                if directory == self.settings.gate.runtime_directory:
                    raise StorageError(
                        f"gate.runtime_directory {directory} cannot be made: {error.strerror}."
                        " Make it, or give it to the service's user."
                    ) from error
                # The store works on in memory without its directory, and says so.
                log.error("gate.state_directory %s cannot be made: %s; make it", directory, error.strerror)


def run(settings_path: Path) -> int:
    """Run the gate until SIGTERM or SIGINT; return the exit code. Raises GatepostError where it cannot start."""
    settings, refused = last_good.load_or_last_good(settings_path)
    listener = _log_to_queue(settings.log.level)
    sys.setswitchinterval(SWITCH_S)
    try:
        daemon = Daemon(settings, refused)

        def end(_number: int, _frame: FrameType | None) -> None:
            daemon.stop()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        try:
            daemon.start()
            daemon.run()
        finally:
            daemon.close()
    finally:
        listener.stop()
    return 0


# --- the journal --------------------------------------------------------------------------------------------------


def _log_to_queue(level: str) -> logging.handlers.QueueListener:
    """A stalled journal must not stall the brain: log calls only enqueue."""
    lines: queue.SimpleQueue[Any] = queue.SimpleQueue()
    root = logging.getLogger()
    root.setLevel(level.upper())
    root.addHandler(logging.handlers.QueueHandler(lines))
    listener = logging.handlers.QueueListener(lines, journal_handler())
    listener.start()
    return listener


def _journal(command: Journal) -> None:
    level = logging.getLevelNamesMapping()[command.level.upper()]
    event = command.about if isinstance(command.about, Record) else None
    text = command.about if event is None else making.line(event)
    log.log(level, "%s", text, extra={"event_id": "" if event is None else str(event.id)})


def _ledger_judge(scribe: Scribe) -> Judge | None:
    """The gate's own public key, once the scribe has the private one."""
    from edge.ledger_key import PublicKey

    return None if scribe.public_key is None else PublicKey(scribe.public_key)


def _call_each(calls: Any) -> None:
    for call in calls:
        call()

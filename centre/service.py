"""The running centre: one thread owns the archive and the register; brokers and desk put what they have in its inbox.

Group commit: whatever has come is kept in one transaction, alarms in one of their own first. Only after the commit
go the receipts out and, in the order of arrival, the acknowledgements to the broker. If the disk refuses, nothing
is acknowledged, the centre's word says that it does not listen, and the same messages are tried again.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from centre import incidents, views
from centre.archive import Archive
from centre.asking import Asking, Reach, person
from centre.cards import Card
from centre.inbox import Arrival, Inbox
from centre.incidents import Incident
from centre.intake import Intake, Message, Refused, read
from centre.link import Link, LinkChanged
from centre.notary import Notary
from centre.register import SWEEP_MS, GateEntry, Register
from centre.trials import Trials
from centre.voice import Voice
from edge import wire
from edge.errors import GatepostError, RefusedError, StorageError
from edge.events import Stage

log = logging.getLogger(__name__)

BATCH_MAX = 1000
RETRY_MS = 1000  # between tries to write while the disk refuses
TESTS_SWEEP_MS = 1000  # a drill begins, and an overdue test is noticed, within this
SIGNS_MS = 30_000  # how often "last heard" goes to the disk; more often would only wear it


@dataclass(slots=True)
class Asked:
    """A request from the desk. The asking thread waits for ``answered``; the service's thread fills in the rest."""

    request: Mapping[str, object]
    answered: threading.Event = field(default_factory=threading.Event)
    answer: object = None
    error: GatepostError | None = None


class Service:
    """Start, then feed by ``post`` and ``ask`` from any thread."""

    def __init__(
        self,
        county: str,
        archive: Archive,
        silent_after_ms: int,
        voice: Voice,
        notary: Notary,
        on_listening: Callable[[], None],
        on_failure: Callable[[], None],
    ) -> None:
        self._archive = archive
        self._voice = voice
        self._notary = notary
        self._on_listening = on_listening
        self._on_failure = on_failure
        self._inbox: Inbox[LinkChanged | Asked] = Inbox()
        self._register = Register(silent_after_ms)
        self._trials = Trials(archive, self._register)
        self._intake = Intake(county, archive, self._register, self._trials)
        reach = Reach(lambda: any(link.up for link in self._links), self._intake.latched)
        self._asking = Asking(archive, self._register, self._trials, reach)
        self._links: list[Link] = []
        self._link_words: dict[int, LinkChanged] = {}
        self._waiting: list[Arrival] = []
        self._retry_ms = 0
        self._storing = True
        self.turns = 0
        """How often its thread has looked for news: some times a second while all is well. Any thread may read it."""
        self._swept_ms = 0
        self._signs_ms = 0
        self._tests_swept_ms = 0
        self._register.know(archive.gates(county), self.now_ms())
        self._thread = threading.Thread(target=self._run, name="service", daemon=True)

    @staticmethod
    def now_ms() -> int:
        """The centre's monotonic clock, which silence is measured by."""
        return time.monotonic_ns() // 1_000_000

    @staticmethod
    def wall_ms() -> int:
        """The centre's wall clock, which times for people come from."""
        return time.time_ns() // 1_000_000

    def start(self, links: Sequence[Link]) -> None:
        """Begin to work, with these links to answer by."""
        self._links = list(links)
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch in hand and end the thread; the rest stays at the brokers.

        The links close later: they carry the last acknowledgements.
        """
        self._inbox.close()
        self._thread.join(10)

    def post(self, news: Arrival | LinkChanged) -> None:
        """Put news in the inbox. Never raises; a message waits while too many are there (see ``Inbox.put``)."""
        if isinstance(news, Arrival):
            self._inbox.put(news)
        else:
            self._inbox.note(news)

    def ask(self, request: Mapping[str, object], seconds: float) -> object:
        """Have the service's thread answer. Raises what it raised, or StorageError if it takes too long."""
        asked = Asked(request)
        self._inbox.note(asked)
        if not asked.answered.wait(seconds):
            raise StorageError(f"the centre did not answer in {seconds:g} s: look in its journal")
        if asked.error is not None:
            raise asked.error
        return asked.answer

    # --- the service's thread ---

    def _run(self) -> None:
        try:
            while self._turn():
                pass
            self._keep_signs()
        except Exception:
            log.critical("the centre cannot go on", exc_info=True)
            self._on_failure()

    def _turn(self) -> bool:
        """Take what is there, keep it, answer. False at the end."""
        # While the disk refuses, a batch is in hand already; the rest waits in the inbox and at the brokers.
        taken = self._inbox.take(0 if self._waiting else BATCH_MAX, SWEEP_MS / 1000)
        if taken is None:
            return False
        notes, arrivals = taken
        self._waiting += arrivals
        self.turns += 1
        now_ms = self.now_ms()
        if self._waiting and now_ms >= self._retry_ms:
            self._keep(now_ms)
        for note in notes:
            if isinstance(note, LinkChanged):
                self._link_changed(note)
            else:
                self._answer(note)
        if now_ms - self._swept_ms >= SWEEP_MS:
            self._swept_ms = now_ms
            self._sweep(now_ms)
        self._send_down()
        return True

    def _keep(self, now_ms: int) -> None:
        """Refuse, keep, receipt, acknowledge: in this order."""
        wall_ms = self.wall_ms()
        messages: list[Message] = []
        refused: list[Refused] = []
        for arrival in self._waiting:
            message = read(arrival, self._intake.county, self._notary)
            if isinstance(message, Refused):
                refused.append(message)
            else:
                messages.append(message)
        try:
            for part in ([m for m in messages if m.urgent], [m for m in messages if not m.urgent]):
                if part:
                    self._tell(self._intake.keep(part, now_ms, wall_ms))
            self._intake.keep_suspects(refused, wall_ms)
        except sqlite3.Error as error:
            self._storage(False, str(error))
            self._retry_ms = now_ms + RETRY_MS
            return
        self._storage(True, "")
        for refusal in refused:
            self._refuse(refusal)
        for arrival in self._waiting:
            arrival.settle()
        self._waiting = []
        if now_ms - self._signs_ms >= SIGNS_MS or self._intake.hurry:
            self._signs_ms = now_ms
            self._keep_signs()

    def _keep_signs(self) -> None:
        try:
            self._intake.keep_signs(self.wall_ms())
        except sqlite3.Error as error:
            self._storage(False, str(error))

    def _tell(self, kept: Sequence[Message]) -> None:
        """After the commit: receipts by the way each event came, and what a gate that came back should know."""
        wall_ms = self.wall_ms()
        for message in kept:
            if message.wants_receipt:
                assert message.event is not None
                topic, payload = self._voice.receipt(message.address, message.event, message.arrival, wall_ms)
                self._links[message.arrival.broker].publish(topic, payload)
            elif message.health is not None and not message.stale:
                self._voice.heard(message.address, message.health, self.now_ms())
            if message.news:
                log.warning("%s", message.news)
        for incident in self._intake.take_repeats():
            self._send_act(incident)

    def _send_act(self, incident: Incident) -> None:
        self._say(incident.address, wire.receipt_of(incident.id, incident.stage, incident.by, incident.acted_wall_ms))

    def _send_down(self) -> None:
        """What is asked of gates about tests goes by every broker; a gate obeys the first that comes."""
        for address, word in self._trials.take_down():
            self._say(address, word)

    def _say(self, address: wire.Address, word: wire.CentreCommand | wire.Receipt) -> None:
        topic, payload = self._voice.say(address, word, self.now_ms())
        for link in self._links:
            link.publish(topic, payload)

    def _refuse(self, refused: Refused) -> None:
        register = self._register
        register.refused[refused.reason] += 1
        count = register.refused[refused.reason]
        if count & (count - 1) == 0:  # the 1st, 2nd, 4th, ... of a kind: a flood must not fill the journal
            log.warning("refused (%d so far) %s on %r", count, refused.detail, refused.arrival.topic[:200])

    def _storage(self, works: bool, reason: str) -> None:
        if works == self._storing:
            return
        self._storing = works
        if works:
            log.warning("the database can be written again")
        else:
            log.error("the database cannot be written: %s: nothing is acknowledged until it can", reason)
        for link in self._links:
            link.say(works)

    def _link_changed(self, change: LinkChanged) -> None:
        before = self._link_words.get(change.broker)
        self._link_words[change.broker] = change
        if change.up:
            self._links[change.broker].say(self._storing)
            log.info("broker %d: subscribed, %s", change.broker, change.reason)
            self._on_listening()
        elif before is None or before.up or before.reason != change.reason:
            log.warning("broker %d: not connected: %s", change.broker, change.reason)

    def _sweep(self, now_ms: int) -> None:
        fallen: list[GateEntry] = self._register.sweep(now_ms)
        for entry in fallen:
            log.warning("SILENT %s: nothing heard", entry.address)
        if now_ms - self._tests_swept_ms >= TESTS_SWEEP_MS:
            self._tests_swept_ms = now_ms
            try:
                self._asking.sweep(self.wall_ms())
            except sqlite3.Error as error:
                self._storage(False, str(error))

    # --- the desk ---

    def _answer(self, asked: Asked) -> None:
        try:
            asked.answer = self._do(asked.request)
        except GatepostError as error:
            asked.error = error
        except sqlite3.Error as error:
            asked.error = StorageError(f"the database cannot be used: {error}")
        asked.answered.set()

    def _do(self, request: Mapping[str, object]) -> object:
        match request:
            case {"do": "list"}:
                return self._view()
            case {"do": "act", "id": str(id), "stage": str(stage), "by": str(by)}:
                return self._act(id, stage, by)
        answer = self._asking.do(request, self.wall_ms())
        if answer is not None:
            return answer
        raise RefusedError(f"request {request.get('do')!r} is not understood: use the same version at both ends")

    def _act(self, id: str, word: str, by: str) -> object:
        stage = wire.RECEIPT_STAGES.get(word)
        if stage is None or stage is Stage.RECEIVED:
            raise RefusedError(f"{word!r} is not an act: seen, dispatched or closed")
        by = person(by)
        found = self._archive.find_acted(id)
        if isinstance(found, Card):
            return self._asking.act(found, stage, by, self.wall_ms())
        wall_ms = self.wall_ms()
        incident = incidents.act(found, stage, by, wall_ms)
        with self._archive.transaction():
            self._archive.add_act(incident.address, incident.id, stage, by, wall_ms)
            self._archive.put_incident(incident)
        self._intake.changed(incident)
        self._send_act(incident)
        log.info("%s %s by %s", word, incident.id, by)
        return views.incident_line(incident)

    def _view(self) -> object:
        links = [
            {"name": link.name, "connected": link.up, "reason": self._link_words[number].reason}
            if number in self._link_words
            else {"name": link.name, "connected": False, "reason": "dialling"}
            for number, link in enumerate(self._links)
        ]
        counters = {
            "events": self._intake.events,
            "duplicates": sum(entry.standing.duplicates for entry in self._register.gates.values()),
            "refused": dict(self._register.refused),
        }
        return views.whole(
            county=self._intake.county,
            storing=self._storing,
            brokers=links,
            counters=counters,
            gates=self._register.gates.values(),
            incidents=self._intake.open_incidents(),
            tests=self._running(),
            now_ms=self.now_ms(),
        )

    def _running(self) -> dict[str, object]:
        tests, wall_ms = self._trials, self.wall_ms()
        return views.running(
            tests.standing_items(wall_ms), tests.cards.values(), tests.windows.values(), tests.drills.values(), wall_ms
        )

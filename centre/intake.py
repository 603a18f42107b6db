"""What a message from a gate does to the archive and the register.

The rule that matters: what people are shown, and what gates are told, changes only after the commit. If the disk
refuses, the same messages are taken again as if nothing had been.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from centre import incidents
from centre.archive import Archive
from centre.inbox import Arrival
from centre.incidents import Incident
from centre.notary import UNPROVED, Notary, beat_of, is_newer
from centre.register import GateEntry, Register
from centre.trials import Changes, Trials
from edge import wire
from edge.events import Lane, Topic
from edge.wire import Address, Event, GateWord, WireError

EVENT_WORDS = {topic.value for topic in Topic}
BELIEVING = Notary()
"""Of a centre that knows no key."""

STRANGERS_MAX = 256
"""Items about gates that were never heard: a flood of made-up names must not hide the others."""

INTEGER_MAX = 2**63 - 1  # SQLite's
HEARTBEAT, STATUS, PROBE = "heartbeat", "status", "probe"


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that is not obeyed; ``reason`` is the counter's key."""

    arrival: Arrival
    reason: str
    detail: str
    claims: Address | None = None

    @property
    def suspect(self) -> bool:
        """Somebody may speak in a gate's name: an officer must know, or a real alarm would vanish unseen."""
        return self.claims is not None and self.reason in UNPROVED


@dataclass(slots=True)
class Message:
    """A message that was understood. Exactly one of ``event``, ``word``, ``health`` is set, or none (a probe).

    ``verified``: its gate's own key has signed it. ``stale``: a heartbeat that is none, for it was said before.
    """

    arrival: Arrival
    address: Address
    event: Event | None = None
    word: GateWord | None = None
    health: dict[str, object] | None = None
    verified: bool = False
    new: bool = False
    stale: bool = False
    news: str = field(default="")

    @property
    def urgent(self) -> bool:
        """An alarm's or a test's event: kept and answered before all others."""
        return self.event is not None and (
            self.event.lane is Lane.ALARM or self.event.topic in (Topic.ALARM, Topic.SELF_TEST)
        )

    @property
    def wants_receipt(self) -> bool:
        """Sent again must be answered again, so a duplicate wants one too."""
        return self.urgent


def read(arrival: Arrival, county: str, notary: Notary = BELIEVING) -> Message | Refused:
    """Understand a message, or say why not."""
    address: Address | None = None
    try:
        address, word = wire.address_of(arrival.topic)
        if address.county != county:
            raise WireError("topic", f"county {address.county}")
        return _read(arrival, address, word, notary)
    except WireError as error:
        return Refused(arrival, error.reason, str(error), address)


def _read(arrival: Arrival, address: Address, word: str, notary: Notary) -> Message:
    if word == PROBE and not arrival.retained:
        return Message(arrival, address)  # nobody signs it, and it says nothing
    if word not in (STATUS, HEARTBEAT, *EVENT_WORDS):
        raise WireError("topic", word[:80])
    if arrival.retained and word != STATUS:
        # Only presence is ever retained: anything else is old, or planted.
        raise WireError("retained", word)
    body, verified = notary.opened(arrival, address)
    if word == STATUS:
        return Message(arrival, address, word=wire.decode_gate_word(body), verified=verified)
    if word == HEARTBEAT:
        return Message(arrival, address, health=wire.decode_health(body), verified=verified)
    event = wire.decode_event(body)
    if event.topic.value != word:
        raise WireError("topic", f"event for {event.topic.value} came on {word}")
    if not all(0 <= number <= INTEGER_MAX for number in (event.boot_counter, event.monotonic_ms, event.counter)):
        raise WireError("range", f"{event.boot_counter}, {event.monotonic_ms}, {event.counter}")
    return Message(arrival, address, event=event, verified=verified)


class Intake:
    """Owns no thread; the service's thread uses it."""

    def __init__(self, county: str, archive: Archive, register: Register, trials: Trials) -> None:
        self.county = county
        self.hurry = False  # something about a gate should not wait for the next ``keep_signs``
        self.events = archive.count()
        self._archive = archive
        self._register = register
        self._trials = trials
        self._strangers = 0
        self._open: dict[tuple[Address, str], Incident] = {}
        self._repeats: list[Incident] = []
        self._unsaved: set[Address] = set()  # heard since their row was written: may wait
        self._owed: set[Address] = set()  # standing troubles changed: written with the event that changed them
        for incident in archive.open_incidents():
            self.changed(incident)

    def changed(self, incident: Incident) -> None:
        """An incident is now so (and is kept so)."""
        if incident.done:
            self._open.pop((incident.address, incident.id), None)
        else:
            self._open[incident.address, incident.id] = incident

    def open_incidents(self) -> list[Incident]:
        """Those that are not done."""
        return list(self._open.values())

    def take_repeats(self) -> list[Incident]:
        """Incidents whose last word should go to their gate once more."""
        repeats, self._repeats = self._repeats, []
        return repeats

    def keep(self, messages: Sequence[Message], now_ms: int, wall_ms: int) -> Sequence[Message]:
        """Keep a batch in one transaction, then let memory follow. Raises sqlite3.Error, with memory unchanged."""
        changed: dict[tuple[Address, str], Incident] = {}
        tests = Changes()
        if any(message.event is not None for message in messages):
            with self._archive.transaction():
                for message in messages:
                    if message.event is not None:
                        self._keep_event(message, message.event, changed, tests, now_ms, wall_ms)
                for incident in changed.values():
                    self._archive.put_incident(incident)
                self._trials.put(tests, wall_ms)
                self._put_gates(self._owed)
            self._owed.clear()
            self._trials.follow(tests, wall_ms)
        for incident in changed.values():
            self.changed(incident)
        for message in messages:
            self._note(message, now_ms, wall_ms)
        return messages

    def _keep_event(
        self,
        message: Message,
        event: Event,
        changed: dict[tuple[Address, str], Incident],
        tests: Changes,
        now_ms: int,
        wall_ms: int,
    ) -> None:
        address = message.address
        message.new = self._archive.add(address, event, message.arrival.payload.decode("utf-8", "replace"), wall_ms)
        entry = self._register.gate(address, now_ms)
        # Standing troubles may run ahead of a commit that fails: taking the same event twice changes nothing.
        if entry is not None and self._register.trouble(entry, event):
            self._owed.add(address)
        if entry is not None and message.new and self._trials.take(tests, entry, event, wall_ms):
            self._owed.add(address)
        if not message.new or not incidents.changes(event):
            return
        id = incidents.incident_id(event)
        assert id is not None
        known = changed.get((address, id)) or self._open.get((address, id)) or self._archive.incident(address, id)
        changed[address, id] = incidents.take(known, address, event, wall_ms, verified=message.verified)

    def _note(self, message: Message, now_ms: int, wall_ms: int) -> None:
        """Memory, after the commit."""
        register, address = self._register, message.address
        entry = register.gate(address, now_ms)
        if entry is None:
            register.refused["gates"] += 1
            return
        if message.event is not None or message.word is not None or message.health is not None:
            entry.verified = message.verified
        message.stale = message.verified and message.health is not None and self._is_stale(entry, message.health)
        if self._speaks(entry, message) and register.heard(entry, now_ms, wall_ms):
            message.news = f"HEARD AGAIN {address}"
        self._unsaved.add(address)
        if message.word is not None:
            if register.word(entry, message.arrival.broker, message.word, retained=message.arrival.retained):
                self._repeat(address, message.word.online)
        elif message.health is not None and not message.stale:
            entry.health = message.health
            self.hurry |= self._trials.heartbeat(entry, message.health, wall_ms)
            self._repeat(address, True)  # a word lost on the way is mended within one heartbeat
        elif message.event is not None:
            self._note_event(message, message.event)

    def _speaks(self, entry: GateEntry, message: Message) -> bool:
        """A sign of life from the gate itself. What anybody can say, or say again, is none where the gate signs."""
        if entry.verified:
            return message.new if message.event is not None else message.health is not None and not message.stale
        # A retained word is old and an offline word may be the broker's.
        return message.word is None or (message.word.online and not message.arrival.retained)

    def _is_stale(self, entry: GateEntry, health: Mapping[str, object]) -> bool:
        """A heartbeat that was recorded and is said again would make a dead gate look alive."""
        beat, last = beat_of(health), entry.standing.beat
        try:
            newer = beat is not None and is_newer(
                last, beat, lambda boot: self._archive.has_lived(entry.address, boot)
            )  # fmt: skip
        except sqlite3.Error:
            newer = False  # it is counted, and the next heartbeat asks again
        if newer and beat is not None:
            entry.standing.beat = beat
            return False
        if beat != last:  # the same one may come by two brokers
            self._register.refused["stale"] += 1
        return True

    def keep_suspects(self, refused: Sequence[Refused], wall_ms: int) -> None:
        """Keep for the officer what claims to come from a gate and does not prove it. Raises sqlite3.Error."""
        changes = Changes()
        for one in refused:
            gate = one.claims
            if gate is None or not one.suspect:
                continue
            stranger = gate not in self._register.gates
            if not stranger or self._strangers < STRANGERS_MAX:
                self._strangers += stranger
                self._trials.suspect(changes, gate, one.detail, wall_ms, alarm=one.arrival.urgent)
        if changes.items:
            with self._archive.transaction():
                self._trials.put(changes, wall_ms)
            self._trials.follow(changes, wall_ms)

    def _note_event(self, message: Message, event: Event) -> None:
        entry = self._register.gates[message.address]
        if not message.new:
            entry.standing.duplicates += 1
            return
        self.events += 1
        if event.code in incidents.PRESS_CODES:
            what = "ALARM" if incidents.is_alarm(event) else f"TEST ({event.origin.value})"
            if incidents.contradicts(event):
                what += f" (came on {event.topic.value} with origin {event.origin.value})"
            late = f", replayed, {event.age_ms} ms old" if event.replayed else ""
            message.news = (
                f"{what} {message.address} incident {incidents.incident_id(event) or '-'} id {event.id}{late}"
            )

    def _repeat(self, address: Address, online: bool) -> None:
        if online:
            self._trials.repeats(address)
            self._repeats += [
                incident
                for incident in self._open.values()
                if incident.address == address and incidents.to_repeat(incident)
            ]

    def keep_signs(self, wall_ms: int) -> None:
        """Write what changed about gates: last heard, duplicates, what heartbeats told. Raises sqlite3.Error."""
        with self._archive.transaction():
            self._put_gates(self._unsaved)
            self._trials.put_found(wall_ms)
        self._unsaved.clear()
        self._trials.follow_found(wall_ms)
        self.hurry = False

    def latched(self, address: Address) -> bool:
        """True while an alarm stands at this gate that the gate has not ended."""
        return any(one.address == address and not one.ended for one in self._open.values())

    def _put_gates(self, addresses: set[Address]) -> None:
        for address in addresses:
            entry = self._register.gates[address]
            self._archive.put_gate(address, entry.heard_wall_ms, entry.standing)

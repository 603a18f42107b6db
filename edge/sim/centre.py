"""The county centre: keeps each event once, answers each arrival, and has an officer who acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge.events import EventId, Fact, Lane, Publish, ReceiptCame, Stage, Topic
from edge.sim.clocks import EPOCH_MS
from edge.sim.timeline import Timeline
from edge.sim.truth import Truth, Wrong, is_press


class Down(Protocol):
    """The way from the centre to the gate through one broker."""

    def to_gate(self, receipt: ReceiptCame) -> None:
        """Send a receipt; it may be lost, late or repeated."""

    def say_listening(self) -> None:
        """The centre's retained word changes."""


@dataclass
class Arrival:
    """The first arrival of an event."""

    publish: Publish
    true_ms: int


class Centre:
    """``listening`` says at which brokers the centre's application is connected."""

    def __init__(self, timeline: Timeline, truth: Truth) -> None:
        self._time = timeline
        self._truth = truth
        self.brokers: list[Down] = []
        self.arrivals: dict[EventId, Arrival] = {}
        self.repeats = 0
        self.officer_awake = 0.0
        self.confirms_tests = True

    def take(self, publish: Publish, broker: int) -> None:
        """An event arrives, perhaps not for the first time. Every alarm is answered every time."""
        id = publish.record.id
        if id in self.arrivals:
            self.repeats += 1
        else:
            self._check_wall(publish)
            self.arrivals[id] = Arrival(publish, self._time.now_ms)
            self._truth.arrived(id)
            self._time.say(f"centre: {publish.record.topic.value} {id} arrives")
            if is_press(publish.record) and self._time.chance(self.officer_awake):
                self._time.after(self._time.random.randint(500, 20_000), lambda: self._officer(publish))
            if publish.record.topic is Topic.SELF_TEST and publish.record.lane is Lane.ALARM and self.confirms_tests:
                self._time.after(self._time.random.randint(200, 20_000), lambda: self._confirm(id))
        if publish.record.lane is Lane.ALARM:
            self.brokers[broker].to_gate(ReceiptCame(id, Stage.RECEIVED, "centre", EPOCH_MS + self._time.now_ms, 0))

    def _confirm(self, id: EventId) -> None:
        """The officer has seen the card of a test."""
        for broker in self.brokers:
            broker.to_gate(ReceiptCame(id, Stage.SEEN, "officer", None, 0))

    def act(self, incident: EventId, stage: Stage) -> None:
        """The officer sees, dispatches or closes an incident; said by every broker."""
        self._truth.officer[incident] = max(stage, self._truth.officer.get(incident, stage))
        self._time.say(f"officer: {stage.name.lower()} {incident}")
        for broker in self.brokers:
            broker.to_gate(ReceiptCame(incident, stage, "officer", None, 0))

    def _officer(self, publish: Publish) -> None:
        incident = publish.record.incident
        if incident is None:
            raise Wrong(f"press {publish.record.id} belongs to no incident")
        pause_ms = 0
        for stage in (Stage.SEEN, Stage.DISPATCHED, Stage.CLOSED):
            if self._time.chance(0.25):
                break
            pause_ms += self._time.random.randint(1, 10_000)
            self._time.after(pause_ms, lambda stage=stage: self.act(incident, stage))  # type: ignore[misc]

    def _check_wall(self, publish: Publish) -> None:
        told = self._truth.presses.get(publish.record.id)
        stamp = publish.stamp
        if told is None or stamp.bound_ms is None:
            return
        error_ms = abs(stamp.wall_ms - EPOCH_MS - told.true_ms)
        if error_ms > stamp.bound_ms:
            raise Wrong(f"{publish.record.id}: wall time is off by {error_ms} ms, bound says {stamp.bound_ms}")


def forged(timeline: Timeline) -> Fact:
    """A receipt for an event that nobody sent."""
    boot = f"{timeline.random.getrandbits(64):016x}"
    return ReceiptCame(EventId(boot, timeline.random.randint(1, 9)), Stage.RECEIVED, "nobody", None, 0)

"""What really happened, written down by the world itself and never asked of the brain; and the rules it must obey.

The judge speaks up the moment a rule is broken: ``Wrong`` is raised in the step that broke it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge.events import Code, EventId, Lane, Origin, Qualifier, Record, Show, Stage, Topic
from edge.judging import SAMPLES_MIN
from edge.sim.hand import Closing


class Wrong(AssertionError):
    """The gate did something that it must never do."""


@dataclass
class Told:
    """A press as the gate named it: in which life, for which push of the hand, and when that truly was."""

    record: Record
    life: int
    true_ms: int
    closing: Closing


class Truth:
    """Facts about the world. ``open`` is whether an incident is open that this life of the daemon must know of."""

    def __init__(self, done_on_broker: bool = False) -> None:
        self.done_on_broker = done_on_broker
        self.events: dict[EventId, Record] = {}
        self.presses: dict[EventId, Told] = {}
        self.unreached: dict[EventId, Told] = {}
        self.kept: set[EventId] = set()
        self.on_card: set[EventId] = set()
        self.destroyed: set[EventId] = set()
        self.taken: set[EventId] = set()
        self.spilt: set[EventId] = set()
        self.at_centre: dict[EventId, int] = {}
        self.officer: dict[EventId, Stage] = {}
        self.open = False
        self.open_ids: set[EventId] = set()
        self.pressed_in_life = False
        self.card_open = False
        self.card_ids: set[EventId] = set()
        self.recovered = False
        self.life = 0
        self.reset_acts = 0
        self.now_ms: Callable[[], int] = lambda: 0
        self.caught_up: Callable[[], bool] = lambda: True

    # --- what the world writes down -----------------------------------------------------------------------------

    def begin_life(self, number: int) -> None:
        """The daemon starts: what it must know of an open incident is what the card keeps."""
        self.life = number
        self.open, self.open_ids = self.card_open, set(self.card_ids)
        self.recovered = self.pressed_in_life = False
        self.reset_acts = 0

    def press(self, told: Told) -> None:
        """The gate has named a press."""
        record = told.record
        for other in self.presses.values():
            if other.closing is told.closing and other.life == told.life:
                raise Wrong(f"one press has two ids: {other.record.id} and {record.id}")
        self.presses[record.id] = self.unreached[record.id] = told
        self.open = self.pressed_in_life = True
        self.open_ids.add(record.incident or record.id)

    def reset(self, record: Record) -> None:
        """The gate says that the incident is over; somebody entitled must have done it."""
        if self.reset_acts <= 0:
            raise Wrong(f"an incident ended by itself: {record.id} {dict(record.body)}")
        if record.incident is not None:
            self.open_ids.discard(record.incident)
        # A reset before the card could be read ends what the gate knew of; an older latch still stands.
        self.open = bool(self.open_ids)
        self.pressed_in_life = self.pressed_in_life and self.open

    def durable(self, record: Record) -> None:
        """A record is on the card."""
        self.on_card.add(record.id)
        if is_press(record):
            self.card_open = True
            self.card_ids.add(record.incident or record.id)
        elif record.code is Code.PANIC_RESET:
            if record.incident is not None:
                self.card_ids.discard(record.incident)
            self.card_open = bool(self.card_ids)

    def store_is_whole(self) -> None:
        """Every command so far is on the card: the latch kept there is the truth of now."""
        if self.recovered and self.caught_up():
            self.card_open, self.card_ids = self.open, set(self.open_ids)

    def file_lost(self) -> None:
        """The card's file was destroyed, with all that was on it."""
        self.destroyed |= self.on_card
        self.on_card.clear()
        self.card_open = False
        self.card_ids.clear()
        if not self.recovered:
            mine = {id for id, told in self.presses.items() if told.life == self.life}
            self.open_ids &= mine
            self.open = self.pressed_in_life

    def arrived(self, id: EventId) -> None:
        """The centre has it."""
        if id not in self.events:
            raise Wrong(f"the centre got {id}, which no gate has made")
        self.at_centre.setdefault(id, self.now_ms())
        self.unreached.pop(id, None)

    def keep_apart(self, record: Record) -> None:
        """Whatever the kiosk says goes behind every alarm, and nobody is *normal* on fewer than three samples."""
        if record.topic in _KIOSK and record.lane is not Lane.ROUTINE:
            raise Wrong(f"{record.topic.value} {record.id} is on the {record.lane.name.lower()} lane")
        samples = record.body.get("samples")
        if record.body.get("verdict") == "normal" and not (isinstance(samples, int) and samples >= SAMPLES_MIN):
            raise Wrong(f"a student is normal on {samples} samples: {record.id}")

    # --- the rules ----------------------------------------------------------------------------------------------

    def may_be_done(self, id: EventId) -> None:
        """An event may be owed no more only if it is where it must be."""
        record = self.events[id]
        if record.lane is Lane.ALARM and not self.done_on_broker:
            if id not in self.at_centre:
                raise Wrong(f"alarm {id} was given up before the centre had it")
        elif id not in self.taken and id not in self.at_centre:
            raise Wrong(f"{record.lane.name.lower()} event {id} was given up before a broker had it")

    def lamp(self, show: Show) -> None:
        """The lamp never claims more than is true."""
        for id, told in self.unreached.items():
            if not (told.life == self.life or (self.recovered and id in self.on_card)):
                continue  # nobody can know of it
            at_broker = id in self.taken
            stored = id in self.on_card or id in self.destroyed
            if show is Show.STORED and not (stored or at_broker):
                raise Wrong(f"the lamp says stored; {id} is not")
            if show is Show.AT_BROKER and not at_broker:
                raise Wrong(f"the lamp says at the broker; {id} is not")
            if show in _PAST_BROKER and not (self.done_on_broker and at_broker):
                raise Wrong(f"the lamp says {show.value}; the centre has not got {id}")
        if show in _QUIET and self.open and self.recovered:
            raise Wrong(f"the lamp says {show.value} while an incident is open")
        if show in (Show.SEEN, Show.DISPATCHED):
            done = max((self.officer.get(id, Stage.PRESSED) for id in self.open_ids), default=Stage.PRESSED)
            if done < (Stage.SEEN if show is Show.SEEN else Stage.DISPATCHED):
                raise Wrong(f"the lamp says {show.value}; no officer did that")


_KIOSK = (Topic.TEMPERATURE, Topic.PICTURE, Topic.FLOW)
_QUIET = (Show.READY, Show.TESTING, Show.TEST_RECEIVED)
_PAST_BROKER = (Show.RECEIVED, Show.SEEN, Show.DISPATCHED, *_QUIET)


def is_press(record: Record) -> bool:
    """A person's press, not a test, a reset or a trouble."""
    return (
        record.topic is Topic.ALARM and record.qualifier is Qualifier.NEW and record.origin is Origin.PERSON
    )  # fmt: skip

"""What the brain's surroundings must be able to do. Shapes only; ``tests/contract`` shows what each one promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from edge.diary import Diary
from edge.events import (
    Backlog,
    ClockFix,
    ClockRead,
    Contact,
    EventId,
    Fact,
    Lane,
    Latch,
    Publish,
    PublishHealth,
    Record,
    Row,
    Show,
    Topic,
    WallStamp,
)
from edge.measuring import CrowdKept, TellPupil
from edge.proving import CloseContact

Post = Callable[[Fact], None]
"""Puts a fact into the brain's inbox. Any thread may call it; it neither blocks nor raises."""


class Clock(Protocol):
    """Monotonic and wall time of one machine."""

    def now_ms(self) -> int:
        """Monotonic milliseconds. Any thread, any time; on the press's path."""

    def read(self) -> ClockRead:
        """Both clocks at one moment, with the kernel's own error bound. Any thread."""


class ContactHand(Protocol):
    """The gate's contacts. Posts a ContactEdge for each edge; ``poll`` is the second witness."""

    def poll(self) -> None:
        """Post a LevelRead for each contact whose level no edge has told, or that ``look`` asks for.

        The contact thread calls it.
        """

    def look(self, contact: Contact) -> None:
        """Have the next ``poll`` post this contact's level, whatever was told. The brain calls it."""

    def level(self, contact: Contact) -> bool:
        """True while the contact is closed."""

    def close(self) -> None:
        """Let the pins go."""


class LampHand(Protocol):
    """The status lamp and the fault lamp."""

    def show(self, show: Show, fault: bool) -> None:
        """Start these patterns now. The brain calls it: must return within 2 ms and never raise."""

    def close(self) -> None:
        """Lamps off, pins let go."""


class SirenHand(Protocol):
    """The siren's relay."""

    def sound(self) -> None:
        """On. The brain calls it: must return within 2 ms and never raise."""

    def stop(self) -> None:
        """Off. As ``sound``."""

    def pulse(self, for_ms: int) -> bool:
        """On for so long, below hearing, unless it sounds or is told to meanwhile: then False. Blocks; never the brain.

        Never raises, and never ends what ``sound`` began.
        """

    def close(self) -> None:
        """Off, pin let go."""


class StimulusHand(Protocol):
    """What closes the key's contact for a test."""

    def close_contact(self, command: CloseContact) -> None:
        """Close it, let go, and post when. Blocks for some 50 ms; a worker thread calls it, never the brain."""

    def close(self) -> None:
        """Let the contact go."""


SEQ_MAX = 2**63 - 1
"""No row has a higher number."""


class OutboxFull(Exception):
    """The card refuses for now (full, read-only, I/O error): work on in memory and try again later."""


class OutboxDamaged(Exception):
    """The file was not a database any more, or gone. It is closed and moved aside: open again to begin anew.

    ``rescued`` are the owed records, and ``latch`` the latch, that could still be read.
    """

    def __init__(self, detail: str, rescued: Sequence[Record] = (), latch: Latch | None = None) -> None:
        super().__init__(detail)
        self.rescued = rescued
        self.latch = latch


class Outbox(Protocol):
    """Event log and list of what is owed. One thread uses it. Every method raises OutboxFull or OutboxDamaged.

    Rows are numbered by ``seq``, rising, never used twice within one file. Alarm-lane rows are never evicted.
    """

    durable: bool
    """True when what ``append`` returned from survives a power cut."""

    @property
    def only_alarms(self) -> bool:
        """True while there is room left for alarms and the latch alone: ``append`` refuses the rest."""

    def append(
        self, records: Sequence[Record], latch: Latch | None, numbers: Sequence[int] | None = None
    ) -> Sequence[int]:
        """Keep records (and the latch, unless None) in one transaction, all owed; return their numbers.

        A record whose id is already kept is not kept twice: its old number is returned and it is owed as it was.
        ``numbers``: rows that move here keep these; rising, and all above ``last_seq``. No records and no latch
        still make one committed write: the proof that the card takes writes.
        """

    def last_seq(self) -> int:
        """The highest number ever given, 0 at first."""

    def keep_latch(self, latch: Latch) -> None:
        """Keep the latch alone. Here as in ``append``, one that is ``unread`` is laid over what was kept."""

    def latch(self) -> Latch | None:
        """The latch as last kept."""

    def load(self, lane: Lane, after_seq: int, limit: int) -> Sequence[Row]:
        """Owed rows of a lane with a number above ``after_seq``, oldest first, at most ``limit``."""

    def history(self, after_seq: int, limit: int) -> Sequence[Row]:
        """Rows of all lanes, owed or not, with a number above ``after_seq``, oldest first, at most ``limit``."""

    def read_back(self, id: EventId) -> tuple[bool, int | None, str]:
        """Whether this event is kept, looked for as somebody else would: on the card on a connection of its own.

        Also how many of the ledger's newest entries were looked at (None: no ledger), and what is wrong with them.
        """

    def owed_lanes(self, ids: Sequence[EventId]) -> Sequence[Lane]:
        """The lanes of those of these events that are kept and still owed, in no order."""

    def mark_done(self, ids: Sequence[EventId]) -> None:
        """These are owed no more; they stay in the log. Unknown ids are passed over."""

    def backlog(self) -> Backlog:
        """What is owed, by lane, and the newest id. Cheap: does not grow with what is kept."""

    def take_dropped(self) -> int:
        """How many owed routine events the limit has cost since last asked."""

    def backfill(self, fix: ClockFix) -> int:
        """Date events without a trustworthy wall time, a bounded number per call.

        Return how many were settled (dated, or found impossible to date); 0 when none is left. Events of the fix's
        own kernel boot are counted back from it; older boots get the middle of the time in which they must lie.
        """

    def note_alive(self, wall: WallStamp) -> None:
        """Keep a sign of life."""

    def last_alive_wall_ms(self) -> int | None:
        """The last sign of life, or None."""

    def keep_note(self, note: CrowdKept | Diary) -> None:
        """Keep the thermometer's crowd, or the diary of tests, in place of the last one."""

    def crowd(self) -> CrowdKept | None:
        """The crowd as last kept; None also for one that cannot be read: it costs a warm-up, never an event."""

    def diary(self) -> Diary | None:
        """The diary as last kept; None also for one that cannot be read: it costs tests and weeks, never an event."""

    def forget(self, topic: Topic, before_wall_ms: int, limit: int) -> int:
        """Delete routine events of a personal topic dated before ``before_wall_ms`` (``Row.dated_wall_ms``).

        Delivered or owed, at most ``limit`` per call. Return how many; 0 when none is left, and for any other topic.
        """

    def count_older(self, topic: Topic, before_wall_ms: int, after_seq: int = 0, up_to_seq: int = SEQ_MAX) -> int:
        """How many events of a topic, in any lane, are dated before ``before_wall_ms``: found by looking at each.

        Grows with the numbers that are looked at: above ``after_seq``, up to and with ``up_to_seq``.
        """

    def forget_damaged(self, before_wall_ms: int) -> int:
        """Delete one file that was moved aside as damaged and last written before this. 0 if there is none, or if it
        cannot be deleted: ``count_damaged`` then tells."""

    def count_damaged(self, before_wall_ms: int) -> int:
        """How many files that were moved aside as damaged were last written before this."""

    def salvage(self, limit: int) -> int:
        """Bring over what a file moved aside as damaged still holds, a little per call; 0 when no more can be had.

        Entries of the ledger, the newest first, at most ``limit`` and only such as the chain proves; and events under
        the numbers they had. Some may still be owed: then ``backlog`` says so.
        """

    def close(self) -> None:
        """Let the file go."""


class BrokerLink(Protocol):
    """One broker. The brain calls every method; none may block. Answers are facts."""

    def connect(self, mqtt5: bool) -> None:
        """Dial once, in the background. Answer: LinkUp or LinkDown."""

    def disconnect(self, reason: str) -> None:
        """Throw the connection and all the library holds away. Answer: LinkDown."""

    def publish(self, command: Publish) -> None:
        """Send a record. Answer: Acked, or LinkDown before it."""

    def publish_health(self, command: PublishHealth) -> None:
        """Send heartbeat or probe. Answer: Acked with no id."""

    def close(self) -> None:
        """Say goodbye (retained status offline) if connected, and end. Called once, from the main thread."""


class Supervisor(Protocol):
    """systemd, or nobody. The brain calls every method; none may block or raise."""

    def ready(self) -> None:
        """The button is armed."""

    def feed(self, status: str) -> None:
        """Keep-alive with one line of status."""

    def stopping(self) -> None:
        """An orderly end has begun."""


class ReadingMissed(Exception):
    """A sensor gave nothing that can be believed. ``reason`` is a short, stable key.

    ``passing``: the very next try may do better. It would not on a bus that hangs or is gone.
    """

    def __init__(self, reason: str, detail: str = "", *, passing: bool = True) -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.passing = passing


class BusError(ReadingMissed):
    """A transfer failed: ``no_answer``, ``bus_error``, ``bus_hung`` or ``bus_gone``. ``number``: the kernel's errno."""

    def __init__(self, reason: str, number: int, detail: str = "", *, passing: bool = True) -> None:
        super().__init__(reason, detail, passing=passing)
        self.number = number


class Bus(Protocol):
    """An I2C bus as far as a sensor may use it. One thread owns it.

    One opcode goes out and bytes come back. The shape has no room for a value to write: no EEPROM cell can be
    changed through it.
    """

    def read(self, address: int, opcode: int, count: int) -> bytes:
        """One combined transfer: write the opcode, read ``count`` bytes. Once, and bounded. Raises BusError."""

    def close(self) -> None:
        """Let the bus go. A later ``read`` opens it again."""


Reading_co = TypeVar("Reading_co", covariant=True)


class Sensor(Protocol[Reading_co]):
    """One sensor on a bus."""

    def read(self) -> Reading_co:
        """One reading, tried once. The thread that owns the bus calls it. Raises ReadingMissed."""


class PupilHand(Protocol):
    """The lamps and the buzzer that students meet."""

    def tell(self, command: TellPupil) -> None:
        """Signal this from now on. The brain calls it: must return within 2 ms and never raise."""

    def close(self) -> None:
        """Lamps and buzzer off, pins let go."""

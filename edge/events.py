"""The vocabulary: facts that come in, commands that go out, and the records that are kept and sent.

Nothing here acts. Every value is a frozen ``msgspec.Struct``: as immutable as a frozen dataclass and several
times cheaper to make, which matters on the press's path. All times named ``at_ms`` are milliseconds of the
machine's monotonic clock; all times named ``wall_ms`` are milliseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum

from edge.certificate_words import CertificateRead
from edge.codes import Code as Code
from edge.codes import Qualifier as Qualifier
from edge.codes import Trouble as Trouble
from edge.diary import Diary
from edge.ledger_head import Head
from edge.measuring import CrowdKept, MeasuringCommand, MeasuringFact
from edge.measuring import KeepCrowd as KeepCrowd
from edge.proving import TestCommand, TestFact, TestStoreCommand
from edge.topics import PERSONAL as PERSONAL
from edge.topics import Forget as Forget
from edge.topics import Forgotten as Forgotten
from edge.topics import Lane as Lane
from edge.topics import Topic as Topic
from edge.value import Value as Value


class Origin(Enum):
    """Who closed the contact. There is no default: every press says (architecture, decision 7)."""

    PERSON = "person"
    SELF_TEST = "self_test"
    DRILL = "drill"

    @classmethod
    def _missing_(cls, _value: object) -> Origin:
        """An origin nobody knows is a person: an alarm must never be mistaken for a test."""
        return cls.PERSON


class Contact(Enum):
    """A pair of terminals on the gate. ``KEY_NC`` is the optional normally-closed half of the key."""

    KEY = "key"
    KEY_NC = "key_nc"
    RESET = "reset"


class Stage(IntEnum):
    """How far an alarm got. Each later stage is a different truth, never implied by an earlier one."""

    PRESSED = 0
    STORED = 1
    AT_BROKER = 2
    RECEIVED = 3
    SEEN = 4
    DISPATCHED = 5
    CLOSED = 6


class Show(Enum):
    """What the status lamp says: ready, or the stage of the least advanced press; quiet, how far a test is."""

    READY = "ready"
    TESTING = "testing"
    TEST_RECEIVED = "test_received"
    PRESSED = "pressed"
    STORED = "stored"
    AT_BROKER = "at_broker"
    RECEIVED = "received"
    SEEN = "seen"
    DISPATCHED = "dispatched"


class EventId(Value, frozen=True, order=True):
    """Unique without a database and without a trustworthy clock (architecture, decision 3).

    ``boot`` is 16 hexadecimal digits drawn afresh at each start of the daemon; ``counter`` counts from 1 within it.
    """

    boot: str
    counter: int

    def __str__(self) -> str:
        return f"{self.boot}-{self.counter}"


class ClockQuality(Enum):
    """How far a wall time can be trusted."""

    SYNCED = "synced"
    HOLDOVER = "holdover"
    UNSYNCED = "unsynced"
    BACKFILLED = "backfilled"


class WallStamp(Value, frozen=True):
    """A wall time with its quality. ``bound_ms`` is the greatest error (+-), None where nothing bounds it."""

    wall_ms: int
    quality: ClockQuality
    bound_ms: int | None


class Boot(Value, frozen=True):
    """One life of the daemon. ``kernel_boot`` tells whether monotonic times of two lives can be compared."""

    id: str
    counter: int
    kernel_boot: str


class Record(Value, frozen=True):
    """Something that happened, in the form that is kept and sent. Never changed once made.

    ``incident`` is the first press's id, in an alarm record. ``body`` holds plain scalars for people and reports.
    """

    id: EventId
    boot_counter: int
    kernel_boot: str
    at_ms: int
    wall: WallStamp
    origin: Origin
    lane: Lane
    topic: Topic
    code: Code
    qualifier: Qualifier
    incident: EventId | None
    body: Mapping[str, str | int | float | bool | None]


class Latch(Value, frozen=True):
    """The open incident as the store keeps it, so that a restart in mid-alarm rebuilds lamp and siren.

    ``ids`` are the incident's names (more than one only if a press came before an older latch was read back);
    empty means that nothing is latched. ``siren_until_ms`` is comparable only within the same ``kernel_boot``.
    ``unread``: the brain that says this has not yet been told what was latched before it, so that must stay: that is
    ``before``, and ``boot`` tells what this same life of the daemon has said since, which does not. ``done_on_broker``:
    some of these presses had only to reach a broker, whatever the settings say by now.
    """

    ids: tuple[EventId, ...]
    officer: Stage | None
    presses: int
    siren_until_ms: int | None
    kernel_boot: str
    unread: bool = False
    boot: str = ""
    before: Latch | None = None
    done_on_broker: bool = False


class ClockFix(Value, frozen=True):
    """The first trustworthy reading of a boot: what earlier events of that kernel boot are dated by."""

    kernel_boot: str
    at_ms: int
    wall_ms: int
    bound_ms: int


class Row(Value, frozen=True):
    """A stored record with its place in the store and, where worked out later, its wall time."""

    seq: int
    record: Record
    backfilled: WallStamp | None

    @property
    def dated_wall_ms(self) -> int:
        """Its date, as ``Forget`` counts: worked out where that was possible, else what its clock said."""
        return (self.backfilled or self.record.wall).wall_ms


class Backlog(Value, frozen=True):
    """What the store holds that is still owed, by lane, the newest event in the log, and the ledger's head."""

    alarm: int = 0
    trouble: int = 0
    routine: int = 0
    last_id: EventId | None = None
    ledger: Head | None = None


# --- facts: what hands post ------------------------------------------------------------------------------------


class ContactEdge(Value, frozen=True):
    """A contact changed, ``late_ms`` before the interrupt was heard. Raw: one push of a hand may close it often."""

    contact: Contact
    closed: bool
    at_ms: int
    origin: Origin
    late_ms: int = 0


class LevelRead(Value, frozen=True):
    """A look at the contact: at start-up, where it found a level that no edge has told, or asked for (LookAt)."""

    contact: Contact
    closed: bool
    at_ms: int


class Alive(Value, frozen=True):
    """A duty did its work. ``duty`` is one of ``health.DUTIES``."""

    duty: str
    at_ms: int


class ClockRead(Value, frozen=True):
    """A reading of both clocks at one moment. ``error_ms`` is the kernel's own bound, None when unsynchronised."""

    at_ms: int
    wall_ms: int
    error_ms: int | None


class Stored(Value, frozen=True):
    """The store took these rows. ``durable`` only after a commit that was synced to the card."""

    rows: tuple[tuple[EventId, int], ...]
    durable: bool
    backlog: Backlog
    at_ms: int


class Loaded(Value, frozen=True):
    """Owed rows of a lane after a cursor, oldest first. ``drained`` when nothing follows them."""

    lane: Lane
    rows: tuple[Row, ...]
    drained: bool
    at_ms: int


class StoreOpened(Value, frozen=True):
    """The store can be read. Again, ``renumbered``, in a new file after damage: memory's rows and crowd go there."""

    latch: Latch | None
    backlog: Backlog
    last_alive_wall_ms: int | None
    renumbered: bool
    at_ms: int
    crowd: CrowdKept | None = None
    diary: Diary | None = None


class StoreTrouble(Value, frozen=True):
    """The store's condition changed: STORE_IN_MEMORY, STORE_DAMAGED, EVENTS_DROPPED or LEDGER_UNSIGNED."""

    trouble: Trouble
    raised: bool
    detail: str
    at_ms: int


class LinkUp(Value, frozen=True):
    """Connected to broker number ``broker`` and subscribed. ``mqtt5`` tells which protocol it speaks."""

    broker: int
    mqtt5: bool
    at_ms: int


class LinkDown(Value, frozen=True):
    """Not, or no longer, connected. ``reason`` is for people; ``old_protocol`` asks for MQTT 3.1.1."""

    broker: int
    reason: str
    old_protocol: bool
    at_ms: int


class Acked(Value, frozen=True):
    """The broker answered a publish. ``reason`` is the MQTT 5 code (0 on 3.1.1); id None for a probe or heartbeat."""

    broker: int
    id: EventId | None
    reason: int
    at_ms: int


class ReceiptCame(Value, frozen=True):
    """The centre's word: a press was received, or its incident was seen, dispatched or closed ``by`` somebody."""

    id: EventId
    stage: Stage
    by: str
    centre_wall_ms: int | None
    at_ms: int


class CentreStatus(Value, frozen=True):
    """The retained word on whether the centre's application is listening at this broker."""

    broker: int
    listening: bool
    at_ms: int


class MessageRefused(Value, frozen=True):
    """Something came from below that is not obeyed. ``reason`` is a key of the counter that health shows."""

    reason: str
    at_ms: int


class ResetAsked(Value, frozen=True):
    """A named person at the command line ends the incident. ``uid`` is the peer's, from the socket."""

    by: str
    uid: int
    at_ms: int
    key_fingerprint: str = ""


class ViewAsked(Value, frozen=True):
    """Somebody at a local socket wants to see the state; ``token`` finds the way back."""

    token: int
    at_ms: int


class Noted(Value, frozen=True):
    """A hand reports something worth a log event of its own (start, orderly shutdown, refused settings)."""

    code: Code
    qualifier: Qualifier
    trouble: Trouble | None
    detail: str
    at_ms: int


class Ticked(Value, frozen=True):
    """Time passed: the inbox was empty until ``wake_at``."""

    at_ms: int


Fact = (
    ContactEdge | LevelRead | Alive | ClockRead | Stored | Loaded | StoreOpened | StoreTrouble | LinkUp | LinkDown
    | Acked | ReceiptCame | CentreStatus | MessageRefused | ResetAsked | ViewAsked | Noted | Ticked
    | Forgotten | CertificateRead | MeasuringFact | TestFact
)  # fmt: skip


# --- commands: what hands obey ---------------------------------------------------------------------------------


class LookAt(Value, frozen=True):
    """Look at this contact once more; the answer is a LevelRead."""

    contact: Contact


class ShowLamp(Value, frozen=True):
    """Set the status lamp's and the fault lamp's patterns."""

    show: Show
    fault: bool


class SoundSiren(Value, frozen=True):
    """Switch the siren on, until told otherwise."""


class StopSiren(Value, frozen=True):
    """Switch the siren off."""


class Store(Value, frozen=True):
    """Keep a record and, in the same transaction, the latch as it now is (None leaves it alone)."""

    record: Record
    latch: Latch | None


class KeepLatch(Value, frozen=True):
    """Keep a latch that changed without a new record (an officer saw or dispatched)."""

    latch: Latch


class Load(Value, frozen=True):
    """Read owed rows of a lane after sequence number ``after_seq``."""

    lane: Lane
    after_seq: int
    limit: int


class MarkDone(Value, frozen=True):
    """Owed no more."""

    id: EventId


class Backfill(Value, frozen=True):
    """Date stored events that have no trustworthy wall time."""

    fix: ClockFix


class NoteAlive(Value, frozen=True):
    """Write the sign of life that bounds the gap a power cut leaves."""

    wall: WallStamp


class Publish(Value, frozen=True):
    """Hand a record to a broker at once. ``stamp`` is its best wall time now; ``age_ms`` None if not known."""

    broker: int
    record: Record
    stamp: WallStamp
    replayed: bool
    age_ms: int | None


class PublishHealth(Value, frozen=True):
    """Publish the heartbeat (or, with ``probe`` only, the short probe) to a broker."""

    broker: int
    probe: bool
    health: Mapping[str, object]


class Connect(Value, frozen=True):
    """Dial a broker once; the answer is LinkUp or LinkDown."""

    broker: int
    mqtt5: bool


class Disconnect(Value, frozen=True):
    """Throw the connection away, with everything the library still holds; the answer is LinkDown."""

    broker: int
    reason: str


class FeedWatchdog(Value, frozen=True):
    """The duties that matter met their deadlines: tell the supervisor. ``status`` is one line for people."""

    status: str


class TellReady(Value, frozen=True):
    """The button is armed: tell the supervisor, once."""


class Journal(Value, frozen=True):
    """One line for the system's journal, on an event or in words. A press does not wait for its event to be worded."""

    level: str
    about: Record | str


class AnswerView(Value, frozen=True):
    """Send the view to whoever asked."""

    token: int
    view: Mapping[str, object]


Command = (
    ShowLamp | SoundSiren | StopSiren | Store | KeepLatch | Load | MarkDone | Backfill | NoteAlive | Publish
    | PublishHealth | Connect | Disconnect | FeedWatchdog | TellReady | Journal | AnswerView
    | LookAt | MeasuringCommand | Forget | KeepCrowd | TestStoreCommand | TestCommand
)  # fmt: skip

StoreCommand = Store | KeepLatch | Load | MarkDone | Backfill | NoteAlive | Forget | KeepCrowd | TestStoreCommand

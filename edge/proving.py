"""The vocabulary of a self-test's hands: what closes the contact, what senses lamp and siren, and who asks for a test.

Nothing here acts. All times named ``at_ms`` are milliseconds of the machine's monotonic clock. Event ids are written as
text here, as people and sockets say them.
"""

from __future__ import annotations

from enum import Enum

from edge.chain import Kind, Link, WindowClosed, WindowOpened
from edge.diary import Diary
from edge.value import Value


class Sense(Enum):
    """An input that measures what the gate only commands: light at the status lamp, current through the siren."""

    LAMP = "lamp"
    SIREN = "siren"


# --- facts: what hands post ------------------------------------------------------------------------------------


class StimulusBegan(Value, frozen=True):
    """The contact is about to be closed for a test: dated and posted before the relay moves."""

    at_ms: int


class StimulusLooked(Value, frozen=True):
    """The key's level, read live while the relay holds it or after it let go. ``at_ms`` is before the look."""

    closed: bool
    at_ms: int


class StimulusEnded(Value, frozen=True):
    """The relay was told to let go, at ``at_ms``."""

    at_ms: int


class StimulusFailed(Value, frozen=True):
    """The contact could not be closed for a test. ``reason`` is for people."""

    reason: str
    at_ms: int


class SenseRead(Value, frozen=True):
    """A sense input changed."""

    sense: Sense
    active: bool
    at_ms: int


class SirenPulsed(Value, frozen=True):
    """The siren's relay was closed for a moment below hearing (``done``), or was needed for an alarm meanwhile."""

    done: bool
    at_ms: int


class LinkProbed(Value, frozen=True):
    """What a hand found out about a link that no press can prove: battery, tamper switch, watchdog, loop, log.

    ``good`` False makes the link fail. ``measured`` and ``limit`` are in the link's unit (``chain.UNITS``).
    """

    link: Link
    good: bool
    detail: str
    at_ms: int
    measured: float | None = None
    limit: float | None = None


class ReadBack(Value, frozen=True):
    """Whether the store found an event again, on a second connection to the card.

    ``entries`` of the ledger's end were looked at as well (None: no ledger); ``fault`` is what is wrong with them.
    """

    id: str
    found: bool
    at_ms: int
    entries: int | None = None
    fault: str = ""


class SelfTestAsked(Value, frozen=True):
    """A named person asks for a test. ``token`` is the asker's own word, by which the view answers."""

    kind: Kind
    by: str
    key_fingerprint: str
    token: str
    at_ms: int


class ArrivedAsked(Value, frozen=True):
    """A named person says that the helpers of a drill have arrived."""

    by: str
    at_ms: int


TestFact = (
    StimulusBegan | StimulusLooked | StimulusEnded | StimulusFailed | SenseRead | SirenPulsed | LinkProbed | ReadBack
    | SelfTestAsked | ArrivedAsked | WindowOpened | WindowClosed
)  # fmt: skip


# --- commands: what hands obey ---------------------------------------------------------------------------------


class CloseContact(Value, frozen=True):
    """Close the contact for a test, for ``hold_ms``; look at it ``settle_ms`` after, and ``between_ms`` after that."""

    hold_ms: int
    settle_ms: int
    between_ms: int


class PulseSiren(Value, frozen=True):
    """Close the siren's relay for ``for_ms``, too short to be heard, unless it sounds."""

    for_ms: int


class KeepDiary(Value, frozen=True):
    """Keep this in the store, in the place of what was kept before: past tests, judged weeks, what is due next."""

    diary: Diary


class ReadAgain(Value, frozen=True):
    """Look for an event on a second connection to the card; the answer is ReadBack."""

    id: str


TestCommand = CloseContact | PulseSiren

TestStoreCommand = KeepDiary | ReadAgain

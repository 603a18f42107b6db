"""One test as the officer sees it: the card that its mark puts on the screen, who confirmed it, and its report.

Pure; no clock. A card never rings and is never an incident. Its mark and its report may come in any order, and either
may be missing. Times are the centre's wall clock in milliseconds unless they say otherwise, 0 while something has not
happened.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from edge import chain
from edge.chain import Kind, Report
from edge.errors import RefusedError
from edge.events import ClockQuality, Code, Origin, Stage, Topic
from edge.wire import Address, Event

OFFICER_MS = 90_000
"""Within this the officer is to confirm (link 11), or the test is PARTIAL; where the gate does not say another time."""

OFFICER_MS_MAX = 600_000

CARD_MS_MAX = 35 * 60_000
"""A card whose report has not come by then leaves the screen: the longest test is a drill of half an hour."""

REPORT_CODES = (Code.MANUAL_TEST, Code.PERIODIC_TEST, Code.WALK_TEST, Code.PERIODIC_TEST_TROUBLE)
FULL_TESTS = (Kind.FULL, Kind.HUMAN, Kind.DRILL)
"""Kinds that are tests of the whole chain. The daily path test is none."""

Body = dict[str, str | int | float | bool | None]


class Card(msgspec.Struct, frozen=True):
    """One test. ``id`` is that of its mark. ``tested_wall_ms`` is when the gate says that the test ended.

    ``age_ms`` is how old the mark was when the gate sent it, None where nobody can tell.
    """

    address: Address
    id: str
    origin: Origin = Origin.SELF_TEST
    kind: str = ""
    window: str = ""
    received_wall_ms: int = 0
    press_wall_ms: int = 0
    press_clock: ClockQuality = ClockQuality.UNSYNCED
    replayed: bool = False
    age_ms: int | None = None
    officer_ms: int = OFFICER_MS
    seen_by: str = ""
    seen_wall_ms: int = 0
    dispatched_by: str = ""
    dispatched_wall_ms: int = 0
    reported_wall_ms: int = 0
    tested_wall_ms: int = 0
    report_id: str = ""
    report: Body | None = None

    @property
    def result(self) -> str:
        """PASS, FAIL or PARTIAL, by the report; empty before it came."""
        return "" if self.report is None else str(self.report.get("result", ""))

    def over(self, wall_ms: int) -> bool:
        """True once confirming it would change nothing."""
        too_old = self.age_ms is not None and self.age_ms >= CARD_MS_MAX
        return self.report is not None or too_old or wall_ms >= self.received_wall_ms + CARD_MS_MAX

    def left_ms(self, wall_ms: int) -> int:
        """How long the officer still has, as far as the centre can know: by its own clock and the mark's age."""
        return max(0, self.received_wall_ms - (self.age_ms or 0) + self.officer_ms - wall_ms)

    @property
    def stage(self) -> Stage:
        """The last word of the officer that its gate was, or is to be, told."""
        if self.dispatched_wall_ms:
            return Stage.DISPATCHED
        return Stage.SEEN if self.seen_wall_ms else Stage.RECEIVED

    @property
    def acted(self) -> tuple[str, int]:
        """Who said ``stage``, and when."""
        if self.dispatched_wall_ms:
            return self.dispatched_by, self.dispatched_wall_ms
        return self.seen_by, self.seen_wall_ms


def is_report(event: Event) -> bool:
    """True for a test's report. A press's code is never one, whatever its body claims."""
    return event.topic is Topic.SELF_TEST and event.code in REPORT_CODES and chain.is_report(event.body)


def read_report(event: Event) -> Report | None:
    """The report of an event for which ``is_report`` is true; None where it cannot be understood."""
    try:
        return chain.report_of(event.body)
    except (ValueError, KeyError, TypeError):
        return None


def marked(card: Card | None, address: Address, event: Event, window: str, wall_ms: int) -> Card:
    """The card after its mark came. ``window`` is the nonce of the window that is open at that gate, if any."""
    card = card or Card(address, event.id)
    said = event.body.get("kind")
    kind = said if isinstance(said, str) and said in {one.value for one in Kind} else ""
    officer_ms = event.body.get("officer_ms")
    believed = type(officer_ms) is int and 0 < officer_ms <= OFFICER_MS_MAX
    return replace(
        card,
        officer_ms=officer_ms if believed else OFFICER_MS,
        origin=event.origin,
        kind=card.kind or kind,
        window=card.window or window,
        received_wall_ms=wall_ms,
        press_wall_ms=event.wall_ms,
        press_clock=event.clock,
        replayed=event.replayed,
        age_ms=event.age_ms,
    )


def reported(card: Card | None, address: Address, event: Event, report: Report, wall_ms: int) -> Card:
    """The card after its report came. The first report of a test stands."""
    card = card or Card(address, report.mark or event.id, received_wall_ms=wall_ms)
    if card.report is not None:
        return card
    return replace(
        card,
        origin=Origin.DRILL if report.kind is Kind.DRILL else card.origin,
        kind=report.kind.value,
        window=report.window or card.window,
        reported_wall_ms=wall_ms,
        tested_wall_ms=ended_wall_ms(event, wall_ms) or 0,
        report_id=event.id,
        report=event.body,
    )


def ended_wall_ms(event: Event, wall_ms: int) -> int | None:
    """When the test of this report ended; never in the future. None where nobody can tell.

    An old report is dated by its gate only if that gate's clock was worth something; else by its age.
    """
    if not event.replayed:
        return wall_ms
    if event.clock is not ClockQuality.UNSYNCED:
        return min(event.wall_ms, wall_ms)
    return None if event.age_ms is None else wall_ms - max(0, event.age_ms)


def act(card: Card, stage: Stage, by: str, wall_ms: int) -> Card:
    """The card after an officer's act: seen, and for a drill dispatched. Raises RefusedError.

    The first officer's word stands: it is what the response is timed by.
    """
    if stage is Stage.SEEN or (stage is Stage.DISPATCHED and card.origin is Origin.DRILL):
        if card.over(wall_ms):
            said = f"its report says {card.result}" if card.result else "it is too old"
            raise RefusedError(f"test {card.id} at {card.address} is over: {said}")
        if stage is Stage.SEEN:
            return card if card.seen_wall_ms else replace(card, seen_by=by, seen_wall_ms=wall_ms)
        if not card.seen_wall_ms:
            card = replace(card, seen_by=by, seen_wall_ms=wall_ms)
        return card if card.dispatched_wall_ms else replace(card, dispatched_by=by, dispatched_wall_ms=wall_ms)
    raise RefusedError(
        f"{card.id} is a test at {card.address}, no alarm: it can only be seen (a drill also dispatched)"
    )

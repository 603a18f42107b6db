"""One run of a self-test: what is set off, what is awaited, and when there is enough to judge.

Pure: no clock, no thread, no device, and no say over the alarm. Whose finger closed the contact is for ``edge.claim``;
what the evidence proves, for ``edge.verdicts``; which fact reaches this machine, for ``edge.selftest_news``.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge import claim
from edge.chain import Kind, Link, Report, Stimulus, Verdict, WindowOpened, result_of
from edge.claim import Claim
from edge.events import Acked, Contact, ContactEdge, LevelRead, Origin, ReceiptCame, Stage, Stored
from edge.evidence import Evidence, Fitted
from edge.proving import (
    CloseContact,
    LinkProbed,
    PulseSiren,
    ReadAgain,
    ReadBack,
    Sense,
    SenseRead,
    SirenPulsed,
    StimulusBegan,
    StimulusEnded,
    StimulusFailed,
    StimulusLooked,
)
from edge.value import Value
from edge.verdicts import CENTRE_MS, needed, verdicts

STIMULUS_MS = 3_000
"""So long the contact may take to close, from the command to the event."""

FAILED_MS = 500
"""Where the contact could not be closed because somebody pressed it, that press is known by then."""

SHOWN_MS = 3_000
"""So long after the receipt the lamp is watched, where a sensor watches it."""

LIT_MS = 700
"""Lit at a stretch for so long, the lamp shows the receipt; no other pattern of a quiet gate does that."""

PULSE_MS = 20
"""The siren's relay is closed for so long: below hearing (standards' note, link 8)."""

DRILL_SIREN_MS = 10_000
"""So long the siren sounds in a drill."""

WINDOW_MS_MAX = 1_800_000


class SelfTestRules(Value, frozen=True):
    """What the settings say. ``confirm_ms`` is the button's; ``configuration`` names the settings in the report."""

    fitted: Fitted = Fitted()
    confirm_ms: int = 10
    software: str = ""
    configuration: str = ""


class Asked(Value, frozen=True):
    """Why a test runs: planned for a time, or asked for by a named person."""

    kind: Kind
    planned_wall_ms: int | None = None
    by: str = ""
    key_fingerprint: str = ""


class Run(Value, frozen=True):
    """A test that runs. ``mark`` is the id of its press once it has one; ``lit_since_ms`` is when the lamp was lit."""

    asked: Asked
    stimulus: Stimulus
    started_ms: int
    seen: Evidence
    mark: str = ""
    window: str = ""
    receipt_wall_ms: int | None = None
    lit_since_ms: int | None = None
    siren_until_ms: int | None = None
    arrived_ms: int | None = None


class Window(Value, frozen=True):
    """The centre's window, while it is open. ``used``: its one press has come."""

    opened: WindowOpened
    until_ms: int
    used: bool = False


class SelfTest(Value, frozen=True):
    """Everything about tests that a gate has in mind. ``nonces`` are those of windows seen, the newest last.

    ``lit_since_ms``: since when the lamp's sensor sees light, None while it sees none.
    """

    rules: SelfTestRules = SelfTestRules()
    run: Run | None = None
    claim: Claim | None = None
    window: Window | None = None
    nonces: tuple[str, ...] = ()
    last: Report | None = None
    answer: tuple[str, str] = ("", "")
    probed: dict[Link, LinkProbed] = {}
    lit_since_ms: int | None = None


News = (
    Stored | Acked | ReceiptCame | ContactEdge | LevelRead | StimulusBegan | StimulusLooked | StimulusEnded
    | StimulusFailed | SenseRead | SirenPulsed | ReadBack
)  # fmt: skip
Outcome = CloseContact | PulseSiren | ReadAgain


def start(test: SelfTest, asked: Asked, now_ms: int) -> tuple[SelfTest, tuple[Outcome, ...]]:
    """Set a full or a path test off. The caller has made sure that the gate is quiet."""
    fitted, confirm_ms = test.rules.fitted, test.rules.confirm_ms
    stimulus = Stimulus.LOOPBACK if fitted.loopback else Stimulus.CONTACT_PORT
    out: list[Outcome] = [CloseContact(claim.hold_ms(confirm_ms), claim.settle_ms(confirm_ms), claim.SPIKE_MS)]
    if fitted.siren_sense:
        out.append(PulseSiren(PULSE_MS))
    run = Run(asked, stimulus, now_ms, _nothing(test), lit_since_ms=test.lit_since_ms)
    relay = claim.of_relay(confirm_ms, now_ms) if fitted.loopback else None
    return replace(test, run=run, claim=relay), tuple(out)


def pressed_in_window(test: SelfTest, at_ms: int, quiet_ms: int | None) -> SelfTest:
    """The press that the window is for: a run of its kind begins with it. ``quiet_ms``: when the other half opened."""
    assert test.window is not None
    opened = test.window.opened
    asked = Asked(opened.kind, by=opened.by)
    run = Run(
        asked, Stimulus.PERSON, at_ms, _nothing(test), window=opened.nonce, lit_since_ms=test.lit_since_ms
    )  # fmt: skip
    run = _with(run, edge_ms=at_ms, quiet_ms=quiet_ms)
    if opened.kind is Kind.DRILL:
        run = replace(run, siren_until_ms=at_ms + DRILL_SIREN_MS)
    return replace(test, run=run, window=replace(test.window, used=True))


def marked(run: Run, id: str, at_ms: int, now_ms: int) -> Run:
    """The test's closure has become an event."""
    return replace(run, mark=id, seen=replace(run.seen, marked_ms=at_ms, confirmed_ms=now_ms))


def heard(run: Run, news: News, wall_ms: int) -> tuple[Run, tuple[Outcome, ...]]:
    """Take down what a fact proves. ``wall_ms`` is this gate's wall time at the fact."""
    seen = run.seen
    match news:
        case Stored(rows=rows, durable=True, at_ms=at_ms):
            if seen.stored_ms is None and run.mark and any(str(id) == run.mark for id, _ in rows):
                return _with(run, stored_ms=at_ms), (ReadAgain(run.mark),)
        case ReadBack(id=id) if id == run.mark:
            return _with(run, read_back=news.found, entries=news.entries, log_fault=news.fault), ()
        case Acked(id=id) if id is not None and str(id) == run.mark:
            return _acked(run, news), ()
        case ReceiptCame(id=id) if str(id) == run.mark:
            return _receipt(run, news, wall_ms), ()
        case ContactEdge() | LevelRead() if not run.mark or news.contact is Contact.KEY_NC:
            return _contact(run, news), ()
        case StimulusBegan(at_ms=at_ms):
            return _with(run, began_ms=at_ms), ()
        case StimulusLooked(closed=closed) if seen.ended_ms is None:
            return _with(run, held_closed=closed), ()
        case StimulusEnded(at_ms=at_ms):
            return _with(run, ended_ms=at_ms), ()
        case StimulusFailed(reason=reason, at_ms=at_ms):
            return _with(run, failed=reason, failed_ms=at_ms), ()
        case SirenPulsed(done=done):
            return _with(run, siren_pulsed=done), ()
        case SenseRead(sense=Sense.SIREN, active=True):
            return _with(run, siren_moved=True), ()
        case SenseRead(sense=Sense.LAMP, active=active, at_ms=at_ms):
            return _light(run, active=active, at_ms=at_ms), ()
    return run, ()


def due_ms(test: SelfTest, run: Run) -> int:
    """When the run is judged, whatever has come by then. ``is_done`` may be true earlier."""
    seen, fitted = run.seen, test.rules.fitted
    if seen.marked_ms is None:
        return run.started_ms + STIMULUS_MS if seen.failed_ms is None else seen.failed_ms + FAILED_MS
    due = seen.marked_ms + CENTRE_MS
    if seen.received_ms is None:
        return due
    if fitted.lamp_sense:
        due = max(due, seen.received_ms + SHOWN_MS)
    if run.asked.kind is not Kind.PATH and seen.seen_ms is None:
        due = max(due, seen.marked_ms + fitted.officer_ms)
    if run.asked.kind is Kind.DRILL and seen.seen_ms is not None and test.window is not None:
        due = max(due, test.window.until_ms)
    return due


def is_done(test: SelfTest, run: Run) -> bool:
    """True once nothing more can come that would change the verdict."""
    seen, fitted = run.seen, test.rules.fitted
    if not run.mark:
        return False
    travelled = seen.read_back is not None and all(
        acked is not None or refused is not None for acked, refused in zip(seen.acked_ms, seen.refused, strict=True)
    )
    moving = test.claim is not None or (run.stimulus is not Stimulus.PERSON and seen.ended_ms is None)
    if not travelled or moving:
        return False
    if not fitted.receipts:
        return True
    if seen.received_ms is None:
        return False
    if fitted.lamp_sense and seen.return_ms is None:
        return False
    match run.asked.kind:
        case Kind.PATH:
            return True
        case Kind.DRILL:
            return run.arrived_ms is not None
        case _:
            return seen.seen_ms is not None


def report(test: SelfTest, run: Run, troubles: str, now_ms: int) -> Report:
    """The whole run, judged."""
    fitted, kind = test.rules.fitted, run.asked.kind
    links = verdicts(kind, run.stimulus, fitted, run.seen, test.probed, now_ms, run.mark)
    return Report(
        kind=kind,
        result=result_of(links, needed(kind, fitted)),
        stimulus=run.stimulus,
        mark=run.mark,
        links=links,
        started_ms=run.started_ms,
        ended_ms=now_ms,
        planned_wall_ms=run.asked.planned_wall_ms,
        operator=run.asked.by,
        key_fingerprint=run.asked.key_fingerprint,
        window=run.window,
        receipt_wall_ms=run.receipt_wall_ms,
        officer=run.seen.officer,
        alarms=run.seen.alarms,
        troubles=troubles,
        software=test.rules.software,
        configuration=test.rules.configuration,
    )


def progress(run: Run) -> dict[str, str]:
    """What is proved so far, for somebody who watches: names of links, and ``waiting`` or ``done``."""
    seen = run.seen
    reached = {
        Link.GPIO: seen.edge_ms is not None or bool(run.mark),
        Link.DECISION: bool(run.mark),
        Link.STORE: seen.read_back is True,
        Link.UPLINK: bool(seen.acked_ms) and all(one is not None for one in seen.acked_ms),
        Link.CENTRE: seen.received_ms is not None,
        Link.OFFICER: seen.seen_ms is not None,
    }
    return {link.name.lower(): "done" if done else "waiting" for link, done in reached.items()}


def failed_links(report: Report) -> str:
    """The links that failed, by name, for people."""
    return ", ".join(one.link.name.lower() for one in report.links if one.verdict is Verdict.FAIL)


# --- what one fact proves ----------------------------------------------------------------------------------------


def _nothing(test: SelfTest) -> Evidence:
    none = (None,) * len(test.rules.fitted.brokers)
    return Evidence(acked_ms=none, refused=none, light_on=test.lit_since_ms is not None)


def _with(run: Run, **changes: object) -> Run:
    return replace(run, seen=replace(run.seen, **changes))


def _contact(run: Run, news: ContactEdge | LevelRead) -> Run:
    """The first sign of the contact; a test set off at the contact port moves no wire, so a person's is not its own."""
    said = isinstance(news, ContactEdge) and news.origin is not Origin.PERSON
    began_ms = run.seen.began_ms
    moved = began_ms is not None and news.at_ms >= began_ms  # what came before is not the relay's
    mine = said if run.stimulus is Stimulus.CONTACT_PORT else moved or run.stimulus is Stimulus.PERSON
    match news.contact:
        case Contact.KEY if news.closed and mine:
            if isinstance(news, LevelRead):
                return _with(run, polled=True) if run.seen.edge_ms is None else run
            return _with(run, edge_ms=news.at_ms) if run.seen.edge_ms is None else run
        case Contact.KEY_NC if not news.closed and mine and run.seen.quiet_ms is None:
            return _with(run, quiet_ms=news.at_ms)
        case _:
            return run


def _acked(run: Run, news: Acked) -> Run:
    taken = news.reason < 0x80 and news.reason != 0x10
    name = "acked_ms" if taken else "refused"
    told = list(getattr(run.seen, name))
    if told[news.broker] is None:
        told[news.broker] = news.at_ms if taken else news.reason
    return _with(run, **{name: tuple(told)})


def _receipt(run: Run, news: ReceiptCame, wall_ms: int) -> Run:
    seen = run.seen
    if news.stage is Stage.SEEN and seen.seen_ms is None:
        return _with(run, seen_ms=news.at_ms, officer=news.by)
    if news.stage is not Stage.RECEIVED or seen.received_ms is not None or seen.confirmed_ms is None:
        return run
    run = replace(run, receipt_wall_ms=news.centre_wall_ms)
    round_ms = news.at_ms - seen.confirmed_ms
    off_ms = None if news.centre_wall_ms is None else wall_ms - round_ms // 2 - news.centre_wall_ms
    return _with(run, received_ms=news.at_ms, round_ms=round_ms, offset_ms=off_ms)


def _light(run: Run, *, active: bool, at_ms: int) -> Run:
    if active:
        return replace(_with(run, light_on=True), lit_since_ms=at_ms)
    run = _with(run, light_off=True)
    lit_ms, received_ms = run.lit_since_ms, run.seen.received_ms
    if lit_ms is not None and received_ms is not None and run.seen.return_ms is None:
        shown_ms = max(lit_ms, received_ms)
        if at_ms - shown_ms >= LIT_MS:
            run = _with(run, return_ms=shown_ms)
    return replace(run, lit_since_ms=None)

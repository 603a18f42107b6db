"""What the levels of the contacts mean: presses, turns of the reset key, and troubles of the wiring.

Pure. Debounce lives here because gpiozero's differs by back end and loses short presses. A closure counts once it
has stood ``confirm_ms`` without opening, dated at its closing edge; after that the contact must stand open for
``release_ms`` before a new closure is a new press, so bounce and chatter are one press.

That nobody was told of an opening does not mean that there was none: on a busy machine its edge is heard too late. So
the contact is looked at once more before a closure counts. If it is open, the edge that is on its way says by the
kernel's date how long the closure lasted. What nobody answers, or no edge dates, is in doubt, and a press.
"""

from __future__ import annotations

from enum import Enum

from msgspec.structs import replace

from edge.events import Contact, ContactEdge, LevelRead, LookAt, Origin, Ticked, Trouble, Value

EDGE_GRACE_MS = 250
"""How long after the poll saw its level an edge may come before it counts as lost: slow callbacks are not lost."""

LOOK_MS_MAX = 100
"""How long a look may take before the closure counts without it: an alarm does not wait for a thread that hangs."""

EDGES_LOST_DEAD = 2
"""So many level changes in a row that only the poll saw mean that the callback thread is dead."""


class ContactRules(Value, frozen=True):
    """Settings of the contacts; ranges are in ``edge.settings.ButtonSettings``."""

    confirm_ms: int = 10
    release_ms: int = 50
    disagree_ms: int = 500
    stuck_ms: int = 60_000
    supervised: bool = False


class Closure(Value, frozen=True):
    """A confirmed closure of the key or the reset key, dated at its first edge."""

    contact: Contact
    origin: Origin
    at_ms: int


class WiringTrouble(Value, frozen=True):
    """A trouble of the wiring begins or ends. ``part`` names the contact where it is not the button."""

    trouble: Trouble
    raised: bool
    detail: str
    at_ms: int
    part: str = ""


Finding = Closure | WiringTrouble | LookAt


class Phase(Enum):
    """Where a contact stands between open and pressed."""

    OPEN = "open"
    CONFIRMING = "confirming"
    DOWN = "down"
    RELEASING = "releasing"


class Line(Value, frozen=True):
    """One contact. ``since_ms`` dates the phase, ``told_ms`` the newest level anybody told, ``down_ms`` the press.

    ``true_ms`` and ``pressed_ms`` are phase and press as the kernel dates them: earlier, where the process heard late.
    ``asked_ms``: a look was asked for before the closure counts; ``open_ms``: one found it open, and no edge has told.
    """

    phase: Phase = Phase.OPEN
    closed: bool = False
    known: bool = False
    since_ms: int = 0
    told_ms: int = -1
    down_ms: int = 0
    true_ms: int = 0
    pressed_ms: int | None = None
    asked_ms: int | None = None
    open_ms: int | None = None
    origin: Origin = Origin.PERSON
    unproven_ms: int | None = None
    lost_in_row: int = 0
    lost: int = 0
    stuck: bool = False


class Contacts(Value, frozen=True):
    """All contacts of a gate, and the antivalence of the key's two halves.

    ``port`` is no wire: what a self-test says of the key at the contact port. A finger on the real one is told beside
    it.
    """

    rules: ContactRules = ContactRules()
    key: Line = Line()
    port: Line = Line()
    key_nc: Line = Line()
    reset: Line = Line()
    disagree_ms: int | None = None
    agree_ms: int | None = None
    loop: Trouble | None = None


def callbacks_dead(contacts: Contacts) -> bool:
    """True when the library's callback thread has missed edge after edge: only a restart brings it back."""
    return max(contacts.key.lost_in_row, contacts.key_nc.lost_in_row, contacts.reset.lost_in_row) >= EDGES_LOST_DEAD


def undecided(contacts: Contacts) -> bool:
    """True while a closure may yet be a press: for ``confirm_ms`` and a look, or EDGE_GRACE_MS more where in doubt."""
    return Phase.CONFIRMING in (contacts.key.phase, contacts.reset.phase)


def wake_at(contacts: Contacts) -> int | None:
    """When time alone will change something, in monotonic milliseconds; None if never."""
    rules = contacts.rules
    times = []
    for line in (contacts.key, contacts.reset, contacts.key_nc, contacts.port):
        if line.phase is Phase.CONFIRMING:
            times.append(_counts_at(line, rules))
        elif line.phase is Phase.RELEASING:
            times.append(line.since_ms + rules.release_ms)
        elif line.phase is Phase.DOWN and not line.stuck and line.origin is Origin.PERSON:
            times.append(line.down_ms + rules.stuck_ms)
        if line.unproven_ms is not None:
            times.append(line.unproven_ms + EDGE_GRACE_MS)
    if contacts.disagree_ms is not None and contacts.loop is None:
        times.append(contacts.disagree_ms + rules.disagree_ms)
    if contacts.agree_ms is not None and contacts.loop is not None:
        times.append(contacts.agree_ms + rules.disagree_ms)
    return min(times, default=None)


def step(contacts: Contacts, fact: ContactEdge | LevelRead | Ticked) -> tuple[Contacts, tuple[Finding, ...]]:
    """Take one level or the passing of time; give what it means."""
    found: list[Finding] = []
    if not isinstance(fact, Ticked):
        name = fact.contact.value if _is_wire(fact) else "port"
        line: Line = getattr(contacts, name)
        if isinstance(fact, ContactEdge):
            line = _caught_up(line, fact, contacts.rules, found)
        line = _settled(line, fact.contact, contacts.rules, fact.at_ms, found)
        if isinstance(fact, ContactEdge):
            line = _proved(line, fact, found)
        elif line.known and fact.closed != line.closed and fact.at_ms > line.told_ms:
            line = replace(line, unproven_ms=fact.at_ms)
        if not _is_old_news(line, fact) and (fact.at_ms > line.told_ms or isinstance(fact, ContactEdge)):
            line = _level(line, fact, contacts.rules, found)
        contacts = replace(contacts, **{name: line})
    else:
        contacts = replace(
            contacts,
            key=_settled(contacts.key, Contact.KEY, contacts.rules, fact.at_ms, found),
            reset=_settled(contacts.reset, Contact.RESET, contacts.rules, fact.at_ms, found),
            key_nc=_settled(contacts.key_nc, Contact.KEY_NC, contacts.rules, fact.at_ms, found),
            port=_settled(contacts.port, Contact.KEY, contacts.rules, fact.at_ms, found),
        )
    if contacts.rules.supervised:
        contacts = _antivalence(contacts, fact.at_ms, found)
    return contacts, tuple(found)


def _is_wire(fact: ContactEdge | LevelRead) -> bool:
    return isinstance(fact, LevelRead) or fact.origin is Origin.PERSON


def _true_ms(fact: ContactEdge | LevelRead) -> int:
    return fact.at_ms - fact.late_ms if isinstance(fact, ContactEdge) else fact.at_ms


def _is_after(fact: ContactEdge, open_ms: int | None) -> bool:
    return open_ms is not None and _true_ms(fact) >= open_ms


def _caught_up(line: Line, edge: ContactEdge, rules: ContactRules, found: list[Finding]) -> Line:
    """What an edge says about the phase that it ends, however late it is heard: a whole press may lie between two
    callbacks that come at once, and it is no spike; nor is a spike a press because its end is heard late."""
    lasted_ms = _true_ms(edge) - line.true_ms
    if line.phase is Phase.CONFIRMING and not edge.closed:
        if lasted_ms >= rules.confirm_ms:
            return _pressed(line, edge.contact, found)
        return replace(line, phase=Phase.OPEN, since_ms=edge.at_ms)
    opened = line.phase is Phase.RELEASING or (line.phase is Phase.DOWN and line.unproven_ms is not None)
    if opened and edge.closed and lasted_ms >= rules.release_ms:
        return _released(line, edge.contact, edge.at_ms, found)
    return line


def _is_old_news(line: Line, fact: ContactEdge | LevelRead) -> bool:
    """The late edge of a press that the poll has seen from beginning to end: it is not another one."""
    late = isinstance(fact, ContactEdge) and fact.closed and fact.late_ms > 0
    return late and line.phase is Phase.OPEN and line.pressed_ms is not None and _true_ms(fact) <= line.pressed_ms


def _level(line: Line, fact: ContactEdge | LevelRead, rules: ContactRules, found: list[Finding]) -> Line:
    """Apply a level. Time has already been brought up to the fact's moment."""
    at_ms = fact.at_ms
    found_closed = not line.known and fact.closed and isinstance(fact, LevelRead)
    line = replace(line, closed=fact.closed, known=True, told_ms=max(at_ms, line.told_ms))
    if fact.contact is Contact.KEY_NC:
        # The quiet half: its level matters to the antivalence only; it can neither press nor stick.
        return line
    match line.phase, fact.closed:
        case Phase.OPEN, True if found_closed and fact.contact is Contact.RESET:
            # Left turned before the start: only a turn that somebody makes now ends an alarm, never a restart.
            return replace(line, phase=Phase.DOWN, since_ms=at_ms, down_ms=at_ms)
        case Phase.OPEN, True:
            origin = fact.origin if isinstance(fact, ContactEdge) else Origin.PERSON
            line = replace(
                line, phase=Phase.CONFIRMING, since_ms=at_ms, true_ms=_true_ms(fact), origin=origin, asked_ms=None,
                open_ms=None,
            )  # fmt: skip
            return _settled(line, fact.contact, rules, at_ms, found)
        case Phase.CONFIRMING, True if isinstance(fact, ContactEdge) and not _is_after(fact, line.open_ms):
            # The poll was faster than a delayed callback; the closure began when the edge says.
            return replace(line, since_ms=min(at_ms, line.since_ms), true_ms=min(_true_ms(fact), line.true_ms))
        case Phase.CONFIRMING, True if line.open_ms is not None or at_ms >= line.since_ms + rules.confirm_ms:
            # Seen closed, or closed again after an opening of which no edge told.
            return _pressed(line, fact.contact, found)
        case Phase.CONFIRMING, False if at_ms < line.true_ms + rules.confirm_ms:
            return replace(line, phase=Phase.OPEN, since_ms=at_ms)
        case Phase.CONFIRMING, False:
            return replace(line, open_ms=at_ms)
        case Phase.DOWN, False:
            return replace(line, phase=Phase.RELEASING, since_ms=at_ms, true_ms=_true_ms(fact))
        case Phase.RELEASING, True:
            return replace(line, phase=Phase.DOWN)
        case Phase.RELEASING, False:
            # The poll was faster than a delayed callback; the contact opened when the edge says.
            return replace(line, true_ms=min(_true_ms(fact), line.true_ms))
        case _:
            return line


def _settled(line: Line, contact: Contact, rules: ContactRules, now_ms: int, found: list[Finding]) -> Line:
    """Let time alone act on a line, up to ``now_ms``."""
    if line.unproven_ms is not None and now_ms >= line.unproven_ms + EDGE_GRACE_MS:
        line = replace(line, unproven_ms=None, lost=line.lost + 1, lost_in_row=line.lost_in_row + 1)
        detail = f"{contact.value}: {line.lost} level changes were seen by the poll alone"
        found.append(WiringTrouble(Trouble.EDGE_LOST, True, detail, now_ms, _part(contact)))
    if line.phase is Phase.CONFIRMING and now_ms >= _counts_at(line, rules):
        line = _counted(line, contact, rules, now_ms, found)
    if line.phase is Phase.RELEASING and now_ms >= line.since_ms + rules.release_ms:
        line = _released(line, contact, now_ms, found)
    stuck = line.phase is Phase.DOWN and line.origin is Origin.PERSON and now_ms >= line.down_ms + rules.stuck_ms
    if stuck and not line.stuck:
        held_s = rules.stuck_ms // 1000
        detail = f"{contact.value} closed for {held_s} s"
        found.append(WiringTrouble(Trouble.KEY_STUCK, True, detail, now_ms, _part(contact)))
        line = replace(line, stuck=True)
    return line


def _counts_at(line: Line, rules: ContactRules) -> int:
    """When a closure counts by time alone, or is to be looked at before it does."""
    if line.open_ms is not None:
        return line.open_ms + EDGE_GRACE_MS
    return line.since_ms + rules.confirm_ms if line.asked_ms is None else line.asked_ms + LOOK_MS_MAX


def _counted(line: Line, contact: Contact, rules: ContactRules, now_ms: int, found: list[Finding]) -> Line:
    """Its time has come. The first edge counts as it is where ``confirm_ms`` is 0, and the contact port has no wire."""
    if line.open_ms is not None:
        return replace(_pressed(line, contact, found), phase=Phase.RELEASING, since_ms=line.open_ms)
    if line.asked_ms is None and rules.confirm_ms > 0 and line.origin is Origin.PERSON:
        found.append(LookAt(contact))
        return replace(line, asked_ms=now_ms)
    return _pressed(line, contact, found)


def _pressed(line: Line, contact: Contact, found: list[Finding]) -> Line:
    found.append(Closure(contact, line.origin, line.since_ms))
    return replace(line, phase=Phase.DOWN, down_ms=line.since_ms, pressed_ms=line.true_ms)


def _released(line: Line, contact: Contact, now_ms: int, found: list[Finding]) -> Line:
    if line.stuck:
        found.append(WiringTrouble(Trouble.KEY_STUCK, False, f"{contact.value} let go", now_ms, _part(contact)))
    return replace(line, phase=Phase.OPEN, stuck=False)


def _proved(line: Line, edge: ContactEdge, found: list[Finding]) -> Line:
    """An edge came: the callback thread lives, and what the poll saw before it is accounted for."""
    if line.lost_in_row:
        detail = f"{edge.contact.value}: edges arrive"
        found.append(WiringTrouble(Trouble.EDGE_LOST, False, detail, edge.at_ms, _part(edge.contact)))
    return replace(line, unproven_ms=None, lost_in_row=0) if line.lost_in_row or line.unproven_ms is not None else line


def _part(contact: Contact) -> str:
    return "" if contact is Contact.KEY else contact.value


def _antivalence(contacts: Contacts, now_ms: int, found: list[Finding]) -> Contacts:
    """Exactly one of the key's halves is closed, but for the moment of travel."""
    key, quiet = contacts.key, contacts.key_nc
    if not (key.known and quiet.known):
        return contacts
    if key.closed != quiet.closed:
        if contacts.loop is None:
            return contacts if contacts.disagree_ms is None else replace(contacts, disagree_ms=None)
        agree_ms = now_ms if contacts.agree_ms is None else contacts.agree_ms
        if now_ms >= agree_ms + contacts.rules.disagree_ms:
            found.append(WiringTrouble(contacts.loop, False, "one half open, one closed again", now_ms))
            return replace(contacts, loop=None, agree_ms=None, disagree_ms=None)
        return replace(contacts, agree_ms=agree_ms, disagree_ms=None)
    since_ms = now_ms if contacts.disagree_ms is None else contacts.disagree_ms
    wanted = Trouble.LOOP_SHORT if key.closed else Trouble.LOOP_OPEN
    if contacts.loop is not wanted and now_ms >= since_ms + contacts.rules.disagree_ms:
        if contacts.loop is not None:
            found.append(WiringTrouble(contacts.loop, False, "changed", now_ms))
        detail = "both contacts closed" if key.closed else "both contacts open: cable cut, or a contact broken"
        found.append(WiringTrouble(wanted, True, detail, now_ms))
        return replace(contacts, loop=wanted, disagree_ms=since_ms, agree_ms=None)
    return replace(contacts, disagree_ms=since_ms, agree_ms=None)

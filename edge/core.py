"""The one brain: every fact passes here, in order, on one thread. Pure.

The machines on the ground are strangers to one another; this file alone knows who must hear of what. What they say
becomes commands here and events in ``edge.making``. No rule of any machine belongs here.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge import alarm, contact, health, kiosk_news, links, retention, schedule_news, selftest_news, timekeeping, uplink
from edge.certificate_news import certificate_read, certificates_dated
from edge.certificate_words import CertificateRead
from edge.chain import WindowClosed, WindowOpened
from edge.events import (
    Acked,
    Alive,
    AnswerView,
    Backfill,
    CentreStatus,
    ClockRead,
    Code,
    Command,
    Contact,
    ContactEdge,
    Fact,
    Forgotten,
    KeepLatch,
    Lane,
    LevelRead,
    LinkDown,
    LinkUp,
    Loaded,
    MessageRefused,
    NoteAlive,
    Noted,
    Origin,
    Publish,
    PublishHealth,
    Qualifier,
    ReceiptCame,
    Record,
    ResetAsked,
    Show,
    ShowLamp,
    Stage,
    Store,
    Stored,
    StoreOpened,
    StoreTrouble,
    TellReady,
    Ticked,
    Topic,
    Trouble,
    ViewAsked,
)
from edge.latching import unheard
from edge.making import Body, alarm_event, next_id, note, report, tell, to_uplink
from edge.measuring import CameraFound, CameraLost, FacesSeen, PictureTaken, ReferenceRead, SkinMissed, SkinRead
from edge.proving import ArrivedAsked, LinkProbed, SelfTestAsked, SenseRead
from edge.state import State
from edge.views import heartbeat, status_line, view

ALIVE_MS = 60_000
"""How often a sign of life is kept: it bounds the gap that a power cut leaves (1,440 small commits a day)."""

Step = tuple[State, list[Command]]


def wake_at(state: State) -> int:
    """When time alone will change something, in monotonic milliseconds: the brain is then due a Ticked."""
    times = [health.wake_at(state.health), links.wake_at(state.links)]
    for moment in (
        contact.wake_at(state.contacts),
        alarm.wake_at(state.alarm),
        uplink.wake_at(state.uplink),
        kiosk_news.wake_at(state),
        selftest_news.wake_at(state),
    ):
        if moment is not None:
            times.append(moment)
    return min(times)


def step(state: State, fact: Fact) -> Step:
    """Take one fact; give the new state and the commands, in the order in which they are to be carried out."""
    before = state
    out: list[Command] = []
    state = replace(state, now_ms=max(state.now_ms, fact.at_ms))
    match fact:
        case Acked():
            state = _acked(state, fact, out)
        case ContactEdge() | LevelRead():
            state = _contacts(state, fact, out)
        case Stored():
            state = to_uplink(_alarm(state, fact, out), fact, out)
        case ReceiptCame():
            state = _receipt(state, fact, out)
        case Loaded():
            state = _loaded(state, fact, out)
        case LinkUp() | LinkDown() | CentreStatus():
            state = to_uplink(_links(state, fact, out), fact, out)
        case Alive() | MessageRefused():
            state = _alive(state, fact, out)
        case ClockRead():
            state = certificates_dated(_clock(state, fact, out), fact.at_ms, out)
        case CertificateRead():
            state = certificate_read(state, fact, out)
        case Ticked():
            state = _time(state, fact, out)
        case StoreOpened():
            state = _store_opened(state, fact, out)
        case StoreTrouble():
            state = tell(state, fact.trouble, "", fact.raised, fact.detail, fact.at_ms, out)
        case ResetAsked():
            key = f", key {fact.key_fingerprint}" if fact.key_fingerprint else ""
            state = _reset(state, fact.by, f"command line, uid {fact.uid}{key}", fact.at_ms, out)
        case ViewAsked():
            out.append(AnswerView(fact.token, view(state)))
        case Noted():
            state = _noted(state, fact, out)
        case SkinRead() | SkinMissed() | ReferenceRead() | FacesSeen() | CameraFound() | CameraLost():
            state = kiosk_news.heard(state, fact, out)
        case PictureTaken():
            state = kiosk_news.picture(state, fact, out)
        case Forgotten():
            state = retention.forgotten(state, fact, out)
        case SelfTestAsked() | WindowOpened() | WindowClosed() | ArrivedAsked() | LinkProbed() | SenseRead():
            state = selftest_news.asked(state, fact, out)
    paced = links.hurry(state.links, state.now_ms, waits=bool(state.uplink.held[Lane.ALARM]))
    if paced is not state.links:
        state = replace(state, links=paced)
    if selftest_news.is_busy(state):
        state = _tests(state, fact, out)
    if state.schedule is not None:
        state = schedule_news.follow(before, state, fact, out)
    return _lamp(before, state, out), out


# --- who hears of what ------------------------------------------------------------------------------------------


def _contacts(state: State, fact: ContactEdge | LevelRead | Ticked, out: list[Command]) -> State:
    contacts, found = contact.step(state.contacts, fact)
    state = replace(state, contacts=contacts)
    for finding in found:
        match finding:
            case contact.Closure(contact=Contact.RESET, at_ms=at_ms):
                state = selftest_news.arrived(_reset(state, "reset key", "key", at_ms, out), at_ms)
            case contact.Closure(at_ms=at_ms):
                state = _press(*selftest_news.origin_of(state, finding), at_ms, out)
            case contact.WiringTrouble():
                state = tell(state, finding.trouble, finding.part, finding.raised, finding.detail, finding.at_ms, out)
            case _:
                out.append(finding)
    return state


def _press(state: State, origin: Origin, at_ms: int, out: list[Command]) -> State:
    state, id = next_id(state)
    if origin is Origin.PERSON:
        state = _alarm(state, alarm.Pressed(id, origin, at_ms), out)
        return kiosk_news.pressed(selftest_news.pressed(state), state.alarm.ids[0], at_ms, out)
    state = _alarm(state, alarm.Pressed(id, origin, at_ms, selftest_news.said_of(state)), out)
    return selftest_news.marked(state, id, at_ms, out)


def _tests(state: State, fact: Fact, out: list[Command]) -> State:
    """A real press that a test's own closure hid comes first of all; then what the fact proves."""
    state, presses_ms = selftest_news.watched(state, fact)
    for at_ms in presses_ms:
        state = _press(state, Origin.PERSON, at_ms, out)
    return selftest_news.heard(state, fact, out)


def _alarm(
    state: State,
    news: alarm.Pressed | alarm.Reset | alarm.Recovered | Stored | Acked | ReceiptCame | Ticked,
    out: list[Command],
) -> State:
    machine, said = alarm.step(state.alarm, news)
    state = replace(state, alarm=machine)
    for one in said:
        match one:
            case alarm.Draft():
                state = alarm_event(state, one, out)
            case alarm.Communication():
                state = tell(state, one.trouble, "", one.raised, one.detail, one.at_ms, out)
            case _:
                out.append(one)
    return state


def _links(state: State, news: Acked | LinkUp | LinkDown | CentreStatus | Ticked, out: list[Command]) -> State:
    machine, said = links.step(state.links, news)
    state = replace(state, links=machine)
    for one in said:
        match one:
            case links.Beat(broker=broker, probe=probe):
                state = replace(state, links=links.spoken(state.links, broker, state.now_ms))
                out.append(PublishHealth(broker, probe, {} if probe else heartbeat(state)))
            case links.LineTrouble():
                part = "" if one.broker is None else state.links.rules.brokers[one.broker]
                state = tell(state, one.trouble, part, one.raised, one.detail, one.at_ms, out)
            case _:
                out.append(one)
    return state


def _acked(state: State, fact: Acked, out: list[Command]) -> State:
    state = _links(state, fact, out)
    if fact.id is None:
        return state
    if uplink.has_it(fact.reason):
        state = _alarm(state, fact, out)
    return to_uplink(state, fact, out)


def _receipt(state: State, fact: ReceiptCame, out: list[Command]) -> State:
    if not _awaited(state, fact) and not selftest_news.is_mark(state, fact.id):
        # The centre says its last word again and again until it is sure: repeats are counted, and change nothing.
        return replace(state, health=health.count(state.health, "refused_not_awaited"))
    if fact.stage is Stage.CLOSED:
        return _reset(state, fact.by, "centre", fact.at_ms, out)
    return to_uplink(_alarm(state, fact, out), fact, out)


def _awaited(state: State, fact: ReceiptCame) -> bool:
    """True if the centre's word is news: for an event still owed, or one step further for the open incident."""
    if fact.stage is Stage.RECEIVED:
        return fact.id in state.alarm.waiting or fact.id in state.uplink.held[Lane.ALARM]
    officer = state.alarm.officer
    return fact.id in state.alarm.ids and (officer is None or fact.stage > officer)


def _reset(state: State, by: str, means: str, at_ms: int, out: list[Command]) -> State:
    ids = []
    for _ in state.alarm.ids:
        state, id = next_id(state)
        ids.append(id)
    return _alarm(state, alarm.Reset(by, means, tuple(ids), at_ms), out)


def _alive(state: State, fact: Alive | MessageRefused, out: list[Command]) -> State:
    state = replace(state, health=health.step(state.health, fact)[0])
    if isinstance(fact, Alive) and fact.duty == health.CONTACT and not state.armed:
        state = replace(state, armed=True)
        out.append(TellReady())
    return state


def _clock(state: State, fact: ClockRead, out: list[Command]) -> State:
    clock, news = timekeeping.step(state.clock, fact)
    state = replace(state, clock=clock)
    for one in news:
        match one:
            case timekeeping.ClockStepped(by_ms=by_ms, fix=fix):
                if fix is not None:
                    out.append(Backfill(fix))
                body: Body = {"by_ms": by_ms, "first": fix is not None}
                state = note(state, Code.CLOCK_SET, Qualifier.NEW, body, fact.at_ms, out)
            case timekeeping.ClockTrouble():
                state = tell(state, one.trouble, "", one.raised, one.detail, one.at_ms, out)
    if state.alive_ms is None or fact.at_ms - state.alive_ms >= ALIVE_MS:
        out.append(NoteAlive(timekeeping.stamp(clock, fact.at_ms)))
        state = replace(state, alive_ms=fact.at_ms)
    return retention.dated(state, fact.at_ms, out)


def _time(state: State, fact: Ticked, out: list[Command]) -> State:
    state = _contacts(state, fact, out)
    state = _alarm(state, fact, out)
    state = _links(state, fact, out)
    state = to_uplink(state, fact, out)
    dead = contact.callbacks_dead(state.contacts)
    machine, said = health.step(state.health, fact, callbacks_dead=dead, status=status_line(state))
    state = replace(state, health=machine)
    for one in said:
        if isinstance(one, health.Reported):
            state = report(state, one, out)
        else:
            out.append(one)
    state = kiosk_news.heard(state, fact, out)
    if state.uplink.dropped:
        full = len(state.uplink.pending) >= uplink.PENDING_MAX
        detail = "the store does not answer: routine events are dropped" if full else "the store answers"
        state = tell(state, Trouble.EVENTS_DROPPED, "memory", full, detail, fact.at_ms, out)
    return state


def _store_opened(state: State, fact: StoreOpened, out: list[Command]) -> State:
    """A first opening brings the latch; a new file is given everything that memory still holds."""
    strange = unheard((*state.alarm.ids, *state.alarm.ended), fact.latch)
    if strange is not None or not fact.renumbered:
        # Told to the alarm together with the first owed alarms: until then the lamp must not say 'received'.
        state = replace(state, opened=replace(fact, latch=strange))
    if fact.renumbered:
        kept = alarm.latch(state.alarm)
        out.append(KeepLatch(kept if strange is None else replace(kept, unread=True)))
        held = [owed.record for lane in state.uplink.held for owed in lane.values()]
        out.extend(Store(record, None) for record in (*held, *state.uplink.pending.values()))
    state = retention.opened(to_uplink(state, fact, out), fact)
    if not state.restarted:
        body: Body = {"last_alive_wall_ms": fact.last_alive_wall_ms, "kernel_boot": state.boot.kernel_boot}
        state = note(replace(state, restarted=True), Code.RESTART, Qualifier.NEW, body, fact.at_ms, out)
    return state


def _loaded(state: State, fact: Loaded, out: list[Command]) -> State:
    if fact.lane is Lane.ALARM:
        done = state.uplink.cursors[Lane.ALARM].done_meanwhile
        owed = tuple(
            (row.record.id, _comparable_ms(state, row.record))
            for row in fact.rows
            if row.record.topic is Topic.ALARM
            and row.record.qualifier is Qualifier.NEW
            and row.record.id not in done
        )  # fmt: skip
        opened, state = state.opened, replace(state, opened=None)
        state = _alarm(state, alarm.Recovered(opened.latch if opened else None, owed, fact.at_ms), out)
    return to_uplink(state, fact, out)


def _comparable_ms(state: State, record: Record) -> int:
    """A record's monotonic time, or now where another boot of the kernel counted it."""
    return record.at_ms if record.kernel_boot == state.boot.kernel_boot else state.now_ms


def _noted(state: State, fact: Noted, out: list[Command]) -> State:
    if fact.trouble is None:
        return note(state, fact.code, fact.qualifier, {"detail": fact.detail}, fact.at_ms, out)
    return tell(state, fact.trouble, "", fact.qualifier is Qualifier.NEW, fact.detail, fact.at_ms, out)


def _lamp(before: State, state: State, out: list[Command]) -> State:
    """The lamps follow the state; a change goes out before anything that could take time, but for a press on its way.

    The thread that plays the lamp, once woken, comes before the alarm is signed and handed on: that cost it 0.06 ms.
    """
    same = state.alarm is before.alarm and state.health is before.health and state.test is before.test
    if not state.armed or (same and before.armed):
        return state
    shown = alarm.show(state.alarm)
    if shown is Show.READY:
        shown = selftest_news.show(state) or shown
    lamp = ShowLamp(shown, fault=bool(state.health.standing))
    if lamp == state.lamp:
        return state
    out.insert(1 if out and isinstance(out[0], Publish) else 0, lamp)
    return replace(state, lamp=lamp)

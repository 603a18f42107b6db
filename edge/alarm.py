"""What a press means: the incident, how far each press got, the lamp, the siren, and the only three ways to end it.

Pure: no clock, no thread, no device. The panic input cannot be disarmed by anything here. An incident is latched: it
ends by the reset key, by a named person at the command line or by the centre, never by itself and never by a restart.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge.chain import Body
from edge.events import (
    Acked,
    Code,
    Command,
    EventId,
    KeepLatch,
    Lane,
    Latch,
    Origin,
    Qualifier,
    ReceiptCame,
    Show,
    SoundSiren,
    Stage,
    StopSiren,
    Stored,
    Ticked,
    Topic,
    Trouble,
    Value,
)

ENDED_MAX = 64  # ended incidents remembered in one life: more than the store could still have to say about


class AlarmRules(Value, frozen=True):
    """Settings of the alarm; ranges are in ``edge.settings``."""

    done_on_broker: bool = False
    communicate_ms: int = 30_000
    audible: bool = False
    siren_ms_max: int = 180_000


class Press(Value, frozen=True):
    """One press on its way to the centre."""

    at_ms: int
    stored: bool = False
    at_broker: bool = False


class Track(Value, frozen=True):
    """When the newest press reached each stage, in monotonic milliseconds; None where it has not, or nobody knows."""

    id: EventId
    pressed_ms: int
    stored_ms: int | None = None
    at_broker_ms: int | None = None
    received_ms: int | None = None
    seen_ms: int | None = None
    dispatched_ms: int | None = None


class Alarm(Value, frozen=True):
    """The open incident (``ids`` empty when quiet) and every press the centre has not confirmed.

    ``waiting`` may outlive the incident: a reset ends the alarm at the gate, not what is owed to the centre.
    ``done_on_broker``: a press of it had only to reach a broker, and settings changed since do not say who has it.
    """

    rules: AlarmRules = AlarmRules()
    kernel_boot: str = ""
    boot: str = ""
    ids: tuple[EventId, ...] = ()
    presses: int = 0
    officer: Stage | None = None
    done_on_broker: bool = False
    waiting: dict[EventId, Press] = {}
    siren_until_ms: int | None = None
    siren_on: bool = False
    uncommunicated: bool = False
    recovered: bool = False
    ended: tuple[EventId, ...] = ()
    track: Track | None = None


class Pressed(Value, frozen=True):
    """A confirmed closure of the key, already named. Origin has no default.

    ``test`` goes with a test's press: its kind, and how long the officer may take (``officer_ms``).
    """

    id: EventId
    origin: Origin
    at_ms: int
    test: Body = {}


class Reset(Value, frozen=True):
    """Somebody entitled ends the incident. ``ids`` names one fresh event id for each incident to be closed."""

    by: str
    means: str
    event_ids: tuple[EventId, ...]
    at_ms: int


class Recovered(Value, frozen=True):
    """What the store had latched, and the ids of presses it says are still owed."""

    latch: Latch | None
    owed: tuple[tuple[EventId, int], ...]
    at_ms: int


class Draft(Value, frozen=True):
    """An event to be made into a record by the core, together with the latch as it is after it."""

    id: EventId
    lane: Lane
    topic: Topic
    code: Code
    qualifier: Qualifier
    origin: Origin
    incident: EventId | None
    body: dict[str, str | int | float | bool | None]
    latch: Latch | None
    at_ms: int


class Communication(Value, frozen=True):
    """Failure to communicate (Contact ID 354) begins or ends."""

    trouble: Trouble
    raised: bool
    detail: str
    at_ms: int


Outcome = Command | Draft | Communication


def is_open(alarm: Alarm) -> bool:
    """True while an incident is latched."""
    return bool(alarm.ids)


def show(alarm: Alarm) -> Show:
    """What the status lamp may truthfully say: the stage of the least advanced press, else what the officer did."""
    if alarm.waiting:
        return _SHOWN[min(_stage(press) for press in alarm.waiting.values())]
    if not alarm.ids:
        return Show.READY
    done = Stage.AT_BROKER if alarm.done_on_broker else Stage.RECEIVED
    return _SHOWN[alarm.officer if alarm.officer is not None else done]


def wake_at(alarm: Alarm) -> int | None:
    """When time alone will change something, in monotonic milliseconds; None if never."""
    times = []
    if alarm.siren_on and alarm.siren_until_ms is not None:
        times.append(alarm.siren_until_ms)
    if alarm.waiting and not alarm.uncommunicated:
        times.append(_oldest_ms(alarm) + alarm.rules.communicate_ms)
    return min(times, default=None)


def step(
    alarm: Alarm, news: Pressed | Reset | Recovered | Stored | Acked | ReceiptCame | Ticked
) -> tuple[Alarm, tuple[Outcome, ...]]:
    """Take one piece of news; give the new state and what follows from it."""
    match news:
        case Pressed():
            return _pressed(alarm, news)
        case Reset():
            return _reset(alarm, news)
        case Recovered():
            return _recovered(alarm, news)
        case Stored(rows=rows, durable=durable, at_ms=at_ms):
            return _progress(alarm, tuple(id for id, _ in rows), "stored", at_ms) if durable else (alarm, ())
        case Acked(id=id, at_ms=at_ms):
            # The core passes only acknowledgements that mean the broker has it.
            return _progress(alarm, () if id is None else (id,), "at_broker", at_ms)
        case ReceiptCame():
            return _receipt(alarm, news)
        case Ticked(at_ms=at_ms):  # pragma: no branch - mypy knows that it is the last
            return _time(alarm, at_ms)


def _pressed(alarm: Alarm, press: Pressed) -> tuple[Alarm, tuple[Outcome, ...]]:
    if press.origin is not Origin.PERSON:
        # A test takes the same road to the centre, and never opens, hides, restarts or ends an alarm.
        draft = Draft(
            press.id, Lane.ALARM, Topic.SELF_TEST, _code(alarm), Qualifier.NEW, press.origin, None,
            dict(press.test), None, press.at_ms,
        )  # fmt: skip
        return alarm, (draft,)
    first = not alarm.ids
    out: list[Outcome] = []
    siren_on, siren_until_ms = alarm.siren_on, alarm.siren_until_ms
    if alarm.rules.audible and first:
        siren_on, siren_until_ms = True, press.at_ms + alarm.rules.siren_ms_max
        out.append(SoundSiren())
    alarm = replace(
        alarm,
        ids=(press.id,) if first else alarm.ids,
        presses=1 if first else alarm.presses + 1,
        officer=None if first else alarm.officer,
        done_on_broker=alarm.rules.done_on_broker or (alarm.done_on_broker and not first),
        waiting={**alarm.waiting, press.id: Press(press.at_ms)},
        siren_on=siren_on,
        siren_until_ms=siren_until_ms,
        track=Track(press.id, press.at_ms),
    )
    out.append(
        Draft(
            press.id, Lane.ALARM, Topic.ALARM, _code(alarm), Qualifier.NEW, press.origin, alarm.ids[0],
            {"press": alarm.presses}, latch(alarm), press.at_ms,
        )
    )  # fmt: skip
    return alarm, tuple(out)


def _reset(alarm: Alarm, reset: Reset) -> tuple[Alarm, tuple[Outcome, ...]]:
    if not alarm.ids:
        return alarm, ()
    names = (*alarm.ended, *alarm.ids)[-ENDED_MAX:]
    ended = replace(alarm, ids=(), presses=0, officer=None, siren_on=False, siren_until_ms=None, ended=names)
    out: list[Outcome] = [StopSiren()] if alarm.siren_on else []
    for number, (incident, id) in enumerate(zip(alarm.ids, reset.event_ids, strict=True), 1):
        # Each record takes its own incident off the latch: power may go between two of them.
        kept = latch(replace(ended, ids=alarm.ids[number:]))
        out.append(
            Draft(
                id, Lane.ALARM, Topic.ALARM, Code.PANIC_RESET, Qualifier.RESTORE, Origin.PERSON, incident,
                {"by": reset.by, "means": reset.means, "presses": alarm.presses}, kept, reset.at_ms,
            )
        )  # fmt: skip
    return ended, tuple(out)


def _recovered(alarm: Alarm, news: Recovered) -> tuple[Alarm, tuple[Outcome, ...]]:
    waiting = {id: Press(at_ms, stored=True) for id, at_ms in news.owed if id not in alarm.waiting}
    first = not alarm.recovered
    alarm = replace(alarm, waiting={**waiting, **alarm.waiting}, recovered=True)
    kept = news.latch
    if kept is None or not kept.ids:
        return alarm, (KeepLatch(latch(alarm)),) if first and alarm.ids else ()
    ids = alarm.ids + tuple(id for id in kept.ids if id not in alarm.ids)
    out: list[Outcome] = []
    siren_on, until_ms = alarm.siren_on, alarm.siren_until_ms
    if alarm.rules.audible and not siren_on and kept.siren_until_ms is not None:
        # Monotonic times of another kernel boot say nothing: then the siren gets its full time, never less.
        same = kept.kernel_boot == alarm.kernel_boot
        until_ms = kept.siren_until_ms if same else news.at_ms + alarm.rules.siren_ms_max
        siren_on = until_ms > news.at_ms
        if siren_on:
            out.append(SoundSiren())
    alarm = replace(
        alarm,
        ids=ids,
        presses=alarm.presses + kept.presses,
        officer=alarm.officer or kept.officer,
        done_on_broker=alarm.done_on_broker or kept.done_on_broker or alarm.rules.done_on_broker,
        siren_on=siren_on,
        siren_until_ms=until_ms if siren_on else None,
    )
    return alarm, (*out, KeepLatch(latch(alarm)))


def _progress(alarm: Alarm, ids: tuple[EventId, ...], what: str, at_ms: int) -> tuple[Alarm, tuple[Outcome, ...]]:
    track = _tracked(alarm.track, ids, f"{what}_ms", at_ms)
    known = [id for id in ids if id in alarm.waiting]
    if not known:  # the centre was quicker than the card
        return (alarm if track is alarm.track else replace(alarm, track=track)), ()
    ends = what == "at_broker" and alarm.rules.done_on_broker
    moved = {} if ends else {id: replace(alarm.waiting[id], **{what: True}) for id in known}
    waiting = {id: moved.get(id, press) for id, press in alarm.waiting.items() if id in moved or id not in known}
    alarm = replace(alarm, waiting=waiting, track=track)
    return _communicated(alarm, at_ms)


def _receipt(alarm: Alarm, news: ReceiptCame) -> tuple[Alarm, tuple[Outcome, ...]]:
    if news.stage is Stage.RECEIVED:
        if news.id not in alarm.waiting:
            return alarm, ()
        waiting = {id: press for id, press in alarm.waiting.items() if id != news.id}
        track = _tracked(alarm.track, (news.id,), "received_ms", news.at_ms)
        return _communicated(replace(alarm, waiting=waiting, track=track), news.at_ms)
    if news.id not in alarm.ids or news.stage is Stage.CLOSED:
        # A close arrives at the core as a Reset, because its event needs an id.
        return alarm, ()
    if alarm.officer is not None and news.stage <= alarm.officer:
        return alarm, ()
    track = alarm.track and replace(alarm.track, **{f"{news.stage.name.lower()}_ms": news.at_ms})
    alarm = replace(alarm, officer=news.stage, track=track)
    return alarm, (KeepLatch(latch(alarm)),)


def _time(alarm: Alarm, at_ms: int) -> tuple[Alarm, tuple[Outcome, ...]]:
    out: list[Outcome] = []
    if alarm.siren_on and alarm.siren_until_ms is not None and at_ms >= alarm.siren_until_ms:
        # Kept, or the next boot of the kernel would sound it once more for an alarm that is only not reset yet.
        alarm = replace(alarm, siren_on=False, siren_until_ms=None)
        out += [StopSiren(), KeepLatch(latch(alarm))]
    alarm, said = _communicated(alarm, at_ms)
    return alarm, (*out, *said)


def _communicated(alarm: Alarm, at_ms: int) -> tuple[Alarm, tuple[Outcome, ...]]:
    """Say 354 when the oldest waiting press has waited too long, and its restore when none has."""
    late = bool(alarm.waiting) and at_ms >= _oldest_ms(alarm) + alarm.rules.communicate_ms
    if late == alarm.uncommunicated:
        return alarm, ()
    whom = "the broker's acknowledgement" if alarm.rules.done_on_broker else "the centre's receipt"
    detail = f"{len(alarm.waiting)} press(es) without {whom}" if late else f"{whom} came"
    return replace(alarm, uncommunicated=late), (Communication(Trouble.FAILURE_TO_COMMUNICATE, late, detail, at_ms),)


def latch(alarm: Alarm) -> Latch:
    """The incident in the form the store keeps."""
    return Latch(
        alarm.ids, alarm.officer, alarm.presses, alarm.siren_until_ms, alarm.kernel_boot, not alarm.recovered,
        alarm.boot, done_on_broker=alarm.done_on_broker,
    )  # fmt: skip


def _tracked(track: Track | None, ids: tuple[EventId, ...], field: str, at_ms: int) -> Track | None:
    if track is None or track.id not in ids or getattr(track, field) is not None:
        return track
    return replace(track, **{field: at_ms})


def _oldest_ms(alarm: Alarm) -> int:
    return min(press.at_ms for press in alarm.waiting.values())


def _stage(press: Press) -> Stage:
    if press.at_broker:
        return Stage.AT_BROKER
    return Stage.STORED if press.stored else Stage.PRESSED


def _code(alarm: Alarm) -> Code:
    return Code.AUDIBLE_PANIC if alarm.rules.audible else Code.SILENT_PANIC


_SHOWN: dict[Stage, Show] = {stage: Show[stage.name] for stage in Stage if stage is not Stage.CLOSED}

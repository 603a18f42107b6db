"""Who hears of what the kiosk's sensor and camera say, and which events come of it.

Pure, and a part of the core. Nothing here may hold up the button: temperatures and pictures travel on the routine lane,
on topics of their own, stored first, and behind every alarm.
"""

from __future__ import annotations

from base64 import b64encode

from msgspec.structs import replace

from edge import thermometer
from edge.crowd import Crowd, Member
from edge.events import (
    Code,
    Command,
    EventId,
    Forget,
    Forgotten,
    KeepCrowd,
    Lane,
    Qualifier,
    StoreOpened,
    Ticked,
    Topic,
    Trouble,
)
from edge.making import Body, event, note, tell
from edge.measuring import (
    CameraFound,
    CameraLost,
    CrowdKept,
    FacesSeen,
    PictureTaken,
    ReferenceRead,
    SkinMissed,
    SkinRead,
    TakePicture,
)
from edge.screening import KioskTrouble
from edge.state import State
from edge.tally import Flow, HourlyCounts, Screened

CROWD_KEPT_MS = 60_000
"""How often the crowd is kept while students come: a restart forgets no more than a minute of them."""

DAY_MS = 86_400_000

PERSONAL = (Topic.TEMPERATURE, Topic.PICTURE)
"""What is deleted when its days are over."""

News = SkinRead | SkinMissed | ReferenceRead | FacesSeen | CameraFound | CameraLost | Ticked


def heard(state: State, news: News, out: list[Command]) -> State:
    """The sensor, the camera or time has something to say."""
    kiosk = state.kiosk
    if kiosk.thermometer is None:
        return _camera_alone(state, news, out)
    machine, said = thermometer.step(kiosk.thermometer, news)
    state = replace(state, kiosk=replace(kiosk, thermometer=machine))
    for one in said:
        match one:
            case Screened():
                state = _screened(state, one, out)
            case Flow():
                body: Body = {
                    "students": one.students, "high": one.high, "again": one.again,
                    "median_skin_celsius": _rounded(one.median_skin_celsius), "from_ms": one.from_ms,
                }  # fmt: skip
                state = _routine(state, Topic.FLOW, Code.STUDENT_FLOW, body, one.at_ms, out)
            case HourlyCounts():
                counts: Body = {verdict.value: count for verdict, count in one.counts.items()}
                counts["from_ms"] = one.from_ms
                state = _routine(state, Topic.TEMPERATURE, Code.TEMPERATURE_SCREENED, counts, one.at_ms, out)
            case KioskTrouble():
                state = tell(state, one.trouble, one.part, one.raised, one.detail, one.at_ms, out)
            case _:
                out.append(one)
    return _crowd_kept(state, news.at_ms, out)


def pressed(state: State, incident: EventId, at_ms: int, out: list[Command]) -> State:
    """A real press: pictures may be taken, where they are switched on. Never for a test."""
    if state.kiosk.rules.alarm_pictures:
        out.append(TakePicture(str(incident), at_ms))
    return state


def picture(state: State, fact: PictureTaken, out: list[Command]) -> State:
    """A picture of an alarm: an event of its own, behind the alarm and never in place of it."""
    incident = next((id for id in (*state.alarm.ids, *state.alarm.ended) if str(id) == fact.incident), None)
    if incident is None or not state.kiosk.rules.alarm_pictures:
        return state
    body: Body = {"offset_ms": fact.offset_ms, "jpeg_base64": b64encode(fact.jpeg).decode("ascii")}
    return event(
        state, Lane.ROUTINE, Topic.PICTURE, Code.ALARM_PICTURE, Qualifier.STATUS, body, fact.at_ms, out,
        incident=incident,
    )  # fmt: skip


def reopened(state: State, fact: StoreOpened) -> State:
    """The crowd of an earlier life, if it can be said how old it is and that is not too old."""
    kept, machine = fact.crowd, state.kiosk.thermometer
    if kept is None or machine is None:
        return state
    if kept.kernel_boot == state.boot.kernel_boot:
        age_ms = fact.at_ms - kept.at_ms
    elif kept.synced and state.clock.synced:
        age_ms = state.clock.trusted_ms + fact.at_ms - kept.wall_ms
    else:
        return state
    machine = thermometer.recalled(machine, crowd_of(kept), age_ms, fact.at_ms)
    return replace(state, kiosk=replace(state.kiosk, thermometer=machine))


def dated(state: State, at_ms: int, out: list[Command]) -> State:
    """Once a day, while the clock can be trusted, what is older than its days is to be deleted."""
    kiosk = state.kiosk
    if not state.clock.synced or (kiosk.forgot_ms is not None and at_ms - kiosk.forgot_ms < DAY_MS):
        return state
    before_wall_ms = state.clock.trusted_ms + at_ms - kiosk.rules.kept_days * DAY_MS
    out.extend(Forget(topic, before_wall_ms) for topic in PERSONAL)
    return replace(state, kiosk=replace(kiosk, forgot_ms=at_ms))


def forgotten(state: State, fact: Forgotten, out: list[Command]) -> State:
    """The store deleted what was too old, and counted what is left of it: the proof."""
    body: Body = {
        "topic": fact.topic.value, "deleted": fact.rows, "left": fact.left, "before_wall_ms": fact.before_wall_ms,
        "kept_days": state.kiosk.rules.kept_days,
    }  # fmt: skip
    return note(state, Code.TEMPERATURES_FORGOTTEN, Qualifier.STATUS, body, fact.at_ms, out)


def kept_of(people: Crowd, state: State, at_ms: int) -> CrowdKept:
    """The crowd in the form that is kept, with the time by every clock there is."""
    return CrowdKept(
        tuple(one.residual_celsius for one in people.members),
        tuple(at_ms - one.at_ms for one in people.members),
        people.mark,
        state.clock.trusted_ms + at_ms,
        state.clock.synced,
        state.boot.kernel_boot,
        at_ms,
    )


def crowd_of(kept: CrowdKept) -> Crowd:
    """A kept crowd as it was at ``kept.at_ms``."""
    pairs = zip(kept.residuals_celsius, kept.ago_ms, strict=False)
    return Crowd(tuple(Member(celsius, kept.at_ms - ago_ms) for celsius, ago_ms in pairs), kept.at_ms, kept.mark)


def _crowd_kept(state: State, at_ms: int, out: list[Command]) -> State:
    kiosk = state.kiosk
    if kiosk.thermometer is None or at_ms - kiosk.crowd_kept_ms < CROWD_KEPT_MS:
        return state
    people = thermometer.keep(kiosk.thermometer)
    if people.members == kiosk.crowd_kept:
        return state
    out.append(KeepCrowd(kept_of(people, state, at_ms)))
    return replace(state, kiosk=replace(kiosk, crowd_kept_ms=at_ms, crowd_kept=people.members))


def _screened(state: State, student: Screened, out: list[Command]) -> State:
    found = student.judgement
    body: Body = {
        "visit": student.visit,
        "verdict": student.verdict.value,
        "reason": found.reason.value,
        "skin_celsius": _rounded(found.skin_celsius),
        "ambient_celsius": _rounded(student.ambient_celsius),
        "estimate_celsius": _rounded(found.estimate_celsius),
        "baseline_celsius": _rounded(found.baseline_celsius),
        "above_crowd_celsius": _rounded(found.above_crowd_celsius),
        "samples": found.samples,
        "attempts": student.attempts,
        "arrived_ms": student.arrived_ms,
    }
    return _routine(state, Topic.TEMPERATURE, Code.TEMPERATURE_SCREENED, body, student.at_ms, out)


def _camera_alone(state: State, news: News, out: list[Command]) -> State:
    """A camera that is there for the alarm's pictures only."""
    match news:
        case CameraFound(detector=detector, at_ms=at_ms):
            return tell(state, Trouble.CAMERA_LOST, "", False, f"the camera is there: {detector}", at_ms, out)
        case CameraLost(reason=reason, at_ms=at_ms):
            return tell(state, Trouble.CAMERA_LOST, "", True, f"the camera is gone: {reason}", at_ms, out)
        case _:
            return state


def _routine(state: State, topic: Topic, code: Code, body: Body, at_ms: int, out: list[Command]) -> State:
    return event(state, Lane.ROUTINE, topic, code, Qualifier.STATUS, body, at_ms, out)


def _rounded(celsius: float | None) -> float | None:
    """To a hundredth of a degree: the sensor's own step is two."""
    return None if celsius is None else round(celsius, 2)

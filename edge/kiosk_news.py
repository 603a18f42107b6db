"""Who hears of what the kiosk's sensor and camera say, and which events come of it.

Pure, and a part of the core. Nothing here may hold up the button: temperatures and pictures travel on the routine lane,
on topics of their own, stored first, and behind every alarm.
"""

from __future__ import annotations

from base64 import b64encode

from msgspec.structs import replace

from edge import health, tally, thermometer
from edge.events import (
    Code,
    Command,
    EventId,
    Journal,
    Lane,
    Qualifier,
    Ticked,
    Topic,
    Trouble,
)
from edge.making import Body, event, tell
from edge.measuring import (
    CameraFound,
    CameraLost,
    FacesSeen,
    PictureTaken,
    ReferenceRead,
    SkinMissed,
    SkinRead,
    TakePicture,
)
from edge.screening import KioskTrouble, ThermometerRules
from edge.state import State
from edge.tally import Flow, HourlyCounts, Screened

TICK_MS_MIN = 10

News = SkinRead | SkinMissed | ReferenceRead | FacesSeen | CameraFound | CameraLost | Ticked


def heard(state: State, news: News, out: list[Command]) -> State:
    """The sensor, the camera or time has something to say."""
    kiosk = state.kiosk
    if isinstance(news, Ticked):
        kiosk = replace(kiosk, ticked_ms=news.at_ms)
    if kiosk.thermometer is None:
        return _camera_alone(state, news, out)
    try:
        machine, said = thermometer.step(kiosk.thermometer, news)
    except Exception as error:  # noqa: BLE001 - counted and told; it must not end the brain that the button needs
        return failed(state, kiosk.thermometer.rules, error, news.at_ms, out)
    state = replace(state, kiosk=replace(kiosk, thermometer=machine))
    for one in said:
        match one:
            case Screened() | HourlyCounts():
                state = _routine(state, Topic.TEMPERATURE, Code.TEMPERATURE_SCREENED, one, out)
            case Flow():
                state = _routine(state, Topic.FLOW, Code.STUDENT_FLOW, one, out)
            case KioskTrouble():
                state = tell(state, one.trouble, one.part, one.raised, one.detail, one.at_ms, out)
            case _:
                out.append(one)
    return state


def wake_at(state: State) -> int | None:
    """When time alone will change something at the kiosk, in monotonic milliseconds; None if never."""
    machine = state.kiosk.thermometer
    if machine is None:
        return None
    try:
        moment = thermometer.wake_at(machine)
    except Exception:  # noqa: BLE001 - the next step meets the same mistake, counts it and begins anew
        moment = state.kiosk.ticked_ms
    # Whatever it says, time passes for it no more often than this: the brain has a button to serve.
    return None if moment is None else max(moment, state.kiosk.ticked_ms + TICK_MS_MIN)


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


def failed(state: State, rules: ThermometerRules, error: Exception, at_ms: int, out: list[Command]) -> State:
    """A mistake of ours in judging temperatures: the kiosk begins anew, and says so."""
    kiosk = replace(state.kiosk, thermometer=thermometer.begin(rules, at_ms))
    state = replace(state, kiosk=kiosk, health=health.count(state.health, f"kiosk_{type(error).__name__}"))
    out.append(Journal("error", f"the thermometer failed and begins anew: {error!r}; please report this"))
    return state


def _camera_alone(state: State, news: News, out: list[Command]) -> State:
    """A camera that is there for the alarm's pictures only."""
    match news:
        case CameraFound(detector=detector, at_ms=at_ms):
            return tell(state, Trouble.CAMERA_LOST, "", False, f"the camera is there: {detector}", at_ms, out)
        case CameraLost(reason=reason, at_ms=at_ms):
            return tell(state, Trouble.CAMERA_LOST, "", True, f"the camera is gone: {reason}", at_ms, out)
        case _:
            return state


def _routine(state: State, topic: Topic, code: Code, told: Screened | Flow | HourlyCounts, out: list[Command]) -> State:
    return event(state, Lane.ROUTINE, topic, code, Qualifier.STATUS, dict(tally.body(told)), told.at_ms, out)

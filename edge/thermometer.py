"""The kiosk's brain: what the sensor and the camera report, turned into visits, troubles and a pace of measuring.

Pure: no clock, no thread, no device. A screening aid on skin temperature, no medical thermometer; nothing here knows
who anybody is. What happens to one student is in ``edge.screening``, how samples are judged in ``edge.judging``.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from edge import crowd, judging, presence, screening, skin, soundness, tally
from edge.crowd import Crowd
from edge.events import Ticked, Trouble
from edge.judging import Judgement
from edge.measuring import (
    CameraFound,
    CameraLost,
    FacesSeen,
    MeasureEvery,
    Reason,
    ReferenceRead,
    Screen,
    SkinMissed,
    SkinRead,
    TellPupil,
    Verdict,
)
from edge.presence import Mode
from edge.screening import AWAKE_MS, IDLE_MS, NOBODY, STAY_MS, ambient
from edge.screening import KioskTrouble as KioskTrouble
from edge.screening import Outcome as Outcome
from edge.screening import Thermometer as Thermometer
from edge.screening import ThermometerRules as ThermometerRules
from edge.soundness import Soundness
from edge.tally import Flow as Flow
from edge.tally import HourlyCounts as HourlyCounts
from edge.tally import Screened as Screened
from edge.visit import sampled

CAMERA_MS = 60_000
"""A camera that is expected and has not come within this is a trouble."""

News = SkinRead | SkinMissed | ReferenceRead | FacesSeen | CameraFound | CameraLost | Ticked
Step = tuple[Thermometer, tuple[Outcome, ...]]


def begin(rules: ThermometerRules, now_ms: int) -> Thermometer:
    """The state at start: nobody there, no crowd, a sensor that is given time to speak."""
    return Thermometer(
        rules, since_ms=now_ms, crowd=Crowd(mark=rules.mark), sound=Soundness(good_ms=now_ms), began_ms=now_ms
    )  # fmt: skip


def keep(thermometer: Thermometer) -> Crowd:
    """What is to survive a restart: the crowd's numbers, nothing else."""
    return thermometer.crowd


def recalled(thermometer: Thermometer, kept: Crowd, age_ms: int, now_ms: int) -> Thermometer:
    """With the crowd of an earlier life, kept ``age_ms`` ago (wall time), if that is not too long ago."""
    rules = thermometer.rules.crowd
    return replace(thermometer, crowd=crowd.recalled(kept, thermometer.crowd, rules, age_ms, now_ms))


def counts_recalled(thermometer: Thermometer, today: Mapping[Verdict, int], last_ms: int, now_ms: int) -> Thermometer:
    """With the day's counts of an earlier life, unless a night lies between."""
    return replace(thermometer, tally=tally.recalled(thermometer.tally, today, last_ms, now_ms))


def wake_at(thermometer: Thermometer) -> int | None:
    """When time alone will change something, in monotonic milliseconds."""
    times = [None if thermometer.sound.fault else thermometer.sound.good_ms + soundness.BLIND_MS]
    times += [thermometer.until_ms, tally.wake_at(thermometer.tally)]
    if thermometer.visit is not None:
        times.append(thermometer.visit.due_ms)
    if _awaits_camera(thermometer):
        times.append(thermometer.began_ms + CAMERA_MS)
    return min((one for one in times if one is not None), default=None)


def step(thermometer: Thermometer, news: News) -> Step:
    """Take one piece of news; give the new state and what follows from it."""
    out: list[Outcome] = []
    match news:
        case SkinRead():
            after = _read(thermometer, news, out)
        case SkinMissed(at_ms=at_ms):
            sound = soundness.read(thermometer.sound, good=False, at_ms=at_ms)
            after = _sounded(thermometer, sound, at_ms, out)
        case ReferenceRead():
            after = replace(thermometer, sound=soundness.referred(thermometer.sound, news))
        case FacesSeen() | CameraFound() | CameraLost():
            after = _seen(thermometer, news, out)
        case Ticked(at_ms=at_ms):
            after = _time(thermometer, at_ms, out)
    after = _paced(after, news.at_ms, out)
    if after.shown != thermometer.shown or (after.visit and after.visits != thermometer.visits):
        after = replace(after, since_ms=news.at_ms)
        out.append(after.shown)
    return after, tuple(out)


# --- the sensor -------------------------------------------------------------------------------------------------------


def _read(thermometer: Thermometer, read: SkinRead, out: list[Outcome]) -> Thermometer:
    now_ms, rules = read.at_ms, thermometer.rules
    sound, changed = soundness.breathed(thermometer.sound, read, read.ambient_celsius)
    thermometer = _sounded(thermometer, soundness.read(sound, good=True, at_ms=now_ms), now_ms, out)
    if changed:
        thermometer = replace(thermometer, crowd=crowd.forgotten(thermometer.crowd))
    surroundings = ambient(thermometer, now_ms)
    if thermometer.sound.fault or surroundings is None:
        return thermometer
    seen = skin.corrected(read.object_celsius, surroundings, rules.supply_volts, rules.emissivity)
    celsius = seen + rules.offset_celsius
    if thermometer.visit is None:
        return _nobody_yet(thermometer, read, celsius, out)
    visit = screening.watched(thermometer, thermometer.visit, read.object_celsius)
    if screening.has_gone(thermometer, visit, now_ms):
        background = presence.followed(
            thermometer.background_celsius, read.object_celsius, screening.usual(thermometer)
        )
        return screening.left(replace(thermometer, background_celsius=background), visit, now_ms, out)
    visit = sampled(visit, rules.part, celsius - (thermometer.sound.drift_celsius or 0.0), now_ms)
    thermometer = replace(thermometer, visit=visit)
    if judging.are_enough(rules.judging, visit.samples) or now_ms >= visit.due_ms:
        return screening.judged(thermometer, visit, now_ms, out)
    return thermometer


def _nobody_yet(thermometer: Thermometer, read: SkinRead, celsius: float, out: list[Outcome]) -> Thermometer:
    now_ms, seen = read.at_ms, read.object_celsius
    mode = screening.mode(thermometer, now_ms)
    usual = screening.usual(thermometer)
    face = thermometer.eyes.faces > 0
    background = thermometer.background_celsius
    jumped = background is not None and presence.jumped(background, seen, usual)
    if mode is not Mode.CAMERA and jumped and (face or mode is Mode.THERMOPILE):
        return screening.arrived(thermometer, seen, now_ms)
    if mode is Mode.THERMOPILE or not face:
        background = presence.followed(thermometer.background_celsius, seen, usual)
        thermometer = replace(thermometer, background_celsius=background)
        # By itself the sensor cannot tell a face from a black body as warm as one.
        if thermometer.rules.black_body and mode is not Mode.THERMOPILE:
            return _drifted(thermometer, soundness.compared(thermometer.sound, celsius, now_ms), now_ms, out)
    return thermometer


def _drifted(thermometer: Thermometer, sound: Soundness, now_ms: int, out: list[Outcome]) -> Thermometer:
    if sound.drifted != thermometer.sound.drifted:
        detail = f"the infrared sensor reads {sound.drift_celsius or 0.0:+.2f} degrees off the black body"
        out.append(KioskTrouble(Trouble.SENSOR_FAULT, "drift", sound.drifted, detail, now_ms))
    return replace(thermometer, sound=sound)


def _sounded(thermometer: Thermometer, sound: Soundness, now_ms: int, out: list[Outcome]) -> Thermometer:
    """A fault begins or ends: no verdicts in between, and a crowd of before is no comparison after."""
    was = thermometer.sound.fault
    thermometer = replace(thermometer, sound=sound)
    if sound.fault == was:
        return thermometer
    detail = soundness.why(sound, now_ms) if sound.fault else "the infrared sensor reads well again"
    out.append(KioskTrouble(Trouble.SENSOR_FAULT, "", sound.fault, detail, now_ms))
    if not sound.fault:
        return replace(thermometer, crowd=crowd.forgotten(thermometer.crowd), shown=NOBODY, background_celsius=None)
    visit = thermometer.visit
    if visit is not None and not visit.done:
        verdict = Judgement(Verdict.CANNOT_SCREEN, Reason.SENSOR_FAULT)
        thermometer = screening.screened(thermometer, visit, verdict, now_ms, out)
    broken = TellPupil(Screen.OUT_OF_ORDER, Reason.SENSOR_FAULT)
    return replace(thermometer, visit=None, shown=broken, until_ms=None, estimate_celsius=None)


# --- the camera -------------------------------------------------------------------------------------------------------


def _seen(thermometer: Thermometer, fact: FacesSeen | CameraFound | CameraLost, out: list[Outcome]) -> Thermometer:
    now_ms = fact.at_ms
    thermometer = replace(thermometer, eyes=presence.looked(thermometer.eyes, fact))
    match fact:
        case CameraFound(detector=detector):
            return _camera(thermometer, False, f"the camera is there, faces by {detector}", now_ms, out)
        case CameraLost(reason=reason):
            return _camera(thermometer, True, f"the camera is gone: {reason}", now_ms, out)
    if thermometer.sound.fault:
        return thermometer
    visit = thermometer.visit
    if visit is None:
        if fact.faces and screening.mode(thermometer, now_ms) is Mode.CAMERA:
            return screening.arrived(thermometer, None, now_ms)
        near = thermometer.eyes.near or fact.faces > 0
        return _invited(replace(thermometer, awake_ms=now_ms + AWAKE_MS) if near else thermometer, near=near)
    if thermometer.eyes.empty >= presence.EMPTY_PICTURES and screening.mode(thermometer, now_ms) is not Mode.THERMOPILE:
        return screening.left(thermometer, visit, now_ms, out)
    visit = replace(visit, crowded=visit.crowded or fact.faces > 1, far=fact.faces == 0 and thermometer.eyes.near)
    return replace(thermometer, visit=visit)


def _camera(thermometer: Thermometer, lost: bool, detail: str, now_ms: int, out: list[Outcome]) -> Thermometer:
    if lost != thermometer.camera_lost:
        out.append(KioskTrouble(Trouble.CAMERA_LOST, "", lost, detail, now_ms))
    return replace(thermometer, camera_lost=lost)


def _invited(thermometer: Thermometer, *, near: bool) -> Thermometer:
    """Somebody comes near, or went: between visits the screen says where to stand."""
    if thermometer.until_ms is not None:
        return thermometer
    return replace(thermometer, shown=TellPupil(Screen.STAND_HERE if near else Screen.IDLE, Reason.NONE))


def _awaits_camera(thermometer: Thermometer) -> bool:
    return thermometer.rules.camera and thermometer.eyes.detector is None and not thermometer.camera_lost


# --- time -------------------------------------------------------------------------------------------------------------


def _time(thermometer: Thermometer, now_ms: int, out: list[Outcome]) -> Thermometer:
    thermometer = screening.flowed(thermometer, now_ms, out)
    if not thermometer.sound.fault:
        thermometer = _sounded(thermometer, soundness.passed(thermometer.sound, now_ms), now_ms, out)
    if _awaits_camera(thermometer) and now_ms >= thermometer.began_ms + CAMERA_MS:
        thermometer = _camera(thermometer, True, "the camera process has not come", now_ms, out)
    visit = thermometer.visit
    if visit is not None and now_ms >= visit.due_ms:
        if not visit.done:
            thermometer = screening.judged(thermometer, visit, now_ms, out)
        elif screening.mode(thermometer, now_ms) is Mode.CAMERA:
            thermometer = replace(thermometer, visit=replace(visit, due_ms=now_ms + STAY_MS))
        else:
            thermometer = replace(thermometer, visit=None, background_celsius=visit.least_celsius, until_ms=now_ms)
    if thermometer.until_ms is not None and now_ms >= thermometer.until_ms:
        thermometer = replace(thermometer, shown=NOBODY, until_ms=None, estimate_celsius=None)
    return thermometer


def _paced(thermometer: Thermometer, now_ms: int, out: list[Outcome]) -> Thermometer:
    """The sensor is read quickly while somebody stands there and for a while after."""
    busy = thermometer.visit is not None or (now_ms < thermometer.awake_ms and not thermometer.sound.fault)
    every_ms = skin.sample_ms(thermometer.rules.part) if busy else IDLE_MS
    if every_ms != thermometer.every_ms:
        out.append(MeasureEvery(every_ms))
    return replace(thermometer, every_ms=every_ms)

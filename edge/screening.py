"""One student in front of the sensor, from arrival to the one word about this visit, and what the kiosk shows. Pure.

A visit begins when somebody stands there, ends when nobody does, and gives exactly one verdict. Who steps away and
comes back is the next student: at one student a second nobody can tell otherwise.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge import crowd, judging, presence, skin, soundness, tally
from edge.crowd import Crowd, CrowdRules
from edge.events import Command, Trouble, Value
from edge.judging import Findings, Judgement, JudgingRules
from edge.measuring import Reason, Screen, TellPupil, Verdict
from edge.presence import Eyes, Mode
from edge.soundness import Soundness
from edge.tally import Flow, HourlyCounts, Screened, Tally
from edge.visit import PASSING_MS, Visit, begun, looked_again

IDLE_MS = 1_170
"""The pace while nobody comes. Reading without pause disturbs the sensor (thermometry note, section 1.1): at most once
a second. Nor each second, or it keeps step with students who come one a second, and looks between all of them."""

AWAKE_MS = 10_000
"""The quick pace goes on for so long after the last student: the next may already be there."""

RESULT_MS = 1_500
TEACHER_MS = 4_000
"""A verdict stays on the screen so long, unless the next student comes; longer where it sends to the teacher."""

STAY_MS = 30_000
"""What stands there for so long after its verdict is background: a bag, a bicycle, the sun."""

NOBODY = TellPupil(Screen.IDLE, Reason.NONE)


class ThermometerRules(Value, frozen=True):
    """Settings of the kiosk; ranges are in ``edge.kiosk_settings``. ``mark`` names sensor and corrections."""

    part: skin.Part = skin.PARTS["DCI"]
    supply_volts: float = 3.3
    emissivity: float = 0.98
    offset_celsius: float = 0.0
    mode: Mode = Mode.THERMOPILE
    camera: bool = False
    room: bool = False
    black_body: bool = False
    hourly_counts: bool = False
    judging: JudgingRules = JudgingRules()
    crowd: CrowdRules = CrowdRules()
    mark: str = ""


class Thermometer(Value, frozen=True):
    """Everything the kiosk knows. ``visits`` counts students; ``shown`` is the screen, ``since_ms`` when it began.

    ``estimate_celsius`` is public: it is None beside anything but *normal*.
    """

    rules: ThermometerRules = ThermometerRules()
    shown: TellPupil = NOBODY
    since_ms: int = 0
    until_ms: int | None = None
    estimate_celsius: float | None = None
    visits: int = 0
    visit: Visit | None = None
    every_ms: int = IDLE_MS
    awake_ms: int = 0
    background_celsius: float | None = None
    eyes: Eyes = Eyes()
    camera_lost: bool = False
    crowd: Crowd = Crowd()
    sound: Soundness = Soundness()
    tally: Tally = Tally()
    began_ms: int = 0


class KioskTrouble(Value, frozen=True):
    """A trouble of sensor or camera begins or ends. ``part`` is "drift" for a sensor that is only off, else empty."""

    trouble: Trouble
    part: str
    raised: bool
    detail: str
    at_ms: int


Outcome = Command | Screened | Flow | HourlyCounts | KioskTrouble


def ambient(thermometer: Thermometer, now_ms: int) -> float | None:
    """The room's temperature: by the second sensor where it is for the room, else the infrared sensor's own."""
    room = soundness.reference(thermometer.sound, now_ms) if thermometer.rules.room else None
    return thermometer.sound.sensor_celsius if room is None else room


def usual(thermometer: Thermometer) -> float:
    """What a skin is like here: the crowd's middle, but near the fit's, so that a wall never passes for one."""
    fit, near = thermometer.rules.judging.fit.skin_celsius, judging.FOLLOW_CELSIUS_MAX
    baseline = crowd.baseline(thermometer.crowd)
    return fit if baseline is None else min(max(baseline, fit - near), fit + near)


def mode(thermometer: Thermometer, now_ms: int) -> Mode:
    """What tells that somebody stands there, now: a kiosk whose camera is gone goes on by the sensor alone."""
    return thermometer.rules.mode if presence.can_see(thermometer.eyes, now_ms) else Mode.THERMOPILE


def arrived(thermometer: Thermometer, seen_celsius: float | None, now_ms: int) -> Thermometer:
    """The next student stands there. ``seen_celsius`` is the reading that told it, None where a face did."""
    visit = begun(thermometer.visits + 1, thermometer.rules.part, now_ms)
    visit = visit if seen_celsius is None else watched(thermometer, visit, seen_celsius)
    return replace(
        thermometer,
        visits=visit.number,
        visit=replace(visit, crowded=thermometer.eyes.faces > 1),
        shown=TellPupil(Screen.MEASURING, Reason.NONE),
        until_ms=None,
        estimate_celsius=None,
    )


def watched(thermometer: Thermometer, visit: Visit, seen_celsius: float) -> Visit:
    """The visit after one more reading, before anybody asks what it says of the skin."""
    level, background = visit.level_celsius, thermometer.background_celsius
    if level is None or background is None:
        level = min(seen_celsius, presence.LEVEL_CELSIUS_MAX)
    else:
        level = presence.level_of(level, background, seen_celsius)
    least = visit.least_celsius
    if visit.done:
        like = usual(thermometer)
        least = seen_celsius if least is None else max(least, seen_celsius, key=lambda one: abs(one - like))
    return replace(visit, seen_celsius=seen_celsius, level_celsius=level, least_celsius=least)


def has_gone(thermometer: Thermometer, visit: Visit, now_ms: int) -> bool:
    """True if the sensor says that nobody stands there any more. A face that is still seen knows better."""
    if thermometer.eyes.faces and mode(thermometer, now_ms) is not Mode.THERMOPILE:
        return False
    background, level, seen = thermometer.background_celsius, visit.level_celsius, visit.seen_celsius
    if background is None or level is None or seen is None:
        return False
    return presence.has_gone(background, level, seen)


def judged(thermometer: Thermometer, visit: Visit, now_ms: int, out: list[Outcome]) -> Thermometer:
    """Enough was measured, or long enough. The first *again* is followed by a second look, the second by none."""
    if visit.done:
        return thermometer
    verdict = _judge(thermometer, visit, now_ms)
    if verdict.verdict is Verdict.AGAIN:
        again = looked_again(visit, verdict, thermometer.rules.part, now_ms)
        return _showing(replace(thermometer, visit=again), verdict, None)
    thermometer = screened(thermometer, visit, verdict, now_ms, out)
    visit = replace(visit, done=True, due_ms=now_ms + STAY_MS)
    return _showing(replace(thermometer, visit=visit), verdict, None)


def _judge(thermometer: Thermometer, visit: Visit, now_ms: int) -> Judgement:
    rules = thermometer.rules
    people = crowd.aged(thermometer.crowd, rules.crowd, now_ms)
    background = thermometer.background_celsius
    like = background is not None and abs(background - usual(thermometer)) < presence.LIKE_A_FACE_CELSIUS
    found = Findings(
        visit.samples,
        visit.low,
        visit.hot,
        visit.crowded,
        visit.far,
        retake=visit.again is not None,
        alone=like and mode(thermometer, now_ms) is Mode.THERMOPILE,
        ambient_celsius=ambient(thermometer, now_ms),
        sensor_celsius=thermometer.sound.sensor_celsius,
        background_celsius=background,
    )
    return judging.judge(rules.judging, rules.crowd, people, found)


def left(thermometer: Thermometer, visit: Visit, now_ms: int, out: list[Outcome]) -> Thermometer:
    """Nobody stands there any more: what was measured is judged, and what was shown stays a little."""
    thermometer = replace(thermometer, visit=None, awake_ms=now_ms + AWAKE_MS)
    if visit.done:
        return replace(thermometer, until_ms=_shown_until(thermometer, now_ms))
    few = len(visit.samples) < judging.SAMPLES_MIN
    if visit.again is None and few and now_ms - visit.began_ms < PASSING_MS:
        return replace(thermometer, shown=NOBODY)
    # A second look that came to nothing leaves the first one's word.
    verdict = visit.again if visit.again is not None and few else _judge(thermometer, visit, now_ms)
    thermometer = screened(thermometer, visit, verdict, now_ms, out)
    return _showing(thermometer, verdict, now_ms)


def _showing(thermometer: Thermometer, verdict: Judgement, left_ms: int | None) -> Thermometer:
    shown = TellPupil(Screen(verdict.verdict.value), verdict.reason)
    public = verdict.estimate_celsius if verdict.verdict is Verdict.NORMAL else None
    until_ms = None if left_ms is None else left_ms + _result_ms(shown)
    return replace(thermometer, shown=shown, estimate_celsius=public, until_ms=until_ms)


def _shown_until(thermometer: Thermometer, now_ms: int) -> int:
    return max(now_ms, thermometer.since_ms + _result_ms(thermometer.shown))


def _result_ms(shown: TellPupil) -> int:
    return TEACHER_MS if shown.screen in (Screen.HIGH, Screen.CANNOT_SCREEN) else RESULT_MS


def screened(
    thermometer: Thermometer, visit: Visit, verdict: Judgement, now_ms: int, out: list[Outcome]
) -> Thermometer:
    """The one word about this student: an event, a count, and a place in the crowd."""
    attempts = 1 if visit.again is None else 2
    student = Screened(
        visit.number, verdict.verdict, verdict, attempts, ambient(thermometer, now_ms), visit.began_ms, now_ms
    )  # fmt: skip
    thermometer = flowed(thermometer, now_ms, out)
    if not thermometer.rules.hourly_counts:
        out.append(student)
    thermometer = replace(thermometer, tally=tally.counted(thermometer.tally, student))
    if verdict.residual_celsius is None or not judging.joins(thermometer.rules.judging, verdict):
        return thermometer
    people = crowd.joined(thermometer.crowd, thermometer.rules.crowd, verdict.residual_celsius, now_ms)
    return replace(thermometer, crowd=people)


def flowed(thermometer: Thermometer, now_ms: int, out: list[Outcome]) -> Thermometer:
    """Tell the five minutes and the hour that are over."""
    counts, over = tally.passed(thermometer.tally, now_ms)
    out.extend(one for one in over if isinstance(one, Flow) or thermometer.rules.hourly_counts)
    return replace(thermometer, tally=counts)

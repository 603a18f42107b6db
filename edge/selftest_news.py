"""Who hears of what in a self-test, which events come of it, and what is told of it at the gate.

Pure, and a part of the core. Whose finger closed the contact is decided here without a net: a mistake there must end
the brain, which then starts again and takes every closure for a person's. A mistake in judging a test's evidence ends
that test and no more.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from edge import alarm, claim, contact, health, screening, selftest, timekeeping, window_news
from edge.chain import Body, Kind, Report, Result, Stimulus, WindowClosed, WindowOpened, body_of
from edge.events import (
    Code,
    Command,
    EventId,
    Fact,
    Journal,
    Lane,
    Origin,
    Qualifier,
    Show,
    SoundSiren,
    StopSiren,
    Topic,
    Trouble,
)
from edge.evidence import Evidence
from edge.making import event, send_everywhere, tell
from edge.proving import ArrivedAsked, LinkProbed, PulseSiren, SelfTestAsked, Sense, SenseRead, TestFact
from edge.selftest import Asked, Run, SelfTest
from edge.state import State

Step = tuple[State, tuple[int, ...]]

PATH_PART = "path"
"""Tells a path test that failed from a whole one."""


# --- whose finger -----------------------------------------------------------------------------------------------


def origin_of(state: State, closure: contact.Closure) -> tuple[State, Origin]:
    """Who closed the key. Whatever no test can claim is a person's."""
    test = state.test
    if closure.origin is not Origin.PERSON:
        return state, closure.origin
    if test.claim is None or not claim.takes(test.claim, closure.at_ms):
        return state, Origin.PERSON
    if not test.claim.relay and (alarm.is_open(state.alarm) or state.alarm.waiting):
        return state, Origin.PERSON
    test = replace(test, claim=claim.taken(test.claim, closure.at_ms))
    if test.window is None or test.claim is None or test.claim.relay:
        return replace(state, test=test), Origin.SELF_TEST
    drill = test.window.opened.kind is Kind.DRILL
    half = state.contacts.key_nc
    test = selftest.pressed_in_window(test, closure.at_ms, None if half.closed else half.told_ms)
    return replace(state, test=test), Origin.DRILL if drill else Origin.SELF_TEST


def watched(state: State, fact: Fact) -> Step:
    """Follow the claim on the contact; give the moments of the real presses that it hid until now."""
    test, key = state.test, state.contacts.key
    if test.claim is None:
        return state, ()
    confirm_ms = state.contacts.rules.confirm_ms
    down = key.phase is contact.Phase.DOWN and key.down_ms == test.claim.taken_ms
    held, person_ms = claim.step(test.claim, fact, state.now_ms, down=down, confirm_ms=confirm_ms)
    at_rest = key.phase is contact.Phase.OPEN
    over = claim.is_over(held, at_rest=at_rest, now_ms=state.now_ms)
    state = replace(state, test=replace(test, claim=None if over else held))
    return state, () if person_ms is None else (person_ms,)


def pressed(state: State) -> State:
    """A real press: the report of a test that runs says that there was one."""
    run = state.test.run
    return state if run is None else _with_run(state, replace(run, seen=replace(run.seen, alarms=run.seen.alarms + 1)))


# --- a test runs ------------------------------------------------------------------------------------------------


def marked(state: State, id: EventId, at_ms: int, out: list[Command]) -> State:
    """The test's closure is an event now: it goes by every broker, so that each path is proved by itself."""
    run = state.test.run
    if run is None:
        return state
    state = _with_run(state, selftest.marked(run, str(id), at_ms, state.now_ms))
    fitted = state.test.rules.fitted
    if run.siren_until_ms is not None and fitted.siren:
        out.append(SoundSiren())
    elif run.stimulus is Stimulus.PERSON and fitted.siren_sense:
        out.append(PulseSiren(selftest.PULSE_MS))
    return send_everywhere(state, id, out)


def said_of(state: State) -> Body:
    """What goes with the running test's own press, for the officer's card."""
    run = state.test.run
    return {} if run is None else {"kind": run.asked.kind.value, "officer_ms": state.test.rules.fitted.officer_ms}


def is_mark(state: State, id: EventId) -> bool:
    """True for the id of the running test's own press."""
    return state.test.run is not None and state.test.run.mark == str(id)


def heard(state: State, fact: Fact, out: list[Command]) -> State:
    """A fact, while a test runs or a window is open; and time."""
    return _guarded(state, out, lambda: _heard(state, fact, out))


def _heard(state: State, fact: Fact, out: list[Command]) -> State:
    run = state.test.run
    if run is not None:
        wall_ms = timekeeping.stamp(state.clock, fact.at_ms).wall_ms
        run, said = selftest.heard(run, fact, wall_ms)  # type: ignore[arg-type]  # it takes what it knows
        state = _with_run(state, run)
        out.extend(said)
    state = window_news.passed(state, out)
    run = state.test.run
    if run is None:
        return state
    if run.siren_until_ms is not None and state.now_ms >= run.siren_until_ms:
        state, run = _silenced(state, run, out)
    if selftest.is_done(state.test, run) or state.now_ms >= selftest.due_ms(state.test, run):
        return _finished(state, run, out)
    return state


def _finished(state: State, run: Run, out: list[Command]) -> State:
    if run.siren_until_ms is not None:
        state, run = _silenced(state, run, out)
    run = replace(run, seen=_measured(state, run))
    troubles = ", ".join(sorted(one.trouble.value for one in state.health.standing))
    report = selftest.report(state.test, run, troubles, state.now_ms)
    state = replace(state, test=replace(state.test, run=None, last=report))
    origin = Origin.DRILL if report.kind is Kind.DRILL else Origin.SELF_TEST
    body = body_of(report)
    if report.kind is Kind.DRILL and run.arrived_ms is not None:
        body["arrived_after_ms"] = run.arrived_ms - run.started_ms
    state = event(
        state, Lane.TROUBLE, Topic.SELF_TEST, _code(report), Qualifier.STATUS, body, state.now_ms, out, origin=origin
    )  # fmt: skip
    state = _troubled(state, report, out)
    return window_news.over(state, "its press has been tested", out) if run.window else state


def _troubled(state: State, report: Report, out: list[Command]) -> State:
    """A test that failed is a trouble until one of its kind passes; a whole one answers for the path test as well.

    Where the county's platform sends no receipts no test can pass: there, one in which nothing fails ends it.
    """
    part = PATH_PART if report.kind is Kind.PATH else ""
    if report.result is Result.FAIL:
        detail = f"failed: {selftest.failed_links(report)}"
        return tell(state, Trouble.SELFTEST_FAILED, part, True, detail, state.now_ms, out)
    best = Result.PASS if state.test.rules.fitted.receipts else Result.PARTIAL
    if report.result in (Result.PASS, best):
        for passed in dict.fromkeys((part, PATH_PART)):
            state = tell(state, Trouble.SELFTEST_FAILED, passed, False, "a test passed", state.now_ms, out)
    return state


def _code(report: Report) -> Code:
    if report.kind is Kind.HUMAN:
        return Code.WALK_TEST
    if report.operator:
        return Code.MANUAL_TEST
    sound = report.result is not Result.FAIL and not report.troubles
    return Code.PERIODIC_TEST if sound else Code.PERIODIC_TEST_TROUBLE


def _measured(state: State, run: Run) -> Evidence:
    """What no press sets off: the thermometer, and what stands against the loop."""
    machine = state.kiosk.thermometer
    standing = {one.trouble for one in state.health.standing}
    loop = next((one.value for one in (Trouble.LOOP_OPEN, Trouble.LOOP_SHORT) if one in standing), "")
    return replace(
        run.seen,
        ambient_celsius=None if machine is None else screening.ambient(machine, state.now_ms),
        sensor_fault=Trouble.SENSOR_FAULT in standing,
        loop_fault=loop,
    )


def _silenced(state: State, run: Run, out: list[Command]) -> tuple[State, Run]:
    """The drill's siren ends; never that of an alarm."""
    if state.test.rules.fitted.siren and not state.alarm.siren_on:
        out.append(StopSiren())
    run = replace(run, siren_until_ms=None)
    return _with_run(state, run), run


# --- what people ask for ----------------------------------------------------------------------------------------


def asked(state: State, fact: TestFact, out: list[Command]) -> State:
    """A named person, the centre or a hand outside any test has something to say."""
    match fact:
        case SelfTestAsked():
            return _guarded(state, out, lambda: _asked(state, fact, out))
        case WindowOpened():
            return window_news.opened(state, fact, out)
        case WindowClosed(nonce=nonce, by=by):
            window = state.test.window
            if window is None or window.opened.nonce != nonce:
                return replace(state, health=health.count(state.health, "refused_window_unknown"))
            return window_news.over(state, f"closed by {by}", out)
        case ArrivedAsked(at_ms=at_ms):
            return arrived(state, at_ms)
        case SenseRead(sense=Sense.LAMP, active=active, at_ms=at_ms):
            return replace(state, test=replace(state.test, lit_since_ms=at_ms if active else None))
        case LinkProbed(link=link):
            return replace(state, test=replace(state.test, probed={**state.test.probed, link: fact}))
        case _:
            return state


def arrived(state: State, at_ms: int) -> State:
    """The guard turned the reset key, or somebody said so: the helpers of the drill are here."""
    run = state.test.run
    if run is None or run.asked.kind is not Kind.DRILL or run.arrived_ms is not None:
        return state
    return _with_run(state, replace(run, arrived_ms=at_ms))


def hindrance(state: State) -> str:
    """Why no test may begin now, empty where one may. What is here only puts a test off."""
    key = state.contacts.key
    if state.test.run is not None:
        return "a test runs already"
    if state.test.window is not None:
        return "the centre's test window is open: press the button, or wait until it ends"
    if alarm.is_open(state.alarm) or state.alarm.waiting:
        return "an alarm is open: end it first"
    if state.contacts.port.phase is not contact.Phase.OPEN:
        return "a test has just ended: ask again in a second"  # its next closure would pass for the last one's bounce
    if not key.known:
        return "the button has not been read yet"
    if key.phase is not contact.Phase.OPEN or key.closed:
        return "the button is pressed: let it go"
    return ""


def start(state: State, what: Asked, out: list[Command]) -> State:
    """Set a full or a path test off. The caller has asked ``hindrance``."""
    test, said = selftest.start(state.test, what, state.now_ms)
    out.extend(said)
    by = f", asked for by {what.by}" if what.by else ", as planned"
    out.append(Journal("info", f"a {what.kind.value} self-test begins{by}"))
    return replace(state, test=test)


def _asked(state: State, fact: SelfTestAsked, out: list[Command]) -> State:
    if fact.kind in (Kind.FULL, Kind.PATH):
        refused = hindrance(state)
        if not refused:
            state = start(state, Asked(fact.kind, None, fact.by, fact.key_fingerprint), out)
    else:
        open_ = state.test.window is not None and state.test.window.opened.kind is fact.kind
        refused = "" if open_ else "the centre has opened no window for it: ask the officer to open one"
    return replace(state, test=replace(state.test, answer=(fact.token, refused)))


# --- time, lamp and failures ------------------------------------------------------------------------------------


def is_busy(state: State) -> bool:
    """True while facts have to be shown to this module."""
    test = state.test
    return test.run is not None or test.claim is not None or test.window is not None


def wake_at(state: State) -> int | None:
    """When time alone will change something in a test, in monotonic milliseconds; None if never."""
    test = state.test
    times = []
    if test.run is not None:
        times.append(selftest.due_ms(test, test.run))
        if test.run.siren_until_ms is not None:
            times.append(test.run.siren_until_ms)
    if test.window is not None:
        times.append(test.window.until_ms)
    moment = None if test.claim is None else claim.wake_at(test.claim)
    if moment is not None:
        times.append(moment)
    # What lay in the past has had its turn: it waits for something else than time.
    return min((one for one in times if one > state.now_ms), default=None)


def show(state: State) -> Show | None:
    """What the lamp says of a test while the gate is quiet; None where there is nothing to say."""
    test = state.test
    if test.run is not None and test.run.seen.received_ms is not None:
        return Show.TEST_RECEIVED
    return Show.TESTING if test.run is not None or test.window is not None else None


def _with_run(state: State, run: Run) -> State:
    return replace(state, test=replace(state.test, run=run))


def _guarded(state: State, out: list[Command], act: Callable[[], State]) -> State:
    """A mistake of ours in a test ends that test: the button does not pay for it, and the claim on it stays."""
    count = len(out)
    try:
        return act()
    except Exception as error:  # noqa: BLE001 - counted and told; it must not end the brain that the button needs
        del out[count:]
        window = state.test.window
        test: SelfTest = replace(state.test, run=None, window=None if window and window.used else window)
        if state.test.run is not None and state.test.run.siren_until_ms is not None and not state.alarm.siren_on:
            out.append(StopSiren())
        out.append(Journal("error", f"a self-test failed and is given up: {error!r}; please report this"))
        return replace(state, test=test, health=health.count(state.health, f"selftest_{type(error).__name__}"))

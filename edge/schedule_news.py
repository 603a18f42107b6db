"""What the schedule hears, and what comes of what it says: tests begin, weeks are judged, the diary is kept.

Pure, and a part of the core. A mistake of ours in planning must not end the brain that the button needs: it is counted
and told, and the schedule looks again a little later.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge import diary, health, links, schedule, selftest, selftest_news, timekeeping
from edge.chain import Link, Report, Result, Verdict
from edge.events import ClockQuality, ClockRead, Code, Command, Fact, Journal, Qualifier, StoreOpened
from edge.making import note
from edge.proving import KeepDiary
from edge.schedule import Ended, Looked, Opened, Schedule, Started, StartTest, WeekJudged
from edge.selftest import Asked, Run
from edge.state import State
from edge.verdicts import needed
from edge.witness import Moment


def follow(before: State, state: State, fact: Fact, out: list[Command]) -> State:
    """Tell the schedule what it waits for: the store's diary, a second that passed, a test that began or ended."""
    began, ended = _began(before, state), _ended(before, state)
    if began is not None:
        state = _told(state, Started(began.asked.kind), out)
    if ended is not None:
        state = _told(state, ended, out)
    match fact:
        case StoreOpened(diary=kept, last_alive_wall_ms=alive_ms):
            return _told(state, Opened(kept, alive_ms), out)
        case ClockRead():
            return _told(state, Looked(), out)
        case _:
            return state


def moment(state: State) -> Moment:
    """Now, as the schedule wants to know it."""
    stamp = timekeeping.stamp(state.clock, state.now_ms)
    return Moment(
        at_ms=state.now_ms,
        wall_ms=stamp.wall_ms,
        known=stamp.quality is not ClockQuality.UNSYNCED,
        kernel_boot=state.boot.kernel_boot,
        reachable=links.connected(state.links) and not state.links.deaf,
        busy=selftest_news.hindrance(state) != "",
    )


def _told(state: State, fact: schedule.Fact, out: list[Command]) -> State:
    machine = state.schedule
    if machine is None:
        return state
    try:
        machine, said = schedule.step(machine, fact, moment(state))
    except Exception as error:  # noqa: BLE001 - counted and told; it must not end the brain that the button needs
        return _failed(state, machine, error, out)
    state = replace(state, schedule=machine)
    for one in said:
        match one:
            case StartTest(kind=kind, planned_wall_ms=planned_ms):
                state = selftest_news.start(state, Asked(kind, planned_ms), out)
            case WeekJudged(week=week):
                body = diary.body_of(week)
                state = note(state, Code.PERIODIC_TEST, Qualifier.STATUS, body, state.now_ms, out)
            case schedule.KeepDiary(diary=kept):
                out.append(KeepDiary(kept))
    return state


def _began(before: State, state: State) -> Run | None:
    """A test that somebody asked for, or pressed for in the centre's window; the schedule knows of its own."""
    old, new = before.test.run, state.test.run
    fresh = new is not None and (old is None or old.started_ms != new.started_ms)
    return new if fresh and new is not None and (new.asked.by or new.window) else None


def _ended(before: State, state: State) -> Ended | None:
    """A test that is over, judged or given up."""
    if before.test.run is None or state.test.run is not None:
        return None
    report = state.test.last
    if report is None or report is before.test.last:
        return Ended(Result.FAIL, None, "given up: a mistake in judging it")
    return Ended(report.result, _clock_right(report), _why(report, state.test.rules))


def _clock_right(report: Report) -> bool | None:
    verdict = next((one.verdict for one in report.links if one.link is Link.TIME), Verdict.NOT_TESTED)
    return {Verdict.PASS: True, Verdict.FAIL: False}.get(verdict)


def _why(report: Report, rules: selftest.SelfTestRules) -> str:
    """The links that failed, or else those that were needed and not proved; in a few words."""
    if report.result is Result.PASS:
        return ""
    if report.result is Result.FAIL:
        return f"failed: {selftest.failed_links(report)}"
    wanted = needed(report.kind, rules.fitted)
    proved = (Verdict.PASS, Verdict.SIMULATED)
    missing = [one.link.name.lower() for one in report.links if one.link in wanted and one.verdict not in proved]
    return f"not proved: {', '.join(missing)}"


def _failed(state: State, machine: Schedule, error: Exception, out: list[Command]) -> State:
    """Planning goes on from what was known before, a few minutes later."""
    out.append(Journal("error", f"the schedule of the self-tests failed: {error!r}; please report this"))
    resting = replace(machine, wake_ms=state.now_ms + schedule.LOOK_MS_MAX, seen=None)
    counted = health.count(state.health, f"schedule_{type(error).__name__}")
    return replace(state, schedule=resting, health=counted)

"""When the gate tests itself: starts tests, remembers them, and judges each week when it is over.

Pure. The plan is in ``edge.planning``, the rule in ``edge.compliance``; here is what time and circumstances do to them.

A whole test is begun only by a clock that the centre has confirmed since the power came on, or since the clock was
last set: a gate that does not know what time it is would test itself while the children arrive, twice in an hour, or
not at all, and it would close weeks that are not over. The path test within minutes of the link asks for that
confirmation, and that is why it alone is made by a clock that is not set.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge.chain import Kind, Result
from edge.compliance import judge_past
from edge.diary import (
    Begun,
    Diary,
    Outage,
    PastTest,
    Week,
    paths_in,
    with_outage,
    with_test,
)
from edge.local_time import DAY_MS, HOUR_MS, MINUTE_MS, monday_of
from edge.planning import Planned, Why, path_pause_ms, plan
from edge.timetable import NEVER_MS, Timetable, path_slot_after, permitted_from
from edge.value import Value
from edge.witness import STEP_MS, Moment, last_right_ms, set_since, sure, witness

SETTLE_MS = MINUTE_MS
"""Patience with a link that has just come up before the power-on path test; the gate's own spread follows."""

SETTLE_SPREAD_MS_MAX = 4 * MINUTE_MS
"""After a power cut in the whole county its gates come up together. 1 + 4 min leaves half of the 10 min allowed."""

PATH_APART_MS = 5 * MINUTE_MS
"""Two path tests are never closer: a clock that is set again and again asks for one each time."""

LOOK_MS_MAX = HOUR_MS
"""The schedule looks around at least this often: a week is closed within the hour."""

KEEP_MS = HOUR_MS
"""How often the diary is kept only to say that a test could still be made: 24 small writes a day."""

OUTAGE_MS_MIN = 10 * MINUTE_MS
"""A shorter break is not written down, and then counts as time in which a test could have been made."""

ENDLESS_MS = 2 * HOUR_MS
"""A test that has not ended by then is taken as failed: a mistake of ours must not end all testing."""

FUTURE_MS = 5 * MINUTE_MS


class ScheduleRules(Value, frozen=True):
    """``settle_ms``: this gate's own pause before the power-on path test. ``enabled`` False: it begins none itself."""

    table: Timetable
    enabled: bool = True
    human_weekly: bool = False
    settle_ms: int = SETTLE_MS


class Opened(Value, frozen=True):
    """The store was read: the diary, None where there is none, and the last sign of life before this start."""

    diary: Diary | None
    last_alive_wall_ms: int | None = None


class Started(Value, frozen=True):
    """A test has begun that a person asked for."""

    kind: Kind


class Ended(Value, frozen=True):
    """The test that had begun is over. ``clock_right``: see ``edge.diary``; ``why``: what failed, in a few words."""

    result: Result
    clock_right: bool | None
    why: str = ""


class Looked(Value, frozen=True):
    """Time passed, or the link, the clock or an alarm changed."""


Fact = Opened | Started | Ended | Looked


class StartTest(Value, frozen=True):
    """Begin this test now. ``planned_wall_ms`` None: nothing was planned (a path test after power-on, for example)."""

    kind: Kind
    planned_wall_ms: int | None
    why: Why


class KeepDiary(Value, frozen=True):
    """Keep this in the store, in the place of what was kept before."""

    diary: Diary


class WeekJudged(Value, frozen=True):
    """A week is over and has been judged. Worth an event."""

    week: Week


News = StartTest | KeepDiary | WeekJudged


class Schedule(Value, frozen=True):
    """``reach_ms``: since when the centre can be reached, None while it cannot. ``able``: a whole test could be made.

    ``planned``: the next whole test. ``seen``: the moment of the last look. ``kept_ms``: when the diary was last given
    to the store. ``early``: tests that people asked for before the store could be read.
    """

    rules: ScheduleRules
    diary: Diary | None = None
    early: Diary = Diary()
    planned: Planned | None = None
    seen: Moment | None = None
    reach_ms: int | None = None
    able: bool = False
    kept_ms: int = 0
    wake_ms: int = 0


def wake_at(schedule: Schedule) -> int:
    """When time alone may change something, in monotonic milliseconds."""
    return NEVER_MS if schedule.diary is None else schedule.wake_ms


def due_wall_ms(schedule: Schedule) -> int | None:
    """The wall time of the next whole test, for the heartbeat; it stays where it was while that test is overdue."""
    return schedule.planned.wall_ms if schedule.planned is not None and schedule.rules.enabled else None


def step(schedule: Schedule, fact: Fact, now: Moment) -> tuple[Schedule, tuple[News, ...]]:
    """Take one fact at one moment. Looked may come as often as it likes, and has to at ``wake_at``."""
    news: list[News] = []
    match fact:
        case Opened():
            schedule = _opened(schedule, fact, now, news)
        case Started():
            schedule = _begun(schedule, fact.kind, now, news, asked=True)
        case Ended():
            schedule = _ended(schedule, fact, now, news)
        case Looked():
            if _unchanged(schedule, now):
                return schedule, ()
    if schedule.diary is not None:
        schedule = _look(schedule, schedule.diary, now, news)
    return schedule, _last_of_each(news)


# --- facts --------------------------------------------------------------------------------------------------------


def _opened(schedule: Schedule, fact: Opened, now: Moment, news: list[News]) -> Schedule:
    if schedule.diary is not None:  # a new file after damage: it is given what memory holds
        return _kept(schedule, schedule.diary, now, news)
    diary = fact.diary or Diary()
    able_ms, alive_ms = diary.able_wall_ms, fact.last_alive_wall_ms
    if able_ms is not None and alive_ms is not None and able_ms <= alive_ms <= able_ms + KEEP_MS + OUTAGE_MS_MIN:
        diary = replace(diary, able_wall_ms=alive_ms)
    if diary.begun is not None:
        diary = _broken_off(diary, diary.begun, "broken off: the gate stopped in the middle")
    for test in schedule.early.tests:
        diary = with_test(diary, test)
    diary = replace(diary, begun=schedule.early.begun)
    return _kept(replace(schedule, planned=plan(schedule.rules.table, diary, NEVER_MS)), diary, now, news)


def _begun(schedule: Schedule, kind: Kind, now: Moment, news: list[News], *, asked: bool) -> Schedule:
    begun = Begun(kind, now.wall_ms, now.kernel_boot, now.at_ms, asked)
    if schedule.diary is None:
        return replace(schedule, early=replace(schedule.early, begun=begun))
    return _kept(schedule, replace(schedule.diary, begun=begun), now, news)


def _ended(schedule: Schedule, fact: Ended, now: Moment, news: list[News]) -> Schedule:
    diary = schedule.early if schedule.diary is None else schedule.diary
    begun = diary.begun
    if begun is None:
        return schedule  # given up as endless
    wall_ms = now.wall_ms - (now.at_ms - begun.at_ms)
    test = PastTest(
        begun.kind, fact.result, wall_ms, begun.kernel_boot, begun.at_ms, fact.clock_right, begun.asked, why=fact.why
    )
    if schedule.diary is None:
        return replace(schedule, early=with_test(diary, test))
    return _told(schedule, with_test(diary, test), now, news)


def _broken_off(diary: Diary, begun: Begun, why: str) -> Diary:
    test = PastTest(begun.kind, Result.FAIL, begun.wall_ms, begun.kernel_boot, begun.at_ms, None, begun.asked, why=why)
    return with_test(diary, test)


# --- what follows from time and circumstances -----------------------------------------------------------------------


def _look(schedule: Schedule, diary: Diary, now: Moment, news: list[News]) -> Schedule:
    reach_ms = (now.at_ms if schedule.reach_ms is None else schedule.reach_ms) if now.reachable else None
    was_able, able = schedule.able, reach_ms is not None and sure(diary, now)
    schedule = replace(schedule, reach_ms=reach_ms, able=able)
    if able:
        schedule = _able(schedule, diary, now, news, newly=not was_able)
    elif was_able:
        schedule = _kept(schedule, replace(diary, able_wall_ms=last_right_ms(diary, now)), now, news)
    schedule = _give_up(schedule, now, news)
    schedule = _start(schedule, now, news)
    return replace(schedule, seen=now, wake_ms=_wake_ms(schedule, now))


def _able(schedule: Schedule, diary: Diary, now: Moment, news: list[News], *, newly: bool) -> Schedule:
    """The centre can be reached and the clock is right: time counts."""
    table = schedule.rules.table
    last_ms = diary.able_wall_ms
    diary = replace(diary, able_wall_ms=now.wall_ms)
    if diary.since_wall_ms is None:
        diary = replace(diary, since_wall_ms=now.wall_ms, judge_monday=monday_of(table.zone, now.wall_ms) + 7)
    if newly:
        if last_ms is not None and now.wall_ms - last_ms >= OUTAGE_MS_MIN:
            diary = with_outage(diary, Outage(last_ms, now.wall_ms))
        schedule = replace(schedule, planned=plan(table, diary, now.wall_ms + FUTURE_MS))
    diary, judged = judge_past(table.zone, diary, now.wall_ms, human_weekly=schedule.rules.human_weekly)
    news.extend(WeekJudged(week) for week in judged)
    if newly or judged or now.at_ms - schedule.kept_ms >= KEEP_MS:
        return _kept(schedule, diary, now, news)
    return replace(schedule, diary=diary)


def _give_up(schedule: Schedule, now: Moment, news: list[News]) -> Schedule:
    diary = schedule.diary
    if diary is None or diary.begun is None or now.at_ms - diary.begun.at_ms < ENDLESS_MS:
        return schedule
    return _told(schedule, _broken_off(diary, diary.begun, "given up: it did not end"), now, news)


def _start(schedule: Schedule, now: Moment, news: list[News]) -> Schedule:
    diary, planned = schedule.diary, schedule.planned
    if diary is None or diary.begun is not None or now.busy:
        return schedule
    if schedule.able and schedule.rules.enabled and planned is not None and _due(schedule, planned, now):
        late = planned.why is Why.PLANNED and now.wall_ms - planned.wall_ms > OUTAGE_MS_MIN
        news.append(StartTest(Kind.FULL, planned.wall_ms, Why.MISSED if late else planned.why))
        return _begun(schedule, Kind.FULL, now, news, asked=False)
    if schedule.reach_ms is not None:
        due_ms, why, planned_wall_ms = _path_due(schedule, diary, schedule.reach_ms, now)
        if due_ms <= now.at_ms:
            news.append(StartTest(Kind.PATH, planned_wall_ms, why))
            return _begun(schedule, Kind.PATH, now, news, asked=False)
    return schedule


def _due(schedule: Schedule, planned: Planned, now: Moment) -> bool:
    return planned.wall_ms <= now.wall_ms and permitted_from(schedule.rules.table, now.wall_ms) <= now.wall_ms


def _path_due(schedule: Schedule, diary: Diary, reach_ms: int, now: Moment) -> tuple[int, Why, int | None]:
    """When the next path test is due in monotonic milliseconds, why, and its planned wall time if it has one."""
    tried = paths_in(diary, now.kernel_boot)
    settled_ms = reach_ms + schedule.rules.settle_ms
    if not tried:
        return settled_ms, Why.POWER_ON, None
    failures = next((number for number, test in enumerate(tried) if test.result is not Result.FAIL), len(tried))
    # A line that has come back since is a new chance.
    growing = failures and reach_ms <= tried[0].at_ms
    again_ms = tried[0].at_ms + (path_pause_ms(failures) if growing else PATH_APART_MS)
    said = witness(diary, now.kernel_boot)
    if said is None:
        return max(settled_ms, again_ms), Why.POWER_ON, None
    if now.known and not sure(diary, now):
        return (tried[0].at_ms + PATH_APART_MS if set_since(said, now) else again_ms), Why.CLOCK, None
    if failures:
        return max(settled_ms, again_ms), Why.FAILED, None
    if not schedule.able:  # no wall time to plan by
        return tried[0].at_ms + DAY_MS, Why.DAILY, None
    done_ms = next((test.wall_ms for test in tried if test.clock_right), now.wall_ms - DAY_MS)
    slot_ms = path_slot_after(schedule.rules.table, done_ms)
    return max(again_ms, now.at_ms + slot_ms - now.wall_ms), Why.DAILY, slot_ms


# --- small things ---------------------------------------------------------------------------------------------------


def _told(schedule: Schedule, diary: Diary, now: Moment, news: list[News]) -> Schedule:
    """The diary has one more test: plan anew, and keep it."""
    until_ms = now.wall_ms + FUTURE_MS if sure(diary, now) else NEVER_MS
    return _kept(replace(schedule, planned=plan(schedule.rules.table, diary, until_ms)), diary, now, news)


def _kept(schedule: Schedule, diary: Diary, now: Moment, news: list[News]) -> Schedule:
    news.append(KeepDiary(diary))
    return replace(schedule, diary=diary, kept_ms=now.at_ms)


def _last_of_each(news: list[News]) -> tuple[News, ...]:
    """Only the last diary needs to be kept."""
    kept = [one for one in news if isinstance(one, KeepDiary)][-1:]
    return (*(one for one in news if not isinstance(one, KeepDiary)), *kept)


def _unchanged(schedule: Schedule, now: Moment) -> bool:
    """Nothing happened since the last look, and it is not yet time for the next."""
    seen = schedule.seen
    return (
        seen is not None
        and now.at_ms < schedule.wake_ms
        and (now.known, now.reachable, now.busy) == (seen.known, seen.reachable, seen.busy)
        and abs(now.wall_ms - now.at_ms - seen.wall_ms + seen.at_ms) <= STEP_MS
    )


def _wake_ms(schedule: Schedule, now: Moment) -> int:
    """The next moment at which something is due, LOOK_MS_MAX from now at the latest."""
    diary, planned = schedule.diary, schedule.planned
    latest_ms = now.at_ms + LOOK_MS_MAX
    if diary is None or diary.begun is not None or now.busy:
        return latest_ms
    moments = [latest_ms]
    if schedule.reach_ms is not None:
        moments.append(_path_due(schedule, diary, schedule.reach_ms, now)[0])
    if schedule.able and schedule.rules.enabled and planned is not None:
        due_ms = permitted_from(schedule.rules.table, max(planned.wall_ms, now.wall_ms))
        moments.append(now.at_ms + due_ms - now.wall_ms)
    return max(now.at_ms, min(moments))

"""Judges the schedule from outside: knows the true time and all that happened, and shares no rule with the gate.

The figures of issue and standard are written down here a second time on purpose, and so is the calendar.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from datetime import date, datetime, timedelta
from typing import NamedTuple

from edge.chain import Kind, Result
from edge.diary import Lack, Week
from edge.sim.fates import Fates
from edge.sim.stretches import Stretches, both, joined, later, length, moment_after, within, without
from edge.timetable import Timetable

MINUTE = 60_000
HOUR = 3_600_000
DAY = 24 * HOUR
GAP = 84 * HOUR

CONFIRM = 15 * MINUTE
"""The gate has so long, from power or link on, to have its clock confirmed and a test begun."""

REPAIR = 4 * HOUR + 5 * MINUTE
"""The longest pause before a failed test is repeated."""

PATIENCE = 12 * HOUR + 5 * MINUTE
"""The same for one that no officer confirmed."""


class Wrong(Exception):
    """Something that must never happen has happened."""


class Done(NamedTuple):
    """A test as it truly was. A pass that was lost with the power is a failed test."""

    at: int
    kind: Kind
    result: Result
    asked: bool


class Auditor:
    """All moments are true milliseconds since ``begin_ms``, itself in UTC."""

    def __init__(self, begin_ms: int, table: Timetable, fates: Fates) -> None:
        self._begin_ms = begin_ms
        self._table = table
        self._fates = fates
        self.done: list[Done] = []
        self.happened: Counter[str] = Counter()
        self._begun: list[tuple[int, Kind]] = []
        self._weeks: list[Week] = []
        self._starts: list[int] = []
        self._boots: dict[str, int] = {}
        self._clock: list[tuple[int, int | None]] = []
        self._overdue: list[tuple[int, int]] = []

    # --- what is seen while it happens --------------------------------------------------------------------------

    def started(self, now: int, kernel_boot: str) -> None:
        """The daemon has started; for the first time in this boot of the kernel, or again."""
        self._starts.append(now)
        self._boots.setdefault(kernel_boot, now)

    def clock(self, now: int, error_ms: int | None) -> None:
        """From now on the wall clock is wrong by this much; None while nobody has set it."""
        self._clock.append((now, error_ms))

    def begun(self, now: int, kind: Kind, error_ms: int, *, known: bool) -> None:
        """The gate begins a test by itself."""
        self._begun.append((now, kind))
        if kind is Kind.FULL and (not known or abs(error_ms) > 2_500):
            raise Wrong(f"at {self._spoken(now)} a whole test was begun by a clock that was wrong by {error_ms} ms")

    def announced(self, now: int, due_wall_ms: int | None) -> None:
        """What the heartbeat would say of the next test."""
        due = None if due_wall_ms is None else due_wall_ms - self._begin_ms
        if due is not None and due < now - 30 * MINUTE:
            self._overdue.append((now, due))

    def judged(self, week: Week) -> None:
        """The gate has closed a week. What is written stays so: a repeat after a lost write says the same."""
        if self._weeks and week.monday <= self._weeks[-1].monday:
            written = next((one for one in self._weeks if one.monday == week.monday), None)
            if written is None or written.lacks != week.lacks:
                raise Wrong(f"week {self._date(week.monday)} was judged again: {written} and {week}")
            return
        if self._weeks and week.monday != self._weeks[-1].monday + 7:
            raise Wrong(f"the week after {self._date(self._weeks[-1].monday)} was left out")
        self._weeks.append(week)

    # --- and at the end -----------------------------------------------------------------------------------------

    def close(self) -> None:
        """Look at all of it."""
        self.done.sort()
        self._work_out()
        self._look_at_spacing()
        self._look_at_quiet()
        self._look_at_power_on()
        self._look_at_overdue()
        for week in self._weeks:
            self._look_at_week(week)
        self._look_for_forgotten_weeks()

    def _work_out(self) -> None:
        fates, end = self._fates, self._fates.end
        right, nearly = [], []
        for (begin, error), (until, _) in zip(self._clock, [*self._clock[1:], (end, None)], strict=True):
            if error is not None and abs(error) <= 1_000:
                right.append((begin, until))
            elif error is not None and abs(error) < 2_500:
                nearly.append((begin, until))
        self._up = both(fates.powered, fates.line)
        able = both(self._up, joined(right))
        nearly = joined(nearly)
        unclear = joined([*fates.busy, *((begin, stop + REPAIR) for begin, stop in nearly)])
        self._surely_able = later(without(able, unclear), CONFIRM)
        bridged = joined((begin, stop + 14 * MINUTE) for begin, stop in able)
        self._perhaps_able = joined([*bridged, *both(self._up, nearly)])
        broken = joined((begin, stop + REPAIR) for begin, stop in fates.broken)
        away = joined((begin, stop + PATIENCE) for begin, stop in fates.away)
        self._permitted = self._permitted_hours()
        sound = without(without(self._surely_able, broken), away)
        self._good = both(sound, self._permitted)

    def _look_at_spacing(self) -> None:
        own = [one for one in self.done if not one.asked and one.kind is not Kind.PATH]
        last: Done | None = None
        for one in own:
            if last is not None and one.at - last.at < DAY:
                raise Wrong(f"a test at {self._spoken(one.at)} follows the pass of {self._spoken(last.at)}")
            if one.result is Result.PASS:
                last = one

    def _look_at_quiet(self) -> None:
        for at, kind in self._begun:
            if kind is Kind.FULL and not within(self._permitted, at - 2_000, at + 2_000):
                raise Wrong(f"a whole test began in quiet hours, {self._spoken(at)}")

    def _look_at_power_on(self) -> None:
        """A path test within 10 min of the link, after each power-on."""
        usable = without(self._up, self._fates.busy)
        paths = [at for at, kind in self._begun if kind is Kind.PATH]
        for boot in self._boots.values():
            off = next(end for begin, end in self._fates.powered if begin <= boot < end)
            for begin, end in within(usable, boot, off):
                if end - begin <= 10 * MINUTE:
                    continue
                if any(begin < start < begin + 10 * MINUTE for start in self._starts if start != boot):
                    break  # the daemon itself was not there for all of that time
                if not any(boot <= at <= begin + 10 * MINUTE for at in paths):
                    raise Wrong(f"no path test within 10 min of the link, {self._spoken(begin)}")
                break

    def _look_at_overdue(self) -> None:
        """A gate that can test itself, and may, does not let the centre's dead man's switch wait."""
        begins = [begin for begin, _ in self._good]
        for now, due in self._overdue:
            place = bisect_right(begins, now) - 1
            if place >= 0 and now < self._good[place][1] and max(due, begins[place]) < now - 30 * MINUTE:
                raise Wrong(f"at {self._spoken(now)} the test of {self._spoken(due)} was still due")

    def _look_at_week(self, week: Week) -> None:
        begin, end = self._midnight(week.monday), self._midnight(week.monday + 7)
        passes = [one.at for one in self.done if one.result is Result.PASS and one.kind is not Kind.PATH]
        inside = [at for at in passes if begin <= at < end]
        name = f"week {self._date(week.monday)}"
        lacks = []
        if len(inside) < 2:
            lacks.append(Lack.TOO_FEW)
        elif not any(b - a >= DAY and self._day(a) != self._day(b) for a in inside for b in inside):
            lacks.append(Lack.TOO_CLOSE)
        gap = self._gap(passes, begin, end)
        if gap is not False and (gap or Lack.GAP in week.lacks):
            lacks.append(Lack.GAP)
        self.happened["weeks"] += 1
        self.happened["weeks, gap too close to tell"] += gap is None
        if tuple(lacks) != week.lacks:
            raise Wrong(
                f"{name} was called {week}, and truly lacks {lacks}; passes {[self._spoken(a) for a in inside]}"
            )
        self.happened["weeks compliant"] += week.compliant
        if length(both(within(self._up, begin, end), self._permitted)) >= 48 * HOUR:
            self.happened["weeks up for 48 h"] += 1
            self.happened["weeks up for 48 h and compliant"] += week.compliant
        if length(within(self._good, begin, end)) >= 48 * HOUR:
            self.happened["weeks up and sound for 48 h"] += 1
            self.happened["weeks up and sound for 48 h, and compliant"] += week.compliant
            if not week.compliant and (lacks != [Lack.GAP] or self._avoidable(passes, begin, end)):
                good_h = length(within(self._good, begin, end)) / HOUR
                raise Wrong(f"{name} had {good_h:.1f} good hours and lacks {lacks}")

    def _gap(self, passes: list[int], begin: int, end: int) -> bool | None:
        """Whether 84 h of time in which a test was possible ran out in this week; None where it cannot be told."""
        found: bool | None = False
        for start, following in self._between(passes, end):
            if following < begin:
                continue
            early = moment_after(self._perhaps_able, start[0], GAP)
            late = moment_after(self._surely_able, start[1], GAP)
            if early is None or early >= min(following, end) or (late is not None and late < begin):
                continue
            certain = late is not None and late < min(following, end) and begin <= early
            if certain:
                return True
            found = None
        return found

    def _between(self, passes: list[int], end: int) -> list[tuple[tuple[int, int], int]]:
        first = (self._perhaps_able[0][0], self._surely_able[0][0]) if self._surely_able else (end, end)
        starts = [first, *((at, at) for at in passes if at < end)]
        return list(zip(starts, [*(at for _, at in starts[1:]), end], strict=True))

    def _avoidable(self, passes: list[int], begin: int, end: int) -> bool:
        """A gap that ran out although a sound gate had eight permitted hours in the day before."""
        for start, following in self._between(passes, end):
            late = moment_after(self._perhaps_able, start[0], GAP)
            if late is not None and begin <= late < min(following, end):
                return length(within(self._good, max(start[1], late - DAY), late)) >= 8 * HOUR
        return False

    def _look_for_forgotten_weeks(self) -> None:
        """Every whole week since the clock was first right is judged as soon as a later moment was clear."""
        if not self._surely_able:
            return
        wanted = self._monday_after(self._surely_able[0][0])
        last = self._surely_able[-1][1] - MINUTE * 5
        while self._midnight(wanted + 7) <= last:
            if within(self._surely_able, self._midnight(wanted + 7), last) and not any(
                week.monday == wanted for week in self._weeks
            ):
                raise Wrong(f"week {self._date(wanted)} was never judged")
            wanted += 7

    # --- the calendar, once more ---------------------------------------------------------------------------------

    def _permitted_hours(self) -> Stretches:
        found = []
        first = self._day(0)
        for day in range(first - 1, self._day(self._fates.end) + 2):
            edges = [0, *(edge for span in self._table.quiet for edge in span), 1440]
            if day in self._table.holidays:
                edges = [0, 1440]
            found += [(self._wall(day, a), self._wall(day, b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        return joined(found)

    def _wall(self, day: int, minute: int) -> int:
        when = date.fromordinal(day + minute // 1440)
        there = datetime(when.year, when.month, when.day, minute % 1440 // 60, minute % 60, tzinfo=self._table.zone)
        return int(there.timestamp() * 1_000) - self._begin_ms

    def _midnight(self, day: int) -> int:
        return self._wall(day, 0)

    def _there(self, now: int) -> datetime:
        return datetime.fromtimestamp((self._begin_ms + now) / 1_000, self._table.zone)

    def _day(self, now: int) -> int:
        return self._there(now).toordinal()

    def _monday_after(self, now: int) -> int:
        there = self._there(now)
        return (there + timedelta(days=7 - there.weekday())).toordinal()

    def _date(self, day: int) -> str:
        return date.fromordinal(day).isoformat()

    def _spoken(self, now: int) -> str:
        return f"{self._there(now):%a %Y-%m-%d %H:%M:%S}"

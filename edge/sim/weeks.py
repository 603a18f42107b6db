"""Weeks of one gate in seconds: the real schedule over power-offs, restarts, clock faults, outages and failing tests.

What happens is in ``edge.sim.fates``, who judges it in ``edge.sim.auditor``. The gate here is a shell around
``edge.schedule``: it has a card that may lose the last write, a clock that may be anything, and tests that end as the
truth of their moment has it.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

from edge.chain import Kind, Result
from edge.diary import Diary
from edge.local_time import DAY_MS, MINUTE_MS, zone
from edge.schedule import (
    Ended,
    Fact,
    KeepDiary,
    Looked,
    Opened,
    Schedule,
    ScheduleRules,
    Started,
    StartTest,
    WeekJudged,
    due_wall_ms,
    step,
    wake_at,
)
from edge.sim.auditor import Auditor, Done
from edge.sim.fates import Fates
from edge.sim.stretches import Stretches
from edge.timetable import Timetable
from edge.witness import Moment

ZONES = ("Asia/Shanghai", "Asia/Shanghai", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
WEEKS_A_LIFE = 20
CLOCK_RIGHT_MS = 1_000
ALIVE_MS = MINUTE_MS
LOST_WRITE = 0.02


class Life:
    """One gate for some weeks. Moments are true milliseconds since ``begin``; ``happened`` counts what happened."""

    def __init__(self, seed: int, weeks: int = WEEKS_A_LIFE, *, trace: bool = False) -> None:
        random = Random(seed)
        self.random = random
        self.begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(
            days=random.randrange(900), hours=random.randrange(24)
        )
        self.begin_ms = int(self.begin.timestamp()) * 1_000
        self.fates = Fates(random, weeks * 7 * DAY_MS)
        where = zone(random.choice(ZONES))
        first = self.begin.toordinal()
        holidays = frozenset(
            day
            for start in range(0, weeks * 7, 40)
            for day in range(first + start, first + start + random.choice((0, 7)))
        )
        self.rules = ScheduleRules(
            Timetable(where, spread_ms=random.randrange(60 * MINUTE_MS), holidays=holidays),
            settle_ms=random.randrange(MINUTE_MS, 5 * MINUTE_MS),
        )
        self.auditor = Auditor(self.begin_ms, self.rules.table, self.fates)
        self.happened: Counter[str] = Counter()
        self.trace: list[str] | None = [] if trace else None
        self._now = 0
        self._queue: list[tuple[int, int, str]] = []
        self._serial = 0
        self._wake = -1
        self._card: Diary | None = None
        self._machine: Schedule | None = None
        self._kernel_boot = ""
        self._booted = 0
        self._alive: int | None = None
        self._saved_wall_ms = self.begin_ms - 400 * DAY_MS
        self._error_ms = 0
        self._known = False
        self._test: tuple[Kind, bool, int] | None = None

    # --- the world ----------------------------------------------------------------------------------------------

    def live(self) -> None:
        """Let everything happen, then let the auditor look."""
        fates = self.fates
        for name, pairs in (
            ("power", fates.powered),
            ("line", fates.line),
            ("busy", fates.busy),
            ("server", fates.server),
            ("clock", [(begin, end) for begin, end, _ in fates.wrong]),
        ):
            for pair in pairs:
                for moment in pair:
                    self._at(moment, name)
        for moment in fates.restarts:
            self._at(moment, "restart")
        for moment in fates.asked:
            self._at(moment, "asked")
        while self._queue:
            self._now, _, what = heapq.heappop(self._queue)
            if self._now >= fates.end:
                break
            self._happen(what)
        self.auditor.close()
        self.happened += self.auditor.happened

    def _at(self, moment: int, what: str) -> None:
        self._serial += 1
        heapq.heappush(self._queue, (moment, self._serial, what))

    def _happen(self, what: str) -> None:
        word, _, serial = what.partition(" ")
        match word:
            case "power":
                self._power()
            case "restart" if self._machine is not None:
                self._stop()
                self._start()
            case "opened" if serial == str(self._booted):
                self._tell(Opened(self._card, self._alive))
            case "end" if self._test is not None and serial == str(self._test[2]):
                self._end()
            case "asked" if self._machine is not None and self._test is None and not self._is(self.fates.busy):
                self._tell(Started(Kind.FULL))
                self._begin(Kind.FULL, asked=True)
            case "server" | "clock":
                self._set_clock()
                self._tell(Looked())
            case "line" | "busy":
                self._tell(Looked())
            case "wake" if self._now == self._wake:
                self._tell(Looked())

    def _is(self, pairs: Stretches) -> bool:
        place = bisect_right(pairs, (self._now, 1 << 62)) - 1
        return place >= 0 and pairs[place][0] <= self._now < pairs[place][1]

    # --- the gate -----------------------------------------------------------------------------------------------

    def _power(self) -> None:
        if self._is(self.fates.powered):
            self.happened["power-ons"] += 1
            self._kernel_boot = f"boot-{self._now}"
            self._booted = self._now
            self._known, self._error_ms = False, self._saved_wall_ms - self.begin_ms - self._now
            self.auditor.clock(self._now, None)
            self._set_clock()
            self._start()
        elif self._machine is not None:
            self._saved_wall_ms = self._wall_ms()
            self._stop()

    def _start(self) -> None:
        self._machine = Schedule(self.rules)
        self.auditor.started(self._now, self._kernel_boot)
        self._at(self._now + self.random.randrange(20_000), f"opened {self._booted}")

    def _stop(self) -> None:
        self._alive = (self._wall_ms() // ALIVE_MS) * ALIVE_MS
        if self._test is not None:
            kind, asked, begun = self._test
            self.auditor.done.append(Done(begun, kind, Result.FAIL, asked))
            self._test = None
        self._machine = None

    def _wall_ms(self) -> int:
        return self.begin_ms + self._now + self._error_ms

    def _set_clock(self) -> None:
        """The time server is heard, or a wrong one; without any the clock runs on as it is."""
        if not self._is(self.fates.powered) or not self._is(self.fates.server):
            return
        self._known = True
        self._error_ms = self.random.randrange(-50, 50)
        for begin, end, error_ms in self.fates.wrong:
            if begin <= self._now < end:
                self.happened["wrong clocks"] += 1
                self._error_ms = error_ms
        self.auditor.clock(self._now, self._error_ms)

    def _tell(self, fact: Fact) -> None:
        if self._machine is None:
            return
        now = Moment(
            at_ms=self._now - self._booted,
            wall_ms=self._wall_ms(),
            known=self._known,
            kernel_boot=self._kernel_boot,
            reachable=self._is(self.fates.line),
            busy=self._is(self.fates.busy),
        )
        self._machine, news = step(self._machine, fact, now)
        for one in news:
            match one:
                case StartTest(kind=kind, why=why):
                    self.happened[f"{kind.value} tests, {why.value}"] += 1
                    self.auditor.begun(self._now, kind, self._error_ms, known=self._known)
                    self._begin(kind, asked=False)
                case KeepDiary(diary=diary):
                    self._card = diary
                case WeekJudged(week=week):
                    self.auditor.judged(week)
        self._say(fact, news)
        self.auditor.announced(self._now, due_wall_ms(self._machine))
        wake = self._booted + wake_at(self._machine)
        if wake < self.fates.end:
            self._wake = max(wake, self._now + 1)
            self._at(self._wake, "wake")

    def _begin(self, kind: Kind, *, asked: bool) -> None:
        self._test = (kind, asked, self._now)
        self._at(self._now + self.random.randrange(3_000, 90_000), f"end {self._now}")

    def _end(self) -> None:
        assert self._test is not None
        kind, asked, begun = self._test
        self._test = None
        reached = self._is(self.fates.line)
        right = abs(self._error_ms) <= CLOCK_RIGHT_MS if reached else None
        if not right or self._is(self.fates.broken):
            result = Result.FAIL
        elif kind is Kind.FULL and (self._is(self.fates.away) or self.random.random() < 0.02):
            result = Result.PARTIAL
        else:
            result = Result.PASS
        self.happened[f"{kind.value} {result.value}"] += 1
        before = self._card
        self._tell(Ended(result, right))
        if self.random.random() < LOST_WRITE:  # the power fails before the card has it
            self.happened["lost writes"] += 1
            self._card, result = before, Result.FAIL
            self._stop()
            self._start()
        self.auditor.done.append(Done(begun, kind, result, asked))

    def _say(self, fact: Fact, news: tuple[object, ...]) -> None:
        if self.trace is not None and (news or not isinstance(fact, Looked)):
            true = self.begin + timedelta(milliseconds=self._now)
            said = ", ".join(type(one).__name__ if isinstance(one, KeepDiary) else repr(one) for one in news)
            self.trace.append(f"{true.astimezone(self.rules.table.zone):%a %Y-%m-%d %H:%M:%S} {fact} -> {said}")


def run(seed: int, weeks: int = WEEKS_A_LIFE) -> Life:
    """Live one life. Raises Wrong for the first thing that the auditor does not let pass."""
    life = Life(seed, weeks)
    life.live()
    return life

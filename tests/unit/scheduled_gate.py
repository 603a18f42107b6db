"""A gate around the schedule, for its tests: time passes from wake to wake, and each test ends a minute later."""

from __future__ import annotations

from edge.chain import Kind, Result
from edge.diary import Diary, Week
from edge.local_time import MINUTE_MS
from edge.schedule import (
    Ended,
    Fact,
    KeepDiary,
    Looked,
    Moment,
    Opened,
    Schedule,
    ScheduleRules,
    Started,
    StartTest,
    WeekJudged,
    step,
    wake_at,
)
from tests.unit.past_tests import TABLE, at, said


class ScheduledGate:
    """Switched on at ``begin`` by true time; its clock is off by ``error_ms`` and, where not ``known``, unset."""

    def __init__(self, begin: str, diary: Diary | None = None, *, rules: ScheduleRules | None = None) -> None:
        self.rules = rules or ScheduleRules(TABLE)
        self.true_ms = at(begin)
        self.card = diary
        self.known, self.reachable, self.busy = True, True, False
        self.error_ms = 0
        self.result = Result.PASS
        self.told: list[str] = []
        self.weeks: list[Week] = []
        self.writes = 0
        self.looks = 0
        self.boots = 0
        self.power_on()

    def power_on(self) -> None:
        """The kernel starts, and the daemon in it."""
        self.boots += 1
        self.boot_ms = self.true_ms
        self.restart()

    def restart(self, *, opened: bool = True) -> None:
        """The daemon starts; without ``opened`` its store cannot be read yet."""
        self.machine = Schedule(self.rules)
        self.ends_ms: int | None = None
        if opened:
            self.tell(Opened(self.card))

    def off_for(self, minutes: int) -> None:
        """Without power for so long."""
        self.true_ms += minutes * MINUTE_MS
        self.power_on()

    def run_until(self, text: str) -> list[str]:
        """Let time pass; give the tests that began in it, as ``Tue 2026-11-24 10:10 full planned``."""
        before, end_ms = len(self.told), at(text)
        self.tell(Looked())
        while True:
            wake_ms = max(self.boot_ms + wake_at(self.machine), self.true_ms)
            wake_ms = wake_ms if self.ends_ms is None else min(wake_ms, self.ends_ms)
            if wake_ms >= end_ms:
                break
            self.true_ms = wake_ms
            if wake_ms == self.ends_ms:
                self.end()
            else:
                self.looks += 1
                self.tell(Looked())
        self.true_ms = end_ms
        self.tell(Looked())
        return self.told[before:]

    def end(self, result: Result | None = None) -> None:
        """The test that runs is over."""
        self.ends_ms = None
        right = abs(self.error_ms) <= 1_000 if self.reachable else None
        self.tell(Ended((result or self.result) if right else Result.FAIL, right))

    def asks(self, kind: Kind = Kind.FULL) -> None:
        """A technician begins a test."""
        self.ends_ms = self.true_ms + MINUTE_MS
        self.tell(Started(kind))

    def tell(self, fact: Fact) -> None:
        """One fact, now."""
        self.machine, news = step(self.machine, fact, self.moment())
        for one in news:
            match one:
                case StartTest(kind=kind, why=why):
                    self.told.append(f"{said(self.true_ms)} {kind.value} {why.value}")
                    self.ends_ms = self.true_ms + MINUTE_MS
                case KeepDiary(diary=diary):
                    self.card = diary
                    self.writes += 1
                case WeekJudged(week=week):
                    self.weeks.append(week)

    def moment(self) -> Moment:
        """Now, as the daemon would put it."""
        return Moment(
            self.true_ms - self.boot_ms, self.true_ms + self.error_ms, self.known, f"boot-{self.boots}",
            self.reachable, self.busy,
        )  # fmt: skip

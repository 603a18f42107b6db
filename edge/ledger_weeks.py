"""The weeks of a month, as the gate judged them at the time, or as its tests in the ledger make them out to be.

Pure. What the gate wrote when a week was over stands: a later test cannot repair it. Only a week of which nothing was
written is judged here, by the same rule, from the tests alone; what kept the gate from testing is then not known.
"""

from __future__ import annotations

from edge.compliance import judge
from edge.diary import WHOLE, Diary, PastTest, Week
from edge.diary import body_of as body_of
from edge.diary import week_of as week_of
from edge.events import Record, Topic
from edge.ledger_month import Basis, Dated, Month
from edge.local_time import Zone, monday_of, wall_of
from edge.value import Value


class Judged(Value, frozen=True):
    """A week of a month. ``week`` None: the ledger began or ended within it. ``by_gate``: the gate's own word."""

    monday: int
    week: Week | None
    by_gate: bool


class Weeks:
    """Hears every entry of the ledger, of all months: a week may begin in one and end in the next."""

    def __init__(self) -> None:
        self._by_gate: dict[int, Week] = {}
        self._tests: list[PastTest] = []
        self._oldest_ms: int | None = None
        self._newest_ms = 0

    def learn(self, one: Dated) -> None:
        """The next entry, dated."""
        if not isinstance(one.content, Record) or one.moment is None:
            return
        sure = one.moment.basis is not Basis.UNSET_CLOCK
        if sure:
            self._newest_ms = max(self._newest_ms, one.moment.wall_ms)
            self._oldest_ms = one.moment.wall_ms if self._oldest_ms is None else self._oldest_ms
        if one.content.topic is Topic.LOG and (week := week_of(one.content.body)) is not None:
            self._by_gate.setdefault(week.monday, week)
        said = one.report
        if said is not None and said.kind in WHOLE:
            self._tests.append(PastTest(said.kind, said.result, one.moment.wall_ms, "", 0, clock_right=sure))

    def judged(self, month: Month, zone: Zone) -> list[Judged]:
        """The weeks that touch the month, in their order."""
        diary = Diary(tests=tuple(sorted(self._tests, key=lambda test: test.wall_ms)))
        weeks: list[Judged] = []
        if self._oldest_ms is None:
            return weeks
        for monday in range(monday_of(zone, month.begin_ms), monday_of(zone, month.end_ms - 1) + 1, 7):
            begin_ms, end_ms = wall_of(zone, monday, 0), wall_of(zone, monday + 7, 0)
            if end_ms <= self._oldest_ms or begin_ms > self._newest_ms:
                continue
            by_gate = self._by_gate.get(monday)
            whole = self._oldest_ms <= begin_ms and end_ms <= self._newest_ms
            week = by_gate or (judge(zone, diary, monday, human_weekly=False) if whole else None)
            weeks.append(Judged(monday, week, by_gate is not None))
        return weeks

"""What a gate remembers of its tests: enough to plan the next one and to judge a week, over any restart.

Values only; what goes into them is for ``edge.schedule`` to say. Kept by the store as JSON, and small: the last tests
and a year of judged weeks. The proof for an auditor is the ledger; this is what the gate itself needs to know.
"""

from __future__ import annotations

from enum import Enum

from msgspec.structs import replace

from edge.chain import Body, Kind, Result
from edge.local_time import DAY_MS, day_of, text_of
from edge.value import Value

KEPT_WHOLE_MAX = 200
"""Whole tests kept: more than a year of a gate in order, a month of one that fails and repeats. By number and not by
date, so that no clock that was wrong for a while empties the diary."""

KEPT_PATH_MAX = 40
KEPT_OUTAGES_MAX = 200
KEPT_WEEKS_MAX = 60

SPACING_MS = DAY_MS
"""Two passes closer than this count as one (alarm-standards, section 4)."""

WHOLE = (Kind.FULL, Kind.HUMAN, Kind.DRILL)
"""The kinds that go through the whole chain, from the contact on."""


class PastTest(Value, frozen=True):
    """One test that is over. ``wall_ms`` and ``at_ms`` are its beginning, by both clocks.

    ``clock_right``: the centre's receipt showed our clock to be right, or wrong; None where no receipt came. ``asked``:
    a person wanted it. ``counts``: a pass of the whole chain, 24 h or more after the last that counts. ``why`` says in
    a few words what failed or was not proved.
    """

    kind: Kind
    result: Result
    wall_ms: int
    kernel_boot: str
    at_ms: int
    clock_right: bool | None = None
    asked: bool = False
    counts: bool = False
    why: str = ""


class Begun(Value, frozen=True):
    """A test that has begun and not ended. Kept, so that a power cut in the middle of it is not forgotten."""

    kind: Kind
    wall_ms: int
    kernel_boot: str
    at_ms: int
    asked: bool


class Outage(Value, frozen=True):
    """From when to when no whole test could be made: no power, no way to the centre, or a clock that is not right."""

    from_wall_ms: int
    to_wall_ms: int


class Lack(Enum):
    """What a week lacks that is not compliant."""

    TOO_FEW = "too_few_passes"
    TOO_CLOSE = "passes_less_than_24_h_apart"
    GAP = "gap_over_84_h"
    NO_PERSON = "no_press_by_a_person"


class Week(Value, frozen=True):
    """A week, judged. ``monday`` is its first day (see ``edge.local_time``).

    ``gap_ms``: the longest stretch between passes that ends, or runs out, in this week; ``out_ms``: how long no whole
    test could be made in it.
    """

    monday: int
    lacks: tuple[Lack, ...]
    passes: int
    tests: int
    gap_ms: int
    out_ms: int

    @property
    def compliant(self) -> bool:
        """True if it lacks nothing."""
        return not self.lacks


class Diary(Value, frozen=True):
    """All of it. ``tests``, ``outages`` and ``weeks`` are in the order in which they happened.

    ``since_wall_ms``: the first time the clock was known to be right; weeks are judged from ``judge_monday`` on, the
    first that was whole. ``able_wall_ms``: when a whole test could last have been made. ``human_wall_ms``: the last
    press of a person that passed.
    """

    tests: tuple[PastTest, ...] = ()
    outages: tuple[Outage, ...] = ()
    weeks: tuple[Week, ...] = ()
    begun: Begun | None = None
    since_wall_ms: int | None = None
    judge_monday: int | None = None
    able_wall_ms: int | None = None
    human_wall_ms: int | None = None


def passed(test: PastTest) -> bool:
    """A pass of the whole chain, at a time that the centre has confirmed."""
    return test.kind in WHOLE and test.result is Result.PASS and test.clock_right is True


def last_counted(diary: Diary, until_wall_ms: int) -> PastTest | None:
    """The last pass that counts. One of a time that has not come yet was dated by a wrong clock, and is passed over."""
    for test in reversed(diary.tests):
        if test.counts and test.wall_ms <= until_wall_ms:
            return test
    return None


def paths_in(diary: Diary, kernel_boot: str) -> list[PastTest]:
    """The path tests of this boot of the kernel, the newest first."""
    tried = []
    for test in reversed(diary.tests):
        if test.kernel_boot != kernel_boot:
            break
        if test.kind is Kind.PATH:
            tried.append(test)
    return tried


def with_test(diary: Diary, test: PastTest) -> Diary:
    """The diary with one more test in it; says itself whether it counts."""
    if passed(test):
        last = last_counted(diary, test.wall_ms)
        test = replace(test, counts=last is None or test.wall_ms - last.wall_ms >= SPACING_MS)
    person = passed(test) and test.kind is Kind.HUMAN
    return replace(
        diary,
        tests=_recent((*diary.tests, test)),
        begun=None,
        human_wall_ms=test.wall_ms if person else diary.human_wall_ms,
    )


def with_outage(diary: Diary, outage: Outage) -> Diary:
    """The diary with one more outage in it."""
    return replace(diary, outages=(*diary.outages, outage)[-KEPT_OUTAGES_MAX:])


def with_week(diary: Diary, week: Week) -> Diary:
    """The diary with one more judged week in it: what is written stays so."""
    return replace(diary, weeks=(*diary.weeks, week)[-KEPT_WEEKS_MAX:], judge_monday=week.monday + 7)


def body_of(week: Week) -> dict[str, str | int | float | bool | None]:
    """A judged week as the body of a log event: its first day, and what it lacks."""
    return {
        "week": text_of(week.monday),
        "compliant": week.compliant,
        "lacks": ",".join(lack.value for lack in week.lacks),
        "passes": week.passes,
        "tests": week.tests,
        "gap_ms": week.gap_ms,
        "out_ms": week.out_ms,
    }


def week_of(body: Body) -> Week | None:
    """The week that ``body_of`` wrote; None where the body is of something else."""
    try:
        lacks = tuple(Lack(word) for word in str(body["lacks"]).split(",") if word)
        numbers = [int(body[name] or 0) for name in ("passes", "tests", "gap_ms", "out_ms")]
        return Week(day_of(str(body["week"])), lacks, *numbers)
    except (KeyError, ValueError):
        return None


def _recent(tests: tuple[PastTest, ...]) -> tuple[PastTest, ...]:
    """What is kept: the last of both sorts, and the last pass that counts however old it is."""
    whole = [test for test in tests if test.kind in WHOLE]
    paths = [test for test in tests if test.kind is Kind.PATH]
    gone = {id(test) for test in (*whole[:-KEPT_WHOLE_MAX], *paths[:-KEPT_PATH_MAX])}
    if not gone:
        return tests
    counted = [test for test in tests if test.counts][-1:]
    return tuple(test for test in tests if id(test) not in gone or test in counted)

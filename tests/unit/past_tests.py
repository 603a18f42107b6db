"""Moments and tests for the tests of the schedule, written as people write them."""

from __future__ import annotations

from datetime import datetime

from edge.chain import Kind, Result
from edge.diary import Diary, PastTest, with_test
from edge.local_time import Zone, zone
from edge.timetable import Timetable

SHANGHAI = zone("Asia/Shanghai")
BERLIN = zone("Europe/Berlin")
TABLE = Timetable(SHANGHAI)

MONDAY = datetime(2026, 11, 23).toordinal()
"""The Monday of the week in which most of the tests play: 2026-11-23 to 29."""


def at(text: str, where: Zone = SHANGHAI) -> int:
    """``2026-11-24 10:10`` there, as a wall time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=where).timestamp() * 1000)


def said(wall_ms: int, where: Zone = SHANGHAI) -> str:
    """A wall time there, as ``Tue 2026-11-24 10:10``."""
    return datetime.fromtimestamp(wall_ms / 1000, where).strftime("%a %Y-%m-%d %H:%M")


def past(
    wall: str,
    result: Result = Result.PASS,
    kind: Kind = Kind.FULL,
    *,
    right: bool | None = True,
    asked: bool = False,
    where: Zone = SHANGHAI,
) -> PastTest:
    """A test of that time."""
    return PastTest(kind, result, at(wall, where), "boot", at(wall, where), right, asked)


LAST_WEEK = (past("2026-11-17 10:10"), past("2026-11-20 10:10"))
"""The passes of the week before, the last of them on its Friday."""


def diary_of(*tests: PastTest, since: str = "2026-11-01 12:00") -> Diary:
    """What a gate remembers after these."""
    diary = Diary(since_wall_ms=at(since), judge_monday=MONDAY)
    for test in tests:
        diary = with_test(diary, test)
    return diary

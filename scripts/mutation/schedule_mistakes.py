"""Mistakes in the schedule of the tests: each one a gate that is not tested, or a week called what it was not."""

from __future__ import annotations

from mutation.mistake import Mistake

SCHEDULE_MISTAKES = (
    Mistake("tests closer than 24 hours", "edge/planning.py", "SPACING_MS + 10_000", "SPACING_MS - 3_600_000"),
    Mistake("missed tests are not made up for", "edge/planning.py", "if made < PASSES_EARLY:", "if False:"),
    Mistake("96 hours between two days", "edge/timetable.py", "STRETCH_DAYS_MAX = 3", "STRETCH_DAYS_MAX = 4"),
    Mistake(
        "tests while the children arrive",
        "edge/schedule.py",
        "permitted_from(schedule.rules.table, now.wall_ms) <= now.wall_ms",
        "True",
    ),
    Mistake(
        "a test by a clock that nobody confirmed",
        "edge/schedule.py",
        "reach_ms is not None and sure(diary, now)",
        "reach_ms is not None",
    ),
    Mistake("a clock that was set is believed", "edge/witness.py", " and not set_since(said, now)", ""),
    Mistake(
        "a power cut forgets the test in its middle",
        "edge/schedule.py",
        'diary = _broken_off(diary, diary.begun, "broken off: the gate stopped in the middle")',
        "diary = replace(diary, begun=None)",
    ),
    Mistake("a week is closed under a running test", "edge/compliance.py", "break  # it may still pass", "pass"),
    Mistake("passes a minute apart count", "edge/diary.py", "test.wall_ms - last.wall_ms >= SPACING_MS", "True"),
    Mistake("90 hours pass for 84", "edge/compliance.py", "84 * HOUR_MS", "90 * HOUR_MS"),
    Mistake(
        "time without power counts",
        "edge/compliance.py",
        "begin <= runs_out(diary.outages, start) < following",
        "begin <= runs_out((), start) < following",
    ),
)

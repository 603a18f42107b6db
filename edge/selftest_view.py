"""Tests as plain values: what runs, what is open, and what came of the last. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from edge import schedule
from edge.chain import Kind, Report, body_of
from edge.diary import WHOLE, Diary, PastTest
from edge.diary import body_of as body_of_week
from edge.schedule import Schedule
from edge.selftest import Run, SelfTest, Window, progress

WEEKS_SHOWN = 8
TESTS_SHOWN = 40


def view(test: SelfTest, plan: Schedule | None, now_ms: int) -> Mapping[str, object]:
    """The view's ``selftest``. ``answer`` is for the last who asked: their token, and why not, empty if it began."""
    token, refused = test.answer
    return {
        "running": None if test.run is None else _running(test.run, now_ms),
        "window": None if test.window is None else _window(test.window, now_ms),
        "last": None if test.last is None else _last(test.last, now_ms),
        "schedule": None if plan is None else _schedule(plan),
        "answer": {"token": token, "refused": refused},
    }


def _running(run: Run, now_ms: int) -> Mapping[str, object]:
    return {
        "kind": run.asked.kind.value,
        "stimulus": run.stimulus.value,
        "by": run.asked.by,
        "mark": run.mark,
        "for_s": (now_ms - run.started_ms) // 1000,
        "links": progress(run),
    }


def _window(window: Window, now_ms: int) -> Mapping[str, object]:
    return {
        "kind": window.opened.kind.value,
        "by": window.opened.by,
        "left_s": max(0, window.until_ms - now_ms) // 1000,
        "used": window.used,
    }


def _last(report: Report, now_ms: int) -> Mapping[str, object]:
    """The report as it was sent, and how long ago it ended."""
    return {**body_of(report), "ago_ms": now_ms - report.ended_ms}


def _schedule(plan: Schedule) -> Mapping[str, object]:
    """What comes next, what came of the last weeks, and the last whole tests, in the gate's own time zone."""
    diary, planned = plan.diary or Diary(), plan.planned
    whole = [test for test in diary.tests if test.kind in WHOLE]
    path = next((test for test in reversed(diary.tests) if test.kind is Kind.PATH), None)
    return {
        "enabled": plan.rules.enabled,
        "time_zone": plan.rules.table.zone.key,
        "next_wall_ms": schedule.due_wall_ms(plan),
        "next_why": None if planned is None else planned.why.value,
        "weeks": [body_of_week(week) for week in diary.weeks[-WEEKS_SHOWN:]],
        "tests": [_past(test) for test in whole[-TESTS_SHOWN:]],
        "path": None if path is None else _past(path),
        "person_wall_ms": diary.human_wall_ms,
    }


def _past(test: PastTest) -> Mapping[str, object]:
    return {
        "kind": test.kind.value,
        "result": test.result.value,
        "wall_ms": test.wall_ms,
        "clock_right": test.clock_right,
        "asked": test.asked,
        "counts": test.counts,
        "why": test.why,
    }

"""Tests as plain values: what runs, what is open, and what came of the last. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from edge import schedule
from edge.chain import Report, body_of
from edge.diary import Diary
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
    """What comes next, what came of the last weeks, and the tests of this one."""
    diary, planned = plan.diary or Diary(), plan.planned
    return {
        "enabled": plan.rules.enabled,
        "next_wall_ms": schedule.due_wall_ms(plan),
        "next_why": None if planned is None else planned.why.value,
        "weeks": [body_of_week(week) for week in diary.weeks[-WEEKS_SHOWN:]],
        "tests": [
            {
                "kind": one.kind.value,
                "result": one.result.value,
                "wall_ms": one.wall_ms,
                "clock_right": one.clock_right,
                "asked": one.asked,
                "counts": one.counts,
                "why": one.why,
            }
            for one in diary.tests[-TESTS_SHOWN:]
        ],
        "person_wall_ms": diary.human_wall_ms,
    }

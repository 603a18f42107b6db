"""Tests as plain values: what runs, what is open, and what came of the last. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from edge.chain import Report, body_of
from edge.selftest import Run, SelfTest, Window, progress


def view(test: SelfTest, now_ms: int) -> Mapping[str, object]:
    """The view's ``selftest``. ``answer`` is for the last who asked: their token, and why not, empty if it began."""
    token, refused = test.answer
    return {
        "running": None if test.run is None else _running(test.run, now_ms),
        "window": None if test.window is None else _window(test.window, now_ms),
        "last": None if test.last is None else _last(test.last, now_ms),
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

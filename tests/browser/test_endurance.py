"""A long day in front of the student's page: neither the page nor the process that serves it grows."""

from __future__ import annotations

import psutil
import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.screens import Kiosk, kiosk_view
from tests.browser.test_student_page import await_screen, go
from tests.process.waiting import PATIENCE_S, until
from tests.unit.small_gate import eventually

pytestmark = [pytest.mark.process, pytest.mark.long]

STUDENTS = 8 * 3600 // 10
"""One every ten seconds for eight hours."""

STATES = ("stand_here", "measuring", "normal", "idle")
MIB = 1024 * 1024
RSS_MIB_MAX = 60

CHANGES = """
window.changes = 0;
new MutationObserver(() => { window.changes += 1; })
  .observe(document, { subtree: true, attributes: true, attributeFilter: ["data-screen"] });
"""


def rss_mib(kiosk: Kiosk) -> float:
    assert kiosk.process is not None
    return float(psutil.Process(kiosk.process.pid).memory_info().rss / MIB)


def measure(page: Page, context: BrowserContext) -> dict[str, float]:
    """What a page holds, after its rubbish was collected."""
    session = context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return {
        "nodes": metrics["Nodes"],
        "listeners": metrics["JSEventListeners"],
        "heap": metrics["JSHeapUsedSize"] / MIB,
    }


@pytest.mark.slow
def test_eight_hours_of_students_leave_no_trace(page: Page, context: BrowserContext, chinese: Kiosk) -> None:
    page.add_init_script(CHANGES)
    teacher = context.new_page()
    teacher.goto(f"{chinese.address}/teacher")
    go(page, chinese, "idle")
    run_students(page, chinese, 100)
    before, rss_before_mib = measure(page, context), rss_mib(chinese)
    elements = page.evaluate("document.querySelectorAll('*').length")
    run_students(page, chinese, STUDENTS)
    after, rss_after_mib = measure(page, context), rss_mib(chinese)
    assert page.evaluate("window.changes") > STUDENTS, "most of it never reached the page"
    assert page.evaluate("document.querySelectorAll('*').length") == elements
    assert after["nodes"] <= before["nodes"] + 50
    assert after["listeners"] == before["listeners"]
    assert after["heap"] <= before["heap"] + 2
    assert rss_after_mib <= rss_before_mib + 3
    assert rss_after_mib <= RSS_MIB_MAX
    teacher.close()


def run_students(page: Page, kiosk: Kiosk, students: int) -> None:
    """As fast as they go: the gate's time is pushed on, so that it looks again at once."""
    assert kiosk.gate is not None
    facts = kiosk.gate.facts
    views = {state: kiosk_view(state) for state in STATES}
    for visit in range(2, students + 2):
        for state in STATES:
            kiosk.view = {**views[state], "visit": visit}
            asked = len(facts)
            kiosk.gate.move_on(50)
            eventually(lambda asked=asked: len(facts) > asked, "nobody looked", PATIENCE_S)
        facts.clear()
    kiosk.show("high", visit=students + 10)
    await_screen(page, "high")
    kiosk.show("idle", visit=students + 11)
    await_screen(page, "idle")


def test_listeners_that_left_are_forgotten(page: Page, chinese: Kiosk) -> None:
    for _ in range(5):
        go(page, chinese, "idle")
    page.goto("about:blank")
    until(lambda: b'"listeners":0' in chinese.get("/health"), what=lambda: chinese.get("/health").decode())

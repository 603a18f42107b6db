"""``gatepost selftest``: what a technician sees, what a script can rely on."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from edge import selftest_page
from edge.chain import Kind, Link, LinkResult, Report, Result, Stimulus, Verdict, body_of
from edge.cli import main
from edge.diary import Lack, Week
from edge.diary import body_of as body_of_week
from edge.languages import Language
from edge.ledger_words import LINKS
from edge.planning import Why
from edge.selftest_commands import outcome
from edge.selftest_words import MEANINGS, NAMES, RESULTS, WHYS
from tests.unit.past_tests import MONDAY, at
from tests.unit.small_gate import ShortDirectory, SmallGate

EN, ZH = Language.EN, Language.ZH


def text(page: RenderableType, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(page)
    written = console.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


def report(result: Result = Result.PASS, alarms: int = 0, mark: str = "ab-7") -> Report:
    officer = Verdict.FAIL if result is Result.FAIL else Verdict.PASS
    links = (
        LinkResult(Link.KEY, Verdict.NOT_TESTED, "only a person can press it"),
        LinkResult(Link.GPIO, Verdict.PASS, measured=3.0, limit=50.0),
        LinkResult(Link.OFFICER, officer, measured=8_200.0, limit=90_000),
    )
    return Report(Kind.FULL, result, Stimulus.LOOPBACK, mark, links, 1_000, 9_000, operator="li", alarms=alarms)


def part(**changed: Any) -> dict[str, Any]:
    """The view's ``selftest`` of a quiet gate."""
    answer = {"token": "", "refused": ""}
    return {"running": None, "window": None, "last": None, "answer": answer, "schedule": None, **changed}


def past(wall: str, result: str = "PASS", **changed: Any) -> dict[str, Any]:
    return {"kind": "full", "result": result, "wall_ms": at(wall), "counts": result == "PASS", "why": "", **changed}


def plan(**changed: Any) -> dict[str, Any]:
    weeks = [Week(MONDAY - 7 * ago, (), 3, 3, 0, 0) for ago in (6, 5, 3, 2)]
    weeks.append(Week(MONDAY - 7, (Lack.TOO_FEW, Lack.GAP), 1, 2, 0, 0))
    return {
        "enabled": True, "time_zone": "Asia/Shanghai", "next_wall_ms": at("2026-11-27 10:10"), "next_why": "planned",
        "weeks": [body_of_week(week) for week in weeks], "path": past("2026-11-25 05:31", kind="path"),
        "person_wall_ms": None,
        "tests": [past("2026-11-20 10:10"), past("2026-11-23 10:10"), past("2026-11-24 10:10")],
        **changed,
    }  # fmt: skip


def running(officer: str = "waiting", kind: str = "full") -> dict[str, Any]:
    links = {
        "gpio": "done",
        "decision": "done",
        "store": "done",
        "uplink": "done",
        "centre": "done",
        "officer": officer,
    }
    return {"kind": kind, "stimulus": "loopback", "by": "li", "mark": "ab-7", "for_s": 12, "links": links}


# --- pages --------------------------------------------------------------------------------------------------------


def test_the_past_eight_weeks_are_a_strip_that_is_clear_without_colour() -> None:
    page = text(selftest_page.status(part(schedule=plan()), at("2026-11-25 12:00"), EN))
    assert "··■■·■■□ " in page
    assert "\x1b" not in page
    assert "week of 2026-11-16: fewer than two passes, more than 84 h without a pass" in page


def test_status_says_last_next_and_this_weeks_count() -> None:
    page = text(selftest_page.status(part(schedule=plan()), at("2026-11-25 12:00"), EN))
    for words in (
        "Tue 2026-11-24 10:10 PASS", "Fri 2026-11-27 10:10 (as planned)", "2 of 2 passes", "Wed 2026-11-25 05:31 PASS",
        "never",
    ):  # fmt: skip
        assert words in page
    assert "overdue" not in page


def test_status_in_chinese_says_the_same() -> None:
    page = text(selftest_page.status(part(schedule=plan()), at("2026-11-25 12:00"), ZH))
    for words in (
        "周二 2026-11-24 10:10 通过",
        "周五 2026-11-27 10:10（按计划）".replace("（", " (").replace("）", ")"),
        "2 次",
    ):
        assert words in page
    assert "2026-11-16 起的一周: 通过不足两次, 超过 84 小时没有通过" in page


def test_a_test_that_is_overdue_is_called_so() -> None:
    page = text(selftest_page.status(part(schedule=plan()), at("2026-11-27 12:00"), EN))
    assert "overdue" in page


def test_a_gate_without_a_plan_or_a_test_says_so() -> None:
    assert "only when asked for" in text(selftest_page.status(part(), 0, EN))
    page = text(selftest_page.status(part(schedule=plan(tests=[], next_wall_ms=None, path=None, weeks=[])), 10**12, EN))
    assert "not known yet" in page
    assert "0 of 2 passes" in page
    assert "········" in page


def test_progress_shows_what_is_proved_and_asks_for_the_officer() -> None:
    page = text(selftest_page.running(part(running=running()), EN))
    assert "Whole-chain test, for 12 s; asked for by li" in page
    assert "✓ broker" in page
    assert "… officer" in page
    assert "Waiting for an officer" in page
    assert "officer" not in text(selftest_page.running(part(running=running(kind="path")), EN))
    assert "Waiting for an officer" not in text(selftest_page.running(part(running=running("done")), EN))


def test_an_open_window_asks_for_the_press() -> None:
    page = text(selftest_page.running(part(window={"kind": "human", "by": "Wang", "left_s": 300, "used": False}), EN))
    assert "300 s more: press the button once" in page


def test_every_link_is_shown_whatever_was_tested() -> None:
    for tongue in (EN, ZH):
        for said in (None, report()):
            page = text(selftest_page.links(said, tongue))
            assert [LINKS[link].of(tongue) for link in Link if LINKS[link].of(tongue) not in page] == []
    assert "3 ms" in text(selftest_page.links(report(), EN))
    assert "50 毫秒" in text(selftest_page.links(report(), ZH))


def test_a_report_says_whether_the_week_may_count_it_and_that_an_alarm_was_sent() -> None:
    assert "PARTIAL: nothing failed, but not all was proved. It does not count" in text(
        selftest_page.report(report(Result.PARTIAL), EN)
    )
    assert "1 real press(es) during the test" in text(selftest_page.report(report(alarms=1), EN))
    assert "真实按下" not in text(selftest_page.report(report(), ZH))


def test_nothing_is_without_words_in_either_language() -> None:
    tables: list[tuple[Any, Any]] = [(MEANINGS, Link), (NAMES, Kind), (RESULTS, Result), (WHYS, Why)]
    for words, known in tables:
        assert set(words) == set(known)
        assert all(said.en and said.zh and said.en != said.zh for said in words.values())


# --- what a script can rely on --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "word"),
    [
        (part(last=body_of(report())), "PASS"),
        (part(last=body_of(report(Result.PARTIAL))), "PARTIAL"),
        (part(last=body_of(report(Result.FAIL))), "FAIL"),
        (part(), "FAIL"),
    ],
)
def test_a_test_has_passed_only_if_its_report_says_so(last: dict[str, Any], word: str) -> None:
    assert outcome(part(running=running()), last) == word


def test_the_report_of_an_older_test_is_not_taken_for_this_ones() -> None:
    old = body_of(report())
    assert outcome(part(last=old, running=running()), part(last=old)) == "FAIL"
    assert outcome(part(last=old, running=running()), part(last=body_of(report(mark="ab-9")))) == "PASS"


def test_a_window_that_ended_without_a_press_is_not_tested() -> None:
    assert outcome(part(window={"left_s": 1}), part()) == "NOT_TESTED"


@pytest.fixture
def gate() -> Iterator[SmallGate]:
    short = ShortDirectory()
    gate = SmallGate(short.path)
    yield gate
    gate.close()
    short.close()


def command(gate: SmallGate, *words: str) -> int:
    try:
        return main(["selftest", *words, "--runtime-directory", str(gate.directory)])
    except SystemExit as end:
        return int(end.code or 0)


def test_a_gate_that_can_not_be_tested_now_says_why(gate: SmallGate, capsys: pytest.CaptureFixture[str]) -> None:
    """The real brain answers: nobody has read its button yet."""
    assert command(gate, "run") == 10
    assert capsys.readouterr().err == "gatepost: the button has not been read yet\n"
    assert command(gate, "run", "--human") == 10
    assert "the centre has opened no window" in capsys.readouterr().err
    assert command(gate, "run", "--path", "--human") == 2


def test_without_a_daemon_the_exit_code_is_7(tmp_path: Path) -> None:
    assert main(["selftest", "run", "--runtime-directory", str(tmp_path)]) == 7


def test_links_and_status_exit_by_the_last_test(gate: SmallGate, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(gate, "links") == 2
    assert command(gate, "status") == 2
    for result, code in ((Result.PASS, 0), (Result.FAIL, 1), (Result.PARTIAL, 2)):
        tests = [past("2026-11-24 10:10", result.value)]
        shown = part(last={**body_of(report(result)), "ago_ms": 5}, schedule=plan(tests=tests))
        gate.edit = lambda view, shown=shown: {**view, "selftest": shown}  # type: ignore[misc]
        assert command(gate, "links") == code
        capsys.readouterr()
        assert command(gate, "links", "--json") == code
        said = json.loads(capsys.readouterr().out)
        assert said["result"] == result.value
        assert [one["number"] for one in said["links"]] == list(range(1, 19))
        assert command(gate, "status", "--json") == code
        assert json.loads(capsys.readouterr().out)["schedule"]["tests"] == tests

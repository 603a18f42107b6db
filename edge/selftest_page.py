"""The pages of ``gatepost selftest``: a test as it runs, its report, the weeks. Claims only what the view says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.cells import set_cell_size
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text as Line

from edge import selftest_words as words
from edge.chain import UNITS, Kind, Link, LinkResult, Report, Result, Verdict
from edge.diary import Week, week_of
from edge.languages import Language, Text
from edge.ledger_words import LACKS, LINKS, MARKS, TEST_RESULTS, VERDICTS
from edge.local_time import Zone, local, monday_of, spoken, text_of, zone
from edge.planning import Why

View = Mapping[str, Any]

WEEKS = 8

_VERDICT_STYLES = {
    Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.NOT_TESTED: "yellow", Verdict.SIMULATED: "cyan",
}  # fmt: skip
_RESULT_STYLES = {Result.PASS: "bold green", Result.FAIL: "bold red", Result.PARTIAL: "bold yellow"}


# --- a test that runs ---------------------------------------------------------------------------------------------


def running(part: View, tongue: Language) -> RenderableType:
    """``part`` is the view's ``selftest``, with a test in it that runs or a window that is open."""
    run = part.get("running")
    if run is None:
        window = part.get("window") or {}
        return Line(words.PRESS_NOW.of(tongue).format(seconds=window.get("left_s", 0)), style="bold")
    kind = words.NAMES[Kind(run["kind"])].of(tongue)
    by = run.get("by") or words.BY_ITSELF.of(tongue)
    lines: list[RenderableType] = [
        Line(words.RUNNING.of(tongue).format(kind=kind, seconds=run.get("for_s", 0), by=by), style="bold")
    ]
    lines += [step(Link[name.upper()], done=said == "done", tongue=tongue) for name, said in steps(run)]
    if waits_for_officer(run):
        lines.append(Line(words.ASK_OFFICER.of(tongue), style="bold"))
    return Group(*lines)


def steps(run: View) -> Iterator[tuple[str, str]]:
    """What is proved so far: names of links, and ``done`` or ``waiting``. A path test asks no officer."""
    for name, said in run.get("links", {}).items():
        if not (name == "officer" and run.get("kind") == Kind.PATH.value):
            yield name, said


def step(link: Link, *, done: bool, tongue: Language) -> Line:
    """One line of the progress, clear without colour."""
    mark, style, said = ("✓", "green", words.DONE) if done else ("…", "dim", words.WAITING)
    return Line.assemble((f"  {mark} ", style), set_cell_size(LINKS[link].of(tongue), 14), (said.of(tongue), style))


def waits_for_officer(run: View) -> bool:
    """True when all but the officer's word is there."""
    left = [name for name, said in steps(run) if said != "done"]
    return left == ["officer"]


# --- a report -----------------------------------------------------------------------------------------------------


def report(said: Report, tongue: Language) -> RenderableType:
    """The whole report of a test."""
    result = Line(words.RESULTS[said.result].of(tongue), style=_RESULT_STYLES[said.result])
    lines: list[RenderableType] = [links(said, tongue), "", result]
    if said.alarms:
        lines.append(Line(words.ALARMS.of(tongue).format(alarms=said.alarms), style="bold red"))
    return Group(*lines)


def links(said: Report | None, tongue: Language) -> RenderableType:
    """The eighteen links of the chain, each with what the last test says of it."""
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("")
    for column in words.COLUMNS:
        table.add_column(column.of(tongue), overflow="fold")
    known = {} if said is None else {one.link: one for one in said.links}
    for link in Link:
        one = known.get(link, LinkResult(link, Verdict.NOT_TESTED, words.NO_TEST.of(tongue)))
        verdict = Line(f"{MARKS[one.verdict]} {VERDICTS[one.verdict].of(tongue)}", style=_VERDICT_STYLES[one.verdict])
        why = one.reason or Line(words.MEANINGS[link].of(tongue), style="dim")
        name = LINKS[link].of(tongue)
        table.add_row(
            str(link.value), name, verdict, _amount(one.measured, link, tongue), _amount(one.limit, link, tongue), why
        )
    return table


def _amount(amount: float | None, link: Link, tongue: Language) -> str:
    if amount is None:
        return ""
    unit = words.UNITS[UNITS[link]].of(tongue) if link in UNITS else ""
    return f"{amount:g} {unit}".strip()


# --- the weeks ----------------------------------------------------------------------------------------------------


def status(part: View, now_wall_ms: int, tongue: Language) -> RenderableType:
    """Last, next, this week's count, and the past weeks as a strip."""
    table = Table.grid(padding=(0, 2))
    plan = part.get("schedule")
    if part.get("running") or part.get("window"):
        table.add_row(words.NOW.of(tongue), running(part, tongue))
    if plan is None:
        table.add_row(words.NEXT.of(tongue), words.ONLY_ASKED.of(tongue))
        return table
    where = zone(plan["time_zone"])
    tests = plan["tests"]
    table.add_row(words.LAST.of(tongue), _past(tests[-1] if tests else None, where, tongue))
    table.add_row(words.NEXT.of(tongue), _next(plan, where, now_wall_ms, tongue))
    passes = len(week_passes(plan, where, now_wall_ms))
    count = words.COUNT.of(tongue).format(passes=passes)
    table.add_row(words.THIS_WEEK.of(tongue), Line(count, style="green" if passes >= 2 else ""))
    table.add_row(words.LAST_PATH.of(tongue), _past(plan.get("path"), where, tongue))
    person = plan.get("person_wall_ms")
    table.add_row(
        words.LAST_PERSON.of(tongue), words.NEVER.of(tongue) if person is None else moment(where, person, tongue)
    )
    table.add_row(words.PAST_WEEKS.of(tongue), _strip(plan, where, now_wall_ms, tongue))
    return table


def strip(weeks: list[Week], this_monday: int) -> str:
    """The eight weeks before this one, the oldest first: ``■■□··■■■``."""
    judged = {week.monday: week for week in weeks}
    mondays = [this_monday - 7 * ago for ago in range(WEEKS, 0, -1)]
    return "".join("·" if monday not in judged else "■" if judged[monday].compliant else "□" for monday in mondays)


def week_passes(plan: View, where: Zone, now_wall_ms: int) -> list[int]:
    """The passes that count in the week that runs, as wall times."""
    monday = monday_of(where, now_wall_ms)
    walls = [int(test["wall_ms"]) for test in plan["tests"] if test["counts"]]
    return [wall_ms for wall_ms in walls if monday_of(where, wall_ms) == monday]


def moment(where: Zone, wall_ms: int, tongue: Language) -> str:
    """``Tue 2026-11-24 10:10``."""
    return f"{words.WEEKDAYS[local(where, wall_ms).weekday].of(tongue)} {spoken(where, wall_ms)}"


def weeks_of(plan: View) -> list[Week]:
    """The judged weeks of a view."""
    return [week for body in plan["weeks"] if (week := week_of(body)) is not None]


def lacks(week: Week, tongue: Language) -> str:
    """What a week lacks, in words."""
    return ", ".join(LACKS[lack].of(tongue) for lack in week.lacks)


def _strip(plan: View, where: Zone, now_wall_ms: int, tongue: Language) -> RenderableType:
    weeks = weeks_of(plan)
    line = Line()
    for sign in strip(weeks, monday_of(where, now_wall_ms)):
        line.append(sign, style={"■": "green", "□": "bold red"}.get(sign, "dim"))
    line.append(f"   {words.LEGEND.of(tongue)}", style="dim")
    found = [
        f"{words.WEEK_OF.of(tongue).format(day=text_of(one.monday))}: {lacks(one, tongue)}"
        for one in weeks
        if one.lacks
    ]
    return Group(line, *found)


def _past(test: View | None, where: Zone, tongue: Language) -> RenderableType:
    if test is None:
        return words.NEVER.of(tongue)
    result = Result(test["result"])
    line = Line(f"{moment(where, test['wall_ms'], tongue)} ")
    line.append(TEST_RESULTS[result].of(tongue), style=_RESULT_STYLES[result])
    if test.get("why"):
        line.append(f" ({test['why']})")
    return line


def _next(plan: View, where: Zone, now_wall_ms: int, tongue: Language) -> RenderableType:
    if not plan["enabled"]:
        return words.ONLY_ASKED.of(tongue)
    due_ms = plan["next_wall_ms"]
    if due_ms is None:
        return words.NOT_KNOWN.of(tongue)
    why: Text = words.WHYS[Why(plan["next_why"])]
    line = Line(f"{moment(where, due_ms, tongue)} ({why.of(tongue)})")
    if due_ms < now_wall_ms - 600_000:
        line.append(f" {words.OVERDUE.of(tongue)}", style="bold yellow")
    return line

"""``gatepost doctor``: everything that can be wrong on a gate, one line each, with what to do."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.errors import SettingsError
from edge.options import DIRECTORY, SETTINGS_FILE, InLanguage, Json, SettingsFile, language, print_json, spoken

if TYPE_CHECKING:
    from rich.console import RenderableType

    from edge.checks.gate import Gate
    from edge.findings import Finding
    from edge.languages import Language
    from edge.machine import Machine

HELP = spoken(
    """Find what is wrong on this gate, and what to do.

    Everything that can be wrong is one line. It works while the daemon is stopped, changes nothing, and never calls
    well what it did not look at: that is NOT_TESTED, with the reason. With sudo it sees more.

    Exit code 0 all well, 1 something is wrong, 2 nothing is wrong but something could not be looked at.""",
    """检查本校门哪里有问题、怎么处理。

    可能出错的每一项各占一行。主程序停止时也能用；不改动任何东西；
    没有检查过的绝不说正常，而是 NOT_TESTED 并注明原因。用 sudo 能看到更多。

    退出码：0 全部正常，1 有问题，2 没有发现问题但有的项目无法检查。""",
)
EXAMPLES = spoken(
    "Examples: sudo gatepost doctor    gatepost doctor --only broker --language zh    gatepost doctor --json",
    "示例：sudo gatepost doctor    gatepost doctor --only broker --language zh    gatepost doctor --json",
)

Only = Annotated[
    str,
    typer.Option(
        "--only",
        metavar="NAME",
        help=spoken(
            "Only the checks whose names begin so, such as broker or card.", "只做名称以此开头的检查，如 broker、card。"
        ),
    ),
]


def doctor(only: Only = "", json: Json = False, given: InLanguage = None, config: SettingsFile = SETTINGS_FILE) -> None:
    """Show each finding as soon as it is found; ``--json``: one object for each, and one for the whole at the end."""
    from edge import screen
    from edge.checks.every import findings
    from edge.findings import exit_code
    from edge.this_machine import ThisMachine

    logging.getLogger("edge").addHandler(logging.NullHandler())  # what drivers would tell a journal is shown here
    spoken_in, console = language(given), screen.console()
    found: list[Finding] = []
    for finding in findings(gate_of(ThisMachine(), config)):
        if not finding.check.startswith(only):
            continue
        found.append(finding)
        if json:
            print_json(plain(finding, spoken_in))
        else:
            console.print(line(finding, spoken_in))
    if not found:
        raise typer.BadParameter(f"no check is called {only!r}; see the names: gatepost doctor --json")
    code = exit_code(found)
    if json:
        print_json({"result": RESULTS[code], **counted(found)})
    else:
        console.print(summary(found, code, spoken_in))
    raise typer.Exit(code)


RESULTS = ("PASS", "FAIL", "NOT_TESTED")
"""By exit code."""


def gate_of(machine: Machine, file: Path) -> Gate:
    """What is known of the gate before the first check. Settings that cannot be read are a finding, not a failure."""
    from edge import settings
    from edge.checks.gate import Gate

    try:
        loaded, mistakes = settings.load(file), ()
    except SettingsError as error:
        return Gate(machine, str(file), None, tuple(error.mistakes), machine.ask_daemon(str(DIRECTORY)))
    return Gate(machine, str(file), loaded, mistakes, machine.ask_daemon(loaded.gate.runtime_directory))


def plain(finding: Finding, spoken_in: Language) -> dict[str, object]:
    """A finding for programs."""
    return {
        "check": finding.check,
        "verdict": finding.verdict.value,
        "needed": finding.needed,
        "title": finding.title.of(spoken_in),
        "said": finding.said.of(spoken_in),
        "todo": finding.todo.of(spoken_in),
    }


def counted(found: list[Finding]) -> dict[str, int]:
    """How many of each verdict."""
    from edge.chain import Verdict

    order = (Verdict.PASS, Verdict.FAIL, Verdict.NOT_TESTED)
    return {verdict.value: sum(one.verdict is verdict for one in found) for verdict in order}


# --- the page ---------------------------------------------------------------------------------------------------------


_STYLES = {"PASS": "green", "FAIL": "bold red", "NOT_TESTED": "yellow"}


def line(finding: Finding, spoken_in: Language) -> RenderableType:
    """Verdict, what, what was seen; below it what to do."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    table.add_column(width=10, no_wrap=True)
    table.add_column(width=24)
    table.add_column(ratio=1, overflow="fold")
    verdict = Text(finding.verdict.value, style=_STYLES[finding.verdict.value])
    said = Text(finding.said.of(spoken_in), style="" if finding.verdict.value == "FAIL" else "dim")
    table.add_row(verdict, finding.title.of(spoken_in), said)
    if finding.todo.of(spoken_in):
        table.add_row("", "", Text(f"-> {finding.todo.of(spoken_in)}", style="bold"))
    return table


def summary(found: list[Finding], code: int, spoken_in: Language) -> RenderableType:
    """The last line: the whole in one word, and how many of each."""
    from rich.text import Text

    from edge.languages import Text as Said

    counts = ", ".join(f"{count} {verdict}" for verdict, count in counted(found).items())
    said = (
        Said("All that can be looked at is well", "能检查的都正常"),
        Said("Something is wrong: do what the lines with -> say", "有问题：请按 -> 后面的提示处理"),
        Said("Nothing wrong was found, but not everything could be looked at", "没有发现问题，但有的项目无法检查"),
    )[code].of(spoken_in)
    return Text(f"\n{RESULTS[code]}: {said} ({counts}).", style=_STYLES[RESULTS[code]])

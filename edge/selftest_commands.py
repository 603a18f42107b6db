"""``gatepost selftest``: test this gate now, say how its tests stand, show the links of the chain."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.options import Config, Directory, InLanguage, Json, directory_of, language, print_json, spoken

if TYPE_CHECKING:
    from edge.chain import Kind, Report, Result
    from edge.client import Client
    from edge.languages import Language

HELP = spoken("Test this gate, and see how its tests stand.", "测试本校门，查看测试情况。")
RUN_HELP = spoken(
    """Test this gate now, and show each link as it is proved.

    --full goes from the contact to the officer's desk, --path is the quiet daily one. --human waits for a press of the
    real button, in a window that an officer has opened. A real press meanwhile is a real alarm.

    Exit code 0 only for PASS, 1 FAIL, 2 PARTIAL or not tested, 7 no daemon, 10 refused.""",
    """立即测试本校门，逐项显示证明情况。

    --full 从触点直到值班警员的屏幕，--path 是每日的安静测试。--human 等待按下真实按钮，
    须由值班警员先打开窗口。测试期间的真实按下就是真实报警。

    退出码：0 仅表示通过，1 不通过，2 部分通过或未测试，7 主程序没有应答，10 被拒绝。""",
)
RUN_EXAMPLES = spoken(
    "Examples: gatepost selftest run    gatepost selftest run --path --json",
    "示例：gatepost selftest run    gatepost selftest run --path --json",
)
STATUS_HELP = spoken(
    """Show the last test, the next, this week's count, and the past 8 weeks.

    Exit code by the last whole test: 0 PASS, 1 FAIL, 2 PARTIAL or none yet.""",
    """显示上次、下次测试，本周次数和过去 8 周。

    退出码按上次全链测试：0 通过，1 不通过，2 部分通过或尚无。""",
)
STATUS_EXAMPLES = spoken(
    "Example: gatepost selftest status --language zh", "示例：gatepost selftest status --language zh"
)
LINKS_HELP = spoken(
    """Show the 18 links of the alarm chain, with what the last test since the start says of each.

    Exit code by that test: 0 PASS, 1 FAIL, 2 PARTIAL or none yet.""",
    """显示报警链的 18 个环节，以及本次启动以来最近一次测试的结论。

    退出码按该次测试：0 通过，1 不通过，2 部分通过或尚无。""",
)
LINKS_EXAMPLES = spoken("Example: gatepost selftest links", "示例：gatepost selftest links")

LOOK_MS = 100
"""How often a running test is looked at."""

EXIT_CODES = {"PASS": 0, "FAIL": 1, "PARTIAL": 2, "NOT_TESTED": 2}

View = Mapping[str, Any]

selftest = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)

Full = Annotated[bool, typer.Option("--full", help=spoken("The whole chain; so if nothing is said.", "全链，默认。"))]
Path_ = Annotated[bool, typer.Option("--path", help=spoken("The quiet path test.", "安静的通路测试。"))]
Human = Annotated[bool, typer.Option("--human", help=spoken("A person presses the button.", "由人按下按钮。"))]


@selftest.command("run", help=RUN_HELP, epilog=RUN_EXAMPLES)
def run(
    full: Full = False, path: Path_ = False, human: Human = False, json: Json = False, given: InLanguage = None,
    config: Config = None, runtime_directory: Directory = None,
) -> None:  # fmt: skip
    """Ask for a test, follow it, and say what came of it."""
    from edge.client import Client
    from edge.requests import CONTROL_SOCKET

    if full + path + human > 1:
        raise typer.BadParameter("take one of --full, --path and --human")
    client = Client(directory_of(config, runtime_directory) / CONTROL_SOCKET)
    parts = follow(client, _kind(path=path, human=human))
    last = (_say_json if json else _show)(parts, language(given))
    raise typer.Exit(EXIT_CODES[last])


@selftest.command("status", help=STATUS_HELP, epilog=STATUS_EXAMPLES)
def status(
    json: Json = False, given: InLanguage = None, config: Config = None, runtime_directory: Directory = None
) -> None:
    """How the tests stand."""
    from edge import screen, selftest_page

    part = _part(config, runtime_directory)
    tests = (part.get("schedule") or {}).get("tests", ())
    if json:
        print_json({name: part.get(name) for name in ("running", "window", "schedule")})
    else:
        screen.console().print(selftest_page.status(part, time.time_ns() // 1_000_000, language(given)))
    raise typer.Exit(EXIT_CODES[tests[-1]["result"] if tests else "NOT_TESTED"])


@selftest.command("links", help=LINKS_HELP, epilog=LINKS_EXAMPLES)
def links(
    json: Json = False, given: InLanguage = None, config: Config = None, runtime_directory: Directory = None
) -> None:
    """The links of the chain."""
    from edge import screen, selftest_page

    said = _report(_part(config, runtime_directory))
    if json:
        print_json({"result": _word(said), "links": _plain_links(said)})
    else:
        screen.console().print(selftest_page.links(said, language(given)))
    raise typer.Exit(EXIT_CODES[_word(said)])


# --- a test, followed -------------------------------------------------------------------------------------------------


def follow(client: Client, kind: Kind) -> Iterator[View]:
    """Ask for a test and give the view's ``selftest`` after each change, until the test, or its window, is over.

    Raises RefusedError with the daemon's reason, NotReachableError where it does not answer.
    """
    from edge.errors import RefusedError
    from edge.operator_identity import operator

    who, token = operator(), secrets.token_hex(8)
    before = _identity(client.ask("status")["selftest"])
    client.ask("selftest", kind=kind.value, by=who.name, key_fingerprint=who.key_fingerprint, token=token)
    part = client.ask("status")["selftest"]  # the brain takes requests in order: it has been answered
    if part["answer"]["token"] == token and part["answer"]["refused"]:
        raise RefusedError(part["answer"]["refused"])
    yield part
    for view in client.watch(LOOK_MS):
        part = view["selftest"]
        yield part
        # One test runs at a time: the first that ends is ours, whatever the schedule begins right after it.
        if _identity(part) != before or (part["running"] is None and part["window"] is None):
            return


def _identity(part: View) -> tuple[object, object] | None:
    last = part.get("last")
    return None if last is None else (last.get("mark"), last.get("started_ms"))


def outcome(first: View, last: View) -> str:
    """What came of a test that was followed from its first view to its last: a result, or ``NOT_TESTED``."""
    if _identity(last) != _identity(first) and last.get("last") is not None:
        return str(last["last"]["result"])
    return "NOT_TESTED" if first.get("window") is not None else "FAIL"


def _say_json(parts: Iterator[View], _: Language) -> str:
    first = part = next(parts)
    print_json({"running": part["running"], "window": part["window"]})
    for part in parts:
        if part["running"] is not None:
            print_json({"running": part["running"], "window": part["window"]})
    word = outcome(first, part)
    print_json({"result": word, "report": part["last"] if word in ("PASS", "FAIL", "PARTIAL") else None})
    return word


def _show(parts: Iterator[View], tongue: Language) -> str:
    """Live in a terminal; into a file, one line for each link as soon as it is proved."""
    from edge import screen

    console = screen.console()
    first = part = next(parts)
    if console.is_terminal:
        from rich.live import Live

        from edge import selftest_page

        with Live(selftest_page.running(part, tongue), console=console, auto_refresh=False, transient=True) as live:
            for part in parts:
                if part["running"] is not None or part["window"] is not None:
                    live.update(selftest_page.running(part, tongue), refresh=True)
    else:
        part = _lines(first, parts, tongue)
    word = outcome(first, part)
    console.print(_end(first, part, word, tongue))
    return word


def _lines(first: View, parts: Iterator[View], tongue: Language) -> View:
    from edge import screen, selftest_page
    from edge.chain import Link

    console, told, part = screen.console(), set[str](), first
    for part in parts:
        for name, said in selftest_page.steps(part["running"] or {}):
            if said == "done" and name not in told:
                told.add(name)
                console.print(selftest_page.step(Link[name.upper()], done=True, tongue=tongue))
    return part


def _end(first: View, last: View, word: str, tongue: Language) -> Any:
    from edge import selftest_page, selftest_words

    said = _report(last)
    if said is None or _identity(last) == _identity(first):
        return (selftest_words.NO_PRESS if word == "NOT_TESTED" else selftest_words.GIVEN_UP).of(tongue)
    return selftest_page.report(said, tongue)


# --- small things -----------------------------------------------------------------------------------------------------


def _kind(*, path: bool, human: bool) -> Kind:
    from edge.chain import Kind

    return Kind.PATH if path else Kind.HUMAN if human else Kind.FULL


def _part(config: Any, runtime_directory: Any) -> View:
    from edge.client import Client
    from edge.requests import VIEW_SOCKET

    part: View = Client(directory_of(config, runtime_directory) / VIEW_SOCKET).ask("status")["selftest"]
    return part


def _report(part: View) -> Report | None:
    from edge.chain import report_of

    last = part.get("last")
    return None if last is None else report_of(last)


def _word(said: Report | None) -> str:
    result: Result | None = None if said is None else said.result
    return "NOT_TESTED" if result is None else result.value


def _plain_links(said: Report | None) -> list[dict[str, object]]:
    from edge.chain import Link, LinkResult, Verdict

    known = {} if said is None else {one.link: one for one in said.links}
    found = [known.get(link, LinkResult(link, Verdict.NOT_TESTED, "no test since the start")) for link in Link]
    return [
        {
            "number": one.link.value,
            "link": one.link.name.lower(),
            "verdict": one.verdict.value,
            "measured": one.measured,
            "limit": one.limit,
            "reason": one.reason,
        }
        for one in found
    ]

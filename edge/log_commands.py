"""``gatepost queue``, ``tail`` and ``events``: what is owed and what happened, read from the log beside the daemon.

Temperatures and pictures are never shown: who looks for a fault needs neither.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.options import (
    SETTINGS_FILE,
    InLanguage,
    Json,
    SettingsFile,
    language,
    print_json,
    spoken,
    until_interrupted,
)

if TYPE_CHECKING:
    from rich.text import Text as Line

    from edge.drivers.log_reader import Found, LogReader, OwedKind, Wanted
    from edge.languages import Language
    from edge.settings import Settings

QUEUE_HELP = spoken(
    """Show what still has to reach the county centre.

    How many of each kind, and since when the oldest waits.
    Exit code 0 when no alarm waits, 1 when one does.""",
    """显示还要送达县指挥中心的内容。

    每种多少条，最旧的从何时开始等待。
    退出码：0 没有等待的警情，1 有。""",
)
QUEUE_EXAMPLES = spoken("Example: gatepost queue --json", "示例：gatepost queue --json")
TAIL_HELP = spoken(
    """Show the last events, and with --follow those to come.

    One line each. Ctrl-C ends it.""",
    """显示最近的事件，加 --follow 则持续显示。

    每条一行，按 Ctrl-C 结束。""",
)
TAIL_EXAMPLES = spoken("Example: gatepost tail --follow", "示例：gatepost tail --follow")
EVENTS_HELP = spoken(
    """Find events in the log, the oldest first. Exit code 0 when some were found, 1 when none was.""",
    """在记录中查找事件，最旧的在前。退出码：0 找到，1 没有找到。""",
)
EVENTS_EXAMPLES = spoken(
    "Examples: gatepost events --since 2h --topic alarm    gatepost events --since 2026-11-23 --until 2026-11-24 --json"
    "    gatepost events --id 0123456789abcdef-12",
    "示例：gatepost events --since 2h --topic alarm    gatepost events --since 2026-11-23 --until 2026-11-24 --json"
    "    gatepost events --id 0123456789abcdef-12",
)

FOLLOW_S = 1.0
"""How often the log is looked at for new events."""

FOLLOW_EVENTS_MAX = 1_000

Lines = Annotated[int, typer.Option("--lines", "-n", min=1, max=100_000, help=spoken("How many.", "多少条。"))]
Follow = Annotated[bool, typer.Option("--follow", "-f", help=spoken("Go on as events come.", "持续显示。"))]
_MOMENT = spoken(
    "2026-11-24, '2026-11-24 10:30', 10:30, or so long ago: 15min, 2h, 3d.",
    "2026-11-24、'2026-11-24 10:30'、10:30，或多久以前：15min、2h、3d。",
)
Since = Annotated[
    str | None, typer.Option("--since", metavar="WHEN", help=spoken("From then on: ", "从此时起：") + _MOMENT)
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="WHEN", help=spoken("Before then: ", "在此之前：") + _MOMENT)
]
Id = Annotated[
    str | None,
    typer.Option(
        "--id", help=spoken("One event, or all of one life of the daemon.", "某个事件，或主程序一次运行的全部事件。")
    ),
]
About = Annotated[
    str | None,
    typer.Option(
        "--topic",
        metavar="WORD",
        help=spoken("One of ", "可选：") + "alarm, selftest, trouble, log, temperature, flow, picture.",
    ),
]
Coded = Annotated[
    int | None, typer.Option("--code", help=spoken("Contact ID, such as 122.", "Contact ID 代码，如 122。"))
]
Limit = Annotated[
    int, typer.Option("--limit", min=1, max=1_000_000, help=spoken("The newest so many.", "最新的多少条。"))
]


def queue(json: Json = False, given: InLanguage = None, config: SettingsFile = SETTINGS_FILE) -> None:
    """What the log says is owed, and the daemon's word where the log is not all."""
    from edge import screen, settings
    from edge.events import Lane

    loaded = settings.load(config)
    owed = _reader(loaded).owed()
    in_memory = _in_memory(loaded)
    if json:
        print_json({"owed": [_plain_kind(one) for one in owed], "in_memory": in_memory})
    else:
        screen.console().print(_queue_page(owed, in_memory, language(given)))
    alarms = any(one.lane == Lane.ALARM for one in owed) or bool(in_memory and in_memory.get("alarm"))
    raise typer.Exit(1 if alarms else 0)


def tail(
    lines: Lines = 20, follow: Follow = False, json: Json = False, given: InLanguage = None,
    config: SettingsFile = SETTINGS_FILE,
) -> None:  # fmt: skip
    """The last events, and those that come."""
    from edge import settings
    from edge.drivers.log_reader import Wanted

    reader = _reader(settings.load(config))
    with until_interrupted():
        _show(_from(reader, Wanted(limit=lines), follow), json, language(given))


def events(
    since: Since = None, until: Until = None, topic: About = None, code: Coded = None, id: Id = None,
    limit: Limit = 200, json: Json = False, given: InLanguage = None, config: SettingsFile = SETTINGS_FILE,
) -> None:  # fmt: skip
    """What happened, by moment, topic, code or id."""
    from edge import settings

    wanted = _wanted(since, until, topic, code, id, limit)
    found = _reader(settings.load(config)).find(wanted)
    with until_interrupted():
        _show(iter(found), json, language(given))
    raise typer.Exit(0 if found else 1)


# --- what is asked for ------------------------------------------------------------------------------------------------


def _reader(settings: Settings) -> LogReader:
    from edge.drivers.boot import DATABASE
    from edge.drivers.log_reader import LogReader

    return LogReader(Path(settings.gate.state_directory) / DATABASE)


def _wanted(
    since: str | None, until: str | None, topic: str | None, code: int | None, id: str | None, limit: int
) -> Wanted:
    from edge import moments
    from edge.drivers.log_reader import Wanted
    from edge.events import Topic

    now = datetime.now(UTC).astimezone()
    try:
        from_ms = None if since is None else moments.wall_ms_of(since, now)
        until_ms = None if until is None else moments.wall_ms_of(until, now)
        about = None if topic is None else Topic(topic)
    except ValueError as error:
        known = ", ".join(one.value for one in Topic)
        text = f"{topic!r} is no topic; give one of {known}" if "Topic" in str(error) else str(error)
        raise typer.BadParameter(text) from None
    boot, _, counter = ("", "", "") if id is None else id.partition("-")
    if counter and not counter.isdigit():
        raise typer.BadParameter(f"{id!r} is no id; give it as gatepost tail shows it, such as 0123456789abcdef-12")
    return Wanted(from_ms, until_ms, about, code, boot or None, int(counter) if counter else None, 0, limit)


def _from(reader: LogReader, wanted: Wanted, follow: bool) -> Iterator[Found]:
    last = 0
    while True:
        for one in reader.find(wanted):
            last = max(last, one.row.seq)
            yield one
        if not follow:
            return
        wanted = wanted._replace(after_seq=last, limit=FOLLOW_EVENTS_MAX)
        time.sleep(FOLLOW_S)


def _in_memory(settings: Settings) -> dict[str, int] | None:
    """What the daemon owes where its log is in memory; None where the log on the card is all, or no daemon answers."""
    from edge.client import Client
    from edge.errors import GatepostError
    from edge.requests import VIEW_SOCKET

    try:
        view = Client(Path(settings.gate.runtime_directory) / VIEW_SOCKET).ask("status")
    except GatepostError:
        return None
    stands = any(one.get("trouble") == "store_in_memory" for one in view.get("standing", ()))
    return dict(view.get("owed", {})) if stands else None


# --- for programs and for people --------------------------------------------------------------------------------------


def _show(found: Iterator[Found], json: bool, spoken_in: Language) -> None:
    from edge import screen

    console = screen.console()
    for one in found:
        if json:
            print_json(plain(one))
        else:
            console.print(line_of(one, spoken_in), soft_wrap=True)


def plain(found: Found) -> dict[str, Any]:
    """An event for programs. Of temperatures and pictures only that they were."""
    from edge.making import UNTOLD

    record, dated = found.row.record, found.row.backfilled or found.row.record.wall
    return {
        "seq": found.row.seq,
        "id": str(record.id),
        "wall_ms": dated.wall_ms,
        "clock": dated.quality.value,
        "wall_bound_ms": dated.bound_ms,
        "origin": record.origin.value,
        "topic": record.topic.value,
        "code": int(record.code),
        "qualifier": int(record.qualifier),
        "incident": None if record.incident is None else str(record.incident),
        "owed": found.owed,
        "body": None if record.topic in UNTOLD else dict(record.body),
    }


def line_of(found: Found, spoken_in: Language) -> Line:
    """An event on one line: when, what, its words, and whether it is still owed."""
    from rich.text import Text as Line

    from edge import event_words, moments
    from edge.events import ClockQuality, Origin, Topic
    from edge.making import UNTOLD

    record, dated = found.row.record, found.row.backfilled or found.row.record.wall
    unsure = {ClockQuality.SYNCED: " ", ClockQuality.UNSYNCED: "?"}.get(dated.quality, "~")
    known = event_words.CODES.get(record.code)
    line = Line(f"{moments.shown(dated.wall_ms)}{unsure} ", style="dim")
    alarming = record.topic is Topic.ALARM and record.origin is Origin.PERSON
    line.append(f"{event_words.TOPICS[record.topic].of(spoken_in)} {int(record.code)} ",
                style="bold red" if alarming else "bold")  # fmt: skip
    origin = event_words.ORIGINS[record.origin].of(spoken_in)
    words = [origin, str(int(record.code)) if known is None else known.of(spoken_in)]
    line.append(" ".join(filter(None, words)) + f", {event_words.QUALIFIERS[record.qualifier].of(spoken_in)}", style="")
    said = "" if record.topic in UNTOLD else _body(record.body)
    line.append(f"  {said}" if said else "", style="")
    line.append(f"  [{record.id}]", style="dim")
    if found.owed:
        line.append("  尚未送达" if spoken_in.value == "zh" else "  still owed", style="yellow")
    return line


def _body(body: Any) -> str:
    """The body's words. Of a test's report the result and what did not pass."""
    from edge import chain

    if not chain.is_report(body):
        return " ".join(f"{key}={value}" for key, value in body.items() if value not in ("", None))
    try:
        report = chain.report_of(body)
    except (ValueError, KeyError, TypeError):
        return f"result={body.get('result')}"
    others = [
        f"{one.link.name.lower()}={one.verdict.value}{f'({one.reason})' if one.reason else ''}"
        for one in report.links
        if one.verdict is not chain.Verdict.PASS
    ]
    return " ".join([report.kind.value, report.result.value, *others])


def _plain_kind(one: OwedKind) -> dict[str, Any]:
    return {**one._asdict(), "oldest": str(one.oldest), "oldest_s": _age_s(one.oldest_wall_ms)}


def _age_s(wall_ms: int) -> int:
    return max(0, time.time_ns() // 1_000_000 - wall_ms) // 1000


def _queue_page(owed: list[OwedKind], in_memory: dict[str, int] | None, spoken_in: Language) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text as Line

    from edge import event_words, moments, screen
    from edge.events import Code, Lane
    from edge.languages import Text

    lines: list[Any] = []
    if in_memory is not None:
        text = Text(
            f"The card takes no writes: the daemon keeps these in memory: {in_memory}. Below is what the card holds.",
            f"存储卡不可写：主程序在内存中保存：{in_memory}。下面是卡上的内容。",
        )
        lines.append(Line(text.of(spoken_in), style="bold yellow"))
    if not owed:
        return Group(*lines, Text("Nothing is owed.", "没有未送达的内容。").of(spoken_in))
    table = Table(show_edge=False, pad_edge=False, box=None)
    heads = (Text("events", "数量"), Text("what", "内容"), Text("oldest", "最旧"), Text("waits for", "已等待"))
    for head in heads:
        table.add_column(head.of(spoken_in), overflow="fold")
    for one in owed:
        known = event_words.CODES.get(Code(one.code)) if one.code in set(Code) else None
        lane = event_words.LANES[Lane(one.lane)].of(spoken_in) if known is None else known.of(spoken_in)
        table.add_row(
            str(one.events),
            Line(f"{one.code} {lane}", style="bold red" if one.lane == Lane.ALARM else ""),
            moments.shown(one.oldest_wall_ms) + ("" if one.oldest_dated else " ?"),
            screen.LEXICONS[spoken_in].duration(_age_s(one.oldest_wall_ms)) if one.oldest_dated else "?",
        )
    return Group(*lines, table)

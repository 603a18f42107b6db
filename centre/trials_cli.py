"""The part of ``gatepost-centre`` that is about tests: ``window``, ``drill``, ``tests`` and ``clear``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from centre.calling import By, Directory, Json, call, print_json
from centre.windows import MINUTES, MINUTES_MAX
from edge.errors import RefusedError

if TYPE_CHECKING:
    from rich.console import RenderableType

window = typer.Typer(
    help="Test windows: for some minutes a quiet press at a gate is a test and no alarm.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
drill = typer.Typer(
    help="Drills: booked ahead, siren on, the response timed from the press to the arrival.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Gate = Annotated[str, typer.Option("--gate", help="county/school/gate, or as much of its end as is unique.")]
AnyGate = Annotated[str | None, typer.Option("--gate", help="Only this gate: its name, or school/gate.")]
Limit = Annotated[int, typer.Option(min=1, max=2000, help="At most so many, the newest first.")]
Minutes = Annotated[int, typer.Option(min=1, max=MINUTES_MAX, help="How long; it ends by itself.")]
Name = Annotated[str, typer.Argument(metavar="ID", help="Its id, or any beginning that is unique.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the whole."""
    app.add_typer(window, name="window")
    app.add_typer(drill, name="drill")
    app.command("tests", epilog="Example: gatepost-centre tests --gate school-3/north --links --limit 1")(list_tests)
    app.command(epilog="Example: gatepost-centre heads --gate school-3/north")(heads)
    app.command(epilog='Example: gatepost-centre clear 3f9a --by "Li Wei"')(clear)


@window.command(
    "open",
    epilog='Example: gatepost-centre window open --gate county-1/school-3/north --minutes 10 --by "Li Wei"',
)
def window_open(
    gate: Gate, by: By, minutes: Minutes = MINUTES, runtime_directory: Directory = None, json: Json = False
) -> None:
    """Let a person's quiet press at one gate count as a test.

    A second press there, or one held for 2 s, is an alarm all the same. Wait until "list" shows the window as open:
    without the gate's word a press is an alarm.
    """
    answer = call(runtime_directory, {"do": "window open", "gate": gate, "minutes": minutes, "by": by})
    if json:
        print_json(answer)
        return
    typer.echo(f"asked {answer['address']} to open window {answer['id']} for {minutes} min; 'list' shows its answer")


@window.command(
    "close",
    epilog='Example: gatepost-centre window close 3f9a --by "Li Wei"',
)
def window_close(id: Name, by: By, runtime_directory: Directory = None, json: Json = False) -> None:
    """End a window before its time."""
    answer = call(runtime_directory, {"do": "window close", "id": id, "by": by})
    if json:
        print_json(answer)
        return
    typer.echo(f"asked {answer['address']} to close window {answer['id']}")


@window.command("list")
def window_list(
    gate: AnyGate = None, limit: Limit = 20, runtime_directory: Directory = None, json: Json = False
) -> None:
    """Windows of any time: who opened them, whether the gate confirmed, and how they ended."""
    from centre.trials_screen import window_table

    _show(runtime_directory, {"do": "windows", "gate": gate, "limit": limit}, json, window_table)


@drill.command(
    "book",
    epilog='Example: gatepost-centre drill book --gate school-3/north --start 2026-12-01T10:00 --by "Li Wei"',
)
def drill_book(
    gate: Gate,
    start: Annotated[str, typer.Option(help="When, such as 2026-12-01T10:00 (local time) or with +08:00.")],
    by: By,
    minutes: Minutes = MINUTES,
    force: Annotated[bool, typer.Option("--force", help="Less than 24 h ahead: everybody has been told.")] = False,
    runtime_directory: Directory = None,
    json: Json = False,
) -> None:
    """Book a drill, at least 24 h ahead. At its time the centre opens the window by itself."""
    try:
        moment = datetime.fromisoformat(start).astimezone()
        start_wall_ms = int(moment.timestamp() * 1000)
    except (ValueError, OverflowError, OSError) as error:
        raise RefusedError(f"--start {start}: {error}: give it as 2026-12-01T10:00") from error
    request = {
        "do": "drill book", "gate": gate, "start_wall_ms": start_wall_ms, "minutes": minutes, "by": by, "force": force,
    }  # fmt: skip
    answer = call(runtime_directory, request)
    if json:
        print_json(answer)
        return
    short = ", at short notice" if answer["short_notice"] else ""
    typer.echo(f"drill {answer['id']} at {answer['address']} is booked for {moment:%Y-%m-%d %H:%M %z}{short}")


@drill.command(
    "cancel",
    epilog='Example: gatepost-centre drill cancel 3f9a --by "Li Wei"',
)
def drill_cancel(id: Name, by: By, runtime_directory: Directory = None, json: Json = False) -> None:
    """Call a drill off before it began. Later, close its window."""
    answer = call(runtime_directory, {"do": "drill cancel", "id": id, "by": by})
    if json:
        print_json(answer)
        return
    typer.echo(f"drill {answer['id']} at {answer['address']} is cancelled")


@drill.command("list")
def drill_list(
    gate: AnyGate = None, limit: Limit = 20, runtime_directory: Directory = None, json: Json = False
) -> None:
    """Drills of any time, the newest booking first."""
    from centre.trials_screen import drill_table

    _show(runtime_directory, {"do": "drills", "gate": gate, "limit": limit}, json, drill_table)


@drill.command(
    "show",
    epilog="Example: gatepost-centre drill show 3f9a",
)
def drill_show(id: Name, runtime_directory: Directory = None, json: Json = False) -> None:
    """A drill's report: from the press to the receipt, to the officer, to the arrival."""
    from centre.trials_screen import drill_report

    _show(runtime_directory, {"do": "drill", "id": id}, json, drill_report)


def list_tests(
    gate: AnyGate = None,
    links: Annotated[bool, typer.Option("--links", help="With the verdict on each link of the chain.")] = False,
    limit: Limit = 20,
    runtime_directory: Directory = None,
    json: Json = False,
) -> None:
    """Tests that came, the newest first: kind, result, who confirmed, and how fast."""
    from centre.trials_screen import trial_table

    request = {"do": "tests", "gate": gate, "limit": limit}
    _show(runtime_directory, request, json, lambda answer: trial_table(answer, links=links))


def heads(gate: AnyGate = None, runtime_directory: Directory = None, json: Json = False) -> None:
    """The end of each gate's ledger as last heard, in the form that "gatepost ledger verify --head" takes."""
    found = [
        {"address": one["address"], **one["ledger"]}
        for one in call(runtime_directory, {"do": "list"})["gates"]
        if one["ledger"] is not None and f"/{one['address']}".endswith(f"/{gate or one['address']}")
    ]
    if json:
        print_json(found)
        return
    from centre.plain import moment, plain

    for one in found:
        typer.echo(plain(f"{one['address']}  {one['number']}:{one['hash']}  {moment(one['wall_ms'])}").plain)


def clear(id: Name, by: By, runtime_directory: Directory = None, json: Json = False) -> None:
    """An item has been looked into by a named person. Those without an id end by themselves."""
    answer = call(runtime_directory, {"do": "clear", "id": id, "by": by})
    if json:
        print_json(answer)
        return
    typer.echo(f"cleared: {answer['matter']} at {answer['address']}, by {by}")


def _show(
    directory: Path | None, request: Mapping[str, object], json: bool, table: Callable[[Any], RenderableType]
) -> None:
    answer = call(directory, request)
    if json:
        print_json(answer)
        return
    from centre.plain import console

    console().print(table(answer))

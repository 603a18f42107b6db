"""The command ``gatepost-centre``: run the centre, and the officer's acts. Heavy imports wait until they are needed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from centre import files
from centre.pictures import save, without
from edge.errors import GatepostError, SettingsError

app = typer.Typer(
    name="gatepost-centre",
    help="The county command centre: keeps every event once, answers alarms, shows what needs a person.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Directory = Annotated[
    Path | None,
    typer.Option(
        "--runtime-directory", help="Where control.sock is. Also $GATEPOST_CENTRE_RUNTIME.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="An incident's or event's id, or any beginning that is unique.")]
By = Annotated[str, typer.Option("--by", help="Who does it: goes to the gate and into the archive.")]


@app.command()
def run(
    county: Annotated[str, typer.Option(help="The county, as in the topics: a-z, 0-9 and '-'.")],
    broker: Annotated[
        list[str], typer.Option(help="mqtt://[user@]host:port or mqtts://; give it once for each broker.")
    ],
    database: Annotated[Path, typer.Option(help="SQLite file; made if missing.")],
    runtime_directory: Directory = None,
    silent_after: Annotated[
        int, typer.Option(min=2, max=86_400, help="Seconds without a word that mean silence.")
    ] = 90,
    ca_file: Annotated[Path | None, typer.Option(help="PEM file of who signs the brokers' certificates.")] = None,
    certificate_file: Annotated[Path | None, typer.Option(help="PEM file of the centre's own certificate.")] = None,
    private_key_file: Annotated[Path | None, typer.Option(help="PEM file of its key.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password of the user in the URL.")] = None,
    protocol: Annotated[str, typer.Option(help="MQTT version: auto, 5 or 3.1.1.")] = "auto",
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error, to stderr.")] = "info",
) -> None:
    """Run the centre until it is told to stop (SIGTERM)."""
    import logging

    from centre.broker import Secrets
    from centre.run import run as run_centre

    levels = {"debug": 10, "info": 20, "warning": 30, "error": 40}
    if log_level not in levels:
        raise SettingsError([f"--log-level {log_level}: {', '.join(levels)}"])
    logging.basicConfig(level=levels[log_level], format="gatepost-centre: %(message)s", stream=sys.stderr)
    secrets = Secrets(ca_file, certificate_file, private_key_file, password_file)
    directory = runtime_directory or files.default_runtime_directory()
    raise typer.Exit(run_centre(county, broker, secrets, protocol, database, directory, silent_after))


@app.command("list")
def list_(runtime_directory: Directory = None, json: Json = False) -> None:
    """Open incidents, then the gates: silent ones first, then those with an incident or a trouble."""
    answer = _call(runtime_directory, {"do": "list"})
    if json:
        _print_json(answer)
        return
    from centre.screen import console, overview

    console().print(overview(answer))


@app.command()
def show(id: Id, runtime_directory: Directory = None, json: Json = False) -> None:
    """Every step of an incident (or one event) with its times. Pictures are shown by their size; see 'pictures'."""
    answer = _call(runtime_directory, {"do": "show", "id": id})
    answer["events"] = [without(row) for row in answer["events"]]
    if json:
        _print_json(answer)
        return
    from centre.screen import console, story

    console().print(story(answer))


@app.command(epilog="Example: gatepost-centre pictures 3f9a --to evidence")
def pictures(
    id: Id,
    to: Annotated[Path, typer.Option(metavar="DIRECTORY", help="Where the files go; made if missing.")],
    runtime_directory: Directory = None,
    json: Json = False,
) -> None:
    """Save the pictures that followed an alarm (or one event) as JPEG files, for the user who asks alone."""
    answer = _call(runtime_directory, {"do": "show", "id": id})
    written = [str(file) for file in save(answer["events"], to)]
    if json:
        _print_json(written)
    else:
        typer.echo("\n".join(written))


@app.command()
def seen(id: Id, by: By, runtime_directory: Directory = None, json: Json = False) -> None:
    """Somebody here has seen the alarm: the gate's lamp says so."""
    _act("seen", id, by, runtime_directory, json)


@app.command()
def dispatched(id: Id, by: By, runtime_directory: Directory = None, json: Json = False) -> None:
    """Help is on its way: the gate's lamp says so."""
    _act("dispatched", id, by, runtime_directory, json)


@app.command()
def close(id: Id, by: By, runtime_directory: Directory = None, json: Json = False) -> None:
    """The incident is over: ends it at the gate too, told again until the gate confirms."""
    _act("closed", id, by, runtime_directory, json)


@app.command()
def events(
    gate: Annotated[str | None, typer.Option(help="Only this gate: its name, or school/gate.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    after: Annotated[int, typer.Option(min=0, help="Only those after this number.")] = 0,
    runtime_directory: Directory = None,
    json: Json = False,
) -> None:
    """Events in the order of their coming. Pictures are shown by their size; see 'pictures'."""
    rows: list[Any] = []
    while len(rows) < limit:
        request = {"do": "events", "after": after, "limit": limit - len(rows), "gate": gate}
        page = _call(runtime_directory, request)
        if not page:
            break
        rows += map(without, page)
        after = page[-1]["seq"]
    if json:
        _print_json(rows)
        return
    from centre.screen import console, event_table

    console().print(event_table(rows))


@app.command()
def watch(
    runtime_directory: Directory = None,
    json: Json = False,
    times: Annotated[int, typer.Option(min=0, help="Stop after so many looks; 0 means never.")] = 0,
) -> None:
    """The list, live, once a second until Ctrl-C."""
    from centre.screen import watch as watch_screen

    look = lambda: _call(runtime_directory, {"do": "list"})  # noqa: E731
    watch_screen(look, times, _print_json if json else None)


def _act(stage: str, id: str, by: str, directory: Path | None, json: bool) -> None:
    answer = _call(directory, {"do": "act", "id": id, "stage": stage, "by": by})
    if json:
        _print_json(answer)
    else:
        typer.echo(f"{stage}: incident {answer['incident']} at {answer['address']}, by {answer['by']}")


def _call(directory: Path | None, request: Mapping[str, object]) -> Any:
    from centre.desk import call

    return call(directory or files.default_runtime_directory(), request)


def _print_json(answer: object) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    sys.stdout.flush()


def main() -> None:
    """Entry point. Every failure a person can act on is one line on stderr and its own exit code."""
    try:
        app()
    except GatepostError as error:
        sys.stderr.write(f"gatepost-centre: {'; '.join(str(error).splitlines())}\n")
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        # The reader (head, less) had enough. Python would complain once more when it flushes at exit.
        sys.stderr.close()
        raise SystemExit(0) from None

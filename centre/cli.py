"""The command ``gatepost-centre``: run the centre, and the officer's acts. Heavy imports wait until they are needed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from centre import authority_cli, files, keys_cli, trials_cli
from centre.calling import By, Directory, Json, call, print_json
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

Id = Annotated[str, typer.Argument(metavar="ID", help="An incident's or event's id, or any beginning that is unique.")]


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
    signing_key_file: Annotated[
        Path | None, typer.Option(help="PEM file of the key that signs what gates are told. Default: centre.key, made.")
    ] = None,
    require_signatures: Annotated[
        bool, typer.Option("--require-signatures", help="Take nothing from a gate whose key is not on record.")
    ] = False,
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
    code = run_centre(
        county, broker, secrets, protocol, database, directory, silent_after, signing_key_file,
        require_signatures=require_signatures,
    )  # fmt: skip
    raise typer.Exit(code)


@app.command("list")
def list_(runtime_directory: Directory = None, json: Json = False) -> None:
    """Open incidents, then the gates: silent ones first, then those with an incident or a trouble."""
    answer = call(runtime_directory, {"do": "list"})
    if json:
        print_json(answer)
        return
    from centre.plain import console
    from centre.screen import overview

    console().print(overview(answer))


@app.command()
def show(id: Id, runtime_directory: Directory = None, json: Json = False) -> None:
    """Every step of an incident (or one event) with its times. Pictures are shown by their size; see 'pictures'."""
    answer = call(runtime_directory, {"do": "show", "id": id})
    answer["events"] = [without(row) for row in answer["events"]]
    if json:
        print_json(answer)
        return
    from centre.plain import console
    from centre.screen import story

    console().print(story(answer))


@app.command(epilog="Example: gatepost-centre pictures 3f9a --to evidence")
def pictures(
    id: Id,
    to: Annotated[Path, typer.Option(metavar="DIRECTORY", help="Where the files go; made if missing.")],
    runtime_directory: Directory = None,
    json: Json = False,
) -> None:
    """Save the pictures that followed an alarm (or one event) as JPEG files, for the user who asks alone."""
    answer = call(runtime_directory, {"do": "show", "id": id})
    written = [str(file) for file in save(answer["events"], to)]
    if json:
        print_json(written)
    else:
        typer.echo("\n".join(written))


@app.command(epilog='Example: gatepost-centre seen 3f9a --by "Li Wei"')
def seen(id: Id, by: By, runtime_directory: Directory = None, json: Json = False) -> None:
    """Somebody here has seen the alarm: the gate's lamp says so. Also confirms a test card, within 90 s."""
    _act("seen", id, by, runtime_directory, json)


@app.command()
def dispatched(id: Id, by: By, runtime_directory: Directory = None, json: Json = False) -> None:
    """Help is on its way: the gate's lamp says so. Of tests only a drill can be dispatched."""
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
        page = call(runtime_directory, request)
        if not page:
            break
        rows += map(without, page)
        after = page[-1]["seq"]
    if json:
        print_json(rows)
        return
    from centre.plain import console
    from centre.screen import event_table

    console().print(event_table(rows))


@app.command()
def watch(
    runtime_directory: Directory = None,
    json: Json = False,
    times: Annotated[int, typer.Option(min=0, help="Stop after so many looks; 0 means never.")] = 0,
    confirm_tests_as: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="This screen confirms each test card once it has shown it, as software."),
    ] = None,
) -> None:
    """The list, live, once a second until Ctrl-C.

    With --confirm-tests-as no person confirms tests: the gates' reports then name "software NAME" as the officer.
    """
    from centre.watching import confirming
    from centre.watching import watch as watch_screen

    look = lambda: call(runtime_directory, {"do": "list"})  # noqa: E731
    act = lambda request: call(runtime_directory, request)  # noqa: E731
    shown = (lambda _: None) if confirm_tests_as is None else confirming(confirm_tests_as, act)
    watch_screen(look, shown, times, print_json if json else None)


def _act(stage: str, id: str, by: str, directory: Path | None, json: bool) -> None:
    answer = call(directory, {"do": "act", "id": id, "stage": stage, "by": by})
    if json:
        print_json(answer)
    elif answer.get("test"):
        typer.echo(f"{stage}: TEST {answer['test']} at {answer['address']}, by {by}; no alarm")
    else:
        typer.echo(f"{stage}: incident {answer['incident']} at {answer['address']}, by {answer['by']}")


trials_cli.add_to(app)
keys_cli.add_to(app)
app.add_typer(authority_cli.ca, name="ca")


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

"""``gatepost ledger``: prove that nothing was done to the record of alarms and tests, print a month, show the key."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.errors import RefusedError, StorageError
from edge.languages import Language, language_of
from edge.options import Json, print_json

if TYPE_CHECKING:
    from edge.languages import Text
    from edge.ledger import Head
    from edge.ledger_check import Outcome
    from edge.ledger_key import PublicKey

ledger = typer.Typer(
    help="The signed record of alarms and tests: verify it, export a month of it, show the gate's key.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

STATE_DIRECTORY = Path("/var/lib/gatepost")  # as edge.settings.Gate has it
DATABASE = "events.db"

Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The daemon's settings file, to find its state.")
]
State = Annotated[
    Path | None,
    typer.Option(
        "--state-directory", metavar="DIR", help=f"Where the daemon keeps its state; {STATE_DIRECTORY} if not said."
    ),
]
Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key", metavar="KEY", help="A public key that you trust, a file or its digits; the gate's own if not said."
    ),
]
HeadOption = Annotated[
    str | None,
    typer.Option("--head", metavar="NUMBER:HASH", help="The newest entry as the centre knows it: finds a cut end."),
]
Chosen = Annotated[
    Language | None, typer.Option("--language", help="The language of what is said; the terminal's if not said.")
]


@ledger.command(epilog="Example: gatepost ledger verify --config FILE --head 1234:9f86d081... (from the centre)")
def verify(
    head: HeadOption = None,
    every_signature: Annotated[
        bool, typer.Option("--every-signature", help="Check each one by itself too: a tenth of a millisecond each.")
    ] = False,
    key: Keys = None,
    json: Json = False,
    config: Config = None,
    state_directory: State = None,
    language: Chosen = None,
) -> None:
    """Find whether anything was edited, deleted, put in another order or cut off. The daemon may go on.

    Exit code 0 only if all is proved (PASS), 1 if something is wrong (FAIL), 2 if nothing is wrong and not everything
    could be proved (PARTIAL), such as the end without --head; 6 for a key, 8 for a file that cannot be used.
    """
    from edge.chain import Result
    from edge.ledger_check import Checker
    from edge.ledger_export import check
    from edge.ledger_key import PublicKey
    from edge.ledger_table import read

    state, _ = _where(config, state_directory)
    keys = _keys(key, state)
    checker = Checker(keys, head=_head(head), every_signature=every_signature, judge_of=PublicKey)
    outcome = check(read(state / DATABASE), checker)
    if json:
        print_json(outcome)
    else:
        _say(outcome, keys, language_of(language, os.environ))
    raise typer.Exit({Result.PASS: 0, Result.FAIL: 1, Result.PARTIAL: 2}[outcome.result])


@ledger.command(epilog="Example: gatepost ledger export --month 2026-11 --config FILE --directory /tmp")
def export(
    month: Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="The month, such as 2026-11.")],
    directory: Annotated[
        Path, typer.Option("--directory", metavar="DIR", help="Where the files go; here if not said.")
    ] = Path(),
    head: HeadOption = None,
    key: Keys = None,
    json: Json = False,
    config: Config = None,
    state_directory: State = None,
    language: Chosen = None,
) -> None:
    """Write a month as JSON Lines (for the verifier), CSV (for a table) and a page to print, and check the ledger.

    Exit code 0 when the files are written and nothing is wrong, 1 when they are written and the ledger is not as the
    gate wrote it, 10 when there is nothing in that month.
    """
    from edge.chain import Result

    state, zone_name = _where(config, state_directory)
    keys = _keys(key, state)
    files, outcome = _export(state, zone_name, month, directory, keys, _head(head))
    if json:
        print_json({"files": files, "outcome": outcome})
    else:
        for file in files:
            typer.echo(file)
        _say(outcome, keys, language_of(language, os.environ))
    raise typer.Exit(1 if outcome.result is Result.FAIL else 0)


@ledger.command("key", epilog="Example: gatepost ledger key")
def show_key(json: Json = False, config: Config = None, state_directory: State = None) -> None:
    """Show the gate's public key, and its fingerprint to read out by telephone."""
    from edge.ledger_key import fingerprint

    state, _ = _where(config, state_directory)
    (key,) = _keys(None, state)
    if json:
        print_json({"public_key": key.public_key, "fingerprint": fingerprint(key.public_key)})
    else:
        typer.echo(f"fingerprint  {fingerprint(key.public_key)}\npublic key   {key.public_key}")


def _export(
    state: Path, zone_name: str, month_name: str, directory: Path, keys: Sequence[PublicKey], head: Head | None
) -> tuple[list[str], Outcome]:
    from edge import __version__, ledger_page
    from edge.ledger_export import export, written
    from edge.ledger_key import fingerprint
    from edge.ledger_month import month_of
    from edge.ledger_table import read
    from edge.local_time import spoken, zone

    where = zone(zone_name)
    try:
        month = month_of(month_name, where)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    gate = _gate_of(state)
    stem = directory / f"ledger-{gate.replace('/', '-')}-{month.name}"
    exported = export(read(state / DATABASE), keys, month, where, stem, head)
    files = [exported.lines_file, exported.table_file]
    if not exported.summary.entries:
        for file in files:
            Path(file).unlink()
        raise RefusedError(f"the ledger has no entry in {month.name}; choose another month")
    made = spoken(where, time.time_ns() // 1_000_000)
    key = keys[0].public_key
    cover = ledger_page.Cover(gate, key, fingerprint(key), zone_name, made, __version__)
    page_file = stem.with_name(f"{stem.name}.html")
    with written(page_file) as page:
        page.write(ledger_page.page(cover, month, where, exported).encode())
    return [*files, str(page_file)], exported.outcome


def _gate_of(state: Path) -> str:
    """The gate's name, as its ledger's first note has it."""
    from edge.ledger import Note, content_of
    from edge.ledger_table import read

    for entry in read(state / DATABASE):
        content = None if entry is None else content_of(entry.record)
        if isinstance(content, Note):
            return content.gate
    return "gate"


def _where(config: Path | None, state_directory: Path | None) -> tuple[Path, str]:
    """The state directory, and the name of the gate's time zone."""
    if config is not None:
        from edge import settings

        loaded = settings.load(config)
        return Path(loaded.gate.state_directory), loaded.selftest.time_zone
    return state_directory or STATE_DIRECTORY, "Asia/Shanghai"


def _keys(given: Sequence[str] | None, state: Path) -> list[PublicKey]:
    from edge.ledger_key import PUBLIC_FILE, public_key_of

    if given:
        return [public_key_of(one) for one in given]
    file = state / PUBLIC_FILE
    if not file.exists():
        raise StorageError(f"{file} is not there: start the daemon once, which makes the key, or give --key")
    return [public_key_of(str(file))]


def _head(given: str | None) -> Head | None:
    from edge.ledger import head_of

    try:
        return None if given is None else head_of(given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _say(outcome: Outcome, keys: Sequence[PublicKey], language: Language) -> None:
    """The outcome for people: its parts, what was found, the verdict."""
    from edge.ledger_key import fingerprint
    from edge.ledger_words import ENTRIES, MARKS, MORE, RESULTS, VERDICTS, parts_of, sentence

    def said(text: Text) -> str:
        return text.of(language)

    newest = "-" if outcome.head is None else f"{outcome.head.number}:{outcome.head.hash}"
    prints = ", ".join(fingerprint(key.public_key) for key in keys)
    typer.echo(said(ENTRIES).format(entries=outcome.entries, head=newest, keys=prints))
    for name, verdict, why in parts_of(outcome):
        typer.echo(f"{MARKS[verdict]} {said(name)}: {said(VERDICTS[verdict])}  {said(why)}".rstrip())
    for finding in outcome.findings:
        typer.echo(f"  {said(sentence(finding))}")
    if outcome.more:
        typer.echo("  " + said(MORE).format(more=outcome.more))
    typer.echo(said(RESULTS[outcome.result]))

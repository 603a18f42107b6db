"""The part of ``gatepost-centre`` that puts gates' public keys on record: ``key add``, ``withdraw`` and ``list``.

Works on the directory beside the database, whether the centre runs or not; a running one notices at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from centre.calling import Json, print_json
from edge.errors import StorageError

key = typer.Typer(
    help="The gates' public keys: what a gate with a key on record has not signed is not believed.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Gate = Annotated[str, typer.Argument(metavar="GATE", help="county/school/gate.")]
Database = Annotated[Path, typer.Option(help="The centre's SQLite file: the keys are beside it.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the whole."""
    app.add_typer(key, name="key")


@key.command(epilog="Example: gatepost-centre key add county-1/school-3/north ledger.pub --database centre.db")
def add(
    gate: Gate, file: Annotated[Path, typer.Argument(help="Its ledger.pub, in PEM form.")], database: Database
) -> None:
    """Put a gate's key on record, beside the one before. Compare the fingerprint by telephone: gatepost ledger key."""
    from centre.gate_keys import DIRECTORY, GateKeys
    from edge.ledger_key import fingerprint

    try:
        pem = file.read_bytes()
    except OSError as error:
        raise StorageError(f"{file} cannot be read: {error.strerror}: give the gate's ledger.pub") from error
    keys = GateKeys(database.resolve().parent / DIRECTORY)
    keys.add(gate, pem)
    newest = (keys.of(gate) or ())[0]
    typer.echo(f"{gate}: {fingerprint(newest.public_key)} is on record: compare it with: gatepost ledger key")


@key.command(epilog="Example: gatepost-centre key withdraw county-1/school-3/north --database centre.db")
def withdraw(gate: Gate, database: Database) -> None:
    """Believe nothing more that claims to come from this gate, as after a theft; until a new key is added."""
    from centre.gate_keys import DIRECTORY, GateKeys

    GateKeys(database.resolve().parent / DIRECTORY).withdraw(gate)
    typer.echo(f"{gate}: nothing verifies for it from now on")


@key.command("list")
def list_(database: Database, json: Json = False) -> None:
    """Every gate on record, with the fingerprints of its keys."""
    from centre.gate_keys import DIRECTORY, GateKeys
    from edge.ledger_key import fingerprint

    keys = GateKeys(database.resolve().parent / DIRECTORY)
    found = {name: [fingerprint(one.public_key) for one in keys.of(name) or ()] for name in keys.names()}
    if json:
        print_json(found)
    for name, fingerprints in () if json else found.items():
        typer.echo(f"{name}: {', '.join(fingerprints) or 'withdrawn'}")

"""``gatepost-centre ca``: the authority of a county that has none: its gates' certificates, and the stolen ones."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from centre.calling import Json, print_json
from edge.errors import CertificateError, StorageError

ca = typer.Typer(
    help="The county's certificate authority: init, issue, sign, revoke, cut, list. See docs/county-broker.md.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

DAYS = 365
"""Of a certificate: longer than any outage, short enough that a forgotten gate does not keep its rights for ever."""

DAYS_MAX = 825
WATCH_S = 40.0
"""A thief's program comes back at once, a gate's own mostly within this time; and with it all is done in a minute."""

Data = Annotated[
    Path, typer.Option("--data", metavar="DIRECTORY", help="Where the centre's database is; the authority is in it.")
]
By = Annotated[str, typer.Option("--by", help="Who does it: goes into the authority's log.")]
Days = Annotated[int, typer.Option("--days", min=1, max=DAYS_MAX, help="How long it is valid.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="county/school/gate, or as 'ca list' shows it.")]


@ca.command(epilog='Example: gatepost-centre ca init --county county-1 --data /var/lib/gatepost-centre --by "Li Wei"')
def init(county: Annotated[str, typer.Option(help="The county, as in the topics.")], data: Data, by: By) -> None:
    """Make the authority: its key never leaves --data; copy that directory to a safe place."""
    from centre.authority import Authority

    authority = Authority(data)
    authority.init(county, by)
    typer.echo(f"for every broker: {authority.certificate_file} and {authority.revoked_file}")


@ca.command(epilog='Example: gatepost-centre ca issue --broker mqtt.county.example --to broker --data . --by "Li Wei"')
def issue(
    data: Data,
    by: By,
    to: Annotated[str, typer.Option("--to", metavar="PATH", help="Writes PATH.pem and PATH.key.")],
    broker: Annotated[list[str] | None, typer.Option(help="A broker's host name or address; may be repeated.")] = None,
    centre: Annotated[str | None, typer.Option(metavar="COUNTY", help="Instead: the centre of this county.")] = None,
    days: Days = DAYS,
) -> None:
    """Certificate and key of a broker (--broker) or of the centre (--centre)."""
    from centre.authority import Authority

    if bool(broker) == bool(centre):
        raise typer.BadParameter("give --broker HOST or --centre COUNTY")
    certificate, key = Authority(data).issue(centre or "", tuple(broker or ()), days, by)
    _put(Path(f"{to}.key"), key, 0o600)
    _put(Path(f"{to}.pem"), certificate, 0o644)
    typer.echo(f"{to}.pem and {to}.key")


@ca.command(
    epilog='Example: gatepost-centre ca sign north.request --to north.answer --fingerprint "3f2a 91bc 0d4e 77a1 c05d"'
    ' --data . --by "Li Wei"'
)
def sign(
    request: Annotated[Path, typer.Argument(metavar="FILE", help="What gatepost enrol wrote.")],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The answer, for gatepost enrol --install.")],
    fingerprint: Annotated[str, typer.Option(help="What the technician read to you by telephone.")],
    data: Data,
    by: By,
    days: Days = DAYS,
    json: Json = False,
) -> None:
    """Sign a gate's request. Certificates that the gate has stay valid until they end or are revoked."""
    from centre.authority import Authority

    try:
        pem = request.read_bytes()
    except OSError as error:
        raise CertificateError(f"{request}: {error.strerror}: give what gatepost enrol wrote") from error
    signed = Authority(data).sign(pem, str(request), days, by, fingerprint)
    _put(to, signed.answer, 0o644)
    if json:
        print_json({"name": signed.name, "until": signed.until.isoformat(), "fingerprint": signed.trust_fingerprint})
        return
    typer.echo(f"{to}: {signed.name} until {signed.until:%Y-%m-%d}; the gate will show: {signed.trust_fingerprint}")
    if not signed.has_centre_key:
        typer.echo(f"{data / 'centre.pub'} is not there yet: this gate will not check the centre's signature")


@ca.command(epilog='Example: gatepost-centre ca revoke county-1/school-3/north --because stolen --data . --by "Li Wei"')
def revoke(
    name: Name,
    data: Data,
    by: By,
    because: Annotated[str, typer.Option(help="Why: goes into the log.")],
    json: Json = False,
) -> None:
    """Revoke every certificate of this name. Then copy revoked.pem to the brokers, reload them, and 'ca cut'."""
    from centre.authority import Authority

    authority = Authority(data)
    done = authority.revoke(name, by, because)
    if json:
        print_json([one.serial for one in done])
        return
    typer.echo(f"revoked: {len(done)} of {name}. Now: copy {authority.revoked_file} to every broker, reload it, then:")
    typer.echo(f"gatepost-centre ca cut {name} --broker mqtts://HOST --data {data}")


@ca.command(
    epilog="Example: gatepost-centre ca cut county-1/school-3/north --broker mqtts://mqtt.county.example --data ."
)
def cut(
    name: Name,
    broker: Annotated[list[str], typer.Option(help="mqtts://host:port; give it once for each broker.")],
    data: Data,
    watch: Annotated[float, typer.Option(min=0, help="Seconds for which its place is held.")] = WATCH_S,
) -> None:
    """Throw a revoked gate out of the session that it still has, and see that it does not come back."""
    from centre.authority import Authority
    from centre.cutting import cut as cut_at

    for url in broker:
        cut_at(Authority(data), name, url, watch)
        typer.echo(f"{url}: {name} is out, and did not come back within {watch:g} s")


@ca.command("list", epilog="Example: gatepost-centre ca list --data .")
def list_(data: Data, json: Json = False) -> None:
    """Every certificate that was made: its name, how long it is valid, its state."""
    from centre.authority import Authority

    now = datetime.now(UTC)
    for one in Authority(data).issued():
        days = (one.until - now).days
        if json:
            print_json({"name": one.name, "serial": one.serial, "until": one.until.isoformat(), "days": days,
                        "state": one.state})  # fmt: skip
        else:
            typer.echo(f"{one.state:8} {one.until:%Y-%m-%d} {days:5} days  {one.name}  {one.serial}")


def _put(file: Path, content: bytes, mode: int) -> None:
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as stream:
            stream.write(content)
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror}: give --to another place") from error

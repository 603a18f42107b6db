"""``gatepost enrol``: asks for this gate's certificate, and lays down what the county's authority answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from edge.errors import CertificateError, StorageError
from edge.options import SETTINGS_FILE, InLanguage, Json, SettingsFile, language, print_json, spoken

HELP = spoken(
    """Get this gate's certificate from the county.

    Without --install: makes the gate's key here, where it stays (mode 0600), and writes a request for the county's
    authority. Read the fingerprint to them by telephone: they sign only what has it.

    With --install: checks that the answer fits this gate, then lays down the certificate, the authority's and the
    centre's key. Nothing stops meanwhile; the next connection uses them.

    Exit code 6 when the answer does not fit, 10 when it comes from an authority that this gate does not know.""",
    """为本校门向县里申请证书。

    不带 --install：在本机生成密钥（权限 0600，不离开本机），并写出申请。请在电话中把指纹读给县里核对，一致才会签发。

    带 --install：核对答复确属本校门，然后写入证书、颁发机构证书和中心公钥。期间一切照常，下次连接时启用。

    退出码：6 答复不符，10 颁发机构未知。""",
)
EXAMPLES = spoken(
    "Examples: sudo gatepost enrol --out north.request    sudo gatepost enrol --install north.answer",
    "示例：sudo gatepost enrol --out north.request    sudo gatepost enrol --install north.answer",
)
CENTRE_FILE = "centre.pub"
ASKED = spoken(
    "Request of {name}. Read its fingerprint to the county by telephone: {fingerprint}",
    "{name} 的申请。请在电话中把指纹读给县里核对：{fingerprint}",
)
DONE = spoken(
    "{name} has its certificate until {until}. Compare the county's fingerprint by telephone: {fingerprint}",
    "{name} 的证书有效至 {until}。请在电话中核对县里的指纹：{fingerprint}",
)
NOT_USED = spoken(
    'The centre\'s key is not used yet: write into {config}, then restart: [centre] public_key_file = "{file}"',
    '中心公钥尚未启用：请写入 {config} 并重启：[centre] public_key_file = "{file}"',
)

Install = Annotated[
    Path | None, typer.Option("--install", metavar="FILE", help=spoken("The county's answer.", "县里的答复文件。"))
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help=spoken("Where the request goes; else shown.", "申请文件，默认显示。")),
]
BrokerName = Annotated[
    str | None,
    typer.Option("--broker", help=spoken("Its files; else the first with a certificate.", "使用哪个服务器的文件。")),
]
NewKey = Annotated[
    bool,
    typer.Option(
        "--new-key", help=spoken("A new key: the old one may be known to others.", "换新密钥（旧的可能泄露）。")
    ),
]
NewAuthority = Annotated[
    bool, typer.Option("--new-authority", help=spoken("The county has a new authority.", "县里换了颁发机构。"))
]


def enrol(
    install: Install = None, out: Out = None, broker: BrokerName = None, new_key: NewKey = False,
    new_authority: NewAuthority = False, json: Json = False, given: InLanguage = None,
    config: SettingsFile = SETTINGS_FILE,
) -> None:  # fmt: skip
    """Ask, or lay down the answer."""
    from edge import enrolment, settings

    language(given)
    loaded = settings.load(config)
    gate = enrolment.Enrolment(loaded, broker)
    if install is None:
        asked = gate.ask(new_key=new_key)
        _put(asked.pem, out)
        if json:
            print_json({"name": asked.name, "fingerprint": asked.fingerprint, "request": asked.pem.decode()})
        else:
            sys.stderr.write(ASKED.format(name=asked.name, fingerprint=asked.fingerprint) + "\n")
        if out is None and not json:
            sys.stdout.write(asked.pem.decode())
        return
    named = loaded.centre.public_key_file
    centre_file = config.resolve().parent / CENTRE_FILE if named is None else Path(named)
    done = gate.install(_answer(install), str(install), enrolment.now(), centre_file, new_authority=new_authority)
    if json:
        print_json({
            "name": done.name, "until": done.until.isoformat(), "fingerprint": done.fingerprint, "files": done.files,
        })  # fmt: skip
        return
    typer.echo(DONE.format(name=done.name, until=f"{done.until:%Y-%m-%d}", fingerprint=done.fingerprint))
    if named is None and str(centre_file) in done.files:
        typer.echo(NOT_USED.format(config=config, file=centre_file))


def _put(pem: bytes, out: Path | None) -> None:
    if out is None:
        return
    try:
        out.write_bytes(pem)
    except OSError as error:
        raise StorageError(f"{out} cannot be written: {error.strerror}; give --out another place") from error


def _answer(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CertificateError(f"{file} cannot be read: {error.strerror}; give the county's answer") from error

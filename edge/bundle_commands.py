"""``gatepost bundle``: one file for whoever helps from afar, without secrets, temperatures or pictures."""

from __future__ import annotations

import io
import logging
import os
import platform
import sqlite3
import tarfile
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge import __version__
from edge.errors import StorageError
from edge.options import SETTINGS_FILE, InLanguage, Json, SettingsFile, language, print_json, spoken

if TYPE_CHECKING:
    from edge.checks.gate import Gate
    from edge.languages import Language

HELP = spoken(
    """Gather what helps from afar into one file.

    A tar.gz with status, doctor, settings, journal, versions, services and statistics of the log.

    Keys, passwords, user names, temperatures and pictures stay here. Look into it before it leaves the school.""",
    """收集远程排障所需的内容。

    一个 tar.gz：状态、检查结果、设置、日志、版本、服务、记录统计。

    密钥、口令、用户名、体温和照片不会放入。发出学校之前请先看一遍。""",
)
EXAMPLES = spoken(
    "Example: sudo gatepost bundle --output /tmp/gate.tar.gz", "示例：sudo gatepost bundle --output /tmp/gate.tar.gz"
)

EVENTS_MAX = 500
RIGHTS = 0o600

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help=spoken("The file to write; it must not exist yet.", "要写入的文件，不能已存在。"),
    ),
]


def bundle(
    output: Output = None, json: Json = False, given: InLanguage = None, config: SettingsFile = SETTINGS_FILE
) -> None:
    """Gather, take out what must stay, write."""
    from edge.bundling import remover_of
    from edge.doctor_commands import gate_of
    from edge.this_machine import ThisMachine

    logging.getLogger("edge").addHandler(logging.NullHandler())
    gate = gate_of(ThisMachine(), config)
    file = Path(time.strftime("gatepost-bundle-%Y%m%d-%H%M%S.tar.gz")) if output is None else output
    remove = remover_of(gate)
    texts = {name: remove(text) for name, text in gathered(gate).items()}
    write(file, texts)
    if json:
        print_json({"file": str(file), "contents": sorted(texts), "bytes": file.stat().st_size})
    else:
        typer.echo(_words(file, sorted(texts), language(given)))


def gathered(gate: Gate) -> dict[str, str]:
    """Everything that goes in, by file name; not yet without secrets."""
    from edge.bundling import texts_of

    texts = texts_of(gate, versions())
    texts["doctor.jsonl"] = _doctor(gate)
    texts["events.jsonl"], texts["store.json"] = _log(gate)
    return texts


def versions() -> dict[str, str]:
    """Of the program, of Python, and of each package that is installed beside it."""
    packages = {one.name: one.version for one in metadata.distributions()}
    return {
        "gatepost": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "machine": platform.machine(),
        **{f"package {name}": packages[name] for name in sorted(packages)},
    }


def write(file: Path, texts: dict[str, str]) -> None:
    """The bundle, for its owner's eyes only. Raises StorageError."""
    made_s = int(time.time())
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, RIGHTS)
    except FileExistsError:
        raise typer.BadParameter(f"{file} exists; name another file") from None
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}; name a file in another directory") from error
    try:
        with os.fdopen(handle, "wb") as stream, tarfile.open(fileobj=stream, mode="w:gz") as archive:
            for name, text in sorted(texts.items()):
                content = text.encode()
                entry = tarfile.TarInfo(f"gatepost-bundle/{name}")
                entry.size, entry.mtime, entry.mode = len(content), made_s, RIGHTS
                archive.addfile(entry, io.BytesIO(content))
    except OSError as error:
        file.unlink(missing_ok=True)
        raise StorageError(f"{file} cannot be written: {error.strerror}; free some space") from error


def _doctor(gate: Gate) -> str:
    import msgspec

    from edge.checks.every import findings
    from edge.doctor_commands import plain
    from edge.languages import Language

    return "".join(msgspec.json.encode(plain(one, Language.EN)).decode() + "\n" for one in findings(gate))


def _log(gate: Gate) -> tuple[str, str]:
    """The newest events without what is about persons, and how many of each kind there are."""
    import msgspec

    from edge.drivers.boot import DATABASE
    from edge.drivers.log_reader import LogReader, Wanted
    from edge.log_commands import plain

    if gate.settings is None:
        return "", '{"no log": "the settings cannot be read"}\n'
    file = Path(gate.settings.gate.state_directory) / DATABASE
    reader = LogReader(file)
    try:
        events = "".join(
            msgspec.json.encode(plain(one)).decode() + "\n" for one in reader.find(Wanted(limit=EVENTS_MAX))
        )
        kinds = [kind._asdict() for kind in reader.kinds()]
        bytes_of = {one.name: one.stat().st_size for one in file.parent.glob(f"{DATABASE}*")}
        store = msgspec.json.encode({"kinds": kinds, "bytes": bytes_of})
    except (StorageError, OSError) as error:
        return "", msgspec.json.encode({"no log": str(error)}).decode() + "\n"
    return events, msgspec.json.format(store, indent=1).decode() + "\n"


def _words(file: Path, names: list[str], spoken_in: Language) -> str:
    from edge.languages import Text

    size_kb = file.stat().st_size // 1000 + 1
    return Text(
        f"{file} ({size_kb} kB): {', '.join(names)}.\nLook into it before it leaves the school: tar -xzf {file}",
        f"{file}（{size_kb} kB）：{'、'.join(names)}。\n发出学校之前请先看一遍：tar -xzf {file}",
    ).of(spoken_in)

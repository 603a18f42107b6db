"""The settings file of a new gate: from a few questions, or from a county's file. Never overwritten."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from installation.machine import Machine, StepError, lay, say

PATH = "/etc/gatepost/gatepost.toml"
TEMPLATES = Path(__file__).parents[2] / "config"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
HOST = re.compile(r"[A-Za-z0-9._:%-]{1,253}")
SECRETS = ("private_key_file", "password_file", "teacher_token_file")

Ask = Callable[[str, str], str]
"""A question and its default; the answer."""


def there(machine: Machine) -> Mapping[str, Any] | None:
    """The settings that are installed; None where there are none. Raises StepError where they are not TOML."""
    file = machine.root / PATH.lstrip("/")
    if not file.exists():
        return None
    return read(file)


def read(file: Path) -> Mapping[str, Any]:
    """A settings file as tables, not yet checked: that is ``gatepost config check``'s work. Raises StepError."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise StepError(f"{file} cannot be read as settings: {error}; correct it and run this again") from error


def lay_down(machine: Machine, given: Path | None, ask: Ask | None) -> Mapping[str, Any] | None:
    """The settings of this gate, laid down if there were none; None where nobody said any.

    ``given``: a county's file. ``ask``: None where nobody is there to answer. Raises StepError.
    """
    tables = there(machine)
    if tables is not None:
        if given is not None and read(given) != tables:
            say(f"      {PATH} is there and stays as it is; to use {given} instead, move it away first")
        return tables
    if given is not None:
        tables = read(given)
        lay(machine, PATH, given.read_text(encoding="utf-8-sig"))
    elif ask is not None:
        lay(machine, PATH, from_answers(ask))
        tables = there(machine)
    else:
        return None
    say(f"      {PATH} written")
    return tables


def from_answers(ask: Ask) -> str:
    """A settings text from a person's answers. It asks again until an answer can be used."""
    say("      Names are 1 to 40 of a-z, 0-9 and '-'. What is in [ ] is taken if you only press Enter.")
    answers = {
        "county": _until(ask, "County", "county-1", NAME),
        "school": _until(ask, "School", "school-1", NAME),
        "gate": _until(ask, "Gate", "main", NAME),
    }
    wiring = _until(ask, "Wiring: plain (one contact) or supervised (contact pair, reset key, siren)", "plain",
                    re.compile("plain|supervised"))  # fmt: skip
    broker = _until(ask, "The county's MQTT broker (name or address)", "mqtt.example.org", HOST)
    text = (TEMPLATES / f"{wiring}-button.toml").read_text(encoding="utf-8")
    for key, value in answers.items():
        text = re.sub(rf'(?m)^{key} = ".*"$', f'{key} = "{value}"', text, count=1)
    text = re.sub(r'(?m)^host = "mqtt(-1)?\.example\.org"$', f'host = "{broker}"', text, count=1)
    if wiring == "supervised":
        second = ask("A second broker, or Enter for none", "")
        if HOST.fullmatch(second):
            text = text.replace("mqtt-2.example.org", second)
        else:
            text = text[: text.rindex("\n[[broker]]")]
    return text


def protect(machine: Machine, tables: Mapping[str, Any]) -> list[str]:
    """Give the key and password files that the settings name to root and the daemon's group alone; those missing."""
    missing = []
    for file, group in sorted(_secrets(tables)):
        path = machine.root / file.lstrip("/")
        if not path.exists():
            missing.append(file)
            continue
        if file.startswith("/etc/"):
            machine.run("chown", f"root:{group}", file)
            machine.run("chmod", "0640", file)
    return missing


def _secrets(tables: Mapping[str, Any]) -> set[tuple[str, str]]:
    found = set()
    for name, table in [("broker", broker) for broker in tables.get("broker", [])] + list(tables.items()):
        if isinstance(table, dict):
            group = "gatepost-kiosk" if name == "kiosk" else "gatepost"
            found |= {(str(Path("/etc/gatepost") / table[key]), group) for key in SECRETS if key in table}
    return found


def _until(ask: Ask, question: str, default: str, allowed: re.Pattern[str]) -> str:
    while not allowed.fullmatch(answer := ask(question, default)):
        say(f"      {answer!r} cannot be used here")
    return answer

"""What goes into a support bundle, and what is taken out of it first: no secret, no temperature, no picture. Pure.

Nothing is copied from a file that may hold a secret: the settings go in as they are understood, without comments.
What programs and the journal say is searched for every secret of this gate that can be read, for private keys, and for
temperatures; so two mistakes are needed before one gets out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from edge.checks.daemon import units
from edge.checks.gate import Gate
from edge.checks.rights import secret_files
from edge.machine import Machine

REMOVED = "[removed]"
SECRET_LETTERS_MIN = 4
"""A shorter one would take half of the words with it; no password of a broker is so short."""

JOURNAL_LINES = 2_000

_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_NAMED = re.compile(
    r"(?i)\b([\w-]*(?:password|passwd|secret|token|private_key)[\w-]*['\"]?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|\S+)"
)
_CELSIUS = re.compile(r"(?i)((?:celsius|temperature|skin|estimate)\w*['\"]?\s*[=:]\s*)-?\d+(?:\.\d+)?")

_COMMANDS = {
    "kernel.txt": ("uname", "-a"),
    "kernel-messages.txt": ("dmesg", "--level=emerg,alert,crit,err,warn"),
    "addresses.txt": ("ip", "-brief", "address"),
    "routes.txt": ("ip", "route"),
    "space.txt": ("df", "-h"),
    "memory.txt": ("free", "-m"),
    "firmware.txt": ("vcgencmd", "version"),
    "time.txt": ("timedatectl", "show"),
}
"""Programs that look, and the names under which their words are kept."""


class Remover:
    """Takes secrets out of texts. Made of the values that must not be seen."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first: a short one may be part of it.
        self._secrets = sorted({one for one in secrets if len(one) >= SECRET_LETTERS_MIN}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without them, without private keys, and without anything that is called a temperature."""
        for secret in self._secrets:
            text = text.replace(secret, REMOVED)
        text = _PEM.sub(REMOVED, text)
        text = _NAMED.sub(rf"\g<1>{REMOVED}", text)
        return _CELSIUS.sub(rf"\g<1>{REMOVED}", text)


def remover_of(gate: Gate) -> Remover:
    """Knows what this gate's secret files hold, as far as this user may read them, and its user names."""
    secrets: list[str] = []
    if gate.settings is not None:
        secrets += [broker.username for broker in gate.settings.broker if broker.username is not None]
        for _, path in secret_files(gate.settings):
            try:
                secrets += gate.machine.text(path).split()
            except OSError:
                continue  # what may not be read here cannot get out from here
    return Remover(secrets)


def texts_of(gate: Gate, versions: Mapping[str, str]) -> dict[str, str]:
    """The machine's part of the bundle, by file name; not yet without secrets."""
    texts = {
        "versions.json": _json(versions),
        "settings.json": _json(settings_of(gate)),
        "status.json": _json(status_of(gate.view) if gate.asked.view is not None else {"no view": gate.asked.reason}),
    }
    names = [unit.value for unit in units(gate)]
    journal = [word for name in names for word in ("-u", name)]
    commands = {
        **_COMMANDS,
        "units.txt": ("systemctl", "show", *names),
        "journal.txt": ("journalctl", "--no-pager", "-o", "short-iso-precise", "-n", str(JOURNAL_LINES), *journal),
    }
    for name, words in commands.items():
        texts[name] = _said(gate.machine, words)
    for name, path in (("model.txt", "/proc/device-tree/model"), ("system.txt", "/etc/os-release")):
        try:
            texts[name] = gate.machine.text(path).replace("\0", "")
        except OSError as error:
            texts[name] = f"{path}: {error.strerror}\n"
    return texts


def settings_of(gate: Gate) -> dict[str, Any]:
    """Every key as it is understood, without user names; of a file that is not understood, which keys are wrong."""
    if gate.settings is None:
        # What was given may be a password in the wrong place, so only where and what is allowed.
        return {"mistakes": [re.sub(r"given .*; allowed:", f"given {REMOVED}; allowed:", one) for one in gate.mistakes]}
    tables: dict[str, Any] = msgspec.to_builtins(gate.settings)
    for broker in tables["broker"]:
        broker["username"] = None if broker["username"] is None else REMOVED
    return tables


def status_of(view: Mapping[str, Any]) -> dict[str, Any]:
    """The daemon's view without students: of the kiosk only whether its sensor is well."""
    sensor = (view.get("kiosk") or {}).get("sensor") or {}
    return {**view, "kiosk": {key: sensor.get(key) for key in ("error_share", "fault", "detector")}}


def _said(machine: Machine, words: tuple[str, ...]) -> str:
    output = machine.run(*words)
    if output is None:
        return f"{' '.join(words)}: not installed, or it did not end\n"
    return f"{output.text}{output.complaint}"


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n"

"""``gatepost forced``: the few words that a technician's SSH key may say, and nothing else.

sshd puts what was typed behind ``ssh gate`` into ``SSH_ORIGINAL_COMMAND`` (sshd(8), ``command=`` in authorized_keys).
No shell reads it here: it is compared, word for word, with what is allowed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Annotated, NoReturn

import typer

from edge.errors import RefusedError
from edge.options import spoken

HELP = spoken(
    """Obey one of a few words: for a key that may only look and test.

    In authorized_keys: restrict,pty,command="/opt/gatepost/current/bin/gatepost forced" ssh-ed25519 AAAA... name

    Exit code: that of the command; 10 for any other word.""",
    """只执行少数几个词：用于只能查看和测试的 SSH 密钥。

    写在 authorized_keys 中：restrict,pty,command="/opt/gatepost/current/bin/gatepost forced" ssh-ed25519 AAAA... 姓名

    退出码：所执行命令的退出码；其他词为 10。""",
)
EXAMPLES = spoken("Example: gatepost forced selftest status", "示例：gatepost forced selftest status")

ORIGINAL_COMMAND = "SSH_ORIGINAL_COMMAND"

ALLOWED: dict[str, tuple[str, ...]] = {
    "": ("selftest", "run", "--full"),
    "selftest": ("selftest", "run", "--full"),
    "selftest path": ("selftest", "run", "--path"),
    "selftest human": ("selftest", "run", "--human"),
    "selftest status": ("selftest", "status"),
    "selftest links": ("selftest", "links"),
    "status": ("status",),
    "doctor": ("doctor",),
    "queue": ("queue",),
    "tail": ("tail",),
    "wiring": ("wiring",),
    "ledger verify": ("ledger", "verify"),
}
"""What is said, and what is run."""

LOCALES = {"zh": "zh_CN.UTF-8", "en": "C"}
SHOWN_CHARACTERS_MAX = 60

Words = Annotated[list[str] | None, typer.Argument(metavar="[WORDS]...", show_default=False)]


def forced(words: Words = None) -> None:
    """Become the allowed command; its language as the terminal's, so that every command understands it."""
    asked = os.environ.get(ORIGINAL_COMMAND, " ".join(words or ()))
    command, locale = allowed(asked)
    environment = dict(os.environ)
    environment.pop(ORIGINAL_COMMAND, None)
    if locale is not None:
        environment.pop("LC_ALL", None)
        environment["LC_MESSAGES"] = locale
    _become(command, environment)


def allowed(asked: str) -> tuple[tuple[str, ...], str | None]:
    """The arguments of ``gatepost`` for what was asked, and the locale if a language was. Raises RefusedError."""
    words, options, locale = asked.split(" "), [], None
    while True:
        match words:
            case [*others, "--json"]:
                words, options = others, ["--json"]
            case [*others, "--language", ("zh" | "en") as language]:
                words, locale = others, LOCALES[language]
            case _:
                break
    command = ALLOWED.get(" ".join(words))
    if command is None:
        shown = "".join(letter if letter.isprintable() else "?" for letter in asked[:SHOWN_CHARACTERS_MAX])
        known = ", ".join(word for word in ALLOWED if word)
        raise RefusedError(
            f"{shown!r} is not allowed here; allowed: {known}; with --json, --language zh, --language en"
        )
    return (*command, *options), locale


def _become(command: tuple[str, ...], environment: Mapping[str, str]) -> NoReturn:
    """-P: what lies in the directory of whoever logged in is not imported."""
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-P", "-m", "edge", *command], dict(environment))

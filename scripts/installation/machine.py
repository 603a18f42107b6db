"""The machine that is installed on: this one, or a directory that is made to look like one (``--root``).

Both write files. Only the real one runs commands that change the machine; the other notes them down.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class StepError(Exception):
    """A step that could not be done: what failed and what to do, one line."""


class Machine(Protocol):
    """What the steps of an installation need."""

    root: Path

    def run(self, *command: str, quiet: bool = True) -> None:
        """Run a command that changes the machine. Raises StepError with its last words."""

    def ask(self, *command: str) -> tuple[int, str]:
        """Run a command that changes nothing; its exit code (127: no such program) and what it said."""

    def boots(self) -> bool:
        """systemd runs here and can be told to start services. False in a chroot and in a directory."""


class ThisMachine:
    """The machine this runs on. Needs root."""

    root = Path("/")

    def run(self, *command: str, quiet: bool = True) -> None:
        """As the port says. ``quiet`` False: its output is shown as it comes."""
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        # Where a checkout was made ready for development, pip would find gatepost in it and install nothing.
        environment.pop("PYTHONPATH", None)
        try:
            done = subprocess.run(
                command, env=environment, cwd="/", capture_output=quiet, text=True, check=False,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            raise StepError(f"{command[0]} cannot be run: {error.strerror}") from error
        if done.returncode != 0:
            last = ((done.stderr or "") + (done.stdout or "")).strip().splitlines()[-3:]
            raise StepError(f"{' '.join(command)} failed ({done.returncode}): {' / '.join(last) or 'see above'}")

    def ask(self, *command: str) -> tuple[int, str]:
        """As the port says."""
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"}
            )
        except OSError:
            return 127, ""
        return done.returncode, done.stdout or done.stderr

    def boots(self) -> bool:
        """As the port says."""
        return Path("/run/systemd/system").is_dir()


class StagedMachine:
    """A directory that gets the files; ``commands`` is what would have been run. ``answers``: what programs say."""

    def __init__(self, root: Path, answers: dict[str, tuple[int, str]] | None = None, boots: bool = False) -> None:
        self.root = root
        self.commands: list[tuple[str, ...]] = []
        self._answers = answers or {}
        self._boots = boots

    def run(self, *command: str, quiet: bool = True) -> None:  # noqa: ARG002
        """As the port says: only noted."""
        self.commands.append(command)

    def ask(self, *command: str) -> tuple[int, str]:
        """As the port says, from ``answers`` by the longest beginning that is there."""
        words = " ".join(command)
        fitting = [beginning for beginning in self._answers if words.startswith(beginning)]
        return self._answers[max(fitting, key=len)] if fitting else (127, "")

    def boots(self) -> bool:
        """As the port says."""
        return self._boots


def lay(machine: Machine, path: str, content: str, mode: int = 0o644) -> bool:
    """Make the file ``path`` have this content, whole or not at all; True if it had not."""
    file = machine.root / path.lstrip("/")
    if file.exists() and file.read_text(encoding="utf-8") == content:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.gatepost-new")
    part.write_text(content, encoding="utf-8")
    part.chmod(mode)
    part.replace(file)
    return True


def say(line: str) -> None:
    """One line for the person who installs."""
    print(line, flush=True)


def ask_person(question: str, default: str) -> str:
    """The person's answer, ``default`` where nothing was typed."""
    answer = input(f"      {question} [{default}]: ").strip()
    return answer or default


def agreed(question: str, yes: bool) -> bool:
    """The person says yes; with ``--yes`` nobody is asked, and without a terminal nobody agreed."""
    if yes:
        return True
    return sys.stdin.isatty() and input(f"{question} [y/N]: ").strip().lower() in ("y", "yes", "j", "是")


def names(words: Sequence[str]) -> str:
    """Words for a sentence: "a, b"."""
    return ", ".join(words)

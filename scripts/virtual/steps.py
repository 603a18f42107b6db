"""How the builder runs commands and tells of its steps."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path


class BuildError(Exception):
    """The machine cannot be built; the text says which command failed and what it said."""


def run(
    *words: object, directory: Path | None = None, environment: Mapping[str, str] | None = None, stdin: str = ""
) -> str:
    """What a command prints. Raises BuildError with the end of what it said where it fails."""
    command = [str(word) for word in words]
    done = subprocess.run(
        command, cwd=directory, env=environment, input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise BuildError(f"{' '.join(command)[:300]}: exit code {done.returncode}\n{said}")
    return done.stdout


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is done and how long it took."""
    began_s = time.monotonic()
    print(f"{what} ...", flush=True)
    yield
    print(f"{what}: {time.monotonic() - began_s:.0f} s", flush=True)


def newest(*paths: Path) -> float:
    """When the newest file below any of these was changed; 0.0 where there is none."""
    files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
    return max((file.stat().st_mtime for file in files if "__pycache__" not in file.parts), default=0.0)

"""The kernel's numbers of a child's threads: the child writes them down, the test reads them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

from tests.process.waiting import until

FILE = "threads.json"


def write_numbers(directory: Path) -> None:
    """In the child, when it is asked. The file is there once it is whole."""
    half = directory / "threads.half"
    half.write_text(json.dumps({thread.name: thread.native_id for thread in threading.enumerate()}))
    half.rename(directory / FILE)


def read_numbers(directory: Path, ask: Callable[[], None]) -> dict[str, int]:
    """In the test: ask the child and read, by the threads' names."""
    file = directory / FILE
    file.unlink(missing_ok=True)
    ask()
    numbers: dict[str, int] = json.loads(until(lambda: file.read_text() if file.exists() else ""))
    return numbers

"""Numbers the daemon's lives. Order of events is (boot counter, monotonic time, counter), so this number only rises.

The counter is in the small file ``boot`` of the state directory, replaced whole; the event log is its second copy.
"""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from edge import whole_file
from edge.events import Boot

FILE = "boot"
DATABASE = "events.db"

_COUNTER = re.compile(r"[1-9][0-9]{0,14}\n")


def next_boot(state_directory: str | Path, kernel_boot: str) -> tuple[Boot, str | None]:
    """Begin a new life: its identity, and what is wrong with the counter if anything is. Never raises.

    Called once, at start, before the store is opened. A counter that can not be kept still rises above the last one
    that was: only a further start before the card is repaired gets the same number again.
    """
    directory = Path(state_directory)
    problems: list[str] = []
    counter = _last(directory, problems) + 1
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _keep(directory, counter)
    except OSError as error:
        problems.append(f"boot counter {counter} can not be kept: {error}")
    return Boot(secrets.token_hex(8), counter, kernel_boot), "; ".join(problems) or None


def _last(directory: Path, problems: list[str]) -> int:
    """The highest counter known; 0 at the very first start."""
    file = directory / FILE
    try:
        text = file.read_bytes()[:20].decode("ascii", errors="replace")
        if _COUNTER.fullmatch(text):
            return int(text)
        problems.append(f"{file} is damaged: the boot counter is taken from the event log")
    except FileNotFoundError:
        pass  # the first start; a log without it is looked into all the same
    except OSError as error:
        problems.append(f"{file} can not be read: {error}")
    return _last_logged(directory / DATABASE, problems)


def _last_logged(database: Path, problems: list[str]) -> int:
    """The highest counter in the event log, 0 where there is none."""
    if not os.path.exists(database):
        return 0
    # ``immutable`` opens a log on a read-only card, where the first way wants to make a file beside it.
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        try:
            with closing(sqlite3.connect(f"file:{quote(str(database))}?{mode}", uri=True, timeout=1)) as connection:
                (highest,) = connection.execute("SELECT max(boot_counter) FROM events").fetchone()
                return highest if isinstance(highest, int) else 0
        except sqlite3.Error as error:
            problem = f"{database} does not tell the last boot counter: {error}"
    problems.append(problem)
    return 0


def _keep(directory: Path, counter: int) -> None:
    """Replace the file so that a power cut leaves the old one or the new one, whole."""
    whole_file.lay(directory / FILE, b"%d\n" % counter, mode=0o644)

"""The real reference centre as a process, and its officer at the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from centre.desk import call
from edge.errors import GatepostError
from tests.process.gate import COUNTY
from tests.process.programs import PROJECT, Program
from tests.process.waiting import PATIENCE_S, until

Arrived = dict[str, Any]


class CentreProcess(Program):
    """``python -m centre run``, one life after another on one database."""

    def __init__(self, directory: Path, *ports: int, silent_after_s: int = 90) -> None:
        super().__init__("centre", directory)
        self.run_directory = directory / "run"
        self._ports = ports
        self._silent_after_s = silent_after_s

    def __enter__(self) -> CentreProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def command(self) -> Sequence[str]:
        brokers = [word for port in self._ports for word in ("--broker", f"mqtt://127.0.0.1:{port}")]
        return [
            *("-m", "centre", "run", "--county", COUNTY, *brokers, "--database", str(self.directory / "centre.db")),
            *("--runtime-directory", str(self.run_directory), "--silent-after", str(self._silent_after_s)),
        ]

    def start(self) -> CentreProcess:
        """Start, and return once it listens at a broker."""
        self.spawn()
        self.wait_ready()
        return self

    def restart(self) -> None:
        """A sudden end and a new life."""
        self.kill9()
        self.start()

    def events(self, gate: str | None = None) -> list[Arrived]:
        """All that arrived, in the order of arrival: seq, address, arrivals, received_wall_ms, event."""
        rows: list[Arrived] = []
        while True:
            after = rows[-1]["seq"] if rows else 0
            page: Any = call(self.run_directory, {"do": "events", "after": after, "limit": 2000, "gate": gate})
            if not page:
                return rows
            rows += page

    def presses(self, gate: str | None = None) -> list[Arrived]:
        """The presses that arrived, each once."""
        return [row for row in self.events(gate) if is_press(row)]

    def look(self) -> dict[str, Any]:
        """What ``list`` shows."""
        answer: Any = call(self.run_directory, {"do": "list"})
        assert isinstance(answer, dict)
        return answer

    def wait_look(self, fits: Callable[[dict[str, Any]], bool], seconds: float = PATIENCE_S) -> dict[str, Any]:
        """What ``list`` shows, as soon as it fits."""
        return until(self.look, fits, seconds, self.log)

    def incidents(self) -> list[dict[str, Any]]:
        """The incidents that are not done."""
        found: list[dict[str, Any]] = self.look()["incidents"]
        return found

    def wait_for(self, fits: Callable[[list[Arrived]], bool], seconds: float = PATIENCE_S) -> list[Arrived]:
        """All that arrived, as soon as it fits."""

        def look() -> list[Arrived]:
            try:
                return self.events()
            except GatepostError:
                return []  # it is just starting

        return until(look, fits, seconds, self.log)

    def wait_presses(self, count: int, seconds: float = PATIENCE_S) -> list[Arrived]:
        """The presses, as soon as there are so many."""
        rows = self.wait_for(lambda rows: sum(map(is_press, rows)) >= count, seconds)
        return [row for row in rows if is_press(row)]

    def wait_trouble(self, trouble: str, qualifier: int = 1, seconds: float = PATIENCE_S) -> Arrived:
        """The first report of a trouble (qualifier 1) or of its restore (3), as soon as it is here."""
        rows = self.wait_for(lambda rows: any(is_trouble(row, trouble, qualifier) for row in rows), seconds)
        return next(row for row in rows if is_trouble(row, trouble, qualifier))

    def seen(self, id: str, by: str = "officer Wang") -> None:
        """The officer has seen the alarm."""
        self.officer("seen", id, "--by", by)

    def dispatched(self, id: str, by: str = "officer Wang") -> None:
        """Help is on its way."""
        self.officer("dispatched", id, "--by", by)

    def close_incident(self, id: str, by: str = "officer Wang") -> None:
        """The incident is over."""
        self.officer("close", id, "--by", by)

    def officer(self, *words: str) -> Any:
        """An officer at the command line; the answer of ``--json``."""
        done = subprocess.run(
            [sys.executable, "-m", "centre", *words, "--runtime-directory", str(self.run_directory), "--json"],
            capture_output=True,
            check=False,
            cwd=PROJECT,
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)


def is_press(row: Arrived) -> bool:
    """True for a person's press."""
    event = row["event"]
    return event["topic"] == "alarm" and event["code"] in (122, 123) and event["origin"] == "person"


def is_trouble(row: Arrived, trouble: str, qualifier: int = 1) -> bool:
    """True for the report of this trouble, or with qualifier 3 of its restore."""
    event = row["event"]
    return event["topic"] == "trouble" and event["body"].get("trouble") == trouble and event["qualifier"] == qualifier

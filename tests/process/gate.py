"""The real daemon as a process: settings in a file, presses by the bench hand, the view by its socket."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge.requests import CONTROL_SOCKET, VIEW_SOCKET
from tests.process.programs import PROJECT, Program
from tests.process.waiting import PATIENCE_S, until

COUNTY = "xihu"
SCHOOL = "school-3"

PAUSE_S = 0.06
"""A finger's pause before the next press: longer than ``button.release_ms``."""

Table = Mapping[str, object]
View = dict[str, Any]

QUICK = {"heartbeat_s": 5, "probe_s": 2, "reconnect_s_max": 1, "acknowledge_s_max": 5}
"""Uplink settings of tests: all within the allowed ranges, at their lively end."""


def plain_broker(port: int, name: str = "one", **more: object) -> dict[str, object]:
    """A broker on this machine without TLS."""
    return {"name": name, "host": "127.0.0.1", "port": port, "tls": False, **more}


def settings_text(brokers: Sequence[Table], tables: Mapping[str, Table]) -> str:
    """A settings file. JSON's strings, numbers and booleans are TOML's as well."""
    lines: list[str] = []
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items()), ""]
    for broker in brokers:
        lines += ["[[broker]]", *(f"{key} = {json.dumps(value)}" for key, value in broker.items()), ""]
    return "\n".join(lines)


def bench_tables(directory: Path, name: str = "north", /, **more: Table) -> dict[str, Table]:
    """The tables of a gate on a bench. Those of ``more`` are added to, or laid over, the usual ones."""
    usual: dict[str, Table] = {
        "gate": {
            "county": COUNTY,
            "school": SCHOOL,
            "gate": name,
            "state_directory": str(directory / "state"),
            "runtime_directory": str(directory / "run"),
        },
        "pins": {"factory": "mock"},
        "button": {"key_gpio": 17},
        "lamps": {"status_gpio": 22, "fault_gpio": 23},
        "uplink": QUICK,
    }
    return {**usual, **{name: {**usual.get(name, {}), **table} for name, table in more.items()}}


def gatepost(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command ``gatepost`` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "edge", *words],
        capture_output=True, text=True, check=False, cwd=PROJECT, timeout=PATIENCE_S,
    )  # fmt: skip


class NoAnswer(Exception):
    """The daemon did not take, or did not answer, a request."""


def ask(path: Path, request: Mapping[str, object]) -> dict[str, Any]:
    """One request at a local socket, and its answer. Raises NoAnswer."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE_S)
            connection.connect(str(path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline()
    except OSError as error:
        raise NoAnswer(str(error)) from error
    if not line:
        raise NoAnswer("it hung up")
    answer: dict[str, Any] = json.loads(line)
    return answer


class GateProcess(Program):
    """``python -m edge run`` on mock pins, one life after another in one state directory."""

    def __init__(self, directory: Path, *brokers: int | Table, name: str = "north", **tables: Table) -> None:
        super().__init__("gate", directory)
        self.name = name
        self.settings_file = directory / "gate.toml"
        self.run_directory = directory / "run"
        listed = [
            plain_broker(broker, f"broker-{number}") if isinstance(broker, int) else broker
            for number, broker in enumerate(brokers, 1)
        ]
        self.tables = bench_tables(directory, name, **tables)
        self.state = Path(str(self.tables["gate"]["state_directory"]))
        self.settings_file.write_text(settings_text(listed, self.tables))

    def __enter__(self) -> GateProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def command(self) -> Sequence[str]:
        return ["-m", "edge", "run", "--config", str(self.settings_file)]

    def start(self, **environment: str) -> GateProcess:
        """Start, and return once the button is armed."""
        self.spawn(**environment)
        self.wait_ready()
        return self

    def restart(self) -> None:
        """A sudden end and a new life."""
        self.kill9()
        self.start()

    def press(self, hold_ms: int = 100) -> None:
        """Have the bench close the contact. Returns when it was taken. Raises NoAnswer where nobody takes it."""
        answer = ask(self.run_directory / CONTROL_SOCKET, {"id": 1, "ask": "press", "hold_ms": hold_ms})
        assert answer["ok"], answer

    def press_and_wait(self, hold_ms: int = 100) -> View:
        """Press, and return the view once the press is known and the next one would count as another."""
        before = _newest_press(self.view())
        self.press(hold_ms)
        view = self.wait_for(
            lambda view: _newest_press(view) != before and not view["contacts"]["key_closed"],
            PATIENCE_S + hold_ms / 1000,
        )
        time.sleep(PAUSE_S)
        return view

    def reset(self, by: str) -> dict[str, Any]:
        """A named person ends the incident."""
        return ask(self.run_directory / CONTROL_SOCKET, {"id": 1, "ask": "reset", "by": by})

    def command_line(self, *words: str) -> subprocess.CompletedProcess[str]:
        """``gatepost`` of the same settings, at the command line."""
        return gatepost(*words, "--config", str(self.settings_file))

    def view(self) -> View:
        """The state. Raises NoAnswer."""
        answer = ask(self.run_directory / VIEW_SOCKET, {"id": 1, "ask": "status"})
        assert answer["ok"], answer
        view: View = answer["view"]
        return view

    def wait_for(self, fits: Callable[[View], bool], seconds: float = PATIENCE_S) -> View:
        """The view, as soon as it fits."""
        return until(self.view, fits, seconds, self.log)

    def wait_lamp(self, show: str, seconds: float = PATIENCE_S) -> View:
        """The view, as soon as the lamp shows this."""
        return self.wait_for(lambda view: view["lamp"] == show, seconds)

    def wait_connected(self, broker: int = 0) -> View:
        """The view, as soon as this broker is connected and the store answers."""
        return self.wait_for(lambda view: view["brokers"][broker]["phase"] == "up" and view["last_id"] is not None)


def _newest_press(view: View) -> str | None:
    last = view["last_press"]
    return None if last is None else str(last["id"])


def troubles(view: View) -> set[str]:
    """The troubles that stand."""
    return {one["trouble"] for one in view["standing"]}

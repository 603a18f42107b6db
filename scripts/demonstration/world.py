"""Everything the demo starts: a broker, the centre, a gate and its kiosk, in a directory that is thrown away."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from demonstration.broker import broker_command
from demonstration.cable import Cable
from edge.client import Client
from edge.errors import GatepostError

WAIT_S_MAX = 30.0

SETTINGS = """\
[gate]
county = "demo"
school = "school-1"
gate = "main-gate"
state_directory = "{directory}/state"
runtime_directory = "{directory}/run"

[pins]
factory = "mock"

[button]
key_gpio = 17

[lamps]
status_gpio = 22
fault_gpio = 23

[[broker]]
name = "cable"
host = "127.0.0.1"
port = {port}
tls = false
connect_s_max = 2

# A quick temper, so that nobody has to wait for the demo to notice a pulled cable.
[uplink]
heartbeat_s = 5
probe_s = 2
acknowledge_s_max = 2
reconnect_s_max = 2

[thermometer]
part = "BCC"

[kiosk]
police_telephone = "110"
port = {kiosk_port}
"""


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


class World:
    """The four processes and the cable. ``close`` ends them all."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="gatepost-demo-")
        self.directory = Path(self._directory.name)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.broker_name = "?"
        self._broker_port = _free_port()
        self.page = f"http://127.0.0.1:{_free_port()}/"

    def start(self, said: Callable[[str], None]) -> None:
        """Bring everything up, in order. Raises DemoError."""
        self._start_broker()
        self.cable = Cable(self._broker_port)
        said(f"broker   {self.broker_name} on port {self._broker_port}")
        self.start_centre()
        said("centre   gatepost-centre, SQLite, answers every alarm with a receipt")
        settings = self.directory / "gatepost.toml"
        text = SETTINGS.format(directory=self.directory, port=self.cable.port, kiosk_port=self.page.split(":")[2][:-1])
        settings.write_text(text, encoding="utf-8")
        self._run("gate", [sys.executable, "-m", "edge", "run", "--config", str(settings)])
        self.wait("the gate is armed and connected", lambda view: view["armed"] and view["brokers"][0]["phase"] == "up")
        said("gate     gatepost run, simulated pins and infrared sensor, button armed")
        self._run("kiosk", [sys.executable, "-m", "kiosk", "run", "--config", str(settings)])
        self._until("the kiosk's page answers", self._page_answers)
        said(f"kiosk    gatepost-kiosk, for students at {self.page}, for the teacher at {self.page}teacher")

    def close(self) -> None:
        """End everything and throw the directory away."""
        for process in reversed(self._processes.values()):
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._directory.cleanup()

    # --- the gate ---------------------------------------------------------------------------------------------------

    def view(self) -> dict[str, Any]:
        """The gate's own view, through its view socket."""
        return self._client("view.sock").ask("status")

    def press(self) -> None:
        """Push the simulated button for a tenth of a second."""
        self._client("control.sock").ask("press", hold_ms=100)

    def see(self, object_celsius: float, ambient_celsius: float) -> None:
        """Let the simulated infrared sensor see this from now on."""
        self._client("control.sock").ask("see", object_celsius=object_celsius, ambient_celsius=ambient_celsius)

    def reset(self, by: str) -> None:
        """End the incident as a named person at the gate."""
        self._client("control.sock").ask("reset", by=by)

    def wait(self, what: str, true: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
        """Look at the gate until ``true`` of it. Raises DemoError after WAIT_S_MAX seconds."""
        end = time.monotonic() + WAIT_S_MAX
        problem: object = "no answer yet"
        while time.monotonic() < end:
            self._alive()
            try:
                view = self.view()
                if true(view):
                    return view
                problem = json.dumps(view, indent=1)
            except GatepostError as error:
                problem = error
            time.sleep(0.02)
        raise DemoError(f"waited {WAIT_S_MAX:.0f} s in vain until {what}. Last seen: {problem}\n{self.tail()}")

    # --- the centre -------------------------------------------------------------------------------------------------

    def start_centre(self) -> None:
        """Start the centre (again) and wait until it listens."""
        self._run(
            "centre",
            [
                *self._centre("run"), "--county", "demo", "--broker", f"mqtt://127.0.0.1:{self._broker_port}",
                "--database", str(self.directory / "centre.db"),
            ],
        )  # fmt: skip
        self._until("the centre listens", lambda: b"listening" in self._log("centre").read_bytes())

    def stop_centre(self) -> None:
        """Let the centre go home."""
        process = self._processes.pop("centre")
        process.terminate()
        process.wait(10)

    @property
    def centre_runs(self) -> bool:
        """True while the centre is there."""
        return "centre" in self._processes

    def act(self, what: str, incident: str) -> None:
        """An officer sees, dispatches or closes."""
        self._officer(what, incident, "--by", "Officer Li")

    def events(self) -> list[dict[str, Any]]:
        """What the centre keeps."""
        return list(json.loads(self._officer("events", "--json")))

    def wait_events(self, what: str, topic: str, count: int) -> list[dict[str, Any]]:
        """The centre's events of a topic, once there are so many. Raises DemoError where there are more or too few."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = [row["event"] for row in self.events() if row["event"]["topic"] == topic]
            return len(found) >= count

        self._until(what, there)
        if len(found) != count:
            raise DemoError(f"{len(found)} events on {topic} instead of {count}")
        return found

    # --- processes --------------------------------------------------------------------------------------------------

    def tail(self) -> str:
        """The last lines of every log, for a person who looks for the fault."""
        parts = []
        for log in sorted(self.directory.glob("*.log")):
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
            parts.append("\n".join([f"--- {log.stem}", *lines]))
        return "\n".join(parts)

    def _officer(self, *arguments: str) -> str:
        command, *rest = arguments
        done = subprocess.run(
            [*self._centre(command), *rest], capture_output=True, text=True, timeout=WAIT_S_MAX, check=False
        )  # fmt: skip
        if done.returncode:
            raise DemoError(done.stderr.strip())
        return done.stdout

    def _centre(self, command: str) -> list[str]:
        return [sys.executable, "-m", "centre", command, "--runtime-directory", str(self.directory / "centre")]

    def _client(self, name: str) -> Client:
        return Client(self.directory / "run" / name)

    def _start_broker(self) -> None:
        self.broker_name, command = broker_command(self._broker_port, self.directory)
        self._run("broker", command)
        self._until("the broker answers", lambda: self._answers(self._broker_port))

    def _answers(self, port: int) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    def _page_answers(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(self.page, timeout=1) as page:
            return bool(page.status == 200)
        return False

    def _until(self, what: str, true: Callable[[], bool]) -> None:
        """Wait for a process. Raises DemoError after WAIT_S_MAX seconds, or when any of them ended."""
        end = time.monotonic() + WAIT_S_MAX
        while not true():
            self._alive()
            if time.monotonic() > end:
                raise DemoError(f"waited {WAIT_S_MAX:.0f} s in vain until {what}.\n{self.tail()}")
            time.sleep(0.02)

    def _run(self, name: str, command: list[str]) -> None:
        with self._log(name).open("wb") as log:
            self._processes[name] = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _alive(self) -> None:
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise DemoError(f"the {name} ended by itself with code {process.returncode}.\n{self.tail()}")

    def _log(self, name: str) -> Path:
        return self.directory / f"{name}.log"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])

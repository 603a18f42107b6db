"""A whole gate: gatepost installed in the virtual machine; on the host its broker, by TLS, and the reference centre.

What the hand, the weather and the burglar do to a gate is done here to the machine's hardware, never to the program.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from tests.process.brokers import Authority, Mosquitto, free_port
from tests.process.centre import Arrived, CentreProcess
from tests.process.gate import QUICK, Table, View, settings_text
from tests.process.waiting import until
from virtual.machine import Machine, MachineError

KEY, KEY_NC, RESET = 17, 27, 5
STATUS_LAMP, FAULT_LAMP = 22, 23
HOST = "10.0.2.2"
"""The host, as the guest's network has it."""

CERTIFICATE_DAYS = 365
"""Of the gate. One that ends soon is a trouble, and each test has troubles of its own."""

PROGRAMS = "/usr/local/lib/virtual-gate"
STATE, SETTINGS = "/var/lib/gatepost", "/etc/gatepost/gatepost.toml"
SYNCED_FILE = "/run/clock-is-set"
PATIENCE_S = 90.0
"""How long a test waits for what must come: three times what suffices on a machine that is not emulated."""


class VirtualGate:
    """A gate with everything that it talks to. Entering starts broker and centre; ``start`` starts the gate."""

    def __init__(self, machine: Machine, county: Authority, directory: Path) -> None:
        self.machine = machine
        self._county = county
        certificate, key = county.issue("broker", host=f"IP:{HOST}")
        self._plain_port = free_port()
        secure = [f"cafile {county.certificate}", f"certfile {certificate}", f"keyfile {key}",
                  "require_certificate true", f"listener {self._plain_port} 127.0.0.1"]  # fmt: skip
        self.broker = Mosquitto(directory / "broker", secure)
        self.centre = CentreProcess(directory / "centre", self._plain_port)

    def __enter__(self) -> Self:
        self.broker.start()
        self.centre.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.centre.close()
        self.broker.kill()

    # --- the gate's life --------------------------------------------------------------------------------------------

    def commission(self, **tables: Table) -> None:
        """Lay down settings and certificates, as a technician does, and have the gate start at every boot.

        ``tables`` are added to, or laid over, the usual ones; a table that is not usual is new.
        """
        usual: dict[str, Table] = {
            "gate": {"county": "xihu", "school": "school-3", "gate": "north"},
            "button": {"key_gpio": KEY},
            "lamps": {"status_gpio": STATUS_LAMP, "fault_gpio": FAULT_LAMP},
            "uplink": QUICK,
            "clock": {"source": "file", "synced_file": SYNCED_FILE},
        }
        broker = {
            "name": "county-one", "host": HOST, "port": self.broker.port, "ca_file": "/etc/gatepost/ca.pem",
            "certificate_file": "/etc/gatepost/gate.pem", "private_key_file": "/etc/gatepost/gate.key",
            "connect_s_max": 20,
        }  # fmt: skip
        merged = {**usual, **{name: {**usual.get(name, {}), **table} for name, table in tables.items()}}
        certificate, key = self._county.issue("gate-north", days=CERTIFICATE_DAYS)
        put = self.machine.put
        put(SETTINGS, settings_text([broker], merged))
        put("/etc/gatepost/ca.pem", self._county.certificate.read_bytes())
        put("/etc/gatepost/gate.pem", certificate.read_bytes())
        put("/etc/gatepost/gate.key", key.read_bytes(), "640", "root:gatepost")
        self.machine.run("systemctl enable gatepost")

    def start(self, **tables: Table) -> None:
        """Commission and start the gate; return once it is armed, connected and its store is open."""
        self.commission(**tables)
        self.machine.run(f"touch {SYNCED_FILE}; systemctl start gatepost")
        self.wait_connected()

    def power_on(self, *, cable: bool = True) -> None:
        """Give a commissioned gate its power back; return once it is armed and its store is open."""
        self.machine.power_on(
            cable=cable,
            started=lambda: self.wait_for(lambda view: view["armed"] and view["last_id"] is not None),
        )

    def wait_connected(self) -> View:
        """The view, as soon as broker, centre and store answer."""
        return self.wait_for(
            lambda view: view["brokers"][0]["phase"] == "up" and view["brokers"][0]["centre_listening"] is True
            and view["last_id"] is not None
        )  # fmt: skip

    def process(self) -> int:
        """The daemon's process id, 0 where there is none."""
        return int(self.machine.run("systemctl show -P MainPID gatepost"))

    def journal(self) -> str:
        """The end of what the daemon said."""
        return self.machine.attempt("journalctl -u gatepost -b -o short-monotonic --no-pager | tail -n 40")[1]

    def uptime_ms(self) -> float:
        """The guest's monotonic clock, to 10 ms."""
        return float(self.machine.run("cat /proc/uptime").split()[0]) * 1000

    def restarted(self, fault: str, seconds: float = 60) -> float:
        """Do something to the daemon in the guest's shell; the seconds from then until its next life is armed.

        ``fault`` may use $PID. The moment is systemd's own: to ask again and again would take the emulated processor
        from the very start that is measured.
        """
        told = self.machine.run(
            f"""PID=$(systemctl show -P MainPID gatepost); began=$(cut -d' ' -f1 /proc/uptime); {fault}
            until set -- $(systemctl show -P MainPID -P ActiveState gatepost)
                [ "$1" != 0 ] && [ "$1" != $PID ] && [ "$2" = active ]; do sleep 1; done
            echo " $began $(systemctl show -P ActiveEnterTimestampMonotonic gatepost)" """,
            seconds,
        ).split()
        return int(told[-1]) / 1e6 - float(told[-2])

    # --- hardware ---------------------------------------------------------------------------------------------------

    def wire(self, line: int, *, closed: bool) -> float:
        """Close a contact to ground, or open it, and leave it so; the guest's moment, as ``uptime_ms`` gives it."""
        told = self.machine.run(
            f"cat /proc/uptime; echo pull-{'down' if closed else 'up'} >/run/gpio/sim_gpio{line}/pull"
        )
        return float(told.split()[0]) * 1000

    def press(
        self,
        count: int = 1,
        hold_ms: float = 60,
        pauses_ms: tuple[float, float] = (0, 0),
        *,
        seed: int = 1,
        clock: int | None = None,
        seconds: float = 120,
    ) -> dict[str, Any]:
        """Close the button's contact ``count`` times; what was done, as the program ``press`` tells it."""
        words = [KEY, count, hold_ms, *pauses_ms, seed, *([] if clock is None else [clock])]
        told = self.machine.run(f"{PROGRAMS}/press {' '.join(map(str, words))}", seconds)
        done: dict[str, Any] = json.loads(told)
        return done

    def lamps(self, seconds: float = 2.5) -> list[tuple[float, int, int]]:
        """What both lamps do for a while: moment in milliseconds, line, level."""
        return [tuple(seen) for seen in json.loads(
            self.machine.run(f"{PROGRAMS}/watch-lines {seconds} {STATUS_LAMP} {FAULT_LAMP}")
        )]  # fmt: skip

    # --- what it says -----------------------------------------------------------------------------------------------

    def ask(self, **request: object) -> dict[str, Any]:
        """One request to the daemon. Raises MachineError where it does not answer."""
        answer: dict[str, Any] = json.loads(self.machine.run(f"{PROGRAMS}/ask '{json.dumps({'id': 1, **request})}'"))
        return answer

    def view(self) -> View | None:
        """The daemon's state, None while nobody answers. Raises MachineError where the machine has ended."""
        try:
            answer = self.ask(ask="status")
        except (MachineError, json.JSONDecodeError):
            if not self.machine.on:
                raise
            return None
        view: View = answer["view"]
        return view

    def wait_for(self, fits: Callable[[View], bool], seconds: float = PATIENCE_S) -> View:
        """The view, as soon as it fits."""
        view = until(self.view, lambda view: view is not None and fits(view), seconds, self.journal)
        assert view is not None
        return view

    def wait_lamp(self, show: str, seconds: float = PATIENCE_S) -> View:
        """The view, as soon as the lamp shows this."""
        return self.wait_for(lambda view: view["lamp"] == show, seconds)

    def wait_presses(self, count: int, seconds: float = PATIENCE_S) -> list[Arrived]:
        """The presses at the centre, as soon as there are so many."""
        return self.centre.wait_presses(count, seconds)

    def wait_trouble(self, trouble: str, qualifier: int = 1, seconds: float = PATIENCE_S) -> Arrived:
        """The first report of a trouble (qualifier 1) or of its restore (3) at the centre."""
        return self.centre.wait_trouble(trouble, qualifier, seconds)


class HostClock:
    """Tells the guest the host's wall time, in milliseconds, for each byte that it sends."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _serve(self) -> None:
        try:
            while True:
                line, _ = self._listening.accept()
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with line:
                    while line.recv(1):
                        line.sendall(f"{time.time() * 1000}\n".encode())
        except OSError:
            return  # closed


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which this part of them lies."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]

"""``scripts/demo --vm``: the gate in the virtual machine, its line, thermometer, cable and plug in your hands."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demonstration.live import COLOURS, STAGES, key_pressed, raw_keys
from demonstration.world import DemoError, World
from edge.infrared_words import AMBIENT, OBJECT, word_of
from virtual.machine import Machine, MachineError
from virtual.places import cache, why_no_image

KEYS = (
    ("space", "close the button's line for 0.1 s"),
    ("h", "hold it closed / let go"),
    ("w", "warm the thermometer: nobody, a well student, one with fever"),
    ("b", "break its bus / mend it"),
    ("n", "pull the network cable / put it back"),
    ("p", "cut the power, and switch on again"),
    ("q", "quit"),
)
SEEN = (("nobody", 24.0), ("a well student", 34.6), ("one with fever", 37.4))
AMBIENT_CELSIUS = 22.0
SETTINGS = """\
[gate]
county = "demo"
school = "school-1"
gate = "virtual"
[button]
key_gpio = 17
[lamps]
status_gpio = 22
fault_gpio = 23
[uplink]
heartbeat_s = 5
probe_s = 2
acknowledge_s_max = 5
reconnect_s_max = 2
[thermometer]
part = "BCC"
[[broker]]
name = "cable"
host = "10.0.2.2"
port = {port}
tls = false
connect_s_max = 10
"""


class VirtualWorld(World):
    """Broker and centre on this machine, the gate in the virtual one."""

    def __init__(self) -> None:
        super().__init__()
        directory = cache() / "demo"
        shutil.rmtree(directory, ignore_errors=True)
        self.machine = Machine(directory)
        self.cable_in = True
        self.held = False
        self.bus_broken = False
        self.seen = 0

    def start(self, said: Callable[[str], None]) -> None:
        """Bring everything up, in order. Raises DemoError or MachineError."""
        self._start_broker()
        said(f"broker   {self.broker_name} on port {self._broker_port}")
        self.start_centre()
        said("centre   gatepost-centre, SQLite, answers every alarm with a receipt")
        self.machine.power_on()
        said("gate     a Debian machine in QEMU, with the kernel's GPIO lines and I2C")
        self.machine.put("/etc/gatepost/gatepost.toml", SETTINGS.format(port=self._broker_port))
        self.machine.run("systemctl enable --now gatepost")
        said("gate     gatepost.service is started, its button armed")

    def close(self) -> None:
        """Pull the plug, and end the rest."""
        self.machine.power_cut()
        super().close()

    def view(self) -> dict[str, Any]:
        """The gate's own view; empty while nobody answers."""
        code, said = self.machine.attempt('/usr/local/lib/virtual-gate/ask \'{"id":1,"ask":"status"}\'')
        try:
            return dict(json.loads(said)["view"]) if code == 0 else {}
        except (ValueError, KeyError):
            return {}

    def lamps(self) -> tuple[bool, bool]:
        """The levels of status and fault lamp on the kernel's lines, at this moment."""
        levels = self.machine.run("cat /run/gpio/sim_gpio22/value /run/gpio/sim_gpio23/value").split()
        return levels[0] == "1", levels[1] == "1"

    def do(self, key: str) -> str:
        """Do to the hardware what the key stands for; what that was."""
        wire = "/run/gpio/sim_gpio17/pull"
        if key == " ":
            self.machine.run(f"echo pull-down >{wire}; sleep 0.1; echo pull-up >{wire}")
            return "The line was closed for a tenth of a second."
        if key == "h":
            self.held = not self.held
            self.machine.run(f"echo pull-{'down' if self.held else 'up'} >{wire}")
            return "The key is held down: stuck after 60 s." if self.held else "The key is let go."
        if key == "w":
            self.seen = (self.seen + 1) % len(SEEN)
            for cell, celsius in ((OBJECT, SEEN[self.seen][1]), (AMBIENT, AMBIENT_CELSIUS)):
                self.machine.run(f"echo {cell:02x} {word_of(celsius):04x} >/sys/kernel/gate_i2c/words")
            return f"Before the thermometer: {SEEN[self.seen][0]}."
        if key == "b":
            self.bus_broken = not self.bus_broken
            self.machine.run(f"echo {'nack -1' if self.bus_broken else 'none'} >/sys/kernel/gate_i2c/fault")
            return "The thermometer does not answer." if self.bus_broken else "The thermometer answers again."
        if key == "n":
            self.cable_in = not self.cable_in
            self.machine.cable(plugged_in=self.cable_in)
            return "The network cable is in again." if self.cable_in else "The network cable is out. Press, and look."
        if key == "p":
            self.machine.power_cut()
            self.machine.power_on(cable=self.cable_in)
            self.held = self.bus_broken = False
            return "The power was cut, and is back: an open alarm is still open."
        return ""


def run() -> int:
    """Run until q; the exit code."""
    reason = why_no_image()
    if reason is None and not sys.stdin.isatty():
        reason = "its keys need a terminal"
    if reason is not None:
        print(f"scripts/demo --vm: {reason}", file=sys.stderr)
        return 2
    console = Console()
    world = VirtualWorld()
    try:
        with console.status("starting broker, centre and the machine, half a minute ..."):
            world.start(console.log)
        with raw_keys(), Live(console=console, screen=True, auto_refresh=False) as live:
            said = "Press the space bar: the kernel's line is closed, and an alarm goes to the centre."
            while (key := key_pressed(0.1)) != "q":
                if key:
                    live.update(_picture(world, "..."), refresh=True)
                    said = world.do(key) or said
                live.update(_picture(world, said), refresh=True)
    except (DemoError, MachineError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        world.close()
    return 0


def _picture(world: VirtualWorld, said: str) -> Group:
    view, (status, fault) = world.view(), world.lamps()
    lamps = Text.assemble(
        ("  ● status  " if status else "  ○ status  ", COLOURS.get(view.get("lamp", ""), "dim")),
        ("● fault  " if fault else "○ fault  ", "bold red" if fault else "dim"),
        f"the daemon means: {view['lamp'].replace('_', ' ')}" if view else "no daemon answers: it is starting",
    )
    state = Table.grid(padding=(0, 2))
    press = view.get("last_press")
    for stage, words in STAGES:
        after_ms = None if press is None else press["after_ms"][stage]
        state.add_row("·" if after_ms is None else "[bright_green]✔[/]", words,
                      "" if after_ms is None else f"{after_ms} ms after the press")  # fmt: skip
    state.add_row("", "network cable", "in" if world.cable_in else "[red]pulled[/]")
    state.add_row("", "before the thermometer", SEEN[world.seen][0])
    for one in view.get("standing", ()):
        state.add_row("[red]![/]", one["trouble"], one["detail"])
    keys = "\n".join(f"[bold]{key:6}[/] {words}" for key, words in KEYS)
    return Group(
        Panel(lamps, title="the lamps' lines, as the kernel has them"),
        Panel(state, title="gate demo/school-1/virtual"),
        Panel(Text.from_markup(keys), title="keys"), Text(said, style="italic"),
    )  # fmt: skip

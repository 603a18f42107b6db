"""``scripts/demo``: the chain live in the terminal; keys press the button, pull the cable, and play the officer."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator
from typing import Any

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demonstration.students import Morning
from demonstration.world import DemoError, World
from edge.errors import GatepostError

KEYS = (
    ("space", "press the button"),
    ("n", "pull the network cable / put it back"),
    ("c", "centre goes home / comes back"),
    ("s", "officer: seen"),
    ("d", "officer: dispatched"),
    ("x", "officer: close"),
    ("r", "guard's reset"),
    ("q", "quit"),
)
STAGES = (("stored", "stored"), ("at_broker", "at the broker"), ("received", "received"), ("seen", "seen"),
          ("dispatched", "dispatched"))  # fmt: skip
_LISTENING = {True: "listening", False: "[red]not listening[/]", None: "not heard of"}
COLOURS = {
    "ready": "green",
    "pressed": "bright_yellow",
    "stored": "yellow",
    "at_broker": "cyan",
    "received": "bright_green",
    "seen": "bright_green",
    "dispatched": "bright_green",
}


def run(every_s: float, winter: bool) -> int:
    """Run until q. A student comes ``every_s``."""
    if not sys.stdin.isatty():
        print("scripts/demo needs a terminal for its keys; scripts/demo --once does without.", file=sys.stderr)
        return 2
    console = Console()
    world = World()
    students = None
    try:
        with console.status("starting broker, centre, gate and kiosk ..."):
            world.start(console.log)
        students = Morning(world, every_s, winter=winter)
        with raw_keys(), Live(console=console, screen=True, auto_refresh=False) as live:
            _loop(world, live)
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if students is not None:
            students.close()
        world.close()
    return 0


def _loop(world: World, live: Live) -> None:
    said = "Press the space bar: that is the guard's button."
    while True:
        try:
            view = world.view()
        except GatepostError as error:
            raise DemoError(str(error)) from error
        live.update(_picture(view, world, said), refresh=True)
        key = key_pressed(0.1)
        if key == "q":
            return
        if key:
            try:
                said = _do(key, view, world) or said
            except (DemoError, GatepostError) as error:
                said = str(error)


def _do(key: str, view: dict[str, Any], world: World) -> str:
    incidents = view["incident"]["ids"]
    acts = {"s": "seen", "d": "dispatched", "x": "close"}
    if key == " ":
        world.press()
        return "The guard pressed."
    if key == "n":
        if world.cable.plugged_in:
            world.cable.pull()
            return "The network cable is out. Press again, and watch how far it gets."
        world.cable.put_back()
        return "The network cable is in again."
    if key == "c":
        if world.centre_runs:
            world.stop_centre()
            return "The centre's application is gone; the broker is still there. Press, and see what the lamp claims."
        world.start_centre()
        return "The centre listens again."
    if key in acts:
        if not incidents:
            return "No incident is open."
        world.act(acts[key], incidents[0])
        return f"Officer Li: {acts[key]}."
    if key == "r":
        world.reset("the guard")
        return "The guard reset the alarm; what is owed to the centre stays owed."
    return ""


def _picture(view: dict[str, Any], world: World, said: str) -> Group:
    lamp = view["lamp"]
    lamp_text = Text(f"  ● {lamp.replace('_', ' ')}  ", style=f"bold {COLOURS[lamp]}")
    fault = Text("  ● fault  " if view["fault"] else "  ○ fault  ", style="bold red" if view["fault"] else "dim")
    press = view["last_press"]
    chain = Table.grid(padding=(0, 2))
    for stage, words in STAGES:
        after_ms = None if press is None else press["after_ms"][stage]
        chain.add_row(
            "[bright_green]✔[/]" if after_ms is not None else "[dim]·[/]",
            words,
            "" if after_ms is None else f"{after_ms} ms after the press",
        )
    broker = view["brokers"][0]
    state = Table.grid(padding=(0, 2))
    state.add_row("network cable", "in" if world.cable.plugged_in else "[red]pulled[/]")
    state.add_row("link to the broker", broker["phase"] + (f"  ({broker['reason']})" if broker["reason"] else ""))
    state.add_row("centre", _LISTENING[broker["centre_listening"]])
    state.add_row("presses in this incident", str(view["incident"]["presses"]))
    owed = view["owed"]
    state.add_row("owed to the centre", f"alarms: {owed['alarm']}, other: {owed['trouble'] + owed['routine']}")
    for one in view["standing"]:
        state.add_row("[red]trouble[/]", f"{one['trouble']}: {one['detail']}")
    keys = Columns([f"[bold]{key}[/] {words}" for key, words in KEYS], padding=(0, 3))
    return Group(
        Panel(Columns([lamp_text, fault]), title="the guard's lamps"),
        Panel(chain, title="how far the newest press got"),
        Panel(state, title=f"gate {world.broker_name and 'demo/school-1/main-gate'}"),
        Panel(_kiosk(view["kiosk"], world), title="the temperature kiosk: a simulated morning"),
        Panel(keys, title="keys"),
        Text(said, style="italic"),
    )


def _kiosk(kiosk: dict[str, Any], world: World) -> Table:
    shown = Table.grid(padding=(0, 2))
    reason = "" if kiosk["reason"] == "none" else kiosk["reason"].replace("_", " ")
    shown.add_row("the screen says", f"[bold]{kiosk['screen'].replace('_', ' ')}[/]  {reason}")
    today = ", ".join(f"{verdict.replace('_', ' ')} {count}" for verdict, count in kiosk["teacher"]["today"].items())
    shown.add_row("today", today)
    shown.add_row("open in a browser", f"{world.page}  (teacher: {world.page}teacher)")
    return shown


def key_pressed(seconds: float) -> str:
    """The key that is pressed within so long, in lower case; nothing if none is."""
    end = time.monotonic() + seconds
    ready, _, _ = select.select([sys.stdin], [], [], max(0.0, end - time.monotonic()))
    return os.read(sys.stdin.fileno(), 1).decode(errors="replace").lower() if ready else ""


@contextlib.contextmanager
def raw_keys() -> Iterator[None]:
    """Take each key at once, without Enter, and show none."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)

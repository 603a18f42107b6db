"""The screen at the gate: cage and Chromium as installed, on the kernel's own graphics, seen as a student sees them.

The picture is QEMU's, of what its graphics card shows. On a Pi the graphics processor draws; here the main one does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.machine.gate import VirtualGate
from tests.machine.test_thermometer import see
from tests.process.brokers import Authority
from tests.process.waiting import until
from virtual.build import build_screen
from virtual.machine import Machine
from virtual.places import PROJECT, why_no_image
from virtual.tree import SCREEN

pytestmark = [pytest.mark.machine, pytest.mark.long]

DISPLAY = ("-device", "bochs-display,xres=1280,yres=720")
SCREEN_S_MAX = 400.0
"""An emulated processor loads Chromium for minutes."""

FLAGS = "--disable-gpu --disable-gpu-watchdog"
"""Chromium ends its own drawing process where that takes seconds, and gives the page up with it."""

SHARE_MIN = 0.3
"""Of the picture in a screen's colour: words, drawings and the strip below take the rest."""

COLOUR_STEPS_MAX = 8
EACH_DOT = 4
LOOK_S = 3
"""Each look takes of the processors that emulate the one which draws."""

EDGE_ROWS = 48


def colours() -> dict[str, tuple[int, int, int]]:
    """Each screen's colour, as the page's own style sheet says it: blue, green, red."""
    style = (PROJECT / "kiosk" / "static" / "student.css").read_text()
    found = re.findall(r"\[data-screen=\"(\w+)\"\] \{ --field: #(\w{6})", style)
    found.append(("idle", re.findall(r"--field: #(\w{6})", style)[0]))
    return {name: (int(code[4:], 16), int(code[2:4], 16), int(code[:2], 16)) for name, code in found}


@pytest.fixture
def gate(place: Path, county: Authority, tmp_path: Path) -> Iterator[VirtualGate]:
    """A gate with a screen of its own, booted and not yet started."""
    reason = why_no_image()
    if reason is not None:
        pytest.skip(reason)
    build_screen()
    with Machine(place, image=SCREEN.image, memory_mb=2048, more=DISPLAY) as machine:
        machine.power_on()
        machine.put("/etc/chromium.d/emulated", f'export CHROMIUM_FLAGS="$CHROMIUM_FLAGS {FLAGS}"\n')
        with VirtualGate(machine, county, tmp_path) as standing:
            yield standing


def test_the_installed_browser_shows_what_the_gate_knows(gate: VirtualGate, tmp_path: Path) -> None:
    """Nobody there; somebody warm; the daemon stopped and back; the browser killed and back; its page gone and back."""
    see(gate, 20.0, 21.0)
    gate.start(thermometer={"part": "BCC"}, kiosk={"police_telephone": "110"})
    gate.machine.run("systemctl start gatepost-kiosk", 180)
    gate.machine.run("systemctl start --no-block gatepost-browser")
    wait_shown(gate, tmp_path, {"idle"})
    nothing_lies_over_the_page(tmp_path)
    assert "gatepost-kiosk.slice" in gate.machine.run("cat /proc/$(pidof chromium | cut -d' ' -f1)/cgroup")
    see(gate, 34.5, 21.0)
    wait_shown(gate, tmp_path, {"stand_here", "measuring", "normal", "again", "high"})
    see(gate, 20.0, 21.0)
    wait_shown(gate, tmp_path, {"idle"})
    gate.machine.run("systemctl stop gatepost")
    wait_shown(gate, tmp_path, {"out_of_order"})
    gate.machine.run("systemctl start gatepost", 180)
    wait_shown(gate, tmp_path, {"idle"})
    gate.machine.run("systemctl kill -s KILL gatepost-browser")
    wait_shown(gate, tmp_path, {""})
    wait_shown(gate, tmp_path, {"idle"})
    gate.machine.run("pkill -KILL -f type=renderer")
    wait_shown(gate, tmp_path, {""})
    wait_shown(gate, tmp_path, {"idle"})
    assert "no page open" in browser_journal(gate)


def nothing_lies_over_the_page(directory: Path) -> None:
    """No bubble of the browser's own, such as one that offers to translate: they come at the upper edge."""
    seen = cv2.imread(str(directory / "screen.ppm"))
    assert seen is not None
    assert (seen[:EDGE_ROWS] == seen[0, 0]).all()


def wait_shown(gate: VirtualGate, directory: Path, wanted: set[str]) -> None:
    """Until the screen shows one of these; the last picture is kept as ``screen.ppm``."""
    file = directory / "screen.ppm"
    until(lambda: shown(gate, file), lambda name: name in wanted, SCREEN_S_MAX, lambda: browser_journal(gate))


def shown(gate: VirtualGate, file: Path) -> str:
    """Which of its screens the page shows, by the colour; empty if none."""
    gate.machine.run(f"sleep {LOOK_S}")
    gate.machine.screenshot(file)
    whole = cv2.imread(str(file))
    if whole is None:
        return ""
    seen = whole[::EACH_DOT, ::EACH_DOT]
    far = {name: np.abs(seen.astype(int) - colour).max(axis=2) for name, colour in colours().items()}
    share = {name: float((one < COLOUR_STEPS_MAX).mean()) for name, one in far.items()}
    name = max(share, key=lambda one: share[one])
    return name if share[name] >= SHARE_MIN else ""


def browser_journal(gate: VirtualGate) -> str:
    """The end of what the browser said."""
    return gate.machine.attempt("journalctl -u gatepost-browser -b --no-pager | grep -v dbus | tail -n 40")[1]

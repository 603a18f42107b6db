"""The machine in a person's terminal: its console, a shell beside it."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import sys
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

from virtual.machine import Machine, MachineError
from virtual.places import cache

LEAVE = b"\x1d"  # Ctrl-]


def run() -> int:
    """Boot a machine on a disk of its own and show its console until Ctrl-], or until it is switched off."""
    directory = cache() / "run"
    if _runs(directory):
        raise MachineError(f"a machine runs in {directory} already: scripts/vm shell reaches it")
    if not sys.stdin.isatty():
        raise MachineError("scripts/vm run shows a console and needs a terminal; scripts/vm shell COMMAND does without")
    shutil.rmtree(directory, ignore_errors=True)
    with Machine(directory, reboots=True) as machine:
        machine.switch_on()
        print("The machine boots; it is on a fresh disk. Ctrl-] pulls its plug.")
        with socket.socket(socket.AF_UNIX) as console:
            console.connect(str(directory / "console"))
            _carry(console)
    return 0


def shell(command: str) -> int:
    """One command, or line after line from the terminal, in the machine that runs, else in a fresh one."""
    directory = cache() / "run"
    with contextlib.ExitStack() as stack:
        machine = Machine(directory if _runs(directory) else cache() / "shell")
        if _runs(directory):
            machine.attach()
            stack.callback(machine.detach)
        else:
            machine.disk.unlink(missing_ok=True)
            stack.enter_context(machine)
            machine.power_on()
        if command:
            code, said = machine.attempt(command)
            sys.stdout.write(said)
            return code
        return _lines(machine)


def _lines(machine: Machine) -> int:
    """Each line is a command of its own: no job control, and a changed directory is forgotten."""
    print("One command a line; Ctrl-D ends.")
    while True:
        try:
            line = input("gate# ")
        except EOFError:
            print()
            return 0
        if line.strip():
            sys.stdout.write(machine.attempt(line)[1])


def _runs(directory: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
        probe.connect(str(directory / "shell"))
        return True
    return False


def _carry(console: socket.socket) -> None:
    """Bytes from the terminal to the console and back."""
    with _raw():
        while True:
            ready, _, _ = select.select([console, sys.stdin], [], [])
            if console in ready:
                said = console.recv(65536)
                if not said:
                    return
                os.write(sys.stdout.fileno(), said)
            if sys.stdin in ready:
                typed = os.read(sys.stdin.fileno(), 1024)
                if LEAVE in typed:
                    return
                console.sendall(typed)


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        print()

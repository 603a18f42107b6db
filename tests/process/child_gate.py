"""The real daemon as a program whose pins can be broken from outside: one word a line on standard input.

``unreadable``: reading a level raises; ``readable`` ends that. ``stalled``: reading a level never returns. ``deaf``:
levels change and no edge is told; ``hearing`` ends that. ``dark``: the status lamp cannot be driven. ``press``: a
finger for a tenth of a second. ``threads``: write the kernel's numbers of the threads to ``threads.json`` beside the
settings.

Nothing of the daemon is replaced, only gpiozero's mock pins, which stand for the wires and the library behind them.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

from gpiozero.pins.mock import MockPin

from edge import daemon
from edge.events import Contact
from edge.settings import load
from tests.process.threads import write_numbers


class Unreadable(MockPin):  # type: ignore[misc]
    """A line whose level cannot be read any more."""

    def _get_state(self) -> int:
        raise OSError(5, "Input/output error")


class Stalled(MockPin):  # type: ignore[misc]
    """A line whose reading never comes back."""

    def _get_state(self) -> int:
        threading.Event().wait()
        return 0


class Unwritable(MockPin):  # type: ignore[misc]
    """A line that cannot be driven any more."""

    def _set_state(self, _value: int) -> None:
        raise OSError(5, "Input/output error")


def obey(running: daemon.Daemon) -> None:
    """Break what is asked for, line after line."""
    pin: Any = running.pins.pin(running.gpios[Contact.KEY])
    for line in sys.stdin:
        match line.strip():
            case "unreadable":
                pin.__class__ = Unreadable
            case "readable":
                pin.__class__ = MockPin
            case "stalled":
                pin.__class__ = Stalled
            case "deaf":
                pin.edges = "none"
            case "hearing":
                pin.edges = "both"
            case "dark":
                running.pins.pin(running.settings.lamps.status_gpio).__class__ = Unwritable
            case "press":
                pin.drive_low()
                time.sleep(0.1)
                pin.drive_high()
            case "threads":
                write_numbers(Path(sys.argv[1]).parent)


def main() -> None:
    """Run the gate of the settings file that is named, until killed."""
    running = daemon.Daemon(load(Path(sys.argv[1])))
    running.start()
    threading.Thread(target=obey, args=(running,), daemon=True).start()
    running.run()


main()

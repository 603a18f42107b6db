"""What a hand that hangs does to presses: one thread of a gate stands still, and beside it is a gate that is well.

Both have the same settings. Each hand hangs in turn; the watchdog's side of it is in tests/process/test_hung_hands.py.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Results
from benchmarks.parts import Broker
from benchmarks.stopped_thread import StoppedThread
from benchmarks.twins import Twins

LATER_MAX = 1.2
THREADS = {
    "store": "store",
    "mqtt": "dial-spare",
    "gpio": "contact",
    "bus": "sensor",
    "camera": "camera",
    "control": "control",
}
"""Each hand, and the thread of the daemon that is stopped for it."""

TABLES = """
[[broker]]
name = "spare"
host = "127.0.0.1"
port = {port}
tls = false
[thermometer]
part = "BCC"
[camera]
source = "opencv"
device = "{directory}/none"
alarm_pictures = true
"""


def measure(directory: Path, results: Results, presses: int, say: Callable[[str], None]) -> None:
    """So many presses while each hand hangs."""
    for hand, thread in THREADS.items():
        place = directory / hand
        (place / "spare").mkdir(parents=True)
        spare = Broker(place / "spare")
        twins = Twins(place, 1, "", common=TABLES.format(port=spare.port, directory=place))
        try:
            (gate,) = twins.with_kiosk()
            if hand == "mqtt":  # its broker hangs as well, so that nothing of that line works
                spare.process.send_signal(signal.SIGSTOP)
            with StoppedThread(gate.process.pid, gate.ask("threads")[thread]):
                for number in range(presses):
                    if number % 50 == 0:
                        say(f"presses while {hand} hangs: {number} of {presses}")
                    twins.press()
            twins.add(results, f"while {hand} hangs", ways=("subscriber",), later_max=LATER_MAX)
        finally:
            spare.process.send_signal(signal.SIGCONT)
            twins.close()
            spare.close()

"""What a camera process that is killed, frozen, or starved of memory or processor does to presses, and when it is back.

Looks at a drawn visitor by the real process. Back means that the daemon hears again what it sees.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.child import PATIENCE_S
from benchmarks.figures import Figure, Results, share
from benchmarks.supervised import Supervised
from benchmarks.twins import Twins
from edge.camera.drawn import write_video

BACK_S_MAX = 10.0
REST_S = (0.3, 1.5)
"""A fault comes so long after the last is over: at any moment of what the process does."""

STARVED_S = 5.0
RUNS_S, STANDS_S = 0.01, 0.19
"""Starved of processor: of each fifth of a second it runs so long. A limit of systemd's does the same."""

TABLES = """
[thermometer]
part = "BCC"
presence = "camera"
[camera]
source = "opencv"
device = "{video}"
alarm_pictures = true
"""


class Trial:
    """One gate with a camera beside a plain one, pressed all the time while faults come."""

    def __init__(self, directory: Path) -> None:
        video = directory / "walk.avi"
        write_video(video)
        self.twins = Twins(directory, 1, TABLES.format(video=video))
        (self._gate,) = self.twins.with_kiosk()
        self._camera = Supervised(directory / "kiosk-0" / "gate.toml", directory / "camera.log")
        self._moments = random.Random(1)
        self._back(time.monotonic_ns(), found=True)

    def close(self) -> None:
        """End everything."""
        self._camera.close()
        self.twins.close()

    def kill(self) -> float:
        """The kernel ends it. Each of these gives the seconds until the camera was back."""
        return self._after(self._camera.process.kill)

    def freeze(self) -> float:
        """It stands still and does not come round."""
        return self._after(lambda: self._camera.process.send_signal(signal.SIGSTOP))

    def starve_of_memory(self) -> float:
        """It gets not one page more."""
        running = psutil.Process(self._camera.process.pid)
        return self._after(lambda: running.rlimit(psutil.RLIMIT_AS, (1, 1)))

    def starve_of_processor(self) -> float:
        """It hardly runs, for a while."""
        self._rest()
        process, end = self._camera.process, time.monotonic() + STARVED_S
        pressed = time.monotonic()
        while time.monotonic() < end:
            process.send_signal(signal.SIGSTOP)
            if time.monotonic() > pressed:
                self.twins.press()
                pressed = time.monotonic() + STANDS_S
            time.sleep(STANDS_S / 2)
            process.send_signal(signal.SIGCONT)
            time.sleep(RUNS_S)
        return self._back(time.monotonic_ns(), found=False)

    def _after(self, fault: Callable[[], None]) -> float:
        self._rest()
        begin_ns = time.monotonic_ns()
        fault()
        return self._back(begin_ns, found=True)

    def _rest(self) -> None:
        end = time.monotonic() + self._moments.uniform(*REST_S)
        while time.monotonic() < end:
            self.twins.press()

    def _back(self, begin_ns: int, *, found: bool) -> float:
        """Press until the daemon hears again what the camera sees, of a new life of it where it must be ``found``."""
        there = not found
        while time.monotonic_ns() - begin_ns < PATIENCE_S * 1e9:
            self.twins.press()
            for what, at_ns in self._gate.ask("camera"):
                if at_ns < begin_ns:
                    continue
                there = there or what == "CameraFound"
                if there and what == "FacesSeen":
                    return (at_ns - begin_ns) / 1e9
        raise SystemExit(f"the camera did not come back within {PATIENCE_S:g} s")


def measure(directory: Path, results: Results, times: int, say: Callable[[str], None]) -> None:
    """Each fault so many times."""
    say("two gates and a camera start")
    trial = Trial(directory)
    faults = {
        "killed": trial.kill,
        "frozen": trial.freeze,
        "starved of memory": trial.starve_of_memory,
        "starved of processor": trial.starve_of_processor,
    }
    back_s: dict[str, list[float]] = {name: [] for name in faults}
    try:
        for number in range(times):
            for name, fault in faults.items():
                say(f"camera {name}: {number + 1} of {times}")
                back_s[name].append(fault())
        for name, spans in back_s.items():
            rest = f"median {share(spans, 0.5):.1f} s, n {len(spans)}"
            results.add(Figure(f"camera {name}, back after at most", max(spans), BACK_S_MAX, "s", rest))
        trial.twins.add(results, "while the camera fails")
    finally:
        trial.close()

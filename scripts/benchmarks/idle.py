"""What the real ``gatepost run`` costs when nothing happens, and how soon after its start the button is armed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from benchmarks.child import PATIENCE_S
from benchmarks.figures import Figure, Results, share
from benchmarks.parts import Broker, Child, write_settings

SETTLE_S = 5.0
STARTS = 10
MIB = 1 << 20


class Run:
    """A daemon as a user starts it, with systemd's notify socket played by us."""

    def __init__(self, settings: Path, directory: Path) -> None:
        address = directory / "notify.sock"
        address.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, (directory / "run.log").open("ab") as log:
            notify.bind(str(address))
            notify.settimeout(PATIENCE_S)
            begin_ns = time.monotonic_ns()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", "run", "--config", str(settings)],
                stdout=log, stderr=log, env={**os.environ, "NOTIFY_SOCKET": str(address)},
            )  # fmt: skip
            try:
                while b"READY=1" not in notify.recv(4096):
                    pass
            except TimeoutError as error:
                self.close()
                raise SystemExit(f"never armed: {(directory / 'run.log').read_text()[-3000:]}") from error
            self.armed_s = (time.monotonic_ns() - begin_ns) / 1e9

    def close(self) -> None:
        """End it in order."""
        self.process.terminate()
        self.process.wait(PATIENCE_S)


def measure(directory: Path, results: Results, seconds: int, say: Callable[[str], None]) -> None:
    """Start ten times, then watch a quiet daemon beside a quiet bare script."""
    broker = Broker(directory)
    settings = write_settings(directory, broker.port)
    try:
        starts = []
        for number in range(STARTS):
            say(f"start {number + 1} of {STARTS}")
            run = Run(settings, directory)
            starts.append(run.armed_s)
            run.close()
        rest = f"least {min(starts):.2f}, greatest {max(starts):.2f} s"
        results.add(Figure(f"armed after start, median of {STARTS}", share(starts, 0.5), 1.0, "s", rest))
        bare = Child("bare", broker.port, log=directory / "bare.log")
        run = Run(settings, directory)
        time.sleep(SETTLE_S)
        say(f"idle for {seconds} s")
        watched = [psutil.Process(run.process.pid), psutil.Process(bare.process.pid)]
        ours, theirs = _idle(watched, seconds)
        results.add(Figure("idle, of one core", ours[0], 1.0, "%", f"{ours[0]:.2f} %", f"{theirs[0]:.2f} % bare"))
        results.add(
            Figure("idle, memory", ours[1], 64, "MB", f"{ours[1]:.1f} MB", f"{theirs[1]:.1f} MB bare, storing nothing")
        )
        run.close()
        bare.close()
    finally:
        broker.close()


def _idle(processes: Sequence[psutil.Process], seconds: int) -> list[tuple[float, float]]:
    """Percent of one core, and resident MB at the end, of each over the same time."""
    before = [sum(process.cpu_times()[:2]) for process in processes]
    begin = time.monotonic()
    time.sleep(seconds)
    elapsed_s = time.monotonic() - begin
    return [
        (100 * (sum(process.cpu_times()[:2]) - spent_s) / elapsed_s, process.memory_info().rss / MIB)
        for process, spent_s in zip(processes, before, strict=True)
    ]

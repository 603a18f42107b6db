"""A gate whose view the test writes, the real ``gatepost-kiosk`` over its real socket, and what a page can be asked."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.process.brokers import free_port
from tests.process.gate import bench_tables, plain_broker, settings_text
from tests.process.programs import Program
from tests.unit.small_gate import ShortDirectory, SmallGate

View = dict[str, Any]

SCREENS = ("idle", "stand_here", "measuring", "normal", "again", "high", "cannot_screen", "out_of_order")
REASONS = {"again": "come_closer", "high": "above_crowd", "cannot_screen": "too_cold_here"}
"""The reason that the tests give with a screen; ``none`` with the others."""

SKIN_CELSIUS = 35.93
"""Of everybody on the teacher's list: on no public page."""

MINUTE_MS = 60_000


def kiosk_view(screen: str, visit: int = 1, reason: str | None = None, estimate: float | None = None) -> View:
    """The key ``kiosk`` of a view, in the middle of a morning."""
    now_ms = time.time_ns() // 1_000_000
    one = {
        "wall_ms": now_ms, "clock": "synced", "skin_celsius": SKIN_CELSIUS, "estimate_celsius": 38.14,
        "above_crowd_celsius": 1.42,
    }  # fmt: skip
    return {
        "screen": screen,
        "reason": reason or REASONS.get(screen, "none"),
        "visit": visit,
        "since_ms": 1000,
        "estimate_celsius": 36.52 if screen == "normal" and estimate is None else estimate,
        "warming_up": False,
        "sensor": {"error_share": 0.02, "fault": False, "ambient_celsius": 18.4, "detector": "yunet"},
        "teacher": {
            "today": {"normal": 412, "again": 23, "high": 4, "cannot_screen": 2},
            "flow": [[(now_ms // MINUTE_MS - ago) * MINUTE_MS, 5 + ago % 7] for ago in range(2, 30)],
            "recent": [
                {**one, "visit": 9, "verdict": "high", "reason": "above_crowd"},
                {**one, "visit": 7, "verdict": "again", "reason": "come_closer", "above_crowd_celsius": -0.25},
                {**one, "visit": 5, "verdict": "cannot_screen", "reason": "too_cold_here", "skin_celsius": None,
                 "estimate_celsius": None, "above_crowd_celsius": None},
            ],
            "crowd_celsius": 34.46,
            "crowd_students": 50,
        },
    }  # fmt: skip


class Kiosk(Program):
    """A gate without pins and ``python -m kiosk run`` beside it."""

    def __init__(self, directory: Path, **settings: object) -> None:
        super().__init__("kiosk", directory)
        self.port = free_port()
        self.short = ShortDirectory()
        self.view: View | None = kiosk_view("idle")
        self.gate: SmallGate | None = None
        tables = bench_tables(
            directory,
            gate={"runtime_directory": str(self.short.path / "run")},
            thermometer={"part": "DCI"},
            kiosk={"police_telephone": "110", "port": self.port, **settings},
        )
        self.settings_file = directory / "gate.toml"
        self.settings_file.write_text(settings_text([plain_broker(1)], tables))

    def __enter__(self) -> Kiosk:
        self.open_gate()
        self.spawn()
        self.wait_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def command(self) -> Sequence[str]:
        return ["-m", "kiosk", "run", "--config", str(self.settings_file)]

    @property
    def address(self) -> str:
        """Where the browser of the kiosk looks."""
        return f"http://127.0.0.1:{self.port}"

    def open_gate(self) -> SmallGate:
        """A daemon, or as much of it as a screen can see."""
        gate = SmallGate(self.short.path / "run")
        gate.edit = lambda view: {**view, "kiosk": self.view}
        gate.glimpse = lambda: (self.view,)
        self.gate = gate
        return gate

    def close_gate(self) -> None:
        """The daemon is gone."""
        if self.gate is not None:
            self.gate.close()
        self.gate = None

    def show(self, screen: str, visit: int = 1, reason: str | None = None, estimate: float | None = None) -> None:
        """The brain shows this from now on."""
        self.view = kiosk_view(screen, visit, reason, estimate)

    def get(self, path: str) -> bytes:
        """What a plain request gets."""
        with urllib.request.urlopen(self.address + path, timeout=10) as answer:
            body: bytes = answer.read()
            return body

    def close(self) -> None:
        """Leave nothing behind."""
        super().close()
        self.close_gate()
        self.short.close()

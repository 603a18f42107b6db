"""The real camera process, looking at a generated video of a drawn person; and the daemon's real end of its socket."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from edge.camera_door import CameraDoor
from edge.drivers.clock import SystemClock
from edge.events import Fact
from edge.settings import ClockSettings
from tests.process.gate import Table, bench_tables, plain_broker, settings_text
from tests.process.programs import Program
from tests.process.waiting import PATIENCE_S, until

F = TypeVar("F", bound=Fact)


class CameraProcess(Program):
    """``python -m edge.camera run``, one life after another. ``camera`` is the settings' table of that name."""

    def __init__(self, directory: Path, **camera: object) -> None:
        super().__init__("camera", directory)
        self.settings_file = directory / "gate.toml"
        tables: dict[str, Table] = bench_tables(directory)
        if camera:
            tables["camera"] = {"source": "opencv", "frames_a_second": 15, **camera}
        self.settings_file.write_text(settings_text([plain_broker(1883)], tables))

    def __enter__(self) -> CameraProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def command(self) -> Sequence[str]:
        return ["-m", "edge.camera", "run", "--config", str(self.settings_file)]

    def start(self) -> CameraProcess:
        """Start, and return once pictures come."""
        self.spawn()
        self.wait_ready()
        return self


class DoorThread:
    """The daemon's end, on a thread of the test; and the facts that the brain would get."""

    def __init__(self, directory: Path, *, pictures: bool = False) -> None:
        self.clock = SystemClock(ClockSettings())
        self.facts: list[Fact] = []
        self.door = CameraDoor(
            directory / "run", self.facts.append, self.clock, pictures=pictures, before_ms=2000, after_ms=2000
        )
        self._thread = threading.Thread(target=self.door.serve)
        self._thread.start()

    def __enter__(self) -> DoorThread:
        return self

    def __exit__(self, *_: object) -> None:
        self.door.close()
        self._thread.join(PATIENCE_S)

    def all(self, kind: type[F]) -> list[F]:
        """All facts of this kind so far."""
        return [fact for fact in list(self.facts) if isinstance(fact, kind)]

    def wait(self, kind: type[F], count: int = 1, seconds: float = PATIENCE_S) -> list[F]:
        """So many facts of this kind."""
        return until(lambda: self.all(kind), lambda found: len(found) >= count, seconds, lambda: str(self.facts[-5:]))

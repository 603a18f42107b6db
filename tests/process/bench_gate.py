"""The daemon within the test's own process, so that a test can move every wire of it. Nothing of it is replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge import views
from edge.daemon import Daemon
from edge.drivers.bench import Bench
from edge.events import Contact
from edge.settings import load
from tests.process.brokers import free_port
from tests.process.gate import Table, View, bench_tables, plain_broker, settings_text
from tests.process.waiting import PATIENCE_S, until

KEY, KEY_NC, RESET = Contact.KEY, Contact.KEY_NC, Contact.RESET
SUPERVISED = {"normally_closed_gpio": 27}


class BenchGate:
    """One life after another; ``begin`` makes one that is not started yet, so that its wires can be set before."""

    def __init__(self, directory: Path, *ports: int, **tables: Table) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.file = directory / "gate.toml"
        # Without a broker there is one that cannot be reached: a gate always names one.
        brokers = [plain_broker(port, f"broker-{number}") for number, port in enumerate(ports or (free_port(),), 1)]
        self.file.write_text(settings_text(brokers, bench_tables(directory, **tables)))
        self.daemon: Daemon | None = None
        self._brain: threading.Thread | None = None

    def __enter__(self) -> BenchGate:
        self.begin()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self) -> None:
        """A daemon with its pins, not started."""
        assert self.daemon is None
        self.daemon = Daemon(load(self.file))

    def start(self) -> None:
        """Start it; return once it is armed."""
        self.running.start()
        self._brain = threading.Thread(target=self.running.run, name="brain", daemon=True)
        self._brain.start()
        self.wait_for(lambda view: view["armed"])

    def end(self) -> None:
        """An orderly end. Harmless if there is none to end."""
        if self.daemon is None:
            return
        daemon, self.daemon = self.daemon, None
        if self._brain is not None:
            daemon.stop()
            self._brain.join(PATIENCE_S)
            assert not self._brain.is_alive(), "the brain does not end"
            daemon.close()
            self._brain = None

    def restart(self) -> None:
        """An orderly end and a new life."""
        self.end()
        self.begin()
        self.start()

    @property
    def running(self) -> Daemon:
        """The daemon."""
        assert self.daemon is not None
        return self.daemon

    @property
    def bench(self) -> Bench:
        """The wires."""
        assert self.running.bench is not None
        return self.running.bench

    def now_ms(self) -> int:
        """The gate's monotonic clock."""
        return self.running.clock.now_ms()

    def pin(self, gpio: int) -> Any:
        """A simulated line; ``state`` is its level, ``states`` its history."""
        return self.running.pins.pin(gpio)

    def view(self) -> View:
        """The state, as ``gatepost status`` would show it."""
        return dict(views.view(self.running.brain.state))

    def wait_for(self, fits: Callable[[View], bool], seconds: float = PATIENCE_S) -> View:
        """The view, as soon as it fits."""
        return until(self.view, fits, seconds)

    def wait_stored(self) -> View:
        """The view, as soon as the newest press is in the store."""
        return self.wait_for(lambda view: view["last_press"] and view["last_press"]["after_ms"]["stored"] is not None)

    def trouble_since_ms(self, trouble: str) -> int | None:
        """When a trouble that stands began; None while it does not stand."""
        standing = self.running.brain.state.health.standing
        return next((one.since_ms for one in standing if one.trouble.value == trouble), None)

"""The real daemon, run as ``gatepost run`` runs it, with probes where facts are posted and where lamp and siren switch.

It presses its own mock pin when asked. The probes' own time is part of what is measured.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

import edge.daemon
from benchmarks.child import PATIENCE_S, answer, press_often, questions
from edge.events import Contact, ContactEdge, EventId, Fact, LinkUp, ReceiptCame, ResetAsked, Stage, Stored
from edge.kiosk_hands import AIR_CELSIUS, WALL_CELSIUS, KioskHands
from edge.measuring import CameraFound, CameraLost, FacesSeen
from edge.sim.sensor import Fault, SimulatedBus

WAIT_FOR_BROKER = len(sys.argv) < 3
"""A second argument says that there will be none."""


class HangingBus(SimulatedBus):
    """Holds up its caller when it hangs, as long as the kernel does by default, and counts how often it did."""

    def __init__(self) -> None:
        super().__init__(self._hold_up, hang_ms=1_000)
        self.hangs = 0

    def _hold_up(self, milliseconds: int) -> None:
        time.sleep(milliseconds / 1000)
        self.hangs += 1


class ProbedDaemon(edge.daemon.Daemon):
    """Stamps what passes, and does what the parent asks."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._edges: list[int] = []
        self._stored: dict[EventId, int] = {}
        self._lamp: list[int] = []
        self._siren: list[int] = []
        self._linked = threading.Event()
        self._received = threading.Event()
        self._real_post = self.post
        self.post = self._stamped_post
        self._process = psutil.Process()
        self._camera: list[tuple[str, int]] = []
        self._bus = HangingBus()
        self.kiosk = KioskHands(self.settings, self.pins, self.clock, self.post, self._failed)
        if self.kiosk.simulated is not None:
            self.kiosk.simulated = self._bus
            self.kiosk.see(WALL_CELSIUS, AIR_CELSIUS)

    def _stamped_post(self, fact: Fact) -> None:
        kind = type(fact)
        if kind is ContactEdge and fact.closed:
            self._edges.append(time.monotonic_ns())
        elif kind is Stored and fact.durable:
            at_ns = time.monotonic_ns()
            for id, _ in fact.rows:
                self._stored[id] = at_ns
        elif kind is ReceiptCame and fact.stage is Stage.RECEIVED:
            self._received.set()
        elif kind is LinkUp:
            self._linked.set()
        elif kind in (CameraFound, CameraLost, FacesSeen):
            self._camera.append((kind.__name__, time.monotonic_ns()))
        self._real_post(fact)

    def start(self) -> None:
        """Start, then put probes behind lamp and siren: the pin has switched when the stamp is taken."""
        super().start()
        show, sound = self.lamps.show, self.siren.sound

        def probed_show(*given: Any) -> None:
            show(*given)
            self._lamp.append(time.monotonic_ns())

        def probed_sound() -> None:
            sound()
            self._siren.append(time.monotonic_ns())

        self.lamps.show = probed_show
        self.siren.sound = probed_sound
        threading.Thread(target=self._serve, name="driver", daemon=True).start()

    def _serve(self) -> None:
        if WAIT_FOR_BROKER:
            self._linked.wait(PATIENCE_S)
        answer("ready")
        for question in questions():
            match question["ask"]:
                case "press":
                    answer(self._press_often(**{key: question[key] for key in ("count", "seed", "every_ms")}))
                case "siren":
                    answer(self._sound_often(question["count"]))
                case "push":
                    answer(press_often(self._key, 1, question["seed"], question["every_ms"])[0])
                case "stored":
                    answer(self._rows())
                case "hang":
                    self._bus.standing = Fault.HUNG if question["on"] else None
                    answer(self._bus.hangs)
                case "threads":
                    answer({thread.name: thread.native_id for thread in threading.enumerate()})
                case "camera":
                    told = self._camera[:]
                    del self._camera[: len(told)]
                    answer(told)
                case "memory":
                    answer(self._process.memory_info().rss)
        self.stop()

    @property
    def _key(self) -> Any:
        return self.pins.pin(self.gpios[Contact.KEY])

    def _rows(self) -> list[tuple[str, int]]:
        """Everything that was stored, and when that was told."""
        return [(str(id), at_ns) for id, at_ns in list(self._stored.items())]

    def _press_often(self, count: int, seed: int, every_ms: tuple[int, int]) -> dict[str, Any]:
        for seen in (self._edges, self._lamp):
            seen.clear()
        self._stored.clear()
        stamps = press_often(self._key, count, seed, every_ms)
        until = time.monotonic() + PATIENCE_S
        # Alarms and their restores are all that is stored here; presses are told apart by the parent.
        while len(self._stored) < count and time.monotonic() < until:
            time.sleep(0.02)
        return {
            "pressed": stamps,
            "stored": self._rows(),
            "lamp": _following(self._edges, list(self._lamp)),
        }

    def _sound_often(self, count: int) -> list[int]:
        """Press and reset, so that each press opens an incident and sounds the siren. Nanoseconds from the edge."""
        pin = self._key
        self._edges.clear()
        self._siren.clear()
        for _ in range(count):
            self.post(ResetAsked("bench", 0, self.clock.now_ms()))
            time.sleep(0.02)
            self._received.clear()
            pin.drive_low()
            time.sleep(0.005)
            pin.drive_high()
            self._received.wait(PATIENCE_S)
        return _following(self._edges, list(self._siren))


def _following(begins: list[int], ends: list[int]) -> list[int]:
    """From each beginning to the first end after it, if it came before the next beginning."""
    spans, place = [], 0
    for number, begin in enumerate(begins):
        while place < len(ends) and ends[place] < begin:
            place += 1
        if place < len(ends) and (number + 1 == len(begins) or ends[place] < begins[number + 1]):
            spans.append(ends[place] - begin)
    return spans


edge.daemon.Daemon = ProbedDaemon  # type: ignore[misc]
edge.daemon.run(Path(sys.argv[1]))

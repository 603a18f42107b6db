"""The guard's two lamps and the siren, on gpiozero.

How a stage looks is this file's business; which stage is shown is not. The brain sets the first level of a pattern
itself, so the lamp answers a press at once; the lamp thread only keeps the rhythm.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from gpiozero import LED, GPIODeviceClosed, OutputDevice

from edge.errors import DeviceError
from edge.events import Alive, Show
from edge.ports import Clock, Post
from edge.rhythm import Rhythm

PATTERNS: dict[Show, tuple[int, ...]] = {
    Show.READY: (100, 2_900),
    Show.TESTING: (100, 150, 100, 150, 100, 2_400),
    Show.TEST_RECEIVED: (1_000, 1_000),
    Show.PRESSED: (50, 50),
    Show.STORED: (250, 250),
    Show.AT_BROKER: (120, 120, 120, 640),
    Show.RECEIVED: (2_000,),
    Show.SEEN: (1_850, 150),
    Show.DISPATCHED: (1_550, 150, 150, 150),
}
"""Milliseconds on, off, on, off ... repeated. Ready: a short blink every 3 s, which also proves that the gate lives.
Three short blinks: a test runs, or its window is open. Slow, a second on and a second off: the centre has the test.
Faint flicker: pressed. Even blinking: stored. Double flash: at the broker. Steady: received. Steady with one gap: seen;
with two: dispatched."""

FAULT_PATTERN = (500, 500)

ALIVE_MS = 2_000

LOOK_MS = 100
"""How soon the lamp thread takes up a new rhythm. It is not woken for it: the first level shows already, and a thread
that wakes now would compete with the press that is on its way to the broker."""


class GpioLamps:
    """Status lamp and fault lamp, driven high. ``show`` is the brain's; ``play`` runs on the lamp thread."""

    def __init__(self, status_gpio: int, fault_gpio: int, *, pin_factory: Any, clock: Clock, post: Post) -> None:
        self._clock = clock
        self._post = post
        self._wanted: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
        self._end = threading.Event()
        try:
            self._status = LED(status_gpio, initial_value=False, pin_factory=pin_factory)
            self._fault = LED(fault_gpio, initial_value=False, pin_factory=pin_factory)
        except Exception as error:
            raise DeviceError(
                f"lamps on GPIO {status_gpio} and {fault_gpio} cannot be used: {type(error).__name__}: {error}."
                " Check that no other program holds the lines."
            ) from error

    def show(self, show: Show, fault: bool) -> None:
        """Start these patterns now."""
        before = self._wanted
        self._wanted = (PATTERNS[show], FAULT_PATTERN if fault else ())
        self._status.on()
        if self._wanted[1] != before[1]:
            self._fault.value = fault

    def play(self) -> None:
        """Keep the rhythm of both lamps until closed. The lamp thread calls it."""
        try:
            self._play()
        except GPIODeviceClosed:
            if not self._end.is_set():  # else they were let go between two looks at it
                raise

    def _play(self) -> None:
        rhythms = [Rhythm(self._status), Rhythm(self._fault)]
        playing = self._wanted
        alive_ms = 0
        while True:
            now_ms = self._clock.now_ms()
            if self._wanted is not playing:
                playing = self._wanted
                for rhythm, pattern in zip(rhythms, playing, strict=True):
                    rhythm.begin(pattern, now_ms)
            if now_ms >= alive_ms:
                self._post(Alive("lamps", now_ms))
                alive_ms = now_ms + ALIVE_MS
            next_ms = min(alive_ms, now_ms + LOOK_MS, *(rhythm.due_ms for rhythm in rhythms))
            if self._end.wait(max(0.0, (next_ms - now_ms) / 1000)):
                return
            if self._wanted is playing:
                now_ms = self._clock.now_ms()
                for rhythm in rhythms:
                    rhythm.beat(now_ms)

    def close(self) -> None:
        """End ``play``, lamps off, pins let go."""
        self._end.set()
        self._status.close()
        self._fault.close()


class GpioSiren:
    """The siren's relay, driven high. Off when the daemon ends; rebuilt from the latch when it starts again."""

    def __init__(self, gpio: int, *, pin_factory: Any) -> None:
        self._lock = threading.Lock()
        self._wanted = False
        try:
            self._relay = OutputDevice(gpio, initial_value=False, pin_factory=pin_factory)
        except Exception as error:
            raise DeviceError(
                f"siren on GPIO {gpio} cannot be used: {type(error).__name__}: {error}."
                " Check that no other program holds the line."
            ) from error

    def sound(self) -> None:
        """On."""
        with self._lock:
            self._wanted = True
            self._relay.on()

    def stop(self) -> None:
        """Off."""
        with self._lock:
            self._wanted = False
            self._relay.off()

    def pulse(self, for_ms: int) -> bool:
        """On for so long, unless it sounds. The lock is held for a moment at each end, never in between."""
        with self._lock:
            if self._wanted:
                return False
            self._relay.on()
        time.sleep(for_ms / 1000)
        with self._lock:
            if self._wanted:
                return False
            self._relay.off()
        return True

    def close(self) -> None:
        """Off, and let the pin go."""
        self._relay.close()


class NoSiren:
    """The second implementation: a gate without a siren."""

    def sound(self) -> None:
        """Nothing to sound."""

    def stop(self) -> None:
        """Nothing to stop."""

    def pulse(self, for_ms: int) -> bool:  # noqa: ARG002 - the port's shape
        """Nothing to pulse."""
        return False

    def close(self) -> None:
        """Nothing to let go."""

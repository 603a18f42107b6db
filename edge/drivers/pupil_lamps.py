"""Lamps and buzzer for students, on gpiozero: all that a gate without a screen has, and the sound beside a screen.

How a word of the screen looks and sounds is this file's business; which word it is is not. The brain only hands it
over; the thread that plays moves the pins.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from typing import Any

from gpiozero import LED

from edge.errors import DeviceError
from edge.measuring import Screen, TellPupil
from edge.ports import Clock
from edge.rhythm import NEVER_MS, Rhythm

log = logging.getLogger(__name__)


class Part(Enum):
    """What may be fitted: a green, a yellow and a red lamp, each beside its own sign, and an active buzzer."""

    NORMAL = "normal"
    AGAIN = "again"
    HIGH = "high"
    BUZZER = "buzzer"


STEADY = (1_000,)
BLINKING = (500, 500)
"""Once a second. Faster than three flashes a second can hurt people (WCAG 2.3.1)."""

LIGHTS: Mapping[Screen, Mapping[Part, tuple[int, ...]]] = {
    Screen.IDLE: {},
    Screen.STAND_HERE: {},
    Screen.MEASURING: {Part.AGAIN: STEADY},
    Screen.NORMAL: {Part.NORMAL: STEADY},
    Screen.AGAIN: {Part.AGAIN: BLINKING},
    Screen.HIGH: {Part.HIGH: STEADY},
    Screen.CANNOT_SCREEN: {Part.HIGH: BLINKING},
    Screen.OUT_OF_ORDER: {Part.AGAIN: BLINKING, Part.HIGH: BLINKING},
}
"""Patterns of the lamps that are not dark. Yellow steady: wait. Yellow blinking: again. Red: to the teacher."""

SOUNDS: Mapping[Screen, tuple[int, ...]] = {
    Screen.NORMAL: (150,),
    Screen.AGAIN: (150, 150, 150),
    Screen.HIGH: (800,),
    Screen.CANNOT_SCREEN: (800,),
}
"""One short: go in. Two short: again. One long: to the teacher, who helps, whatever the reason. Each is played once."""


class PupilLamps:
    """Drives what is fitted, high. ``tell`` is the brain's; ``play`` runs on a thread of its own.

    ``gpios`` maps each fitted part to its line (BCM number). ``failed`` is told of each pin that did not move, for a
    counter. Raises DeviceError if a line cannot be had.
    """

    def __init__(
        self, gpios: Mapping[Part, int], *, pin_factory: Any, clock: Clock, failed: Callable[[str], None]
    ) -> None:
        self._clock = clock
        self._failed = failed
        self._told: queue.SimpleQueue[TellPupil | None] = queue.SimpleQueue()
        self._outputs: dict[Part, Any] = {}
        self._ending = False
        for part, gpio in gpios.items():
            try:
                self._outputs[part] = LED(gpio, initial_value=False, pin_factory=pin_factory)
            except Exception as error:
                self.close()
                raise DeviceError(
                    f"thermometer.{part.value}_gpio: GPIO {gpio} cannot be used: {type(error).__name__}: {error}."
                    " Check that no other program holds the line."
                ) from error

    def tell(self, command: TellPupil) -> None:
        """Signal this from now on; the sound is played once for each call."""
        self._told.put(command)

    def play(self) -> None:
        """Move the pins until closed."""
        rhythms = {part: Rhythm(output) for part, output in self._outputs.items()}
        while True:
            due_ms = min((rhythm.due_ms for rhythm in rhythms.values()), default=NEVER_MS)
            rest_s = None if due_ms == NEVER_MS else max(0.0, (due_ms - self._clock.now_ms()) / 1000)
            try:
                command = self._told.get(timeout=rest_s)
            except queue.Empty:
                for rhythm in rhythms.values():
                    self._guarded(rhythm.beat)
                continue
            if command is None or self._ending:
                return
            for part, rhythm in rhythms.items():
                self._begin(part, rhythm, command.screen)

    def close(self) -> None:
        """End ``play``, everything off, pins let go."""
        self._ending = True
        self._told.put(None)
        for output in self._outputs.values():
            with suppress(Exception):  # an orderly end goes on with the next pin
                output.close()

    def _begin(self, part: Part, rhythm: Rhythm, screen: Screen) -> None:
        if part is Part.BUZZER:
            self._guarded(lambda now_ms: rhythm.play_once(SOUNDS.get(screen, ()), now_ms))
        else:
            self._guarded(lambda now_ms: rhythm.begin(LIGHTS[screen].get(part, ()), now_ms))

    def _guarded(self, move: Callable[[int], None]) -> None:
        """A pin that fails must not silence the others."""
        try:
            move(self._clock.now_ms())
        except Exception:
            if not self._ending:  # else the pin was let go under its hand
                log.debug("a lamp or the buzzer for students did not move", exc_info=True)
                self._failed("pupil_lamps")


class JournalPupil:
    """The second implementation: the words as lines in the journal, for a desk without lamps."""

    def tell(self, command: TellPupil) -> None:
        """Write what students would see."""
        log.info("students: %s (%s)", command.screen.value, command.reason.value)

    def close(self) -> None:
        """Nothing to let go."""

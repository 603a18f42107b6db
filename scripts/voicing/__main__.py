"""Speaks every prompt with espeak-ng, as fast as it must be to fit, and composes the chimes."""

from __future__ import annotations

import array
import math
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge.measuring import Screen
from kiosk.sounds import OURS
from kiosk.words import LANGUAGES

SPOKEN_S_MAX = 1.2
SPEEDS_WORDS_A_MINUTE = range(165, 425, 5)
RATE_HZ = 22_050
SILENT = 300
"""Of 32767: what is quieter at either end is cut off."""

LOUDEST = 28_000


class Note(NamedTuple):
    """``begin_ms`` counts from the start of the chime."""

    hertz: float
    begin_ms: int
    length_ms: int


CHIMES = {
    Screen.STAND_HERE: [Note(1175, 0, 70)],
    Screen.MEASURING: [Note(784, 0, 50)],
    Screen.NORMAL: [Note(1047, 0, 170), Note(1319, 0, 170), Note(1568, 0, 170)],
    Screen.AGAIN: [Note(659, 0, 90), Note(659, 150, 90)],
    Screen.HIGH: [Note(440, 0, 380)],
    Screen.CANNOT_SCREEN: [Note(523, 0, 130), Note(392, 130, 170)],
    Screen.OUT_OF_ORDER: [Note(392, 0, 90), Note(330, 90, 90), Note(262, 180, 150)],
}
"""One short, two short, one long, as the buzzer has it; the rest apart from these. Nothing for an idle screen."""


def main() -> int:
    """Make all of them; the exit code."""
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory) / "sound.wav"
        for language, words in LANGUAGES.items():
            for screen, prompt in words.prompts.items():
                if not prompt.spoken:
                    continue
                samples = fitting(prompt.spoken, words.voice, work)
                if samples is None:
                    sys.stderr.write(f"make-voice: {prompt.spoken!r} takes more than {SPOKEN_S_MAX} s: shorten it\n")
                    return 1
                keep(samples, work, OURS / language / f"{screen.value}.ogg")
        for screen, notes in CHIMES.items():
            keep(array.array("h", chime(notes)), work, OURS / "chimes" / f"{screen.value}.ogg")
    return 0


def fitting(text: str, voice: str, work: Path) -> array.array[int] | None:
    """The text at the slowest speed that fits; None where none does."""
    for speed in SPEEDS_WORDS_A_MINUTE:
        command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", "55", "-a", "180", "-w", str(work), text]
        subprocess.run(command, check=True)
        with wave.open(str(work)) as spoken:
            assert spoken.getframerate() == RATE_HZ
            samples = array.array("h", spoken.readframes(spoken.getnframes()))
        samples = louder(trimmed(samples))
        if len(samples) <= SPOKEN_S_MAX * RATE_HZ:
            sys.stdout.write(f"{text}: {len(samples) / RATE_HZ:.2f} s at {speed} words a minute\n")
            return samples
    return None


def trimmed(samples: array.array[int]) -> array.array[int]:
    """Without the silence at both ends."""
    loud = [at for at, sample in enumerate(samples) if abs(sample) > SILENT]
    return samples[loud[0] : loud[-1] + 1]


def louder(samples: array.array[int]) -> array.array[int]:
    """As loud as can be: a gate is a noisy place."""
    scale = LOUDEST / max(abs(sample) for sample in samples)
    return array.array("h", (int(sample * scale) for sample in samples))


def chime(notes: list[Note]) -> Iterator[int]:
    """The samples of these notes, each struck and dying away like a bell's."""
    end_ms = max(note.begin_ms + note.length_ms for note in notes)
    for at in range(end_ms * RATE_HZ // 1000):
        at_s = at / RATE_HZ
        yield int(LOUDEST * 0.7 * sum(struck(note, at_s) for note in notes) / math.sqrt(len(notes)) / 1.4)


def struck(note: Note, at_s: float) -> float:
    """One note, -1.3 to 1.3; silent before its begin and after its length."""
    since_s, length_s = at_s - note.begin_ms / 1000, note.length_ms / 1000
    if not 0 <= since_s < length_s:
        return 0.0
    edge = min(1.0, since_s / 0.004, (length_s - since_s) / 0.02)
    tone = math.sin(2 * math.pi * note.hertz * since_s) + 0.3 * math.sin(4 * math.pi * note.hertz * since_s)
    return edge * math.exp(-2 * since_s / length_s) * tone


def keep(samples: array.array[int], work: Path, file: Path) -> None:
    """Encode into ``file``; the same samples give the same bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(work), "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(RATE_HZ)
        made.writeframes(samples.tobytes())
    subprocess.run(["oggenc", "--quiet", "--quality", "2", "--serial", "1", "-o", str(file), str(work)], check=True)


raise SystemExit(main())

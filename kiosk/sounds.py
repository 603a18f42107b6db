"""Which sound files belong to which screen: the chime, then the spoken prompt in the gate's language.

A school's own recordings go before ours, by the same names: ``normal``, ``again``, ``high`` and so on, one for each
screen, as ``.ogg``, ``.wav`` or ``.mp3``.
"""

from __future__ import annotations

import logging
from pathlib import Path

from edge.measuring import Screen

log = logging.getLogger(__name__)

OURS = Path(__file__).parent / "sounds"
KINDS = (".ogg", ".wav", ".mp3")
SOUND_BYTES_MAX = 500_000
"""A prompt of 1.2 s takes 10 kB; anything much larger was put there by mistake and would delay the page."""


class Sounds:
    """The files to be played, by name: ``chime-normal``, ``voice-normal``. Looked for once, at the start."""

    def __init__(self, language: str, voice: bool, own_directory: Path | None) -> None:
        if own_directory is not None and not own_directory.is_dir():
            log.warning("kiosk.voice_directory %s is no directory: our own voice speaks", own_directory)
        self.files: dict[str, Path] = {}
        for screen in Screen:
            self._add(f"chime-{screen.value}", OURS / "chimes", screen)
            if voice:
                self._add(f"voice-{screen.value}", OURS / language, screen)
                if own_directory is not None:
                    self._add(f"voice-{screen.value}", own_directory, screen)

    def of(self, screen: Screen) -> list[str]:
        """The names of what is played for this screen, in order."""
        return [name for name in (f"chime-{screen.value}", f"voice-{screen.value}") if name in self.files]

    def _add(self, name: str, directory: Path, screen: Screen) -> None:
        for file in (directory / f"{screen.value}{kind}" for kind in KINDS):
            if file.is_file():
                if file.stat().st_size <= SOUND_BYTES_MAX:
                    self.files[name] = file
                else:
                    log.warning("%s has more than %d bytes and is not played", file, SOUND_BYTES_MAX)
                return

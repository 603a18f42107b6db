"""A card of the tests' own, which can be filled, write-protected and given up by the kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

CARD_BYTES = 16 * 1024 * 1024


class Card:
    """A small ext4 file system of the test's own. It can be filled up, write-protected, and failed by the kernel."""

    def __init__(self, directory: Path, size_bytes: int = CARD_BYTES) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root may mount a small file system: run as root to test a failing card")
        directory.mkdir()
        self._image = directory / "image"
        self.path = directory / "card"
        self.path.mkdir()
        with self._image.open("wb") as stream:
            stream.truncate(size_bytes)
        for words in (["mkfs.ext4", "-q", "-F", str(self._image)], self._mounting()):
            done = run(*words)
            if done is None or done.returncode != 0:
                reason = "is not installed" if done is None else done.stderr.decode().strip()
                pytest.skip(f"no small file system can be made here: {words[0]} {reason}")

    @property
    def state(self) -> dict[str, object]:
        """Settings that keep a gate's state on this card."""
        return {"state_directory": str(self.path / "state")}

    def fill(self) -> None:
        """Leave not a byte."""
        with (self.path / "filler").open("wb", buffering=0) as filler:
            for size in (65536, 1024, 1):
                with suppress(OSError):  # full for pieces of this size
                    while True:
                        filler.write(bytes(size))

    def empty(self) -> None:
        """Give the space back."""
        (self.path / "filler").unlink()

    def protect(self, on: bool) -> None:
        """Slide the switch. Only while nothing is open for writing."""
        self._must("mount", "-o", "remount,ro" if on else "remount,rw", str(self.path))

    def abort(self) -> None:
        """What the kernel does to a card with errors: read-only at once, whatever is open. Only ``repair`` mends it."""
        self._must("mount", "-o", "remount,abort", str(self.path))

    def repair(self) -> None:
        """Take it out, check it, put it back in."""
        self._must("umount", str(self.path))
        run("e2fsck", "-p", "-f", str(self._image))
        self._must(*self._mounting())

    def written_bytes(self) -> int:
        """What has been written to it since it was put in, by the device's own count."""
        run("sync", "-f", str(self.path))
        found = run("findmnt", "-no", "SOURCE", str(self.path))
        assert found is not None
        device = Path(found.stdout.decode().strip()).name
        return int(Path(f"/sys/block/{device}/stat").read_text().split()[6]) * 512

    def close(self) -> None:
        """Take it out for good."""
        self._must("umount", "-l", str(self.path))

    def _mounting(self) -> list[str]:
        return ["mount", "-o", "loop", str(self._image), str(self.path)]

    def _must(self, *words: str) -> None:
        done = run(*words)
        assert done is not None, words
        assert done.returncode == 0, done.stderr.decode()


def run(*words: str) -> subprocess.CompletedProcess[bytes] | None:
    """Run a system command; None where it is not installed."""
    program = shutil.which(words[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    return None if program is None else subprocess.run([program, *words[1:]], capture_output=True, check=False)

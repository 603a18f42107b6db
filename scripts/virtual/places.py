"""Where the virtual gate's things lie, and whether it can run on this machine at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = PROJECT / "tests" / "machine"
"""What the machine is made of besides Debian: kernel modules, files of the guest, programs for it."""

SUITE = "trixie"
"""The guest's release: what Raspberry Pi OS is made of today."""

IMAGE = "root.img"
"""The gate without a screen of its own, as all tests but one have it."""

ROOM_GB = 5
"""Free space that a build needs, in GB. Half of it is let go at the end."""

MINUTES = "GATEPOST_VM_MINUTES"
"""Environment: machine tests that have not begun after so many minutes are skipped."""


def cache() -> Path:
    """Where all that is big lies: ``$GATEPOST_VM``, else below the user's cache directory."""
    named = os.environ.get("GATEPOST_VM")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(home) / "gatepost-vm"


@contextlib.contextmanager
def alone(lock: str = "lock") -> Iterator[None]:
    """Wait until nobody else makes something in the cache, and keep others from it meanwhile.

    ``lock``: a file of it, for what shares nothing with the rest.
    """
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / lock).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def why_not(what: str = "the virtual gate") -> str | None:
    """One sentence that says why ``what`` cannot be had here; None where it can."""
    if not Path("/etc/debian_version").exists() or shutil.which("apt-get") is None:
        return f"{what} needs Debian or one of its children: it is built from Debian's own packages"
    if platform.machine() != "x86_64":
        return f"{what} needs an x86-64 processor, and this is {platform.machine()}"
    if os.geteuid() != 0:
        return f"{what} is built and run as root (chroot, file ownership): use sudo"
    return None


def why_no_image() -> str | None:
    """One sentence that says what is missing to start the machine; None where it can start."""
    reason = why_not()
    if reason is None and shutil.which("qemu-system-x86_64") is None:
        reason = "QEMU is not installed: scripts/vm build installs it"
    if reason is None and not (cache() / IMAGE).exists():
        reason = f"there is no image in {cache()}: scripts/vm build makes it"
    return reason

"""Debian for a Pi's processor, as a file tree on this machine, and the offline kit installed in it.

Debian's qemu-user-static carries its programs out, on this machine's kernel. Nothing boots there: no pins, no services.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from installation import kit
from virtual import tree
from virtual.places import cache
from virtual.steps import run, step

MACHINE = "aarch64"
PYTHONS = {"trixie": "3.13", "bookworm": "3.11"}
"""Releases that Raspberry Pi OS is made from, as far as this was tried with them, and their Python."""

PACKAGES = ("apt", "systemd", "systemd-sysv", "udev", "dbus", "passwd", "python3", "ca-certificates")
"""What every Pi has before gatepost comes: the rest is the installer's work."""

EMULATION = "qemu-aarch64"
DESCRIPTION = Path("/usr/lib/binfmt.d") / f"{EMULATION}.conf"
MISC = Path("/proc/sys/fs/binfmt_misc")
"""Where the kernel is told who carries out programs that are not for its own processor."""

PROCESSOR = {"QEMU_CPU": "cortex-a53"}
"""That of a Pi 3 and a Zero 2 W, the oldest with 64 bits: what needs a newer one's instructions ends by SIGILL."""

EXTRAS = ["kiosk", "camera"]

UNPACKERS = ("dpkg-deb", "dpkg-split", "tar", "rm")
"""dpkg starts each of them several times a package. They are this machine's own, to save time."""


def why_not() -> str | None:
    """One sentence that says why no such tree can be made or entered here; None where it can."""
    if not Path("/etc/debian_version").exists():
        return "an arm64 tree is made from Debian's packages: this is no Debian"
    if os.geteuid() != 0:
        return "an arm64 tree is made and entered as root (chroot, file ownership, the kernel's binfmt_misc): use sudo"
    if not DESCRIPTION.exists() or shutil.which("mmdebstrap") is None:
        return "programs for arm64 cannot be run here: apt-get install qemu-user-static mmdebstrap"
    return None


@contextlib.contextmanager
def emulated() -> Iterator[None]:
    """Have the kernel run arm64 programs for a while, as Debian itself sets it up. Raises BuildError, OSError.

    What was there before is there afterwards.
    """
    with contextlib.ExitStack() as undo:
        if not (MISC / "register").exists():
            run("mount", "-t", "binfmt_misc", "binfmt_misc", MISC)
            undo.callback(subprocess.run, ["umount", str(MISC)], check=False)
        if not (MISC / EMULATION).exists():
            (MISC / "register").write_text(DESCRIPTION.read_text().strip())
            undo.callback((MISC / EMULATION).write_text, "-1")
        yield


def gather_unpackers(directory: Path) -> None:
    """Lay out ``UNPACKERS`` with their libraries as they are to lie in a tree. Raises BuildError."""
    for program in UNPACKERS:
        file = shutil.which(program) or program
        wanted = {file: f"native/{program}"}
        wanted |= {library: library.lstrip("/") for library in re.findall(r"(/\S+) \(0x", run("ldd", file))}
        for source, place in wanted.items():
            # As Debian has it: below /usr, with links beside it. A real /lib64 it would refuse.
            target = directory / re.sub(r"^lib", "usr/lib", place)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    link = directory / "lib64"
    if not link.is_symlink():
        link.symlink_to("usr/lib64")


class Arm64Tree:
    """One tree in the cache. Every command needs ``emulated()``; each sees ``/proc``, which is gone with it."""

    def __init__(self, suite: str) -> None:
        self.suite = suite
        self.root = cache() / f"arm64-{suite}"

    def make(self) -> None:
        """Debian alone, as a Pi has it. Does nothing where it is there. Raises BuildError."""
        unpackers = cache() / "arm64-unpackers"
        gather_unpackers(unpackers)
        tree.debian_tree(
            f"arm64-{self.suite}", self.suite, PACKAGES, "--architectures=arm64", "--skip=check/qemu",
            f'--essential-hook=cp -a {unpackers}/. "$1"', "--dpkgopt=force-unsafe-io",
            '--aptopt=DPkg::Path "/native:/usr/sbin:/usr/bin:/sbin:/bin"', environment=PROCESSOR,
        )  # fmt: skip
        # Where the last installation was cut short, apt would refuse to go on.
        self.run("dpkg", "--configure", "-a")

    def bring_kit(self) -> None:
        """Lay down what a technician carries to a gate without internet. Raises StepError."""
        directory = self.root / "kit"
        with step("offline kit"):
            shutil.rmtree(directory, ignore_errors=True)
            kit.gather(directory / "wheels", PYTHONS[self.suite], MACHINE, EXTRAS)
            kit.carry(directory)

    def remove_product(self) -> None:
        """Leave only what apt has installed: nothing of gatepost, its settings and accounts."""
        if any((self.root / place).exists() for place in ("opt/gatepost", "etc/gatepost")):
            self.run("/kit/scripts/uninstall", "--yes", "--purge")

    def install(self, settings: str) -> str:
        """``scripts/install`` with these settings; what it said. Raises BuildError."""
        (self.root / "kit" / "gate.toml").write_text(settings)
        with step("installation"):
            return self.run("/kit/scripts/install", "--yes", "--wheels", "/kit/wheels", "--config", "/kit/gate.toml")

    def run(self, *words: object) -> str:
        """What a command prints. Raises BuildError where it fails."""
        return run(*self._enter(), *words)

    def ask(self, *words: object) -> subprocess.CompletedProcess[str]:
        """A command to its end, whatever that is."""
        command = [str(word) for word in (*self._enter(), *words)]
        return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def _enter(self) -> tuple[object, ...]:
        shutil.copyfile("/etc/resolv.conf", self.root / "etc" / "resolv.conf")
        return (
            "unshare", "--mount", "--mount-proc", f"--root={self.root}", "env", "-i",
            "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
            *(f"{name}={value}" for name, value in PROCESSOR.items()),
        )  # fmt: skip

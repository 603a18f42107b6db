"""The guest's file tree: Debian as the gate's Pi has it, the product installed in it, and what makes it a stand-in."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from installation import debian
from virtual.packages import network_options, source_line
from virtual.places import IMAGE, PROJECT, SOURCES, SUITE, cache
from virtual.steps import run, step

GUEST_PACKAGES = (
    "systemd", "systemd-sysv", "systemd-timesyncd", "udev", "dbus", "kmod", "iproute2", "procps", "util-linux",
    "login", "passwd", "sudo", "e2fsprogs", "busybox-static", "ca-certificates", "openssl",
    "python3", "python3-venv", "python3-systemd", "python3-prctl", "python3-libcamera", "libcamera-ipa",
    "i2c-tools", "gpiod", "v4l-utils",
)  # fmt: skip
WHEEL_PACKAGES = ("python3-dev", "python3-venv", "python3-setuptools", "python3-wheel", "gcc", "libc6-dev", "swig")

PICAMERA = ("picamera2==0.3.38", "piexif", "pillow", "simplejpeg", "videodev2")
"""On a Pi from its own archive, which has nothing for this processor. What else picamera2 asks for is for encoders and
cameras that are not here."""

WITHOUT = ("man", "doc", "locale", "info")

MASKED = (
    "getty@tty1.service", "console-getty.service", "serial-getty@hvc0.service", "systemd-firstboot.service",
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
    "e2scrub_reap.service", "fstrim.timer", "ldconfig.service", "systemd-update-done.service",
    "systemd-hwdb-update.service", "systemd-sysusers.service", "systemd-machine-id-commit.service",
    "systemd-pcrphase.service", "systemd-networkd.service",
)  # fmt: skip
"""What a machine that lives for a minute does not need: each costs an emulated processor a second."""

ENABLED = ("virtual-gate-hardware.service", "virtual-gate-shell.service", "virtual-gate-network.service")


class Guest(NamedTuple):
    """One image of the virtual gate: its file in the cache, and its tree of Debian alone, there as well.

    ``packages``: what this has beyond the usual; ``words``: further ones for ``scripts/install``.
    """

    image: str
    base: str
    packages: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


GATE = Guest(IMAGE, "base")
SCREEN = Guest("screen.img", "base-screen", debian.BROWSER, ("--browser",))
"""With a browser on a screen of its own: 400 MB more, which one test wants."""


def make_base(guest: Guest) -> None:
    """Debian alone, in the cache. Does nothing where it is there already."""
    debian_tree(guest.base, SUITE, GUEST_PACKAGES + guest.packages)


def make_builder() -> None:
    """A tree with a compiler and the guest's Python headers, for what is not to be had as a wheel."""
    debian_tree("builder", SUITE, WHEEL_PACKAGES)


def python_version() -> str:
    """The guest's Python, such as ``3.13``."""
    libraries = (cache() / "base" / "usr" / "lib").glob("python3.*")
    return max((file.name.removeprefix("python") for file in libraries), key=lambda name: int(name.partition(".")[2]))


@contextlib.contextmanager
def mounted(source: Path, place: Path) -> Iterator[None]:
    """Have a directory of the host at ``place``, inside a tree, for a while."""
    place.mkdir(parents=True, exist_ok=True)
    run("mount", "--bind", source, place)
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=False)
        with contextlib.suppress(OSError):
            place.rmdir()


def inside(root: Path, *words: object) -> str:
    """Run a command in a tree."""
    return run("chroot", root, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", *words)


def furnish(root: Path) -> None:
    """What makes a Debian tree the virtual gate: our units and programs, its kernel's modules, a root without word."""
    modules = root / "usr" / "lib" / "modules"
    shutil.rmtree(modules, ignore_errors=True)
    shutil.copytree(cache() / "kernel" / "tree" / "lib" / "modules", modules)
    # Without owner: whoever built this checkout is nobody in the guest.
    run("cp", "-r", "--no-preserve=ownership", f"{SOURCES / 'guest'}/.", root)
    inside(root, "passwd", "-d", "root")
    (root / "etc" / "machine-id").write_text(f"{secrets.token_hex(16)}\n")
    for verb, units in (("enable", ENABLED), ("mask", MASKED)):
        inside(root, "systemctl", "-q", verb, *units)
    inside(root, "systemctl", "-q", "set-default", "multi-user.target")


def install_product(root: Path, words: tuple[str, ...] = ()) -> None:
    """gatepost as a technician puts it on a gate without internet: by scripts/install, from wheels alone.

    Its services are not enabled yet and it has no settings: what this machine is to be, each test says.
    """
    settings = root / "etc/gatepost/gatepost.toml"
    with contextlib.ExitStack() as stack:
        for source, name in ((PROJECT, "checkout"), (cache() / "wheelhouse", "wheelhouse"), (Path("/proc"), "proc")):
            stack.enter_context(mounted(source, root / name))
        inside(root, "/checkout/scripts/install", "--yes", "--no-apt", "--no-start", "--wheels", "/wheelhouse",
               "--config", f"/checkout/{(SOURCES / 'everything.toml').relative_to(PROJECT)}", *words)  # fmt: skip
        # From Debian, or from the Pi's own archive, on a Pi; not to be had there for this processor.
        inside(root, "/opt/gatepost/current/bin/python", "-m", "pip", "install", "-q", "--no-index", "--no-deps",
               "--find-links", "/wheelhouse", "lgpio", "pidng", *PICAMERA)  # fmt: skip
    settings.unlink()
    units = [unit.name for unit in (PROJECT / "systemd").glob("*.service")]
    inside(root, "systemctl", "-q", "disable", *units)


def debian_tree(
    name: str, suite: str, packages: tuple[str, ...], *options: str, environment: Mapping[str, str] = {}
) -> None:
    """A Debian tree of these packages, ``name/`` of the cache; ``options``: mmdebstrap's. Raises BuildError.

    Does nothing where it is there. apt can go on in it where it is one of the packages; else nothing is left of it.
    """
    root = cache() / name
    made_of = root.with_suffix(".packages")
    wanted = "\n".join([suite, *packages, *options])
    if root.exists() and made_of.exists() and made_of.read_text() == wanted:
        return
    with step(f"Debian {suite}, {name} tree"):
        made_of.unlink(missing_ok=True)
        shutil.rmtree(root, ignore_errors=True)
        # In a name space of its own: what it mounts is gone with it, however it ends.
        run(
            "unshare", "--mount", "mmdebstrap", "--mode=root", "--variant=essential", f"--include={','.join(packages)}",
            *options, *network_options(), '--aptopt=APT::Install-Recommends "false"',
            *(f"--dpkgopt=path-exclude=/usr/share/{kind}/*" for kind in WITHOUT), suite, root, source_line(suite),
            environment={**os.environ, **environment},
        )  # fmt: skip
        if "apt" not in packages:
            shutil.rmtree(root / "var/cache/apt")
            shutil.rmtree(root / "var/lib/apt/lists")
            for left in ("etc/apt/sources.list", "etc/apt/apt.conf.d/99mmdebstrap"):
                (root / left).unlink(missing_ok=True)
    made_of.write_text(wanted)

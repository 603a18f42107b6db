"""The program itself: one environment a version below /opt/gatepost, made whole or not at all."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from edge import __version__, environments
from edge.releases import Releases
from installation import debian
from installation.machine import Machine, StepError, say

PROJECT = Path(__file__).parents[2]
PACKAGES = ("edge", "centre", "kiosk")
SOURCES_COPY = "opt/gatepost/.sources"
DESCRIBES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")


def content_of(sources: Iterable[Path], extras: list[str]) -> str:
    """A digest of all that the installation is made from: what is the same need not be made again.

    Python is a part of it: when Debian itself is upgraded, the new one finds nothing of what was made for the old.
    """
    python = ".".join(platform.python_version_tuple()[:2])
    digest = hashlib.sha256(" ".join([python, *extras]).encode())
    for source in sources:
        for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(source.parent)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def extras_for(machine: Machine, settings: Mapping[str, Any]) -> list[str]:
    """Which optional parts these settings need from wheels."""
    extras = []
    if "kiosk" in settings:
        extras.append("kiosk")
    if "camera" in settings and not debian.has_new_opencv(machine):
        extras.append("camera")
    return extras


def install(machine: Machine, settings: Mapping[str, Any], wheels: Path | None) -> str:
    """Make the environment; the version's name. Does nothing where it is there. Raises StepError.

    ``wheels``: take everything from this directory, and nothing from the network.
    """
    releases = Releases(machine.root / "opt/gatepost")
    extras = extras_for(machine, settings)
    content = content_of([PROJECT / name for name in (*PACKAGES, *DESCRIBES)] if wheels is None else [wheels], extras)
    version = __version__
    if releases.place(version).exists() and not releases.is_complete(version, content):
        if releases.current() == version or releases.previous() == version:
            version = f"{__version__}+{content[:8]}"  # the one that runs is never touched
        if releases.place(version).exists() and not releases.is_complete(version, content):
            shutil.rmtree(releases.place(version))
    if releases.is_complete(version, content):
        say(f"      {version} is there already")
        return version
    _room(machine)
    place = f"/opt/gatepost/{version}"
    say(f"      {place}: a minute or two ...")
    numpy = debian.numpy_version(machine) if "camera" in settings else None
    what = f"[{','.join(extras)}]" if extras else ""
    source = [f"{_clean_copy(machine)}{what}"] if wheels is None else [
        "--no-index", "--find-links", str(wheels), f"gatepost{what} == {__version__}"
    ]  # fmt: skip
    constraints = f"numpy == {numpy}\n" if numpy else ""
    environments.make(machine.run, sys.executable, place, source, constraints, machine.root)
    shutil.rmtree(machine.root / SOURCES_COPY, ignore_errors=True)
    releases.completed(version, content)
    return version


def switch(machine: Machine, version: str) -> None:
    """Make it the one that runs after the next start, and forget all but it and the one before."""
    releases = Releases(machine.root / "opt/gatepost")
    releases.switch(version)
    for gone in releases.prune():
        say(f"      {gone} deleted: older than the one before")


def _clean_copy(machine: Machine) -> str:
    """The sources alone, owned by root: building leaves files behind, and not in somebody's checkout."""
    copy = machine.root / SOURCES_COPY
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for name in PACKAGES:
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in DESCRIBES:
        shutil.copy(PROJECT / name, copy / name)
    return "/" + str(copy.relative_to(machine.root))


ROOM_BYTES_MIN = 600_000_000


def _room(machine: Machine) -> None:
    place = machine.root / "opt"
    place.mkdir(exist_ok=True)
    free = os.statvfs(place)
    if free.f_bavail * free.f_frsize < ROOM_BYTES_MIN:
        raise StepError(
            f"/opt has {free.f_bavail * free.f_frsize // 1_000_000} MB free, {ROOM_BYTES_MIN // 1_000_000} MB are"
            " needed: delete something, or take a larger card"
        )

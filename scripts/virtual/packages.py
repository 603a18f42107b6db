"""Debian's packages: those that the host needs, and those of other releases, fetched without touching the host's apt.

Where packages come from is read from the host's own apt, so a mirror or a proxy that works for it works here.
"""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from virtual.places import cache
from virtual.steps import BuildError, run

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
HOST_PACKAGES = (
    "qemu-system-x86", "qemu-utils", "mmdebstrap", "kmod", "e2fsprogs", "xz-utils", "make", "binutils",
    "debian-archive-keyring", "cpio",
)  # fmt: skip


def host_release() -> str:
    """The code name of the host's release, such as ``bookworm``."""
    return platform.freedesktop_os_release()["VERSION_CODENAME"]


def mirror() -> str:
    """The archive that the host itself installs from. Raises BuildError."""
    targets = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(CREATED_BY)").splitlines()
    found = [line.split() for line in targets]
    for words in found:
        if words[1:] == [host_release(), "Packages"]:
            return words[0]
    raise BuildError(f"apt knows no archive of {host_release()}: look at /etc/apt/sources.list.d, then apt-get update")


def source_line(suite: str) -> str:
    """An apt source of another release from the same archive."""
    return f"deb [signed-by={KEYRING}] {mirror()} {suite} main"


def reach(suite: str) -> None:
    """Fetch the list of a release, to see that its archive answers. Raises BuildError."""
    with tempfile.TemporaryDirectory() as directory:
        run("/usr/lib/apt/apt-helper", "download-file", f"{mirror()}dists/{suite}/InRelease", f"{directory}/list")


def network_options() -> list[str]:
    """The host's own proxy and time-outs, for the apt inside a tree that mmdebstrap makes."""
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Check", "Acquire::Retries")
    lines = run("apt-config", "dump").splitlines()
    return [f"--aptopt={line}" for line in lines if line.startswith(wanted) and not line.endswith('"";')]


def install_on_host(*packages: str) -> None:
    """Install what is not there yet."""
    missing = [package for package in packages if not _installed(package)]
    if missing:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "-qq", "update")
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, environment=environment)


def _installed(package: str) -> bool:
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status}", package], capture_output=True, text=True, check=False
    )
    return asked.stdout == "installed"


class Archive:
    """apt for one suite with a state directory of its own: the host's lists and settings stay as they are."""

    def __init__(self, suite: str) -> None:
        self._directory = cache() / "apt" / suite
        for name in ("lists/partial", "cache/archives/partial", "none"):
            (self._directory / name).mkdir(parents=True, exist_ok=True)
        (self._directory / "status").touch()
        (self._directory / "sources.list").write_text(source_line(suite) + "\n")
        if not (self._directory / "updated").exists():
            self._apt("apt-get", "-qq", "update")
            (self._directory / "updated").touch()

    def dependencies(self, package: str) -> list[str]:
        """The packages that one depends on."""
        lines = self._apt("apt-cache", "depends", package).splitlines()
        return [line.split(":")[1].strip(" <>") for line in lines if "Depends:" in line]

    def download(self, packages: Sequence[str], directory: Path) -> None:
        """Fetch their files."""
        self._apt("apt-get", "-qq", "download", *packages, directory=directory)

    def _apt(self, tool: str, *words: str, directory: Path | None = None) -> str:
        here = self._directory
        options = {
            "Dir::State": here, "Dir::State::status": here / "status", "Dir::State::lists": here / "lists",
            "Dir::Cache": here / "cache", "Dir::Etc::sourcelist": here / "sources.list",
            "Dir::Etc::sourceparts": here / "none", "Dir::Etc::preferencesparts": here / "none",
            "APT::Sandbox::User": "root",
        }  # fmt: skip
        return run(tool, *(f"-o{key}={value}" for key, value in options.items()), *words, directory=directory)

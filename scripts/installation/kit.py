"""Gathers what an installation without internet needs: wheels for the target, and the installer itself."""

from __future__ import annotations

import argparse
import configparser
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from installation.machine import StepError, say
from installation.programs import DESCRIBES, PACKAGES, PROJECT

CARRIED = ("scripts/install", "scripts/uninstall", "scripts/installation", "systemd", "config", *PACKAGES, *DESCRIBES)
GLIBC = {"3.11": 36, "3.13": 41}
"""The second figure of glibc's version in the Debian release that has this Python: bookworm, trixie."""

OLD_NUMPY = {"3.11": ["opencv-python-headless < 4.12"]}
"""Bookworm's picamera2 needs bookworm's numpy, 1.24; later OpenCVs want 2."""

MANYLINUX = (41, 39, 36, 35, 34, 31, 28, 27, 26, 24, 17)


def platforms(python: str, machine: str) -> list[str]:
    """The platform tags that the target runs, newest first. Raises StepError for a Python of no Debian release."""
    if python not in GLIBC:
        raise StepError(f"--python {python}: {' and '.join(GLIBC)} are what Debian has")
    return [
        *(f"manylinux_2_{minor}_{machine}" for minor in MANYLINUX if minor <= GLIBC[python]),
        f"manylinux2014_{machine}", f"linux_{machine}",
    ]  # fmt: skip


def requirements(machine: str, python: str, extras: list[str]) -> list[str]:
    """What setup.cfg asks for on that machine: pip judges markers by the machine it runs on, so they are judged here.

    Without optional parts whose Debian package an installer prefers, nothing is left out: a kit must suffice.
    """
    from packaging.requirements import Requirement

    file = configparser.ConfigParser()
    file.read(PROJECT / "setup.cfg", encoding="utf-8")
    parts = [file["options"]["install_requires"], *(file["options.extras_require"][extra] for extra in extras)]
    wanted = [line for part in parts for line in part.splitlines() if line and not line.startswith("#")]
    there = {"platform_machine": machine, "python_version": python, "sys_platform": "linux"}
    parsed = [Requirement(text) for text in wanted]
    chosen = [one for one in parsed if one.marker is None or one.marker.evaluate(there)]
    return [f"{one.name}{one.specifier}" for one in chosen]


def pip(*words: str) -> None:
    """Run pip. Raises StepError with its last words."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = [line for line in done.stderr.splitlines() if line.startswith("ERROR")][-1:] or [done.stderr[-300:]]
        raise StepError(f"pip {words[0]} failed: {last[0]}")


def gather(wheels: Path, python: str, machine: str, extras: list[str]) -> None:
    """Fill ``wheels`` for the target, from wheels alone. Raises StepError."""
    wheels.mkdir(parents=True, exist_ok=True)
    tags = [f"--platform={tag}" for tag in platforms(python, machine)]
    pip("download", "--quiet", "--only-binary=:all:", f"--python-version={python}", "--implementation=cp", *tags,
        "--dest", str(wheels), *requirements(machine, python, extras),
        *(OLD_NUMPY.get(python, []) if "camera" in extras else []))  # fmt: skip
    pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(PROJECT))


def carry(directory: Path) -> None:
    """The installer and what it lays down."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in CARRIED:
        source, target = PROJECT / name, directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)


def main() -> int:
    """The command ``scripts/offline-kit``; its exit code."""
    parser = argparse.ArgumentParser(prog="offline-kit", description=__doc__, allow_abbrev=False)
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--python", default=f"{sys.version_info[0]}.{sys.version_info[1]}", choices=sorted(GLIBC))
    parser.add_argument("--machine", default=platform.machine(), metavar="NAME")
    parser.add_argument("--extras", default="kiosk,camera", metavar="WORDS")
    options = parser.parse_args()
    if options.directory.exists() and any(options.directory.iterdir()):
        say(f"offline-kit: {options.directory} is not empty: name another")
        return 1
    try:
        gather(options.directory / "wheels", options.python, options.machine, options.extras.split(","))
    except StepError as error:
        say(f"offline-kit: {error}")
        return 1
    carry(options.directory)
    count = len(list((options.directory / "wheels").glob("*.whl")))
    say(f"{options.directory}: {count} wheels for Python {options.python} on {options.machine}.")
    say("There: sudo scripts/install --wheels wheels")
    return 0


if __name__ == "__main__":
    sys.exit(main())

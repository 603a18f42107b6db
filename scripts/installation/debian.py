"""What is taken from Debian: what it keeps better than a wheel does, as far as the release has it new enough."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from installation.machine import Machine, StepError, names, say

RELEASES = ("bookworm", "trixie")
ARCHITECTURES = ("arm64", "armhf", "amd64")

ALWAYS = ("python3-venv", "python3-systemd", "ca-certificates", "openssl")
PINS = ("python3-gpiozero", "python3-lgpio")
"""Raspberry Pi OS has both new enough. Debian has an old gpiozero and no lgpio: pip then brings its own."""

CAMERA = "python3-picamera2"
"""Raspberry Pi OS alone has it, and it is no wheel."""

BROWSER = ("cage", "seatd", "chromium", "fonts-noto-cjk")
"""For the Pi's own screen."""

COMPILER = ("gcc", "libc6-dev", "python3-dev", "swig")
"""For lgpio, where there is neither a package nor a wheel."""


def release_of(machine: Machine) -> str:
    """The Debian release that this is, or was made from; empty if it is neither."""
    try:
        text = (machine.root / "etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.search(r"^VERSION_CODENAME=\"?(\w+)", text, re.MULTILINE)
    return found.group(1) if found else ""


def candidate(machine: Machine, package: str) -> str | None:
    """The version that apt would install, None where it has none."""
    found = re.search(r"Candidate: (\S+)", machine.ask("apt-cache", "policy", package)[1])
    return None if found is None or found.group(1) == "(none)" else found.group(1)


def wanted(machine: Machine, settings: Mapping[str, Any], *, browser: bool, battery_clock: bool) -> list[str]:
    """The packages for these settings, as far as apt knows them. Says what it does not know and no wheel replaces."""
    packages = [*ALWAYS, *PINS]
    camera = settings.get("camera")
    if "thermometer" in settings:
        packages.append("i2c-tools")
    if camera is not None:
        packages += ["python3-opencv", "opencv-data"]
        if camera.get("source", "picamera2") == "picamera2":
            packages += [CAMERA, "python3-libcamera", "libcamera-ipa"]
    if browser:
        packages += BROWSER
    if battery_clock:
        packages.append("util-linux-extra")
    if not is_installed(machine, "chrony"):
        packages.append("systemd-timesyncd")
    found = [package for package in packages if candidate(machine, package) is not None]
    if CAMERA in packages and CAMERA not in found:
        say(f"      {CAMERA} is not to be had here, and the settings want it: no camera. Raspberry Pi OS has it;")
        say('      a USB camera needs none: camera.source = "opencv"')
    if "python3-lgpio" not in found and not _lgpio_has_a_wheel(machine):
        found += COMPILER
    return found


def install(machine: Machine, packages: list[str]) -> None:
    """Install what is missing. Raises StepError."""
    missing = [package for package in packages if not is_installed(machine, package)]
    if not missing:
        say("      nothing missing")
        return
    say(f"      {names(missing)}")
    machine.run("apt-get", "install", "-y", "--no-install-recommends", *missing)


def update(machine: Machine) -> None:
    """Have apt look what there is. Without a network it goes on with what it knows."""
    try:
        machine.run("apt-get", "update")
    except StepError as error:
        say(f"      apt could not be brought up to date, going on with what it knows: {error}")


def has_new_opencv(machine: Machine) -> bool:
    """Debian's OpenCV, if installed, is new enough for the face detector (4.10)."""
    return is_installed(machine, "python3-opencv") and _version(candidate(machine, "python3-opencv")) >= (4, 10)


def numpy_version(machine: Machine) -> str | None:
    """Debian's numpy, which picamera2 was built against: another one beside it would break the camera."""
    code, text = machine.ask("dpkg-query", "-W", "-f", "${Version}", "python3-numpy")
    found = re.match(r"(?:\d+:)?(\d+\.\d+\.\d+)", text)
    return found.group(1) if code == 0 and found else None


def _version(text: str | None) -> tuple[int, int]:
    found = re.match(r"(?:\d+:)?(\d+)\.(\d+)", text or "")
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def is_installed(machine: Machine, package: str) -> bool:
    """The package is on the machine, and not only known."""
    code, text = machine.ask("dpkg-query", "-W", "-f", "${db:Status-Status}", package)
    return code == 0 and text.strip() == "installed"


def _lgpio_has_a_wheel(machine: Machine) -> bool:
    """By architecture and Python: see setup.cfg. A desktop machine has no pins, and needs none."""
    architecture = machine.ask("dpkg", "--print-architecture")[1].strip()
    return architecture != "armhf"

"""Every dependency can be had for a Pi: as a wheel from the registries that pip is set up with, nothing compiled there.

What no wheel exists for comes from Debian (systemd bindings, picamera2) and is in scripts/installation/debian.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from installation.kit import OLD_NUMPY, platforms, requirements

pytestmark = [pytest.mark.long]

MACHINE = "aarch64"


def pip_would_install(target: Path, python: str, *wanted: str) -> tuple[dict[str, str], str]:
    """What pip would take: versions by name, and what it complained of."""
    report = target / "report.json"
    tags = [f"--platform={tag}" for tag in platforms(python, MACHINE)]
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run",
        "--ignore-installed", "--only-binary=:all:", f"--python-version={python}", "--implementation=cp", *tags,
        f"--target={target}", f"--report={report}", *wanted,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {}, done.stderr
    taken = json.loads(report.read_text())["install"]
    assert all(one["download_info"]["url"].endswith(".whl") for one in taken)
    return {one["metadata"]["name"].lower(): one["metadata"]["version"] for one in taken}, ""


@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_every_dependency_is_a_wheel_for_a_pi(python: str, tmp_path: Path) -> None:
    reached, _ = pip_would_install(tmp_path, python, "packaging")
    if not reached:
        pytest.skip("no package registry answers from here")
    extras = ["kiosk", "camera"]
    taken, complaint = pip_would_install(
        tmp_path, python, *requirements(MACHINE, python, extras), *OLD_NUMPY.get(python, [])
    )
    assert taken, complaint
    # The right lgpio: without a lower limit pip silently takes 0.0.0.2, which drives nothing.
    (pins,) = (version for name, version in taken.items() if name in ("lgpio", "adafruit-lgpio"))
    assert pins.startswith("0.2.2")
    assert {"gpiozero", "paho-mqtt", "msgspec", "smbus2", "sqlite-utils", "cryptography"} <= taken.keys()


def test_what_has_no_wheel_would_be_noticed(tmp_path: Path) -> None:
    reached, _ = pip_would_install(tmp_path, "3.13", "packaging")
    if not reached:
        pytest.skip("no package registry answers from here")
    taken, complaint = pip_would_install(tmp_path, "3.13", "systemd-python")
    assert not taken
    assert "systemd-python" in complaint

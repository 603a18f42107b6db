"""Every dependency can be had for a Pi: as a wheel from the registries that pip is set up with, nothing compiled there.

What no wheel exists for comes from Debian (systemd bindings, picamera2) and is in scripts/installation/debian.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from installation import kit
from installation.machine import StepError

pytestmark = [pytest.mark.long]

MACHINE = "aarch64"


@pytest.fixture(autouse=True)
def a_registry_answers(tmp_path: Path) -> None:
    try:
        kit.pip("download", "--quiet", "--no-deps", "--dest", str(tmp_path / "reached"), "packaging")
    except StepError as error:
        pytest.skip(f"no package registry answers from here: {error}")


@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_every_dependency_is_a_wheel_for_a_pi(python: str, tmp_path: Path) -> None:
    """The offline kit itself, really gathered: pip would fail at the first that is no wheel for that machine."""
    kit.gather(tmp_path, python, MACHINE, ["kiosk", "camera"])
    wheels = {file.name.split("-")[0].lower(): file.name for file in tmp_path.glob("*.whl")}
    assert {"gatepost", "gpiozero", "paho_mqtt", "msgspec", "smbus2", "sqlite_utils", "cryptography"} <= wheels.keys()
    # The right lgpio: without a lower limit pip silently takes 0.0.0.2, which drives nothing.
    (pins,) = (name for name in wheels.values() if "lgpio" in name)
    assert re.match(r"(adafruit_)?lgpio-0\.2\.2\.", pins)
    tags = [name.removesuffix(".whl").split("-")[-1] for name in wheels.values()]
    assert all(tag == "any" or tag.endswith(MACHINE) for tag in tags)
    assert any(tag.endswith(MACHINE) for tag in tags)


def test_what_has_no_wheel_would_be_noticed(tmp_path: Path) -> None:
    tags = [f"--platform={tag}" for tag in kit.platforms("3.13", MACHINE)]
    with pytest.raises(StepError, match="systemd-python"):
        kit.pip(
            "download", "--only-binary=:all:", "--python-version=3.13", "--implementation=cp", *tags,
            "--dest", str(tmp_path), "systemd-python",
        )  # fmt: skip

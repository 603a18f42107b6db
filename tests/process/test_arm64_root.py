"""The offline kit installed on Debian for a Pi's processor, and what the installed commands say there.

The processor is emulated (``scripts/virtual/arm64.py``): this shows that every program, wheel and package runs on it.
There are no pins, no bus, no services and no broker: ``gatepost doctor`` has to say so.
"""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import __version__
from installation import debian, kit
from installation.machine import StepError
from virtual import arm64, packages
from virtual.arm64 import Arm64Tree
from virtual.places import alone
from virtual.steps import BuildError

pytestmark = [pytest.mark.process, pytest.mark.long]

PYTHON = "/opt/gatepost/current/bin/python"
MODULES = (
    "lgpio", "gpiozero", "cv2", "numpy", "libcamera", "systemd.daemon", "cryptography.x509", "msgspec", "smbus2",
    "pydantic_core", "uvicorn", "picamera2",
)  # fmt: skip
WITHOUT = {"trixie": {"picamera2"}, "bookworm": {"picamera2", "libcamera"}}
"""What that release of Debian has not for Python: Raspberry Pi OS has it."""

AARCH64 = 183
"""EM_AARCH64 of the ELF specification: for which processor a file was compiled, at byte 18."""

SETTINGS = """
[gate]
county = "xihu"
school = "school-3"
gate = "north"

[button]
key_gpio = 17

[lamps]
status_gpio = 22
fault_gpio = 23

[thermometer]
part = "BCC"

[camera]

[kiosk]
police_telephone = "110"

[[broker]]
name = "county-one"
host = "127.0.0.1"
port = 9
tls = false
"""
"""Every part of a gate, so that all of it is installed; nobody listens on that port."""

MISSING = {
    "daemon.answers": "no daemon answers",
    "gpio.access": "there is no /dev/gpiochip*",
    "gpio.factory": "PinUnknownPi",
    "i2c.bus": "/dev/i2c-1 is not there",
    "i2c.sensor": "bus_gone",
    "camera.device": "/dev/video*: 0 found",
    "card.space": "/var/lib/gatepost: No such file",
    "rights.state": "/var/lib/gatepost: No such file",
    "clock.zone": "the settings say Asia/Shanghai",
    "broker.county-one.port": "nothing listens there",
}
"""What a bare tree has not, and a part of what doctor says of it."""

THERE = {"settings", "rights.settings", "broker.county-one.name"}
OF_THE_HOST = {"clock.set"}
"""Asked of the kernel, which is this machine's."""


@pytest.fixture
def pi(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Arm64Tree]:
    """A bare Debian of the release that the test names."""
    suite = request.param
    reason = arm64.why_not()
    if reason is not None:
        pytest.skip(reason)
    try:
        packages.reach(suite)
        kit.pip("download", "--quiet", "--no-deps", "--dest", str(tmp_path), "packaging")
    except (BuildError, StepError) as error:
        pytest.skip(f"Debian's archive or the package registry does not answer from here: {error}")
    with alone("arm64.lock"), contextlib.ExitStack() as stack:
        try:
            stack.enter_context(arm64.emulated())
        except (BuildError, OSError) as error:
            pytest.skip(f"this kernel cannot be told how to run programs for arm64: {error}")
        tree = Arm64Tree(suite)
        tree.make()
        tree.bring_kit()
        tree.remove_product()
        yield tree


@pytest.mark.parametrize("pi", ["trixie", "bookworm"], indirect=True)
def test_a_kit_installs_on_a_pis_processor_and_doctor_names_all_that_a_bare_tree_has_not(pi: Arm64Tree) -> None:
    """One test, for the installation takes minutes: each part says what it shows."""
    said = pi.install(SETTINGS)
    the_installation_ends_with_what_to_do_next(said)
    the_programs_are_for_a_pis_processor(pi)
    the_commands_answer(pi)
    every_library_loads(pi)
    doctor_says_what_is_missing(pi)


def the_installation_ends_with_what_to_do_next(said: str) -> None:
    assert "[7/7] start" in said
    assert "What is running: nothing yet" in said
    assert "What to do next:" in said
    # Raspberry Pi OS alone has it.
    assert f"{debian.CAMERA} is not to be had here" in said


def the_programs_are_for_a_pis_processor(pi: Arm64Tree) -> None:
    assert pi.run("uname", "-m").strip() == arm64.MACHINE
    compiled = list((pi.root / "opt/gatepost" / __version__ / "lib").rglob("*.so"))
    assert {"_cffi_backend", "_core", "_lgpio"} <= {file.name.partition(".")[0] for file in compiled}
    assert {struct.unpack_from("<H", file.read_bytes()[:20], 18)[0] for file in compiled} == {AARCH64}


def the_commands_answer(pi: Arm64Tree) -> None:
    assert __version__ in pi.run("gatepost", "--version")
    for command in ("gatepost-kiosk", "gatepost-camera"):
        assert pi.ask(command, "--help").returncode == 0, command
    checked = pi.ask("gatepost", "config", "check", "/etc/gatepost/gatepost.toml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    (pi.root / "kit" / "wrong.toml").write_text(SETTINGS.replace("key_gpio = 17", "key_gpio = 77"))
    refused = pi.ask("gatepost", "config", "check", "/kit/wrong.toml")
    assert refused.returncode == 3
    assert "button.key_gpio" in refused.stdout + refused.stderr


def every_library_loads(pi: Arm64Tree) -> None:
    for module in MODULES:
        loaded = pi.ask(PYTHON, "-c", f"import {module}")
        if module in WITHOUT[pi.suite]:
            assert f"No module named '{module}'" in loaded.stderr
        else:
            assert loaded.returncode == 0, f"{module}: {loaded.stderr}"


def doctor_says_what_is_missing(pi: Arm64Tree) -> None:
    """A line with words for each; and nothing that ended in a way nobody foresaw."""
    done = pi.ask("gatepost", "doctor", "--json")
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    *findings, whole = (json.loads(line) for line in done.stdout.splitlines())
    found = {finding["check"]: finding for finding in findings}
    for check, words in MISSING.items():
        assert found[check]["verdict"] == "FAIL", found[check]
        assert words in found[check]["said"], found[check]
        assert found[check]["todo"], found[check]
    judged = {verdict: {name for name in found if found[name]["verdict"] == verdict} for verdict in ("PASS", "FAIL")}
    assert judged["FAIL"] - OF_THE_HOST == MISSING.keys()
    assert judged["PASS"] - OF_THE_HOST == THERE
    shown = pi.ask("gatepost", "doctor")
    assert shown.returncode == 1
    assert f"{whole['FAIL']} FAIL" in " ".join(shown.stdout.split())

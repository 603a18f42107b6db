"""The files that systemd reads: that it understands them, and what they promise the button."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.camera_door import USER
from edge.requests import CONTROL_SOCKET, VIEW_SOCKET
from installation import debian
from kiosk.cli import PATIENCE_S

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
SLICES = sorted(UNITS.glob("*.slice"))

EXPOSURE_MAX = 1.5
"""As systemd-analyze reckons it, for what faces the network, the students or a camera."""

needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here"
)


def name_of(file: Path) -> str:
    return file.name


def keys_of(name: str) -> dict[str, list[str]]:
    """Every key of a unit with all its values, in their order."""
    text = re.sub(r"\\\n\s*", "", (UNITS / name).read_text(encoding="utf-8"))
    keys: dict[str, list[str]] = {}
    for line in text.splitlines():
        if re.match(r"[A-Z]\w+=", line):
            key, _, value = line.partition("=")
            keys.setdefault(key, []).append(value)
    return keys


def one(keys: dict[str, list[str]], key: str) -> str:
    (value,) = keys[key]
    return value


def startable(file: Path, directory: Path) -> Path:
    """The unit with a program that is on this machine, and the slices beside it."""
    for part in SLICES:
        shutil.copy(part, directory)
    unit = directory / file.name
    there = rf"\1={shutil.which('true')}"
    text = re.sub(r"(?m)^(ExecStart|ExecStartPost)=/\S+", there, file.read_text(encoding="utf-8"))
    unit.write_text(text, encoding="utf-8")
    return unit


@pytest.mark.parametrize("file", [*SERVICES, *SLICES], ids=name_of)
@needs_analyze
def test_systemd_understands_the_unit_file(file: Path, tmp_path: Path) -> None:
    """systemd passes over a key it does not know with no more than a word, so there must be none."""
    unit = startable(file, tmp_path)
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    ours = [line for line in verified.stderr.splitlines() if "gatepost" in line]
    assert (verified.returncode, ours) == (0, [])


@pytest.mark.parametrize("name", ["gatepost.service", "gatepost-camera.service", "gatepost-kiosk.service"])
@needs_analyze
def test_what_faces_the_world_is_shut_in(name: str, tmp_path: Path) -> None:
    unit = startable(UNITS / name, tmp_path)
    threshold = f"--threshold={EXPOSURE_MAX * 10:.0f}"
    command = ["systemd-analyze", "security", "--offline=true", threshold, str(unit)]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, "\n".join(line for line in judged.stdout.splitlines() if "✓" not in line)


@needs_analyze
def test_a_unit_that_is_not_shut_in_would_be_found(tmp_path: Path) -> None:
    unit = tmp_path / "gatepost-open.service"
    unit.write_text("[Service]\nExecStart=/bin/true\nUser=gatepost\n", encoding="utf-8")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=15", str(unit)]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_the_unit_waits_for_neither_network_nor_time_and_never_gives_up() -> None:
    keys = keys_of("gatepost.service")
    assert not {"After", "Wants", "Requires", "BindsTo", "DefaultDependencies"} & keys.keys()
    assert (one(keys, "Type"), one(keys, "Restart"), one(keys, "StartLimitIntervalSec")) == ("notify", "always", "0")
    # Back and armed within 6 s after it hung: noticed, ended, started (tests/machine/test_lives.py measures it).
    assert (one(keys, "WatchdogSec"), one(keys, "WatchdogSignal"), one(keys, "RestartSec")) == ("3", "SIGKILL", "100ms")
    assert one(keys, "LimitMEMLOCK") == "infinity", "without it a program that eats memory delays a press by seconds"


def test_nothing_of_ours_is_started_before_the_button() -> None:
    """Neither the clock's helper, nor the screen, nor the camera is waited for."""
    for file in SERVICES:
        assert "gatepost.service" not in " ".join(keys_of(file.name).get("Before", [])), file.name


def test_the_daemon_reaches_its_devices_and_no_others() -> None:
    keys = keys_of("gatepost.service")
    assert one(keys, "DevicePolicy") == "closed"
    assert keys["DeviceAllow"] == ["char-gpiochip rw", "char-i2c rw"]
    assert "PrivateDevices" not in keys, "it hides the GPIO chip"
    assert "PrivateUsers" not in keys, "the camera process is known by its user's number"
    assert "ProcSubset" not in keys, "gpiozero reads which Pi this is in /proc"
    assert one(keys, "SystemCallErrorNumber") == "EPERM", "a forbidden call must not end the daemon"


def test_lgpio_finds_a_directory_that_it_may_write_in() -> None:
    keys = keys_of("gatepost.service")
    assert one(keys, "WorkingDirectory") == f"%t/{one(keys, 'RuntimeDirectory')}"
    assert "GPIOZERO_PIN_FACTORY=lgpio" in one(keys, "Environment").split()


def test_who_may_look_may_not_act() -> None:
    given = {value.split()[-1]: value.split()[-2] for value in keys_of("gatepost.service")["ExecStartPost"]}
    groups = {VIEW_SOCKET: "gatepost-view", CONTROL_SOCKET: "gatepost-control"}
    assert given == {f"%t/gatepost/{socket}": group for socket, group in groups.items()}
    screen = keys_of("gatepost-kiosk.service")
    assert (one(screen, "Group"), one(screen, "SupplementaryGroups")) == ("gatepost-kiosk", "gatepost-view")
    for name in ("gatepost-camera.service", "gatepost-browser.service"):
        groups_of = keys_of(name)["SupplementaryGroups"][0].split()
        assert not [group for group in groups_of if group.startswith("gatepost")], name


def test_a_socket_that_cannot_be_given_away_never_stops_the_button() -> None:
    for command in keys_of("gatepost.service")["ExecStartPost"]:
        # "-": its failure is no failure of the daemon's. "-h": never through a link, for it is root that does it.
        assert command.startswith("-+/bin/chgrp -h ")


@pytest.mark.parametrize(
    ("dead", "machine", "reset"), [(False, "running", True), (False, "stopping", False), (True, "running", False)]
)
def test_a_daemon_that_not_even_sigkill_ends_has_the_machine_reset_and_no_other_does(
    dead: bool, machine: str, reset: bool, tmp_path: Path
) -> None:
    for name, says in (("systemctl", machine), ("journalctl", "")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {says}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    trigger = tmp_path / "trigger"
    shell, _, quoted = one(keys_of("gatepost.service"), "ExecStopPost").partition(" -c ")
    command = quoted.strip("'").replace("$$", "$").replace("/proc/sysrq-trigger", str(trigger))
    assert shell == "-+/bin/sh"
    assert "/proc" not in command, "or this test would reset whatever runs it"
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **({} if dead else {"MAINPID": str(os.getpid())})}
    subprocess.run(["/bin/sh", "-c", command], env=environment, check=True)
    assert (trigger.read_text(encoding="utf-8") if trigger.exists() else "") == ("b\n" if reset else "")


def test_everything_else_gives_way_to_the_daemon() -> None:
    daemon = keys_of("gatepost.service")
    for name in ("gatepost-camera.service", "gatepost-kiosk.service", "gatepost-browser.service"):
        other = keys_of(name)
        assert int(one(other, "OOMScoreAdjust")) > 0 > int(one(daemon, "OOMScoreAdjust"))
        assert int(one(other, "Nice")) > 0 > int(one(daemon, "Nice"))
        weight = int(one(keys_of(one(other, "Slice")), "CPUWeight"))
        assert weight * 10 <= int(one(keys_of(one(daemon, "Slice")), "CPUWeight"))
    # What a slice is promised must be promised to those above it as well, or it is worth nothing.
    assert one(keys_of("gatepost.slice"), "MemoryMin") == one(keys_of("gatepost-alarm.slice"), "MemoryMin")


def test_the_cameras_unit_can_neither_hurt_the_button_nor_let_a_picture_out() -> None:
    keys = keys_of("gatepost-camera.service")
    assert not {"After", "Before", "Wants", "Requires", "BindsTo", "PartOf"} & keys.keys()
    assert one(keys, "User") == USER
    assert one(keys, "SupplementaryGroups") == "video", "with a group of the daemon's it could end an alarm"
    assert (one(keys, "MemoryMax"), one(keys, "MemorySwapMax"), one(keys, "LimitCORE")) == ("200M", "0", "0")
    assert (one(keys, "ProtectSystem"), one(keys, "PrivateNetwork")) == ("strict", "yes")
    assert not {"PrivateTmp", "ReadWritePaths", "StateDirectory", "CacheDirectory"} & keys.keys(), "a place to write"
    assert (one(keys, "Restart"), one(keys, "WatchdogSignal")) == ("always", "SIGKILL")
    # Back within ten seconds after it froze: noticed, ended, started, and the first picture seen.
    assert int(one(keys, "WatchdogSec")) + int(one(keys, "RestartSec")) <= 6


def test_the_browser_stays_in_its_slice_and_finds_a_place_for_its_sockets() -> None:
    """A session of systemd-logind has neither: it is a scope of its own; ProtectHome= hides its directory."""
    keys = keys_of("gatepost-browser.service")
    assert "PAMName" not in keys
    own = f"%t/{one(keys, 'RuntimeDirectory')}"
    environment = " ".join(keys["Environment"]).split()
    assert {f"HOME={own}", f"XDG_RUNTIME_DIR={own}", "LIBSEAT_BACKEND=seatd"} <= set(environment)
    assert "seatd.service" in one(keys, "After").split()
    assert "seatd" in debian.BROWSER


def test_the_browser_is_ended_when_it_shows_nothing_and_none_of_its_processes_gives_up_before() -> None:
    keys = keys_of("gatepost-browser.service")
    words = one(keys, "ExecStart").split()
    options = words[: words.index("--")]
    assert options == ["/opt/gatepost/current/bin/gatepost-kiosk", "browser", "--config", "/etc/gatepost/gatepost.toml"]
    (wait,) = (word for word in words if word.startswith("--ipc-connection-timeout="))
    assert int(wait.partition("=")[2]) < PATIENCE_S
    assert one(keys, "Restart") == "always"
    assert one(keys, "TemporaryFileSystem") == "/tmp:mode=1777", "its shared memory is on the card, or has no place"


def test_the_hardware_watchdog_is_within_what_the_pi_can_count() -> None:
    keys = keys_of("gatepost-watchdog.conf")
    assert 1 <= int(one(keys, "RuntimeWatchdogSec")) <= 15
    assert 1 <= int(one(keys, "RebootWatchdogSec")) <= 15


def test_the_journal_keeps_off_the_card() -> None:
    keys = keys_of("gatepost-journal.conf")
    assert one(keys, "Storage") == "persistent"
    assert int(one(keys, "SystemMaxUse").removesuffix("M")) <= 64


def test_a_battery_clock_only_ever_sets_the_clock_forward() -> None:
    keys = keys_of("gatepost-battery-clock.service")
    assert "-gt" in one(keys, "ExecCondition")
    assert "DefaultDependencies" in keys, "with them it would wait for what waits for the clock"


def test_every_user_and_group_of_the_units_is_made() -> None:
    made: dict[str, set[str]] = {"u": set(), "g": set()}
    members: dict[str, set[str]] = {}
    for line in (UNITS / "gatepost-accounts.conf").read_text(encoding="utf-8").splitlines():
        kind, _, rest = line.partition(" ")
        if kind in made:
            made[kind].add(rest.split()[0])
        elif kind == "m":
            members.setdefault(rest.split()[0], set()).add(rest.split()[1])
    for file in SERVICES:
        keys = keys_of(file.name)
        assert set(keys.get("User", [])) <= made["u"], file.name
        groups = {word for value in keys.get("SupplementaryGroups", []) for word in value.split()}
        assert groups <= made["g"], file.name
        if file.name != "gatepost-browser.service":  # nobody runs a browser by hand as that user
            assert groups == members.get(keys.get("User", [""])[0], set()), file.name

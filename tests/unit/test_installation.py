"""The installer, on a directory that looks like a machine: what it lays, what it leaves alone, and that it can be
repeated. On a real Debian it is tried by the virtual gate."""

from __future__ import annotations

import platform
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edge import __version__
from edge.releases import Releases
from edge.settings import parse
from installation import boot, debian, package, programs, removal, settings, summary, units
from installation.kit import MANYLINUX, platforms, requirements
from installation.machine import StagedMachine, StepError, ThisMachine

ROOT = Path(__file__).parents[2]
PLAIN = ROOT / "config" / "plain-button.toml"
CONFIG_TXT = "# For more options see the documentation\ndtparam=audio=on\n\n[cm5]\ndtoverlay=dwc2\n"
OPEN_ALARM = (0, '{"incident": {"ids": ["ab-1"]}}')
NO_ALARM = (0, '{"incident": {"ids": []}}')
GATEPOST = summary.GATEPOST


@pytest.fixture
def pi(tmp_path: Path) -> StagedMachine:
    """A fresh Raspberry Pi OS."""
    for path, text in {
        "etc/os-release": 'PRETTY_NAME="Debian"\nVERSION_CODENAME=trixie\n',
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.5\0",
        "boot/firmware/config.txt": CONFIG_TXT,
        "boot/firmware/cmdline.txt": "console=tty1 root=PARTUUID=1 rootwait\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return StagedMachine(tmp_path)


def tree(root: Path) -> dict[str, tuple[int, str]]:
    """Every file and link, its mode and content."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(root))] = (0, str(path.readlink()))
        elif path.is_file():
            found[str(path.relative_to(root))] = (stat.S_IMODE(path.stat().st_mode), path.read_text())
    return found


def install(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [ROOT / "scripts" / "install", "--root", str(root), "--yes", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


# --- the whole of it ------------------------------------------------------------------------------------------------


def test_one_command_lays_everything_and_a_second_changes_nothing(pi: StagedMachine) -> None:
    first = install(pi.root, "--config", str(PLAIN))
    assert first.returncode == 0, first.stdout + first.stderr
    laid = tree(pi.root)
    assert "etc/systemd/system/gatepost.service" in laid
    assert laid["opt/gatepost/current"] == (0, __version__)
    assert laid["usr/local/bin/gatepost"] == (0, "/opt/gatepost/current/bin/gatepost")
    second = install(pi.root, "--config", str(PLAIN))
    assert second.returncode == 0, second.stdout
    assert tree(pi.root) == laid
    assert "is there already" in second.stdout


def test_each_step_is_shown_with_its_number(pi: StagedMachine) -> None:
    shown = install(pi.root, "--config", str(PLAIN)).stdout
    steps = re.findall(r"(?m)^\[(\d)/(\d)\]", shown)
    assert steps == [(str(number), "7") for number in range(1, 8)]
    assert "What to do next:" in shown


def test_another_system_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text("VERSION_CODENAME=buster\n")
    refused = install(tmp_path, "--config", str(PLAIN))
    assert refused.returncode == 1
    assert "this is buster: bookworm and trixie can be installed on" in refused.stdout
    assert list(tree(tmp_path)) == ["etc/os-release"]


def test_without_settings_everything_is_laid_and_nothing_started(pi: StagedMachine) -> None:
    done = install(pi.root)
    assert done.returncode == 0
    assert not (pi.root / "etc/gatepost/gatepost.toml").exists()
    assert "write /etc/gatepost/gatepost.toml" in done.stdout


def test_what_was_installed_can_be_taken_off_and_the_data_stays(pi: StagedMachine) -> None:
    before = tree(pi.root)
    install(pi.root, "--config", str(PLAIN))
    events = pi.root / "var/lib/gatepost/events.db"
    events.parent.mkdir(parents=True)
    events.write_text("an alarm")
    removal.remove(pi, purge=False)
    left = tree(pi.root).keys() - before.keys()
    boot_and_epoch = {"boot/firmware/config.txt.before-gatepost", "boot/firmware/cmdline.txt.before-gatepost",
                      "usr/lib/clock-epoch"}  # fmt: skip
    assert left - boot_and_epoch == {"var/lib/gatepost/events.db", "etc/gatepost/gatepost.toml"}
    removal.remove(pi, purge=True)
    assert tree(pi.root).keys() - before.keys() == boot_and_epoch


# --- settings -------------------------------------------------------------------------------------------------------


def test_settings_that_are_there_are_never_overwritten(pi: StagedMachine, tmp_path: Path) -> None:
    mine = pi.root / "etc/gatepost/gatepost.toml"
    mine.parent.mkdir(parents=True)
    mine.write_text("[gate]\n# mine\n")
    assert settings.lay_down(pi, PLAIN, None) == {"gate": {}}
    assert mine.read_text() == "[gate]\n# mine\n"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["c-1", "s-2", "north", "plain", "10.0.0.7"], ("c-1", "s-2", "north", ["10.0.0.7"])),
        (["", "", "", "", "b.example"], ("county-1", "school-1", "main", ["b.example"])),
        (["No Good", "c", "s", "g", "both", "plain", "b"], ("c", "s", "g", ["b"])),
        (["c", "s", "g", "supervised", "one.example", "two.example"], ("c", "s", "g", ["one.example", "two.example"])),
        (["c", "s", "g", "supervised", "one.example", ""], ("c", "s", "g", ["one.example"])),
    ],
)
def test_answers_make_settings_that_the_daemon_takes(answers: list[str], expected: tuple[Any, ...]) -> None:
    left = iter(answers)
    text = settings.from_answers(lambda _, default: next(left) or default)
    made = parse(text, "answers")
    assert (made.gate.county, made.gate.school, made.gate.gate, [one.host for one in made.broker]) == expected


def test_a_file_that_is_no_settings_file_is_refused_before_anything_is_laid(pi: StagedMachine, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[gate\n")
    with pytest.raises(StepError, match=r"wrong\.toml cannot be read as settings"):
        settings.lay_down(pi, wrong, None)
    assert not (pi.root / settings.PATH.lstrip("/")).exists()


def test_keys_and_passwords_are_given_to_the_daemon_alone_and_missing_ones_named(pi: StagedMachine) -> None:
    tables = tomllib.loads((ROOT / "config" / "supervised-button.toml").read_text())
    tables["broker"][0]["password_file"] = "broker.password"
    (pi.root / "etc/gatepost").mkdir(parents=True)
    (pi.root / "etc/gatepost/broker.password").write_text("secret")
    assert settings.protect(pi, tables) == ["/etc/gatepost/gate.key"]
    assert pi.commands == [
        ("chown", "root:gatepost", "/etc/gatepost/broker.password"),
        ("chmod", "0640", "/etc/gatepost/broker.password"),
    ]


# --- the program ----------------------------------------------------------------------------------------------------


def test_the_version_that_runs_is_never_touched_by_another_of_its_name(pi: StagedMachine) -> None:
    releases = Releases(pi.root / "opt/gatepost")
    releases.place(__version__).mkdir(parents=True)
    releases.completed(__version__, "another content")
    releases.switch(__version__)
    version = programs.install(pi, {}, None)
    assert version != __version__
    assert version.startswith(f"{__version__}+")
    programs.switch(pi, version)
    assert (releases.current(), releases.previous()) == (version, __version__)


def test_after_debian_was_upgraded_the_environment_is_made_anew_for_its_python(
    pi: StagedMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that is there cannot be run any more: "is there already" would leave a gate without a button."""
    programs.switch(pi, programs.install(pi, {}, None))
    assert programs.install(pi, {}, None) == __version__
    monkeypatch.setattr(platform, "python_version_tuple", lambda: ("3", "99", "0"))
    assert programs.install(pi, {}, None).startswith(f"{__version__}+")


def test_half_an_installation_is_made_anew(pi: StagedMachine) -> None:
    half = pi.root / "opt/gatepost" / __version__
    half.mkdir(parents=True)
    (half / "half").write_text("")
    assert programs.install(pi, {}, None) == __version__
    assert not (half / "half").exists()


def test_with_a_directory_of_wheels_nothing_is_asked_of_the_network(pi: StagedMachine, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    programs.install(pi, {"kiosk": {}}, wheels)
    (pip,) = [command for command in pi.commands if "pip" in command]
    assert "--no-index" in pip
    assert f"gatepost[kiosk] == {__version__}" in pip


def test_picamera2_keeps_the_numpy_that_it_was_built_with(tmp_path: Path) -> None:
    machine = StagedMachine(tmp_path, {"dpkg-query -W -f ${Version} python3-numpy": (0, "1:1.24.2-1+deb12u1")})
    version = programs.install(machine, {"camera": {}}, None)
    assert (tmp_path / "opt/gatepost" / version / "constraints.txt").read_text() == "numpy == 1.24.2\n"


@pytest.mark.parametrize(("opencv", "extras"), [("4.6.0+dfsg-12", ["camera"]), ("4.10.0+dfsg-5", []), ("", ["camera"])])
def test_opencv_comes_from_debian_where_it_is_new_enough(tmp_path: Path, opencv: str, extras: list[str]) -> None:
    answers = {
        "apt-cache policy python3-opencv": (0, f"python3-opencv:\n  Candidate: {opencv or '(none)'}\n"),
        "dpkg-query -W -f ${db:Status-Status} python3-opencv": (0, "installed") if opencv else (1, ""),
    }
    assert programs.extras_for(StagedMachine(tmp_path, answers), {"camera": {}}) == extras


def test_only_packages_that_apt_knows_are_asked_for(tmp_path: Path) -> None:
    known = {f"apt-cache policy {name}": (0, "  Candidate: 1.0\n") for name in debian.ALWAYS}
    machine = StagedMachine(tmp_path, {**known, "dpkg --print-architecture": (0, "arm64\n")})
    assert debian.wanted(machine, {}, browser=False, battery_clock=False) == list(debian.ALWAYS)


@pytest.mark.parametrize(
    ("camera", "known", "told"), [({}, False, True), ({}, True, False), ({"source": "opencv"}, False, False)]
)
def test_a_camera_for_which_there_is_no_package_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], camera: dict[str, str], known: bool, told: bool
) -> None:
    answers = {f"apt-cache policy {debian.CAMERA}": (0, "  Candidate: 0.3.31-1\n")} if known else {}
    packages = debian.wanted(StagedMachine(tmp_path, answers), {"camera": camera}, browser=False, battery_clock=False)
    assert (debian.CAMERA in packages) == known
    assert (f"{debian.CAMERA} is not to be had here" in capsys.readouterr().out) == told


def test_lgpio_is_built_where_there_is_neither_package_nor_wheel(tmp_path: Path) -> None:
    machine = StagedMachine(tmp_path, {"dpkg --print-architecture": (0, "armhf\n")})
    assert set(debian.COMPILER) <= set(debian.wanted(machine, {}, browser=False, battery_clock=False))


# --- boot configuration ---------------------------------------------------------------------------------------------


def test_the_boot_configuration_says_what_is_needed_for_every_model(pi: StagedMachine) -> None:
    changed = boot.configure(pi, boot.lines_for(i2c=True, battery_clock="ds3231"))
    assert changed == ["/boot/firmware/config.txt", "/boot/firmware/cmdline.txt"]
    text = (pi.root / "boot/firmware/config.txt").read_text()
    assert text.startswith(CONFIG_TXT.rstrip("\n"))
    ours = text[text.index(boot.BEGIN) :].splitlines()
    # Under [all], or it would count for the model of the last section alone.
    assert ours[1:-1] == ["[all]", "dtparam=watchdog=on", "dtparam=i2c_arm=on", "dtoverlay=i2c-rtc,ds3231"]
    words = (pi.root / "boot/firmware/cmdline.txt").read_text()
    assert words == "console=tty1 root=PARTUUID=1 rootwait cgroup_enable=memory\n"


def test_a_second_time_it_is_written_anew_and_the_first_copy_kept(pi: StagedMachine) -> None:
    boot.configure(pi, boot.lines_for(i2c=True, battery_clock=None))
    assert boot.configure(pi, boot.lines_for(i2c=True, battery_clock=None)) == []
    boot.configure(pi, boot.lines_for(i2c=False, battery_clock=None))
    text = (pi.root / "boot/firmware/config.txt").read_text()
    assert text.count(boot.BEGIN) == text.count(boot.END) == 1
    assert "i2c_arm" not in text
    assert (pi.root / "boot/firmware/config.txt.before-gatepost").read_text() == CONFIG_TXT


def test_another_machine_than_a_pi_keeps_its_boot_configuration(tmp_path: Path) -> None:
    assert not boot.is_pi(StagedMachine(tmp_path))
    assert boot.configure(StagedMachine(tmp_path), ["dtparam=watchdog=on"]) == []


# --- services -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tables", "browser", "expected"),
    [
        ({}, True, ["gatepost"]),
        ({"camera": {}}, False, ["gatepost", "gatepost-camera"]),
        ({"kiosk": {}}, False, ["gatepost", "gatepost-kiosk"]),
        ({"kiosk": {}, "camera": {}}, True, ["gatepost", "gatepost-camera", "gatepost-kiosk", "gatepost-browser"]),
    ],
)
def test_only_what_the_settings_need_is_enabled(tables: dict[str, Any], browser: bool, expected: list[str]) -> None:
    assert units.services_for(tables, browser=browser) == [f"{name}.service" for name in expected]


def test_every_file_for_systemd_has_a_place_and_is_taken_off_again(pi: StagedMachine) -> None:
    units.lay_units(pi)
    laid = {f"/{name}" for name in tree(pi.root) if "gatepost" in name and "local/bin" not in name}
    assert laid <= set(units.files())
    assert len(laid) == len(list(units.SOURCES.iterdir())) - 1, "all but chrony's, which is not here"


def test_with_chrony_the_daemon_may_ask_the_kernel(tmp_path: Path) -> None:
    machine = StagedMachine(tmp_path, {"dpkg-query -W -f ${db:Status-Status} chrony": (0, "installed")})
    units.lay_units(machine)
    assert (tmp_path / units.CHRONY.lstrip("/")).exists()


def started(root: Path, answers: dict[str, tuple[int, str]], tables: dict[str, Any] | None = None) -> list[str]:
    machine = StagedMachine(root, answers, boots=True)
    services = summary.start(machine, tables or {}, True, browser=False, start=True)
    assert (("systemctl", "restart", *services) in machine.commands) is bool(services)
    return services


def test_an_open_alarm_is_not_interrupted(tmp_path: Path) -> None:
    checked = {f"{GATEPOST} config check": (0, "")}
    assert started(tmp_path, {**checked, f"{GATEPOST} status --json": OPEN_ALARM}) == []
    assert started(tmp_path, {**checked, f"{GATEPOST} status --json": NO_ALARM}) == ["gatepost.service"]
    assert started(tmp_path, {**checked, f"{GATEPOST} status --json": (7, "")}) == ["gatepost.service"]


def test_settings_with_mistakes_are_not_started_with(tmp_path: Path) -> None:
    assert started(tmp_path, {f"{GATEPOST} config check": (3, "")}) == []


# --- the kit --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "python", "pins"),
    [
        ("aarch64", "3.11", {"lgpio"}),
        ("aarch64", "3.13", {"adafruit-lgpio"}),
        ("armv7l", "3.13", {"lgpio"}),
        ("x86_64", "3.13", set()),
    ],
)
def test_a_kit_holds_what_the_target_needs_not_what_this_machine_does(
    machine: str, python: str, pins: set[str]
) -> None:
    wanted = {re.split(r"[<>=]", one)[0] for one in requirements(machine, python, ["kiosk"])}
    assert {name for name in wanted if "lgpio" in name} == pins
    assert {"gpiozero", "msgspec", "uvicorn"} <= wanted
    assert "opencv-python-headless" not in wanted


def test_a_wheel_for_a_newer_c_library_is_not_taken() -> None:
    assert "manylinux_2_36_aarch64" in platforms("3.11", "aarch64")
    assert "manylinux_2_39_aarch64" not in platforms("3.11", "aarch64")
    assert "manylinux_2_39_aarch64" in platforms("3.13", "aarch64")
    assert max(MANYLINUX) == 41
    with pytest.raises(StepError, match=r"3\.12"):
        platforms("3.12", "aarch64")


def test_the_installer_needs_nothing_but_python_itself() -> None:
    """It runs before anything is installed: by an interpreter that has no packages."""
    modules = sorted(file.stem for file in (ROOT / "scripts" / "installation").glob("*.py") if file.stem != "__main__")
    load = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}", "PYTHONDONTWRITEBYTECODE": "1"}
    names = [f"installation.{name}" for name in modules if name != "__init__"]
    subprocess.run([sys.executable, "-S", "-c", load, *names, "installation.__main__"], env=environment, check=True)


# --- the package ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed here")
def test_the_debian_package_carries_the_installer_and_says_where_it_fits(tmp_path: Path) -> None:
    directory = tmp_path / "tree"
    directory.mkdir()
    package.lay_out(directory, "3.13", "aarch64")
    package.pack(directory, tmp_path / "gatepost.deb")

    def told(option: str) -> str:
        command = ["dpkg-deb", option, str(tmp_path / "gatepost.deb")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    about = told("--info")
    assert "Architecture: arm64" in about
    # The wheels inside are for this Python and no other.
    assert "python3 (>= 3.13), python3 (<< 3.14~)" in about
    listed = told("--contents")
    for file in ("scripts/install", "systemd/gatepost.service", "edge/releases.py", "config/plain-button.toml"):
        assert f"./usr/share/gatepost/{file}" in listed
    assert not re.search(r"__pycache__|\.pyc|/tests/", listed)
    assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}
    assert not re.findall(r"(?m)^.{5}w|^.{8}w", listed), "others than root may write"


@pytest.mark.parametrize("script", [package.AFTER, package.BEFORE_REMOVAL, package.AFTER_REMOVAL])
def test_what_dpkg_runs_is_a_script_that_the_shell_understands(script: str) -> None:
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)


def test_what_an_installation_runs_does_not_see_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a developer's checkout lies gatepost.egg-info: pip would call gatepost installed and put nothing anywhere."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    told = tmp_path / "told"
    ThisMachine().run("sh", "-c", f'echo "[$PYTHONPATH] $PWD" >{told}')
    assert told.read_text() == "[] /\n"

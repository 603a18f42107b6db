"""``gatepost doctor`` on described gates: each thing that can be wrong is found, named, and comes with what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from edge.chain import Verdict
from edge.checks import every
from edge.checks.clock import offset_ms_of
from edge.checks.daemon import trouble
from edge.checks.device import OPEN_PINS
from edge.checks.gate import Gate
from edge.cli import main
from edge.drivers.clock import SystemClock
from edge.events import Trouble
from edge.findings import Check, Finding, exit_code
from edge.languages import Language, Text, language_of, same
from edge.ledger_key import PublicKey, fingerprint, pem_of
from edge.machine import Asked, Dialled, FileSeen, Output, Space, Step
from edge.operator_identity import Operator
from edge.settings import ClockSettings, parse
from edge.sim.described_machine import NO_DAEMON, DescribedMachine
from edge.words_chinese import TROUBLES
from tests.unit.signers import CENTRE
from tests.unit.small_gate import ShortDirectory, SmallGate

STATE = "/var/lib/gatepost"
SETTINGS = """
[gate]
county = "county"
school = "school"
gate = "main"
[button]
key_gpio = 17
[lamps]
status_gpio = 22
fault_gpio = 23
[[broker]]
name = "one"
host = "broker.example.org"
ca_file = "/etc/gatepost/ca.pem"
certificate_file = "/etc/gatepost/gate.pem"
private_key_file = "/etc/gatepost/gate.key"
[centre]
public_key_file = "/etc/gatepost/centre.pub"
[thermometer]
part = "DCI"
presence = "both"
[camera]
source = "picamera2"
[kiosk]
police_telephone = "110"
"""


def certificate() -> str:
    """Valid from 2025-11-01 to 2026-02-01 UTC."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gate")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, datetime(2025, 11, 1), datetime(2026, 2, 1))
    return builder.sign(key, None).public_bytes(Encoding.PEM).decode()


CERTIFICATE = certificate()
NOW_MS = 1_764_000_000_000  # 2025-11-24 16:00 UTC
DAY_MS = 86_400_000
UNIT = "ActiveState=active\nNRestarts=1\nUnitFileState=enabled\nLoadState=loaded\nResult=success\n"
UNITS = ("gatepost", "gatepost-camera", "gatepost-kiosk", "gatepost-browser")
PAGES = "systemctl show gatepost-kiosk --property=StatusText"
SHOWN = "--property=ActiveState,NRestarts,UnitFileState,LoadState,Result"
UP = {
    "armed": True,
    "standing": [],
    "brokers": [{"name": "one", "phase": "up", "centre_listening": True}],
    "kiosk": {"sensor": {"error_share": 0.01, "fault": False, "ambient_celsius": 22.5, "detector": "yunet"}},
    "selftest": {"schedule": {
        "enabled": True, "next_wall_ms": NOW_MS + DAY_MS, "tests": [
            {"kind": "full", "result": "PASS", "wall_ms": NOW_MS - DAY_MS},
            {"kind": "path", "result": "FAIL", "wall_ms": NOW_MS - 1},
        ],
    }},
}  # fmt: skip


def well() -> DescribedMachine:
    """A gate on a Pi where nothing is wrong, seen by root."""
    private = FileSeen(0o600, "gatepost", "gatepost")
    socket = FileSeen(0o660, "gatepost", "gatepost")
    return DescribedMachine(
        texts={
            "/proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.5\0",
            "/proc/self/mounts": "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n/dev/mmcblk0p1 /boot/firmware vfat rw 0 0\n",
            "/sys/fs/ext4/mmcblk0p2/errors_count": "0\n",
            "/sys/block/mmcblk0/device/life_time": "0x01 0x02\n",
            "/sys/block/mmcblk0/device/pre_eol_info": "0x01\n",
            "/sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
            "/sys/class/thermal/thermal_zone0/temp": "48312\n",
            "/etc/gatepost/ca.pem": CERTIFICATE,
            "/etc/gatepost/gate.pem": CERTIFICATE,
            "/etc/gatepost/centre.pub": pem_of(PublicKey(CENTRE.public_key)).decode(),
            "/etc/gatepost/gatepost.toml": SETTINGS,
        },
        files={
            "/dev/gpiochip0": FileSeen(0o660, "root", "gpio"),
            "/dev/i2c-1": FileSeen(0o660, "root", "i2c"),
            "/dev/video0": FileSeen(0o660, "root", "video"),
            "/etc/gatepost/gate.key": private,
            f"{STATE}/ledger.key": private,
            STATE: FileSeen(0o755, "gatepost", "gatepost"),
            "/run/gatepost/view.sock": socket,
            "/run/gatepost/control.sock": socket,
        },
        spaces={STATE: Space(20_000_000_000, 30_000_000_000, 900_000, 1_000_000)},
        programs={
            **{f"systemctl show {unit} {SHOWN}": Output(0, UNIT) for unit in UNITS},
            PAGES: Output(0, "StatusText=answers True, listeners 2, screens 1, words_refused 0\n"),
            f"{sys.executable} -c {OPEN_PINS}": Output(0, ""),
            "timedatectl timesync-status": Output(0, "  Server: 192.0.2.1\n  Offset: +1.234ms\n   Delay: 10ms\n"),
        },
        accounts={"gatepost": frozenset({"gatepost", "gpio", "i2c"})},
        now_wall_ms=NOW_MS,
        brokers={"one": Dialled(Step.ENCRYPTED, "", "192.0.2.9", NOW_MS + 90 * DAY_MS)},
        daemon=Asked(UP),
        technician=Operator("root", "li", "SHA256:abc", "192.0.2.7"),
    )  # fmt: skip


def look(machine: DescribedMachine, settings: str = SETTINGS) -> dict[str, Finding]:
    loaded = parse(settings, "gatepost.toml")
    found = list(every.findings(Gate(machine, "/etc/gatepost/gatepost.toml", loaded, (), machine.daemon)))
    names = [one.check for one in found]
    assert len(names) == len(set(names)), "a program could not tell them apart"
    return {one.check: one for one in found}


def blind(machine: DescribedMachine, *mistakes: str) -> dict[str, Finding]:
    """As ``look``, where the settings cannot be used."""
    gate = Gate(machine, "/etc/gatepost/gatepost.toml", None, mistakes, machine.daemon)
    return {one.check: one for one in every.findings(gate)}


def wrong(found: dict[str, Finding]) -> dict[str, str]:
    return {name: one.said.en for name, one in found.items() if one.verdict is not Verdict.PASS}


def only_wrong(machine: DescribedMachine, name: str, settings: str = SETTINGS) -> Finding:
    """The one thing that is wrong, which has something to do in both languages."""
    found = look(machine, settings)
    assert list(wrong(found)) == [name], wrong(found)
    finding = found[name]
    assert finding.verdict is Verdict.FAIL
    assert finding.todo.en
    assert finding.todo.zh
    return finding


# --- a gate that is well --------------------------------------------------------------------------------------------


def test_a_gate_where_nothing_is_wrong_passes_everything() -> None:
    found = look(well())
    assert wrong(found) == {}
    assert exit_code(found.values()) == 0
    assert {
        "settings", "daemon.answers", "daemon.armed", "daemon.troubles", "service.gatepost",
        "service.gatepost-camera", "selftest.last", "selftest.next", "service.gatepost-kiosk",
        "service.gatepost-browser", "screen.page", "gpio.access", "gpio.factory", "i2c.bus", "i2c.sensor",
        "camera.device", "camera.process", "pi.power", "pi.temperature", "card.space", "card.writable",
        "card.kept", "card.errors", "card.wear", "clock.set", "clock.offset", "clock.zone",
        "rights.one.private_key_file", "rights.gate.ledger.key", "rights.settings", "rights.state",
        "rights.sockets", "broker.one.ca_file", "broker.one.certificate_file", "broker.one.name",
        "broker.one.port", "broker.one.tls", "broker.one.login", "broker.one.centre", "centre.public_key_file",
        "operator",
    } == set(found)  # fmt: skip


@pytest.mark.parametrize("kind", ["overlay", "tmpfs"])
def test_events_that_would_be_gone_with_the_power_are_found(kind: str) -> None:
    """As on a read-only root whose overlay covers the state directory, too."""
    machine = well()
    machine.texts["/proc/self/mounts"] = f"/dev/mmcblk0p2 /media/root-ro ext4 ro 0 0\n{kind} / {kind} rw 0 0\n"
    kept = look(machine)["card.kept"]
    assert kept.verdict is Verdict.FAIL
    assert kept.said.en == f"{STATE}: {kind}"
    machine.texts["/proc/self/mounts"] += f"/dev/mmcblk0p3 {STATE} ext4 rw 0 0\n"
    assert look(machine)["card.kept"].verdict is Verdict.PASS


@pytest.mark.parametrize("unit", ["LoadState=not-found", "LoadState=loaded\nUnitFileState=disabled"])
def test_a_page_that_is_shown_elsewhere_needs_no_browser_here(unit: str) -> None:
    machine = well()
    machine.programs[f"systemctl show gatepost-browser {SHOWN}"] = Output(0, f"ActiveState=inactive\n{unit}\n")
    found = look(machine)
    assert found["service.gatepost-browser"].verdict is Verdict.NOT_TESTED
    assert "screen.page" not in found
    assert exit_code(found.values()) == 0


@pytest.mark.parametrize("restarts", [0, 1])
def test_a_browser_that_is_switched_on_and_does_not_run_is_a_failure(restarts: int) -> None:
    machine = well()
    said = f"ActiveState=activating\nNRestarts={restarts}\nLoadState=loaded\nUnitFileState=enabled\nResult=success\n"
    machine.programs[f"systemctl show gatepost-browser {SHOWN}"] = Output(0, said)
    assert look(machine)["service.gatepost-browser"].verdict is Verdict.FAIL


@pytest.mark.parametrize("status", ["answers True, listeners 3, screens 0, words_refused 0", ""])
def test_a_browser_that_runs_and_shows_nothing_is_not_called_well(status: str) -> None:
    """It may only just have started; one that never shows anything is started again until its restarts are too many."""
    machine = well()
    machine.programs[PAGES] = Output(0, f"StatusText={status}\n")
    found = look(machine)
    assert found["service.gatepost-browser"].verdict is Verdict.PASS
    assert found["screen.page"].verdict is Verdict.NOT_TESTED
    assert exit_code(found.values()) == 2


def test_groups_that_the_unit_adds_count_as_the_accounts_own() -> None:
    machine = well()
    machine.accounts["gatepost"] = frozenset({"gatepost"})
    assert set(wrong(look(machine))) == {"gpio.access", "i2c.bus"}
    machine.programs["systemctl show gatepost --property=SupplementaryGroups"] = Output(
        0, "SupplementaryGroups=gpio i2c\n"
    )
    assert wrong(look(machine)) == {}


def test_a_gate_without_kiosk_is_not_asked_for_one() -> None:
    plain = SETTINGS.partition("[thermometer]")[0]
    names = set(look(well(), plain))
    assert not {name for name in names if name.startswith(("i2c", "camera"))}
    assert "service.gatepost-camera" not in names


def test_every_line_is_said_in_both_languages() -> None:
    for machine, settings in ((well(), SETTINGS), (DescribedMachine(brokers={"one": Dialled(Step.NOTHING)}), SETTINGS)):
        for one in look(machine, settings).values():
            assert one.title.en, one
            assert one.title.zh, one
            assert bool(one.said.en) == bool(one.said.zh), one
            assert bool(one.todo.en) == bool(one.todo.zh), one


# --- each thing that can be wrong -----------------------------------------------------------------------------------

Change = Callable[[DescribedMachine], object]


def text(path: str, content: str) -> Change:
    return lambda machine: machine.texts.update({path: content})


def rights(path: str, mode: int, owner: str = "gatepost", group: str = "gatepost") -> Change:
    return lambda machine: machine.files.update({path: FileSeen(mode, owner, group)})


def viewed(**changed: Any) -> Change:
    def change(machine: DescribedMachine) -> None:
        machine.daemon = Asked({**UP, **changed})

    return change


def says(command: str, said: str, code: int = 0) -> Change:
    return lambda machine: machine.programs.update({command: Output(code, said)})


def becomes(**changed: Any) -> Change:
    return lambda machine: [setattr(machine, name, value) for name, value in changed.items()]


def proved(**changed: Any) -> Change:
    return viewed(selftest={"schedule": {**UP["selftest"]["schedule"], **changed}})  # type: ignore[index]


KIOSK = {"error_share": 0.9, "fault": True, "ambient_celsius": 22.5, "detector": "yunet"}
WRONG: dict[str, tuple[str, str, Change]] = {
    "not armed": ("daemon.armed", "not armed", viewed(armed=False)),
    "service failed": (
        "service.gatepost",
        "it is failed, last result watchdog",
        says(f"systemctl show gatepost {SHOWN}", UNIT.replace("active", "failed").replace("success", "watchdog")),
    ),
    "service not there": (
        "service.gatepost-kiosk",
        "not installed",
        says(f"systemctl show gatepost-kiosk {SHOWN}", "ActiveState=inactive\nLoadState=not-found\n"),
    ),
    "service off after a power cut": (
        "service.gatepost",
        "would not start",
        says(f"systemctl show gatepost {SHOWN}", UNIT.replace("enabled", "disabled")),
    ),
    "service restarts": (
        "service.gatepost-camera",
        "4 times",
        says(f"systemctl show gatepost-camera {SHOWN}", UNIT.replace("NRestarts=1", "NRestarts=4")),
    ),
    "test failed": ("selftest.last", "full FAIL", proved(
        tests=[{"kind": "full", "result": "PASS", "wall_ms": 1}, {"kind": "human", "result": "FAIL", "wall_ms": 2},
               {"kind": "full", "result": "FAIL", "wall_ms": 3}])),
    "test overdue": ("selftest.next", "20", proved(next_wall_ms=NOW_MS - 6 * 3_600_000 - 1)),
    "tests switched off": ("selftest.next", "switched off", proved(enabled=False)),
    "no pins": ("gpio.access", "no /dev/gpiochip", lambda machine: machine.files.pop("/dev/gpiochip0")),
    "not in group gpio": (
        "gpio.access",
        "group gpio",
        becomes(accounts={"gatepost": frozenset({"gatepost", "i2c"})}),
    ),
    "pins for root only": ("gpio.access", "/dev/gpiochip0", rights("/dev/gpiochip0", 0o600, "root", "gpio")),
    "no bus": ("i2c.bus", "/dev/i2c-1 is not there", lambda machine: machine.files.pop("/dev/i2c-1")),
    "sensor faulty": ("i2c.sensor", "0x5A", viewed(kiosk={"sensor": KIOSK})),
    "no camera": ("camera.device", "0 found", lambda machine: machine.files.pop("/dev/video0")),
    "under-voltage now": (
        "pi.power", "too low now", text("/sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n")
    ),
    "under-voltage before": (
        "pi.power", "since the start", text("/sys/devices/platform/soc/soc:firmware/get_throttled", "10000\n")
    ),
    "throttled by heat": (
        "pi.power", "slowed down", text("/sys/devices/platform/soc/soc:firmware/get_throttled", "80000\n")
    ),
    "hot": ("pi.temperature", "81 degrees", text("/sys/class/thermal/thermal_zone0/temp", "81000\n")),
    "card full": ("card.space", "95% used", becomes(spaces={STATE: Space(1_500_000_000, 30_000_000_000)})),
    "little left": ("card.space", "90 MB", becomes(spaces={STATE: Space(90_000_000, 800_000_000)})),
    "too many files": (
        "card.space", "99% of the files", becomes(spaces={STATE: Space(20 * 10**9, 30 * 10**9, 10, 1000)})
    ),
    "card read-only": (
        "card.writable", "read-only", becomes(spaces={STATE: Space(20 * 10**9, 30 * 10**9, read_only=True)})
    ),
    "card errors": ("card.errors", "3 counted", text("/sys/fs/ext4/mmcblk0p2/errors_count", "3\n")),
    "card worn": ("card.wear", "80-90 %", text("/sys/block/mmcblk0/device/life_time", "0x01 0x09\n")),
    "card beyond its life": ("card.wear", ">100 %", text("/sys/block/mmcblk0/device/life_time", "0x0b 0x01\n")),
    "card has had warnings": ("card.wear", "10-20 %", text("/sys/block/mmcblk0/device/pre_eol_info", "0x02\n")),
    "card near its end": ("card.wear", "10-20 %", text("/sys/block/mmcblk0/device/pre_eol_info", "0x03\n")),
    "clock not set": ("clock.set", "does not call it set", becomes(error_ms=None)),
    "clock off": ("clock.offset", "-1500.0 ms", says("timedatectl timesync-status", "  Offset: -1.5s\n")),
    "elsewhere": ("clock.zone", "Europe/London, the settings say Asia/Shanghai", becomes(time_zone="Europe/London")),
    "key open to a group": ("rights.one.private_key_file", "0640", rights("/etc/gatepost/gate.key", 0o640)),
    "ledger's key open": ("rights.gate.ledger.key", "0644", rights(f"{STATE}/ledger.key", 0o644)),
    "settings open": ("rights.settings", "0666", rights("/etc/gatepost/gatepost.toml", 0o666)),
    "log open to others": ("rights.state", "0757", rights(STATE, 0o757)),
    "log open to a group": ("rights.state", "0775", rights(STATE, 0o775)),
    "control open": ("rights.sockets", "control.sock", rights("/run/gatepost/control.sock", 0o666)),
    "certificate ends soon": ("broker.one.tls", "20 days more", becomes(
        brokers={"one": Dialled(Step.ENCRYPTED, "", "192.0.2.9", NOW_MS + 20 * DAY_MS)})),
    "no PEM": ("broker.one.ca_file", "no PEM", text("/etc/gatepost/ca.pem", "hello")),
    "no authority": ("broker.one.ca_file", "No such file", lambda machine: machine.texts.pop("/etc/gatepost/ca.pem")),
    "centre's key damaged": (
        "centre.public_key_file", "holds no PEM public key", text("/etc/gatepost/centre.pub", "hello"),
    ),
    "no centre's key": (
        "centre.public_key_file", "No such file", lambda machine: machine.texts.pop("/etc/gatepost/centre.pub"),
    ),
    "centre away": (
        "broker.one.centre", "does not listen",
        viewed(brokers=[{"name": "one", "phase": "up", "centre_listening": False}]),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "said", "change"), WRONG.values(), ids=list(WRONG))
def test_what_is_wrong_is_found_alone_and_says_what_to_do(name: str, said: str, change: Change) -> None:
    machine = well()
    change(machine)
    assert said in only_wrong(machine, name).said.en


def test_what_is_just_right_is_not_called_wrong() -> None:
    machine = well()
    machine.spaces[STATE] = Space(3_100_000_000, 30_000_000_000, 110, 1000)
    machine.brokers["one"] = Dialled(Step.ENCRYPTED, "", "192.0.2.9", NOW_MS + 21 * DAY_MS)
    text("/sys/block/mmcblk0/device/life_time", "0x08 0x08\n")(machine)
    text("/sys/class/thermal/thermal_zone0/temp", "79999\n")(machine)
    says(f"systemctl show gatepost {SHOWN}", UNIT.replace("NRestarts=1", "NRestarts=3"))(machine)
    says("timedatectl timesync-status", "  Offset: +1.000s\n")(machine)
    assert wrong(look(machine)) == {}


@pytest.mark.parametrize(("days", "said"), [(48, "20 days more"), (68, "0 days more"), (70, "expired on 2026-02-01")])
def test_a_certificate_is_told_before_it_ends(days: int, said: str) -> None:
    machine = well()
    machine.now_wall_ms += days * DAY_MS
    proved(next_wall_ms=machine.now_wall_ms)(machine)
    machine.brokers["one"] = Dialled(Step.ENCRYPTED, "", "192.0.2.9", machine.now_wall_ms + 90 * DAY_MS)
    found = look(machine)
    assert set(wrong(found)) == {"broker.one.ca_file", "broker.one.certificate_file"}
    assert said in found["broker.one.ca_file"].said.en


def test_a_certificate_of_the_future_speaks_of_the_clock() -> None:
    machine = well()
    machine.now_wall_ms = 0
    machine.brokers["one"] = Dialled(Step.ENCRYPTED, "", "192.0.2.9", 90 * DAY_MS)
    assert "timedatectl" in look(machine)["broker.one.ca_file"].todo.en


def test_the_camera_is_lost_when_the_daemon_says_so() -> None:
    machine = well()
    machine.daemon = Asked({**UP, "standing": [{"trouble": "camera_lost", "part": "", "detail": "silent"}]})
    assert set(wrong(look(machine))) == {"daemon.camera_lost", "camera.process"}


def test_a_test_that_proved_only_a_part_is_no_proof_and_none_is_none() -> None:
    for tests in (
        [{"kind": "full", "result": "PARTIAL", "wall_ms": 1}],
        [{"kind": "path", "result": "PASS", "wall_ms": 1}],
        [],
    ):
        machine = well()
        proved(tests=tests)(machine)
        assert look(machine)["selftest.last"].verdict is Verdict.NOT_TESTED
    machine = well()
    proved(next_wall_ms=None)(machine)
    assert look(machine)["selftest.next"].verdict is Verdict.NOT_TESTED, "an unset clock plans nothing"
    proved(next_wall_ms=NOW_MS - 6 * 3_600_000)(machine)
    assert look(machine)["selftest.next"].verdict is Verdict.PASS, "the centre waits as long"


# --- the way to the centre, step by step ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "failed", "not_tested"),
    [
        (Step.NOTHING, "name", {"port", "tls", "login", "centre"}),
        (Step.RESOLVED, "port", {"tls", "login", "centre"}),
        (Step.CONNECTED, "tls", {"login", "centre"}),
        (Step.ENCRYPTED, "login", {"centre"}),
    ],
)
def test_after_the_first_step_that_fails_the_rest_is_not_claimed(step: Step, failed: str, not_tested: set[str]) -> None:
    machine = well()
    machine.daemon = NO_DAEMON
    machine.brokers["one"] = Dialled(step, "so it is", "192.0.2.9", NOW_MS + 90 * DAY_MS)
    line = {name[11:]: one for name, one in look(machine).items() if name.startswith("broker.one.")}
    assert {name for name, one in line.items() if one.verdict is Verdict.FAIL} == {failed}
    assert line[failed].said.en == "so it is"
    assert {name for name, one in line.items() if one.verdict is Verdict.NOT_TESTED} == not_tested
    assert line["centre"].said.en == "the broker was not reached"


def test_a_daemon_that_is_logged_in_is_proof_and_no_second_login_is_tried() -> None:
    machine = well()
    assert look(machine)["broker.one.login"].verdict is Verdict.PASS
    assert machine.logins == []
    machine.daemon = Asked({**UP, "brokers": [{"name": "one", "phase": "down", "centre_listening": True}]})
    found = look(machine)
    assert machine.logins == ["one"]
    assert found["broker.one.login"].verdict is Verdict.FAIL, "the daemon was logged in once, and is not now"
    assert found["broker.one.centre"].verdict is Verdict.NOT_TESTED, "what a daemon once heard is no proof"


def test_a_gate_that_obeys_unsigned_words_says_so_and_one_that_does_not_names_the_key() -> None:
    table = '[centre]\npublic_key_file = "/etc/gatepost/centre.pub"\n'
    found = look(well(), SETTINGS.replace(table, ""))["centre.public_key_file"]
    assert found.verdict is Verdict.NOT_TESTED
    assert "without a signature" in found.said.en
    assert fingerprint(CENTRE.public_key) in look(well())["centre.public_key_file"].said.en


def test_a_login_beside_a_dead_daemon_hears_the_centre() -> None:
    machine = well()
    machine.daemon = NO_DAEMON
    machine.brokers["one"] = Dialled(Step.LOGGED_IN, "", "192.0.2.9", NOW_MS + 90 * DAY_MS, True)
    assert look(machine)["broker.one.centre"].verdict is Verdict.PASS
    machine.brokers["one"] = Dialled(Step.LOGGED_IN, "", "192.0.2.9", NOW_MS + 90 * DAY_MS, None)
    assert look(machine)["broker.one.centre"].verdict is Verdict.NOT_TESTED


# --- what was not looked at is never PASS ---------------------------------------------------------------------------


def test_on_another_machine_nothing_of_a_pi_is_claimed() -> None:
    found = look(DescribedMachine(brokers={"one": Dialled(Step.NOTHING, "no network")}, sensed="bus_gone"))
    passed = {name for name, one in found.items() if one.verdict is Verdict.PASS}
    assert passed == {"settings", "clock.set", "clock.zone"}
    assert found["pi.power"].said.en == "this is no Raspberry Pi"
    assert exit_code(found.values()) == 1


def test_simulated_pins_are_never_called_well() -> None:
    found = look(well(), SETTINGS + '[pins]\nfactory = "mock"\n')
    assert set(wrong(found)) == {"gpio.access", "gpio.factory", "i2c.bus", "i2c.sensor"}
    assert {found[name].verdict for name in wrong(found)} == {Verdict.NOT_TESTED}
    assert exit_code(found.values()) == 2


def test_without_settings_what_depends_on_them_is_not_tested() -> None:
    machine = well()
    machine.daemon = NO_DAEMON
    found = blind(machine, "gatepost.toml: gate: given nothing", "gatepost.toml: lamps: given nothing")
    assert found["settings"].verdict is Verdict.FAIL
    assert "(and 1 more)" in found["settings"].said.en
    assert {
        one.verdict for name, one in found.items() if name.startswith(("gpio", "card", "broker", "rights.sec"))
    } == {Verdict.NOT_TESTED}
    assert found["pi.power"].verdict is Verdict.PASS


def test_a_user_without_rights_is_told_what_was_hidden_and_the_sudo_command() -> None:
    machine = well()
    machine.account = "technician"
    machine.daemon = Asked(None, "you may not open /run/gatepost/view.sock", permitted=False)
    machine.hidden = {
        "/etc/gatepost/gate.key",
        "/etc/gatepost/gate.pem",
        "/dev/i2c-1",
        "/run/gatepost/view.sock",
        STATE,
    }
    machine.programs["timedatectl timesync-status"] = Output(1, "")
    machine.brokers["one"] = Dialled(Step.LOGGED_IN, "", "192.0.2.9", NOW_MS + 90 * DAY_MS, True)
    found = look(machine)
    hidden = {name for name, one in found.items() if "sudo gatepost doctor" in one.todo.en}
    assert {
        "daemon.answers", "rights.one.private_key_file", "broker.one.certificate_file", "i2c.sensor", "card.space",
        "card.writable", "rights.state", "rights.sockets",
    } <= hidden  # fmt: skip
    assert {found[name].verdict for name in hidden} == {Verdict.NOT_TESTED}
    assert exit_code(found.values()) == 2


def test_settings_that_may_not_be_read_are_not_called_wrong() -> None:
    machine = DescribedMachine()
    finding = blind(machine, "gatepost.toml: cannot be read: Permission denied; give the path of a settings file")
    assert finding["settings"].verdict is Verdict.NOT_TESTED


def test_a_pi_that_does_not_tell_its_power_is_not_well_powered() -> None:
    machine = well()
    del machine.texts["/sys/devices/platform/soc/soc:firmware/get_throttled"]
    assert look(machine)["pi.power"].verdict is Verdict.NOT_TESTED
    machine.programs["vcgencmd get_throttled"] = Output(0, "throttled=0x50000\n")
    assert look(machine)["pi.power"].verdict is Verdict.FAIL
    machine.programs["vcgencmd get_throttled"] = Output(255, "VCHI initialization failed\n")
    assert look(machine)["pi.power"].verdict is Verdict.NOT_TESTED
    machine.texts["/sys/class/hwmon/hwmon1/in0_lcrit_alarm"] = "1\n"
    assert look(machine)["pi.power"].verdict is Verdict.FAIL
    machine.texts["/sys/class/hwmon/hwmon1/in0_lcrit_alarm"] = "0\n"
    assert look(machine)["pi.power"].verdict is Verdict.PASS


def test_the_card_is_the_one_that_holds_the_log_and_not_the_one_that_holds_the_system() -> None:
    machine = well()
    machine.texts["/proc/self/mounts"] = (
        "/dev/mmcblk0p2 / ext4 rw 0 0\n/dev/mmcblk1p1 /var/lib ext4 rw 0 0\n/dev/mmcblk0p1 /var/lib/gate vfat rw 0 0\n"
    )
    machine.texts["/sys/fs/ext4/mmcblk1p1/errors_count"] = "7\n"
    machine.texts["/sys/block/mmcblk1/device/life_time"] = "0x0a 0x01\n"
    found = look(machine)
    assert found["card.errors"].said.en == "7 counted on mmcblk1p1"
    assert found["card.wear"].said.en == "90-100 % of its life is used"
    machine.texts["/proc/self/mounts"] = "overlay / overlay rw 0 0\ntmpfs /var/lib/gatepost tmpfs rw 0 0\n"
    assert look(machine)["card.wear"].verdict is Verdict.NOT_TESTED


def test_a_read_only_root_without_a_partition_for_events_is_told() -> None:
    machine = well()
    machine.texts["/proc/self/mounts"] = "/dev/mmcblk0p2 /media/root-ro ext4 ro 0 0\noverlay / overlay rw 0 0\n"
    found = look(machine)
    assert {name for name, one in found.items() if one.verdict is Verdict.FAIL} == {"card.kept"}
    assert found["card.kept"].said.en == "/var/lib/gatepost: overlay"
    assert found["card.wear"].verdict is Verdict.NOT_TESTED, "no card is behind it"


def test_an_sd_card_that_does_not_tell_its_wear_spoils_no_exit_code() -> None:
    machine = well()
    del machine.texts["/sys/block/mmcblk0/device/life_time"]
    found = look(machine)
    assert found["card.wear"].verdict is Verdict.NOT_TESTED
    assert exit_code(found.values()) == 0


def test_a_disk_is_asked_by_smartctl() -> None:
    machine = well()
    machine.texts["/proc/self/mounts"] = "/dev/nvme0n1p2 / ext4 rw 0 0\n"
    machine.texts["/sys/fs/ext4/nvme0n1p2/errors_count"] = "0\n"
    asked = "smartctl --json --health --attributes /dev/nvme0n1"
    assert look(machine)["card.wear"].verdict is Verdict.NOT_TESTED
    for said, verdict in (
        ({"smart_status": {"passed": True}, "nvme_smart_health_information_log": {"percentage_used": 3}}, Verdict.PASS),
        (
            {"smart_status": {"passed": True}, "nvme_smart_health_information_log": {"percentage_used": 81}},
            Verdict.FAIL,
        ),
        ({"smart_status": {"passed": False}}, Verdict.FAIL),
        ({"smartctl": {"exit_status": 2}}, Verdict.NOT_TESTED),
    ):
        machine.programs[asked] = Output(0, json.dumps(said))
        assert look(machine)["card.wear"].verdict is verdict, said


def test_a_stopped_daemon_leaves_pins_and_sensor_to_be_tried_from_here() -> None:
    machine = well()
    machine.daemon = NO_DAEMON
    machine.brokers["one"] = Dialled(Step.LOGGED_IN, "", "192.0.2.9", NOW_MS + 90 * DAY_MS, True)
    found = look(machine)
    assert found["selftest.last"].verdict is Verdict.NOT_TESTED
    assert found["gpio.factory"].said.en == "lgpio opens the pins"
    assert "one good reading" in found["i2c.sensor"].said.en
    machine.sensed = "no_answer"
    assert look(machine)["i2c.sensor"].verdict is Verdict.FAIL


def test_pins_that_cannot_be_opened_are_told_with_the_librarys_reason() -> None:
    machine = well()
    machine.daemon = NO_DAEMON
    command = f"{sys.executable} -c {OPEN_PINS}"
    machine.programs[command] = Output(1, "", "Traceback\nedge.errors.DeviceError: No module named 'lgpio'\n")
    finding = look(machine)["gpio.factory"]
    assert (finding.verdict, finding.said.en) == (Verdict.FAIL, "edge.errors.DeviceError: No module named 'lgpio'")
    machine.programs[command] = Output(1, "", "DeviceError: Permission denied")
    assert look(machine)["gpio.factory"].verdict is Verdict.FAIL
    machine.account = "technician"
    assert look(machine)["gpio.factory"].verdict is Verdict.NOT_TESTED
    del machine.programs[command]
    assert look(machine)["gpio.factory"].verdict is Verdict.NOT_TESTED


@pytest.mark.parametrize(
    ("complaint", "english", "chinese"),
    [
        ("ModuleNotFoundError: No module named 'lgpio'", "Run scripts/install again", "请再运行 scripts/install"),
        ("PinUnknownPi: unable to locate Pi revision", "No Raspberry Pi", "本机不是树莓派"),
        ("error: can not open gpiochip", "See GPIO access", "请看“GPIO 访问”一项"),
    ],
)
def test_the_advice_for_pins_that_cannot_be_opened_fits_the_reason(complaint: str, english: str, chinese: str) -> None:
    """No package of Debian is called python3-lgpio, in bookworm or in trixie; only Raspberry Pi OS has one."""
    machine = well()
    machine.daemon = NO_DAEMON
    machine.programs[f"{sys.executable} -c {OPEN_PINS}"] = Output(1, "", f"edge.errors.DeviceError: {complaint}\n")
    todo = look(machine)["gpio.factory"].todo
    assert todo.en.startswith(english)
    assert todo.zh.startswith(chinese)
    assert "apt install" not in todo.en + todo.zh


def test_who_looks_is_told_and_a_session_without_its_key_is_a_fault_of_sshd() -> None:
    machine = well()
    assert look(machine)["operator"].said.en == "li (as root) from 192.0.2.7 with the key SHA256:abc"
    machine.technician = Operator("li", "li", "", "192.0.2.7")
    finding = only_wrong(machine, "operator")
    assert "ExposeAuthInfo yes" in finding.todo.en
    machine.technician = Operator("li", "li")
    assert look(machine)["operator"].verdict is Verdict.NOT_TESTED
    assert exit_code(look(machine).values()) == 0, "at the gate itself there is no key to see"


# --- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", Trouble)
def test_every_trouble_stands_in_chinese_too(one: Trouble) -> None:
    assert all(TROUBLES[one])
    finding = trouble(one.value, "", "detail")
    assert finding.said.en != finding.said.zh
    assert finding.todo.en != finding.todo.zh


def test_a_trouble_of_a_newer_daemon_is_shown_as_it_is() -> None:
    assert "odd" in trouble("odd", "", "").said.en


@pytest.mark.parametrize(
    ("status", "offset_ms"),
    [("Offset: +1.234ms", 1.234), ("  Offset: -350us", -0.35), ("Offset: +1min 2.5s", 62_500), ("Offset: n/a", None),
     ("Offset: -12µs", -0.012), ("", None), ("Offset: +2h 1min", 7_260_000)],
)  # fmt: skip
def test_the_offset_is_read_from_what_timedatectl_prints(status: str, offset_ms: float | None) -> None:
    assert offset_ms_of(status) == pytest.approx(offset_ms)


@pytest.mark.parametrize(
    ("given", "environment", "language"),
    [
        (None, {}, Language.EN),
        (None, {"LANG": "zh_CN.UTF-8"}, Language.ZH),
        (None, {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, Language.EN),
        (None, {"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, Language.ZH),
        (None, {"LANG": "en_GB", "LC_MESSAGES": "zh_TW"}, Language.ZH),
        (Language.EN, {"LANG": "zh_CN.UTF-8"}, Language.EN),
        (Language.ZH, {}, Language.ZH),
    ],
)
def test_the_language_is_the_given_one_or_the_terminals(
    given: Language | None, environment: dict[str, str], language: Language
) -> None:
    assert language_of(given, environment) is language


def test_the_exit_code_is_0_only_for_a_gate_where_all_was_seen() -> None:
    check = Check("x", same("x"))
    assert exit_code([]) == 2
    assert exit_code([check.passed(same("y")), check.not_here(same("z"))]) == 0
    assert exit_code([check.passed(same("y")), check.not_tested(same("z"))]) == 2
    assert exit_code([check.not_tested(same("z")), check.failed(same("y"), same("do"))]) == 1
    assert exit_code([check.not_here(same("z"))]) == 2, "nothing at all was seen"


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[tuple[SmallGate, Path]]:
    short = ShortDirectory()
    gate = SmallGate(short.path)
    file = tmp_path / "gatepost.toml"
    where = f'gate = "main"\nstate_directory = "{tmp_path}"\nruntime_directory = "{short.path}"'
    plain = SETTINGS.partition("[[broker]]")[0].replace('gate = "main"', where)
    file.write_text(
        plain + '[[broker]]\nname = "one"\nhost = "localhost"\nport = 9\ntls = false\n[pins]\nfactory = "mock"\n'
    )
    yield gate, file
    gate.close()
    short.close()


def run(capsys: pytest.CaptureFixture[str], *given: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        main(["doctor", *map(str, given)])
    return int(end.value.code or 0), capsys.readouterr().out


def test_the_doctor_sees_this_machine_and_asks_the_running_daemon(
    gate: tuple[SmallGate, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "--config", gate[1], "--json")
    *lines, whole = map(json.loads, said.splitlines())
    verdicts = {one["check"]: one["verdict"] for one in lines}
    assert (code, whole["result"]) == (1, "FAIL")
    assert verdicts["settings"] == verdicts["daemon.armed"] == verdicts["card.space"] == "PASS"
    assert verdicts["broker.one.port"] == "FAIL"
    assert verdicts["broker.one.login"] == "NOT_TESTED"
    assert verdicts["gpio.access"] == "NOT_TESTED"
    in_sync = SystemClock(ClockSettings()).read().error_ms is not None
    assert verdicts["clock.set"] == ("PASS" if in_sync else "FAIL")
    assert whole["FAIL"] == list(verdicts.values()).count("FAIL")


def test_the_page_is_for_people_in_their_language(
    gate: tuple[SmallGate, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "--config", gate[1], "--only", "daemon.armed", "--language", "zh")
    assert code == 0
    assert "按下会被识别" in said
    assert "PASS" in said
    code, said = run(capsys, "--config", gate[1], "--only", "gpio", "--language", "en")
    assert code == 2
    assert "On a gate" in said


def test_a_name_that_is_no_check_is_a_mistake_of_usage(
    gate: tuple[SmallGate, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "--config", gate[1], "--only", "nothing-like-it")
    assert (code, said) == (2, "")


def test_settings_that_are_not_there_are_a_finding_and_no_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, "--config", tmp_path / "none.toml", "--json")
    first, *_, whole = map(json.loads, said.splitlines())
    assert code == 1
    assert (first["check"], first["verdict"]) == ("settings", "FAIL")
    assert whole["NOT_TESTED"] > 5


def test_a_text_is_given_in_the_language_that_is_asked_for() -> None:
    assert Text("gate", "校门").of(Language.ZH) == "校门"
    assert Text("gate", "校门").of(Language.EN) == "gate"

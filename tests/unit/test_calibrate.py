"""``gatepost calibrate``: which readings tell an offset, what is written where, and who is named for it."""

from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge import calibrating, kiosk_rules, skin
from edge.calibrating import Measured, judged
from edge.cli import main
from edge.drivers.clock import FixedClock
from edge.errors import SettingsError, StorageError
from edge.events import Noted
from edge.kiosk_settings import PrivacySettings, ThermometerSettings
from edge.measuring import SkinRead
from edge.operator_identity import operator
from edge.settings import load, parse
from edge.settings_edit import with_number
from edge.settings_file import replace_text
from edge.sim.sensor import Fault, SimulatedBus
from edge.thermometer import Screened
from tests.unit.kernel_i2c import Kernel
from tests.unit.pupils import BCC, USUAL, WALL, Kiosk
from tests.unit.small_gate import ShortDirectory, SmallGate, eventually

CONFIG = Path(__file__).parents[2] / "config"
DCI = skin.PARTS["DCI"]
INFRARED = 0x5A

SETTINGS = """# A gate of ours.
[gate]
county = "county"
school = "school"
gate = "main"
state_directory = "{state}"
runtime_directory = "{run}"
[button]
key_gpio = 17
[lamps]
status_gpio = 22
fault_gpio = 23
[[broker]]
name = "one"
host = "localhost"
tls = false

[thermometer]
part = "DCI"  # as printed on the can
# emissivity = 0.98

# The camera is not fitted yet.
# [camera]
"""


# --- what readings tell ---------------------------------------------------------------------------------------------


def reads(*celsius: float, own: float = 22.0) -> list[SkinRead]:
    return [SkinRead(seen, own, 500 * number) for number, seen in enumerate(celsius)]


def judge(read: list[SkinRead], reference: float = 35.0, missed: int = 0) -> Measured:
    return judged(read, missed, DCI, 3.0, 1.0, reference)


def test_the_offset_is_what_the_median_lacks() -> None:
    measured = judge(reads(*[34.5] * 19, 34.6, 34.4))
    assert (measured.offset_celsius, measured.wrong) == (0.5, ())
    assert measured.seen_celsius == pytest.approx(34.5)


def test_supply_and_emissivity_are_corrected_first_as_at_the_kiosk() -> None:
    measured = judged(reads(*[34.5] * 20), 0, DCI, 3.3, 0.96, 35.0)
    assert measured.offset_celsius == pytest.approx(35.0 - skin.corrected(34.5, 22.0, 3.3, 0.96), abs=0.005)


@given(st.floats(33, 38), st.floats(-1.9, 1.9))
def test_with_the_offset_the_sensor_says_the_reference(reference: float, off: float) -> None:
    """Whatever the offset was before: it is not among the corrections, and so is not counted twice."""
    measured = judge(reads(*[reference - off] * 20), reference)
    assert measured.wrong == ()
    assert measured.seen_celsius + measured.offset_celsius == pytest.approx(reference, abs=0.005 + 1e-9)


@pytest.mark.parametrize(
    ("read", "missed", "part"),
    [
        (reads(*[34.5] * 19), 0, "only 19 readings"),
        ([], 50, "only 0 readings"),
        (reads(*[34.5] * 20), 3, "3 readings failed"),
        (reads(*[34.1, 34.9] * 15), 0, "waver"),
        (reads(*[34.4] * 15, *[34.55] * 15), 0, "move by +0.15"),
        (reads(*[34.5] * 10, own=22.0) + reads(*[34.5] * 10, own=22.4), 0, "changed by 0.40"),
        (reads(*[32.9] * 20), 0, "+2.10 degrees are needed"),
        (reads(*[37.1] * 20), 0, "-2.10 degrees are needed"),
    ],
)
def test_readings_that_tell_nothing_sure_are_refused_with_the_reason(
    read: list[SkinRead], missed: int, part: str
) -> None:
    wrong = judge(read, missed=missed).wrong
    assert any(part in text.en for text in wrong), wrong
    assert all(text.zh for text in wrong)


def test_what_is_just_allowed_is_allowed() -> None:
    assert judge(reads(*[34.45] * 15, *[34.54] * 15)).wrong == ()
    assert judge(reads(*[33.0] * 20)).wrong == ()
    assert judge(reads(*[34.5] * 18 + [34.5] * 2), missed=2).wrong == ()
    assert judge(reads(*[34.5] * 10) + reads(*[34.5] * 10, own=22.25)).wrong == ()


# --- what the offset does -------------------------------------------------------------------------------------------


def test_the_kiosk_adds_the_offset_to_each_reading() -> None:
    def seen(offset_celsius: float) -> float:
        kiosk = Kiosk(replace(BCC, offset_celsius=offset_celsius))
        kiosk.see(WALL, WALL)
        kiosk.see(*[USUAL] * 8)
        celsius = kiosk.all(Screened)[0].judgement.skin_celsius
        assert celsius is not None
        return celsius

    assert seen(0.2) - seen(0.0) == pytest.approx(0.2)


def test_another_offset_is_another_instrument_whose_crowd_is_not_remembered() -> None:
    def mark(offset_celsius: float) -> str:
        table = ThermometerSettings(part="DCI", offset_celsius=offset_celsius)
        rules = kiosk_rules.rules_of(table, None, PrivacySettings())
        assert rules.offset_celsius == offset_celsius
        return rules.mark

    assert mark(0.1) != mark(0.0)


def test_the_range_of_the_settings_is_that_of_the_calibration() -> None:
    text = SETTINGS.format(state="/s", run="/r")
    most = calibrating.OFFSET_CELSIUS_MAX
    assert parse(text.replace("# emissivity = 0.98", f"offset_celsius = {most}"), "x").thermometer is not None
    with pytest.raises(SettingsError, match="from -2 to 2 degrees Celsius"):
        parse(text.replace("# emissivity = 0.98", f"offset_celsius = {most + 0.01}"), "x")


# --- the line in the file -------------------------------------------------------------------------------------------


def put(text: str, number: float = 0.25, comment: str = "by Li") -> str:
    return with_number(text, "thermometer", "offset_celsius", number, comment, after="part")


def test_the_line_comes_below_the_part_and_nothing_else_changes() -> None:
    text = SETTINGS.format(state="/s", run="/r")
    line = 'part = "DCI"  # as printed on the can\n'
    assert put(text) == text.replace(line, line + "offset_celsius = 0.25  # by Li\n")


def test_a_second_calibration_takes_the_place_of_the_first() -> None:
    once = put(SETTINGS.format(state="/s", run="/r"))
    assert put(once, -0.1, "by Wang") == once.replace(
        "offset_celsius = 0.25  # by Li", "offset_celsius = -0.10  # by Wang"
    )


def test_the_fully_commented_file_takes_it_too() -> None:
    text = (CONFIG / "gatepost.toml").read_text().replace("# [thermometer]", "[thermometer]")
    changed = put(text.replace('# part = "DCI"', 'part = "DCI"'))
    assert parse(changed, "x").thermometer == ThermometerSettings(part="DCI", offset_celsius=0.25)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[thermometer]\npart = "DCI"', '[thermometer]\npart = "DCI"\noffset_celsius = 0.25  # by Li\n'),
        (
            '[ thermometer ] # x\r\n part="DCI"\r\n[camera]\r\n',
            '[ thermometer ] # x\r\n part="DCI"\r\noffset_celsius = 0.25  # by Li\r\n[camera]\r\n',
        ),
    ],
)
def test_odd_files_are_kept_as_odd_as_they_were(text: str, expected: str) -> None:
    assert put(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        'thermometer = {part = "DCI"}\n',
        'thermometer.part = "DCI"\n',
        '[camera]\npart = "DCI"\n',
        '[x]\nnote = """\n[thermometer]\npart = 1\n"""\n',
        '[thermometer]\npart = """\nDCI"""\n',
        "",
    ],
)
def test_where_there_is_no_sure_place_the_line_to_write_is_told(text: str) -> None:
    with pytest.raises(SettingsError, match=r"write into \[thermometer\]: offset_celsius = 0.25"):
        put(text)


def test_a_comment_stays_a_comment_whatever_is_in_it() -> None:
    changed = put('[thermometer]\npart = "DCI"\n', comment="by Li\n[gate]\ngate = 'other'\t!")
    assert changed.count("\n") == 3


# --- the file -------------------------------------------------------------------------------------------------------


def test_a_file_is_replaced_whole_with_the_rights_it_had(tmp_path: Path) -> None:
    file, link = tmp_path / "real.toml", tmp_path / "gatepost.toml"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    replace_text(link, "new")
    assert link.is_symlink()
    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["gatepost.toml", "real.toml"]


def test_a_failure_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    file = tmp_path / "gatepost.toml"
    file.mkdir()
    with pytest.raises(StorageError, match="cannot be replaced"):
        replace_text(file, "new")
    assert os.listdir(tmp_path) == ["gatepost.toml"]


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def directory() -> Iterator[Path]:
    short = ShortDirectory()
    yield short.path
    short.close()


@pytest.fixture
def config(directory: Path, tmp_path: Path) -> Path:
    file = tmp_path / "gatepost.toml"
    file.write_text(SETTINGS.format(state=tmp_path, run=directory))
    return file


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    simulated = SimulatedBus(FixedClock().advance)
    simulated.put_infrared(INFRARED, 34.51, 24.51)
    kernel = Kernel(simulated)
    kernel.install(monkeypatch)
    return kernel


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def calibrate(config: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*given: object) -> tuple[int, str, str]:
        try:
            code = main(["calibrate", "--config", str(config), "--language", "en", *map(str, given)])
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


QUICK = ("--reference", 35, "--samples", 20, "--every-ms", 150, "--yes")


def told(gate: SmallGate) -> list[str]:
    return [fact.detail for fact in gate.facts if isinstance(fact, Noted)]


def test_a_calibration_is_in_the_settings_and_in_the_log_with_who_and_when(
    kernel: Kernel, config: Path, directory: Path, calibrate: Run
) -> None:
    gate = SmallGate(directory)
    try:
        code, said, _ = calibrate(*QUICK)
        eventually(lambda: bool(told(gate)), "the daemon was told")
    finally:
        gate.close()
    assert code == 0
    assert "systemctl restart gatepost" in said
    table = load(config).thermometer
    assert table is not None
    assert table.offset_celsius == pytest.approx(35 - skin.corrected(34.51, 24.51, 3.3, 0.98), abs=0.006)
    (line,) = [line for line in config.read_text().splitlines() if line.startswith("offset_celsius")]
    name = operator().name
    assert f" by {operator()}: 20 readings of a reference of 35.00 degrees, before +0.00" in line
    (detail,) = told(gate)
    assert detail.startswith(
        f"thermometer.offset_celsius +0.00 -> {table.offset_celsius:+.2f} by {name} (uid {os.getuid()}"
    )


def test_a_dry_run_measures_and_writes_nothing(kernel: Kernel, config: Path, directory: Path, calibrate: Run) -> None:
    before = config.read_text()
    code, said, _ = calibrate(*QUICK, "--dry-run", "--json")
    result: dict[str, Any] = json.loads(said)
    assert (code, result["result"], result["written"]) == (0, "PASS", False)
    assert result["samples"] == 20
    assert config.read_text() == before


def test_readings_that_do_not_allow_it_exit_1_and_write_nothing(kernel: Kernel, config: Path, calibrate: Run) -> None:
    kernel.bus.put_infrared(INFRARED, 23.0, 22.0)
    before = config.read_text()
    code, said, _ = calibrate(*QUICK)
    assert code == 1
    assert "is the reference what you gave?" in said
    assert config.read_text() == before


def test_a_sensor_that_says_nothing_is_given_up(kernel: Kernel, calibrate: Run) -> None:
    kernel.bus.standing = Fault.SILENT
    code, said, _ = calibrate("--reference", 35, "--samples", 20, "--every-ms", 150, "--yes")
    assert code == 1
    assert "only 0 readings" in said


def test_a_gate_whose_daemon_is_stopped_is_calibrated_all_the_same(
    kernel: Kernel, config: Path, calibrate: Run
) -> None:
    code, _, complaint = calibrate(*QUICK)
    assert code == 0
    assert "The gate's log was not told" in complaint
    assert "offset_celsius = " in config.read_text()


def test_nothing_is_read_before_somebody_is_ready(
    kernel: Kernel, calibrate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, said, _ = calibrate("--reference", 35)
    assert code == 1
    assert "wait ten minutes" in said
    assert not kernel.opened


def test_a_simulated_sensor_is_not_calibrated(config: Path, calibrate: Run) -> None:
    config.write_text(config.read_text() + '[pins]\nfactory = "mock"\n')
    assert calibrate(*QUICK)[0] == 10


def test_a_gate_without_a_thermometer_is_told_so(config: Path, calibrate: Run) -> None:
    config.write_text(config.read_text().partition("[thermometer]")[0])
    code, _, complaint = calibrate(*QUICK)
    assert code == 3
    assert "thermometer: given nothing" in complaint


def test_a_bus_that_is_not_there_names_the_command_to_look(config: Path, calibrate: Run) -> None:
    config.write_text(config.read_text().replace("# emissivity", "i2c_bus = 19\n# emissivity"))
    code, _, complaint = calibrate(*QUICK)
    assert code == 4
    assert "gatepost doctor --only i2c" in complaint

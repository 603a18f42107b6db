"""``gatepost sensor``: what is recorded is what was on the bus, and a replay says what the driver makes of it."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.cli import main
from edge.drivers.capture import ReplayBus, Transfer, lines_of
from edge.drivers.clock import FixedClock
from edge.infrared_words import AMBIENT, OBJECT, wire_of, word_of
from edge.measuring import ReferenceRead, SkinMissed, SkinRead
from edge.ports import BusError
from edge.replaying import Total, Word, judged, replay
from edge.sim.sensor import Fault, SimulatedBus
from tests.unit.kernel_i2c import Kernel
from tests.unit.small_gate import ShortDirectory, SmallGate

GOLDEN = Path(__file__).parents[1] / "golden" / "sensor_session.jsonl"
INFRARED = 0x5A

SETTINGS = """
[gate]
county = "county"
school = "school"
gate = "main"
runtime_directory = "{run}"
[pins]
factory = "mock"
[button]
key_gpio = 17
[lamps]
status_gpio = 22
fault_gpio = 23
[[broker]]
name = "one"
host = "localhost"
tls = false
"""
THERMOMETER = '[thermometer]\npart = "DCI"\ni2c_bus = {bus}\n'

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def directory() -> Iterator[Path]:
    short = ShortDirectory()
    yield short.path
    short.close()


@pytest.fixture
def config(directory: Path, tmp_path: Path) -> Path:
    return settings_file(tmp_path, directory, THERMOMETER.format(bus=1))


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    simulated = SimulatedBus(FixedClock().advance)
    simulated.put_infrared(INFRARED, 34.01, 24.51)
    kernel = Kernel(simulated)
    kernel.install(monkeypatch)
    return kernel


@pytest.fixture
def gatepost(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``gatepost sensor ...``; its exit code, what it said, what it complained of."""

    def run(*given: object) -> tuple[int, str, str]:
        try:
            code = main(["sensor", *map(str, given)])
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def settings_file(where: Path, run: Path, more: str) -> Path:
    file = where / "gatepost.toml"
    file.write_text(SETTINGS.format(run=run) + more)
    return file


# --- record ---------------------------------------------------------------------------------------------------------


def test_every_transfer_is_recorded_as_it_was_on_the_wire(
    kernel: Kernel, config: Path, tmp_path: Path, gatepost: Run
) -> None:
    kernel.bus.plan(Fault.DISTURBED, Fault.SILENT, Fault.HUNG)
    file = tmp_path / "session.jsonl"
    code, said, complaint = gatepost("record", file, "--config", config, "--seconds", "0.1", "--every-ms", "150")
    assert code == 0
    assert "-> no reading: bus_hung" in said
    assert "sensor_again_bad_checksum" in complaint
    good = wire_of(INFRARED, OBJECT, word_of(34.01)).hex()
    lines = lines_of(file.read_text())
    assert [line.errno for line in lines[:3]] == [None, 121, 110]
    assert int(lines[0].read or "", 16) ^ int(good, 16) == 1
    assert all(line.written in ("06", "07") for line in lines)
    assert len(lines) == len(kernel.seen)


def test_a_recording_replays_to_what_was_shown_while_it_was_made(
    kernel: Kernel, config: Path, tmp_path: Path, gatepost: Run
) -> None:
    file = tmp_path / "session.jsonl"
    _, shown, _ = gatepost("record", file, "--config", config, "--seconds", "0.4", "--every-ms", "150")
    code, said, _ = gatepost("replay", file)
    assert code == 0
    readings = [line for line in said.splitlines() if "->" in line]
    assert readings == shown.splitlines()
    assert "sees 34.01, is itself 24.51 degrees" in readings[0]


def test_a_recording_is_never_written_over(kernel: Kernel, config: Path, tmp_path: Path, gatepost: Run) -> None:
    file = tmp_path / "session.jsonl"
    file.write_text("last week's trouble")
    code, _, complaint = gatepost("record", file, "--config", config)
    assert code == 2
    assert "exists" in complaint
    assert file.read_text() == "last week's trouble"
    assert not kernel.opened


def test_a_bus_that_is_not_there_is_a_device_error_that_says_what_to_do(
    directory: Path, tmp_path: Path, gatepost: Run
) -> None:
    config = settings_file(tmp_path, directory, THERMOMETER.format(bus=19))
    code, _, complaint = gatepost("record", tmp_path / "session.jsonl", "--config", config)
    assert code == 4
    (line,) = complaint.splitlines()
    assert "/dev/i2c-19" in line
    assert "raspi-config" in line
    assert not (tmp_path / "session.jsonl").exists(), "or the next attempt would be refused"


def test_settings_without_a_thermometer_are_told_so(directory: Path, tmp_path: Path, gatepost: Run) -> None:
    config = settings_file(tmp_path, directory, "")
    code, _, complaint = gatepost("record", tmp_path / "session.jsonl", "--config", config)
    assert code == 3
    assert "thermometer: given nothing" in complaint


def test_a_recording_that_cannot_be_written_is_a_storage_error(config: Path, tmp_path: Path, gatepost: Run) -> None:
    code, _, complaint = gatepost("record", tmp_path / "none" / "session.jsonl", "--config", config)
    assert code == 8
    assert "cannot be written" in complaint


def test_a_card_that_is_full_ends_the_recording_and_is_no_fault_of_the_bus(
    kernel: Kernel, config: Path, tmp_path: Path, gatepost: Run
) -> None:
    """The limit on the size of files stands for the card."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        code, said, complaint = gatepost("record", tmp_path / "session.jsonl", "--config", config)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 8
    assert "free some space" in complaint
    assert "no reading" not in said


# --- replay ---------------------------------------------------------------------------------------------------------


def test_the_golden_session_is_read_as_it_always_was() -> None:
    """Made by tests/golden/make_sensor_session.py and never changed since: eight students and every kind of fault."""
    said = list(replay(lines_of(GOLDEN.read_text())))
    total = said[-1]
    assert isinstance(total, Total)
    assert total == Total(
        words=191,
        refused={
            "bad_checksum": 2, "bus_gone": 4, "bus_hung": 1, "dead_bus": 1, "error_bit": 1, "no_answer": 7,
        },
        readings=85,
        missed={"bus_gone": 4, "bus_hung": 1, "no_answer": 2, "starting": 4},
        object_celsius=total.object_celsius,
    )  # fmt: skip
    seen = [one.object_celsius for one in said if isinstance(one, SkinRead)]
    assert len(seen) == total.readings - 11
    assert 20.5 < min(seen) < 21.5
    assert 35.9 < max(seen) < 36.4
    assert {one.celsius for one in said if isinstance(one, ReferenceRead)} == {20.5}
    assert sum(isinstance(one, Word) for one in said) == len(GOLDEN.read_text().splitlines())


def test_the_replay_is_told_line_by_line_and_summed_up(gatepost: Run) -> None:
    code, said, complaint = gatepost("replay", GOLDEN)
    assert (code, complaint) == (0, "")
    lines = said.splitlines()
    assert lines[0] == "     0.000 s  0x5A object    723921  20.97"
    assert lines[2] == "    -> sees 20.97, is itself 22.39 degrees"
    assert lines[-3].startswith("191 words, 8.4% refused: bad_checksum 2, bus_gone 4")
    assert lines[-2].startswith("85 readings, 12.9% missed")


def test_the_replay_for_programs_is_one_object_a_line(gatepost: Run) -> None:
    _, said, _ = gatepost("replay", GOLDEN, "--json")
    kinds = [next(iter(json.loads(line))) for line in said.splitlines()]
    assert set(kinds) == {"word", "skinread", "skinmissed", "referenceread", "total"}
    assert kinds[-1] == "total"


def test_each_word_is_judged_as_the_driver_judges_it() -> None:
    good = wire_of(INFRARED, AMBIENT, word_of(24.51))
    assert judged(Transfer(5, 600, INFRARED, "06", good.hex())) == Word(5, INFRARED, "own", good.hex(), 24.51, None)
    assert judged(Transfer(0, 0, INFRARED, "07", good.hex())).refused == "bad_checksum"
    assert judged(Transfer(0, 0, INFRARED, "07", None, 5)).refused == "bus_error"


def test_an_answer_of_another_length_is_no_answer() -> None:
    bus = ReplayBus([Transfer(0, 600, 0x48, "00", "0c8000")])
    with pytest.raises(BusError, match="3 bytes were recorded, 2 are asked for"):
        bus.read(0x48, 0, 2)


def test_a_session_that_breaks_off_in_a_reading_ends_with_what_is_whole() -> None:
    lines = lines_of(GOLDEN.read_text())
    said = list(replay(lines[:1]))
    assert [type(one) for one in said] == [Word, Total]
    assert list(replay([]))[-1] == Total(0, {}, 0, {}, None)


def test_a_last_line_that_was_cut_off_by_a_power_cut_is_left_out() -> None:
    text = GOLDEN.read_text()
    assert len(lines_of(text[:-10])) == len(lines_of(text)) - 1


def test_a_session_of_a_driver_that_tried_otherwise_still_comes_to_an_end() -> None:
    """Whatever order the words are in, none is judged twice and none is waited for."""
    lines = lines_of(GOLDEN.read_text())
    for odd in (lines[::-1], lines[1:], lines[::2], [line for line in lines if line.written != "07"]):
        said = list(replay(odd))
        assert sum(isinstance(one, Word) for one in said) <= len(odd)
        assert isinstance(said[-1], Total)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        '{"at_us":0,"took_us":0,"address":90,"written":"07"}',
        '{"at_us":0,"took_us":0,"address":90,"written":"07","read":"ff","errno":5}',
        '{"at_us":0,"took_us":0,"address":90,"written":"0700","read":"ff"}',
        '{"at_us":0,"took_us":0,"address":900,"written":"07","read":"ff"}',
        '{"at_us":-1,"took_us":0,"address":90,"written":"07","read":"ff"}',
        '{"at_us":0,"took_us":0,"address":90,"written":"07","read":"xy"}',
    ],
)
def test_a_line_that_is_no_transfer_is_named(line: str, tmp_path: Path, gatepost: Run) -> None:
    file = tmp_path / "session.jsonl"
    file.write_text(GOLDEN.read_text().splitlines()[0] + "\n" + line + "\n")
    code, _, complaint = gatepost("replay", file)
    assert code == 2
    assert "line 2" in complaint


# --- watch ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def gate(directory: Path) -> Iterator[SmallGate]:
    gate = SmallGate(directory)
    yield gate
    gate.close()


def with_kiosk(sensor: dict[str, Any] | None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda view: {**view, "kiosk": None if sensor is None else {"sensor": sensor}}


def test_where_the_daemon_runs_it_is_asked_and_the_bus_left_alone(
    gate: SmallGate, kernel: Kernel, config: Path, gatepost: Run
) -> None:
    gate.edit = with_kiosk({"error_share": 0.25, "fault": True, "ambient_celsius": 24.5, "detector": "yunet"})
    code, said, _ = gatepost("watch", "--config", config, "--seconds", "0.1")
    assert code == 0
    assert "FAULT, is itself 24.5 degrees, error share 0.25, faces by yunet" in said
    assert not kernel.opened


def test_a_daemon_without_a_thermometer_says_so(gate: SmallGate, directory: Path, gatepost: Run) -> None:
    gate.edit = with_kiosk(None)
    code, _, complaint = gatepost("watch", "--runtime-directory", directory)
    assert code == 10
    assert "[thermometer]" in complaint


def test_where_no_daemon_runs_the_sensor_is_read_from_here(kernel: Kernel, config: Path, gatepost: Run) -> None:
    code, said, complaint = gatepost("watch", "--config", config, "--seconds", "0.1", "--every-ms", "150")
    assert code == 0
    assert said.splitlines()[0] == "    -> sees 34.01, is itself 24.51 degrees"
    assert "No daemon answers" in complaint
    assert not kernel.open_files


def test_without_daemon_and_settings_nothing_is_guessed(directory: Path, gatepost: Run) -> None:
    code, _, complaint = gatepost("watch", "--runtime-directory", directory)
    assert code == 7
    assert "view.sock" in complaint


def test_the_watch_for_programs_is_one_object_a_line(kernel: Kernel, config: Path, gatepost: Run) -> None:
    _, said, _ = gatepost("watch", "--config", config, "--seconds", "0.1", "--json")
    assert json.loads(said.splitlines()[0])["object_celsius"] == 34.01
    kernel.bus.standing = Fault.DEAD
    _, said, _ = gatepost("watch", "--config", config, "--seconds", "0.1", "--json")
    assert json.loads(said.splitlines()[0])["reason"] == SkinMissed("dead_bus", 0).reason

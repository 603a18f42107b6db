"""``gatepost wiring``: the header is that of a real Pi, every wire of the settings is on it, and levels are live."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from edge import events, header
from edge.cli import main
from edge.events import ContactEdge, Origin, Ticked
from edge.header import GROUND, PINS, Use, ground_near, name_of, remarks_on, uses_of
from edge.header_drawing import drawing
from edge.languages import Language, same
from edge.settings import parse
from edge.wiring_commands import levels_of, page, serial_console
from tests.process.waiting import hear_interrupts, until
from tests.unit.small_gate import ShortDirectory, SmallGate

SVG = "{http://www.w3.org/2000/svg}"
ROOT = Path(__file__).parents[2]

SETTINGS = """
[gate]
county = "county"
school = "school"
gate = "main"
state_directory = "{state}"
runtime_directory = "{run}"
[pins]
factory = "mock"
[button]
key_gpio = 17
normally_closed_gpio = 27
[reset]
key_gpio = 5
[lamps]
status_gpio = 22
fault_gpio = 23
[[broker]]
name = "one"
host = "localhost"
tls = false
"""
THERMOMETER = '[thermometer]\npart = "DCI"\n'


def text(**changed: str) -> str:
    plain = SETTINGS.format(state="/var/lib/gatepost", run="/run/gatepost")
    for old, new in changed.items():
        assert old in plain
        plain = plain.replace(old, new)
    return plain


def uses(more: str = "", old: str = "", new: str = "") -> list[Use]:
    return uses_of(parse(text().replace(old, new) + more, "gate.toml"))


# --- the header -----------------------------------------------------------------------------------------------------


def test_the_header_is_that_of_a_raspberry_pi() -> None:
    """By facts that do not come from the table: grounds and supplies, each GPIO once, and pins that everybody knows."""
    assert len(PINS) == 40
    assert [pin for pin, on in enumerate(PINS, 1) if on == GROUND] == [6, 9, 14, 20, 25, 30, 34, 39]
    assert [PINS[pin - 1] for pin in (1, 2, 4, 17)] == ["3V3", "5V", "5V", "3V3"]
    assert sorted(on for on in PINS if isinstance(on, int)) == list(range(28))
    assert {gpio: PINS.index(gpio) + 1 for gpio in (2, 3, 4, 14, 17, 18, 27, 22, 23, 24, 5, 12, 13, 16, 26, 21)} == {
        2: 3, 3: 5, 4: 7, 14: 8, 17: 11, 18: 12, 27: 13, 22: 15, 23: 16, 24: 18, 5: 29, 12: 32, 13: 33, 16: 36, 26: 37,
        21: 40,
    }  # fmt: skip


def test_gpiozero_knows_the_same_header() -> None:
    """A second opinion: the library that drives the pins has a table of its own."""
    from gpiozero.pins.mock import MockFactory

    board = MockFactory().board_info
    for pin, on in enumerate(PINS, 1):
        (told,) = [one for one in board.headers["J8"].pins.values() if one.number == pin]
        assert told.name == (f"GPIO{on}" if isinstance(on, int) else on)


def test_the_ground_beside_a_pin_is_the_nearest() -> None:
    assert [ground_near(pin) for pin in (11, 13, 3, 29, 40, 1)] == [9, 14, 6, 30, 39, 6]
    assert ground_near(17) == 20, "one row away; pin 14 is two"


def test_a_pin_is_named_as_on_a_card() -> None:
    assert [name_of(pin) for pin in (1, 3, 6, 11)] == ["3V3", "GPIO2 SDA", "GND", "GPIO17"]


# --- what the settings put there ------------------------------------------------------------------------------------


def test_every_wire_of_the_settings_is_on_the_header() -> None:
    found = {(use.pin, use.key, use.output) for use in uses(THERMOMETER + "buzzer_gpio = 26\n")}
    assert found == {
        (3, "thermometer.i2c_bus", False),
        (5, "thermometer.i2c_bus", False),
        (11, "button.key_gpio", False),
        (13, "button.normally_closed_gpio", False),
        (15, "lamps.status_gpio", True),
        (16, "lamps.fault_gpio", True),
        (29, "reset.key_gpio", False),
        (37, "thermometer.buzzer_gpio", True),
    }


def test_the_full_settings_file_has_words_for_every_wire() -> None:
    """Whoever adds a pin to the settings is reminded of the picture."""
    lines = (ROOT / "config" / "gatepost.toml").read_text().splitlines()
    named = {line.strip("# ").partition(" ")[0] for line in lines if "_gpio = " in line}
    assert named == {key.partition(".")[2] for key in header.USES if not key.startswith("selftest.")} | {
        key for key in named if f"selftest.{key}" in header.USES
    }


def test_a_bus_that_is_not_on_the_header_takes_no_pin() -> None:
    assert not [use for use in uses(THERMOMETER + "i2c_bus = 3\n") if use.key == "thermometer.i2c_bus"]


# --- what does not go together --------------------------------------------------------------------------------------


def wrong(found: list[Use], *, serial_console: bool = False) -> list[str]:
    return [one.use.key for one in remarks_on(found, serial_console=serial_console) if one.wrong]


def test_a_wire_on_the_sensors_bus_is_wrong() -> None:
    assert wrong(uses(THERMOMETER, "key_gpio = 5", "key_gpio = 3")) == ["reset.key_gpio"]
    assert wrong(uses("", "key_gpio = 5", "key_gpio = 3")) == [], "without a sensor it is free"
    assert wrong(uses(THERMOMETER + "i2c_bus = 0\n", "key_gpio = 5", "key_gpio = 3")) == [], "the bus is elsewhere"


def test_a_wire_on_the_serial_console_is_wrong_while_that_is_on() -> None:
    found = uses("", "key_gpio = 5", "key_gpio = 15")
    assert wrong(found, serial_console=True) == ["reset.key_gpio"]
    assert wrong(found) == []


def test_what_may_switch_on_while_the_pi_starts_is_remarked() -> None:
    def remarked(gpio: int) -> list[str]:
        found = uses("", "fault_gpio = 23", f"fault_gpio = {gpio}")
        return [one.use.key for one in remarks_on(found, serial_console=False)]

    assert remarked(8) == ["lamps.fault_gpio"]
    assert remarked(9) == []
    assert remarked(1) == ["lamps.fault_gpio", "lamps.fault_gpio"], "the firmware looks for a HAT there, too"


def test_the_serial_console_is_found_in_the_kernels_words(tmp_path: Path) -> None:
    file = tmp_path / "cmdline.txt"
    file.write_text("console=serial0,115200 console=tty1 root=PARTUUID=1\n")
    assert serial_console((str(tmp_path / "none"), str(file)))
    file.write_text("console=tty1 root=PARTUUID=1\n")
    assert not serial_console((str(file),))
    assert not serial_console((str(tmp_path / "none"),))


# --- the picture ----------------------------------------------------------------------------------------------------


def drawn(found: list[Use], levels: dict[str, bool | None], language: Language = Language.EN, width: int = 80) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(page(found, remarks_on(found, serial_console=False), levels, False, language))
    return out.getvalue()


def test_the_picture_shows_each_wire_beside_its_pin() -> None:
    lines = [line.split() for line in drawn(uses(THERMOMETER), {}).splitlines()[:20]]
    assert lines[0] == ["3V3", "(", "1)", "(", "2)", "5V"]
    assert lines[1] == ["infrared", "sensor", "SDA", "GPIO2", "SDA", "[", "3]", "(", "4)", "5V"]
    assert lines[5] == ["panic", "button", "GPIO17", "[11]", "(12)", "GPIO18"]
    assert lines[7] == ["status", "lamp", "GPIO22", "[15]", "[16]", "GPIO23", "fault", "lamp"]
    assert lines[19] == ["GND", "(39)", "(40)", "GPIO21"]


@pytest.mark.parametrize("language", Language)
def test_no_pin_is_cut_on_a_narrow_terminal(language: Language) -> None:
    page = drawn(uses(THERMOMETER), {}, language, width=60)
    assert max(len(line) for line in page.splitlines()) <= 60
    for pin in range(1, 41):
        assert f"({pin:2})" in page or f"[{pin:2}]" in page


def test_the_list_says_to_which_ground_a_wire_goes_and_how_it_is_now() -> None:
    page = drawn(uses(), {"button.key_gpio": True, "reset.key_gpio": False, "lamps.fault_gpio": True})
    rows = [line.split() for line in page.splitlines()]
    assert ["11", "panic", "button", "button.key_gpio", "GND", "9", "closed"] in rows
    assert ["29", "reset", "key", "reset.key_gpio", "GND", "30", "open"] in rows
    assert ["16", "fault", "lamp", "lamps.fault_gpio", "GND", "14", "on"] in rows
    assert ["15", "status", "lamp", "lamps.status_gpio", "GND", "14"] in rows, "what nobody told is not claimed"


def test_a_pin_that_is_active_stands_out_in_the_picture() -> None:
    def colours(closed: bool) -> str:
        out = io.StringIO()
        console = Console(file=out, width=80, force_terminal=True, color_system="standard")
        console.print(page(uses(), [], {"button.key_gpio": closed}, False, Language.EN))
        return out.getvalue()

    assert "7;32m[11]" in colours(True)
    assert "7;32m[11]" not in colours(False)


def test_the_levels_are_those_of_the_view() -> None:
    view = {"contacts": {"key_closed": True, "key_nc_closed": None, "reset_closed": False}, "fault": False}
    assert levels_of({**view, "incident": {"siren": True}}) == {
        "button.key_gpio": True,
        "button.normally_closed_gpio": None,
        "reset.key_gpio": False,
        "lamps.fault_gpio": False,
        "siren.relay_gpio": True,
    }
    assert set(levels_of({}).values()) == {None}


def test_the_drawing_is_well_formed_and_says_the_same_as_the_picture() -> None:
    found = uses(THERMOMETER, "key_gpio = 5", "key_gpio = 6")
    found[0] = Use(found[0].gpio, found[0].key, same("a < b & c"), output=False)
    for language in Language:
        texts = [one.text for one in ElementTree.fromstring(drawing(found, language)).iter(f"{SVG}text")]
        assert [text for text in texts if text and text.isdigit()] == [str(pin) for pin in range(1, 41)]
        assert {name_of(pin) for pin in range(1, 41)} <= set(texts)
        assert {use.title.of(language) for use in found} <= set(texts)


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[tuple[SmallGate, Path]]:
    short = ShortDirectory()
    gate = SmallGate(short.path)
    file = tmp_path / "gatepost.toml"
    file.write_text(SETTINGS.format(state=tmp_path, run=short.path))
    yield gate, file
    gate.close()
    short.close()


def run(capsys: pytest.CaptureFixture[str], *given: object) -> tuple[int, str, str]:
    try:
        code = main(["wiring", *map(str, given)])
    except SystemExit as end:
        code = int(end.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_simulated_pins_are_called_so(gate: tuple[SmallGate, Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = run(capsys, "--config", gate[1], "--language", "en")
    assert code == 0
    assert "simulated" in said
    assert "模拟" in run(capsys, "--config", gate[1], "--language", "zh")[1]


def test_the_drawing_is_printed_as_it_is(gate: tuple[SmallGate, Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = run(capsys, "--config", gate[1], "--svg", "--language", "zh")
    assert code == 0
    assert said.startswith("<svg xmlns")
    assert said.endswith("</svg>\n")
    assert "报警按钮" in said


def test_what_does_not_go_together_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(text().replace("key_gpio = 5", "key_gpio = 2") + THERMOMETER)
    code, said, _ = run(capsys, "--config", file, "--json")
    told: dict[str, Any] = json.loads(said)
    assert code == 1
    assert [(one["key"], one["wrong"]) for one in told["remarks"]] == [("reset.key_gpio", True)]
    assert "!! GPIO2" in run(capsys, "--config", file, "--language", "en")[1]


def test_the_watch_shows_a_press_as_it_comes_and_goes(gate: tuple[SmallGate, Path], tmp_path: Path) -> None:
    small, file = gate
    out = tmp_path / "said"

    def closed() -> list[bool | None]:
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        return [pin["active"] for line in lines for pin in line["pins"] if pin["key"] == "button.key_gpio"]

    with out.open("wb") as stream:
        environment = {**os.environ, "GATEPOST_CONFIG": str(file)}
        watch = subprocess.Popen(
            [sys.executable, "-m", "edge", "wiring", "--watch", "--json"],
            stdout=stream, cwd=ROOT, env=environment, preexec_fn=hear_interrupts,
        )  # fmt: skip
        try:
            until(closed, lambda seen: seen == [False])
            for held in (True, False):
                at_ms = small.clock.now_ms()
                small.post(ContactEdge(events.Contact.KEY, held, at_ms, Origin.PERSON))
                small.post(Ticked(at_ms + 50))
                until(closed, lambda seen, held=held: seen[-1] is held)  # type: ignore[misc]
            watch.send_signal(signal.SIGINT)
            assert watch.wait(timeout=30) == 0
        finally:
            watch.kill()
            watch.wait()


def test_the_watch_of_a_simulated_gate_needs_its_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(SETTINGS.format(state=tmp_path, run=tmp_path / "run"))
    code, _, complaint = run(capsys, "--watch", "--config", file)
    assert code == 7
    assert "view.sock" in complaint


def test_the_watch_without_a_daemon_takes_the_real_pins_or_says_why_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On this machine there is no pin to take; the contacts' own reading is tested in tests/contract."""
    file = tmp_path / "gate.toml"
    file.write_text(SETTINGS.format(state=tmp_path, run=tmp_path / "run").replace('"mock"', '"lgpio"'))
    code, _, complaint = run(capsys, "--watch", "--config", file)
    assert code == 4
    assert "No daemon answers: reading the contacts from here." in complaint


def test_a_use_without_words_is_called_by_its_key() -> None:
    assert Use(4, "new.thing_gpio", same("new.thing_gpio"), output=True).pin == 7

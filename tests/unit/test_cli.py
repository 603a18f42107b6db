"""The command ``gatepost``: what people read, and what scripts can rely on."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edge import __version__, events, options, screen, words
from edge.alarm import AlarmRules
from edge.cli import main
from edge.events import (
    Acked,
    Backlog,
    ClockQuality,
    ContactEdge,
    EventId,
    Origin,
    ReceiptCame,
    ResetAsked,
    Show,
    Stage,
    Ticked,
    Trouble,
)
from edge.events import Stored as StoredFact
from edge.links import Phase
from edge.settings import Gate
from edge.state import Rules
from edge.words import ENGLISH
from edge.words_chinese import CHINESE
from tests.unit.small_gate import DEADLINE_S, ShortDirectory, SmallGate, eventually

ROOT = Path(__file__).parents[2]
PRESS = EventId("ab" * 8, 2)  # the first event of the small gate is its clock being set


@pytest.fixture
def directory() -> Iterator[Path]:
    short = ShortDirectory()
    yield short.path
    short.close()


@pytest.fixture
def gate(directory: Path) -> Iterator[SmallGate]:
    held: list[int] = []
    gate = SmallGate(directory, held.append)
    yield gate
    gate.close()


@pytest.fixture
def gatepost(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run a command against the gate in English; its exit code, what it said, what it complained of."""
    monkeypatch.setenv("LC_ALL", "C")

    def run(*given: str, find: bool = True) -> tuple[int, str, str]:
        where = ["--runtime-directory", str(directory)] if find else []
        try:
            code = main([*given, *where])
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, " ".join(said.out.split()), said.err

    return run


Run = Callable[..., tuple[int, str, str]]


def press(gate: SmallGate) -> None:
    """A closure of the key, confirmed."""
    at_ms = gate.clock.now_ms()
    gate.post(ContactEdge(events.Contact.KEY, True, at_ms, Origin.PERSON))
    gate.post(Ticked(at_ms + 50))


def stored(gate: SmallGate) -> None:
    gate.post(StoredFact(((PRESS, 1),), True, Backlog(), gate.clock.now_ms()))


def at_broker(gate: SmallGate) -> None:
    gate.post(Acked(0, PRESS, 0, gate.clock.now_ms()))


def told(gate: SmallGate, stage: Stage) -> None:
    gate.post(ReceiptCame(PRESS, stage, "officer", None, gate.clock.now_ms()))


# --- status ---------------------------------------------------------------------------------------------------------


def test_a_gate_that_is_well_says_so_and_exits_0(gate: SmallGate, gatepost: Run) -> None:
    gate.post(events.LinkUp(0, True, gate.clock.now_ms()))
    code, said, complaint = gatepost("status")
    assert (code, complaint) == (0, "")
    assert "ARMED and well." in said
    assert words.SHOWS[Show.READY].meaning in said
    assert "Still to be sent" in said


def test_an_open_alarm_or_a_missing_line_is_never_called_well(gate: SmallGate, gatepost: Run) -> None:
    """No trouble stands yet, so that scripts see 0; people read at once that not all is as it should be."""
    code, said, _ = gatepost("status")
    assert code == 0
    assert "no broker is connected" in said
    gate.post(events.LinkUp(0, True, gate.clock.now_ms()))
    press(gate)
    code, said, _ = gatepost("status")
    assert code == 0
    assert "An alarm is open" in said
    assert "well" not in said


def test_a_standing_trouble_is_explained_and_exits_1(gate: SmallGate, gatepost: Run) -> None:
    gate.post(events.StoreTrouble(Trouble.STORE_IN_MEMORY, True, "disk [bold]full", gate.clock.now_ms()))
    code, said, _ = gatepost("status")
    assert code == 1
    assert "ARMED, with 1 trouble" in said
    assert words.TROUBLES[Trouble.STORE_IN_MEMORY].title in said
    assert "df -h" in said
    assert "disk [bold]full" in said  # shown as it is, not taken for a colour


def test_a_gate_that_is_not_armed_exits_1(gate: SmallGate, gatepost: Run) -> None:
    gate.edit = lambda view: {**view, "armed": False}
    code, said, _ = gatepost("status")
    assert code == 1
    assert "NOT READY" in said
    assert "a press is not noticed" in said


def test_json_is_one_object_a_line_with_the_same_exit_code(
    gate: SmallGate, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate.edit = lambda view: {**view, "armed": False}
    with pytest.raises(SystemExit) as end:
        main(["status", "--json", "--runtime-directory", str(directory)])
    assert end.value.code == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["lamp"] == "ready"


def test_status_finds_the_sockets_by_the_settings_file(gate: SmallGate, tmp_path: Path, gatepost: Run) -> None:
    code, said, _ = gatepost("status", "--config", str(settings_file(tmp_path, gate.directory)), find=False)
    assert code == 0
    assert "ARMED" in said


def test_no_daemon_is_one_line_that_names_the_socket_and_what_to_do(directory: Path, gatepost: Run) -> None:
    code, said, complaint = gatepost("status")
    assert (code, said) == (7, "")
    (line,) = complaint.splitlines()
    assert str(directory / "view.sock") in line
    assert "gatepost run --config" in line


def test_a_daemon_of_another_version_is_no_traceback(gate: SmallGate, gatepost: Run) -> None:
    gate.edit = lambda view: {
        "armed": True, "lamp": "purple", "clock": "atomic", "standing": [{"trouble": "new", "for_s": 1}],
        "brokers": [{"name": "one", "phase": "odd"}], "incident": {"ids": ["x"], "presses": 1},
    }  # fmt: skip
    code, said, complaint = gatepost("status")
    assert (code, complaint) == (1, "")
    assert all(word in said for word in ("purple", "atomic", "new", "odd"))
    gate.edit = lambda view: {}
    code, _, complaint = gatepost("reset", "--by", "Li Wei")
    assert code == 1
    assert len(complaint.splitlines()) == 1
    assert "KeyError" in complaint


# --- how far the alarm got ------------------------------------------------------------------------------------------


def progress(gate: SmallGate) -> list[str]:
    """The stages that the page calls reached."""
    from edge.client import Client

    view = Client(gate.directory / "view.sock").ask("status")
    return [stage for stage, said in screen.progress(view).items() if said == screen.YES]


def test_each_stage_is_claimed_when_it_is_true_and_not_before(gate: SmallGate) -> None:
    press(gate)
    assert progress(gate) == ["pressed"]
    at_broker(gate)  # before the card has it: the one says nothing about the other
    assert progress(gate) == ["pressed", "at the broker"]
    stored(gate)
    assert progress(gate) == ["pressed", "stored", "at the broker"]
    told(gate, Stage.RECEIVED)
    assert progress(gate) == ["pressed", "stored", "at the broker", "received by the centre"]
    told(gate, Stage.SEEN)
    assert progress(gate)[-1] == "seen"
    told(gate, Stage.DISPATCHED)
    assert progress(gate)[-1] == "dispatched"


def test_the_newest_press_is_told_with_its_times(gate: SmallGate, gatepost: Run) -> None:
    press(gate)
    stored(gate)
    code, said, _ = gatepost("status")
    assert code == 0
    assert "Newest press since the start: 0 s ago, stored after" in said
    assert "1 press not yet confirmed by the county centre." in said
    assert "gatepost reset --by NAME" in said


def test_a_page_that_stays_on_the_screen_grows_older(gate: SmallGate) -> None:
    """Watchers are told changes only: what was "0 s ago" must not say so for an hour."""
    from edge.client import Client

    press(gate)
    gate.post(events.StoreTrouble(Trouble.STORE_IN_MEMORY, True, "disk full", gate.clock.now_ms()))
    view = Client(gate.directory / "view.sock").ask("status")
    console = Console(width=120)
    with console.capture() as capture:
        console.print(screen.status(screen.aged(view, 3_600_000)))
    said = capture.get()
    assert "Newest press since the start: 1 h 0 min ago" in said
    assert said.count("1 h 0 min") == 3, "the press, the trouble, and how long it runs"
    assert screen.aged(view, 0) == view


def test_memory_is_not_called_stored(gate: SmallGate) -> None:
    press(gate)
    gate.post(events.StoreTrouble(Trouble.STORE_IN_MEMORY, True, "disk full", gate.clock.now_ms()))
    told(gate, Stage.RECEIVED)
    assert progress(gate) == ["pressed", "at the broker", "received by the centre"]


def test_a_receipt_that_is_quicker_than_the_card_does_not_say_that_the_card_has_it(gate: SmallGate) -> None:
    press(gate)
    told(gate, Stage.RECEIVED)
    assert progress(gate) == ["pressed", "at the broker", "received by the centre"]
    stored(gate)
    assert progress(gate) == ["pressed", "stored", "at the broker", "received by the centre"]


def test_a_store_that_stands_still_is_not_said_to_have_stored(gate: SmallGate) -> None:
    """The receipt may have come before the card was ever written."""
    press(gate)
    told(gate, Stage.RECEIVED)
    gate.move_on(60_000)
    gate.post(Ticked(gate.clock.now_ms()))
    assert progress(gate) == ["pressed", "at the broker", "received by the centre"]


def test_a_county_whose_platform_cannot_answer_is_never_said_to_have_it(directory: Path, gatepost: Run) -> None:
    gate = SmallGate(directory, rules=Rules(alarm=AlarmRules(done_on_broker=True)))
    try:
        press(gate)
        stored(gate)
        at_broker(gate)
        assert progress(gate) == ["pressed", "stored", "at the broker"]
        code, said, _ = gatepost("status")
        assert code == 0
        assert words.AT_BROKER_IS_THE_END.meaning in said
        assert said.count("not known") >= 3  # received, seen, dispatched
    finally:
        gate.close()


def test_after_a_reset_what_is_owed_is_still_said(gate: SmallGate, gatepost: Run) -> None:
    press(gate)
    assert gatepost("reset", "--by", "Li Wei")[0] == 0
    assert "what is not confirmed is still being sent" in gatepost("status")[1]


# --- acting ---------------------------------------------------------------------------------------------------------


def test_reset_says_whether_there_was_an_alarm(gate: SmallGate, gatepost: Run) -> None:
    assert gatepost("reset", "--by", "Li Wei") == (0, "No alarm was open: nothing to end.", "")
    press(gate)
    assert gatepost("reset", "--by", "Li Wei") == (0, "The alarm is ended by Li Wei.", "")
    assert [fact.by for fact in gate.facts if isinstance(fact, ResetAsked)] == ["Li Wei", "Li Wei"]


def test_reset_needs_a_name(gate: SmallGate, gatepost: Run) -> None:
    assert gatepost("reset")[0] == 2
    code, _, complaint = gatepost("reset", "--by", " ")
    assert code == 10
    assert "name of a person" in complaint


def test_press_works_where_pins_are_simulated(gate: SmallGate, gatepost: Run) -> None:
    assert gatepost("press", "--hold-ms", "250") == (0, "The simulated button is pressed for 250 ms.", "")


def test_press_is_refused_where_the_button_is_real(directory: Path, gatepost: Run) -> None:
    gate = SmallGate(directory)
    try:
        code, said, complaint = gatepost("press")
        assert (code, said) == (10, "")
        assert "real button" in complaint
    finally:
        gate.close()


# --- watch ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def watching(gate: SmallGate) -> Iterator[subprocess.Popen[str]]:
    """``gatepost watch --json`` in a process of its own."""
    command = [sys.executable, "-m", "edge", "watch", "--json", "--runtime-directory", str(gate.directory)]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is born deaf to Ctrl-C
    try:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        yield process
        process.kill()


def test_watch_prints_a_line_for_each_change_and_ends_well_by_ctrl_c(
    gate: SmallGate, watching: subprocess.Popen[str]
) -> None:
    assert watching.stdout is not None
    assert json.loads(watching.stdout.readline())["lamp"] == "ready"
    press(gate)
    assert json.loads(watching.stdout.readline())["lamp"] == "pressed"
    watching.send_signal(signal.SIGINT)
    _, complaint = watching.communicate(timeout=DEADLINE_S)
    assert (watching.returncode, complaint) == (0, "")


def test_watch_ends_quietly_when_nobody_reads_on(gate: SmallGate, watching: subprocess.Popen[str]) -> None:
    """As with ``| head -1``."""
    assert watching.stdout is not None
    watching.stdout.readline()
    watching.stdout.close()
    press(gate)
    assert watching.wait(timeout=DEADLINE_S) == 0
    assert watching.stderr is not None
    assert watching.stderr.read() == ""


def test_watch_says_when_the_daemon_goes(directory: Path) -> None:
    gate = SmallGate(directory)
    command = [sys.executable, "-m", "edge", "watch", "--runtime-directory", str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        eventually(lambda: bool([fact for fact in gate.facts if isinstance(fact, events.ViewAsked)]), "watched")
        gate.close()
        said, complaint = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 7
    assert "ARMED" in said
    assert len(complaint.splitlines()) == 1


# --- settings -------------------------------------------------------------------------------------------------------


def settings_file(directory: Path, runtime: Path, broker: str = "tls = false") -> Path:
    file = directory / "gatepost.toml"
    file.write_text(
        f"""
[gate]
county = "county"
school = "school"
gate = "main"
runtime_directory = "{runtime}"
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
{broker}
"""
    )
    return file


def test_good_settings_are_shown_in_short(tmp_path: Path, gatepost: Run) -> None:
    code, said, complaint = gatepost("config", "check", str(settings_file(tmp_path, tmp_path)), find=False)
    assert (code, complaint) == (0, "")
    for part in ("county / school / main", "GPIO17", "simulated", "one: localhost", "NOT encrypted", "no mistakes"):
        assert part in said


def test_every_mistake_is_told_at_once(tmp_path: Path, gatepost: Run) -> None:
    file = settings_file(tmp_path, tmp_path, "tls = false\nport = 0\nkeepalive = 5")
    code, said, complaint = gatepost("config", "check", str(file), find=False)
    assert (code, said) == (3, "")
    lines = complaint.splitlines()
    assert len(lines) == 2
    assert any("broker[1].port" in line for line in lines)
    assert any("did you mean 'keepalive_s'" in line for line in lines)


def test_a_school_calendar_that_cannot_be_read_is_told(tmp_path: Path, gatepost: Run) -> None:
    (tmp_path / "holidays.txt").write_text("2026-10-01\n2027-02-29\n")
    settings = f'tls = false\n[selftest]\ncalendar_file = "{tmp_path}/holidays.txt"'
    code, said, complaint = gatepost("config", "check", str(settings_file(tmp_path, tmp_path, settings)), find=False)
    assert (code, said) == (3, "")
    assert "holidays.txt: line 2: given '2027-02-29'" in complaint


def test_certificates_of_all_brokers_are_checked(tmp_path: Path, gatepost: Run) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    more = 'ca_file = "none.pem"\n[[broker]]\nname = "two"\nhost = "localhost"\nca_file = "ca.pem"'
    code, said, complaint = gatepost("config", "check", str(settings_file(tmp_path, tmp_path, more)), find=False)
    assert (code, said) == (6, "")
    first, second = complaint.splitlines()
    assert "broker[1] one" in first
    assert "none.pem does not exist" in first
    assert "broker[2] two" in second
    assert "ca.pem" in second


@pytest.mark.parametrize("command", [["status"], ["watch"], ["press"], ["reset", "--by", "x"]])
def test_bad_settings_stop_every_command_that_is_given_them(command: list[str], tmp_path: Path, gatepost: Run) -> None:
    code, _, complaint = gatepost(*command, "--config", str(tmp_path / "none.toml"), find=False)
    assert code == 3
    assert "none.toml: cannot be read" in complaint


def test_the_default_directory_is_that_of_the_settings() -> None:
    assert Path(Gate(county="c", school="s", gate="g").runtime_directory) == options.DIRECTORY


# --- help, version, start -------------------------------------------------------------------------------------------

COMMANDS = [
    ["run"], ["status"], ["watch"], ["press"], ["reset"], ["config", "check"],
    ["sensor", "record"], ["sensor", "replay"], ["sensor", "watch"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: list[str], gatepost: Run) -> None:
    code, said, _ = gatepost(*command, "--help", find=False)
    assert code == 0
    assert f"Example: gatepost {' '.join(command)}" in said


def test_the_exit_codes_are_in_the_help(gatepost: Run) -> None:
    assert "7 daemon not reachable" in gatepost("--help", find=False)[1]
    assert "0 when the button is armed and no trouble stands, 1 otherwise" in gatepost("status", "--help")[1]


def test_the_version_is_said(gatepost: Run) -> None:
    assert gatepost("--version", find=False) == (0, f"gatepost {__version__}", "")


@pytest.mark.parametrize("given", [["run"], ["run", "--conf", "x"], ["bogus"], ["press", "--hold-ms", "0"]])
def test_wrong_usage_exits_2(given: list[str], gatepost: Run) -> None:
    assert gatepost(*given, find=False)[0] == 2


def test_run_is_started_without_what_only_people_need(tmp_path: Path) -> None:
    """Typer, Rich and argparse's friends cost memory and time that the daemon's limits do not have."""
    file = tmp_path / "none.toml"
    code = (
        "import sys; from edge.cli import main; code = main(['run', '--config', sys.argv[1]]);"
        "print(code, sorted({'typer', 'rich', 'click', 'edge.commands', 'edge.screen'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "3 []\n"
    assert done.stderr.startswith(f"{file}: cannot be read")


def test_help_is_there_at_once() -> None:
    """Counted in processor time, which a busy machine does not stretch."""
    before = os.times()
    subprocess.run(
        [sys.executable, "-m", "edge", "--help"], cwd=ROOT, stdout=subprocess.DEVNULL, timeout=30, check=True
    )
    after = os.times()
    spent_s = after.children_user - before.children_user + after.children_system - before.children_system
    assert spent_s < 0.5


# --- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("show", Show)
def test_every_lamp_has_words(show: Show) -> None:
    assert words.SHOWS[show].title
    assert words.SHOWS[show].meaning


@pytest.mark.parametrize("trouble", Trouble)
def test_every_trouble_has_words_and_something_to_do(trouble: Trouble) -> None:
    assert all(words.TROUBLES[trouble])


def test_every_state_of_broker_and_clock_has_words() -> None:
    assert set(words.PHASES) == set(Phase)
    assert set(words.CLOCKS) == set(ClockQuality)
    assert set(words.LISTENING) == {True, False, None}


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (180_000, "2 d 2 h")]
)
def test_durations_are_short(seconds: int, said: str) -> None:
    assert words.duration(seconds) == said


def test_a_narrow_terminal_loses_no_word(gate: SmallGate) -> None:
    from edge.client import Client

    gate.post(events.StoreTrouble(Trouble.STORE_DAMAGED, True, "file moved aside", gate.clock.now_ms()))
    view: dict[str, Any] = Client(gate.directory / "view.sock").ask("status")
    page = io.StringIO()
    Console(file=page, width=50).print(screen.status(view))
    assert "…" not in page.getvalue()
    assert max(len(line.rstrip()) for line in page.getvalue().splitlines()) <= 50


# --- Chinese --------------------------------------------------------------------------------------------------------

HAN = re.compile(r"[\u4e00-\u9fff]")


def test_both_lexicons_have_words_for_the_same_things() -> None:
    for name in ("shows", "troubles", "phases", "clocks", "listening"):
        english, chinese = getattr(ENGLISH, name), getattr(CHINESE, name)
        assert set(english) == set(chinese), name
        for key, said in chinese.items():
            assert HAN.search("".join(said)), (name, key)
            assert [bool(part) for part in said] == [bool(part) for part in english[key]] or isinstance(said, str)


@pytest.mark.parametrize("seconds", [0, 59, 60, 3661, 180_000])
def test_durations_say_the_same_numbers_in_chinese(seconds: int) -> None:
    numbers = re.compile(r"\d+")
    assert numbers.findall(CHINESE.duration(seconds)) == numbers.findall(ENGLISH.duration(seconds))


def test_the_page_is_chinese_where_the_terminal_is(
    gate: SmallGate, gatepost: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.post(events.StoreTrouble(Trouble.STORE_IN_MEMORY, True, "full", gate.clock.now_ms()))
    press(gate)
    code, said, _ = gatepost("status", "--language", "zh")
    assert code == 1
    for part in (
        "已布防，有 1 个故障",
        "存储卡不可写",
        "尚未",
        "仅在内存",
        "1 次按下尚未得到县指挥中心确认",
        "尚待发送",
    ):
        assert part in said
    assert not re.search("ARMED|Status lamp|Brokers|Troubles|Clock", said)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "已布防，有 1 个故障" in gatepost("status")[1]
    assert "ARMED, with 1 trouble" in gatepost("status", "--language", "en")[1]


def test_what_is_said_of_each_stage_has_a_chinese_word(gate: SmallGate, gatepost: Run) -> None:
    press(gate)
    for act in (stored, at_broker, lambda gate: told(gate, Stage.RECEIVED), lambda gate: told(gate, Stage.SEEN)):
        act(gate)
        code, said, complaint = gatepost("status", "--language", "zh")
        assert (code, complaint) == (0, "")
    assert "警员已看到" in said
    gate.edit = lambda view: {**view, "done_on": "broker", "lamp": "at_broker"}
    assert "未知" in gatepost("status", "--language", "zh")[1]
    gate.edit = lambda view: {**view, "armed": False}
    assert "未就绪" in gatepost("status", "--language", "zh")[1]
    gate.edit = lambda view: {**view, "lamp": "purple"}
    assert "purple" in gatepost("status", "--language", "zh")[1]

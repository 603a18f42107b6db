"""``gatepost bundle``: what helps from afar is in it, and no secret, temperature or picture that was planted."""

from __future__ import annotations

import json
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import bundle_commands
from edge.bundling import REMOVED, Remover, remover_of, status_of, texts_of
from edge.checks.gate import Gate
from edge.cli import main
from edge.drivers.store import SqliteOutbox
from edge.events import ClockQuality, Code, EventId, Lane, Origin, Qualifier, Record, Topic, WallStamp
from edge.machine import Asked, FileSeen, Output
from edge.settings import parse
from edge.sim.described_machine import DescribedMachine
from tests.unit.small_gate import ShortDirectory, SmallGate

PASSWORD, USERNAME, TOKEN, SKIN = "korrekt-pferd-9", "gate-north-login", "teachers-only-0123456789", "36.73"
KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIPlanted0Secret1Key2\n-----END PRIVATE KEY-----\n"
KEY_LINE = KEY.splitlines()[1]
PICTURE = "L9j4AAQSkZJRgPLANTED"
PLANTED = (PASSWORD, USERNAME, TOKEN, KEY_LINE, SKIN, PICTURE, "ed25519-ledger-planted")

SETTINGS = """
# the password is korrekt-pferd-9, do not lose it
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
[lamps]
status_gpio = 22
fault_gpio = 23
[[broker]]
name = "one"
host = "localhost"
port = 9
tls = false
username = "gate-north-login"
password_file = "{state}/broker.password"
[kiosk]
police_telephone = "110"
teacher_host = "192.0.2.10"
teacher_token_file = "{state}/teacher.token"
"""
VIEW = {
    "armed": True,
    "standing": [{"trouble": "broker_lost", "part": "one", "detail": f"login {USERNAME} refused, {PASSWORD}"}],
    "kiosk": {
        "estimate_celsius": 36.73,
        "sensor": {"error_share": 0.01, "fault": False, "ambient_celsius": 22.5, "detector": "yunet"},
        "teacher": {"recent": [{"skin_celsius": 36.73}]},
    },
}


def gate_of(machine: DescribedMachine, text: str | None = SETTINGS) -> Gate:
    if text is None:
        mistakes = (f"gatepost.toml: broker[1].port: given '{PASSWORD}'; allowed: a whole number",)
        return Gate(machine, "gatepost.toml", None, mistakes, machine.daemon)
    loaded = parse(text.format(state="/var/lib/gatepost", run="/run/gatepost"), "gatepost.toml")
    return Gate(machine, "gatepost.toml", loaded, (), machine.daemon)


def planted() -> DescribedMachine:
    """A gate whose every source tells a secret."""
    says = f"Nov 24 gate: broker refuses {USERNAME} with {PASSWORD}; token {TOKEN}\n{KEY}skin_celsius={SKIN} seen\n"
    journal = "journalctl --no-pager -o short-iso-precise -n 2000 -u gatepost -u gatepost-kiosk -u gatepost-browser"
    return DescribedMachine(
        texts={
            "/var/lib/gatepost/broker.password": PASSWORD + "\n",
            "/var/lib/gatepost/teacher.token": TOKEN + "\n",
            "/var/lib/gatepost/ledger.key": KEY + "ed25519-ledger-planted\n",
            "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12"\n',
        },
        files={"/var/lib/gatepost": FileSeen(0o755)},
        programs={
            journal: Output(0, says, f"warning: {PASSWORD}"),
            "systemctl show gatepost gatepost-kiosk gatepost-browser": Output(
                0, f"Environment=BROKER_PASSWORD={PASSWORD}\n"
            ),
            "dmesg --level=emerg,alert,crit,err,warn": Output(0, f"mmc0: error -110, {PASSWORD}\n"),
        },
        daemon=Asked(VIEW),
    )


def bundled(gate: Gate) -> str:
    remove = remover_of(gate)
    return "\n".join(remove(text) for text in texts_of(gate, {"gatepost": "1"}).values())


# --- what must stay at the gate -------------------------------------------------------------------------------------


def test_no_planted_secret_gets_out_by_any_way() -> None:
    said = bundled(gate_of(planted()))
    assert [secret for secret in PLANTED if secret in said] == []
    assert said.count(REMOVED) > 8
    assert "mmc0: error -110" in said, "what helps is still there"
    assert "broker_lost" in said


def test_each_secret_would_have_got_out_without_the_remover() -> None:
    """So that the test above can not pass because nothing was planted."""
    said = "\n".join(texts_of(gate_of(planted()), {}).values())
    assert {PASSWORD, USERNAME, TOKEN, KEY_LINE, SKIN} <= {secret for secret in PLANTED if secret in said}


def test_the_settings_go_in_as_understood_and_their_comments_stay() -> None:
    texts = texts_of(gate_of(planted()), {})
    assert "do not lose it" not in texts["settings.json"]
    told = json.loads(texts["settings.json"])
    assert told["button"]["key_gpio"] == 17
    assert told["broker"][0]["username"] == REMOVED


def test_of_settings_that_are_not_understood_only_the_place_is_told() -> None:
    text = texts_of(gate_of(planted(), None), {})["settings.json"]
    assert "broker[1].port" in text
    assert "a whole number" in text
    assert PASSWORD not in text


def test_the_view_goes_in_without_students() -> None:
    told = status_of(VIEW)
    assert told["kiosk"] == {"error_share": 0.01, "fault": False, "detector": "yunet"}
    assert told["armed"] is True


def test_secrets_that_this_user_may_not_read_stop_nothing() -> None:
    machine = planted()
    machine.hidden = {"/var/lib/gatepost/broker.password", "/var/lib/gatepost/ledger.key"}
    said = bundled(gate_of(machine))
    assert USERNAME not in said
    assert "BROKER_PASSWORD=[removed]" in said


def test_a_daemon_that_is_dead_is_told_and_the_rest_goes_in() -> None:
    machine = planted()
    machine.daemon = Asked(None, "no daemon answers")
    assert "no daemon answers" in bundled(gate_of(machine))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter2 port=1883", "password=[removed] port=1883"),
        ('{"broker_password": "a b c", "port": 1}', '{"broker_password": [removed], "port": 1}'),
        ("Token: abc", "Token: [removed]"),
        ("skin_celsius=34.5 air", "skin_celsius=[removed] air"),
        ('"skin_celsius": -1.25,', '"skin_celsius": [removed],'),
        ("no_answer after 3 tries", "no_answer after 3 tries"),
        ("x -----BEGIN EC PRIVATE KEY-----\nabc", "x [removed]"),
        ("-----BEGIN CERTIFICATE-----\nabc", "-----BEGIN CERTIFICATE-----\nabc"),
        ("abcd-long and abcd", "[removed] and [removed]"),
        ("the ab stays", "the ab stays"),
    ],
)
def test_what_is_removed_and_what_stays(text: str, expected: str) -> None:
    assert Remover(["abcd", "abcd-long", "ab", ""])(text) == expected


# --- the file -------------------------------------------------------------------------------------------------------


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A running gate with secrets in its files and its log; its settings file."""
    short = ShortDirectory()
    gate = SmallGate(short.path)
    gate.edit = lambda view: {**view, **VIEW}
    (tmp_path / "broker.password").write_text(PASSWORD)
    (tmp_path / "teacher.token").write_text(TOKEN)
    (tmp_path / "ledger.key").write_text(KEY)
    outbox = SqliteOutbox(tmp_path / "events.db", 1000)
    outbox.append(
        [
            event(1, Topic.TEMPERATURE, Code.TEMPERATURE_SCREENED, skin_celsius=36.73),
            event(2, Topic.PICTURE, Code.ALARM_PICTURE, jpeg=PICTURE),
            event(3, Topic.TROUBLE, Code.PRIMARY_LINE, detail=f"refused {PASSWORD}"),
        ],
        None,
    )
    outbox.close()
    file = tmp_path / "gatepost.toml"
    file.write_text(SETTINGS.format(state=tmp_path, run=short.path))
    yield file
    gate.close()
    short.close()


def event(counter: int, topic: Topic, code: Code, **body: Any) -> Record:
    stamp = WallStamp(1_760_000_000_000, ClockQuality.SYNCED, 9)
    lane = Lane.TROUBLE if topic is Topic.TROUBLE else Lane.ROUTINE
    id = EventId("00000000000000aa", counter)
    return Record(id, 3, "k", counter, stamp, Origin.PERSON, lane, topic, code, Qualifier.NEW, None, body)


@pytest.fixture
def gatepost(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*given: object) -> tuple[int, str, str]:
        try:
            code = main([*map(str, given)])
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def contents(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        files = [(one.name.partition("/")[2], archive.extractfile(one)) for one in archive.getmembers()]
        return {name: b"" if file is None else file.read() for name, file in files}


def test_the_bundle_of_a_running_gate_holds_what_helps_and_no_secret(place: Path, gatepost: Run) -> None:
    file = place.parent / "bundle.tar.gz"
    code, said, _ = gatepost("bundle", "--config", place, "--output", file, "--language", "en")
    assert code == 0
    assert str(file) in said
    held = contents(file)
    assert {"versions.json", "settings.json", "status.json", "doctor.jsonl", "events.jsonl", "store.json",
            "journal.txt", "units.txt"} <= set(held)  # fmt: skip
    everything = b"\n".join(held.values())
    assert [secret for secret in PLANTED if secret.encode() in everything] == []
    store = json.loads(held["store.json"])
    assert [(kind["topic"], kind["events"], kind["owed"]) for kind in store["kinds"]] == [
        ("picture", 1, 1), ("temperature", 1, 1), ("trouble", 1, 1),
    ]  # fmt: skip
    assert json.loads(held["versions.json"])["package gpiozero"]
    assert b"daemon.broker_lost:one" in held["doctor.jsonl"]
    assert json.loads(held["events.jsonl"].splitlines()[0])["body"] is None


def test_the_bundle_is_for_its_owner_alone_and_is_never_written_over(place: Path, gatepost: Run) -> None:
    file = place.parent / "bundle.tar.gz"
    code, said, _ = gatepost("bundle", "--config", place, "--output", file, "--json")
    assert code == 0
    assert json.loads(said)["bytes"] == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    code, _, complaint = gatepost("bundle", "--config", place, "--output", file)
    assert code == 2
    assert "exists" in complaint
    assert file.read_bytes() == before


def test_a_gate_that_never_ran_and_has_no_settings_still_gives_a_bundle(tmp_path: Path, gatepost: Run) -> None:
    file = tmp_path / "bundle.tar.gz"
    code, _, _ = gatepost("bundle", "--config", tmp_path / "none.toml", "--output", file)
    assert code == 0
    held = contents(file)
    assert b"cannot be read" in held["settings.json"]
    assert b"no log" in held["store.json"]


def test_a_place_that_cannot_be_written_is_told_in_one_line(place: Path, gatepost: Run) -> None:
    code, _, complaint = gatepost("bundle", "--config", place, "--output", place.parent / "none" / "b.tar.gz")
    assert code == 8
    assert len(complaint.splitlines()) == 1


def test_the_versions_are_those_of_this_program() -> None:
    told = bundle_commands.versions()
    assert told["gatepost"]
    assert told["package paho-mqtt"].startswith("2")

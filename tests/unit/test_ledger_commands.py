"""``gatepost ledger``: what it says in two languages, and the exit codes that scripts rely on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.cli import main
from edge.drivers.store import SqliteOutbox
from edge.events import Topic
from edge.ledger import Entry, Head
from edge.ledger_key import KEY_FILE, PUBLIC_FILE, GateKey, fingerprint
from edge.ledger_table import Scribe, read
from tests.unit.ledgers import GATE, event, key_in, report

Run = Callable[..., tuple[int, str, str]]

SETTINGS = """
[gate]
county = "county"
school = "school"
gate = "gate"
state_directory = "{state}"
[button]
key_gpio = 17
[lamps]
status_gpio = 22
fault_gpio = 23
[[broker]]
name = "one"
host = "127.0.0.1"
tls = false
[selftest]
time_zone = "{zone}"
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A gate's state directory, with the ledger of one November morning and a test that failed."""
    directory = tmp_path / "state"
    key = key_in(directory)
    outbox = SqliteOutbox(directory / "events.db", 1000, scribe=Scribe(GATE, lambda: key, lambda *_: None))
    outbox.append([event(1), event(2, Topic.ALARM), report(3), report(4)], None)
    outbox.close()
    return directory


@pytest.fixture
def key(state: Path) -> GateKey:
    return key_in(state)


@pytest.fixture
def run(state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """``gatepost ledger`` with these words and this gate's state; exit code, output, errors."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)

    def command(*words: str, state: Path | None = state) -> tuple[int, str, str]:
        where = () if state is None else ("--state-directory", str(state))
        try:
            code: object = main(["ledger", *words, *where])
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        assert isinstance(code, int)
        return code, said.out, said.err

    return command


def entries(state: Path) -> list[Entry]:
    return [entry for entry in read(state / "events.db") if entry is not None]


def text(head: Head) -> str:
    return f"{head.number}:{head.hash}"


def test_a_whole_ledger_passes_against_the_centres_head_and_the_end_is_in_doubt_without(run: Run, state: Path) -> None:
    newest = entries(state)[-1].head
    code, out, _ = run("verify", "--head", text(newest))
    assert (code, out.splitlines()[0]) == (0, f"5 entries, the newest {text(newest)}")
    assert out.splitlines()[-1] == "PASS: everything is here, in order, unchanged"
    code, out, _ = run("verify", "--every-signature")
    assert code == 2
    assert "– End: not tested  a cut end shows only against a head" in out


def test_what_was_done_to_it_is_told_in_the_chosen_language_or_the_terminals(
    run: Run, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last, before = entries(state)[-1].head, entries(state)[-2].head
    forged = text(Head(before.number, "a" * 64))
    assert run("verify", "--head", text(Head(9, "a" * 64)))[0] == 1
    assert "the end is cut off: entry 6-9 is known outside" in run("verify", "--head", text(Head(9, "a" * 64)))[1]
    assert "不通过" in run("verify", "--head", forged, "--language", "zh")[1]
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert "通过：内容齐全" in run("verify", "--head", text(last))[1]
    assert "PASS" in run("verify", "--head", text(last), "--language", "en")[1]


def test_programs_get_one_object(run: Run, state: Path) -> None:
    code, out, _ = run("verify", "--json")
    said = json.loads(out)
    assert (code, said["result"], said["chain"], said["end"], said["entries"]) == (
        2,
        "PARTIAL",
        "PASS",
        "NOT_TESTED",
        5,
    )
    assert said["head"]["number"] == 5


def test_the_key_is_shown_for_the_telephone_and_for_programs(run: Run, key: GateKey) -> None:
    code, out, _ = run("key")
    assert code == 0
    assert fingerprint(key.public_key) in out
    assert json.loads(run("key", "--json")[1]) == {
        "public_key": key.public_key, "fingerprint": fingerprint(key.public_key),
    }  # fmt: skip


def test_a_key_that_is_given_is_the_only_one_that_is_trusted(run: Run, tmp_path: Path, key: GateKey) -> None:
    other = key_in(tmp_path / "other")
    code, out, _ = run("verify", "--key", str(tmp_path / "other" / PUBLIC_FILE))
    assert code == 1
    assert key.public_key in out, "whose it is is said"
    assert run("verify", "--key", other.public_key, "--key", key.public_key)[0] == 2


def test_a_month_is_written_as_three_files_named_after_the_gate(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("export", "--month", "2026-11", "--directory", str(tmp_path))
    names = [Path(line).name for line in out.splitlines()[:3]]
    assert (code, names) == (0, [f"ledger-county-school-gate-2026-11.{end}" for end in ("jsonl", "csv", "html")])
    assert all((tmp_path / name).stat().st_size for name in names)
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_the_settings_say_where_the_ledger_is_and_in_which_zone_its_months_are(
    run: Run, state: Path, tmp_path: Path
) -> None:
    file = tmp_path / "gate.toml"
    for zone, month in (("Asia/Shanghai", "2026-11"), ("Pacific/Honolulu", "2026-10")):
        file.write_text(SETTINGS.format(state=state, zone=zone))
        options = ("--config", str(file), "--directory", str(tmp_path))
        assert run("export", "--month", month, *options, state=None)[0] == 0, zone
        assert run("verify", "--config", str(file), state=None)[0] == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("export", "--month", "2026-13"), 2, "is no month"),
        (("export", "--month", "2026-12"), 10, "no entry in 2026-12"),
        (("export", "--month", "2026-11", "--directory", "/nowhere"), 8, "cannot be written"),
        (("verify", "--head", "12"), 2, "NUMBER:HASH"),
        (("verify", "--key", "abcd"), 6, "64 hexadecimal digits"),
    ],
)
def test_what_cannot_be_done_is_told_with_its_exit_code(run: Run, words: tuple[str, ...], code: int, said: str) -> None:
    found, _, errors = run(*words)
    assert (found, said in " ".join(errors.split())) == (code, True), errors


def test_a_gate_that_never_ran_and_a_key_that_is_gone_are_told(run: Run, state: Path, tmp_path: Path) -> None:
    code, _, errors = run("verify", state=tmp_path / "nowhere")
    assert (code, "start the daemon once" in errors) == (8, True)
    (state / PUBLIC_FILE).unlink()
    (state / KEY_FILE).unlink()
    assert run("key")[0] == 8

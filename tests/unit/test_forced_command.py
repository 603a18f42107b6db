"""What a technician's key may say, word for word; the way through a real sshd is in tests/process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.cli import main
from edge.errors import RefusedError
from edge.forced_command import ALLOWED, allowed

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("asked", "command", "locale"),
    [
        ("", ("selftest", "run", "--full"), None),
        ("selftest", ("selftest", "run", "--full"), None),
        ("selftest path --json", ("selftest", "run", "--path", "--json"), None),
        ("doctor --language zh", ("doctor",), "zh_CN.UTF-8"),
        ("doctor --json --language en", ("doctor", "--json"), "C"),
        ("status --language zh --json", ("status", "--json"), "zh_CN.UTF-8"),
        ("ledger verify", ("ledger", "verify"), None),
    ],
)
def test_an_allowed_word_is_its_command(asked: str, command: tuple[str, ...], locale: str | None) -> None:
    assert allowed(asked) == (command, locale)


@given(st.text() | st.lists(st.sampled_from([*ALLOWED, "--json", "--language", "zh", ";", "run", "--config", "x"]))
       .map(" ".join))  # fmt: skip
def test_whatever_is_said_nothing_but_an_allowed_command_comes_of_it(asked: str) -> None:
    try:
        command, locale = allowed(asked)
    except RefusedError:
        return
    assert tuple(word for word in command if word != "--json") in ALLOWED.values()
    assert locale in (None, "zh_CN.UTF-8", "C")


def test_a_refusal_is_one_line_that_can_be_shown_in_any_terminal() -> None:
    with pytest.raises(RefusedError) as refused:
        allowed("doctor\n\x1b[2J" + 500 * "x")
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


def test_no_allowed_word_can_change_a_gate() -> None:
    """A test and a look; not a reset, a press, a calibration, nor a file that is named by whoever asks."""
    assert {command[0] for command in ALLOWED.values()} == {
        "selftest", "status", "doctor", "queue", "tail", "wiring", "ledger",
    }  # fmt: skip
    assert not any("=" in word or "/" in word for command in ALLOWED.values() for word in command)


def test_what_sshd_tells_outweighs_the_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SSH_ORIGINAL_COMMAND", "reset --by me")
    assert main(["forced", "status"]) == 10
    assert "'reset --by me' is not allowed here" in capsys.readouterr().err


def test_by_hand_the_script_says_the_same_and_imports_nothing_from_where_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "__init__.py").write_text("raise SystemExit('somebody else')")
    environment = {name: value for name, value in os.environ.items() if name != "SSH_ORIGINAL_COMMAND"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment["GATEPOST_CONFIG"] = str(ROOT / "config" / "plain-button.toml")
    done = subprocess.run(
        [ROOT / "scripts" / "selftest.sh", "wiring", "--language", "zh"],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "报警按钮" in done.stdout

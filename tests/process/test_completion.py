"""Shell completion: a real bash, with the script that the command prints, completes commands and options."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed here"),
    pytest.mark.skipif(shutil.which("gatepost", path=str(Path(sys.executable).parent)) is None,
                       reason="gatepost is not installed beside this Python"),
]  # fmt: skip

COMPLETE = """
eval "$(_GATEPOST_COMPLETE=source_bash gatepost)"
COMP_WORDS=({words} '{begun}')
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_gatepost_completion gatepost
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(words: str, begun: str) -> set[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--norc", "-c", COMPLETE.format(words=words, begun=begun)],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    assert done.stderr == ""
    return set(done.stdout.split())


def test_a_command_that_was_begun_is_completed() -> None:
    assert completed("gatepost", "doc") == {"doctor"}
    assert completed("gatepost", "w") == {"watch", "wiring"}


def test_an_option_and_its_values_are_completed() -> None:
    assert "--follow" in completed("gatepost tail", "--f")
    assert completed("gatepost doctor --language", "") == {"en", "zh"}
    assert "verify" in completed("gatepost ledger", "")

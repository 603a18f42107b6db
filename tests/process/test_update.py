"""An update of a real daemon, with a real broker and the real centre: kept, taken back, and the centre is told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.releases import Releases
from edge.update_hands import SocketHands
from edge.updating import PENDING, Outcome, Updating
from tests.process.brokers import Mosquitto, free_port
from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess
from tests.process.programs import PROJECT

pytestmark = [pytest.mark.process, pytest.mark.slow]

ARM_S = 30.0
"""Generous, for a machine that does other work; a Pi gets 6 s."""

OLD, NEW = "1.0", "1.1"
WORKS = f"""\
#!/bin/sh
cd {PROJECT}
exec {sys.executable} -m edge "$@"
"""
DOES_NOT_START = "#!/bin/sh\necho 'a mistake of ours' >&2\nexit 1\n"


class InstalledGate(GateProcess):
    """A gate whose daemon is the ``current`` one below a directory of releases."""

    def __init__(self, directory: Path, releases: Releases, port: int) -> None:
        super().__init__(directory, port)
        self.releases = releases
        self.port = port

    def command(self) -> list[str]:
        program = str(self.releases.base / "current" / "bin" / "gatepost")
        return ["-c", f"import os; os.execv({program!r}, ['gatepost', 'run', '--config', {str(self.settings_file)!r}])"]


class ProgramHands(SocketHands):
    """In systemd's place: ends the process and starts what ``current`` names."""

    def __init__(self, gate: InstalledGate) -> None:
        super().__init__(gate.run_directory)
        self._gate = gate

    def restart(self, *, at_once: bool) -> None:
        if self._gate.alive:
            self._gate.kill9() if at_once else self._gate.terminate()
        self._gate.spawn()


def install(releases: Releases, version: str, program: str) -> None:
    file = releases.place(version) / "bin" / "gatepost"
    file.parent.mkdir(parents=True)
    file.write_text(program)
    file.chmod(0o755)
    releases.completed(version, program[:10])


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    made = Releases(tmp_path / "opt")
    install(made, OLD, WORKS)
    made.switch(OLD)
    return made


@pytest.fixture
def gate(tmp_path: Path, releases: Releases) -> Iterator[InstalledGate]:
    port = free_port()
    with Mosquitto(tmp_path / "b", port=port), InstalledGate(tmp_path / "g", releases, port) as gate:
        yield gate


@pytest.fixture
def centre(tmp_path: Path, gate: InstalledGate) -> Iterator[CentreProcess]:
    with CentreProcess(tmp_path / "c", gate.port) as centre:
        yield centre


def update(gate: InstalledGate, receipt_s_max: float = 120) -> Outcome:
    updating = Updating(gate.releases, ProgramHands(gate), receipt_s_max, ARM_S, print)
    updating.begin(NEW, "li")
    outcome = updating.carry_out()
    assert outcome is not None
    assert not (gate.releases.base / PENDING).exists()
    return outcome


def test_a_good_version_stays_and_the_centre_hears_of_it(gate: InstalledGate, centre: CentreProcess) -> None:
    install(gate.releases, NEW, WORKS)
    before = gate.view()["boot"]
    outcome = update(gate)
    assert outcome.kept, outcome.reason
    assert gate.view()["boot"] != before
    assert (gate.releases.current(), gate.releases.previous()) == (NEW, OLD)
    centre.wait_for(lambda rows: [row["event"]["code"] for row in rows].count(305) >= 2)
    rows = centre.wait_for(lambda rows: any(row["event"]["code"] == 306 for row in rows))
    (changed,) = (row for row in rows if row["event"]["code"] == 306)
    assert f"version {OLD} -> {NEW} by li" in changed["event"]["body"]["detail"]
    gate.press_and_wait()
    centre.wait_presses(1)


def test_a_version_that_does_not_start_is_taken_back_with_a_trouble(gate: InstalledGate, centre: CentreProcess) -> None:
    install(gate.releases, NEW, DOES_NOT_START)
    hands = ProgramHands(gate)
    updating = Updating(gate.releases, hands, 120, 5.0, print)
    updating.begin(NEW, "li")
    outcome = updating.carry_out()
    assert outcome is not None
    assert not outcome.kept
    assert gate.releases.current() == OLD
    trouble = centre.wait_trouble("update_undone")
    assert (trouble["event"]["code"], trouble["event"]["qualifier"]) == (306, 1)
    assert "did not arm the button" in trouble["event"]["body"]["detail"]
    gate.press_and_wait()
    centre.wait_presses(1)


def test_without_a_centre_the_old_version_is_back(gate: InstalledGate) -> None:
    """The broker answers, and nobody behind it: that is no receipt."""
    install(gate.releases, NEW, WORKS)
    outcome = update(gate, receipt_s_max=20)
    assert not outcome.kept
    assert outcome.reason.startswith("no receipt from the centre within 20 s")
    assert gate.releases.current() == OLD
    gate.wait_for(lambda view: any(one["trouble"] == "update_undone" for one in view["standing"]))


def test_the_next_good_update_ends_the_trouble(gate: InstalledGate, centre: CentreProcess) -> None:
    install(gate.releases, NEW, WORKS)
    assert ProgramHands(gate).ask("updated", before=OLD, after=NEW, by="li", kept=False, reason="no receipt")
    gate.wait_for(lambda view: any(one["trouble"] == "update_undone" for one in view["standing"]))
    assert ProgramHands(gate).ask("updated", before=OLD, after=NEW, by="li", kept=True, reason="a receipt")
    gate.wait_for(lambda view: all(one["trouble"] != "update_undone" for one in view["standing"]))
    centre.wait_trouble("update_undone", qualifier=3)


NOBODY = """
import contextlib, io, os, sys
from edge.cli import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main(["status", "--runtime-directory", "/nonexistent"])  # loads what nobody may not be able to read
    main(["--help"])
os.geteuid() or os.setuid(65534)
sys.exit(main(["update", "x"]))
"""


def test_an_update_is_only_for_root_and_says_so() -> None:
    """As another user, if this is root."""
    done = subprocess.run([sys.executable, "-c", NOBODY], capture_output=True, text=True, check=False, cwd=PROJECT)
    assert done.returncode == 10, done.stderr
    assert "use sudo gatepost update" in done.stderr.splitlines()[-1]

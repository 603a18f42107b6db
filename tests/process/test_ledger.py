"""The real daemon's ledger: begun at the first start, told in heartbeats, proved by commands beside the daemon."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.ledger_key import KEY_FILE, PUBLIC_FILE
from tests.process.brokers import Mosquitto
from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess, troubles
from tests.process.programs import PROJECT
from tests.process.waiting import until

pytestmark = pytest.mark.process

VERIFIER = PROJECT / "scripts" / "verify-ledger"


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[GateProcess]:
    with (
        Mosquitto(tmp_path / "broker") as broker,
        CentreProcess(tmp_path / "centre", broker.port),
        GateProcess(tmp_path, broker.port) as running,
    ):
        running.wait_connected()
        yield running


def head(gate: GateProcess) -> str:
    """As heartbeats tell it."""
    ledger = gate.wait_for(lambda view: view["ledger"] is not None)["ledger"]
    return f"{ledger['number']}:{ledger['hash']}"


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_ledger_is_proved_beside_the_running_gate_after_presses_a_reset_and_a_sudden_end(gate: GateProcess) -> None:
    gate.press_and_wait()
    gate.wait_lamp("received")
    gate.restart()
    gate.wait_connected()
    gate.press_and_wait()
    assert gate.reset("Li Wei")["ok"]
    # Opened, restarted twice, pressed twice, reset.
    gate.wait_for(lambda view: not view["incident"]["ids"] and view["ledger"]["number"] >= 6)

    outer = head(gate)
    said = gate.command_line("ledger", "verify", "--head", outer)
    assert (said.returncode, said.stderr) == (0, ""), said.stdout
    assert "PASS: everything is here" in said.stdout
    assert gate.command_line("ledger", "verify").returncode == 2, "the end is not known outside"
    key = json.loads(gate.command_line("ledger", "key", "--json").stdout)
    assert len(key["public_key"]) == 64
    assert (mode_of(gate.state / KEY_FILE), mode_of(gate.state / PUBLIC_FILE)) == (0o600, 0o644)


def test_a_tail_that_was_cut_while_the_gate_was_off_is_found_by_the_head(gate: GateProcess) -> None:
    gate.press_and_wait()
    gate.wait_lamp("received")
    outer = head(gate)
    gate.kill9()
    with closing(sqlite3.connect(gate.state / "events.db")) as connection, connection:
        connection.execute("DELETE FROM ledger WHERE number = (SELECT MAX(number) FROM ledger)")
    said = gate.command_line("ledger", "verify", "--head", outer, "--language", "zh")
    assert said.returncode == 1
    assert "末尾被截断" in said.stdout
    gate.start()  # and it cannot be made good by going on: the number comes again with another hash
    gate.press_and_wait()
    gate.wait_for(lambda view: view["ledger"] is not None and view["ledger"]["number"] >= int(outer.partition(":")[0]))
    said = gate.command_line("ledger", "verify", "--head", outer)
    assert said.returncode == 1
    assert "is not the one that is known outside" in said.stdout


def test_a_month_is_exported_beside_the_running_gate_and_the_second_verifier_passes_it(
    gate: GateProcess, tmp_path: Path
) -> None:
    gate.press_and_wait()
    gate.wait_lamp("received")
    outer = head(gate)
    with closing(sqlite3.connect(gate.state / "events.db")) as connection:
        (month,) = connection.execute(
            "SELECT strftime('%Y-%m', wall_ms / 1000, 'unixepoch', '+8 hours') FROM events LIMIT 1"
        ).fetchone()
    said = gate.command_line(
        "ledger", "export", "--month", month, "--directory", str(tmp_path), "--head", outer, "--json"
    )
    assert said.returncode == 0, said.stderr
    lines, table, page = json.loads(said.stdout)["files"]
    assert [Path(file).suffix for file in (lines, table, page)] == [".jsonl", ".csv", ".html"]
    command = [sys.executable, "-I", str(VERIFIER), "--key", str(gate.state / PUBLIC_FILE), "--head", outer, lines]
    verified = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout.splitlines()[-1]) == (0, "PASS")
    said = gate.command_line("ledger", "export", "--month", "2001-01", "--directory", str(tmp_path))
    assert (said.returncode, "no entry in 2001-01" in said.stderr) == (10, True)
    assert not list(tmp_path.glob("*2001*"))


def test_a_key_that_others_can_read_costs_the_signature_and_never_the_alarm(gate: GateProcess) -> None:
    gate.wait_for(lambda view: view["ledger"] is not None)
    gate.kill9()
    (gate.state / KEY_FILE).chmod(0o644)
    gate.start()
    gate.wait_for(lambda view: "ledger_unsigned" in troubles(view))
    gate.press_and_wait()
    gate.wait_lamp("received")
    said = gate.command_line("ledger", "verify", "--head", head(gate))
    assert said.returncode == 2
    assert "can be used by others (mode 0644)" in said.stdout
    (gate.state / KEY_FILE).chmod(0o600)
    gate.press_and_wait()
    gate.wait_for(lambda view: "ledger_unsigned" not in troubles(view))
    assert gate.command_line("ledger", "verify", "--head", head(gate)).returncode == 2, "what was unsigned stays so"


def test_a_ledger_is_proved_to_its_first_entry_after_its_file_was_damaged_and_salvaged(gate: GateProcess) -> None:
    """The first page is gone: SQLite finds nothing in that file any more, and everything is in it still."""
    for _ in range(3):
        gate.press_and_wait()
        gate.wait_lamp("received")
    gate.wait_for(lambda view: view["owed"]["alarm"] == 0)
    before = int(head(gate).partition(":")[0])
    gate.terminate()
    with (gate.state / "events.db").open("r+b") as stream:
        stream.write(b"\xa5" * 4096)
    gate.start()
    gate.press_and_wait()
    gate.wait_lamp("received")
    until(
        lambda: gate.command_line("ledger", "verify", "--head", head(gate)),
        lambda said: said.returncode == 0,
        what=gate.log,
    )
    assert int(head(gate).partition(":")[0]) > before
    assert "PASS: everything is here" in gate.command_line("ledger", "verify", "--head", head(gate)).stdout
    with closing(sqlite3.connect(gate.state / "events.db")) as connection:
        (presses,) = connection.execute("SELECT COUNT(*) FROM events WHERE topic = 'alarm' AND code = 122").fetchone()
    assert presses == 4

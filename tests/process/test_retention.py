"""What the real daemon keeps of students over a ``kill -9``: the crowd. And what goes: temperatures too old."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from edge.drivers.store import SqliteOutbox
from edge.events import ClockQuality, Code, Lane, Topic, WallStamp
from edge.requests import CONTROL_SOCKET
from tests.process.brokers import Mosquitto, free_port
from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess, ask
from tests.process.waiting import until
from tests.unit.machines import record

pytestmark = pytest.mark.process

WALL, AIR, SKIN = 20.0, 23.0, 34.0
THERMOMETER = {"part": "BCC", "supply_volts": 3.0, "emissivity": 1.0}
STUDENTS = 3
DAY_MS = 86_400_000
NOW_MS = 1_760_000_000_000
"""October 2025: long ago, whenever this runs."""


def see(gate: GateProcess, celsius: float) -> None:
    answer = ask(gate.run_directory / CONTROL_SOCKET, {"ask": "see", "object_celsius": celsius, "ambient_celsius": AIR})
    assert answer["ok"], answer


def crowd_on_card(gate: GateProcess) -> int:
    """Students of the crowd that the store holds."""
    with closing(sqlite3.connect(f"file:{gate.state / 'events.db'}?mode=ro", uri=True)) as database:
        found = database.execute("SELECT value FROM keep WHERE key = 'crowd'").fetchone()
    return 0 if found is None else len(json.loads(found[0])["residuals_celsius"])


def test_a_crowd_is_there_again_after_a_sudden_end(tmp_path: Path) -> None:
    with GateProcess(tmp_path, free_port(), thermometer=THERMOMETER) as gate:
        gate.wait_for(lambda view: view["kiosk"] is not None and view["kiosk"]["sensor"]["ambient_celsius"] is not None)
        for number in range(1, STUDENTS + 1):
            see(gate, SKIN)
            gate.wait_for(lambda view, number=number: view["kiosk"]["teacher"]["crowd_students"] == number)
            see(gate, WALL)
            gate.wait_for(lambda view: view["kiosk"]["screen"] == "idle")
        until(lambda: crowd_on_card(gate), lambda students: students == STUDENTS)
        gate.restart()
        after = gate.wait_for(lambda view: view["kiosk"]["teacher"]["crowd_students"] == STUDENTS)["kiosk"]
        assert (after["visit"], after["teacher"]["crowd_celsius"]) == (0, pytest.approx(SKIN, abs=1.0))


def test_old_temperatures_and_damaged_files_are_gone_and_the_centre_is_told(tmp_path: Path) -> None:
    state = tmp_path / "gate" / "state"
    state.mkdir(parents=True)
    old = WallStamp(NOW_MS, ClockQuality.SYNCED, 20)
    secret = replace(
        record(1, Lane.ROUTINE), topic=Topic.TEMPERATURE, code=Code.TEMPERATURE_SCREENED, wall=old,
        body={"verdict": "a-secret-verdict"},
    )  # fmt: skip
    outbox = SqliteOutbox(state / "events.db", 1_000)
    outbox.append([secret, replace(record(2, Lane.ROUTINE), wall=old)], None)
    outbox.close()
    damaged = state / "events.damaged.1"
    damaged.write_bytes(b"a-secret-verdict")
    os.utime(damaged, (NOW_MS / 1000, NOW_MS / 1000))

    synced = tmp_path / "synced"
    synced.touch()
    clock = {"source": "file", "synced_file": str(synced)}
    with (
        Mosquitto(tmp_path / "broker") as broker,
        CentreProcess(tmp_path / "centre", broker.port) as centre,
        GateProcess(tmp_path / "gate", broker.port, clock=clock) as gate,
    ):
        rows = centre.wait_for(lambda rows: any(row["event"]["code"] == 953 for row in rows))
        (told,) = (row["event"]["body"] for row in rows if row["event"]["code"] == 953)
        assert (told["topic"], told["deleted"], told["left"]) == ("temperature", 1, 0)
        assert (told["damaged_files_deleted"], told["damaged_files_left"]) == (1, 0)
        assert not damaged.exists()
        gate.kill9()
        assert not [file.name for file in state.iterdir() if b"a-secret-verdict" in file.read_bytes()]
        kept = SqliteOutbox(state / "events.db", 1_000)
        assert record(2).id in [row.record.id for row in kept.history(0, 100)]
        kept.close()

"""The gate's card goes wrong in every way a card does: a press still arrives, people are told, and it is mended."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from edge.codes import Code
from tests.process.brokers import Mosquitto
from tests.process.cards import Card
from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess, troubles
from tests.process.waiting import until

pytestmark = pytest.mark.process


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    found = Card(tmp_path / "m")
    yield found
    found.close()


def press_arrives(gate: GateProcess, centre: CentreProcess) -> None:
    """One more press at the gate is one more at the centre, and the lamp says so."""
    before = len(centre.presses())
    gate.press_and_wait()
    assert len(centre.wait_presses(before + 1)) == before + 1
    gate.wait_lamp("received")


def reported(gate: GateProcess, centre: CentreProcess, trouble: str) -> None:
    """The gate says so, with the fault lamp, and the centre hears of it."""
    assert gate.wait_for(lambda view: trouble in troubles(view))["fault"]
    centre.wait_trouble(trouble)


def restored(gate: GateProcess, centre: CentreProcess, trouble: str) -> None:
    """The gate says that it is over, and the centre hears of that."""
    gate.wait_for(lambda view: trouble not in troubles(view) and not view["fault"])
    centre.wait_trouble(trouble, qualifier=3)


def on_card(gate: GateProcess, code: Code) -> int:
    """How many events of this code the event log holds; none while it is being made."""
    file = f"file:{gate.state / 'events.db'}?mode=ro"
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(file, uri=True)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM events WHERE code = ?", (code,)).fetchone()[0])
    return 0


def test_a_card_that_is_full_holds_up_no_press_and_takes_what_memory_kept_once_there_is_room(
    tmp_path: Path, broker: Mosquitto, centre: CentreProcess, card: Card
) -> None:
    with GateProcess(tmp_path / "g", broker.port, gate=card.state) as gate:
        gate.wait_connected()
        press_arrives(gate, centre)
        card.fill()
        press_arrives(gate, centre)
        reported(gate, centre, "store_in_memory")
        press_arrives(gate, centre)
        card.empty()
        restored(gate, centre, "store_in_memory")
        press_arrives(gate, centre)
        assert on_card(gate, Code.SILENT_PANIC) == 4


def test_a_gate_that_starts_on_a_full_card_alarms_all_the_same(
    tmp_path: Path, broker: Mosquitto, centre: CentreProcess, card: Card
) -> None:
    with GateProcess(tmp_path / "g", broker.port, gate=card.state) as gate:
        gate.wait_connected()
        press_arrives(gate, centre)
        gate.kill9()
        card.fill()
        gate.start()
        press_arrives(gate, centre)
        reported(gate, centre, "store_in_memory")
        card.empty()
        restored(gate, centre, "store_in_memory")
        assert on_card(gate, Code.SILENT_PANIC) == 2


def test_a_gate_that_starts_on_a_read_only_card_alarms_and_returns_to_it_when_it_can_be_written(
    tmp_path: Path, broker: Mosquitto, centre: CentreProcess, card: Card
) -> None:
    with GateProcess(tmp_path / "g", broker.port, gate=card.state) as gate:
        gate.wait_connected()
        press_arrives(gate, centre)
        gate.terminate()
        card.protect(True)
        gate.start()
        view = gate.wait_lamp("received")
        assert view["incident"]["ids"], "what is latched can still be read"
        press_arrives(gate, centre)
        reported(gate, centre, "store_in_memory")
        card.protect(False)
        restored(gate, centre, "store_in_memory")
        assert on_card(gate, Code.SILENT_PANIC) == 2


def test_a_card_that_the_kernel_gives_up_under_the_running_gate_costs_no_press(
    tmp_path: Path, broker: Mosquitto, centre: CentreProcess, card: Card
) -> None:
    """Errors on the card make the kernel mount it read-only; that ends with a repair and a new start."""
    with GateProcess(tmp_path / "g", broker.port, gate=card.state) as gate:
        gate.wait_connected()
        press_arrives(gate, centre)
        card.abort()
        press_arrives(gate, centre)
        reported(gate, centre, "store_in_memory")
        broker.stop()
        gate.press_and_wait()
        assert gate.view()["lamp"] == "pressed", "memory is not 'stored'"
        broker.start()
        centre.wait_presses(3)
        gate.kill9()
        card.repair()
        gate.start()
        press_arrives(gate, centre)
        assert len(centre.presses()) == 4
        gate.wait_for(lambda view: not view["fault"])


def test_a_database_damaged_while_the_gate_was_off_is_moved_aside_and_work_goes_on(
    gate: GateProcess, centre: CentreProcess
) -> None:
    press_arrives(gate, centre)
    gate.terminate()
    (gate.state / "events.db").write_bytes(b"this is not a database" * 1000)
    gate.start()
    press_arrives(gate, centre)
    centre.wait_trouble("store_damaged")
    restored(gate, centre, "store_damaged")
    assert len(list(gate.state.glob("events.damaged.*"))) >= 1
    assert on_card(gate, Code.SILENT_PANIC) >= 1
    assert gate.view()["boot_counter"] == 2, "the number of lives survives the log"


def test_a_database_torn_in_its_middle_is_noticed_at_start(gate: GateProcess, centre: CentreProcess) -> None:
    for _ in range(3):
        press_arrives(gate, centre)
    gate.terminate()
    file = gate.state / "events.db"
    size = file.stat().st_size
    with file.open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xa5" * (size - 4096))
    gate.start()
    press_arrives(gate, centre)
    centre.wait_trouble("store_damaged")
    restored(gate, centre, "store_damaged")


def test_garbage_written_over_the_database_of_a_running_gate_wedges_nothing(
    gate: GateProcess, centre: CentreProcess, broker: Mosquitto
) -> None:
    press_arrives(gate, centre)
    for file in gate.state.glob("events.db*"):
        with file.open("r+b") as stream:
            stream.write(b"\x5a" * file.stat().st_size)
    for _ in range(3):
        press_arrives(gate, centre)
    assert "moved aside" in centre.wait_trouble("store_damaged")["event"]["body"]["detail"]
    restored(gate, centre, "store_damaged")
    broker.stop()
    gate.press_and_wait()
    gate.restart()
    broker.start()
    centre.wait_presses(5)
    press_arrives(gate, centre)


def test_a_database_deleted_under_the_running_gate_is_made_anew_with_all_that_is_owed(
    gate: GateProcess, centre: CentreProcess, broker: Mosquitto
) -> None:
    press_arrives(gate, centre)
    broker.stop()
    gate.press_and_wait()
    for file in gate.state.glob("events.db*"):
        file.unlink()
    gate.press_and_wait()
    until(lambda: on_card(gate, Code.SYSTEM_TROUBLE), lambda kept: kept == 2)  # a sudden end takes what is not written
    gate.restart()
    assert gate.wait_lamp("stored")["incident"]["unreceived"] == 2, "the new file holds both presses that are owed"
    broker.start()
    centre.wait_presses(3)
    centre.wait_trouble("store_damaged")
    restored(gate, centre, "store_damaged")
    press_arrives(gate, centre)
    assert len(centre.presses()) == 4

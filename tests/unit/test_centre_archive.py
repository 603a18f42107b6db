"""The archive: once per id, all or nothing, and found again by any unique beginning."""

from __future__ import annotations

import sqlite3

import pytest
from msgspec.structs import replace

from centre.archive import VERSIONS, Archive
from centre.incidents import Incident, take
from centre.items import Item, Matter
from centre.register import Standing
from edge import wire
from edge.errors import RefusedError, StorageError
from edge.events import Stage
from tests.unit.centre_events import ADDRESS, BOOT, event, press

OTHER = wire.Address("county-1", "school-2", "gate-1")


@pytest.fixture
def archive(tmp_path):
    archive = Archive(tmp_path / "centre.db")
    yield archive
    archive.close()


def keep(archive: Archive, *events: wire.Event, address: wire.Address = ADDRESS) -> list[bool]:
    with archive.transaction():
        return [archive.add(address, one, wire.encode(one).decode(), 99) for one in events]


def test_an_id_is_kept_once_and_its_arrivals_are_counted(archive):
    assert keep(archive, event(1), event(1)) == [True, False]
    assert keep(archive, event(1), event(2)) == [False, True]
    assert [(row["event"]["counter"], row["arrivals"]) for row in archive.events(0, 9)] == [(1, 3), (2, 1)]


def test_duplicates_take_no_numbers(archive):
    keep(archive, event(1), event(1), event(1), event(2))
    assert archive.count() == 2


def test_the_same_id_at_another_gate_is_another_event(archive):
    assert keep(archive, event(1)) == keep(archive, event(1), address=OTHER) == [True]


def test_a_transaction_that_fails_keeps_nothing(archive):
    def half() -> None:
        with archive.transaction():
            archive.add(ADDRESS, event(1), "{}", 99)
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        half()
    assert archive.events(0, 9) == []
    assert keep(archive, event(1)) == [True]


def test_everything_is_there_after_opening_again(archive, tmp_path):
    keep(archive, event(1))
    incident = take(None, ADDRESS, press(2), 5)
    with archive.transaction():
        archive.put_incident(incident)
        archive.put_gate(ADDRESS, 7, Standing(duplicates=3))
    archive.close()
    again = Archive(tmp_path / "centre.db")
    assert again.open_incidents() == [incident]
    assert again.gates("county-1") == [(ADDRESS, 7, Standing(duplicates=3))]
    assert again.count() == 1
    again.close()


def test_events_come_in_pages_and_by_gate(archive):
    keep(archive, event(1), event(2), event(3))
    keep(archive, event(4), address=OTHER)
    assert [row["seq"] for row in archive.events(1, 2)] == [2, 3]
    assert len(archive.events(0, 9, "gate-1")) == 4
    assert len(archive.events(0, 9, "school-2/gate-1")) == 1


def remember(archive: Archive, incident: Incident) -> None:
    with archive.transaction():
        archive.put_incident(incident)


def test_an_incident_is_found_by_any_unique_beginning(archive):
    first = take(None, ADDRESS, press(1), 5)
    remember(archive, first)
    assert archive.find(BOOT[:15]) == archive.find(first.id) == first


def test_a_whole_id_wins_over_longer_ones(archive):
    """...-1 also begins ...-10."""
    remember(archive, take(None, ADDRESS, press(1), 5))
    remember(archive, take(None, ADDRESS, press(10), 5))
    found = archive.find(f"{BOOT}-1")
    assert isinstance(found, Incident)
    assert found.id == f"{BOOT}-1"
    with pytest.raises(RefusedError, match="may mean"):
        archive.find(BOOT)


def test_a_later_press_finds_its_incident(archive):
    keep(archive, press(1), press(2, 1))
    remember(archive, take(None, ADDRESS, press(1), 5))
    assert archive.find(f"{BOOT}-2") == archive.find(f"{BOOT}-1")


@pytest.mark.parametrize("nothing", ["ff", "%", "_", "'", ""])
def test_an_id_nobody_has_is_refused(archive, nothing):
    keep(archive, event(1), event(2))
    with pytest.raises(RefusedError):
        archive.find(nothing)


def test_a_history_is_in_the_gate_s_order(archive):
    """Boot counter first, then monotonic time: not arrival, not wall time."""
    late = replace(press(9, 1), boot_counter=2, monotonic_ms=1, wall_ms=1)
    keep(archive, late, press(2, 1), press(1))
    incident = take(None, ADDRESS, press(1), 5)
    with archive.transaction():
        archive.add_act(ADDRESS, incident.id, Stage.SEEN, "Li", 6)
    events, acts = archive.history(incident)
    assert [row["event"]["counter"] for row in events] == [1, 2, 9]
    assert acts == [{"stage": "seen", "by": "Li", "wall_ms": 6}]


def test_a_damaged_database_is_refused_with_one_sentence(tmp_path):
    file = tmp_path / "centre.db"
    file.write_bytes(b"no database at all" * 500)
    with pytest.raises(StorageError, match=r"centre\.db"):
        Archive(file)


def test_a_database_of_a_later_version_is_left_alone(tmp_path):
    later = sqlite3.connect(tmp_path / "centre.db")
    later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(StorageError, match="update the centre"):
        Archive(tmp_path / "centre.db")


def test_a_database_of_the_first_version_is_taken_over(tmp_path):
    """What gates stand at was kept without a word about tests."""
    old = sqlite3.connect(tmp_path / "centre.db", isolation_level=None)
    for statement in VERSIONS[0]:
        old.execute(statement)
    kept = '{"restart":[0,0,0],"boot":"","troubles":{},"duplicates":3}'
    old.execute("INSERT INTO gate VALUES (?, ?, ?, 7, ?)", (ADDRESS.county, ADDRESS.school, ADDRESS.gate, kept))
    old.execute("PRAGMA user_version = 1")
    old.close()
    archive = Archive(tmp_path / "centre.db")
    assert archive.gates("county-1") == [(ADDRESS, 7, Standing(duplicates=3))]
    put(archive, item("aa"))
    assert archive.items.unsettled() == [item("aa")]
    archive.close()


def item(id: str, address: wire.Address = ADDRESS, *, times: int = 1) -> Item:
    return Item(address, Matter.LEDGER, 5, "detail", id, times)


def put(archive: Archive, *things: Item, settled: bool = False) -> None:
    with archive.transaction():
        for thing in things:
            archive.items.put(thing, settled=settled)


def test_a_thing_keeps_its_place_when_it_changes(archive):
    put(archive, item("aa"), item("bb"))
    put(archive, item("aa", times=2))
    assert archive.items.newest(9) == [item("bb"), item("aa", times=2)]
    assert archive.items.newest(1) == [item("bb")]
    assert archive.items.get(ADDRESS, "aa") == item("aa", times=2)


def test_what_is_settled_is_kept_and_not_waited_for(archive):
    put(archive, item("aa"), settled=True)
    put(archive, item("bb"))
    assert archive.items.unsettled() == [item("bb")]
    assert len(archive.items.newest(9)) == 2


@pytest.mark.parametrize("gate", ["gate-1", "school-2/gate-1", "county-1/school-2/gate-1"])
def test_things_are_found_by_their_gate(archive, gate):
    put(archive, item("aa"), item("aa", OTHER))
    assert archive.items.newest(9, gate)[0].address == OTHER
    assert len(archive.items.newest(9, gate)) == (2 if "/" not in gate else 1)
    assert archive.items.newest(9, "gate-2") == []


def test_a_thing_is_found_by_any_unique_beginning(archive):
    put(archive, item("aa1"), item("aa"), item("bb"))
    assert (archive.items.find("b"), archive.items.find("aa")) == (item("bb"), item("aa"))
    for nothing in ("a", "c", "%"):
        with pytest.raises(RefusedError):
            archive.items.find(nothing)

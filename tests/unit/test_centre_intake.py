"""What comes from gates: understood, refused with a counted reason, or kept; never a crash."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from centre.archive import Archive
from centre.inbox import Arrival
from centre.intake import Intake, Message, Refused, read
from centre.register import Register
from centre.trials import Trials
from edge import wire
from edge.events import Lane
from tests.unit.centre_events import ADDRESS, event, press, self_test, trouble


def arrival(payload: bytes, last: str = "temperature", *, topic: str | None = None, retained: bool = False) -> Arrival:
    return Arrival(0, ADDRESS.up(last) if topic is None else topic, payload, retained, lambda: None)


def came(one: wire.Event) -> Message:
    message = read(arrival(wire.encode(one), one.topic.value), "county-1")
    assert isinstance(message, Message)
    return message


@pytest.fixture
def archive(tmp_path):
    archive = Archive(tmp_path / "centre.db")
    yield archive
    archive.close()


@pytest.fixture
def intake(archive) -> Intake:
    register = Register(90_000)
    return Intake("county-1", archive, register, Trials(archive, register))


GOOD = wire.encode(event(1))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (arrival(b"{"), "malformed"),
        (arrival(b""), "malformed"),
        (arrival(b"\xff\xfe"), "malformed"),
        (arrival(b" " * (wire.UP_BYTES_MAX + 1)), "oversized"),
        (arrival(GOOD, "alarm"), "topic"),
        (arrival(GOOD, "nonsense"), "topic"),
        (arrival(GOOD, topic="gate/county-2/school-1/gate-1/temperature"), "topic"),
        (arrival(GOOD, topic="gate/county-1/SCHOOL/gate-1/temperature"), "topic"),
        (arrival(GOOD, topic=""), "topic"),
        (arrival(GOOD, retained=True), "retained"),
        (arrival(wire.encode(event(1, schema=2))), "schema"),
        (arrival(wire.encode(replace(event(1), counter=2))), "id"),
        (arrival(wire.encode(event(1, incident="' OR 1"))), "id"),
        (arrival(wire.encode(event(1, monotonic_ms=2**63))), "range"),
        (arrival(wire.encode(event(1, monotonic_ms=-1))), "range"),
        (arrival(b"[1]", "heartbeat"), "malformed"),
        (arrival(b"{}", "status"), "malformed"),
    ],
)
def test_what_is_wrong_is_refused_by_its_reason(message, reason):
    refused = read(message, "county-1")
    assert isinstance(refused, Refused)
    assert refused.reason == reason


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from(["alarm", "heartbeat", "status", "trouble", "probe", "x"]))
def test_no_bytes_crash_the_reader(payload, last):
    assert isinstance(read(arrival(payload, last), "county-1"), Message | Refused)


def test_every_arrival_of_an_alarm_or_a_test_wants_a_receipt_and_routine_does_not(intake):
    for one in (press(1), self_test(2), event(3, lane=Lane.ALARM)):
        assert [m.wants_receipt for m in intake.keep([came(one), came(one)], 0, 0)] == [True, True]
    assert not came(event(4)).wants_receipt


def test_sending_again_changes_nothing_but_the_count(intake, archive):
    intake.keep([came(press(1))], 0, 0)
    intake.keep([came(press(1)), came(press(1))], 0, 0)
    assert intake.events == 1
    assert [incident.presses for incident in archive.open_incidents()] == [1]
    assert [incident.presses for incident in intake.open_incidents()] == [1]


def test_a_batch_that_the_disk_refuses_can_be_taken_again(intake, archive, tmp_path):
    """A second connection holds the write lock, as a full or failing disk would refuse the commit."""
    archive._connection.execute("PRAGMA busy_timeout = 1")
    batch = [came(press(1)), came(trouble(2, "loop_open"))]
    blocker = sqlite3.connect(tmp_path / "centre.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError):
        intake.keep(batch, 0, 0)
    assert intake.events == 0
    assert intake.open_incidents() == []
    blocker.execute("ROLLBACK")
    blocker.close()
    intake.keep(batch, 0, 0)
    assert intake.events == 2
    assert [incident.presses for incident in intake.open_incidents()] == [1]


def test_a_standing_trouble_outlives_a_killed_centre(intake, archive):
    """It is kept with the event that raised it, not at some later time."""
    intake.keep([came(trouble(1, "loop_open"))], 0, 0)
    ((_, _, standing),) = archive.gates("county-1")
    assert standing.troubles["loop_open"].raised


def test_old_presence_and_the_broker_s_word_are_no_sign_of_life(intake):
    register = intake._register
    for payload, retained in ((True, True), (False, False)):
        word = wire.GateWord(wire.SCHEMA, payload, "00000000000000aa", 1, 1)
        message = read(arrival(wire.encode(word), "status", retained=retained), "county-1")
        assert isinstance(message, Message)
        intake.keep([message], 60_000 if retained else 70_000, 1)
    assert register.gates[ADDRESS].heard_wall_ms is None
    assert register.gates[ADDRESS].heard_ms == 60_000  # when the centre began to wait for it

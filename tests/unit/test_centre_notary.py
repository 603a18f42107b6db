"""Who really said it: what a gate with a key on record did not sign is refused, counted, and shown to an officer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from centre.archive import Archive
from centre.gate_keys import GateKeys
from centre.inbox import Arrival
from centre.intake import STRANGERS_MAX, Intake, Message, Refused, read
from centre.items import Matter
from centre.notary import Notary
from centre.register import Register
from centre.trials import Trials
from centre.views import gate_line, incident_line
from edge import wire
from edge.ledger_key import PublicKey, pem_of
from edge.seals import taken_off
from tests.unit.signers import ADDRESS, ELSEWHERE, GATE, STRANGER, WALL_MS, GateEnd

SILENT_MS = 90_000


class Desk:
    """The centre without threads and sockets, on one directory: a second one is the next life of it."""

    def __init__(self, directory: Path, *, required: bool = False) -> None:
        self.keys = GateKeys(directory / "keys")
        self.archive = Archive(directory / "centre.db")
        self.register = Register(SILENT_MS)
        self.register.know(self.archive.gates("county-1"), 0)
        self.trials = Trials(self.archive, self.register)
        self.intake = Intake("county-1", self.archive, self.register, self.trials)
        self.notary = Notary(self.keys.of, required=required)
        self.now_ms = 0

    def takes(self, arrival: Arrival) -> Message | Refused:
        """What becomes of a message, as the service has it."""
        return self.takes_all([arrival])[0]

    def takes_all(self, arrivals: list[Arrival]) -> list[Message | Refused]:
        """The same for a batch."""
        read_all = [read(arrival, "county-1", self.notary) for arrival in arrivals]
        refused = [one for one in read_all if isinstance(one, Refused)]
        self.register.refused.update(one.reason for one in refused)
        self.intake.keep([one for one in read_all if isinstance(one, Message)], self.now_ms, WALL_MS)
        self.intake.keep_suspects(refused, WALL_MS)
        return read_all

    def refuses(self, arrival: Arrival) -> str:
        """The reason, empty where it was taken."""
        message = self.takes(arrival)
        return message.reason if isinstance(message, Refused) else ""

    def items(self) -> dict[Matter, int]:
        """What an officer is to look into, and how often it was found."""
        return {item.matter: item.times for item in self.trials.standing_items(WALL_MS)}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    desk.keys.add(str(ADDRESS), pem_of(PublicKey(GATE.public_key)))
    yield desk
    desk.archive.close()


@pytest.fixture
def gate() -> GateEnd:
    return GateEnd()


def unsigned(arrival: Arrival) -> Arrival:
    """The same without its seal."""
    return Arrival(0, arrival.topic, taken_off(arrival.payload)[0], arrival.retained, arrival.settle)


def test_what_a_gate_has_signed_is_taken_and_shown_as_verified(desk, gate):
    assert desk.refuses(gate.press(1)) == ""
    assert desk.refuses(gate.beat()) == ""
    assert [incident_line(one)["verified"] for one in desk.intake.open_incidents()] == [True]
    assert gate_line(desk.register.gates[ADDRESS], 0, 0)["verified"] is True
    assert desk.items() == {}


def test_the_signature_is_kept_with_the_event_and_not_in_the_health(desk, gate):
    desk.takes(gate.press(1))
    desk.takes(gate.beat())
    assert "signature" in desk.archive.events(0, 1)[0]["event"]  # type: ignore[operator]
    assert "signature" not in desk.register.gates[ADDRESS].health


@pytest.mark.parametrize("kind", ["unsigned", "by a stranger", "changed", "from another topic"])
def test_an_alarm_that_does_not_verify_is_no_incident_but_never_vanishes(desk, gate, kind):
    genuine = gate.press(1)
    forged = {
        "unsigned": unsigned(genuine),
        "by a stranger": GateEnd(signer=STRANGER).press(1),
        "changed": Arrival(0, genuine.topic, genuine.payload.replace(b'"person"', b'"drill" '), False, genuine.settle),
        "from another topic": GateEnd(address=ELSEWHERE).press(1),
    }[kind]
    forged.topic = genuine.topic
    message = desk.takes(forged)
    assert isinstance(message, Refused), "not receipted"
    assert desk.intake.open_incidents() == []
    assert desk.archive.count() == 0
    assert desk.items() == {Matter.ALARM_UNVERIFIED: 1}
    assert "telephone the gate at once" in desk.trials.standing_items(WALL_MS)[0].detail
    assert sum(desk.register.refused.values()) == 1


def test_an_unverified_alarm_stands_over_a_restart_until_a_person_has_looked_into_it(desk, gate, tmp_path):
    desk.takes(unsigned(gate.press(1)))
    desk.takes(unsigned(gate.press(2)))
    again = Desk(tmp_path)
    assert again.items() == {Matter.ALARM_UNVERIFIED: 2}
    again.archive.close()


def test_what_is_no_alarm_and_does_not_verify_is_an_item_of_its_own(desk, gate):
    desk.takes(unsigned(gate.beat()))
    assert desk.items() == {Matter.UNVERIFIED: 1}
    assert desk.register.gates == {}, "nothing of it was believed"


def test_a_gate_without_a_key_on_record_is_taken_and_marked(desk):
    stranger = GateEnd(address=ELSEWHERE, signer=STRANGER)
    assert desk.refuses(stranger.press(1)) == ""
    assert [incident_line(one)["verified"] for one in desk.intake.open_incidents()] == [False]
    assert gate_line(desk.register.gates[ELSEWHERE], 0, 0)["verified"] is False
    assert desk.items() == {}


def test_a_gate_without_a_key_is_refused_where_signatures_are_required_and_shown(tmp_path):
    desk = Desk(tmp_path, required=True)
    stranger = GateEnd(address=ELSEWHERE)
    assert desk.refuses(stranger.press(1)) == "no_key"
    assert desk.items() == {Matter.ALARM_UNVERIFIED: 1}
    desk.archive.close()


def test_made_up_gates_cannot_bury_the_others(tmp_path):
    desk = Desk(tmp_path, required=True)
    made_up = [wire.Address("county-1", "school", f"gate-{number}") for number in range(STRANGERS_MAX + 20)]
    desk.takes_all([GateEnd(address=address, signer=None).press(1) for address in made_up])
    assert len(desk.trials.items) == STRANGERS_MAX
    assert desk.register.refused["no_key"] == STRANGERS_MAX + 20
    desk.archive.close()


def test_a_key_that_is_replaced_is_valid_beside_the_new_one(desk, gate):
    desk.keys.add(str(ADDRESS), pem_of(PublicKey(STRANGER.public_key)))
    assert desk.refuses(gate.press(1)) == ""
    assert desk.refuses(GateEnd(life=2, signer=STRANGER).press(1)) == ""


def test_nothing_of_a_stolen_gate_is_believed_once_its_key_is_withdrawn(desk, gate):
    desk.keys.withdraw(str(ADDRESS))
    assert desk.refuses(gate.press(1)) == "signature"


def test_an_event_said_again_is_kept_once_and_is_no_sign_of_life(desk, gate):
    press = gate.press(1)
    desk.takes(press)
    desk.now_ms = 50_000
    assert desk.refuses(press) == ""
    assert desk.archive.count() == 1
    assert desk.register.gates[ADDRESS].heard_ms == 0


def heard_ms(desk: Desk, arrival: Arrival) -> int:
    """When the gate was last heard, once this has come."""
    desk.now_ms += 1_000
    desk.takes(arrival)
    return desk.register.gates[ADDRESS].heard_ms


def test_a_heartbeat_said_again_does_not_make_a_dead_gate_look_alive(desk, gate):
    first, second = gate.beat(), gate.beat()
    assert heard_ms(desk, first) == 1_000
    assert heard_ms(desk, second) == 2_000
    for again in (first, second, second):
        assert heard_ms(desk, again) == 2_000
    assert desk.register.refused["stale"] == 1, "the newest may come by two brokers, and counts once"


def test_a_heartbeat_of_an_earlier_life_is_stale_also_after_a_restart_of_the_centre(desk, gate, tmp_path):
    old = gate.beat()
    desk.takes(old)
    desk.takes(gate.press(1))
    later = GateEnd(life=2)
    assert heard_ms(desk, later.beat()) == 1_000
    desk.intake.keep_signs(WALL_MS)
    again = Desk(tmp_path)
    again.takes(old)
    assert again.register.refused["stale"] == 1
    again.archive.close()


def test_a_new_card_whose_boots_count_from_the_start_is_heard(desk):
    assert heard_ms(desk, GateEnd(life=9).beat()) == 1_000
    new = GateEnd(life=1)
    new.boot = "f" * 16
    assert heard_ms(desk, new.beat()) == 2_000


def test_presence_and_probes_keep_no_gate_alive_that_signs(desk, gate):
    word = wire.encode(wire.GateWord(wire.SCHEMA, True, gate.boot, 1, 1))
    topic = ADDRESS.up("status")
    presence = Arrival(0, topic, gate.trust.seal(topic, word), False, lambda: None)
    assert heard_ms(desk, gate.beat()) == 1_000
    assert heard_ms(desk, presence) == 1_000
    assert heard_ms(desk, Arrival(0, ADDRESS.up("probe"), b"{}", False, lambda: None)) == 1_000
    assert desk.refuses(Arrival(0, topic, word, False, lambda: None)) == "unsigned"
    assert desk.register.gates[ADDRESS].online is True


def test_a_press_that_does_not_verify_takes_the_mark_from_an_incident(tmp_path, gate):
    desk = Desk(tmp_path)
    desk.keys.add(str(ADDRESS), pem_of(PublicKey(GATE.public_key)))
    desk.takes(gate.press(1))
    incident: Any = desk.intake.open_incidents()[0]
    assert incident.verified
    (tmp_path / "keys" / "county-1.school-1.gate-1.pem").unlink()
    second = gate.record(2)
    event = wire.event_of(second, second.wall, replayed=False, age_ms=None)
    joined = replace(event, incident=f"{gate.boot}-1")
    desk.takes(Arrival(0, ADDRESS.up("alarm"), wire.encode(joined), False, lambda: None))
    assert desk.intake.open_incidents()[0].verified is False
    desk.archive.close()

"""The gate's own key and the centre's, from the settings: what is missing or damaged never stops a gate."""

from __future__ import annotations

import os
from pathlib import Path

from edge import wire
from edge.drivers.clock import SystemClock
from edge.events import Fact, Noted, Qualifier, Trouble
from edge.ledger_key import PublicKey, pem_of
from edge.seals import taken_off
from edge.settings import ClockSettings, parse
from edge.trust_hands import TrustHands
from tests.unit.signers import CENTRE, GateEnd, window

SETTINGS = """
gate = {{ county = "county-1", school = "school-1", gate = "gate-1", state_directory = "{state}" }}
button = {{ key_gpio = 17 }}
lamps = {{ status_gpio = 22, fault_gpio = 23 }}
broker = [{{ name = "one", host = "localhost", tls = false }}]
centre = {{ {centre} }}
"""


class Bench:
    """Hands with a state directory, and the facts that they posted."""

    def __init__(self, directory: Path, *, named: bool = True) -> None:
        self.file = directory / "centre.pub"
        self.facts: list[Fact] = []
        self.failures: list[str] = []
        centre = f'public_key_file = "{self.file}"' if named else ""
        settings = parse(SETTINGS.format(state=directory, centre=centre), "bench")
        self.hands = TrustHands(settings, SystemClock(ClockSettings()), self.facts.append, self.failures.append)

    def troubles(self) -> list[Qualifier]:
        assert all(isinstance(one, Noted) and one.trouble is Trouble.CENTRE_KEY_UNUSABLE for one in self.facts)
        return [one.qualifier for one in self.facts if isinstance(one, Noted)]


def test_what_is_sent_is_signed_by_the_ledgers_key(tmp_path):
    bench = Bench(tmp_path, named=False)
    gate = GateEnd()
    gate.trust = bench.hands.trust()
    assert taken_off(gate.press(1).payload)[1] != ""
    assert (tmp_path / "ledger.key").exists()
    assert bench.hands.holder.key is bench.hands.holder.load()
    assert bench.facts == []


def test_a_key_that_others_can_read_signs_nothing_and_the_gate_sends_on(tmp_path):
    (tmp_path / "ledger.key").write_bytes(b"x")
    (tmp_path / "ledger.key").chmod(0o644)
    bench = Bench(tmp_path, named=False)
    gate = GateEnd()
    gate.trust = bench.hands.trust()
    assert taken_off(gate.press(1).payload)[1] == ""
    (tmp_path / "ledger.key").unlink()
    bench.hands.holder.load()  # as the store's thread does at each event
    assert taken_off(gate.press(2).payload)[1] != ""


def test_a_card_that_hangs_over_the_key_does_not_keep_the_gate_from_its_brokers(tmp_path):
    os.mkfifo(tmp_path / "ledger.key", 0o600)  # who reads it waits until somebody writes
    bench = Bench(tmp_path, named=False)
    gate = GateEnd()
    gate.trust = bench.hands.trust()
    try:
        assert taken_off(gate.press(1).payload)[1] == ""
    finally:
        os.close(os.open(tmp_path / "ledger.key", os.O_WRONLY))
    assert bench.failures == []


def test_a_missing_centre_key_is_a_trouble_until_it_is_there(tmp_path):
    bench = Bench(tmp_path)
    trust = bench.hands.trust()
    gate = GateEnd()
    gate.trust = trust
    assert bench.troubles() == [Qualifier.NEW]
    assert gate.refuses(gate.address.commands, wire.encode(window())) == "unsigned"
    bench.file.write_bytes(pem_of(PublicKey(CENTRE.public_key)))
    trust.read_keys()
    assert bench.troubles() == [Qualifier.NEW, Qualifier.RESTORE]
    assert gate.refuses(gate.address.commands, wire.encode(window())) == "unsigned"

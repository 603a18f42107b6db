"""The register: silence, presence and troubles of gates, with time passed in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centre.register import SWEEP_MS, GateEntry, Register
from edge.events import Code, Qualifier
from edge.wire import SCHEMA, Event, GateWord
from tests.unit.centre_events import ADDRESS, trouble

LIMIT_MS = 90_000
NEXT = {"boot_counter": 2, "boot": "00000000000000bb"}


def word(boot_counter: int, connection: int, *, online: bool) -> GateWord:
    return GateWord(SCHEMA, online, "00000000000000aa", boot_counter, connection)


@pytest.fixture
def register() -> Register:
    return Register(LIMIT_MS)


@pytest.fixture
def gate(register) -> GateEntry:
    entry = register.gate(ADDRESS, 0)
    assert entry is not None
    return entry


def test_silence_is_noticed_within_the_limit_and_not_much_before(register, gate):
    register.heard(gate, 1000, 1)
    assert register.sweep(1000 + LIMIT_MS - SWEEP_MS - 1) == []
    assert register.sweep(1000 + LIMIT_MS - SWEEP_MS) == [gate]


def test_silence_is_told_once_and_ends_with_a_word(register, gate):
    assert register.sweep(LIMIT_MS) == [gate]
    assert register.sweep(LIMIT_MS + 1) == []
    assert register.heard(gate, LIMIT_MS + 2, 1)
    assert not gate.silent


def test_after_a_restart_of_the_centre_every_known_gate_gets_its_full_time(register, gate):
    later = Register(LIMIT_MS)
    later.know([(ADDRESS, 17, gate.standing)], 1_000_000)
    assert later.sweep(1_000_000 + LIMIT_MS - SWEEP_MS - 1) == []
    assert len(later.sweep(1_000_000 + LIMIT_MS)) == 1


def test_a_late_last_will_does_not_cover_a_newer_connection(register, gate):
    register.word(gate, 0, word(2, 5, online=True), retained=False)
    assert not register.word(gate, 0, word(2, 4, online=False), retained=False)
    assert not register.word(gate, 0, word(1, 9, online=False), retained=False)
    assert gate.online
    assert register.word(gate, 0, word(2, 5, online=False), retained=False)
    assert gate.online is False


def test_a_gate_is_online_if_one_broker_says_so(register, gate):
    assert gate.online is None
    register.word(gate, 0, word(1, 1, online=True), retained=False)
    register.word(gate, 1, word(1, 1, online=False), retained=False)
    assert gate.online


def test_a_trouble_stands_until_it_is_restored(register, gate):
    assert register.trouble(gate, trouble(1, "loop_open"))
    assert list(gate.troubles) == ["loop_open"]
    assert register.trouble(gate, trouble(2, "loop_open", raised=False))
    assert gate.troubles == {}


STORY = [
    trouble(1, "loop_open"),
    trouble(2, "loop_open", raised=False),
    trouble(3, "broker_lost"),
    trouble(4, "", code=Code.RESTART, body={}, **NEXT),
    trouble(5, "key_stuck", **NEXT),
    trouble(6, "clock_unsynced", **NEXT),
    trouble(7, "clock_unsynced", raised=False, **NEXT),
]


def test_a_trouble_found_at_start_up_outlives_the_restart_that_is_told_after_it(register, gate):
    """Refused settings and a damaged card are found before the store is read, and "restart" is told after that."""
    register.trouble(gate, trouble(9, "loop_open", boot_counter=1))
    register.trouble(gate, trouble(1, "settings_refused", **NEXT))
    register.trouble(gate, trouble(2, "", code=Code.RESTART, body={}, **NEXT))
    assert list(gate.troubles) == ["settings_refused"]


def test_a_restart_whose_counter_could_not_be_kept_ends_the_troubles_of_the_life_before(register, gate):
    register.trouble(gate, trouble(9, "loop_open"))
    register.trouble(gate, trouble(1, "", code=Code.RESTART, body={}, boot="00000000000000bb", monotonic_ms=500))
    assert gate.troubles == {}


def test_the_troubles_of_two_brokers_end_each_by_itself(register, gate):
    for counter, broker in enumerate(("one", "two"), 1):
        register.trouble(gate, trouble(counter, "", body={"trouble": "broker_lost", "part": broker, "detail": "cut"}))
    back = {"trouble": "broker_lost", "part": "one", "detail": "connected"}
    register.trouble(gate, trouble(3, "", raised=False, body=back))
    assert list(gate.troubles) == ["broker_lost:two"]


@given(st.permutations(STORY), st.lists(st.sampled_from(STORY)))
def test_what_stands_depends_on_the_gate_s_order_not_on_arrival(events: list[Event], again: list[Event]):
    """Late, repeated and overtaking events leave the troubles as the gate last said."""
    register = Register(LIMIT_MS)
    entry = register.gate(ADDRESS, 0)
    assert entry is not None
    for one in events + again:
        register.trouble(entry, one)
    assert list(entry.troubles) == ["key_stuck"]


def test_a_new_card_whose_boots_count_from_one_is_believed(register, gate):
    register.word(gate, 0, word(9, 1, online=True), retained=False)
    register.trouble(gate, trouble(1, "loop_open", boot_counter=9))
    register.word(gate, 0, word(1, 1, online=True), retained=False)
    assert gate.troubles == {}
    assert register.trouble(gate, trouble(1, "key_stuck"))


def test_status_events_and_events_without_a_name_raise_nothing(register, gate):
    assert not register.trouble(gate, trouble(1, "x", qualifier=Qualifier.STATUS))
    assert not register.trouble(gate, trouble(2, "x", body={"trouble": 7}))
    assert gate.troubles == {}


def test_made_up_troubles_are_bounded_and_counted(register, gate):
    for counter in range(1, 200):
        register.trouble(gate, trouble(counter, f"made-up-{counter}"))
    assert len(gate.troubles) == 64
    assert register.refused["troubles"] == 135

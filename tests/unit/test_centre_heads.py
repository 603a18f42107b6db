"""The centre as the ledger's witness: what was shortened or rewritten shows, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centre.heads import SETTLE_MS, Head, Heads, head_of, heard

OLD, NEW, STRANGE = "00000000000000aa", "00000000000000bb", "00000000000000cc"


def head(number: int, hash: str | None = None, *, at: int = 0, boot: str = OLD, counter: int = 5) -> Head:
    return Head(number, hash or f"hash of {number}", boot, counter, at, at)


def wrong(*told: Head) -> list[str]:
    heads, found = Heads(), []
    for one in told:
        heads, said = heard(heads, one)
        if said is not None:
            found.append(said)
    return found


def test_a_ledger_that_grows_is_well():
    assert wrong(head(1, at=1), head(1, at=2), head(7, at=3)) == []


def test_a_cut_tail_shows():
    (said,) = wrong(head(7, at=1), head(6, at=2))
    assert said == "its ledger was shortened to 6; before, it ended with 7:hash of 7"


def test_a_rewritten_record_shows():
    assert "rewritten" in wrong(head(7, at=1), head(7, "another", at=2))[0]


def test_each_tampering_is_told_once():
    assert len(wrong(head(7, at=1), head(6, at=2), head(6, at=3), head(5, at=4))) == 2


def test_a_cut_over_a_restart_of_the_gate_shows():
    assert wrong(head(7, at=900), head(3, at=1, boot=NEW, counter=6)) != []


@given(st.permutations(list(range(2, 9))))
def test_heartbeats_that_overtake_one_another_are_no_tampering(order):
    assert wrong(head(1, at=1), *(head(number, at=number) for number in order)) == []


def test_heartbeats_of_an_earlier_life_that_waited_at_a_broker_are_no_tampering():
    """They come at once, and then never again."""
    late = [head(number, at=5000 + number, boot=STRANGE, counter=4) for number in (3, 4, 5)]
    assert wrong(head(9, at=4000), *late, head(9, at=6000)) == []


def test_a_card_that_was_set_back_is_found_within_a_minute_or_two():
    """Its boots count from an older number again, and it goes on speaking."""
    back = [head(3, at=at, boot=STRANGE, counter=1) for at in (1000, 1000 + SETTLE_MS - 1)]
    assert wrong(head(9, at=500), *back) == []
    assert "shortened" in wrong(head(9, at=500), *back, head(3, at=1000 + SETTLE_MS, boot=STRANGE, counter=1))[0]


def test_a_living_gate_takes_the_stranger_s_time_back():
    told = [head(3, at=1000, boot=STRANGE, counter=1), head(9, at=1000 + SETTLE_MS)]
    assert wrong(head(9, at=500), *told, head(3, at=2000 + SETTLE_MS, boot=STRANGE, counter=1)) == []


HEALTH: dict[str, object] = {"boot": OLD, "boot_counter": 5, "monotonic_ms": 17, "ledger": {"number": 3, "hash": "ab"}}


def test_a_heartbeat_s_head_is_read():
    assert head_of(HEALTH, 99) == Head(3, "ab", OLD, 5, 17, 99)
    assert head_of({"boot": OLD}, 99) is None
    assert head_of({"ledger": None}, 99) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"ledger": 7},
        {"ledger": {}},
        {"ledger": {"number": -1, "hash": "ab"}},
        {"ledger": {"number": "3", "hash": "ab"}},
        {"ledger": {"number": 3, "hash": None}},
        {"ledger": {"number": 3, "hash": "a" * 129}},
        {"ledger": {"number": 2**70, "hash": "ab"}},
        {"boot": None},
        {"monotonic_ms": "x"},
    ],
)
def test_a_head_that_is_nonsense_is_refused(changes: dict[str, Any]):
    with pytest.raises(ValueError):
        head_of({**HEALTH, **changes}, 99)

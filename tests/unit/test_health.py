"""Troubles, duties and the watchdog."""

from __future__ import annotations

from edge import health
from edge.events import Alive, FeedWatchdog, MessageRefused, Ticked, Trouble
from edge.health import CONTACT, LAMPS, STORE, Health, Reported, Told


def alive(state: Health, at_ms: int, *duties: str) -> Health:
    for duty in duties:
        state, _ = health.step(state, Alive(duty, at_ms))
    return state


def fed(state: Health, at_ms: int, *, callbacks_dead: bool = False) -> bool:
    _, out = health.step(state, Ticked(at_ms), callbacks_dead=callbacks_dead, status="well")
    return FeedWatchdog("well") in out


def test_the_watchdog_is_fed_while_the_duties_that_matter_work() -> None:
    assert fed(alive(Health(), 9_000, CONTACT, LAMPS, STORE), 10_000)


def test_it_is_starved_when_the_contact_hand_is_silent() -> None:
    state = alive(alive(Health(), 9_000, CONTACT), 20_000, LAMPS, STORE)
    assert not fed(state, 20_000)


def test_it_is_starved_when_the_lamps_are_silent() -> None:
    assert not fed(alive(alive(Health(), 1_000, LAMPS), 20_000, CONTACT, STORE), 20_000)


def test_it_is_starved_when_the_callback_thread_is_dead() -> None:
    assert not fed(alive(Health(), 9_000, CONTACT, LAMPS, STORE), 10_000, callbacks_dead=True)


def test_a_store_that_hangs_is_reported_and_not_restarted() -> None:
    state = alive(alive(Health(), 1_000, STORE), 20_000, CONTACT, LAMPS)
    _, out = health.step(state, Ticked(20_000), status="well")
    assert FeedWatchdog("well") in out
    assert [(one.trouble, one.part) for one in out if isinstance(one, Reported)] == [(Trouble.DUTY_LATE, STORE)]


def test_a_duty_that_never_began_is_missed_after_the_start() -> None:
    assert fed(Health(), 5_000)
    assert not fed(Health(), 10_001)


def test_the_watchdog_is_fed_once_a_second_at_most() -> None:
    state, _ = health.step(alive(Health(), 900, CONTACT), Ticked(1_000), status="well")
    assert health.step(state, Ticked(1_999), status="well")[1] == ()
    assert health.wake_at(state) == 2_000


def test_a_trouble_is_reported_when_it_begins_and_when_it_ends_and_not_between() -> None:
    reported = []
    state = Health()
    for raised in (False, True, True, False, False):
        state, out = health.step(state, Told(Trouble.BROKER_LOST, "main", raised, "why", 5))
        reported += [one.raised for one in out if isinstance(one, Reported)]
    assert reported == [True, False]


def test_troubles_of_two_brokers_are_two() -> None:
    state = Health()
    for part in ("main", "spare"):
        state, _ = health.step(state, Told(Trouble.BROKER_LOST, part, True, "why", 5))
    state, _ = health.step(state, Told(Trouble.BROKER_LOST, "main", False, "", 6))
    assert [one.part for one in state.standing] == ["spare"]


def test_every_refusal_is_counted_by_its_reason() -> None:
    state = Health()
    for reason in ("retained", "retained", "malformed"):
        state, _ = health.step(state, MessageRefused(reason, 0))
    assert state.counters == {"refused_retained": 2, "refused_malformed": 1}

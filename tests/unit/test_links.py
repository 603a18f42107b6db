"""Dialling, liveness, heartbeats."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from edge import links
from edge.events import Acked, CentreStatus, Connect, Disconnect, LinkDown, LinkUp, Ticked, Trouble
from edge.links import Beat, LineTrouble, LinkRules, Links, Outcome, Phase

RULES = LinkRules(jitter_seed=7)
News = Acked | LinkUp | LinkDown | CentreStatus | Ticked


def run(news: Iterable[News], state: Links | None = None) -> tuple[Links, list[Outcome]]:
    state, out = state or links.begin(RULES), []
    for one in news:
        state, said = links.step(state, one)
        out += said
    return state, out


def down(at_ms: int, *, old_protocol: bool = False) -> LinkDown:
    return LinkDown(0, "cut", old_protocol, at_ms)


UP = [Ticked(0), LinkUp(0, True, 10)]


def test_every_broker_is_dialled_at_start() -> None:
    rules = LinkRules(brokers=("a", "b"), mqtt5_first=(True, False), mqtt3_allowed=(True, True))
    _, out = run([Ticked(0)], links.begin(rules))
    assert out == [Connect(0, True), Connect(1, False)]


def test_a_broker_is_dialled_again_for_ever_with_jitter_within_the_limit() -> None:
    state, _ = run([Ticked(0)])
    pauses = []
    for turn in range(1, 200):
        now_ms = turn * 100_000
        state, _ = links.step(state, down(now_ms))
        pauses.append(state.links[0].retry_ms - now_ms)
        state, out = links.step(state, Ticked(now_ms + 60_000))
        assert [one for one in out if isinstance(one, Connect)] == [Connect(0, True)]
    assert max(pauses) <= RULES.reconnect_ms_max + 50
    assert len(set(pauses[10:])) > 100


def test_gates_with_different_seeds_come_back_at_different_times() -> None:
    """A county's gates lose their broker together."""
    times = set()
    for seed in range(200):
        state, _ = run([Ticked(0), down(0), down(1), down(2), down(3)], links.begin(LinkRules(jitter_seed=seed)))
        times.add(state.links[0].retry_ms // 100)
    assert len(times) > 40


def test_mqtt_3_is_tried_at_once_where_5_is_not_spoken_and_5_again_after_the_next_loss() -> None:
    state, out = run([Ticked(0), down(5, old_protocol=True), Ticked(5)])
    assert out[-1] == Connect(0, False)
    state, _ = run([LinkUp(0, False, 6), down(10)], state)
    _, out = run([Ticked(60_000)], state)
    assert Connect(0, True) in out


def test_a_connection_begins_with_a_heartbeat_and_has_one_every_30_s() -> None:
    state, _ = run(UP)
    beats = []
    for now_ms in range(10, 100_000, 250):
        state, out = links.step(state, Ticked(now_ms))
        for one in out:
            if isinstance(one, Beat):
                beats.append((now_ms, one.probe))
                state = links.spoken(state, 0, now_ms)
                state, _ = links.step(state, Acked(0, None, 0, now_ms))
    full = [now_ms for now_ms, probe in beats if not probe]
    assert full[0] == 10
    assert all(later - earlier <= 30_250 for earlier, later in itertools.pairwise(full))
    assert any(probe for _, probe in beats)


def test_a_broker_that_acknowledges_nothing_is_thrown_away() -> None:
    state, _ = run(UP)
    state = links.spoken(state, 0, 1_000)
    state, out = run([Ticked(10_999)], state)
    assert not [one for one in out if isinstance(one, Disconnect)]
    state, out = run([Ticked(11_000)], state)
    assert [one.broker for one in out if isinstance(one, Disconnect)] == [0]
    assert links.room(state) == (0,)
    assert run([Ticked(12_000)], state)[1] == []


def test_an_acknowledgement_renews_the_patience() -> None:
    state, _ = run(UP)
    for now_ms in (1_000, 2_000):
        state = links.spoken(state, 0, now_ms)
    state, _ = run([Acked(0, None, 0, 9_000)], state)
    _, out = run([Ticked(11_500)], state)
    assert not [one for one in out if isinstance(one, Disconnect)]


def test_a_broker_never_gets_more_than_20_unanswered() -> None:
    state, _ = run(UP)
    for _ in range(25):
        state = links.spoken(state, 0, 10)
    assert links.room(state) == (0,)
    assert links.room(run(UP)[0]) == (20,)


def test_a_broker_lost_for_a_minute_is_a_trouble_until_it_is_back() -> None:
    state, out = run([*UP, down(1_000), Ticked(60_999)])
    assert not [one for one in out if isinstance(one, LineTrouble)]
    state, out = run([Ticked(61_000), LinkUp(0, True, 70_000)], state)
    assert [(one.trouble, one.raised) for one in out if isinstance(one, LineTrouble)] == [
        (Trouble.BROKER_LOST, True),
        (Trouble.BROKER_LOST, False),
    ]
    assert state.links[0].phase is Phase.UP


def test_a_centre_that_does_not_listen_is_a_trouble_though_the_broker_is_there() -> None:
    _, out = run([*UP, CentreStatus(0, False, 20), CentreStatus(0, False, 30), CentreStatus(0, True, 40)])
    assert [(one.trouble, one.raised) for one in out if isinstance(one, LineTrouble)] == [
        (Trouble.CENTRE_LOST, True),
        (Trouble.CENTRE_LOST, False),
    ]

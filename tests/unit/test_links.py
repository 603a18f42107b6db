"""Dialling, liveness, heartbeats."""

from __future__ import annotations

import itertools
from collections import Counter
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


def test_a_county_that_lost_its_broker_in_one_moment_comes_back_over_forty_seconds() -> None:
    times = Counter[int]()
    for seed in range(2_000):
        state, _ = run([*UP, down(1_000)], links.begin(LinkRules(jitter_seed=seed)))
        times[(state.links[0].retry_ms - 1_000) // 1_000] += 1
    assert set(range(40)) <= set(times) <= set(range(41))
    assert max(times.values()) <= 100, "connections in one second"


def test_a_county_that_got_its_power_back_in_one_moment_does_not_dial_in_one_moment() -> None:
    waits = [links.wake_at(links.begin(LinkRules(jitter_seed=seed, spread_start=True), 9_000)) for seed in range(2_000)]
    seconds = Counter((wait_ms - 9_000) // 1_000 for wait_ms in waits)
    assert max(seconds.values()) <= 100
    assert min(seconds) >= 0
    assert max(seconds) <= 40


def test_an_alarm_waits_for_no_spread_and_its_next_dials_are_quick() -> None:
    for phase in ([Ticked(0), down(5)], [Ticked(0)], [*UP, down(1_000)]):
        state, _ = run(phase)
        state = links.hurry(state, 2_000, waits=True)
        assert links.hurry(state, 2_001, waits=True) is state, "said once"
        _, out = run([Ticked(2_001)], state)
        dialled = [one for one in out if isinstance(one, Connect)]
        assert dialled == ([Connect(0, True)] if phase[-1] != Ticked(0) else [])
        state, _ = run([Ticked(2_001), down(2_002)], state)
        assert state.links[0].retry_ms <= 2_002 + 1_050
        state, _ = run([Ticked(4_000), LinkUp(0, True, 4_001)], state)
        assert not state.links[0].hurried, "the next loss is nobody's alarm"


def test_once_no_alarm_waits_a_broker_that_stays_away_is_dialled_no_more_often_than_by_others() -> None:
    """Else one alarm, or the mark of one test, made a county with a dead second broker dial it every 8 s for ever."""
    state, _ = run([Ticked(0), down(5)])
    state = links.hurry(state, 2_000, waits=True)
    state = links.hurry(state, 2_500, waits=False)
    assert links.hurry(state, 2_501, waits=False) is state
    for turn in range(1, 50):
        now_ms = turn * 100_000
        state, _ = run([Ticked(now_ms), down(now_ms)], state)
        assert state.links[0].retry_ms - now_ms >= (RULES.reconnect_ms_max // 3 if turn > 1 else 0)


def test_a_connection_that_stands_is_left_alone_by_an_alarm() -> None:
    state, _ = run(UP)
    assert links.hurry(state, 50, waits=True) is state


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

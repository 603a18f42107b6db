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


# --- in figures -----------------------------------------------------------------------------------------------------


def links_of(count: int = 1, **rules: object) -> Links:
    names = tuple("abcd"[:count])
    return links.begin(
        LinkRules(brokers=names, mqtt5_first=(True,) * count, mqtt3_allowed=(True,) * count, **rules)  # type: ignore[arg-type]
    )


def test_a_gate_dials_at_the_same_moments_whatever_version_it_runs() -> None:
    """They are a hash of its seed, the broker and the turn: a simulator dials as the gate does."""
    begun = [links_of(2, jitter_seed=seed, spread_start=True) for seed in (0, 7, 4_000_000_000)]
    assert [tuple(link.retry_ms for link in one.links) for one in begun] == [(50, 10045), (27633, 32243), (12086, 9668)]
    state, pauses = links_of(jitter_seed=7), []
    for turn in range(1, 5):
        state, _ = links.step(state, down(turn * 100_000))
        pauses.append(state.links[0].retry_ms - turn * 100_000)
    assert pauses == [4136, 21705, 57845, 44958]


def test_the_first_dials_are_spread_over_two_thirds_of_the_longest_pause_from_50_ms_on() -> None:
    waits = [links_of(jitter_seed=n, spread_start=True, reconnect_ms_max=61).links[0].retry_ms for n in range(2_000)]
    assert set(waits) == set(range(50, 90))
    assert links_of().links[0].retry_ms == 0


def test_the_second_pause_and_every_later_one_is_in_the_upper_two_thirds() -> None:
    for losses, expected in ((1, range(50, 90)), (2, range(70, 110)), (3, range(70, 110))):
        pauses = set()
        for seed in range(2_000):
            state = links_of(jitter_seed=seed, reconnect_ms_max=61)
            for turn in range(losses):
                state, _ = links.step(state, down(turn * 1_000))
            pauses.add(state.links[0].retry_ms - (losses - 1) * 1_000)
        assert pauses == set(expected)


def test_with_an_alarm_to_send_the_pauses_grow_from_1_s_to_8() -> None:
    for attempts, longest_ms in ((1, 1_000), (2, 2_000), (3, 4_000), (4, 8_000), (5, 8_000), (20, 8_000)):
        pauses = []
        for seed in range(500):
            state = links.hurry(links_of(jitter_seed=seed), 0, waits=True)
            for _ in range(attempts):
                state, _ = links.step(state, down(0))
            pauses.append(state.links[0].retry_ms)
        assert longest_ms * 0.98 < max(pauses) < longest_ms + 50 <= 8_050
        assert 50 <= min(pauses) < longest_ms * 0.02 + 50


def test_time_is_asked_for_by_what_is_due_first() -> None:
    state = links_of()
    assert links.wake_at(state) == 0
    state, _ = run([Ticked(0)], state)
    assert links.wake_at(state) == 1 << 62, "dialling: only an answer ends it"
    state, _ = run([LinkUp(0, True, 10)], state)
    assert links.wake_at(state) == 10, "the first heartbeat"
    state, _ = run([Ticked(10)], state)
    assert links.wake_at(state) == 10_010, "a probe, unless something is answered"
    state = links.spoken(state, 0, 500)
    assert links.wake_at(state) == 10_500, "the patience with what was handed to it"
    state, _ = run([Acked(0, None, 0, 25_000)], state)
    assert links.wake_at(state) == 30_010, "the next heartbeat"
    state, _ = run([down(40_000)], state)
    assert links.wake_at(state) == state.links[0].retry_ms
    state, _ = run([Ticked(state.links[0].retry_ms)], state)
    assert links.wake_at(state) == 100_000, "the trouble"
    state, _ = run([Ticked(100_000)], state)
    assert links.wake_at(state) == 1 << 62, "it is told once"


def test_what_is_unanswered_is_counted_and_never_below_none() -> None:
    state, _ = run(UP)
    state = links.spoken(links.spoken(state, 0, 1_000), 0, 2_000)
    assert (state.links[0].unanswered, state.links[0].progress_ms) == (2, 1_000), "the patience is with the first"
    state, _ = run([Acked(0, None, 0, 3_000)], state)
    assert (state.links[0].unanswered, state.links[0].progress_ms) == (1, 3_000)
    state, _ = run([Acked(0, None, 0, 3_000), Acked(0, None, 0, 3_001)], state)
    assert state.links[0].unanswered == 0
    assert links.spoken(state, 0, 9_000).links[0].progress_ms == 9_000


def test_only_a_connected_broker_has_room() -> None:
    state, _ = run([LinkUp(1, True, 10)], links_of(3))
    assert links.room(links.spoken(state, 1, 11)) == (0, 19, 0)
    assert links.connected(state)
    assert not links.connected(links_of(3))


def test_a_probe_is_asked_10_s_after_the_last_answer_where_nothing_is_awaited() -> None:
    state, _ = run([*UP, Ticked(10)])
    assert run([Ticked(10_009)], state)[1] == []
    assert run([Ticked(10_010)], state)[1] == [Beat(0, probe=True)]
    assert run([Ticked(10_010)], links.spoken(state, 0, 9_000))[1] == []


def test_a_broker_that_is_thrown_away_is_told_why_and_counted_as_a_loss_of_its_own() -> None:
    state, _ = run(UP)
    state, out = run([Ticked(12_000)], links.spoken(state, 0, 1_000))
    assert out == [Disconnect(0, "no acknowledgement for 10 s")]
    state, _ = run([down(12_001), Ticked(90_000), down(90_001)], state)
    link = state.links[0]
    assert (link.losses, link.attempts, link.lost_ms, link.reason) == (1, 2, 12_001, "cut")


def test_the_old_protocol_is_dialled_only_where_the_settings_allow_it_and_only_once() -> None:
    rules = LinkRules(mqtt3_allowed=(False,), jitter_seed=7)
    state, _ = run([Ticked(0), down(5, old_protocol=True)], links.begin(rules))
    assert state.links[0].mqtt5
    assert state.links[0].retry_ms >= 5 + 50
    state, _ = run([Ticked(0), down(5, old_protocol=True)])
    assert (state.links[0].mqtt5, state.links[0].retry_ms) == (False, 5)
    state, _ = run([Ticked(5), down(6, old_protocol=True)], state)
    assert state.links[0].mqtt5
    assert state.links[0].retry_ms > 6


def test_a_trouble_names_the_broker_and_the_reason_and_its_end_the_broker_that_is_back() -> None:
    state, out = run([Ticked(0), LinkDown(1, "refused", False, 1_000), Ticked(61_000)], links_of(2))
    told = [one for one in out if isinstance(one, LineTrouble)]
    assert told == [LineTrouble(Trouble.BROKER_LOST, True, "b: refused", 61_000, 1)]
    assert run([LinkUp(1, True, 70_000)], state)[1] == [
        LineTrouble(Trouble.BROKER_LOST, False, "b: connected", 70_000, 1)
    ]
    assert run([LinkUp(0, True, 70_000)], state)[1] == []


def test_the_centre_is_deaf_only_where_every_connected_broker_that_knows_says_so() -> None:
    state, out = run([LinkUp(0, True, 1), LinkUp(1, True, 1), CentreStatus(0, False, 2)], links_of(3))
    assert state.deaf, "the other one has not said anything yet"
    state, out = run([CentreStatus(1, True, 3)], state)
    assert out == [LineTrouble(Trouble.CENTRE_LOST, False, "the centre listens", 3, None)]
    state, out = run([LinkDown(1, "cut", False, 4)], state)
    assert out == [LineTrouble(Trouble.CENTRE_LOST, True, "the centre's application is not listening", 4, None)]
    state, out = run([LinkDown(0, "cut", False, 5)], state)
    assert (state.deaf, out) == (True, []), "nobody is left to say anything else"


def test_a_hurry_begins_the_dials_anew_for_those_that_are_away_and_puts_none_off() -> None:
    state, _ = run([LinkUp(0, True, 1), LinkDown(1, "cut", False, 5), LinkDown(1, "cut", False, 6)], links_of(3))
    hurried = links.hurry(state, 9_000, waits=True)
    assert hurried.links[0] == state.links[0]
    assert (hurried.links[1].attempts, hurried.links[1].retry_ms) == (0, min(9_000, state.links[1].retry_ms))
    assert (hurried.links[2].retry_ms, hurried.links[2].hurried) == (0, True), "it was due already"

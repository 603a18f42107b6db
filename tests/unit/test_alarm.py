"""What a press means: incident, lamp, siren, and what ends them."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge import alarm, latching
from edge.alarm import Alarm, AlarmRules, Communication, Draft, Outcome, Press, Pressed, Recovered, Reset, Track
from edge.events import (
    Acked,
    Backlog,
    Code,
    EventId,
    KeepLatch,
    Latch,
    Origin,
    Qualifier,
    ReceiptCame,
    Show,
    SoundSiren,
    Stage,
    StopSiren,
    Stored,
    Ticked,
    Topic,
)
from tests.unit.machines import id_of

SILENT = AlarmRules()
AUDIBLE = AlarmRules(audible=True, siren_ms_max=60_000)


def pressed(counter: int, at_ms: int = 0, origin: Origin = Origin.PERSON) -> Pressed:
    return Pressed(id_of(counter), origin, at_ms)


def stored(*counters: int, durable: bool = True) -> Stored:
    return Stored(tuple((id_of(counter), counter) for counter in counters), durable, Backlog(), 10)


def acked(counter: int) -> Acked:
    return Acked(0, id_of(counter), 0, 20)


def receipt(counter: int, stage: Stage = Stage.RECEIVED, at_ms: int = 30) -> ReceiptCame:
    return ReceiptCame(id_of(counter), stage, "officer", None, at_ms)


def reset(*event_counters: int) -> Reset:
    return Reset("name", "key", tuple(id_of(counter) for counter in event_counters), 50)


def run(news: Iterable[object], rules: AlarmRules = SILENT) -> tuple[Alarm, list[Outcome]]:
    state, out = Alarm(rules=rules), []
    for one in news:
        state, said = alarm.step(state, one)  # type: ignore[arg-type]
        out += said
    return state, out


def drafts(out: list[Outcome]) -> list[Draft]:
    return [one for one in out if isinstance(one, Draft)]


def test_the_lamp_climbs_one_truth_at_a_time() -> None:
    steps = [
        (pressed(1), Show.PRESSED),
        (stored(1), Show.STORED),
        (acked(1), Show.AT_BROKER),
        (receipt(1), Show.RECEIVED),
        (receipt(1, Stage.SEEN), Show.SEEN),
        (receipt(1, Stage.DISPATCHED), Show.DISPATCHED),
    ]
    state = Alarm()
    assert alarm.show(state) is Show.READY
    for news, shown in steps:
        state, _ = alarm.step(state, news)  # type: ignore[arg-type]
        assert alarm.show(state) is shown


def test_what_is_only_in_memory_is_not_called_stored() -> None:
    state, _ = run([pressed(1), stored(1, durable=False)])
    assert alarm.show(state) is Show.PRESSED


def test_a_second_press_joins_the_incident_and_the_lamp_shows_the_least_advanced() -> None:
    state, out = run([pressed(1), stored(1), acked(1), receipt(1), receipt(1, Stage.SEEN), pressed(2, 40)])
    assert [(one.id, one.incident) for one in drafts(out)] == [(id_of(1), id_of(1)), (id_of(2), id_of(1))]
    assert alarm.show(state) is Show.PRESSED
    state, _ = alarm.step(state, receipt(2))
    assert alarm.show(state) is Show.SEEN


def test_of_two_presses_on_their_way_the_lamp_shows_the_one_behind() -> None:
    state, _ = run([pressed(1), stored(1), acked(1), pressed(2, 40)])
    assert alarm.show(state) is Show.PRESSED
    state, _ = alarm.step(state, stored(2))
    assert alarm.show(state) is Show.STORED


def test_a_card_slower_than_the_centre_is_still_said_to_have_stored_the_press() -> None:
    """The receipt ends what is owed; the guard's and the demo's question when it was stored stands."""
    state, _ = run([pressed(1), receipt(1), acked(1), stored(1)])
    assert state.track is not None
    assert (state.track.received_ms, state.track.at_broker_ms, state.track.stored_ms) == (30, 20, 10)


def test_a_receipt_for_another_id_moves_nothing() -> None:
    before, _ = run([pressed(1), stored(1)])
    after, out = alarm.step(before, receipt(7))
    assert after == before
    assert out == ()


def test_an_officer_s_word_never_goes_back() -> None:
    state, _ = run([pressed(1), receipt(1), receipt(1, Stage.DISPATCHED), receipt(1, Stage.SEEN)])
    assert alarm.show(state) is Show.DISPATCHED


def test_no_receipt_in_30_s_is_told_and_restored_when_it_comes() -> None:
    _, out = run([pressed(1), stored(1), acked(1), Ticked(29_999), Ticked(30_000), Ticked(40_000), receipt(1)])
    told = [one for one in out if isinstance(one, Communication)]
    assert [one.raised for one in told] == [True, False]
    assert told[0].at_ms == 30_000
    assert told[0].trouble.code is Code.FAILURE_TO_COMMUNICATE


def test_where_the_broker_is_the_end_the_lamp_claims_no_more() -> None:
    state, out = run([pressed(1), stored(1), acked(1), Ticked(60_000)], AlarmRules(done_on_broker=True))
    assert alarm.show(state) is Show.AT_BROKER
    assert not [one for one in out if isinstance(one, Communication)]


def test_where_the_broker_is_the_end_one_early_receipt_does_not_speak_for_the_next_press() -> None:
    state, _ = run([pressed(1), receipt(1), acked(1), pressed(2), acked(2)], AlarmRules(done_on_broker=True))
    assert alarm.show(state) is Show.AT_BROKER


def test_what_was_done_at_the_broker_is_not_said_to_be_with_the_centre_once_the_settings_have_changed() -> None:
    """Each press is kept with the latch; the gate then starts anew, with ``alarm.done_on`` set to the receipt."""
    _, out = run([pressed(1), acked(1)], AlarmRules(done_on_broker=True))
    kept = drafts(out)[0].latch
    state, out = run([Recovered(kept, (), 0)])
    assert alarm.show(state) is Show.AT_BROKER
    state, _ = alarm.step(state, pressed(2))
    state, _ = alarm.step(state, receipt(2))
    assert alarm.show(state) is Show.AT_BROKER, "of the first press the centre has said nothing"
    (again,) = [one.latch for one in out if isinstance(one, KeepLatch)]
    state, _ = run([Recovered(again, (), 0), replace(receipt(1), stage=Stage.SEEN)])
    assert alarm.show(state) is Show.SEEN
    state, _ = run([Recovered(again, (), 0), reset(3), pressed(4), receipt(4)])
    assert alarm.show(state) is Show.RECEIVED, "a new incident has its own truth"


def test_a_receipt_before_the_settings_changed_is_shown_as_no_more_than_the_broker() -> None:
    _, out = run([pressed(1), receipt(1)])
    state, _ = run([Recovered(drafts(out)[0].latch, (), 0)], AlarmRules(done_on_broker=True))
    assert alarm.show(state) is Show.AT_BROKER


def test_a_reset_ends_the_incident_but_not_what_is_owed() -> None:
    state, out = run([pressed(1), stored(1), reset(2)])
    assert not alarm.is_open(state)
    assert alarm.show(state) is Show.STORED
    end = drafts(out)[-1]
    assert (end.code, end.qualifier, end.incident) == (Code.PANIC_RESET, Qualifier.RESTORE, id_of(1))
    assert end.latch is not None
    assert end.latch.ids == ()
    state, _ = alarm.step(state, receipt(1))
    assert alarm.show(state) is Show.READY


def test_a_reset_without_an_incident_does_nothing() -> None:
    assert run([reset()])[1] == []


def test_the_siren_is_silent_unless_the_settings_say_otherwise() -> None:
    assert SoundSiren() not in run([pressed(1)])[1]
    assert drafts(run([pressed(1)])[1])[0].code is Code.SILENT_PANIC
    assert drafts(run([pressed(1)], AUDIBLE)[1])[0].code is Code.AUDIBLE_PANIC


def test_the_siren_stops_by_itself_the_incident_does_not() -> None:
    state, out = run([pressed(1), Ticked(59_999), Ticked(60_000)], AUDIBLE)
    assert [type(one) for one in out if isinstance(one, SoundSiren | StopSiren)] == [SoundSiren, StopSiren]
    assert alarm.is_open(state)


def test_the_siren_is_commanded_before_anything_else() -> None:
    _, out = alarm.step(Alarm(rules=AUDIBLE), pressed(1))
    assert out[0] == SoundSiren()


def latch(kernel_boot: str = "k1", officer: Stage | None = None) -> Latch:
    return Latch((id_of(1),), officer, 2, 90_000, kernel_boot)


def recovered(kept: Latch | None, *owed: EventId) -> Recovered:
    return Recovered(kept, tuple((id, 0) for id in owed), 50_000)


def test_a_restart_in_mid_alarm_rebuilds_lamp_and_siren() -> None:
    state, out = alarm.step(Alarm(rules=AUDIBLE, kernel_boot="k1"), recovered(latch(), id_of(1)))
    assert alarm.is_open(state)
    assert alarm.show(state) is Show.STORED
    assert SoundSiren() in out
    assert state.siren_until_ms == 90_000


def test_the_siren_gets_its_full_time_where_the_old_clock_cannot_be_compared() -> None:
    state, _ = alarm.step(Alarm(rules=AUDIBLE, kernel_boot="k2"), recovered(latch()))
    assert state.siren_until_ms == 50_000 + 60_000


def test_a_siren_that_had_its_time_is_not_sounded_again_by_a_power_cut_days_later() -> None:
    """The alarm stays latched until somebody resets it; its siren does not start over with each boot of the kernel."""
    _, out = run([recovered(None), pressed(1), Ticked(60_000)], AUDIBLE)
    kept = [one.latch for one in out if isinstance(one, KeepLatch | Draft)][-1]
    state, out = alarm.step(Alarm(rules=AUDIBLE, kernel_boot="k2"), recovered(kept))
    assert alarm.is_open(state)
    assert SoundSiren() not in out


def test_a_siren_whose_time_ran_out_while_the_daemon_was_away_stays_off() -> None:
    _, out = alarm.step(Alarm(rules=AUDIBLE, kernel_boot="k1"), Recovered(latch(), (), 90_000))
    kept = [one.latch for one in out if isinstance(one, KeepLatch)][-1]
    _, later = alarm.step(Alarm(rules=AUDIBLE, kernel_boot="k2"), recovered(kept))
    assert SoundSiren() not in (*out, *later)


def test_what_the_officer_did_survives_a_restart() -> None:
    state, _ = alarm.step(Alarm(), recovered(latch(officer=Stage.DISPATCHED)))
    assert alarm.show(state) is Show.DISPATCHED


def test_a_press_before_the_old_latch_was_read_loses_neither() -> None:
    state, out = run([pressed(5), recovered(latch(), id_of(1))])
    assert state.ids == (id_of(5), id_of(1))
    assert KeepLatch(alarm.latch(state)) in out
    state, out = alarm.step(state, reset(6, 7))
    assert [one.incident for one in drafts(list(out))] == [id_of(5), id_of(1)]


def test_a_recovered_press_without_a_latch_still_shows_on_the_lamp() -> None:
    state, _ = alarm.step(Alarm(), recovered(None, id_of(1)))
    assert alarm.show(state) is Show.STORED


NEWS = st.one_of(
    st.builds(pressed, st.integers(1, 5), st.just(0), st.sampled_from(list(Origin))),
    st.builds(stored, st.integers(1, 5)),
    st.builds(acked, st.integers(1, 5)),
    st.builds(receipt, st.integers(1, 5), st.sampled_from([Stage.RECEIVED, Stage.SEEN, Stage.DISPATCHED])),
    st.builds(Ticked, st.integers(0, 300_000)),
)


@given(st.lists(NEWS, max_size=30), st.sampled_from([AlarmRules(), AUDIBLE, AlarmRules(done_on_broker=True)]))
def test_nothing_but_a_reset_ends_an_incident(news: list[object], rules: AlarmRules) -> None:
    state, _ = run([pressed(99)], rules)
    for one in news:
        state, _ = alarm.step(state, one)  # type: ignore[arg-type]
        assert id_of(99) in state.ids


@given(st.lists(NEWS, max_size=30))
def test_a_test_never_touches_an_alarm(news: list[object]) -> None:
    state, _ = run(news)
    after, out = alarm.step(state, pressed(50, origin=Origin.SELF_TEST))
    assert after == state
    assert [(one.topic, one.origin, one.incident) for one in drafts(list(out))] == [
        (Topic.SELF_TEST, Origin.SELF_TEST, None)
    ]


@given(st.lists(NEWS, max_size=30))
def test_received_is_never_shown_while_a_press_is_without_receipt(news: list[object]) -> None:
    state, waiting = Alarm(), set()
    for one in news:
        state, _ = alarm.step(state, one)  # type: ignore[arg-type]
        match one:
            case Pressed(id=id, origin=Origin.PERSON):
                waiting.add(id)
            case ReceiptCame(id=id, stage=Stage.RECEIVED):
                waiting.discard(id)
        if waiting:
            assert alarm.show(state) in (Show.PRESSED, Show.STORED, Show.AT_BROKER)


def test_a_press_before_the_store_was_read_does_not_end_an_older_alarm_on_the_card() -> None:
    """Storm 732: the new press overwrote the old latch, and the power went before both were put together."""
    _, out = run([pressed(5)])
    fresh = drafts(out)[0].latch
    assert fresh is not None
    assert latching.over(fresh, latch()).ids == (id_of(5), id_of(1))


def test_an_alarm_that_began_and_ended_before_the_store_was_read_does_not_come_back() -> None:
    """Storm 3167: press, officer and end came while the card hung; its first batch kept the press, and the end, laid
    over that, did not take it off. The next life showed *dispatched* for an alarm that was over."""
    _, out = run([pressed(5), ReceiptCame(id_of(5), Stage.DISPATCHED, "officer", None, 2_000), reset(6)])
    said = [one.latch for one in out if isinstance(one, (Draft, KeepLatch)) and one.latch is not None]
    assert [one.ids for one in said] == [(id_of(5),), (id_of(5),), ()]
    for older in (None, latch()):
        kept: Latch | None = older
        for one in said:
            kept = latching.over(one, kept)
        assert kept is not None
        expected = ((), 0) if older is None else (older.ids, older.presses)
        assert (kept.ids, kept.presses) == expected, "and nothing is counted twice"


def test_a_latch_said_after_the_store_was_read_replaces_what_was_kept() -> None:
    _, out = run([recovered(None), pressed(5)])
    fresh = drafts(out)[0].latch
    assert fresh is not None
    assert latching.over(fresh, latch()).ids == (id_of(5),)


def test_each_reset_record_takes_only_its_own_incident_off_the_latch() -> None:
    """Storm 5152: the power went between the two records, and one incident was gone without a word."""
    _, out = run([pressed(5), recovered(latch(), id_of(1)), reset(6, 7)])
    assert [one.latch.ids for one in drafts(out)[1:] if one.latch is not None] == [(id_of(1),), ()]


# --- in figures -----------------------------------------------------------------------------------------------------


def test_time_is_asked_for_when_an_alarm_is_late_or_a_siren_has_sounded_long_enough() -> None:
    assert alarm.wake_at(Alarm()) is None
    state, _ = run([pressed(1, 1_000), pressed(2, 5_000)])
    assert alarm.wake_at(state) == 31_000, "the oldest press"
    loud, _ = run([pressed(1, 1_000), receipt(1)], AUDIBLE)
    assert alarm.wake_at(loud) == 61_000
    both, _ = run([pressed(1, 1_000)], AUDIBLE)
    assert alarm.wake_at(both) == 31_000
    late, _ = run([pressed(1, 1_000), Ticked(31_000)])
    assert alarm.wake_at(late) is None, "it has been told"
    quiet, _ = run([pressed(1, 1_000), Ticked(61_000), receipt(1)], AUDIBLE)
    assert alarm.wake_at(quiet) is None


def test_presses_are_counted_from_one_and_the_end_tells_how_many_they_were_and_by_whom() -> None:
    state, out = run([pressed(1), pressed(2), pressed(3), reset(4), pressed(5)])
    assert [one.body for one in drafts(out)] == [
        {"press": 1}, {"press": 2}, {"press": 3}, {"by": "name", "means": "key", "presses": 3}, {"press": 1},
    ]  # fmt: skip
    assert [one.latch.presses for one in drafts(out) if one.latch is not None] == [1, 2, 3, 0, 1]
    assert state.ids == (id_of(5),)


def test_the_officers_word_ends_with_its_incident() -> None:
    state, _ = run([pressed(1), receipt(1), receipt(1, Stage.DISPATCHED), reset(2), pressed(3), receipt(3)])
    assert (state.officer, alarm.show(state)) == (None, Show.RECEIVED)


def test_a_siren_that_had_its_time_or_was_reset_is_not_stopped_twice() -> None:
    for news in ([Ticked(60_000), Ticked(70_000), reset(2)], [reset(2), Ticked(60_000)]):
        state, out = run([pressed(1), *news], AUDIBLE)
        assert len([one for one in out if isinstance(one, StopSiren)]) == 1
        assert (state.siren_on, state.siren_until_ms) == (False, None)


def test_a_second_press_does_not_prolong_the_siren() -> None:
    state, out = run([pressed(1), pressed(2, 30_000)], AUDIBLE)
    assert out.count(SoundSiren()) == 1
    assert state.siren_until_ms == 60_000


def test_of_ended_incidents_the_last_64_are_remembered() -> None:
    state, _ = run([one for n in range(1, 131, 2) for one in (pressed(n), reset(n + 1))])
    assert (len(state.ended), state.ended[0], state.ended[-1]) == (64, id_of(3), id_of(129))


def test_each_stage_of_the_newest_press_is_dated_once() -> None:
    state, _ = run([pressed(1, 5), stored(1), acked(1), receipt(1), receipt(1, Stage.SEEN, 40)])
    state, _ = run_on(state, [receipt(1, Stage.DISPATCHED, 50), Stored(((id_of(1), 1),), True, Backlog(), 90)])
    assert state.track == Track(id_of(1), 5, 10, 20, 30, 40, 50)
    state, _ = run_on(state, [pressed(2, 60), stored(1), acked(1)])
    assert state.track == Track(id_of(2), 60), "what comes of an older press is not of this one"


def run_on(state: Alarm, news: Iterable[object]) -> tuple[Alarm, list[Outcome]]:
    out: list[Outcome] = []
    for one in news:
        state, said = alarm.step(state, one)  # type: ignore[arg-type]
        out += said
    return state, out


def test_an_acknowledgement_of_no_event_moves_nothing() -> None:
    state, _ = run([pressed(1)])
    assert alarm.step(state, Acked(0, None, 0, 20)) == (state, ())


def test_an_officers_word_for_another_incident_or_of_a_close_moves_nothing() -> None:
    state, _ = run([pressed(1), receipt(1)])
    for word in (receipt(2, Stage.SEEN), receipt(1, Stage.CLOSED)):
        assert alarm.step(state, word) == (state, ())
    state, out = alarm.step(state, receipt(1, Stage.SEEN))
    assert out == (KeepLatch(alarm.latch(state)),)
    assert alarm.step(state, receipt(1, Stage.SEEN)) == (state, ()), "said twice"


def test_how_many_presses_are_without_a_receipt_is_told_and_what_came() -> None:
    _, out = run([pressed(1), pressed(2, 9), Ticked(30_000), receipt(1), receipt(2)])
    told = [(one.raised, one.detail) for one in out if isinstance(one, Communication)]
    assert told == [(True, "2 press(es) without the centre's receipt"), (False, "the centre's receipt came")]
    _, out = run([pressed(1), Ticked(30_000)], AlarmRules(done_on_broker=True))
    assert [one.detail for one in out if isinstance(one, Communication)] == [
        "1 press(es) without the broker's acknowledgement"
    ]


def test_a_press_that_the_store_still_owes_counts_as_stored_and_one_that_is_known_stays_as_it_was() -> None:
    before, _ = run([pressed(1, 7)])
    state, _ = alarm.step(before, recovered(None, id_of(1), id_of(2)))
    assert state.waiting == {id_of(1): Press(7), id_of(2): Press(0, stored=True)}


def test_a_store_that_is_read_again_does_not_make_the_gate_say_its_own_latch_twice() -> None:
    state, out = run([pressed(1), recovered(None), recovered(None)])
    assert [one for one in out if isinstance(one, KeepLatch)] == [KeepLatch(alarm.latch(state))]
    assert run([recovered(None), pressed(1), recovered(None)])[1] == run([recovered(None), pressed(1)])[1]
    assert run([recovered(Latch((), None, 0, None, "k1"))])[1] == []


def test_presses_of_before_a_restart_are_counted_with_those_after_it_and_incidents_once() -> None:
    state, _ = run([pressed(5), recovered(latch()), pressed(6)])
    assert (state.presses, state.ids) == (4, (id_of(5), id_of(1)))
    again, _ = alarm.step(state, recovered(latch()))
    assert again.ids == state.ids


def test_a_silent_gate_sounds_nothing_after_a_restart_and_one_whose_siren_sounds_no_second_time() -> None:
    state, out = alarm.step(Alarm(kernel_boot="k1"), recovered(latch()))
    assert SoundSiren() not in out
    assert (state.siren_on, state.siren_until_ms) == (False, None)
    _, out = run([pressed(5, 49_000), recovered(latch())], AUDIBLE)
    assert out.count(SoundSiren()) == 1
    quiet, out = alarm.step(Alarm(rules=AUDIBLE, kernel_boot="k1"), recovered(latching_without_siren()))
    assert SoundSiren() not in out
    assert quiet.siren_on is False


def latching_without_siren() -> Latch:
    return Latch((id_of(1),), None, 2, None, "k1")


# --- one latch over another -----------------------------------------------------------------------------------------

UNREAD = Latch((id_of(5),), None, 1, None, "k1", unread=True, boot="b2")


def test_a_latch_of_a_life_that_has_not_read_the_card_keeps_the_older_incident_beside_it() -> None:
    older = Latch((id_of(1), id_of(5)), Stage.SEEN, 2, 90_000, "k1", boot="b1")
    laid = latching.over(UNREAD, older)
    assert (laid.ids, laid.officer, laid.presses, laid.siren_until_ms) == (
        (id_of(5), id_of(1)), Stage.SEEN, 3, 90_000,
    )  # fmt: skip
    assert laid.before == older
    assert latching.over(UNREAD, None) == UNREAD


def test_what_the_newer_latch_says_itself_comes_first() -> None:
    older = Latch((id_of(1),), Stage.SEEN, 2, 90_000, "k1", boot="b1")
    newer = replace(UNREAD, officer=Stage.DISPATCHED, siren_until_ms=70_000)
    laid = latching.over(newer, older)
    assert (laid.officer, laid.siren_until_ms) == (Stage.DISPATCHED, 70_000)
    assert latching.over(UNREAD, replace(older, kernel_boot="k0")).siren_until_ms is None, "another clock"


def test_where_one_of_two_latches_went_to_the_broker_alone_so_does_what_is_said_of_both() -> None:
    older = Latch((id_of(1),), None, 2, None, "k1", boot="b1")
    broker, receipt = replace(older, done_on_broker=True), UNREAD
    assert latching.over(receipt, broker).done_on_broker
    assert latching.over(replace(receipt, done_on_broker=True), older).done_on_broker
    assert not latching.over(receipt, older).done_on_broker


def test_a_second_word_of_the_same_life_is_laid_over_what_was_there_before_the_first() -> None:
    older = Latch((id_of(1),), None, 2, None, "k1", boot="b1")
    first = latching.over(UNREAD, older)
    second = latching.over(replace(UNREAD, ids=(id_of(5),), presses=2), first)
    assert (second.ids, second.presses, second.before) == ((id_of(5), id_of(1)), 4, older)
    another = latching.over(replace(UNREAD, boot="b3", ids=(id_of(6),)), first)
    assert (another.ids, another.presses) == ((id_of(6), id_of(5), id_of(1)), 4)
    assert another.before == replace(first, before=None)


def test_of_a_latch_that_was_saved_from_damage_only_what_nobody_knows_is_taken_up() -> None:
    kept = Latch((id_of(1), id_of(2)), None, 3, None, "k1")
    assert latching.unheard([], None) is None
    assert latching.unheard([id_of(1), id_of(2)], kept) is None
    assert latching.unheard([], kept) == kept
    assert latching.unheard([id_of(1)], kept) == replace(kept, ids=(id_of(2),), presses=0)

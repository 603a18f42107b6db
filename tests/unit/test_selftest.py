"""One run of a self-test by itself: what a fact proves, and when there is enough to judge."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edge import claim, selftest
from edge.chain import Kind, Link, LinkResult, Report, Result, Stimulus, Verdict, WindowOpened
from edge.events import Acked, Backlog, Contact, LevelRead, Origin, ReceiptCame, Stage, Stored
from edge.evidence import Evidence, Fitted
from edge.proving import (
    CloseContact,
    LinkProbed,
    PulseSiren,
    ReadAgain,
    ReadBack,
    Sense,
    SenseRead,
    SirenPulsed,
    StimulusBegan,
    StimulusEnded,
    StimulusFailed,
    StimulusLooked,
)
from edge.selftest import Asked, Run, SelfTest, SelfTestRules, Window
from tests.unit.machines import edge, id_of

T = 7  # so small that no rest of a division is taken for a difference
MARK = id_of(7)
WALL_MS = 1_000_000
QUIET = SelfTest(SelfTestRules(Fitted(brokers=("a", "b"))))


def begun(kind: Kind = Kind.FULL, stimulus: Stimulus = Stimulus.CONTACT_PORT, *, mark: bool = True) -> Run:
    """A run, with its press already an event unless it is not to be."""
    seen = Evidence(acked_ms=(None, None), refused=(None, None))
    run = Run(Asked(kind, by="Li"), stimulus, T, seen)
    return selftest.marked(run, str(MARK), T + 10, T + 12) if mark else run


def hear(run: Run, *news: selftest.News, wall_ms: int = WALL_MS) -> Run:
    for one in news:
        run, _ = selftest.heard(run, one, wall_ms)
    return run


def receipt(at_ms: int, stage: Stage = Stage.RECEIVED, wall_ms: int | None = None, counter: int = 7) -> ReceiptCame:
    return ReceiptCame(id_of(counter), stage, "officer", wall_ms, at_ms)


# --- setting it off -------------------------------------------------------------------------------------------------


def test_a_relay_is_told_how_long_to_hold_and_when_to_look_and_claims_its_closure() -> None:
    test = SelfTest(SelfTestRules(Fitted(loopback=True), confirm_ms=10))
    test, out = selftest.start(test, Asked(Kind.FULL), T)
    assert out == (CloseContact(25, 13, 6),)
    assert test.run is not None
    assert (test.run.stimulus, test.run.started_ms) == (Stimulus.LOOPBACK, T)
    assert test.claim == claim.of_relay(10, T)


def test_without_a_relay_the_test_is_said_at_the_contact_port_and_claims_nothing() -> None:
    test, out = selftest.start(QUIET, Asked(Kind.FULL), T)
    assert len(out) == 1
    assert test.run is not None
    assert (test.run.stimulus, test.claim) == (Stimulus.CONTACT_PORT, None)
    assert (test.run.seen.acked_ms, test.run.seen.refused) == ((None, None), (None, None))


def test_a_siren_is_pulsed_for_20_ms_where_its_current_is_sensed() -> None:
    test = SelfTest(SelfTestRules(Fitted(siren=True, siren_sense=True)))
    assert selftest.start(test, Asked(Kind.FULL), T)[1][1:] == (PulseSiren(20),)


def test_a_lamp_that_is_lit_when_a_test_begins_has_been_seen_lit() -> None:
    for lit_ms in (None, T - 100):
        test, _ = selftest.start(replace(QUIET, lit_since_ms=lit_ms), Asked(Kind.FULL), T)
        assert test.run is not None
        assert test.run.seen.light_on is (lit_ms is not None)
        assert test.run.lit_since_ms == lit_ms


def window(kind: Kind = Kind.HUMAN) -> Window:
    return Window(WindowOpened("ab" * 8, kind, "officer", 600_000, None, T), T + 600_000)


def test_the_press_that_a_window_is_for_begins_a_test_with_its_own_edge() -> None:
    test = selftest.pressed_in_window(replace(QUIET, window=window()), T + 500, T + 498)
    run = test.run
    assert run is not None
    assert (run.asked, run.stimulus, run.window) == (Asked(Kind.HUMAN, by="officer"), Stimulus.PERSON, "ab" * 8)
    assert (run.started_ms, run.seen.edge_ms, run.seen.quiet_ms) == (T + 500, T + 500, T + 498)
    assert run.siren_until_ms is None
    assert test.window == replace(window(), used=True)


def test_the_siren_of_a_drill_sounds_for_10_s() -> None:
    test = selftest.pressed_in_window(replace(QUIET, window=window(Kind.DRILL)), T, None)
    assert test.run is not None
    assert test.run.siren_until_ms == T + 10_000


# --- what a fact proves ---------------------------------------------------------------------------------------------


def stored(counter: int = 7, *, durable: bool = True) -> Stored:
    return Stored(((id_of(counter), 1),), durable, Backlog(), T + 20)


def test_what_is_on_the_card_is_looked_for_once_more() -> None:
    run, out = selftest.heard(begun(), stored(), WALL_MS)
    assert out == (ReadAgain(str(MARK)),)
    assert run.seen.stored_ms == T + 20
    assert selftest.heard(run, replace(stored(), at_ms=T + 90), WALL_MS) == (run, ()), "the first commit counts"


@pytest.mark.parametrize("other", [stored(8), stored(durable=False)])
def test_what_is_stored_of_something_else_or_in_memory_proves_nothing(other: Stored) -> None:
    assert selftest.heard(begun(), other, WALL_MS) == (begun(), ())
    unmarked = begun(mark=False)
    assert selftest.heard(unmarked, stored(), WALL_MS) == (unmarked, ())


def test_only_the_reading_again_of_its_own_press_counts() -> None:
    run = hear(begun(), ReadBack(str(MARK), True, T + 30, 4, "entry 2"))
    assert (run.seen.read_back, run.seen.entries, run.seen.log_fault) == (True, 4, "entry 2")
    assert hear(begun(), ReadBack(str(id_of(8)), True, T + 30)) == begun()


def test_each_brokers_first_word_counts_and_tells_taken_from_refused() -> None:
    run = hear(begun(), Acked(0, MARK, 0, T + 20), Acked(0, MARK, 0, T + 90), Acked(1, MARK, 0x87, T + 30))
    assert (run.seen.acked_ms, run.seen.refused) == ((T + 20, None), (None, 0x87))
    run = hear(begun(), Acked(0, MARK, 0x10, T + 20), Acked(1, MARK, 0x80, T + 30), Acked(1, MARK, 0x7F, T + 40))
    assert (run.seen.acked_ms, run.seen.refused) == ((None, T + 40), (0x10, 0x80))
    assert hear(begun(), Acked(0, None, 0, T + 20), Acked(0, id_of(8), 0, T + 20)) == begun()


def test_the_first_receipt_counts_and_compares_the_clocks_by_half_the_way() -> None:
    run = hear(begun(), receipt(T + 52, wall_ms=WALL_MS - 100))
    assert (run.seen.received_ms, run.seen.round_ms) == (T + 52, 40)
    assert (run.receipt_wall_ms, run.seen.offset_ms) == (WALL_MS - 100, 100 - 20)
    assert hear(run, receipt(T + 99, wall_ms=WALL_MS)) == run
    without = hear(begun(), receipt(T + 52))
    assert (without.seen.received_ms, without.seen.offset_ms) == (T + 52, None)
    assert hear(begun(), receipt(T + 52, counter=8)) == begun()
    unmarked = begun(mark=False)
    assert hear(unmarked, receipt(T + 52)) == unmarked


def test_the_officer_who_looked_first_is_named() -> None:
    run = hear(begun(), receipt(T + 900, Stage.SEEN))
    assert (run.seen.seen_ms, run.seen.officer, run.seen.received_ms) == (T + 900, "officer", None)
    assert hear(run, replace(receipt(T + 950, Stage.SEEN), by="another"), receipt(T + 960, Stage.DISPATCHED)) == run


def port(at_ms: int, *, closed: bool = True) -> object:
    return edge(at_ms, closed=closed, origin=Origin.SELF_TEST)


def test_at_the_contact_port_a_persons_edge_is_not_the_tests() -> None:
    run = begun(mark=False)
    assert hear(run, edge(T + 5, closed=True)) == run
    assert hear(run, port(T + 5)).seen.edge_ms == T + 5  # type: ignore[arg-type]
    assert hear(run, port(T + 5), port(T + 9)).seen.edge_ms == T + 5, "the first"  # type: ignore[arg-type]
    assert hear(run, port(T + 5, closed=False)) == run  # type: ignore[arg-type]


def test_a_relays_edge_is_what_came_once_it_moved() -> None:
    run = hear(begun(stimulus=Stimulus.LOOPBACK, mark=False), StimulusBegan(T + 2))
    assert run.seen.began_ms == T + 2
    assert hear(run, edge(T + 1, closed=True)) == run
    assert hear(run, edge(T + 2, closed=True)).seen.edge_ms == T + 2
    before = begun(stimulus=Stimulus.LOOPBACK, mark=False)
    assert hear(before, edge(T + 5, closed=True)) == before


def test_a_level_that_only_the_poll_saw_is_told_apart_from_an_edge() -> None:
    run = begun(stimulus=Stimulus.PERSON, mark=False)
    assert hear(run, LevelRead(Contact.KEY, True, T + 5)).seen.polled
    both = hear(run, edge(T + 4, closed=True), LevelRead(Contact.KEY, True, T + 5))
    assert (both.seen.edge_ms, both.seen.polled) == (T + 4, False)
    assert hear(run, LevelRead(Contact.RESET, True, T + 5)) == run


def test_the_quiet_half_is_dated_at_its_first_opening_even_after_the_event() -> None:
    run = begun(stimulus=Stimulus.PERSON)
    assert hear(run, edge(T + 5, closed=True)) == run, "the key itself is known by then"
    quiet = hear(run, edge(T + 6, closed=False, contact=Contact.KEY_NC))
    assert quiet.seen.quiet_ms == T + 6
    assert hear(quiet, edge(T + 9, closed=False, contact=Contact.KEY_NC)) == quiet
    assert hear(run, edge(T + 6, closed=True, contact=Contact.KEY_NC)) == run
    port_run = begun()
    assert hear(port_run, edge(T + 6, closed=False, contact=Contact.KEY_NC)) == port_run


def test_what_the_relays_hand_tells_is_taken_down() -> None:
    run = hear(begun(mark=False), StimulusLooked(True, T + 20), StimulusEnded(T + 30), StimulusLooked(False, T + 40))
    assert (run.seen.held_closed, run.seen.ended_ms) == (True, T + 30), "a look after it let go is none of the holding"
    failed = hear(begun(mark=False), StimulusFailed("no relay", T + 3))
    assert (failed.seen.failed, failed.seen.failed_ms) == ("no relay", T + 3)


def test_the_sirens_pulse_and_its_current_are_taken_down() -> None:
    assert hear(begun(), SirenPulsed(False, T)).seen.siren_pulsed is False
    assert hear(begun(), SenseRead(Sense.SIREN, True, T)).seen.siren_moved
    assert hear(begun(), SenseRead(Sense.SIREN, False, T)) == begun()


def lamp(at_ms: int, *, active: bool) -> SenseRead:
    return SenseRead(Sense.LAMP, active, at_ms)


def test_a_lamp_lit_for_700_ms_after_the_receipt_has_shown_it() -> None:
    run = hear(begun(), lamp(T + 20, active=True))
    assert (run.seen.light_on, run.seen.light_off, run.lit_since_ms) == (True, False, T + 20)
    lit = hear(run, receipt(T + 52))
    for off_ms, back_ms in ((T + 751, None), (T + 752, T + 52)):
        after = hear(lit, lamp(off_ms, active=False))
        assert (after.seen.return_ms, after.seen.light_off, after.lit_since_ms) == (back_ms, True, None)
    later = hear(begun(), receipt(T + 52), lamp(T + 60, active=True), lamp(T + 760, active=False))
    assert later.seen.return_ms == T + 60
    again = hear(later, lamp(T + 800, active=True), lamp(T + 2_000, active=False))
    assert again.seen.return_ms == T + 60, "the first time counts"


def test_a_lamp_that_goes_out_before_the_receipt_has_shown_nothing() -> None:
    assert hear(begun(), lamp(T, active=True), lamp(T + 2_000, active=False)).seen.return_ms is None
    assert hear(begun(), receipt(T + 52), lamp(T + 2_000, active=False)).seen.return_ms is None


# --- when it is judged ----------------------------------------------------------------------------------------------


def test_a_contact_that_makes_no_event_is_waited_for_3_s_or_half_a_second_after_it_failed() -> None:
    run = begun(mark=False)
    assert selftest.due_ms(QUIET, run) == T + 3_000
    assert selftest.due_ms(QUIET, hear(run, StimulusFailed("no relay", T + 3))) == T + 503


def test_the_centre_is_waited_for_10_s_and_an_officer_as_long_as_the_settings_say() -> None:
    fitted = QUIET.rules.fitted
    assert selftest.due_ms(QUIET, begun()) == T + 10_010
    received = hear(begun(), receipt(T + 52))
    assert selftest.due_ms(QUIET, received) == T + 90_010
    short = replace(QUIET, rules=SelfTestRules(replace(fitted, officer_ms=1_000)))
    assert selftest.due_ms(short, received) == T + 10_010
    assert selftest.due_ms(QUIET, hear(received, receipt(T + 900, Stage.SEEN))) == T + 10_010
    assert selftest.due_ms(QUIET, hear(begun(Kind.PATH), receipt(T + 52))) == T + 10_010


def test_the_lamp_is_watched_for_3_s_after_the_receipt() -> None:
    sensed = replace(QUIET, rules=SelfTestRules(replace(QUIET.rules.fitted, lamp_sense=True)))
    assert selftest.due_ms(sensed, hear(begun(Kind.PATH), receipt(T + 9_000))) == T + 12_000
    assert selftest.due_ms(sensed, hear(begun(Kind.PATH), receipt(T + 52))) == T + 10_010


def test_a_drill_that_was_seen_lasts_as_long_as_its_window() -> None:
    drill = hear(begun(Kind.DRILL), receipt(T + 52), receipt(T + 900, Stage.SEEN))
    booked = replace(QUIET, window=window(Kind.DRILL))
    assert selftest.due_ms(booked, drill) == T + 600_000
    assert selftest.due_ms(QUIET, drill) == T + 10_010
    assert selftest.due_ms(booked, hear(begun(Kind.DRILL), receipt(T + 52))) == T + 90_010


def travelled(kind: Kind = Kind.FULL, stimulus: Stimulus = Stimulus.PERSON) -> Run:
    run = begun(kind, stimulus)
    return hear(run, Acked(0, MARK, 0, T + 20), Acked(1, MARK, 0x87, T + 20), ReadBack(str(MARK), True, T + 30))


def test_a_test_is_done_when_nothing_more_can_come() -> None:
    seen = hear(travelled(), receipt(T + 52), receipt(T + 900, Stage.SEEN))
    assert selftest.is_done(QUIET, seen)
    assert selftest.is_done(QUIET, hear(travelled(Kind.PATH), receipt(T + 52)))
    assert not selftest.is_done(QUIET, replace(seen, mark="")), "no event"
    assert not selftest.is_done(QUIET, travelled(Kind.PATH)), "no receipt"
    assert not selftest.is_done(QUIET, hear(travelled(), receipt(T + 52))), "no officer"
    assert not selftest.is_done(replace(QUIET, claim=claim.of_window(T, 9)), seen), "the button may still be held"


def test_a_test_is_not_done_before_card_and_every_broker_have_answered() -> None:
    half = hear(begun(Kind.PATH, Stimulus.PERSON), Acked(0, MARK, 0, T + 20), receipt(T + 52))
    assert not selftest.is_done(QUIET, hear(half, ReadBack(str(MARK), True, T + 30)))
    both = hear(half, Acked(1, MARK, 0x87, T + 21))
    assert not selftest.is_done(QUIET, both)
    assert selftest.is_done(QUIET, hear(both, ReadBack(str(MARK), False, T + 30)))


def test_a_test_is_not_done_before_its_relay_let_go() -> None:
    run = hear(travelled(Kind.PATH, Stimulus.LOOPBACK), receipt(T + 52))
    assert not selftest.is_done(QUIET, run)
    assert selftest.is_done(QUIET, hear(run, StimulusEnded(T + 60)))


def test_where_nobody_answers_a_test_is_done_when_it_has_set_out() -> None:
    mute = replace(QUIET, rules=SelfTestRules(replace(QUIET.rules.fitted, receipts=False)))
    assert selftest.is_done(mute, travelled())


def test_a_watched_lamp_must_have_come_back() -> None:
    sensed = replace(QUIET, rules=SelfTestRules(replace(QUIET.rules.fitted, lamp_sense=True)))
    run = hear(travelled(Kind.PATH), receipt(T + 52))
    assert not selftest.is_done(sensed, run)
    assert selftest.is_done(sensed, hear(run, lamp(T + 60, active=True), lamp(T + 900, active=False)))


def test_a_drill_is_done_when_help_has_arrived() -> None:
    drill = hear(travelled(Kind.DRILL), receipt(T + 52), receipt(T + 900, Stage.SEEN))
    assert not selftest.is_done(QUIET, drill)
    assert selftest.is_done(QUIET, replace(drill, arrived_ms=T + 60_000))


# --- what is told of it ---------------------------------------------------------------------------------------------


def test_the_report_says_all_of_the_run() -> None:
    test = replace(QUIET, rules=SelfTestRules(QUIET.rules.fitted, 10, "1.2", "cafe"))
    asked = Asked(Kind.FULL, planned_wall_ms=WALL_MS, by="Li", key_fingerprint="SHA256:abc")
    seen = hear(replace(travelled(), asked=asked, window="ab" * 8), receipt(T + 52, wall_ms=WALL_MS))
    told = selftest.report(test, hear(seen, receipt(T + 900, Stage.SEEN)), "card full", T + 1_000)
    assert (told.kind, told.result, told.stimulus, told.mark) == (
        Kind.FULL, Result.FAIL, Stimulus.PERSON, str(MARK)
    )  # fmt: skip
    assert (told.started_ms, told.ended_ms, told.planned_wall_ms) == (T, T + 1_000, WALL_MS)
    assert (told.operator, told.key_fingerprint, told.window) == ("Li", "SHA256:abc", "ab" * 8)
    assert (told.receipt_wall_ms, told.officer, told.alarms, told.troubles) == (WALL_MS, "officer", 0, "card full")
    assert (told.software, told.configuration) == ("1.2", "cafe")
    assert selftest.failed_links(told) == "store, uplink", "never committed, and broker b refused"
    assert told.links[Link.UPLINK - 1].reason == "b refused it (0x87)"


def test_what_was_found_out_elsewhere_goes_into_the_report() -> None:
    probed = {Link.POWER: LinkProbed(Link.POWER, True, "12 h", T)}
    told = selftest.report(replace(QUIET, probed=probed), travelled(), "", T + 1_000)
    assert told.links[Link.POWER - 1] == LinkResult(Link.POWER, Verdict.PASS, "12 h")


def test_a_report_names_the_links_that_failed_and_no_others() -> None:
    links = (LinkResult(Link.KEY, Verdict.NOT_TESTED), LinkResult(Link.STORE, Verdict.FAIL),
             LinkResult(Link.UPLINK, Verdict.FAIL), LinkResult(Link.TIME, Verdict.PASS))  # fmt: skip
    told = Report(Kind.FULL, Result.FAIL, Stimulus.PERSON, "", links, 0, 0)
    assert selftest.failed_links(told) == "store, uplink"


def test_somebody_who_watches_sees_one_link_after_another_done() -> None:
    def done(run: Run) -> list[str]:
        return [name for name, word in selftest.progress(run).items() if word == "done"]

    run = begun(mark=False)
    assert selftest.progress(run) == dict.fromkeys(
        ["gpio", "decision", "store", "uplink", "centre", "officer"], "waiting"
    )
    assert done(hear(run, port(T + 5))) == ["gpio"]  # type: ignore[arg-type]
    assert done(begun()) == ["gpio", "decision"]
    read = hear(begun(), ReadBack(str(MARK), True, T + 30), Acked(0, MARK, 0, T + 31))
    assert done(read) == ["gpio", "decision", "store"], "one broker of two"
    assert done(hear(begun(), ReadBack(str(MARK), False, T + 30))) == ["gpio", "decision"]
    taken = hear(read, Acked(1, MARK, 0, T + 32), receipt(T + 52))
    assert done(taken) == ["gpio", "decision", "store", "uplink", "centre"]
    assert done(hear(taken, receipt(T + 900, Stage.SEEN)))[-1] == "officer"
    assert "uplink" not in done(replace(taken, seen=replace(taken.seen, acked_ms=())))

"""What a test's evidence proves, link by link: where the whole test's road would hide it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edge.chain import Kind, Link, LinkResult, Stimulus, Verdict
from edge.evidence import Evidence, Fitted
from edge.proving import LinkProbed
from edge.verdicts import needed, verdicts

T = 7  # so small that no rest of a division is taken for a difference
DAY_MS = 86_400_000
SEEN = Evidence(
    began_ms=T, ended_ms=T + 30, edge_ms=T, marked_ms=T + 10, confirmed_ms=T + 10, stored_ms=T + 20, read_back=True,
    acked_ms=(T + 30,), refused=(None,), received_ms=T + 40,
)  # fmt: skip
NOTHING = Evidence(acked_ms=(None,), refused=(None,))

PASS, FAIL, NOT_TESTED, SIMULATED = Verdict.PASS, Verdict.FAIL, Verdict.NOT_TESTED, Verdict.SIMULATED
PORT, RELAY, FINGER = Stimulus.CONTACT_PORT, Stimulus.LOOPBACK, Stimulus.PERSON


def judged(
    link: Link,
    stimulus: Stimulus = PORT,
    fitted: Fitted = Fitted(),  # noqa: B008 - frozen
    seen: Evidence = SEEN,
    kind: Kind = Kind.FULL,
    probed: dict[Link, LinkProbed] | None = None,
    now_ms: int = T + 1_000,
    **changes: object,
) -> LinkResult:
    links = verdicts(kind, stimulus, fitted, replace(seen, **changes), probed or {}, now_ms, "a-1")
    assert [one.link for one in links] == list(Link), "one for each, in their order"
    return links[link - 1]


def said(one: LinkResult) -> tuple[Verdict, str]:
    return one.verdict, one.reason


def store(**changes: object) -> LinkResult:
    return judged(Link.STORE, **changes)  # type: ignore[arg-type]


def test_what_was_stored_and_read_again_proves_the_store() -> None:
    assert store() == LinkResult(Link.STORE, PASS, "", 10, 1_000, "a-1")


@pytest.mark.parametrize(("read_back", "word"), [(None, "it could not be looked for"), (False, "it was not found")])
def test_what_was_stored_and_never_read_again_does_not(read_back: bool | None, word: str) -> None:
    assert said(store(read_back=read_back)) == (FAIL, f"committed, and read back on a second connection {word}")


def test_what_was_never_stored_fails_whatever_was_read() -> None:
    assert said(store(stored_ms=None)) == (FAIL, "not committed to the card")


def test_a_card_has_a_second_from_the_decision_or_else_from_the_press() -> None:
    assert store(stored_ms=T + 1_010).verdict is PASS
    assert said(store(stored_ms=T + 1_011)) == (FAIL, "the card is slow")
    assert store(stored_ms=T + 1_020, confirmed_ms=T + 20).measured == 1_000
    assert store(stored_ms=T + 1_020, confirmed_ms=None).measured == 1_010


# --- the contact ----------------------------------------------------------------------------------------------------


def test_at_the_contact_port_no_wire_is_proved() -> None:
    assert said(judged(Link.KEY)) == said(judged(Link.CABLE)) == (NOT_TESTED, "no loopback fitted")
    assert said(judged(Link.GPIO)) == (SIMULATED, "set off at the contact port: no wire was moved")
    assert judged(Link.DECISION).verdict is PASS


def test_a_contact_port_that_failed_is_to_blame_for_the_decision_that_is_missing() -> None:
    failed = replace(NOTHING, failed="no hand")
    assert said(judged(Link.GPIO, seen=failed)) == (FAIL, "no hand")
    assert said(judged(Link.DECISION, seen=failed)) == (NOT_TESTED, "not reached: link 4 did not do its part")
    assert said(judged(Link.DECISION, seen=NOTHING)) == (FAIL, "the closure made no event")


def test_a_finger_proves_key_wire_and_edge() -> None:
    links = {link: judged(link, FINGER) for link in (Link.KEY, Link.CABLE, Link.GPIO, Link.DECISION)}
    assert {one.verdict for one in links.values()} == {PASS}
    assert links[Link.CABLE].reason == "one contact: no second half fitted"
    assert said(judged(Link.GPIO, FINGER, polled=True)) == (FAIL, "no edge was told: the poll alone saw it")
    assert judged(Link.DECISION, FINGER, marked_ms=None).verdict is FAIL


def test_the_halves_of_a_key_may_move_50_ms_apart_either_way() -> None:
    pair = Fitted(supervised=True)
    for quiet_ms, verdict in ((T - 51, FAIL), (T - 50, PASS), (T + 50, PASS), (T + 51, FAIL)):
        one = judged(Link.CABLE, FINGER, pair, quiet_ms=quiet_ms)
        assert (one.verdict, one.measured, one.limit) == (verdict, abs(quiet_ms - T), 50)
    assert said(judged(Link.CABLE, FINGER, pair)) == (FAIL, "the normally-closed half did not move")
    assert judged(Link.CABLE, RELAY, pair, edge_ms=None, polled=True, quiet_ms=T).verdict is FAIL


def test_a_pair_whose_level_was_read_needs_no_edge_to_prove_its_wire() -> None:
    one = judged(Link.CABLE, RELAY, Fitted(supervised=True), edge_ms=None, held_closed=True)
    assert said(one) == (PASS, "the level was read; no edge to time it by")


def test_the_edge_of_a_relay_is_told_within_50_ms_of_its_moving() -> None:
    for edge_ms, verdict in ((T + 50, PASS), (T + 51, FAIL)):
        one = judged(Link.GPIO, RELAY, edge_ms=edge_ms)
        assert (one.verdict, one.measured, one.limit) == (verdict, edge_ms - T, 50)
    assert judged(Link.GPIO, RELAY, began_ms=None) == LinkResult(Link.GPIO, PASS)


def test_a_relay_that_closes_nothing_is_the_wires_fault_and_nobody_elses() -> None:
    for seen, why in (
        (NOTHING, "the relay was driven and the contact did not close"),
        (replace(SEEN, failed="no relay answers"), "no relay answers"),
    ):
        assert said(judged(Link.CABLE, RELAY, seen=seen)) == (FAIL, why)
        for link in (Link.GPIO, Link.DECISION):
            assert said(judged(link, RELAY, seen=seen)) == (NOT_TESTED, "not reached: link 2 did not do its part")
    assert said(judged(Link.KEY, RELAY)) == (NOT_TESTED, "only a finger moves the key")


@pytest.mark.parametrize("sign", ["polled", "held_closed"])
def test_a_contact_that_closed_without_an_edge_is_the_librarys_fault(sign: str) -> None:
    seen = replace(NOTHING, **{sign: True})
    assert judged(Link.CABLE, RELAY, seen=seen).verdict is PASS
    assert said(judged(Link.GPIO, RELAY, seen=seen)) == (FAIL, "the contact closed and no edge was told")
    assert said(judged(Link.DECISION, RELAY, seen=seen)) == (NOT_TESTED, "not reached: link 4 did not do its part")
    assert judged(Link.DECISION, RELAY, seen=replace(seen, marked_ms=T)).verdict is PASS


def test_an_edge_that_made_no_event_is_the_decisions_fault() -> None:
    assert said(judged(Link.DECISION, RELAY, marked_ms=None)) == (FAIL, "the closure made no event")


# --- the way there and back -----------------------------------------------------------------------------------------


def test_what_never_became_an_event_blames_no_link_after_it() -> None:
    for link in (Link.STORE, Link.UPLINK, Link.CENTRE):
        assert said(judged(link, marked_ms=None)) == (NOT_TESTED, "not reached: link 5 did not do its part")


def test_every_broker_must_answer_within_5_s() -> None:
    two = Fitted(brokers=("a", "b"))

    def uplink(*acked_ms: int | None, refused: tuple[int | None, ...] = (None, None)) -> LinkResult:
        return judged(Link.UPLINK, PORT, two, acked_ms=acked_ms, refused=refused)

    assert uplink(T + 5_010, T + 20) == LinkResult(Link.UPLINK, PASS, "", 5_000, 5_000, "a-1")
    assert said(uplink(T + 20, T + 5_011)) == (FAIL, "a broker was slow")
    assert said(uplink(T + 20, None)) == (FAIL, "b did not answer")
    assert said(uplink(None, None, refused=(0x87, None))) == (FAIL, "a refused it (0x87); b did not answer")


def test_the_centre_must_answer_within_10_s_if_anybody_took_the_event_to_it() -> None:
    in_time = judged(Link.CENTRE, received_ms=T + 10_010)
    assert in_time == LinkResult(Link.CENTRE, PASS, "", 10_000, 10_000, "a-1")
    assert said(judged(Link.CENTRE, received_ms=T + 10_011)) == (FAIL, "the receipt came late")
    assert said(judged(Link.CENTRE, received_ms=None)) == (FAIL, "no receipt within 10 s")
    nobody = judged(Link.CENTRE, received_ms=None, acked_ms=(None,))
    assert said(nobody) == (NOT_TESTED, "not reached: link 9 did not do its part")


def test_a_platform_without_receipts_proves_neither_centre_nor_officer() -> None:
    for link in (Link.CENTRE, Link.OFFICER):
        one = judged(link, fitted=Fitted(receipts=False))
        assert said(one) == (NOT_TESTED, "this county's platform sends no receipts")


def test_an_officer_is_missed_in_a_drill_and_only_not_tested_otherwise() -> None:
    assert said(judged(Link.OFFICER)) == (NOT_TESTED, "no officer confirmed within 90 s")
    assert said(judged(Link.OFFICER, kind=Kind.DRILL)) == (FAIL, "no officer confirmed within 90 s")
    patient = judged(Link.OFFICER, fitted=Fitted(officer_ms=999_000))
    assert patient.reason == "no officer confirmed within 999 s"
    one = judged(Link.OFFICER, seen_ms=T + 900, officer="Wang")
    assert one == LinkResult(Link.OFFICER, PASS, "Wang", 890, 90_000)
    for missing in ("received_ms", "marked_ms"):
        behind = judged(Link.OFFICER, seen_ms=T + 900, **{missing: None})  # type: ignore[arg-type]
        assert said(behind) == (NOT_TESTED, "not reached: link 10 did not do its part")


def test_a_clock_may_be_a_second_off_beside_what_the_reading_itself_can_be_wrong_by() -> None:
    for offset_ms, measured in ((1_010, 1_000), (-1_010, 1_000), (1_011, 1_001), (7, 0)):
        one = judged(Link.TIME, offset_ms=offset_ms, round_ms=20)
        assert (one.verdict, one.measured, one.limit) == (PASS if measured <= 1_000 else FAIL, measured, 1_000)
    assert judged(Link.TIME, offset_ms=-2_500).reason == "this clock is -2.5 s off the centre's"
    assert judged(Link.TIME, offset_ms=60_000).reason == "this clock is +60.0 s off the centre's"
    assert said(judged(Link.TIME)) == (NOT_TESTED, "the receipt does not carry the centre's time")
    assert said(judged(Link.TIME, received_ms=None)) == (NOT_TESTED, "not reached: link 10 did not do its part")


# --- lamps, siren, and what others found out ------------------------------------------------------------------------

SENSED = Fitted(lamp_sense=True)


def test_without_a_light_sensor_nothing_is_said_of_the_lamp() -> None:
    for link in (Link.LAMPS, Link.RETURN):
        one = judged(link, light_on=True, light_off=True, return_ms=T + 50)
        assert said(one) == (NOT_TESTED, "no light sensor at the lamp")


def test_a_lamp_must_go_on_and_off() -> None:
    for on, off, expected in (
        (True, True, (PASS, "")),
        (True, False, (FAIL, "the light does not go out")),
        (False, True, (FAIL, "the lamp was lit and no light was seen")),
        (False, False, (FAIL, "the lamp was lit and no light was seen")),
    ):
        assert said(judged(Link.LAMPS, fitted=SENSED, light_on=on, light_off=off)) == expected
        behind = judged(Link.RETURN, fitted=SENSED, light_on=on, light_off=off, return_ms=T + 50)
        assert behind.verdict is (PASS if expected[0] is PASS else NOT_TESTED)


def test_a_lamp_shows_the_receipt_within_300_ms() -> None:
    def back(**changes: object) -> LinkResult:
        return judged(Link.RETURN, fitted=SENSED, light_on=True, light_off=True, **changes)  # type: ignore[arg-type]

    assert back(return_ms=T + 340) == LinkResult(Link.RETURN, PASS, "", 300, 300)
    assert said(back(return_ms=T + 341)) == (FAIL, "the lamp showed the receipt late")
    assert said(back()) == (FAIL, "the lamp did not show the receipt")
    assert said(back(received_ms=None)) == (NOT_TESTED, "not reached: link 10 did not do its part")


def test_a_siren_is_proved_by_its_current_alone() -> None:
    siren, sensed = Fitted(siren=True), Fitted(siren=True, siren_sense=True)
    assert said(judged(Link.SIREN)) == (NOT_TESTED, "no siren fitted")
    assert said(judged(Link.SIREN, fitted=siren)) == (NOT_TESTED, "no current sensor is fitted")
    drill = judged(Link.SIREN, fitted=siren, kind=Kind.DRILL)
    assert said(drill) == (NOT_TESTED, "it was sounded, and no current sensor is fitted")
    assert said(judged(Link.SIREN, fitted=sensed, siren_moved=True, siren_pulsed=False)) == (PASS, "")
    assert said(judged(Link.SIREN, fitted=sensed, siren_pulsed=False)) == (
        NOT_TESTED,
        "the siren was needed for an alarm",
    )
    for pulsed in (True, None):
        one = judged(Link.SIREN, fitted=sensed, siren_pulsed=pulsed)
        assert said(one) == (FAIL, "the relay was driven and no current flowed")


def test_the_end_of_the_ledger_is_judged_where_nobody_has_looked_at_the_whole() -> None:
    assert judged(Link.LOG, entries=4) == LinkResult(Link.LOG, PASS, "the newest entries hold together", 4)
    assert judged(Link.LOG, entries=4, log_fault="entry 3") == LinkResult(Link.LOG, FAIL, "entry 3", 4)
    assert said(judged(Link.LOG)) == (NOT_TESTED, "the ledger has not been looked through since the start")
    whole = {Link.LOG: LinkProbed(Link.LOG, False, "forged", T)}
    assert said(judged(Link.LOG, probed=whole, entries=4)) == (FAIL, "forged")


@pytest.mark.parametrize(
    ("link", "days"), [(Link.LOOP, 31), (Link.POWER, 7), (Link.TAMPER, 93), (Link.LOG, 1), (Link.WATCHDOG, 31)]
)
def test_what_was_found_out_elsewhere_is_good_for_its_days(link: Link, days: int) -> None:
    probed = {link: LinkProbed(link, True, "found", 0, 3.0, 4.0)}
    assert judged(link, probed=probed, now_ms=days * DAY_MS) == LinkResult(link, PASS, "found", 3.0, 4.0)
    late = judged(link, probed=probed, now_ms=days * DAY_MS + 1)
    assert said(late) == (NOT_TESTED, f"last proved {days} days ago")
    assert judged(link, probed={link: LinkProbed(link, False, "dead", 0)}).verdict is FAIL


def test_a_button_that_somebody_pressed_in_vain_fails_unless_it_was_pressed_now() -> None:
    dead = {Link.KEY: LinkProbed(Link.KEY, False, "pressed, and nothing came", T)}
    assert said(judged(Link.KEY, probed=dead)) == (FAIL, "pressed, and nothing came")
    assert judged(Link.KEY, FINGER, probed=dead).verdict is PASS
    good = {Link.KEY: LinkProbed(Link.KEY, True, "pressed", T)}
    assert said(judged(Link.KEY, probed=good)) == (NOT_TESTED, "no loopback fitted")
    assert judged(Link.KEY, probed=dead, now_ms=T + 31 * DAY_MS).verdict is FAIL
    assert said(judged(Link.KEY, probed=dead, now_ms=T + 31 * DAY_MS + 1)) == (NOT_TESTED, "last proved 31 days ago")


def test_a_trouble_of_the_loop_fails_it_in_every_kind_of_test() -> None:
    for kind in Kind:
        assert said(judged(Link.LOOP, kind=kind, loop_fault="loop open")) == (FAIL, "loop open stands")


def test_a_real_press_takes_the_blame_from_what_an_alarm_uses_and_from_nothing_else() -> None:
    one = judged(Link.DECISION, RELAY, marked_ms=None, alarms=1)
    assert said(one) == (NOT_TESTED, "a real press came: the closure made no event")
    sensed = Fitted(lamp_sense=True, siren=True, siren_sense=True)
    for link in (Link.LAMPS, Link.SIREN):
        assert judged(link, fitted=sensed, alarms=1).verdict is NOT_TESTED
    dark = judged(Link.RETURN, fitted=SENSED, light_on=True, light_off=True, alarms=1)
    assert said(dark) == (NOT_TESTED, "a real press came: the lamp did not show the receipt")
    for link in (Link.CABLE, Link.GPIO):
        seen = NOTHING if link is Link.CABLE else replace(NOTHING, polled=True)
        assert judged(link, RELAY, seen=seen, alarms=1).verdict is NOT_TESTED
    assert store(stored_ms=None, alarms=1).verdict is FAIL
    assert judged(Link.DECISION, alarms=1).verdict is PASS


def test_a_path_test_speaks_of_the_path_alone_unless_something_else_is_broken() -> None:
    for link in (Link.KEY, Link.OFFICER, Link.POWER):
        one = judged(link, FINGER, kind=Kind.PATH, seen_ms=T + 900)
        assert said(one) == (NOT_TESTED, "not part of a path test")
    assert store(kind=Kind.PATH).verdict is PASS


def test_a_thermometer_must_give_a_reading_between_20_below_and_60_degrees() -> None:
    fitted = Fitted(thermometer=True)

    def read(**changes: object) -> LinkResult:
        return judged(Link.THERMOMETER, fitted=fitted, **changes)  # type: ignore[arg-type]

    assert said(judged(Link.THERMOMETER, ambient_celsius=20.0)) == (NOT_TESTED, "no thermometer fitted")
    for celsius, verdict in ((-20.1, FAIL), (-20.0, PASS), (60.0, PASS), (60.1, FAIL)):
        one = read(ambient_celsius=celsius)
        assert (one.verdict, one.measured, one.limit) == (verdict, celsius, 60.0)
    assert read(ambient_celsius=-20.1).reason == "-20.1 degrees are not plausible"
    for changes in ({"ambient_celsius": None}, {"ambient_celsius": 20.0, "sensor_fault": True}):
        assert said(read(**changes)) == (FAIL, "the sensor gives no reading that can be believed")


# --- what the whole needs -------------------------------------------------------------------------------------------

ALWAYS = {Link.GPIO, Link.DECISION, Link.STORE, Link.UPLINK, Link.CENTRE, Link.TIME}
ALL = Fitted(loopback=True, siren_sense=True, lamp_sense=True, thermometer=True, ledger=True)


def test_the_whole_needs_what_is_fitted_and_belongs_to_the_kind() -> None:
    assert set(needed(Kind.PATH, Fitted())) == ALWAYS
    assert set(needed(Kind.FULL, Fitted())) == ALWAYS | {Link.OFFICER}
    for kind in (Kind.HUMAN, Kind.DRILL):
        assert set(needed(kind, Fitted())) == ALWAYS | {Link.OFFICER, Link.KEY, Link.CABLE}
    assert set(needed(Kind.PATH, ALL)) == ALWAYS | {Link.LAMPS, Link.SIREN, Link.LOG}
    more = {Link.LAMPS, Link.RETURN, Link.SIREN, Link.LOG, Link.OFFICER, Link.THERMOMETER, Link.CABLE}
    assert set(needed(Kind.FULL, ALL)) == ALWAYS | more
    assert list(needed(Kind.FULL, ALL)) == sorted(needed(Kind.FULL, ALL))

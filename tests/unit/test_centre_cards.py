"""A test as the officer sees it: its card, the confirmation, and the report that ends it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from centre import cards, views
from centre.cards import CARD_MS_MAX, OFFICER_MS, Card
from edge.chain import Kind, Result
from edge.errors import RefusedError
from edge.events import ClockQuality, Code, Origin, Stage
from tests.unit.centre_events import ADDRESS, report, self_test

AT = 1_700_000_001_000


def card(**changes: object) -> Card:
    return cards.marked(None, ADDRESS, replace(self_test(1), **changes), "", AT)


def with_report(known: Card | None, *, result: Result = Result.PASS, kind: Kind = Kind.FULL) -> Card:
    event = report(2, self_test(1).id, result=result, kind=kind)
    found = cards.read_report(event)
    assert found is not None
    return cards.reported(known, ADDRESS, event, found, AT + 5000)


def test_an_officer_has_ninety_seconds():
    assert card().left_ms(AT) == OFFICER_MS
    assert card().left_ms(AT + OFFICER_MS) == 0
    assert card(replayed=True, age_ms=80_000).left_ms(AT) == OFFICER_MS - 80_000


def test_a_gate_may_give_its_officer_more_time_within_reason():
    for given, taken in ((300_000, 300_000), (86_400_000, OFFICER_MS), (True, OFFICER_MS), ("x", OFFICER_MS)):
        assert card(body={"kind": "full", "officer_ms": given}).left_ms(AT) == taken


def test_the_first_officer_s_word_stands():
    seen = cards.act(card(), Stage.SEEN, "Li", AT + 1)
    assert cards.act(seen, Stage.SEEN, "Wang", AT + 2) == seen
    assert (seen.stage, seen.acted) == (Stage.SEEN, ("Li", AT + 1))


def test_a_test_can_not_be_dispatched_or_closed_like_an_alarm():
    for stage in (Stage.DISPATCHED, Stage.CLOSED):
        with pytest.raises(RefusedError, match="no alarm"):
            cards.act(card(), stage, "Li", AT)


def test_a_drill_can_be_dispatched_which_says_that_it_was_seen():
    sent = cards.act(card(origin=Origin.DRILL), Stage.DISPATCHED, "Li", AT + 7)
    assert (sent.stage, sent.seen_by, sent.seen_wall_ms) == (Stage.DISPATCHED, "Li", AT + 7)


def test_after_the_report_it_is_too_late_to_confirm():
    with pytest.raises(RefusedError, match="PARTIAL"):
        cards.act(with_report(card(), result=Result.PARTIAL), Stage.SEEN, "Li", AT + 6000)


def test_mark_and_report_may_come_in_any_order():
    usual = with_report(card())
    overtaken = cards.marked(with_report(None), ADDRESS, self_test(1), "", AT)
    assert overtaken == usual
    assert (usual.result, usual.kind) == ("PASS", "full")


def test_the_first_report_of_a_test_stands():
    assert with_report(with_report(card()), result=Result.FAIL).result == "PASS"


def test_a_report_without_a_mark_is_kept_under_its_own_name():
    """The contact never closed: there is nothing on the officer's screen, and the report says so."""
    event = report(2, "", result=Result.FAIL)
    found = cards.read_report(event)
    assert found is not None
    assert cards.reported(None, ADDRESS, event, found, AT).id == event.id


def test_a_card_without_a_report_leaves_the_screen_at_last():
    assert not card().over(AT + CARD_MS_MAX - 1)
    assert card().over(AT + CARD_MS_MAX)
    assert card(replayed=True, age_ms=CARD_MS_MAX).over(AT)


@pytest.mark.parametrize(
    ("changes", "ended"),
    [
        ({}, AT),
        ({"replayed": True}, 1_700_000_000_002),
        ({"replayed": True, "wall_ms": AT + 10**9}, AT),
        ({"replayed": True, "clock": ClockQuality.UNSYNCED, "age_ms": 60_000}, AT - 60_000),
        ({"replayed": True, "clock": ClockQuality.UNSYNCED, "age_ms": None}, None),
    ],
)
def test_an_old_report_is_dated_by_a_clock_that_is_worth_something(changes, ended):
    assert cards.ended_wall_ms(report(2, "", **changes), AT) == ended


def test_a_press_is_no_report_whatever_its_body_says():
    body = report(2, "").body
    assert cards.is_report(report(2, ""))
    assert not cards.is_report(replace(self_test(1), body=body))
    assert not cards.is_report(report(2, "", body={}))
    assert not cards.is_report(report(2, "", code=Code.POINT_NOT_TESTED))


@pytest.mark.parametrize("wrong", [{"kind": "x"}, {"result": None}, {"link_04": "GOOD"}, {"links": 1, "kind": None}])
def test_a_report_of_unknown_words_is_not_understood(wrong):
    event = report(2, "")
    assert cards.read_report(replace(event, body={**event.body, **wrong})) is None


def test_the_response_is_timed_from_the_press():
    """By the gate's clock where it is set, else by the age that the gate's monotonic clock gave."""
    seen = cards.act(card(wall_ms=AT - 800), Stage.SEEN, "Li", AT + 20_000)
    assert views.card_line(seen, AT)["after_ms"] == {
        "receipt": 800, "seen": 20_800, "dispatched": None, "arrived": None,
    }  # fmt: skip
    unset = cards.act(card(wall_ms=5, clock=ClockQuality.UNSYNCED, age_ms=300), Stage.SEEN, "Li", AT + 1000)
    assert views.card_line(unset, AT)["after_ms"]["seen"] == 1300  # type: ignore[index]


def test_the_verdict_on_each_link_is_shown():
    links = views.trial_line(with_report(card()), AT)["links"]
    assert isinstance(links, list)
    assert [(one["link"], one["name"], one["verdict"]) for one in links] == [
        (1, "key", "NOT_TESTED"), (9, "uplink", "PASS"),
    ]  # fmt: skip
    assert (links[1]["measured"], links[1]["limit"], links[1]["unit"]) == (120, 5000, "ms")

"""What the officer's list shows: of a gate by its own heartbeat, and of tests nothing that looks like an alarm."""

from __future__ import annotations

import io
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from centre import cards, drills, incidents, items, views, windows
from centre.register import GateEntry, LastTest, Register
from centre.screen import overview
from centre.trials_screen import drill_report, trial_table
from centre.watching import confirming, watch
from edge import state
from edge.chain import Kind
from edge.errors import RefusedError
from edge.events import Backlog, Boot, Origin, Stage
from edge.views import heartbeat
from edge.wire import Event
from tests.unit.centre_events import ADDRESS, press, report, self_test, window_word
from tests.unit.machines import BOOT

NOW = 1_700_000_000_000


def a_gate() -> GateEntry:
    entry = Register(90_000).gate(ADDRESS, 0)
    assert entry is not None
    return entry


def listed(health: object, *alarms: Event, **tests: list[Any]) -> str:
    """The list's text, with one gate that said this of itself."""
    entry = a_gate()
    entry.health = health  # type: ignore[assignment]
    return text(overview(whole(entry, *alarms, **tests)))


def whole(entry: GateEntry, *alarms: Event, **tests: list[Any]) -> dict[str, Any]:
    """What ``list`` answers."""
    running: dict[str, Any] = {"items": [], "cards": [], "windows": [], "drills": [], **tests}
    return views.whole(
        county="county-1", storing=True, brokers=[], counters={"events": 1, "duplicates": 0, "refused": {}},
        gates=[entry], incidents=[incidents.take(None, ADDRESS, one, NOW) for one in alarms],
        tests=views.running(**running, wall_ms=NOW), now_ms=0,
    )  # fmt: skip


def text(shown: Any, *, colours: bool = False) -> str:
    """As it comes on a terminal 160 characters wide."""
    out = io.StringIO()
    Console(width=160, file=out, force_terminal=colours, color_system="standard" if colours else None).print(shown)
    return out.getvalue()


def test_what_a_gate_still_owes_is_shown_by_lane() -> None:
    gate = state.begin(Boot(BOOT, 1, "k1"), state.Rules(), 0)
    owing = replace(gate, uplink=replace(gate.uplink, backlog=Backlog(alarm=2, routine=70)))
    assert "alarm 2, routine 70" in listed(heartbeat(owing))
    assert "nothing" in listed(heartbeat(gate))


def test_a_heartbeat_that_says_nonsense_is_shown_as_unknown() -> None:
    for health in ({}, {"owed": 7}, {"owed": None}):
        assert "nothing" not in listed(health)


def card(counter: int = 1) -> cards.Card:
    return cards.marked(None, ADDRESS, self_test(counter), "", NOW)


def test_a_test_is_neither_red_nor_among_the_incidents() -> None:
    entry = a_gate()
    shown = text(overview(whole(entry, cards=[card()])), colours=True)
    (line,) = [line for line in shown.splitlines() if self_test(1).id in line]
    assert "\x1b[36m" in line
    assert "no open incident" in shown
    assert "\a" not in shown
    alarm = text(overview(whole(entry, press(1))), colours=True)
    (line,) = [line for line in alarm.splitlines() if press(1).id in line]
    assert "\x1b[1;31m" in line


def test_an_alarm_that_claims_to_be_a_test_is_shown_as_an_alarm() -> None:
    shown = listed({}, press(1, origin=Origin.SELF_TEST))
    assert "claims to be" in shown
    assert "no open incident" not in shown


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (card(), "within 90 s"),
        (cards.act(card(), Stage.SEEN, "Li", NOW), "by Li"),
        (replace(card(), received_wall_ms=NOW - 95_000), "not in time"),
        (replace(card(), replayed=True), "came late"),
    ],
)
def test_a_card_says_whether_it_is_confirmed(known: cards.Card, says: str) -> None:
    assert says in listed({}, cards=[known])


def test_a_card_whose_report_came_is_gone() -> None:
    assert self_test(1).id not in listed({}, cards=[replace(card(), report={"result": "PASS"})])


def test_a_window_says_whether_the_gate_has_confirmed_it() -> None:
    asked = windows.opened(ADDRESS, "00ff", Kind.HUMAN, "Li", 10, NOW)
    assert "no answer from the gate yet" in listed({}, windows=[asked])
    assert "a press there is an ALARM" in listed({}, windows=[replace(asked, opened_wall_ms=NOW - 61_000)])
    assert "open, confirmed by the gate, 600 s left" in listed(
        {}, windows=[windows.told(asked, window_word(1, "00ff"), NOW)]
    )


def test_what_a_person_must_clear_says_how() -> None:
    ledger = items.Item(ADDRESS, items.Matter.LEDGER, NOW, "its ledger was shortened", "00ff00ff00ff")
    assert "clear 00ff00ff --by NAME" in listed({}, items=[ledger])
    assert "ends by itself" in listed({}, items=[replace(ledger, id="")])


def test_what_outsiders_wrote_is_text_only() -> None:
    nasty = replace(windows.opened(ADDRESS, "00ff", Kind.HUMAN, "[red]\x1b[2J", 10, NOW), ended_why="\x07[bold]")
    shown = listed({}, windows=[nasty])
    assert "[red]?" in shown
    assert not {"\x1b", "\x07"} & set(shown)


def test_a_gate_s_last_test_is_shown_and_a_path_test_only_if_it_failed() -> None:
    entry = a_gate()
    assert "none" in text(overview(whole(entry)))
    entry.standing.tests = {
        "full": LastTest("a-1", "PARTIAL", NOW),
        "human": LastTest("a-2", "PASS", NOW + 60_000),
        "path": LastTest("a-3", "PASS", NOW + 90_000),
    }
    shown = text(overview(whole(entry)))
    assert "PASS 20" in shown
    assert "PARTIAL" not in shown
    assert "path" not in shown
    entry.standing.tests["path"] = LastTest("a-3", "FAIL", NOW)
    assert "path FAIL" in " ".join(text(overview(whole(entry))).replace("│", " ").split())


def reported(kind: Kind, **body: int) -> cards.Card:
    event = report(2, self_test(1).id, kind=kind)
    found = cards.read_report(event)
    assert found is not None
    seen = cards.act(card(), Stage.SEEN, "Li", NOW + 20_000)
    return cards.reported(seen, ADDRESS, replace(event, body={**event.body, **body}), found, NOW + 90_000)


def test_a_drill_s_report_times_every_step() -> None:
    drill = drills.booked(ADDRESS, "00ff", "Li", NOW, 10, NOW, force=True)
    held = reported(Kind.DRILL, arrived_after_ms=241_000)
    answer = {"drill": views.drill_line(drill), "window": None, "tests": [views.trial_line(held, NOW)]}
    shown = text(drill_report(answer))
    for step in ("20.0 s", "241.0 s", "at short notice"):
        assert step in shown
    assert "nobody has pressed" in text(drill_report({**answer, "tests": []}))


def test_links_are_shown_when_asked_for() -> None:
    line = views.trial_line(reported(Kind.FULL), NOW)
    assert "needs a finger" in text(trial_table([line], links=True))
    assert "120 ms" in text(trial_table([line], links=True))
    assert "needs a finger" not in text(trial_table([line], links=False))


def test_a_screen_that_confirms_does_so_after_it_has_shown_the_card_and_says_that_it_is_software() -> None:
    done: list[object] = []

    def act(request: Any) -> object:
        done.append((request["id"], request["stage"], request["by"]))
        raise RefusedError("its report came at this moment")

    seen, late = cards.act(card(2), Stage.SEEN, "Li", NOW), replace(card(3), received_wall_ms=NOW - 90_000)
    answer = whole(a_gate(), press(9), cards=[card(1), seen, late])
    watch(lambda: answer, confirming("wall screen", act), 1, lambda _: done.append("shown"))
    assert done == ["shown", (self_test(1).id, "seen", "software wall screen")]


@pytest.mark.parametrize("name", ["", " ", "x" * 72])
def test_a_screen_that_confirms_needs_a_name_that_can_travel(name: str) -> None:
    with pytest.raises(RefusedError, match="1 to 71"):
        confirming(name, lambda _: None)

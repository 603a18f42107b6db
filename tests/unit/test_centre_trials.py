"""What gates say about tests, and what people at the desk ask: kept, shown, and told to gates only after that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from centre.archive import Archive
from centre.asking import Asking, Reach
from centre.deadman import HOUR_MS, LATE_MS
from centre.inbox import Arrival
from centre.intake import Intake, Message, read
from centre.items import Matter
from centre.register import Register
from centre.trials import Trials
from centre.windows import MINUTE_MS
from edge import wire
from edge.chain import Kind, Result
from edge.diary import Lack, Week
from edge.errors import RefusedError
from edge.events import Origin, Stage
from edge.local_time import day_of
from tests.unit.centre_events import ADDRESS, press, report, reset, restart, self_test, week_word, window_word

NOW = 1_700_000_000_000
BOOT = "00000000000000aa"
Request = dict[str, object]


class Centre:
    """The centre without its threads and sockets. ``down`` is what gates would be sent."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.listens = True
        self.wall_ms = NOW
        self.register = Register(90_000)
        self.register.know(archive.gates("county-1"), 0)
        self.trials = Trials(archive, self.register)
        self.intake = Intake("county-1", archive, self.register, self.trials)
        reach = Reach(lambda: self.listens, self.intake.latched)
        self.asking = Asking(archive, self.register, self.trials, reach)

    def comes(self, *events: wire.Event) -> None:
        self._take([(one.topic.value, wire.encode(one)) for one in events])

    def heartbeat(self, monotonic_ms: int = 1, **words: object) -> None:
        health = {"boot": BOOT, "boot_counter": 1, "monotonic_ms": monotonic_ms, **words}
        self._take([("heartbeat", wire.encode(health))])
        if self.intake.hurry:
            self.intake.keep_signs(self.wall_ms)

    def _take(self, sent: list[tuple[str, bytes]]) -> None:
        messages = [
            read(Arrival(0, ADDRESS.up(last), payload, False, lambda: None), "county-1") for last, payload in sent
        ]
        assert all(isinstance(message, Message) for message in messages), messages
        self.intake.keep(messages, 0, self.wall_ms)  # type: ignore[arg-type]

    def asks(self, do: str, **words: object) -> Any:
        answer = self.asking.do({"do": do, "by": "Li", **words}, self.wall_ms)
        assert answer is not None
        return answer

    def window(self, minutes: int = 10) -> str:
        return str(self.asks("window open", gate="gate-1", minutes=minutes)["id"])

    def drill(self, start_wall_ms: int, *, force: bool = False) -> str:
        booked = self.asks("drill book", gate="gate-1", start_wall_ms=start_wall_ms, minutes=10, force=force)
        return str(booked["id"])

    def down(self) -> list[tuple[str, str]]:
        """(what, about which id), in order."""
        out = []
        for address, message in self.trials.take_down():
            assert address == ADDRESS
            command = isinstance(message, wire.CentreCommand)
            out.append((message.command, message.nonce) if command else (message.stage, message.id))  # type: ignore[union-attr]
        return out

    def matters(self) -> list[Matter]:
        return [item.matter for item in self.trials.standing_items(self.wall_ms)]

    def incidents(self) -> list[str]:
        return [incident.id for incident in self.intake.open_incidents()]


@pytest.fixture
def again(tmp_path) -> Callable[[], Centre]:
    """Another life of the centre on the same database."""
    return lambda: Centre(Archive(tmp_path / "centre.db"))


@pytest.fixture
def centre(again) -> Centre:
    centre = again()
    centre.heartbeat()
    return centre


# --- windows


def test_a_window_goes_down_once_and_is_open_by_the_gate_s_word(centre):
    nonce = centre.window()
    assert centre.down() == [("open_window", nonce)]
    centre.comes(window_word(1, nonce))
    assert centre.trials.windows[nonce].state(NOW) == "open"
    centre.asks("window close", id=nonce[:8])
    assert centre.down() == [("close_window", nonce)]
    centre.comes(window_word(2, nonce, ended=True))
    assert centre.trials.windows == {}
    assert centre.archive.windows.newest(1)[0].state(NOW) == "ended"


def test_a_window_outlives_a_restart_of_the_centre(centre, again):
    nonce = centre.window()
    assert list(again().trials.windows) == [nonce]


def test_a_window_that_nobody_ends_leaves_by_itself(centre):
    nonce = centre.window(minutes=10)
    centre.wall_ms += 11 * MINUTE_MS
    centre.asking.sweep(centre.wall_ms)
    assert centre.trials.windows == {}
    centre.comes(window_word(1, nonce), window_word(2, nonce, ended=True))  # owed by a gate that was cut off
    assert centre.archive.windows.newest(1)[0].confirmed_wall_ms == centre.wall_ms


def test_one_window_at_a_time(centre):
    centre.window()
    with pytest.raises(RefusedError, match="close that one first"):
        centre.window()


@pytest.mark.parametrize("gate", ["gate-9", "ate-1", "", "school-2/gate-1"])
def test_a_gate_nobody_heard_of_gets_no_window(centre, gate):
    with pytest.raises(RefusedError, match="ever heard"):
        centre.asks("window open", gate=gate, minutes=10)


def test_without_a_broker_no_window_is_promised(centre):
    centre.listens = False
    with pytest.raises(RefusedError, match="no broker"):
        centre.window()
    assert centre.trials.windows == {}


def test_during_an_alarm_no_window_is_opened(centre):
    centre.comes(press(1))
    with pytest.raises(RefusedError, match="alarm is open"):
        centre.window()
    centre.comes(reset(2, 1))
    assert centre.window()


def test_an_alarm_closes_the_window(centre):
    """Whoever presses in need presses again: that must not be taken for a test."""
    nonce = centre.window()
    centre.comes(window_word(1, nonce), press(2))
    assert centre.down() == [("open_window", nonce), ("close_window", nonce)]
    assert centre.incidents() == [press(2).id]


def test_a_restart_of_the_gate_ends_its_window(centre):
    nonce = centre.window()
    centre.comes(window_word(1, nonce), restart(1, boot_counter=2))
    assert centre.trials.windows == {}


def test_a_week_without_its_two_tests_is_told_until_a_person_cleared_it(centre, again):
    lacks = Week(day_of("2026-11-16"), (Lack.TOO_FEW, Lack.GAP), 1, 3, 0, 0)
    centre.comes(week_word(1, replace(lacks, lacks=())))
    assert centre.matters() == []
    centre.comes(week_word(2, lacks))
    (item,) = again().trials.standing_items(NOW)
    assert item.matter is Matter.WEEK_MISSED
    assert item.detail == (
        "the week of 2026-11-16 is NON_COMPLIANT: too_few_passes, gap_over_84_h; 1 of 2 tests passed"
    )
    centre.asks("clear", id=item.id)
    assert centre.matters() == again().matters() == []


def test_a_window_that_nobody_asked_for_is_told_until_a_person_cleared_it(centre, again):
    """Somebody else can send commands to that gate."""
    centre.comes(window_word(1, "00000000000000ff"))
    (item,) = again().trials.standing_items(NOW)
    assert item.matter is Matter.WINDOW_UNASKED
    centre.asks("clear", id=item.id[:6])
    assert centre.matters() == again().matters() == []
    with pytest.raises(RefusedError, match="cleared by Li already"):
        centre.asks("clear", id=item.id)


def test_the_end_of_an_unknown_window_is_nothing(centre):
    centre.comes(window_word(1, "00000000000000ff", ended=True))
    assert centre.matters() == []


# --- cards


def test_a_mark_is_a_card_and_no_incident(centre):
    centre.comes(self_test(1), replace(self_test(2), origin=Origin.DRILL))
    assert [card.id for card in centre.trials.cards.values()] == [self_test(1).id, self_test(2).id]
    assert centre.incidents() == []


def test_a_person_s_press_on_the_test_s_topic_is_an_incident_and_no_card(centre):
    """An unknown origin reads as a person's, so this is also what a gate of a later version would be."""
    centre.comes(replace(self_test(1), origin=Origin.PERSON))
    assert centre.incidents() == [self_test(1).id]
    assert centre.trials.cards == {}


def test_a_test_on_the_alarm_s_topic_is_an_incident_and_no_card(centre):
    centre.comes(press(1, origin=Origin.SELF_TEST, incident=None))
    assert centre.incidents() == [press(1).id]
    assert centre.trials.cards == {}


def test_a_test_that_names_an_incident_does_not_join_it(centre):
    centre.comes(press(1), replace(self_test(2), incident=press(1).id))
    assert [incident.presses for incident in centre.intake.open_incidents()] == [1]


def act(centre: Centre, id: str, stage: Stage = Stage.SEEN) -> None:
    card = centre.archive.find_acted(id)
    centre.asking.act(card, stage, "Li", centre.wall_ms)  # type: ignore[arg-type]


def test_the_officer_s_word_is_said_and_said_again_until_the_report(centre):
    centre.comes(self_test(1))
    act(centre, self_test(1).id)
    seen = ("seen", self_test(1).id)
    assert centre.down() == [seen]
    centre.heartbeat(2)
    assert centre.down() == [seen]
    centre.comes(report(2, self_test(1).id))
    centre.heartbeat(3)
    assert centre.down() == []


def test_an_unseen_card_is_not_said_to_be_seen(centre):
    centre.comes(self_test(1))
    centre.heartbeat(2)
    assert centre.down() == []


def test_who_confirmed_outlives_a_restart(centre, again):
    centre.comes(self_test(1))
    act(centre, self_test(1).id)
    assert [card.seen_by for card in again().trials.cards.values()] == ["Li"]
    assert centre.archive.acts(ADDRESS, self_test(1).id) == [{"stage": "seen", "by": "Li", "wall_ms": NOW}]


def test_a_card_without_a_report_leaves_the_screen(centre, again):
    centre.comes(self_test(1))
    centre.wall_ms += HOUR_MS
    centre.asking.sweep(centre.wall_ms)
    assert centre.trials.cards == again().trials.cards == {}


def test_a_report_is_the_gate_s_last_test_of_its_kind(centre, again):
    centre.comes(
        report(1, self_test(1).id),
        report(2, self_test(2).id, kind=Kind.PATH, result=Result.FAIL),
        report(3, self_test(3).id, result=Result.PARTIAL),
        report(4, self_test(4).id, replayed=True, wall_ms=NOW - 10**9),  # an old one that comes late
    )
    tests = again().register.gates[ADDRESS].standing.tests
    assert {kind: (one.id, one.result) for kind, one in tests.items()} == {
        "full": (self_test(3).id, "PARTIAL"), "path": (self_test(2).id, "FAIL"),
    }  # fmt: skip
    assert centre.archive.cards.newest(9)[0].id == self_test(4).id


def test_a_report_that_is_not_understood_is_counted_and_kept(centre):
    one = report(1, "")
    centre.comes(replace(one, body={**one.body, "kind": "later"}))
    assert centre.register.refused["report"] == 1
    assert centre.intake.events == 1


# --- the dead man's switch


@pytest.fixture
def due(centre) -> int:
    centre.heartbeat(2, next_test_due_wall_ms=NOW + HOUR_MS)
    return NOW + HOUR_MS


def test_a_dead_gate_is_raised_over_a_restart_of_the_centre(due, again):
    """It announced a test, and then nothing was ever heard of it; nor did the centre live to see it."""
    later = again()
    later.wall_ms = due + LATE_MS - 1
    assert later.matters() == []
    later.wall_ms += 1
    assert later.matters() == [Matter.TEST_OVERDUE]


@pytest.mark.parametrize("kind", [Kind.FULL, Kind.HUMAN, Kind.DRILL])
@pytest.mark.parametrize("result", list(Result))
def test_any_test_of_the_whole_chain_ends_it(centre, due, kind, result):
    centre.wall_ms = due + LATE_MS
    assert centre.matters() == [Matter.TEST_OVERDUE]
    centre.comes(report(3, "", kind=kind, result=result))
    assert centre.matters() == []


def test_a_path_test_an_old_report_or_a_mark_does_not(centre, due):
    centre.wall_ms = due + LATE_MS
    centre.comes(report(3, "", kind=Kind.PATH), report(4, "", replayed=True, wall_ms=NOW), self_test(5))
    assert centre.matters() == [Matter.TEST_OVERDUE]


def test_an_announcement_from_another_year_is_told(centre, due):
    centre.heartbeat(3, next_test_due_wall_ms=due + 365 * 24 * HOUR_MS)
    assert centre.matters() == [Matter.DUE_UNBELIEVABLE]
    centre.heartbeat(4, next_test_due_wall_ms=due)
    assert centre.matters() == []


@pytest.mark.parametrize("nonsense", ["soon", 1.5, True, [1]])
def test_an_announcement_that_is_nonsense_is_counted(centre, due, nonsense):
    centre.heartbeat(3, next_test_due_wall_ms=nonsense)
    assert centre.register.refused["next_test"] == 1
    assert centre.register.gates[ADDRESS].standing.duty.due_wall_ms == due


# --- the ledger's witness


def test_a_shortened_ledger_is_told_over_a_restart_until_a_person_cleared_it(centre, again):
    centre.heartbeat(2, ledger={"number": 9, "hash": "ab"})
    centre.heartbeat(3, ledger={"number": 8, "hash": "cd"})
    (item,) = again().trials.standing_items(NOW)
    assert (item.matter, item.times) == (Matter.LEDGER, 1)
    centre.heartbeat(4, ledger={"number": 7, "hash": "ef"})
    assert centre.trials.standing_items(NOW)[0].times == 2
    centre.asks("clear", id=item.id)
    assert again().matters() == []


def test_the_newest_head_outlives_an_orderly_restart(centre, again):
    centre.heartbeat(2, ledger={"number": 9, "hash": "ab"})
    centre.intake.keep_signs(NOW)
    later = again()
    later.heartbeat(3, ledger={"number": 8, "hash": "cd"})
    assert later.matters() == [Matter.LEDGER]


def test_a_ledger_that_is_nonsense_is_counted(centre):
    centre.heartbeat(2, ledger="x")
    assert centre.register.refused["ledger"] == 1


# --- drills


def test_a_drill_begins_at_its_time_and_its_window_has_its_name(centre, again):
    id = centre.drill(NOW + 25 * HOUR_MS)
    later = again()
    later.wall_ms = NOW + 25 * HOUR_MS - 1
    later.asking.sweep(later.wall_ms)
    assert later.down() == []
    later.wall_ms += 1
    later.asking.sweep(later.wall_ms)
    later.asking.sweep(later.wall_ms)
    assert later.down() == [("open_window", id)]
    assert (later.trials.windows[id].kind, later.trials.drills) == (Kind.DRILL, {})


def test_a_drill_waits_for_what_speaks_against_it_and_has_what_is_left(centre):
    id = centre.drill(NOW, force=True)
    centre.comes(press(1))
    centre.asking.sweep(NOW)
    assert "alarm is open" in centre.trials.drills[id].reason
    centre.comes(reset(2, 1))
    centre.asking.sweep(NOW + 4 * MINUTE_MS)
    assert centre.trials.windows[id].for_ms == 6 * MINUTE_MS


def test_a_drill_whose_time_passed_is_missed_and_says_why(centre):
    id = centre.drill(NOW, force=True)
    centre.listens = False
    centre.asking.sweep(NOW)
    centre.asking.sweep(NOW + 10 * MINUTE_MS)
    missed = centre.archive.drills.find(id)
    assert (missed.state, centre.trials.windows) == ("missed", {})
    assert "no broker" in missed.reason


def test_a_cancelled_drill_does_not_begin(centre):
    id = centre.drill(NOW + 25 * HOUR_MS)
    centre.asks("drill cancel", id=id)
    centre.asking.sweep(NOW + 25 * HOUR_MS)
    assert centre.down() == []


def test_a_drill_s_press_belongs_to_it(centre):
    id = centre.drill(NOW, force=True)
    centre.asking.sweep(NOW)
    centre.comes(window_word(1, id), replace(self_test(2), origin=Origin.DRILL))
    assert [card.window for card in centre.archive.cards.of(ADDRESS, "window", id)] == [id]


@pytest.mark.parametrize("by", ["", "  ", "x" * 81, "a\nb"])
def test_nobody_asks_without_a_name(centre, by):
    for do, words in {
        "window open": {"gate": "gate-1", "minutes": 10},
        "drill book": {"gate": "gate-1", "start_wall_ms": NOW + 30 * HOUR_MS, "minutes": 10, "force": False},
    }.items():
        with pytest.raises(RefusedError, match="--by"):
            centre.asks(do, **{**words, "by": by})


def test_what_nobody_knows_is_not_about_tests(centre):
    assert centre.asking.do({"do": "disarm", "gate": "gate-1", "by": "Li"}, NOW) is None

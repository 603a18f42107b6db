"""How long the gate keeps what it knows of students: a crowd over a restart, everything else for its days."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from edge import skin, state
from edge.crowd import Member
from edge.events import (
    Backlog,
    Boot,
    ClockRead,
    Command,
    Fact,
    Forget,
    Forgotten,
    Journal,
    KeepCrowd,
    Store,
    StoreOpened,
    Ticked,
    Topic,
)
from edge.measuring import CrowdKept, SkinMissed, SkinRead, Verdict
from edge.screening import ThermometerRules
from edge.state import KioskRules, Rules, State
from tests.unit.machines import BOOT
from tests.unit.pupils import USUAL, WALL
from tests.unit.test_core import run

DAY_MS = 86_400_000
MINUTE_MS = 60_000
WALL_MS = 100 * DAY_MS
BCC = ThermometerRules(part=skin.PARTS["BCC"], supply_volts=3.0, emissivity=1.0, mark="BCC")
CROWD = CrowdKept((34.1, 34.3), (5 * MINUTE_MS, MINUTE_MS), "BCC", WALL_MS - MINUTE_MS, True, "k0", 7_000_000)
"""Kept a minute before ``WALL_MS`` by a kernel that is gone."""


def gate(rules: ThermometerRules | None = BCC) -> State:
    return state.begin(Boot(BOOT, 7, "k1"), Rules(kiosk=KioskRules(rules)), 0)


def opened(crowd: CrowdKept | None, at_ms: int = 10, *, renumbered: bool = False) -> StoreOpened:
    return StoreOpened(None, Backlog(), None, renumbered, at_ms, crowd)


def clock(at_ms: int, error_ms: int | None = 3) -> ClockRead:
    return ClockRead(at_ms, WALL_MS + at_ms, error_ms)


def student(at_ms: int) -> list[Fact]:
    """One who comes and goes within two seconds."""
    celsius = [WALL, WALL, *[USUAL] * 6, WALL]
    return [SkinRead(one, 23.0, at_ms + 150 * number) for number, one in enumerate(celsius)]


def members(gate: State) -> tuple[Member, ...]:
    assert gate.kiosk.thermometer is not None
    return gate.kiosk.thermometer.crowd.members


def kept(out: Iterable[Command]) -> list[CrowdKept]:
    return [one.crowd for one in out if isinstance(one, KeepCrowd)]


# --- a crowd of an earlier life ---------------------------------------------------------------------------------------


def test_a_crowd_is_taken_up_again_with_the_age_that_it_has_by_the_wall_clock() -> None:
    after, out = run([clock(0), opened(CROWD), clock(1_000)], gate())
    ages = [(one.residual_celsius, 1_000 - one.at_ms) for one in members(after)]
    assert ages == [(34.1, 6 * MINUTE_MS + 1_000), (34.3, 2 * MINUTE_MS + 1_000)]
    assert "2 students still count" in " ".join(str(one.about) for one in out if isinstance(one, Journal))


def test_within_one_life_of_the_kernel_no_wall_clock_is_needed() -> None:
    same = replace(CROWD, kernel_boot="k1", at_ms=-2_000, synced=False, wall_ms=0)
    after, _ = run([clock(0, None), opened(same), clock(1_000, None)], gate())
    assert [1_000 - one.at_ms for one in members(after)] == [5 * MINUTE_MS + 3_000, MINUTE_MS + 3_000]


def test_a_gate_that_does_not_know_the_time_yet_waits_for_it_and_keeps_those_who_come_meanwhile() -> None:
    begun, out = run([clock(0, None), opened(CROWD), *student(1_000), clock(20_000, None)], gate())
    assert len(members(begun)) == 1
    assert kept(out) == []  # else the older crowd would be written over before it could be read
    after, more = run([clock(30_000)], begun)
    assert [one.residual_celsius for one in members(after)][:2] == [34.1, 34.3]
    assert len(members(after)) == 3
    (written,) = kept(more)
    assert (len(written.residuals_celsius), written.ago_ms[:2]) == (3, (6 * MINUTE_MS + 30_000, 2 * MINUTE_MS + 30_000))
    assert (written.mark, written.synced, written.kernel_boot, written.at_ms) == ("BCC", True, "k1", 30_000)


def test_who_came_too_long_ago_is_left_out_and_the_store_forgets_them_too() -> None:
    old = replace(CROWD, wall_ms=WALL_MS - 42 * MINUTE_MS)
    after, out = run([clock(0), opened(old), clock(1_000)], gate())
    assert [one.residual_celsius for one in members(after)] == [34.3]
    assert [one.residuals_celsius for one in kept(out)] == [(34.3,)]


def test_a_crowd_that_means_nothing_now_is_neither_used_nor_left_on_the_card() -> None:
    too_old = replace(CROWD, wall_ms=WALL_MS - DAY_MS)
    of_the_future = replace(CROWD, wall_ms=WALL_MS + DAY_MS)
    of_another_sensor = replace(CROWD, mark="DCI")
    without_a_time = replace(CROWD, synced=False)
    for one in (too_old, of_the_future, of_another_sensor, without_a_time):
        after, out = run([clock(0), opened(one), clock(1_000)], gate())
        assert members(after) == ()
        assert [crowd.residuals_celsius for crowd in kept(out)] == [()]


def test_a_time_that_is_learnt_after_45_minutes_is_too_late() -> None:
    begun, _ = run([clock(0, None), opened(CROWD), clock(46 * MINUTE_MS, None)], gate())
    after, out = run([clock(47 * MINUTE_MS)], begun)
    assert begun.kiosk.crowd_awaited is None
    assert members(after) == ()
    assert kept(out) == []


def test_a_crowd_from_before_a_fault_of_the_sensor_is_not_taken_up() -> None:
    missed = [SkinMissed("no_answer", 1_000 * second) for second in range(1, 7)]
    begun, _ = run([clock(0, None), opened(CROWD), *missed, Ticked(6_000), clock(7_000, None)], gate())
    after, _ = run([clock(8_000)], begun)
    assert members(after) == ()


def test_a_file_that_began_anew_does_not_bring_an_older_crowd_over_the_one_in_memory() -> None:
    begun, _ = run([clock(0), opened(None), *student(1_000), clock(20_000)], gate())
    before = members(begun)
    assert len(before) == 1
    after, out = run([opened(CROWD, 40_000, renumbered=True), clock(41_000)], begun)
    assert members(after) == before
    assert [len(one.residuals_celsius) for one in kept(out)] == [1]


def test_a_file_that_began_anew_brings_a_crowd_to_a_gate_that_has_none() -> None:
    after, _ = run([clock(0), opened(None), clock(1_000), opened(CROWD, 2_000, renumbered=True), clock(3_000)], gate())
    assert len(members(after)) == 2


def test_a_new_file_is_given_the_crowd_in_memory() -> None:
    begun, _ = run([clock(0), opened(None), *student(1_000), clock(20_000)], gate())
    _, out = run([opened(None, 40_000, renumbered=True), clock(41_000)], begun)
    assert [len(one.residuals_celsius) for one in kept(out)] == [1]


def test_a_gate_whose_thermometer_was_taken_out_forgets_the_crowd() -> None:
    _, out = run([clock(0), opened(CROWD), clock(1_000), clock(2_000)], gate(None))
    assert [one.residuals_celsius for one in kept(out)] == [()]


def test_a_mistake_in_taking_up_a_crowd_never_ends_the_brain_nor_comes_twice() -> None:
    spoilt = replace(CROWD, ago_ms=("long", 2))  # type: ignore[arg-type]
    begun, out = run([clock(0), opened(spoilt), *student(1_000), clock(3_000)], gate())
    assert begun.health.counters["kiosk_TypeError"] == 1
    assert any(isinstance(one, Journal) and one.level == "error" for one in out)
    after, _ = run([*student(4_000), clock(20_000)], begun)
    assert after.health.counters["kiosk_TypeError"] == 1
    assert len(members(after)) == 1


# --- the counts of the day --------------------------------------------------------------------------------------------


def today(gate: State) -> dict[Verdict, int]:
    assert gate.kiosk.thermometer is not None
    return dict(gate.kiosk.thermometer.tally.today)


def another_life(at_ms: int = 30_000, kernel_boot: str = "k1") -> State:
    return state.begin(Boot("b" * 16, 8, kernel_boot), Rules(kiosk=KioskRules(BCC)), at_ms)


def test_the_counts_of_the_day_outlive_a_restart_and_go_on() -> None:
    begun, out = run([clock(0), opened(None), *student(1_000), *student(11_000), clock(25_000)], gate())
    (written,) = kept(out)
    assert today(begun) == written.today == {Verdict.NORMAL: 2}
    facts = [clock(30_000), *student(31_000), opened(written, 40_000), clock(45_000), *student(50_000)]
    after, more = run([*facts, clock(65_000)], another_life())
    assert today(after) == {Verdict.NORMAL: 4}
    assert [one.today for one in kept(more)][-1] == {Verdict.NORMAL: 4}


def test_they_outlive_a_night_of_the_power_only_if_it_is_none_of_the_school() -> None:
    morning = replace(CROWD, today={Verdict.NORMAL: 300, Verdict.AGAIN: 7}, last_ago_ms=MINUTE_MS)
    for hours, expected in ((3, {Verdict.NORMAL: 300, Verdict.AGAIN: 7}), (4, {})):
        before = replace(morning, wall_ms=WALL_MS - hours * 60 * MINUTE_MS)
        after, _ = run([clock(0), opened(before), clock(1_000)], another_life(0, "k9"))
        assert (today(after), members(after)) == (expected, ())


def test_counts_whose_age_nobody_can_tell_are_not_taken_up() -> None:
    before = replace(CROWD, today={Verdict.NORMAL: 300}, synced=False)
    after, _ = run([clock(0), opened(before), clock(1_000)], gate())
    assert today(after) == {}


# --- keeping it -------------------------------------------------------------------------------------------------------


def test_the_crowd_is_kept_every_ten_seconds_while_it_changes() -> None:
    facts: list[Fact] = [clock(0), opened(None)]
    for second in range(0, 40, 2):
        facts += [*student(1_000 + second * 1_000), clock(2_900 + second * 1_000)]
    after, out = run(facts, gate())
    assert [len(one.residuals_celsius) for one in kept(out)] == [1, 6, 11, 16]
    _, more = run([clock(second * 1_000) for second in range(60, 120)], after)
    assert [len(one.residuals_celsius) for one in kept(more)] == [20]


def test_nothing_is_kept_before_the_store_has_said_what_it_holds() -> None:
    _, out = run([clock(0), *student(1_000), clock(3_000)], gate())
    assert kept(out) == []


def test_a_crowd_that_was_forgotten_is_forgotten_on_the_card_at_once() -> None:
    begun, out = run([clock(0), opened(None), *student(1_000), clock(3_000)], gate())
    assert [len(one.residuals_celsius) for one in kept(out)] == [1]
    warmer = [SkinRead(WALL, 29.0, 4_000)]
    _, more = run([*warmer, clock(5_000)], begun)
    assert [one.residuals_celsius for one in kept(more)] == [()]


def test_those_who_are_too_old_leave_the_card_though_nobody_comes() -> None:
    begun, _ = run([clock(0), opened(None), *student(1_000), clock(3_000)], gate())
    _, out = run([clock(46 * MINUTE_MS)], begun)
    assert [one.residuals_celsius for one in kept(out)] == [()]


def test_a_gate_without_a_thermometer_writes_no_crowd() -> None:
    _, out = run([clock(0), opened(None), clock(1_000)], gate(None))
    assert kept(out) == []


# --- what must not stay -----------------------------------------------------------------------------------------------


def forgets(out: Iterable[Command]) -> list[Forget]:
    return [one for one in out if isinstance(one, Forget)]


def test_once_a_day_what_is_older_than_its_days_is_to_be_deleted() -> None:
    begun, out = run([clock(0), clock(1_000), clock(DAY_MS - 1)], gate(None))
    before_ms = WALL_MS - 14 * DAY_MS
    assert forgets(out) == [Forget(Topic.TEMPERATURE, before_ms), Forget(Topic.PICTURE, before_ms)]
    _, more = run([clock(DAY_MS), clock(DAY_MS + 1_000)], begun)
    assert [one.before_wall_ms for one in forgets(more)] == [before_ms + DAY_MS] * 2


def test_nothing_is_deleted_by_a_clock_that_was_never_set() -> None:
    _, out = run([clock(0, None), clock(2 * DAY_MS, None)], gate())
    assert forgets(out) == []


def test_what_was_deleted_and_what_is_left_is_an_event_and_nothing_is_none() -> None:
    _, out = run(
        [
            clock(0),
            Forgotten(Topic.TEMPERATURE, WALL_MS, 3, 0, 1, 0, 5_000),
            Forgotten(Topic.PICTURE, WALL_MS, 0, 0, 0, 0, 6_000),
            Forgotten(Topic.PICTURE, WALL_MS, 0, 0, 0, 2, 7_000),
        ],
        gate(None),
    )
    told = [one.record for one in out if isinstance(one, Store) and one.record.code == 953]
    assert [one.topic for one in told] == [Topic.LOG] * 2
    assert told[0].body == {
        "topic": "temperature", "deleted": 3, "left": 0, "damaged_files_deleted": 1, "damaged_files_left": 0,
        "before_wall_ms": WALL_MS, "kept_days": 14,
    }  # fmt: skip
    assert (told[1].body["topic"], told[1].body["damaged_files_left"]) == ("picture", 2)

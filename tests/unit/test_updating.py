"""An update on a gate that only seems to be one: what is tried, what proves it, and that every interruption ends well.
With the real daemon: tests/process/test_update.py."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from edge.errors import GatepostError, RefusedError
from edge.releases import Releases
from edge.updating import OUTCOME, PENDING, TRIES_MAX, Outcome, Updating

OLD, NEW = "1.0", "1.1"
RECEIPT_S, ARM_S = 300.0, 6.0


class PretendedGate:
    """Hands on a gate that lives in virtual seconds. ``arms_s`` and ``receipts`` are by version."""

    def __init__(self, releases: Releases) -> None:
        self.releases = releases
        self.arms_s: dict[str, float | None] = {OLD: 2.0, NEW: 3.0}
        self.receipts = {OLD: True, NEW: True}
        self.ends_after_s: dict[str, float] = {}
        self.alarm_until_s = -1.0
        self.centre_from_s = 0.0
        self.second_s = 0.0
        self.restarts: list[tuple[str, float]] = []
        self.at_once = False
        self.told: list[Mapping[str, object]] = []
        self._began_s = -100.0
        self._lives = 1
        self.lingers_s = 0.0
        self.test_s = 2.0
        self._before: tuple[str | None, int] = (None, 0)
        self._ends_s: float | None = None
        self._runs = releases.current()
        self._last: dict[str, object] | None = None
        self._token = ""

    def restart(self, *, at_once: bool) -> None:
        self.at_once = at_once
        self._before = self._runs, self._lives
        self._runs = self.releases.current()
        self.restarts.append((str(self._runs), self.second_s))
        self._began_s, self._lives, self._last, self._ends_s = self.second_s, self._lives + 1, None, None

    def view(self) -> Mapping[str, Any] | None:
        arms_s = self.arms_s.get(str(self._runs))
        lived_s = self.second_s - self._began_s
        if lived_s < self.lingers_s:  # the one before has not ended yet
            return {"armed": True, "boot": f"{self._before[1]}.0", "incident": {"ids": []}}
        if arms_s is None or lived_s < arms_s:
            return None
        ends_s = self.ends_after_s.get(str(self._runs))
        crashes = 0 if ends_s is None else int(lived_s // ends_s)
        return {
            "armed": True,
            "boot": f"{self._lives}.{crashes}",
            "incident": {"ids": ["ab-1"] if self.second_s < self.alarm_until_s else []},
            "done_on": "receipt",
            "selftest": {"answer": {"token": self._token, "refused": ""}, "last": self._report()},
        }

    def ask(self, ask: str, **fields: object) -> bool:
        if self.view() is None:
            return False
        if ask == "updated":
            self.told.append(fields)
        else:
            assert (ask, fields["kind"]) == ("selftest", "path")
            self._token, self._ends_s = str(fields["token"]), self.second_s + self.test_s
        return True

    def _report(self) -> dict[str, object] | None:
        """The newest report; a test takes its time, and the one before stands until then."""
        if self._ends_s is not None and self.second_s >= self._ends_s:
            passed = "PASS" if self.receipts[str(self._runs)] and self.second_s >= self.centre_from_s else "FAIL"
            self._last = {"mark": self._token, "started_ms": int(self._ends_s), "result": passed, "link_10": passed,
                          "link_10_reason": "" if passed == "PASS" else "no receipt in 20 s"}  # fmt: skip
            self._ends_s = None
        return self._last

    def now_s(self) -> float:
        return self.second_s

    def pause(self, seconds: float) -> None:
        self.second_s += seconds


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    made = Releases(tmp_path / "opt")
    for version in (OLD, NEW):
        made.place(version).mkdir(parents=True)
        made.completed(version, "content")
    made.switch(OLD)
    return made


@pytest.fixture
def gate(releases: Releases) -> PretendedGate:
    return PretendedGate(releases)


def updating(gate: PretendedGate) -> Updating:
    return Updating(gate.releases, gate, RECEIPT_S, ARM_S, lambda _: None)


def updated(gate: PretendedGate) -> Outcome:
    one = updating(gate)
    one.begin(NEW, "li")
    outcome = one.carry_out()
    assert outcome is not None
    assert not (gate.releases.base / PENDING).exists()
    return outcome


def test_a_version_that_brings_a_self_test_back_stays(gate: PretendedGate) -> None:
    outcome = updated(gate)
    assert (outcome.kept, outcome.before, outcome.after) == (True, OLD, NEW)
    assert 3000 <= outcome.down_ms < 4000
    assert (gate.releases.current(), gate.releases.previous()) == (NEW, OLD)
    assert [version for version, _ in gate.restarts] == [NEW]
    assert gate.told == [{"before": OLD, "after": NEW, "by": "li", "kept": True, "reason": outcome.reason}]


def test_a_version_that_does_not_arm_is_gone_within_ten_seconds(gate: PretendedGate) -> None:
    gate.arms_s[NEW] = None
    outcome = updated(gate)
    assert not outcome.kept
    assert "did not arm the button within 6 s" in outcome.reason
    assert outcome.down_ms <= 10_000
    assert gate.at_once, "a version that hangs is not asked to end"
    assert gate.releases.current() == OLD
    assert not gate.releases.place(NEW).exists(), "nobody can go to it by mistake"
    assert [one["kept"] for one in gate.told] == [False]


def test_without_a_receipt_for_five_minutes_the_old_version_is_back(gate: PretendedGate) -> None:
    gate.receipts[NEW] = False
    outcome = updated(gate)
    assert not outcome.kept
    assert outcome.reason == "no receipt from the centre within 300 s (no receipt in 20 s)"
    assert RECEIPT_S - 10 <= gate.second_s <= RECEIPT_S + 30
    assert gate.releases.current() == OLD


def test_a_version_that_ends_by_itself_does_not_get_its_five_minutes(gate: PretendedGate) -> None:
    gate.receipts[NEW] = False
    gate.ends_after_s[NEW] = 20.0
    outcome = updated(gate)
    assert outcome.reason == "the new version ended by itself"
    assert gate.second_s < 60


def test_where_neither_version_arms_somebody_is_told(gate: PretendedGate) -> None:
    gate.arms_s.update({OLD: None, NEW: None})
    one = updating(gate)
    one.begin(NEW, "li")
    with pytest.raises(GatepostError, match=r"1\.0 does not arm either: systemctl status"):
        one.carry_out()
    assert gate.releases.current() == OLD


def test_an_open_alarm_refuses_an_update(gate: PretendedGate) -> None:
    gate.alarm_until_s = 10.0
    with pytest.raises(RefusedError, match="an alarm is open"):
        updating(gate).begin(NEW, "li")
    assert not (gate.releases.base / PENDING).exists()


def test_an_alarm_that_opens_before_the_switch_is_waited_for(gate: PretendedGate) -> None:
    one = updating(gate)
    one.begin(NEW, "li")
    gate.alarm_until_s = 3600.0
    outcome = one.carry_out()
    assert outcome is not None
    assert outcome.kept
    assert gate.restarts[0][1] >= 3600, "nothing was restarted while it was open"


def test_the_time_of_an_alarm_is_not_the_new_versions(gate: PretendedGate) -> None:
    """A guard who presses during the trial: no self-test can run, and that is no fault of the version."""
    gate.arms_s[NEW] = 3.0
    one = updating(gate)
    one.begin(NEW, "li")
    restart = gate.restart

    def pressed_after_the_restart(*, at_once: bool) -> None:
        restart(at_once=at_once)
        gate.alarm_until_s = gate.second_s + 1000

    gate.restart = pressed_after_the_restart  # type: ignore[method-assign]
    outcome = one.carry_out()
    assert outcome is not None
    assert outcome.kept
    assert gate.second_s > 1000


def test_the_same_version_and_a_second_update_are_refused(gate: PretendedGate) -> None:
    one = updating(gate)
    with pytest.raises(RefusedError, match="runs already"):
        one.begin(OLD, "li")
    one.begin(NEW, "li")
    with pytest.raises(RefusedError, match="another update is under way"):
        one.begin(NEW, "li")


def test_before_anything_is_switched_there_is_a_way_back(gate: PretendedGate) -> None:
    """The unit that goes on after a power cut runs what ``previous`` names."""
    updating(gate).begin(NEW, "li")
    assert (gate.releases.current(), gate.releases.previous()) == (OLD, OLD)


def test_a_daemon_that_takes_its_time_to_end_is_not_taken_for_the_new_one(gate: PretendedGate) -> None:
    gate.lingers_s = 1.5
    assert updated(gate).down_ms >= 3000


def test_a_centre_that_comes_back_in_time_proves_the_version(gate: PretendedGate) -> None:
    """Each test counts by its own report, not by the one that stood before."""
    gate.centre_from_s = 100.0
    assert updated(gate).kept
    assert 100 <= gate.second_s < RECEIPT_S


def test_a_way_back_that_the_power_interrupted_is_gone_to_its_end(gate: PretendedGate) -> None:
    one = updating(gate)
    one.begin(NEW, "li")
    pending = one.pending()
    assert pending is not None
    (gate.releases.base / PENDING).write_bytes(msgspec.json.encode(replace(pending, tries=1, undo="no receipt")))
    outcome = one.carry_out()
    assert outcome is not None
    assert (outcome.kept, outcome.reason) == (False, "no receipt")
    assert [version for version, _ in gate.restarts] == [OLD], "it is not tried once more"


def test_nothing_pending_is_nothing_to_do(gate: PretendedGate) -> None:
    assert updating(gate).carry_out() is None
    assert gate.restarts == []


def test_after_too_many_interruptions_the_old_version_stays(gate: PretendedGate) -> None:
    updating(gate).begin(NEW, "li")
    for _ in range(TRIES_MAX):
        with pytest.raises(KeyboardInterrupt):
            _interrupted(gate)
    outcome = updating(gate).carry_out()
    assert outcome is not None
    assert (outcome.kept, outcome.reason) == (False, f"it was interrupted {TRIES_MAX} times")
    assert gate.releases.current() == OLD


def _interrupted(gate: PretendedGate) -> None:
    def end(*, at_once: bool) -> None:
        raise KeyboardInterrupt

    restart, gate.restart = gate.restart, end  # type: ignore[method-assign]
    try:
        updating(gate).carry_out()
    finally:
        gate.restart = restart  # type: ignore[method-assign]


@pytest.mark.parametrize("good", [True, False], ids=["good version", "bad version"])
def test_a_power_cut_at_any_change_of_the_card_ends_with_a_version_that_works(tmp_path: Path, good: bool) -> None:
    """A child is ended at its first, second, third ... change; then the update is resumed as after a start."""
    ends = set()
    for cut in range(1, 60):
        releases = Releases(tmp_path / str(cut))
        for version in (OLD, NEW):
            releases.place(version).mkdir(parents=True)
            releases.completed(version, "content")
        releases.switch(OLD)
        pid = os.fork()
        if pid == 0:
            _update_and_die(releases, good, cut)
        _, status = os.waitpid(pid, 0)
        assert releases.is_complete(str(releases.current())), f"cut {cut}: {releases.current()} is not whole"
        gate = PretendedGate(releases)
        gate.receipts[NEW] = good
        resumed = updating(gate).carry_out()
        assert releases.is_complete(str(releases.current()))
        if resumed is not None:
            assert resumed.kept is good, f"cut {cut}: {resumed}"
        ends.add((status != 0, releases.current()))
        if status == 0:
            break
    else:
        pytest.fail("the update never came to its end")
    assert (False, NEW if good else OLD) in ends
    # Cut before its note was on the card, the update has not begun; later it always comes to its end.
    assert (True, OLD) in ends


def _update_and_die(releases: Releases, good: bool, cut: int) -> None:
    """In a child."""
    seen = 0

    def count(event: str, _: object) -> None:
        nonlocal seen
        if event in ("os.remove", "os.symlink", "os.rename", "os.rmdir", "open"):
            seen += 1
            if seen == cut:
                os._exit(9)

    gate = PretendedGate(releases)
    gate.receipts[NEW] = good
    one = updating(gate)
    sys.addaudithook(count)
    try:
        one.begin(NEW, "li")
        one.carry_out()
        os._exit(0)
    finally:
        os._exit(1)


def test_how_it_ended_can_be_read_later(gate: PretendedGate) -> None:
    outcome = updated(gate)
    assert updating(gate).outcome() == outcome
    (gate.releases.base / OUTCOME).write_text("{")
    assert updating(gate).outcome() is None

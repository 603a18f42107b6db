"""An update from the switch to the verdict: the new version must prove itself at the centre, or the old one is back.

What is under way is written to the card before each step, so that after a power cut ``carry_out`` goes on from there:
at every moment ``current`` names a version that was whole. The old version carries the update out, never the new one.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from edge.errors import GatepostError, RefusedError, StorageError
from edge.releases import Releases, write_through
from edge.value import Value

PENDING, OUTCOME = "pending.json", "outcome.json"
TRIES_MAX = 3
"""So often a power cut may interrupt the trial; then the old version stays."""

LOOK_S = 0.2
TEST_S_MAX = 60.0
"""After so long a self-test without an end is asked for again."""

AGAIN_S = 5.0
QUIET_LOOK_S = 5.0
TELL_S_MAX = 20.0


class Pending(Value, frozen=True):
    """An update under way. ``undo``: why it is being taken back; empty while it is on trial."""

    before: str
    after: str
    by: str
    tries: int = 0
    undo: str = ""


class Outcome(Value, frozen=True):
    """How an update ended: the new version was ``kept``, or why not. ``down_ms``: how long the button was not armed."""

    before: str
    after: str
    kept: bool
    reason: str
    down_ms: int


class Hands(Protocol):
    """The gate as an update sees it. One thread."""

    def restart(self, *, at_once: bool) -> None:
        """End the daemon and start the ``current`` one; waits for neither. ``at_once``: without an orderly end, which
        a daemon that hangs would take its time for. Raises GatepostError."""

    def view(self) -> Mapping[str, Any] | None:
        """What ``gatepost status`` shows; None while no daemon answers."""

    def ask(self, ask: str, **fields: object) -> bool:
        """A request at ``control.sock``; False where nobody took it."""

    def now_s(self) -> float:
        """Monotonic seconds."""

    def pause(self, seconds: float) -> None:
        """Let so much time pass."""


class Updating:
    """Carries one update out. ``receipt_s_max``: the new version's time to prove itself, while no alarm is open;
    ``arm_s_max``: to arm the button. ``say``: one line for whoever watches."""

    def __init__(
        self, releases: Releases, hands: Hands, receipt_s_max: float, arm_s_max: float, say: Callable[[str], None]
    ) -> None:
        self._releases = releases
        self._hands = hands
        self._receipt_s_max = receipt_s_max
        self._arm_s_max = arm_s_max
        self._say = say
        self._tokens = itertools.count(1)

    def begin(self, version: str, by: str) -> None:
        """Write down that ``version``, which must be complete, is to be tried. Raises RefusedError, OSError."""
        before = self._releases.current()
        view = self._hands.view()
        if before is None:
            raise RefusedError("no version is installed here: run scripts/install first")
        if before == version:
            raise RefusedError(f"{version} runs already: there is nothing to do")
        if self.pending() is not None:
            raise RefusedError("another update is under way: wait for its end; gatepost update --follow shows it")
        if view is not None and view["incident"]["ids"]:
            raise RefusedError("an alarm is open at this gate: update when it is over")
        self._releases.keep_current()
        self._write(Pending(before, version, by))

    def pending(self) -> Pending | None:
        """The update under way, None if there is none. Raises StorageError where its note cannot be read."""
        try:
            return msgspec.json.decode((self._releases.base / PENDING).read_bytes(), type=Pending)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise StorageError(f"{self._releases.base / PENDING} cannot be read ({error}): delete it") from error

    def outcome(self) -> Outcome | None:
        """How the last update ended; None if it did not, or nobody can read it."""
        try:
            return msgspec.json.decode((self._releases.base / OUTCOME).read_bytes(), type=Outcome)
        except (OSError, msgspec.DecodeError):
            return None

    def carry_out(self) -> Outcome | None:
        """Try the pending version, keep it or go back; None if none is pending. Again after a power cut.

        Raises GatepostError where neither version comes up, OSError where the card fails.
        """
        pending = self.pending()
        if pending is None:
            return None
        if pending.undo or pending.tries >= TRIES_MAX:
            return self._back(pending, pending.undo or f"it was interrupted {pending.tries} times", 0)
        self._write(pending := replace(pending, tries=pending.tries + 1))
        self._await_quiet()
        self._say(f"{pending.before} -> {pending.after}: the button is not armed for some seconds")
        self._releases.switch(pending.after)
        down_ms = self._restart()
        if down_ms is None:
            return self._back(pending, f"{pending.after} did not arm the button within {self._arm_s_max:.0f} s", None)
        self._say(f"armed again after {down_ms / 1000:.1f} s; a self-test must now come back from the centre")
        why = self._unproved()
        if why is not None:
            return self._back(pending, why, down_ms)
        return self._end(pending, True, "the centre has confirmed a self-test", down_ms)

    # --- the steps --------------------------------------------------------------------------------------------------

    def _back(self, pending: Pending, reason: str, down_ms: int | None) -> Outcome:
        began_s = self._hands.now_s()
        self._say(f"{reason}: going back to {pending.before}")
        self._write(replace(pending, undo=reason))
        self._releases.go_back(pending.before)
        again_ms = self._restart(patience=3, at_once=True)
        if again_ms is None:
            raise GatepostError(f"{reason}, and {pending.before} does not arm either: systemctl status gatepost")
        whole_ms = int((self._hands.now_s() - began_s + self._arm_s_max) * 1000) if down_ms is None else again_ms
        return self._end(pending, False, reason, max(down_ms or 0, whole_ms))

    def _end(self, pending: Pending, kept: bool, reason: str, down_ms: int) -> Outcome:
        outcome = Outcome(pending.before, pending.after, kept, reason, down_ms)
        until_s = self._hands.now_s() + TELL_S_MAX
        words = {"before": pending.before, "after": pending.after, "by": pending.by, "kept": kept, "reason": reason}
        while not self._hands.ask("updated", **words) and self._hands.now_s() < until_s:
            self._hands.pause(AGAIN_S)
        write_through(self._releases.base / OUTCOME, msgspec.json.encode(outcome).decode())
        (self._releases.base / PENDING).unlink()
        self._releases.prune()
        return outcome

    def _restart(self, patience: int = 1, *, at_once: bool = False) -> int | None:
        """Restart; the milliseconds until the button was armed again, None where it was not in time."""
        before = self._hands.view()
        began_s = self._hands.now_s()
        try:
            self._hands.restart(at_once=at_once)
        except GatepostError as error:
            self._say(str(error))
        while (passed_s := self._hands.now_s() - began_s) <= self._arm_s_max * patience:
            view = self._hands.view()
            if view is not None and view["armed"] and (before is None or view["boot"] != before["boot"]):
                return int(passed_s * 1000)
            self._hands.pause(LOOK_S)
        return None

    def _await_quiet(self) -> None:
        """Nothing is restarted while an alarm is open, however long that is."""
        said = False
        while (view := self._hands.view()) is not None and view["incident"]["ids"]:
            if not said:
                self._say("an alarm is open: waiting for its end")
                said = True
            self._hands.pause(QUIET_LOOK_S)

    def _unproved(self) -> str | None:
        """Have path tests run until one comes back from the centre; None once it has, else why not in time."""
        left_s, why, boot = self._receipt_s_max, "no self-test could be run", None
        answered_s = self._hands.now_s()
        while left_s > AGAIN_S:  # a test that has no time to end would only hide why the one before failed
            began_s = self._hands.now_s()
            view = self._hands.view()
            if view is None:
                if began_s - answered_s > self._arm_s_max:
                    return f"the new version has not answered for {self._arm_s_max:.0f} s"
                self._hands.pause(LOOK_S)
            elif boot not in (None, view["boot"]):
                return "the new version ended by itself"
            elif view["incident"]["ids"]:
                self._hands.pause(AGAIN_S)  # the time of a real alarm does not count
                answered_s = self._hands.now_s()
                continue
            else:
                boot, answered_s = view["boot"], began_s
                why = self._test(view, min(TEST_S_MAX, left_s))
                if not why:
                    return None
                self._hands.pause(AGAIN_S)
            left_s -= self._hands.now_s() - began_s
        return f"no receipt from the centre within {self._receipt_s_max:.0f} s ({why})"

    def _test(self, view: Mapping[str, Any], seconds: float) -> str:
        """One path test; empty where it came back, else why not."""
        last, token = _key(view), f"update-{next(self._tokens)}"
        until_s = self._hands.now_s() + seconds
        if not self._hands.ask("selftest", kind="path", by="update", token=token):
            return "the daemon does not take requests"
        while self._hands.now_s() < until_s:
            seen = self._hands.view()
            if seen is None:
                return "the daemon does not answer"
            answer = seen["selftest"]["answer"]
            if answer["token"] == token and answer["refused"]:
                return f"self-test refused: {answer['refused']}"
            if _key(seen) != last:
                report = seen["selftest"]["last"]
                link = "link_09" if seen["done_on"] == "broker" else "link_10"
                return "" if report.get(link) == "PASS" else str(report.get(f"{link}_reason") or report["result"])
            self._hands.pause(LOOK_S)
        return "the self-test did not end"

    def _write(self, pending: Pending) -> None:
        write_through(self._releases.base / PENDING, msgspec.json.encode(pending).decode())
        os.sync()


def _key(view: Mapping[str, Any]) -> tuple[object, object] | None:
    """What tells one report from another."""
    last = view["selftest"]["last"]
    return None if last is None else (last["mark"], last["started_ms"])


def exists(base: Path) -> bool:
    """An update is under way below ``base``."""
    return (base / PENDING).exists()

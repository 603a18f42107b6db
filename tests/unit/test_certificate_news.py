"""Days that a certificate has left, and the trouble when they are few."""

from __future__ import annotations

import pytest

from edge import core, state
from edge.certificate_news import CHECK_MS
from edge.certificate_view import DAY_MS, RENEW_DAYS
from edge.certificate_words import CertificateRead
from edge.events import Boot, ClockRead, Fact, Trouble
from edge.state import Rules, State
from edge.views import heartbeat
from tests.unit.machines import BOOT

NOW_MS = 1_800_000_000_000
"""Wall time at the monotonic moment 0 of these tests."""


def clock(at_ms: int, *, off_ms: int = 0, synced: bool = True) -> ClockRead:
    return ClockRead(at_ms, NOW_MS + at_ms + off_ms, 20 if synced else None)


def certificate(days: float, at_ms: int = 10, problem: str = "") -> CertificateRead:
    return CertificateRead(0, None if problem else NOW_MS + round(days * DAY_MS), problem, at_ms)


def after(*facts: Fact) -> State:
    gate = state.begin(Boot(BOOT, 7, "k1"), Rules(), 0)
    for fact in facts:
        gate, _ = core.step(gate, fact)
    return gate


def troubles(gate: State) -> dict[Trouble, str]:
    return {one.trouble: one.detail for one in gate.health.standing}


@pytest.mark.parametrize(("days", "stands"), [(RENEW_DAYS + 0.5, False), (RENEW_DAYS - 0.5, True), (-3.5, True)])
def test_a_certificate_with_less_than_21_days_is_a_trouble(days: float, stands: bool) -> None:
    gate = after(clock(0), certificate(days))
    assert (Trouble.CERTIFICATE_ENDING in troubles(gate)) is stands


def test_the_days_are_in_the_heartbeat_also_when_they_are_over() -> None:
    gate = after(clock(0), certificate(-3.5))
    assert heartbeat(gate)["certificate_days"] == {"broker": -4}
    assert "ended 4 days ago" in troubles(gate)[Trouble.CERTIFICATE_ENDING]


def test_a_gate_without_certificates_says_nothing_of_them() -> None:
    gate = after(clock(0), clock(2 * CHECK_MS))
    assert heartbeat(gate)["certificate_days"] == {}
    assert not troubles(gate)


def test_it_becomes_a_trouble_while_the_gate_runs() -> None:
    gate = after(clock(0), certificate(RENEW_DAYS + 0.5), clock(DAY_MS))
    assert Trouble.CERTIFICATE_ENDING in troubles(gate)


def test_a_new_certificate_ends_the_trouble() -> None:
    gate = after(clock(0), certificate(-1), certificate(365, 20))
    assert not troubles(gate)


def test_a_wrong_clock_makes_a_doubtful_trouble_that_ends_when_it_is_set() -> None:
    gate = after(clock(0, off_ms=400 * DAY_MS, synced=False), certificate(100))
    assert troubles(gate)[Trouble.CERTIFICATE_ENDING].endswith("by a clock that is not set")
    gate, _ = core.step(gate, clock(CHECK_MS))
    assert Trouble.CERTIFICATE_ENDING not in troubles(gate)


def test_one_that_cannot_be_read_is_a_trouble_that_says_why() -> None:
    gate = after(clock(0), certificate(0, problem="certificate_file x holds no PEM certificate"))
    assert "holds no PEM certificate" in troubles(gate)[Trouble.CERTIFICATE_ENDING]
    assert heartbeat(gate)["certificate_days"] == {"broker": None}

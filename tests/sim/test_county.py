"""A county's gates come back at once, and the broker is not brought down by them."""

from __future__ import annotations

import pytest

from edge.links import ALARM_RECONNECT_MS_MAX
from edge.sim.county import TIMED_OUT_MS, County, Outage


@pytest.mark.parametrize("outage", Outage, ids=lambda outage: outage.name.lower())
def test_two_thousand_gates_come_back_within_two_minutes_and_never_a_hundred_in_a_second(outage: Outage) -> None:
    """scripts/sim county shows the figures."""
    back = County(outage, 1).run()
    assert back.peak <= 100
    assert back.all_back_ms <= 120_000
    assert back.alarm_ms_max <= ALARM_RECONNECT_MS_MAX + TIMED_OUT_MS + 2_000, "alarms come first"

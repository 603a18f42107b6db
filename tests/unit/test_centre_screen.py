"""What the officer's list shows of a gate, from that gate's own heartbeat."""

from __future__ import annotations

from msgspec.structs import replace
from rich.console import Console

from centre import views
from centre.register import Register
from centre.screen import overview
from edge import state
from edge.events import Backlog, Boot
from edge.views import heartbeat
from tests.unit.centre_events import ADDRESS
from tests.unit.machines import BOOT


def listed(health: object) -> str:
    """The list's text, with one gate that said this of itself."""
    entry = Register(90_000).gate(ADDRESS, 0)
    assert entry is not None
    entry.health = health  # type: ignore[assignment]
    answer = views.whole(
        county="county-1", storing=True, brokers=[], counters={"events": 1, "duplicates": 0, "refused": {}},
        gates=[entry], incidents=[], tests=views.running([], [], [], [], 0), now_ms=0,
    )  # fmt: skip
    console = Console(width=160)
    with console.capture() as capture:
        console.print(overview(answer))
    return capture.get()


def test_what_a_gate_still_owes_is_shown_by_lane() -> None:
    gate = state.begin(Boot(BOOT, 1, "k1"), state.Rules(), 0)
    owing = replace(gate, uplink=replace(gate.uplink, backlog=Backlog(alarm=2, routine=70)))
    assert "alarm 2, routine 70" in listed(heartbeat(owing))
    assert "nothing" in listed(heartbeat(gate))


def test_a_heartbeat_that_says_nonsense_is_shown_as_unknown() -> None:
    for health in ({}, {"owed": 7}, {"owed": None}):
        assert "nothing" not in listed(health)

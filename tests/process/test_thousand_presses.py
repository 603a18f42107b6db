"""A thousand presses through kill -9, broker restarts and outages, and centre restarts: each arrives, each once.

``GATEPOST_SEED`` repeats a storm's plan. The two halves may run at the same time.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import pytest

from tests.process.brokers import Mosquitto
from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess
from tests.process.storm import Guard, Press, Sky, Weather, matched, wait_for_calm

pytestmark = [pytest.mark.process, pytest.mark.slow]

REPLAYED_MS = 10_000
GATES = ("north", "south", "west")
PRESSES = 500
MARGIN_MS = 3_000


@pytest.mark.parametrize("persistent", [True, False], ids=["broker-remembers", "broker-forgets"])
def test_every_press_of_a_storm_is_at_the_centre_once_in_order_and_truly_marked(
    tmp_path: Path, persistent: bool
) -> None:
    """Half of the thousand: 500 presses at three gates of one county."""
    seed = os.environ.get("GATEPOST_SEED") or secrets.token_hex(4)
    print(f"storm of seed {seed}: repeat with GATEPOST_SEED={seed}")  # noqa: T201
    memory = [f"persistence_location {tmp_path}/", "autosave_interval 1"] if persistent else []
    lines = [f"persistence {str(persistent).lower()}", *memory]
    with Mosquitto(tmp_path / "b", lines) as broker, CentreProcess(tmp_path / "c", broker.port) as centre:
        gates = [GateProcess(tmp_path / gate[0], broker.port, name=gate) for gate in GATES]
        try:
            guards = [Guard(gate, -(-PRESSES // len(GATES)), f"{seed} {persistent}") for gate in gates]
            weather = Weather(broker, centre, f"{seed} {persistent}")
            for thread in (*guards, weather):
                thread.start()
            for guard in guards:
                guard.finish(240)
            weather.stop()
            weather.finish(60)
            wait_for_calm(guards)
            rows = centre.events()
        finally:
            for gate in gates:
                gate.close()
    assert sum(len(guard.owed) for guard in guards) >= PRESSES
    marks = [mark for guard in guards for mark in judge(guard, rows, weather.sky)]
    weather_was = [one.what for one in weather.sky.troubles]
    kills = sum(guard.kills for guard in guards)
    print(f"{kills} kills, weather {weather_was}, {len(marks)} arrived, {sum(marks)} replayed")  # noqa: T201
    assert set(marks) == {True, False}, "a storm that never delayed a press, or delayed every one, shows nothing"


def judge(guard: Guard, rows: list[dict[str, Any]], sky: Sky) -> list[bool]:
    """Hold what arrived from one gate against what its guard did; the replay marks of its presses."""
    pairs = matched(guard, rows)
    for press, event in pairs:
        check_mark(event, press, guard, sky)
    return [event["replayed"] for _, event in pairs]


def check_mark(event: dict[str, Any], press: Press, guard: Guard, sky: Sky) -> None:
    """The replay mark and the age say the truth."""
    life = guard.lives[press.life - 1]
    made_ms, age_ms = event["monotonic_ms"], event["age_ms"]
    assert age_ms is not None, f"one kernel boot, so the age is known: {event}"
    if event["replayed"]:
        # Old when it was sent, or sent by a later life.
        assert age_ms >= REPLAYED_MS or made_ms + age_ms >= life.ended_ms, event
    else:
        assert age_ms < REPLAYED_MS, event
        assert made_ms + age_ms <= life.ended_ms, f"sent by a later life, and not marked: {event}"
    sent_soon_ms = min(life.ended_ms, press.sent_ms + REPLAYED_MS)
    if sky.down_throughout(press.sent_ms, sent_soon_ms):
        assert event["replayed"], f"there was no broker for it until {sent_soon_ms}: {press} {event}"
    if sky.calm(press.sent_ms - MARGIN_MS, press.over_ms + MARGIN_MS) and life.ended_ms > press.over_ms + MARGIN_MS:
        assert not event["replayed"], f"nothing held it up: {press} {event}"

"""``scripts/demo --once``: one press, one outage and two students by themselves, each stage with its time."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from demonstration import students
from demonstration.world import DemoError, World

STAGES = ("stored", "at_broker", "received")
WORDS = {
    "stored": "stored on the card",
    "at_broker": "at the broker",
    "received": "received by the centre",
    "seen": "seen by an officer",
    "dispatched": "help dispatched",
}


def run() -> int:
    """Show it all; 0 only if every stage was reached."""
    began = time.monotonic()
    world = World()
    try:
        _say("The alarm chain, with real processes:")
        world.start(lambda text: _say(f"  {text}"))
        _say(f"  everything up after {time.monotonic() - began:.1f} s")
        first = _press(world)
        _say("\nThe guard presses the button.")
        _stages(world, first, STAGES)
        for act in ("seen", "dispatched"):
            world.act(act, first)
            view = world.wait(f"the lamp shows {act}", lambda view, act=act: view["lamp"] == act)
            _stage(act, view["last_press"]["after_ms"][act], view)

        _say("\nThe network cable is pulled. The guard presses again.")
        world.cable.pull()
        second = _press(world)
        view = world.wait("the press is stored", lambda view: view["last_press"]["after_ms"]["stored"] is not None)
        _stage("stored", view["last_press"]["after_ms"]["stored"], view)
        view = world.wait("the gate notices the dead link", lambda view: view["brokers"][0]["phase"] != "up")
        _say(f"  the gate noticed: {view['brokers'][0]['reason']}; the lamp says {view['lamp']}, no more")
        if view["lamp"] != "stored":
            raise DemoError(f"the lamp should say stored, and says {view['lamp']}")

        _say("\nThe cable is put back.")
        world.cable.put_back()
        _stages(world, second, STAGES[1:])
        _at_the_centre(world, [first, second])
        world.act("close", first)
        world.wait("the incident is closed", lambda view: view["lamp"] == "ready")
        _say("  closed by the centre; the lamp is back at ready")
        _say("\nTwo students stop before the infrared sensor, one after the other.")
        for who, word in students.both(world):
            number = "no number in public" if word["estimate_celsius"] is None else f"about {word['estimate_celsius']}"
            _say(f"  {who:24} {str(word['screen']).replace('_', ' '):8} {number}")
        _temperatures_at_the_centre(world)
        _say(f"\nEvery stage was reached. {time.monotonic() - began:.1f} s in all.")
    except DemoError as error:
        sys.stdout.flush()
        print(f"\nNOT every stage was reached: {error}", file=sys.stderr)
        return 1
    finally:
        world.close()
    return 0


def _press(world: World) -> str:
    """Press, and give the id of the press once the gate has one that is newer than the last."""
    last = world.view()["last_press"]
    world.press()
    view = world.wait(
        "the press is taken",
        lambda view: view["last_press"] is not None and view["last_press"]["id"] != (last or {}).get("id"),
    )
    return str(view["last_press"]["id"])


def _stages(world: World, press: str, stages: tuple[str, ...]) -> None:
    for stage in stages:
        view = world.wait(
            f"press {press} is {WORDS[stage]}",
            lambda view, stage=stage: (
                view["last_press"]["id"] == press and view["last_press"]["after_ms"][stage] is not None
            ),
        )
        _stage(stage, view["last_press"]["after_ms"][stage], view)


def _stage(stage: str, after_ms: int, view: Mapping[str, Any]) -> None:
    _say(f"  {WORDS[stage]:24} after {after_ms:6} ms    lamp: {view['lamp']}")


def _at_the_centre(world: World, presses: list[str]) -> None:
    rows = [row["event"] for row in world.events()]
    alarms = [event for event in rows if event["topic"] == "alarm" and event["code"] == 122]
    for press in presses:
        event = next((event for event in alarms if event["id"] == press), None)
        if event is None:
            raise DemoError(f"press {press} is not at the centre, which has {[event['id'] for event in alarms]}")
        mark = f"replayed, {event['age_ms'] / 1000:.1f} s old" if event["replayed"] else "live"
        _say(f"  at the centre once: {press}  {mark}")
    if len(alarms) != len(presses):
        raise DemoError(f"the centre has {len(alarms)} presses, {len(presses)} were made")


def _temperatures_at_the_centre(world: World) -> None:
    said = world.wait_events("both verdicts are at the centre", "temperature", 2)
    _say(f"  at the centre once each: {', '.join(str(event['body']['verdict']) for event in said)}")


def _say(text: str) -> None:
    print(text, flush=True)

"""What people and programs are shown, as plain data. The JSON is an interface: fields are only added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from centre.cards import Card
from centre.drills import Drill
from centre.incidents import Incident
from centre.items import Item
from centre.register import GateEntry
from centre.windows import Window
from edge import chain
from edge.events import ClockQuality, Origin


def incident_line(incident: Incident) -> dict[str, object]:
    """One incident. It is never a test; ``contradicts``: a press of it claims to be one, by topic or by origin.

    ``verified``: the gate's own key, which is on record here, has signed its presses.
    """
    return {
        "incident": incident.id,
        "address": str(incident.address),
        "origin": incident.origin.value,
        "test": False,
        "contradicts": incident.origin is not Origin.PERSON,
        "verified": incident.verified,
        "stage": incident.stage.name.lower(),
        "by": incident.by,
        "presses": incident.presses,
        "ended": incident.ended,
        "done": incident.done,
        "reopened": incident.reopened,
        "received_wall_ms": incident.received_wall_ms,
        "acted_wall_ms": incident.acted_wall_ms,
        "ended_wall_ms": incident.ended_wall_ms,
    }


def gate_line(entry: GateEntry, open_here: int, now_ms: int) -> dict[str, object]:
    """One gate. ``heard_ago_ms`` counts from the centre's start for a gate not heard since."""
    head = entry.standing.heads.newest
    return {
        "address": str(entry.address),
        "silent": entry.silent,
        "online": entry.online,
        "verified": entry.verified,
        "heard_ago_ms": now_ms - entry.heard_ms,
        "heard_wall_ms": entry.heard_wall_ms,
        "open_incidents": open_here,
        "troubles": {
            name: {"code": note.code, "wall_ms": note.wall_ms, "detail": note.detail}
            for name, note in sorted(entry.troubles.items())
        },
        "duplicates": entry.standing.duplicates,
        "health": entry.health,
        "next_test_due_wall_ms": entry.standing.duty.due_wall_ms,
        "tests": {
            kind: {"id": one.id, "result": one.result, "wall_ms": one.wall_ms}
            for kind, one in sorted(entry.standing.tests.items())
        },
        "ledger": None if head is None else {"number": head.number, "hash": head.hash, "wall_ms": head.wall_ms},
    }


def item_line(item: Item) -> dict[str, object]:
    """What a person must look into. An empty ``id``: it ends by itself."""
    return {
        "id": item.id,
        "address": str(item.address),
        "matter": item.matter.value,
        "detail": item.detail,
        "since_wall_ms": item.since_wall_ms,
        "times": item.times,
        "cleared_by": item.cleared_by,
    }


def window_line(window: Window, wall_ms: int) -> dict[str, object]:
    """One test window; ``state`` is explained in ``Window.state``."""
    return {
        "id": window.nonce,
        "address": str(window.address),
        "kind": window.kind.value,
        "state": window.state(wall_ms),
        "by": window.by,
        "opened_wall_ms": window.opened_wall_ms,
        "ends_wall_ms": window.ends_wall_ms,
        "left_ms": max(0, window.ends_wall_ms - wall_ms) if window.open(wall_ms) else 0,
        "confirmed_wall_ms": window.confirmed_wall_ms,
        "closed_by": window.closed_by,
        "closed_wall_ms": window.closed_wall_ms,
        "ended_wall_ms": window.ended_wall_ms,
        "ended_why": window.ended_why,
    }


def drill_line(drill: Drill) -> dict[str, object]:
    """One drill."""
    return {
        "id": drill.id,
        "address": str(drill.address),
        "state": drill.state,
        "by": drill.by,
        "booked_wall_ms": drill.booked_wall_ms,
        "start_wall_ms": drill.start_wall_ms,
        "ends_wall_ms": drill.ends_wall_ms,
        "short_notice": drill.short_notice,
        "opened_wall_ms": drill.opened_wall_ms,
        "cancelled_by": drill.cancelled_by,
        "reason": drill.reason,
    }


def card_line(card: Card, wall_ms: int) -> dict[str, object]:
    """One test. ``after_ms`` times the response from the press; None for what has not happened or cannot be told.

    The press is dated by the gate's clock if that was worth something, else by when the mark came here and its age.
    What the gate itself measured, by one clock, is in the report's links.
    """
    arrived_ms = None if card.report is None else card.report.get("arrived_after_ms")
    return {
        "test": card.id,
        "address": str(card.address),
        "origin": card.origin.value,
        "kind": card.kind,
        "window": card.window,
        "over": card.over(wall_ms),
        "left_ms": card.left_ms(wall_ms),
        "replayed": card.replayed,
        "received_wall_ms": card.received_wall_ms,
        "seen_by": card.seen_by,
        "dispatched_by": card.dispatched_by,
        "tested_wall_ms": card.tested_wall_ms,
        "result": card.result,
        "after_ms": {
            "receipt": _after(card, card.received_wall_ms),
            "seen": _after(card, card.seen_wall_ms),
            "dispatched": _after(card, card.dispatched_wall_ms),
            "arrived": arrived_ms if isinstance(arrived_ms, int) else None,
        },
    }


def _after(card: Card, wall_ms: int) -> int | None:
    if not wall_ms or not card.press_wall_ms:
        return None
    if card.press_clock is ClockQuality.UNSYNCED:
        return None if card.age_ms is None else wall_ms - card.received_wall_ms + card.age_ms
    return wall_ms - card.press_wall_ms


def trial_line(card: Card, wall_ms: int) -> dict[str, object]:
    """One test with the verdict on each link."""
    links: list[dict[str, object]] = []
    try:
        report = None if card.report is None else chain.report_of(card.report)
    except (ValueError, KeyError, TypeError):  # kept by an earlier version that knew other words
        report = None
    for one in () if report is None else report.links:
        links.append(
            {
                "link": int(one.link),
                "name": one.link.name.lower(),
                "verdict": one.verdict.value,
                "reason": one.reason,
                "measured": one.measured,
                "limit": one.limit,
                "unit": chain.UNITS.get(one.link, ""),
                "evidence": one.evidence,
            }
        )
    told = None if report is None else {
        "stimulus": report.stimulus.value,
        "operator": report.operator,
        "officer": report.officer,
        "planned_wall_ms": report.planned_wall_ms,
        "alarms": report.alarms,
        "troubles": report.troubles,
        "software": report.software,
    }  # fmt: skip
    return {**card_line(card, wall_ms), "report": told, "links": links}


def whole(
    *,
    county: str,
    storing: bool,
    brokers: Sequence[Mapping[str, object]],
    counters: Mapping[str, object],
    gates: Iterable[GateEntry],
    incidents: Sequence[Incident],
    tests: Mapping[str, object],
    now_ms: int,
) -> dict[str, object]:
    """Everything ``list`` shows: what needs a person comes first. ``tests`` is the part of ``running``."""
    opened: dict[str, int] = {}
    for incident in incidents:
        opened[str(incident.address)] = opened.get(str(incident.address), 0) + 1
    lines = [gate_line(entry, opened.get(str(entry.address), 0), now_ms) for entry in gates]
    lines.sort(key=lambda g: (not g["silent"], not g["open_incidents"], not g["troubles"], str(g["address"])))
    shown = sorted(incidents, key=lambda i: (i.stage, i.received_wall_ms))
    return {
        "county": county,
        "storing": storing,
        "brokers": list(brokers),
        "counters": dict(counters),
        "gates": lines,
        "incidents": [incident_line(incident) for incident in shown],
        **tests,
    }


def running(
    items: Iterable[Item], cards: Iterable[Card], windows: Iterable[Window], drills: Iterable[Drill], wall_ms: int
) -> dict[str, object]:
    """What goes on beside incidents: items to look into, test cards, windows and the drills to come."""
    coming = sorted(drills, key=lambda drill: drill.start_wall_ms)
    return {
        "items": [item_line(item) for item in items],
        "cards": [card_line(card, wall_ms) for card in cards if not card.over(wall_ms)],
        "windows": [window_line(window, wall_ms) for window in windows],
        "drills": [drill_line(drill) for drill in coming],
    }

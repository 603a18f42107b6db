"""What people and programs are shown, as plain data. The JSON is an interface: fields are only added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from centre.incidents import Incident
from centre.register import GateEntry
from edge.events import Origin


def incident_line(incident: Incident) -> dict[str, object]:
    """One incident."""
    return {
        "incident": incident.id,
        "address": str(incident.address),
        "origin": incident.origin.value,
        "test": incident.origin is not Origin.PERSON,
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
    return {
        "address": str(entry.address),
        "silent": entry.silent,
        "online": entry.online,
        "heard_ago_ms": now_ms - entry.heard_ms,
        "heard_wall_ms": entry.heard_wall_ms,
        "open_incidents": open_here,
        "troubles": {
            name: {"code": note.code, "wall_ms": note.wall_ms, "detail": note.detail}
            for name, note in sorted(entry.troubles.items())
        },
        "duplicates": entry.standing.duplicates,
        "health": entry.health,
    }


def whole(
    *,
    county: str,
    storing: bool,
    brokers: Sequence[Mapping[str, object]],
    counters: Mapping[str, object],
    gates: Iterable[GateEntry],
    incidents: Sequence[Incident],
    now_ms: int,
) -> dict[str, object]:
    """Everything ``list`` shows: what needs a person comes first."""
    opened: dict[str, int] = {}
    for incident in incidents:
        if incident.origin is Origin.PERSON:
            opened[str(incident.address)] = opened.get(str(incident.address), 0) + 1
    lines = [gate_line(entry, opened.get(str(entry.address), 0), now_ms) for entry in gates]
    lines.sort(key=lambda g: (not g["silent"], not g["open_incidents"], not g["troubles"], str(g["address"])))
    shown = sorted(incidents, key=lambda i: (i.origin is not Origin.PERSON, i.stage, i.received_wall_ms))
    return {
        "county": county,
        "storing": storing,
        "brokers": list(brokers),
        "counters": dict(counters),
        "gates": lines,
        "incidents": [incident_line(incident) for incident in shown],
    }

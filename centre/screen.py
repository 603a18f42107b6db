"""Tables for people (Rich). What gates wrote is shown as text only: no markup, no control characters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

WATCH_S = 1.0


def console() -> Console:
    """The terminal; wide enough for a table when it is a pipe."""
    found = Console()
    return found if found.is_terminal else Console(width=160)


def plain(value: object, style: str = "") -> Text:
    """Any outside text, harmless."""
    return Text("".join(c if c.isprintable() else "?" for c in str(value)), style=style)


def moment(wall_ms: object) -> str:
    """A wall time in the reader's time zone, '-' for none."""
    if not isinstance(wall_ms, int) or wall_ms <= 0:
        return "-"
    try:
        shown = datetime.fromtimestamp(wall_ms / 1000).astimezone()
    except (OverflowError, OSError, ValueError):
        return str(wall_ms)
    return f"{shown:%Y-%m-%d %H:%M:%S}.{wall_ms % 1000:03d}"


def overview(answer: Mapping[str, Any]) -> RenderableType:
    """The list: the centre's own condition, incidents, then gates with those that need a person first."""
    return Group(_centre(answer), _incidents(answer["incidents"]), _gates(answer["gates"]))


def _centre(answer: Mapping[str, Any]) -> Text:
    counters = answer["counters"]
    out = plain(f"county {answer['county']}: {counters['events']} events, {counters['duplicates']} came again")
    for broker in answer["brokers"]:
        up = broker["connected"]
        state = "connected" if up else f"NOT CONNECTED: {broker['reason']}"
        out += Text("\n") + plain(f"broker {broker['name']} {state}", "" if up else "bold red")
    if not answer["storing"]:
        out += Text("\nTHE DATABASE CANNOT BE WRITTEN", "bold red")
    if counters["refused"]:
        refused = ", ".join(f"{reason} {count}" for reason, count in sorted(counters["refused"].items()))
        out += Text("\n") + plain(f"refused: {refused}", "yellow")
    return out


def _incidents(incidents: Sequence[Mapping[str, Any]]) -> RenderableType:
    if not incidents:
        return Text("no open incident", "green")
    table = Table("incident", "gate", "stage", "by", "presses", "received", "at the gate", title="open incidents")
    for one in incidents:
        style = "dim" if one["test"] else ("bold red" if one["stage"] == "received" else "yellow")
        stage = f"TEST {one['stage']}" if one["test"] else one["stage"]
        if one["reopened"]:
            stage += " (pressed again after close)"
        table.add_row(
            plain(one["incident"]), plain(one["address"]), stage, plain(one["by"]), str(one["presses"]),
            moment(one["received_wall_ms"]), "ended" if one["ended"] else "latched", style=style,
        )  # fmt: skip
    return table


def _gates(gates: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = Table("gate", "heard", "presence", "incidents", "owed by lane", "troubles", title="gates")
    for gate in gates:
        ago = f"{gate['heard_ago_ms'] / 1000:.0f} s ago"
        heard = Text(f"SILENT {ago}", "bold red") if gate["silent"] else Text(ago)
        presence = {True: "online", False: "offline", None: "unknown"}[gate["online"]]
        table.add_row(
            plain(gate["address"]), heard, Text(presence, "" if gate["online"] else "yellow"),
            str(gate["open_incidents"] or ""), plain(_owed(gate["health"].get("owed"))),
            plain(", ".join(gate["troubles"]), "yellow"),
        )  # fmt: skip
    return table


def _owed(owed: object) -> str:
    """What a gate's heartbeat says that it still owes; empty where it has said nothing."""
    if not isinstance(owed, Mapping):
        return ""
    return ", ".join(f"{lane} {count}" for lane, count in owed.items() if count) or "nothing"


def event_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Events, one a line."""
    table = Table("no", "gate", "id", "topic", "code", "origin", "at the gate", "received", "times", "replay")
    for row in rows:
        event = row["event"]
        table.add_row(
            str(row["seq"]), plain(row["address"]), plain(event["id"]), plain(event["topic"]), _code(event),
            plain(event["origin"]), _gate_time(event), moment(row["received_wall_ms"]), str(row["arrivals"]),
            _replay(event),
        )  # fmt: skip
    return table


def story(answer: Mapping[str, Any]) -> RenderableType:
    """An incident from its first press to its end: the gate's steps in the gate's order, then the officers' acts."""
    parts: list[RenderableType] = []
    incident = answer["incident"]
    if incident is not None:
        kind = "TEST" if incident["test"] else "ALARM"
        state = "ended at the gate" if incident["ended"] else "latched at the gate"
        parts.append(
            plain(f"{kind} {incident['incident']} at {incident['address']}: {incident['stage']}, {state}", "bold")
        )
    parts.append(event_table(answer["events"]))
    if answer["acts"]:
        acts = Table("act", "by", "time", title="at the desk")
        for act in answer["acts"]:
            acts.add_row(act["stage"], plain(act["by"]), moment(act["wall_ms"]))
        parts.append(acts)
    return Group(*parts)


def _code(event: Mapping[str, Any]) -> str:
    return f"{event['code']} {({1: 'new', 3: 'restore', 6: 'status'}).get(event['qualifier'], '?')}"


def _gate_time(event: Mapping[str, Any]) -> str:
    bound = event["wall_bound_ms"]
    margin = "" if bound is None else f" +-{bound} ms"
    return f"{moment(event['wall_ms'])} {event['clock']}{margin}"


def _replay(event: Mapping[str, Any]) -> str:
    if not event["replayed"]:
        return ""
    return "replayed" if event["age_ms"] is None else f"replayed, {event['age_ms'] / 1000:.1f} s old"


def watch(look: Callable[[], Any], times: int, print_json: Callable[[object], None] | None) -> None:
    """Look once a second. Ctrl-C ends it."""
    looks = 0
    try:
        if print_json is not None:
            while True:
                print_json(look())
                looks += 1
                if looks == times:
                    return
                time.sleep(WATCH_S)
        with Live(console=console(), auto_refresh=False) as live:
            while True:
                live.update(overview(look()), refresh=True)
                looks += 1
                if looks == times:
                    return
                time.sleep(WATCH_S)
    except KeyboardInterrupt:
        return

"""Tables for people (Rich). What gates wrote is shown as text only: no markup, no control characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from centre import trials_screen
from centre.plain import moment, plain


def overview(answer: Mapping[str, Any]) -> RenderableType:
    """The list: the centre's own condition, incidents, what to look into, tests, then gates: first who needs a person.

    Nothing of a test looks like an alarm: alarms are red or yellow, tests are blue and say TEST.
    """
    return Group(
        _centre(answer),
        _incidents(answer["incidents"]),
        *trials_screen.items(answer["items"]),
        *trials_screen.cards(answer["cards"]),
        *trials_screen.running(answer["windows"], answer["drills"]),
        _gates(answer["gates"]),
    )


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
        style = "bold red" if one["stage"] == "received" else "yellow"
        stage = str(one["stage"])
        if one["contradicts"]:
            stage += f" (claims to be {one['origin']}, but came as an alarm)"
        if not one["verified"]:
            stage += " (unverified)"
        if one["reopened"]:
            stage += " (pressed again after close)"
        table.add_row(
            plain(one["incident"]), plain(one["address"]), stage, plain(one["by"]), str(one["presses"]),
            moment(one["received_wall_ms"]), "ended" if one["ended"] else "latched", style=style,
        )  # fmt: skip
    return table


def _gates(gates: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = Table("gate", "heard", "presence", "incidents", "owed by lane", "last test", "troubles", title="gates")
    for gate in gates:
        ago = f"{gate['heard_ago_ms'] / 1000:.0f} s ago"
        heard = Text(f"SILENT {ago}", "bold red") if gate["silent"] else Text(ago)
        presence = {True: "online", False: "offline", None: "unknown"}[gate["online"]]
        if not gate["verified"]:
            presence += ", unverified"
        table.add_row(
            plain(gate["address"]), heard, Text(presence, "" if gate["online"] else "yellow"),
            str(gate["open_incidents"] or ""), plain(_owed(gate["health"].get("owed"))),
            trials_screen.last_test(gate), plain(", ".join(gate["troubles"]), "yellow"),
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
    incident, test = answer["incident"], answer["test"]
    if incident is not None:
        state = "ended at the gate" if incident["ended"] else "latched at the gate"
        parts.append(
            plain(f"ALARM {incident['incident']} at {incident['address']}: {incident['stage']}, {state}", "bold")
        )
    if test is not None:
        parts.append(trials_screen.trial_table([test], links=True))
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

"""Tables of what is no alarm: items to look into, test cards, windows, drills and reports. Tests are blue, always."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from centre.items import Matter
from centre.plain import moment, plain

TEST = "cyan"
VERDICTS = {"PASS": "green", "FAIL": "bold red", "PARTIAL": "yellow", "NOT_TESTED": "yellow", "SIMULATED": TEST}

Line = Mapping[str, Any]


def items(lines: Sequence[Line]) -> list[RenderableType]:
    """What a person must look into; nothing where there is nothing."""
    if not lines:
        return []
    what = Column("what", overflow="fold")  # a ledger's head is worth nothing with its end cut off
    table = Table("gate", what, "since", "times", "clear it with", title="to be looked into")
    for one in lines:
        how = f"clear {one['id'][:8]} --by NAME" if one["id"] else "ends by itself"
        table.add_row(
            plain(one["address"]), plain(one["detail"]), moment(one["since_wall_ms"]), str(one["times"]), plain(how),
            style="bold red" if one["matter"] == Matter.ALARM_UNVERIFIED.value else "yellow",
        )  # fmt: skip
    return [table]


def cards(lines: Sequence[Line]) -> list[RenderableType]:
    """The test cards: to be confirmed, never to be answered by a car."""
    if not lines:
        return []
    table = Table(
        "TEST", "gate", "kind", "received", "confirmed", title="TESTS, no alarms: confirm with 'seen ID --by NAME'"
    )
    for one in lines:
        kind = one["kind"] or one["origin"]
        if one["replayed"]:
            kind += ", came late"
        done = f"by {one['seen_by']}" if one["seen_by"] else f"within {one['left_ms'] / 1000:.0f} s"
        if not one["seen_by"] and not one["left_ms"]:
            done = "not in time"
        if one["dispatched_by"]:
            done += f", dispatched by {one['dispatched_by']}"
        table.add_row(
            plain(one["test"]), plain(one["address"]), plain(kind), moment(one["received_wall_ms"]), plain(done),
            style=TEST,
        )  # fmt: skip
    return [table]


def running(windows: Sequence[Line], drills: Sequence[Line]) -> list[RenderableType]:
    """Windows that are not over, and drills to come."""
    out: list[RenderableType] = []
    if windows:
        out.append(window_table(windows))
    if drills:
        out.append(drill_table(drills))
    return out


_STATES = {
    "asked": "asked; no answer from the gate yet",
    "unconfirmed": "NOT CONFIRMED by the gate: a press there is an ALARM",
    "open": "open, confirmed by the gate",
    "closing": "closed here; the gate has not said so yet",
    "over": "its time is over; the gate has not said so yet",
    "ended": "ended",
}


def window_table(lines: Sequence[Line]) -> Table:
    """Test windows, one a line."""
    table = Table("window", "gate", "for", "by", "opened", "until", "state", title="test windows")
    for one in lines:
        state = str(_STATES.get(one["state"], one["state"]))
        if one["state"] == "open":
            state += f", {one['left_ms'] / 1000:.0f} s left"
        if one["closed_by"]:
            state += f", closed by {one['closed_by']}"
        if one["ended_why"]:
            state += f": {one['ended_why']}"
        table.add_row(
            plain(one["id"]), plain(one["address"]), plain(one["kind"]), plain(one["by"]),
            moment(one["opened_wall_ms"]), moment(one["ends_wall_ms"]), plain(state),
            style="bold yellow" if one["state"] == "unconfirmed" else TEST,
        )  # fmt: skip
    return table


def drill_table(lines: Sequence[Line]) -> Table:
    """Drills, one a line."""
    table = Table("drill", "gate", "start", "by", "state", title="drills")
    for one in lines:
        state = one["state"] + (", at short notice" if one["short_notice"] else "")
        if one["cancelled_by"]:
            state += f" by {one['cancelled_by']}"
        if one["reason"]:
            state += f": {one['reason']}"
        table.add_row(
            plain(one["id"]), plain(one["address"]), moment(one["start_wall_ms"]), plain(one["by"]), plain(state),
            style=TEST,
        )  # fmt: skip
    return table


def drill_report(answer: Line) -> RenderableType:
    """One drill: what was booked, what the gate said to it, and how fast everybody was."""
    parts: list[RenderableType] = [drill_table([answer["drill"]])]
    if answer["window"] is not None:
        parts.append(window_table([answer["window"]]))
    if not answer["tests"]:
        parts.append(Text("nobody has pressed", "yellow"))
    for one in answer["tests"]:
        after = one["after_ms"]
        table = Table("step", "after the press", "by", title=f"response at {one['address']}")
        table.add_row("received by the centre", _seconds(after["receipt"]), "")
        table.add_row("seen by an officer", _seconds(after["seen"]), plain(one["seen_by"]))
        table.add_row("dispatched", _seconds(after["dispatched"]), plain(one["dispatched_by"]))
        table.add_row("arrived, by the gate's word", _seconds(after["arrived"]), "")
        parts.append(table)
    if answer["tests"]:
        parts.append(trial_table(answer["tests"], links=True))
    return Group(*parts)


def trial_table(lines: Sequence[Line], *, links: bool) -> RenderableType:
    """Tests, one a line; with ``links`` the verdict on each link below."""
    if not lines:
        return Text("no test has come", "yellow")
    table = Table("TEST", "gate", "kind", "when", "result", "receipt", "officer", "confirmed by", title="tests")
    parts: list[RenderableType] = [table]
    for one in lines:
        result = one["result"] or ("no report" if one["over"] else "runs")
        table.add_row(
            plain(one["test"]), plain(one["address"]), plain(one["kind"] or one["origin"]),
            moment(one["tested_wall_ms"] or one["received_wall_ms"]), Text(result, VERDICTS.get(result, "")),
            _seconds(one["after_ms"]["receipt"]), _seconds(one["after_ms"]["seen"]), plain(one["seen_by"]),
        )  # fmt: skip
        if links and one["links"]:
            parts.append(_links(one))
    return Group(*parts)


def _links(one: Line) -> Table:
    table = Table("no", "link", "verdict", "measured", "limit", "why", title=f"links of {one['test']}")
    for link in one["links"]:
        unit = f" {link['unit']}" if link["unit"] else ""
        table.add_row(
            str(link["link"]), plain(link["name"]), Text(link["verdict"], VERDICTS.get(link["verdict"], "")),
            plain(_figure(link["measured"], unit)), plain(_figure(link["limit"], unit)),
            plain(link["reason"] or link["evidence"]),
        )  # fmt: skip
    return table


def last_test(gate: Line) -> Text:
    """A gate's newest whole-chain test, and its daily path test where that did not pass."""
    whole = [one for kind, one in gate["tests"].items() if kind != "path"]
    newest = max(whole, key=lambda one: one["wall_ms"], default=None)
    if newest is None:
        return Text("none", "yellow")
    shown = Text(newest["result"], VERDICTS.get(newest["result"], "")) + Text(f" {moment(newest['wall_ms'])[:16]}")
    path = gate["tests"].get("path")
    if path is not None and path["result"] != "PASS":
        shown += Text(f", path {path['result']}", VERDICTS.get(path["result"], ""))
    return shown


def _figure(value: object, unit: str) -> str:
    return "" if not isinstance(value, int | float) else f"{value:g}{unit}"


def _seconds(after_ms: object) -> str:
    return f"{after_ms / 1000:.1f} s" if isinstance(after_ms, int) else "-"

"""The view as a page for people, with Rich. Claims only what the view says."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edge import words
from edge.events import ClockQuality, Show, Trouble
from edge.health import STORE
from edge.links import Phase
from edge.settings import Settings
from edge.words import Words

View = Mapping[str, Any]
E = TypeVar("E", bound=Enum)

YES, NO, UNKNOWN = "[green]yes[/]", "[yellow]not yet[/]", "[dim]not known[/]"

_REACHED = {
    Show.RECEIVED: 1,
    Show.SEEN: 2,
    Show.DISPATCHED: 3,
}
"""How many of received, seen, dispatched the lamp's word includes."""

_STAGES = {
    "stored": "stored",
    "at_broker": "at the broker",
    "received": "received by the centre",
    "seen": "seen",
    "dispatched": "dispatched",
}


def console(*, stderr: bool = False) -> Console:
    """Where pages go: colours only in a terminal."""
    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def is_well(view: View) -> bool:
    """Armed, and no trouble stands."""
    return bool(view.get("armed")) and not view.get("standing")


def status(view: View) -> RenderableType:
    """The whole page of ``gatepost status``."""
    parts: list[RenderableType] = [_summary(view), _lamp(view)]
    if _alarm_matters(view):
        parts.append(_progress(view))
    if view.get("last_press"):
        parts.append(f"Newest press since the start: {_last_press(view['last_press'])}.")
    parts.append(_brokers(view))
    if view.get("standing"):
        parts.append(_troubles(view))
    parts.append(_facts(view))
    return Group(*parts)


def settings_table(settings: Settings) -> RenderableType:
    """What a settings file means, in short."""
    table = _plain()
    gate, button = settings.gate, settings.button
    table.add_row("Gate", f"{gate.county} / {gate.school} / {gate.gate}")
    pins = "simulated: this gate has no real button" if settings.pins.factory == "mock" else settings.pins.factory
    table.add_row("Pins", pins)
    second = button.normally_closed_gpio
    supervised = "cable not supervised" if second is None else f"second contact GPIO{second}, cable supervised"
    table.add_row("Button", f"GPIO{button.key_gpio}, {supervised}; a closure of {button.confirm_ms} ms is a press")
    table.add_row("Lamps", f"status GPIO{settings.lamps.status_gpio}, fault GPIO{settings.lamps.fault_gpio}")
    table.add_row("Reset key", "none" if settings.reset is None else f"GPIO{settings.reset.key_gpio}")
    siren = settings.siren
    table.add_row("Siren", "none" if siren is None else f"GPIO{siren.relay_gpio}, {siren.mode}")
    end = "the county centre confirms it" if settings.alarm.done_on == "receipt" else "the broker has it"
    table.add_row("An alarm is done when", f"{end}; a fault after {settings.alarm.communicate_s_max} s without")
    for number, broker in enumerate(settings.broker, 1):
        safety = "encrypted" if broker.tls else "NOT encrypted"
        where = f"{broker.name}: {broker.host}, port {broker.port}, {safety}, MQTT {broker.protocol}"
        table.add_row(f"Broker {number}", escape(where))
    table.add_row("Event log in", escape(gate.state_directory))
    table.add_row("Sockets in", escape(gate.runtime_directory))
    return table


def aged(view: View, by_ms: int) -> View:
    """The same view, so many milliseconds later: what says how long ago or for how long has grown by them."""
    press = view.get("last_press")
    return {
        **view,
        "uptime_ms": view.get("uptime_ms", 0) + by_ms,
        "last_press": press and {**press, "ago_ms": press["ago_ms"] + by_ms},
        "standing": [{**one, "for_s": int(one.get("for_s", 0)) + by_ms // 1000} for one in view.get("standing", ())],
    }


def _summary(view: View) -> RenderableType:
    if not view.get("armed"):
        return Text("NOT READY: the button is not armed.", style="bold red")
    troubles = len(view.get("standing", ()))
    if troubles:
        return Text(f"ARMED, with {_count(troubles, 'trouble')}: see below.", style="bold yellow")
    if _alarm_matters(view):
        return Text("ARMED. An alarm is open: see how far it got.", style="bold yellow")
    if not any(broker.get("phase") == Phase.UP.value for broker in view.get("brokers", ())):
        return Text("ARMED, but no broker is connected just now: see below.", style="bold yellow")
    return Text("ARMED and well.", style="bold green")


def _lamp(view: View) -> RenderableType:
    said = lamp_words(view)
    table = _plain()
    table.add_row("Status lamp", f"[bold]{escape(said.title)}[/]")
    table.add_row("", said.meaning)
    if said.todo:
        table.add_row("", said.todo)
    table.add_row("Fault lamp", "[red]blinking: something is wrong, or nobody answered in time[/]" if view.get("fault")
                  else "dark")  # fmt: skip
    return table


def lamp_words(view: View) -> Words:
    """What the status lamp shows, in words."""
    if not view.get("armed"):
        return words.NOT_ARMED
    show = _known(Show, view.get("lamp"))
    if show is None:
        return Words(str(view.get("lamp")), "This version does not know this lamp.", "Update gatepost.")
    if show is Show.AT_BROKER and view.get("done_on") == "broker":
        return words.AT_BROKER_IS_THE_END
    return words.SHOWS[show]


def _alarm_matters(view: View) -> bool:
    incident = view.get("incident", {})
    return bool(incident.get("ids") or incident.get("unreceived"))


def _progress(view: View) -> RenderableType:
    """How far the alarm got: the least advanced press speaks for all."""
    incident = view["incident"]
    table = Table(title="The alarm", title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    stages = progress(view)
    for name in stages:
        table.add_column(name, justify="center", header_style="")
    table.add_row(*stages.values())
    lines: list[RenderableType] = ["", table]
    presses, unreceived = incident.get("presses", 0), incident.get("unreceived", 0)
    whom = "the broker" if view.get("done_on") == "broker" else "the county centre"
    if unreceived:
        lines.append(f"{_count(unreceived, 'press', 'presses')} not yet confirmed by {whom}.")
    if incident.get("ids"):
        lines.append(
            f"{_count(presses, 'press', 'presses')} in this alarm. It stays open until the reset key, the centre,"
            " or: gatepost reset --by NAME"
        )
    else:
        lines.append("The alarm was ended at the gate; what is not confirmed is still being sent.")
    if incident.get("siren"):
        lines.append("[bold red]The siren sounds.[/]")
    return Group(*lines)


def progress(view: View) -> dict[str, str]:
    """Each stage and whether it is true, never more than the view claims."""
    show = _known(Show, view.get("lamp"))
    reached = 0 if show is None else _REACHED.get(show, 0)
    kinds = {(one.get("trouble"), one.get("part")) for one in view.get("standing", ())}
    newest = view.get("last_press")
    waits = newest is not None and newest["after_ms"].get("stored") is None  # a receipt can be quicker than the card
    stored = NO if waits or view["incident"].get("unstored") or show is Show.PRESSED else YES
    if (Trouble.STORE_IN_MEMORY.value, "") in kinds:
        stored = "[yellow]in memory only[/]"
    elif stored is YES and (Trouble.DUTY_LATE.value, STORE) in kinds:
        stored = UNKNOWN  # confirmed by the centre before a store that stands still could answer
    later = UNKNOWN if view.get("done_on") == "broker" and not reached else NO
    return {
        "pressed": YES,
        "stored": stored,
        "at the broker": YES if show is Show.AT_BROKER or reached else NO,
        "received by the centre": YES if reached >= 1 else later,
        "seen": YES if reached >= 2 else later,
        "dispatched": YES if reached >= 3 else later,
    }


def _last_press(press: View) -> str:
    """When the newest press reached what, as far as that is known."""
    reached = [
        f"{what} after {after_ms} ms" if after_ms < 10_000 else f"{what} after {words.duration(after_ms // 1000)}"
        for key, what in _STAGES.items()
        if (after_ms := press["after_ms"].get(key)) is not None
    ]
    return ", ".join([f"{words.duration(press['ago_ms'] // 1000)} ago", *reached])


def _brokers(view: View) -> RenderableType:
    table = Table(title="Brokers", title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    for column in ("name", "state", "county centre", "reason", "lost"):
        table.add_column(column, overflow="fold")
    for broker in view.get("brokers", ()):
        phase = _known(Phase, broker.get("phase"))
        state = str(broker.get("phase")) if phase is None else words.PHASES[phase]
        up = phase is Phase.UP
        version = "" if not up else " (MQTT 5)" if broker.get("mqtt5") else " (MQTT 3.1.1)"
        table.add_row(
            escape(str(broker.get("name"))),
            f"[{'green' if up else 'yellow'}]{state}{version}[/]",
            words.LISTENING[broker.get("centre_listening")] if up else "not known",
            escape("" if up else str(broker.get("reason") or "")),
            f"{broker.get('losses', 0)} times",
        )
    return Group("", table)


def _troubles(view: View) -> RenderableType:
    table = Table(title="Troubles", title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    for column in ("what", "what it means, and what to do", "for"):
        table.add_column(column, overflow="fold")
    for one in view["standing"]:
        trouble = _known(Trouble, one.get("trouble"))
        said = Words(str(one.get("trouble")), "") if trouble is None else words.TROUBLES[trouble]
        part = f"\n({escape(str(one['part']))})" if one.get("part") else ""
        text = f"{said.meaning}\n[bold]{said.todo}[/]\n[dim]{escape(str(one.get('detail', '')))}[/]"
        table.add_row(f"[bold red]{escape(said.title)}[/]{part}", text, words.duration(int(one.get("for_s", 0))))
    return Group("", table)


def _facts(view: View) -> RenderableType:
    table = _plain()
    owed = view.get("owed", {})
    named = (("alarm", "alarm", "alarms"), ("trouble", "trouble report", "trouble reports"),
             ("routine", "routine event", "routine events"))  # fmt: skip
    parts = [_count(owed[key], one, many) for key, one, many in named if owed.get(key)]
    table.add_row("Still to be sent", ", ".join(parts) or "nothing")
    clock = _known(ClockQuality, view.get("clock"))
    table.add_row("Clock", str(view.get("clock")) if clock is None else words.CLOCKS[clock])
    contacts = view.get("contacts", {})
    table.add_row("Button is", "[yellow]pressed[/]" if contacts.get("key_closed") else "not pressed")
    table.add_row("Running for", words.duration(int(view.get("uptime_ms", 0)) // 1000))
    for what, count in sorted({**view.get("counters", {}), "dropped": view.get("dropped", 0)}.items()):
        if count:
            table.add_row("Counted", f"{escape(str(what))}: {count}")
    if view.get("hungry"):
        table.add_row("Restart is near", f"[red]{escape(str(view['hungry']))}[/]")
    return Group("", table)


def _plain() -> Table:
    table = Table(show_header=False, show_edge=False, box=None, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _known(kind: type[E], value: object) -> E | None:
    try:
        return kind(value)
    except ValueError:
        return None  # a newer daemon's word: shown as it is


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"

"""The view as a page for people, with Rich. Claims only what the view says."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edge.events import ClockQuality, Show, Trouble
from edge.health import STORE
from edge.languages import Language
from edge.languages import Text as Said
from edge.links import Phase
from edge.settings import Settings
from edge.words import ENGLISH, Lexicon, Words
from edge.words_chinese import CHINESE

View = Mapping[str, Any]
E = TypeVar("E", bound=Enum)

LEXICONS = {Language.EN: ENGLISH, Language.ZH: CHINESE}

YES, NO, UNKNOWN = "[green]yes[/]", "[yellow]not yet[/]", "[dim]not known[/]"

_REACHED = {
    Show.RECEIVED: 1,
    Show.SEEN: 2,
    Show.DISPATCHED: 3,
}
"""How many of received, seen, dispatched the lamp's word includes."""

IN_MEMORY = "[yellow]in memory only[/]"
_CHINESE = {
    YES: "[green]是[/]",
    NO: "[yellow]尚未[/]",
    UNKNOWN: "[dim]未知[/]",
    IN_MEMORY: "[yellow]仅在内存[/]",
    "pressed": "已按下",
    "stored": "已存储",
    "at the broker": "已到消息服务器",
    "received by the centre": "中心已收到",
    "seen": "警员已看到",
    "dispatched": "已派人",
}
"""The stages and what is said of them."""

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


def status(view: View, language: Language = Language.EN) -> RenderableType:
    """The whole page of ``gatepost status``."""
    parts: list[RenderableType] = [_summary(view, language), _lamp(view, language)]
    if _alarm_matters(view):
        parts.append(_progress(view, language))
    if view.get("last_press"):
        press = _last_press(view["last_press"], language)
        parts.append(Said(f"Newest press since the start: {press}.", f"启动以来最近一次按下：{press}。").of(language))
    parts.append(_brokers(view, language))
    if view.get("standing"):
        parts.append(_troubles(view, language))
    parts.append(_facts(view, language))
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


def _summary(view: View, language: Language) -> RenderableType:
    if not view.get("armed"):
        said, style = Said("NOT READY: the button is not armed.", "未就绪：按钮没有布防。"), "bold red"
        return Text(said.of(language), style=style)
    troubles = len(view.get("standing", ()))
    if troubles:
        said = Said(f"ARMED, with {_count(troubles, 'trouble')}: see below.", f"已布防，有 {troubles} 个故障：见下。")
    elif _alarm_matters(view):
        said = Said("ARMED. An alarm is open: see how far it got.", "已布防。有未结束的报警：看它到了哪一步。")
    elif not any(broker.get("phase") == Phase.UP.value for broker in view.get("brokers", ())):
        said = Said(
            "ARMED, but no broker is connected just now: see below.", "已布防，但目前没有连上消息服务器：见下。"
        )
    else:
        return Text(Said("ARMED and well.", "已布防，一切正常。").of(language), style="bold green")
    return Text(said.of(language), style="bold yellow")


def _lamp(view: View, language: Language) -> RenderableType:
    said = lamp_words(view, LEXICONS[language])
    table = _plain()
    table.add_row(Said("Status lamp", "状态灯").of(language), f"[bold]{escape(said.title)}[/]")
    table.add_row("", said.meaning)
    if said.todo:
        table.add_row("", said.todo)
    blinking = Said(
        "[red]blinking: something is wrong, or nobody answered in time[/]", "[red]闪烁：有故障，或没有人及时应答[/]"
    )
    fault = blinking if view.get("fault") else Said("dark", "灭")
    table.add_row(Said("Fault lamp", "故障灯").of(language), fault.of(language))
    return table


def lamp_words(view: View, lexicon: Lexicon = ENGLISH) -> Words:
    """What the status lamp shows, in words."""
    if not view.get("armed"):
        return lexicon.not_armed
    show = _known(Show, view.get("lamp"))
    if show is None:
        return Words(str(view.get("lamp")), *lexicon.unknown_lamp)
    if show is Show.AT_BROKER and view.get("done_on") == "broker":
        return lexicon.at_broker_is_the_end
    return lexicon.shows[show]


def _alarm_matters(view: View) -> bool:
    incident = view.get("incident", {})
    return bool(incident.get("ids") or incident.get("unreceived"))


def _progress(view: View, language: Language) -> RenderableType:
    """How far the alarm got: the least advanced press speaks for all."""
    incident = view["incident"]
    table = _titled(Said("The alarm", "报警"), language)
    stages = progress(view)
    for name in stages:
        table.add_column(_said(name, language), justify="center", header_style="")
    table.add_row(*(_said(stage, language) for stage in stages.values()))
    lines: list[RenderableType] = ["", table]
    presses, unreceived = incident.get("presses", 0), incident.get("unreceived", 0)
    whom = Said("the county centre", "县指挥中心")
    if view.get("done_on") == "broker":
        whom = Said("the broker", "消息服务器")
    if unreceived:
        waiting = f"{_count(unreceived, 'press', 'presses')} not yet confirmed by {whom.en}."
        lines.append(Said(waiting, f"{unreceived} 次按下尚未得到{whom.zh}确认。").of(language))
    if incident.get("ids"):
        opened = Said(
            f"{_count(presses, 'press', 'presses')} in this alarm. It stays open until the reset key, the centre,"
            " or: gatepost reset --by NAME",
            f"本次报警共按下 {presses} 次。结束方式：复位钥匙、指挥中心，或 gatepost reset --by 姓名",
        )
    else:
        opened = Said(
            "The alarm was ended at the gate; what is not confirmed is still being sent.",
            "报警已在校门结束；尚未确认的仍在发送。",
        )
    lines.append(opened.of(language))
    if incident.get("siren"):
        lines.append(Said("[bold red]The siren sounds.[/]", "[bold red]警笛正在响。[/]").of(language))
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
        stored = IN_MEMORY
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


def _last_press(press: View, language: Language) -> str:
    """When the newest press reached what, as far as that is known."""
    duration = LEXICONS[language].duration
    parts = [Said(f"{duration(press['ago_ms'] // 1000)} ago", f"{duration(press['ago_ms'] // 1000)}前").of(language)]
    for key, what in _STAGES.items():
        after_ms = press["after_ms"].get(key)
        if after_ms is not None:
            took = duration(after_ms // 1000)
            if after_ms < 10_000:
                took = Said(f"{after_ms} ms", f"{after_ms} 毫秒").of(language)
            parts.append(Said(f"{what} after {took}", f"{took}后{_said(what, language)}").of(language))
    return Said(", ", "，").of(language).join(parts)


def _brokers(view: View, language: Language) -> RenderableType:
    lexicon = LEXICONS[language]
    table = _titled(Said("Brokers", "消息服务器"), language)
    heads = (Said("name", "名称"), Said("state", "状态"), Said("county centre", "县指挥中心"), Said("reason", "原因"),
             Said("lost", "断线"))  # fmt: skip
    for head in heads:
        table.add_column(head.of(language), overflow="fold")
    for broker in view.get("brokers", ()):
        phase = _known(Phase, broker.get("phase"))
        state = str(broker.get("phase")) if phase is None else lexicon.phases[phase]
        up = phase is Phase.UP
        version = "" if not up else " (MQTT 5)" if broker.get("mqtt5") else " (MQTT 3.1.1)"
        losses = broker.get("losses", 0)
        table.add_row(
            escape(str(broker.get("name"))),
            f"[{'green' if up else 'yellow'}]{state}{version}[/]",
            lexicon.listening[broker.get("centre_listening")] if up else Said("not known", "未知").of(language),
            escape("" if up else str(broker.get("reason") or "")),
            Said(f"{losses} times", f"{losses} 次").of(language),
        )
    return Group("", table)


def _troubles(view: View, language: Language) -> RenderableType:
    lexicon = LEXICONS[language]
    table = _titled(Said("Troubles", "故障"), language)
    for head in (Said("what", "内容"), Said("what it means, and what to do", "含义与处理"), Said("for", "持续")):
        table.add_column(head.of(language), overflow="fold")
    for one in view["standing"]:
        trouble = _known(Trouble, one.get("trouble"))
        said = Words(str(one.get("trouble")), "") if trouble is None else lexicon.troubles[trouble]
        part = f"\n({escape(str(one['part']))})" if one.get("part") else ""
        text = f"{said.meaning}\n[bold]{said.todo}[/]\n[dim]{escape(str(one.get('detail', '')))}[/]"
        table.add_row(f"[bold red]{escape(said.title)}[/]{part}", text, lexicon.duration(int(one.get("for_s", 0))))
    return Group("", table)


def _facts(view: View, language: Language) -> RenderableType:
    lexicon, table = LEXICONS[language], _plain()
    owed = view.get("owed", {})
    named = (("alarm", "alarm", "alarms", "警情"), ("trouble", "trouble report", "trouble reports", "故障报告"),
             ("routine", "routine event", "routine events", "日常事件"))  # fmt: skip
    parts = [
        Said(_count(owed[key], one, many), f"{owed[key]} 条{chinese}").of(language)
        for key, one, many, chinese in named
        if owed.get(key)
    ]
    nothing = Said("nothing", "无").of(language)
    table.add_row(
        Said("Still to be sent", "尚待发送").of(language), Said(", ", "，").of(language).join(parts) or nothing
    )
    clock = _known(ClockQuality, view.get("clock"))
    table.add_row(
        Said("Clock", "时钟").of(language), str(view.get("clock")) if clock is None else lexicon.clocks[clock]
    )
    pressed = Said("not pressed", "未按下")
    if view.get("contacts", {}).get("key_closed"):
        pressed = Said("[yellow]pressed[/]", "[yellow]按下[/]")
    table.add_row(Said("Button is", "按钮").of(language), pressed.of(language))
    uptime = lexicon.duration(int(view.get("uptime_ms", 0)) // 1000)
    table.add_row(Said("Running for", "已运行").of(language), uptime)
    a_day = (view.get("card") or {}).get("written_bytes_a_day")
    if a_day is not None:
        rate = Said("{:.1f} MB a day", "每天 {:.1f} MB").of(language).format(a_day / 1e6)
        table.add_row(Said("Written to the card", "写入存储卡").of(language), rate)
    for what, count in sorted({**view.get("counters", {}), "dropped": view.get("dropped", 0)}.items()):
        if count:
            table.add_row(Said("Counted", "计数").of(language), f"{escape(str(what))}: {count}")
    if view.get("hungry"):
        table.add_row(Said("Restart is near", "即将重启").of(language), f"[red]{escape(str(view['hungry']))}[/]")
    return Group("", table)


def _said(word: str, language: Language) -> str:
    """A stage, or what is said of one."""
    return _CHINESE[word] if language is Language.ZH else word


def _titled(title: Said, language: Language) -> Table:
    return Table(title=title.of(language), title_justify="left", title_style="bold", show_edge=False, pad_edge=False)


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

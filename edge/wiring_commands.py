"""``gatepost wiring``: the header of the Pi as a picture, with what the settings put on each pin, and live levels."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.options import (
    SETTINGS_FILE,
    InLanguage,
    Json,
    SettingsFile,
    language,
    print_json,
    spoken,
    until_interrupted,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from edge.header import Remark, Use
    from edge.languages import Language
    from edge.settings import Settings

HELP = spoken(
    """Show which wire goes to which pin.

    The picture is of the Pi's header as the settings use it, with what does not go together.
    With --watch the button, the reset key and the lamps are shown as they are, until Ctrl-C: by the daemon, or read
    from here while the daemon is stopped.

    Exit code 0 when all goes together, 1 when something does not.""",
    """显示每根线接到哪一脚。

    按设置画出树莓派的排针，并指出冲突。
    加 --watch 时显示按钮、复位钥匙和指示灯的实时状态，按 Ctrl-C 结束：由主程序提供；主程序停止时直接读取。

    退出码：0 没有冲突，1 有冲突。""",
)
EXAMPLES = spoken(
    "Examples: gatepost wiring    gatepost wiring --watch    gatepost wiring --svg > wiring.svg",
    "示例：gatepost wiring    gatepost wiring --watch    gatepost wiring --svg > wiring.svg",
)

LOOK_S = 0.1
"""How often the contacts are read from here."""

CONSOLE_FILES = ("/boot/firmware/cmdline.txt", "/boot/cmdline.txt")

NAME_WIDTH, NUMBER_WIDTH = 11, 4
"""Of the picture, in letters: the wires' names may be cut on a narrow terminal, the pins' not."""

Levels = Mapping[str, bool | None]
"""By the settings' key: closed (of a contact) or lit (of a lamp, the siren); None: not known."""

Svg = Annotated[
    bool, typer.Option("--svg", help=spoken("A drawing, for a document or to print.", "输出 SVG 图，可打印。"))
]
Watch = Annotated[
    bool, typer.Option("--watch", help=spoken("Live levels, until Ctrl-C.", "实时状态，按 Ctrl-C 结束。"))
]


def wiring(
    watch: Watch = False, svg: Svg = False, json: Json = False, given: InLanguage = None,
    config: SettingsFile = SETTINGS_FILE,
) -> None:  # fmt: skip
    """The picture, once or live, or as a drawing."""
    from edge import header, screen, settings

    loaded = settings.load(config)
    uses = header.uses_of(loaded)
    remarks = header.remarks_on(uses, serial_console=serial_console(CONSOLE_FILES))
    if watch:
        with until_interrupted():
            _watch(loaded, uses, remarks, json, language(given))
    elif svg:
        from edge.header_drawing import drawing

        typer.echo(drawing(uses, language(given)), nl=False)
    elif json:
        print_json(_plain(uses, remarks, {}))
    else:
        screen.console().print(page(uses, remarks, {}, loaded.pins.factory == "mock", language(given)))
    raise typer.Exit(1 if any(one.wrong for one in remarks) else 0)


def serial_console(files: tuple[str, ...]) -> bool:
    """Whether the kernel is told to talk on the header's serial line."""
    for file in files:
        with suppress(OSError):
            words = Path(file).read_text(encoding="utf-8", errors="replace").split()
            return any(word.startswith(("console=serial0", "console=ttyAMA0", "console=ttyS0")) for word in words)
    return False


# --- levels -----------------------------------------------------------------------------------------------------------


def levels_of(view: Mapping[str, Any]) -> Levels:
    """What the daemon's view says of the pins. A lamp that blinks counts as lit."""
    contacts = view.get("contacts", {})
    return {
        "button.key_gpio": contacts.get("key_closed"),
        "button.normally_closed_gpio": contacts.get("key_nc_closed"),
        "reset.key_gpio": contacts.get("reset_closed"),
        "lamps.fault_gpio": view.get("fault"),
        "siren.relay_gpio": view.get("incident", {}).get("siren"),
    }


def _seen(settings: Settings) -> Iterator[Levels]:
    """Levels for ever: of the daemon, or of the contacts themselves where none runs."""
    from edge.client import Client
    from edge.errors import NotReachableError
    from edge.requests import VIEW_SOCKET

    path = Path(settings.gate.runtime_directory) / VIEW_SOCKET
    try:
        for view in Client(path).watch():
            yield levels_of(view)
    except NotReachableError as error:
        if settings.pins.factory == "mock" or str(error).startswith("you may not"):
            raise
    typer.echo("No daemon answers: reading the contacts from here.", err=True)
    yield from _read_here(settings)


def _read_here(settings: Settings) -> Iterator[Levels]:
    """Only the contacts: to read a lamp's line would be to switch the lamp."""
    from edge.drivers.button import GpioContacts
    from edge.drivers.clock import SystemClock
    from edge.drivers.pins import open_factory
    from edge.events import Contact
    from edge.rules import contacts_of

    keys = {
        Contact.KEY: "button.key_gpio",
        Contact.KEY_NC: "button.normally_closed_gpio",
        Contact.RESET: "reset.key_gpio",
    }
    clock = SystemClock(settings.clock)
    fitted = contacts_of(settings)
    contacts = GpioContacts(
        fitted, pin_factory=open_factory(settings.pins.factory), clock=clock, post=lambda _fact: None
    )
    try:
        while True:
            yield {keys[contact]: contacts.level(contact) for contact in fitted}
            time.sleep(LOOK_S)
    finally:
        contacts.close()


def _watch(settings: Settings, uses: list[Use], remarks: list[Remark], json: bool, spoken_in: Language) -> None:
    from rich.live import Live

    from edge import screen

    simulated = settings.pins.factory == "mock"
    seen, shown = _seen(settings), None
    if json:
        for levels in seen:
            if levels != shown:
                shown = levels
                print_json(_plain(uses, remarks, levels))
        return
    first = next(seen)
    with Live(
        page(uses, remarks, first, simulated, spoken_in), console=screen.console(), auto_refresh=False,
        vertical_overflow="visible",
    ) as live:  # fmt: skip
        for levels in seen:
            if levels != shown:
                shown = levels
                live.update(page(uses, remarks, levels, simulated, spoken_in), refresh=True)


# --- for programs and for people --------------------------------------------------------------------------------------


def _plain(uses: list[Use], remarks: list[Remark], levels: Levels) -> dict[str, Any]:
    return {
        "pins": [
            {"pin": use.pin, "gpio": use.gpio, "key": use.key, "title": use.title.en, "output": use.output,
             "active": levels.get(use.key)}
            for use in uses
        ],
        "remarks": [{"key": one.use.key, "wrong": one.wrong, "said": one.said.en} for one in remarks],
    }  # fmt: skip


def page(
    uses: list[Use], remarks: list[Remark], levels: Levels, simulated: bool, spoken_in: Language
) -> RenderableType:
    """The header from above, board's corner at the top left, and the wires one by one."""
    from rich.console import Group
    from rich.text import Text as Line

    from edge.languages import Text

    parts: list[Any] = []
    if simulated:
        text = Text('These pins are simulated (pins.factory = "mock").', '引脚为模拟（pins.factory = "mock"）。')
        parts.append(Line(text.of(spoken_in), style="bold yellow"))
    parts += [_picture(uses, levels, spoken_in), "", _list(uses, levels, spoken_in)]
    for one in remarks:
        parts.append(Line(f"{'!!' if one.wrong else '->'} {one.said.of(spoken_in)}",
                          style="bold red" if one.wrong else "yellow"))  # fmt: skip
    return Group(*parts)


def _picture(uses: list[Use], levels: Levels, spoken_in: Language) -> RenderableType:
    from rich.table import Table
    from rich.text import Text as Line

    from edge import header

    at = {use.pin: use for use in uses}
    table = Table(show_header=False, show_edge=False, box=None, pad_edge=False, padding=(0, 1))
    for width in (None, NAME_WIDTH, NUMBER_WIDTH):
        table.add_column(justify="right", no_wrap=True, min_width=width)
    for width in (NUMBER_WIDTH, NAME_WIDTH, None):
        table.add_column(justify="left", no_wrap=True, min_width=width)

    def label(pin: int) -> Line:
        use = at.get(pin)
        return Line("" if use is None else use.title.of(spoken_in), style="bold cyan")

    def number(pin: int) -> Line:
        use = at.get(pin)
        style = "dim" if use is None else "reverse bold green" if levels.get(use.key) else "bold"
        return Line(f"({pin:2})" if use is None else f"[{pin:2}]", style=style)

    for pin in range(1, 41, 2):
        left, right = (Line(header.name_of(one), style=_colour(header.name_of(one))) for one in (pin, pin + 1))
        table.add_row(label(pin), left, number(pin), number(pin + 1), right, label(pin + 1))
    return table


def _colour(name: str) -> str:
    return {"3V3": "yellow", "5V": "red", "GND": "dim"}.get(name, "")


def _list(uses: list[Use], levels: Levels, spoken_in: Language) -> RenderableType:
    from rich.table import Table

    from edge import header
    from edge.languages import Text

    heads = (
        Text("pin", "脚"),
        Text("what", "用途"),
        Text("setting", "设置项"),
        Text("other end", "另一端"),
        Text("now", "当前"),
    )
    table = Table(show_edge=False, pad_edge=False, box=None)
    for head in heads:
        table.add_column(head.of(spoken_in), overflow="fold")
    for use in uses:
        ground = header.ground_near(use.pin)
        other = f"3V3 1, GND {ground}" if use.key == "thermometer.i2c_bus" else f"GND {ground}"
        now = _level(use, levels)
        table.add_row(str(use.pin), use.title.of(spoken_in), use.key, other, now.of(spoken_in))
    return table


def _level(use: Use, levels: Levels) -> Any:
    from edge.languages import NOTHING, Text

    level = levels.get(use.key)
    if level is None:
        return NOTHING
    if use.output:
        return Text("on", "亮/通") if level else Text("off", "灭/断")
    return Text("closed", "闭合") if level else Text("open", "断开")

"""The commands of ``gatepost`` but for ``run``, which ``cli`` starts without loading any of this."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from edge import (
    __version__,
    bundle_commands,
    calibrate_commands,
    doctor_commands,
    enrol_commands,
    forced_command,
    log_commands,
    update_commands,
    wiring_commands,
)
from edge.client import Client
from edge.errors import CertificateError, RefusedError
from edge.languages import Language, Text
from edge.ledger_commands import ledger
from edge.operator_identity import operator
from edge.options import (
    Config,
    Directory,
    InLanguage,
    Json,
    directory_of,
    language,
    print_json,
    spoken,
    until_interrupted,
)
from edge.requests import CONTROL_SOCKET, VIEW_SOCKET
from edge.selftest_commands import selftest
from edge.sensor_commands import sensor

application = typer.Typer(
    name="gatepost",
    help=spoken(
        "The alarm at the school gate: run it, look at it, check its settings.", "校门报警：运行、查看、检查设置。"
    ),
    epilog=spoken(
        "Example: gatepost status    Exit codes: 0 well, 1 see 'status --help', 2 wrong usage, 3 settings, 4 device,"
        " 5 already running, 6 certificate, 7 daemon not reachable, 8 storage, 9 port in use, 10 refused.",
        "示例：gatepost status    退出码：0 正常，1 见 'status --help'，2 用法错误，3 设置，4 设备，5 已在运行，"
        "6 证书，7 主程序没有应答，8 存储，9 端口被占用，10 被拒绝。",
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
config = typer.Typer(help="Look at a settings file.", no_args_is_help=True, rich_markup_mode=None)
application.add_typer(config, name="config")
application.add_typer(sensor, name="sensor")
application.add_typer(ledger, name="ledger")
application.add_typer(selftest, name="selftest")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gatepost {__version__}")
        raise typer.Exit


@application.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version and exit.")
    ] = False,
) -> None:
    """The alarm at the school gate: run it, look at it, check its settings."""


@application.command(epilog="Example: gatepost run --config /etc/gatepost/gatepost.toml")
def run(config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The settings file.")]) -> None:
    """Run the daemon until it is told to stop (SIGTERM, Ctrl-C)."""
    from edge import daemon

    raise typer.Exit(daemon.run(config))


@config.command(epilog="Example: gatepost config check /etc/gatepost/gatepost.toml")
def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="The settings file.")]) -> None:
    """Check a settings file, and the certificates, passwords and school calendar that it names.

    Every mistake is a line: file, key, what is given, what is allowed. Exit code 3 for the settings, 6 for a file
    that they name.
    """
    from edge import credentials, school_days, screen, settings

    loaded = settings.load(file)
    if loaded.selftest.calendar_file is not None:
        school_days.read(loaded.selftest.calendar_file)
    mistakes = []
    for number, broker in enumerate(loaded.broker, 1):
        try:
            credentials.check_files(broker, time.time_ns() // 1_000_000)
        except CertificateError as error:
            mistakes.append(f"{file}: broker[{number}] {broker.name}: {error}")
    if mistakes:
        raise CertificateError("\n".join(mistakes))
    screen.console().print(screen.settings_table(loaded))
    typer.echo(f"{file}: no mistakes")


@application.command(
    help=spoken(
        """Say how this gate is: armed or not, how far the alarm got, brokers, troubles and what to do.

        Exit code 0 when the button is armed and no trouble stands, 1 otherwise, 7 when no daemon answers.""",
        """说明本校门的状态：是否布防、报警到了哪一步、消息服务器、故障及处理。

        退出码：0 已布防且无故障，1 其他，7 主程序没有应答。""",
    ),
    epilog=spoken("Example: gatepost status --json", "示例：gatepost status --json"),
)
def status(
    json: Json = False, given: InLanguage = None, config: Config = None, runtime_directory: Directory = None
) -> None:
    """The daemon's view, as a page."""
    from edge import screen

    view = Client(directory_of(config, runtime_directory) / VIEW_SOCKET).ask("status")
    if json:
        print_json(view)
    else:
        screen.console().print(screen.status(view, language(given)))
    raise typer.Exit(0 if screen.is_well(view) else 1)


@application.command(
    help=spoken(
        """Show the gate's state as it changes, until Ctrl-C (exit code 0). With --json, one line for each change.""",
        """实时显示本校门的状态，按 Ctrl-C 结束（退出码 0）。加 --json 时每次变化一行。""",
    ),
    epilog=spoken("Example: gatepost watch --json", "示例：gatepost watch --json"),
)
def watch(
    json: Json = False,
    given: InLanguage = None,
    config: Config = None,
    runtime_directory: Directory = None,
    every_ms: Annotated[
        int, typer.Option(min=100, max=5000, help=spoken("How often to look, in milliseconds.", "查看间隔（毫秒）。"))
    ] = 200,
) -> None:
    """The same page, drawn anew at each change."""
    views = Client(directory_of(config, runtime_directory) / VIEW_SOCKET).watch(every_ms)
    with until_interrupted():
        if json:
            for view in views:
                print_json(view)
        else:
            _watch_live(views, language(given))


@application.command(epilog="Example: gatepost press --hold-ms 100")
def press(
    hold_ms: Annotated[
        int, typer.Option(min=1, max=120_000, help="How long the button is held, in milliseconds.")
    ] = 100,
    config: Config = None,
    runtime_directory: Directory = None,
) -> None:
    """Press the simulated button. Only where pins are simulated (pins.factory = "mock"); else refused with code 10."""
    Client(directory_of(config, runtime_directory) / CONTROL_SOCKET).ask("press", hold_ms=hold_ms)
    typer.echo(f"The simulated button is pressed for {hold_ms} ms.")


@application.command(
    help=spoken(
        "End the open alarm at this gate, as a named person. What is not yet confirmed is still sent.",
        "由具名人员结束本校门的报警。尚未确认的内容仍会发送。",
    ),
    epilog=spoken('Example: gatepost reset --by "Li Wei"', '示例：gatepost reset --by "李伟"'),
)
def reset(
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="NAME",
            help=spoken("Who ends the alarm; it is kept and sent.", "结束报警的人；会被记录并发送。"),
        ),
    ],
    config: Config = None,
    runtime_directory: Directory = None,
) -> None:
    """A reset, asked of the daemon."""
    client = Client(directory_of(config, runtime_directory) / CONTROL_SOCKET)
    was_open = bool(client.ask("status")["incident"]["ids"])
    client.ask("reset", by=by, key_fingerprint=operator().key_fingerprint)
    # The brain takes requests in order: this view is from after the reset.
    if client.ask("status")["incident"]["ids"]:
        raise RefusedError("the alarm is still open: the button was pressed again, or is stuck; see gatepost status")
    typer.echo(f"The alarm is ended by {by.strip()}." if was_open else "No alarm was open: nothing to end.")


application.command("doctor", help=doctor_commands.HELP, epilog=doctor_commands.EXAMPLES)(doctor_commands.doctor)
application.command("queue", help=log_commands.QUEUE_HELP, epilog=log_commands.QUEUE_EXAMPLES)(log_commands.queue)
application.command("tail", help=log_commands.TAIL_HELP, epilog=log_commands.TAIL_EXAMPLES)(log_commands.tail)
application.command("events", help=log_commands.EVENTS_HELP, epilog=log_commands.EVENTS_EXAMPLES)(log_commands.events)
application.command("wiring", help=wiring_commands.HELP, epilog=wiring_commands.EXAMPLES)(wiring_commands.wiring)
application.command("update", help=update_commands.HELP, epilog=update_commands.EXAMPLES)(update_commands.update)
application.command("enrol", help=enrol_commands.HELP, epilog=enrol_commands.EXAMPLES)(enrol_commands.enrol)
application.command("calibrate", help=calibrate_commands.HELP, epilog=calibrate_commands.EXAMPLES)(
    calibrate_commands.calibrate
)
application.command("bundle", help=bundle_commands.HELP, epilog=bundle_commands.EXAMPLES)(bundle_commands.bundle)
application.command(
    "forced", help=forced_command.HELP, epilog=forced_command.EXAMPLES,
    context_settings={"ignore_unknown_options": True},
)(forced_command.forced)  # fmt: skip


def _watch_live(views: Iterator[dict[str, Any]], spoken_in: Language) -> None:
    """One page that is drawn anew at each change, and every second because ages grow."""
    from rich.console import Group, RenderableType
    from rich.live import Live

    from edge import screen

    def changed_now() -> str:
        now = time.strftime("%H:%M:%S")
        return Text(f"last change {now}, Ctrl-C to end", f"最近变化 {now}，按 Ctrl-C 结束").of(spoken_in)

    view, at_s, changed = next(views), time.monotonic(), changed_now()

    def page() -> RenderableType:
        return Group(screen.status(screen.aged(view, int((time.monotonic() - at_s) * 1000)), spoken_in), "", changed)

    with Live(get_renderable=page, console=screen.console(), refresh_per_second=1, vertical_overflow="visible") as live:
        for newer in views:
            view, at_s, changed = newer, time.monotonic(), changed_now()
            live.refresh()

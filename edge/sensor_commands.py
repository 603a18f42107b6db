"""``gatepost sensor``: look at the infrared thermometer, record what passes on its bus, and replay that at a desk."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.client import Client
from edge.errors import DeviceError, NotReachableError, RefusedError, SettingsError, StorageError
from edge.options import Config, Directory, Json, directory_of, print_json, until_interrupted
from edge.requests import VIEW_SOCKET

if TYPE_CHECKING:
    from edge.events import Fact
    from edge.ports import Bus
    from edge.replaying import Total, Word

sensor = typer.Typer(
    help="Look at the infrared thermometer, record its bus, replay a recording. The button is never stopped for it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

EveryMs = Annotated[int, typer.Option(min=150, max=5000, help="How often to read, in milliseconds.")]
Seconds = Annotated[float | None, typer.Option(min=0.1, help="For how long; until Ctrl-C if nothing is said.")]


@sensor.command(epilog="Example: gatepost sensor record session.jsonl --config FILE --seconds 60")
def record(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The recording; it must not exist yet.")],
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The settings, with [thermometer].")],
    seconds: Seconds = None,
    every_ms: EveryMs = 1000,
) -> None:
    """Read the sensor and write every transfer on its bus to a file, one JSON object a line.

    The daemon may go on: the kernel keeps the transfers of two programs apart. Exit code 4 when the bus is not there.
    """
    import msgspec

    from edge.drivers.capture import RecordingBus, Transfer

    try:
        lines = file.open("xb", buffering=0)
    except FileExistsError:
        raise typer.BadParameter(f"{file} exists; name another file") from None
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}; name a file in another directory") from error
    transfers: list[Transfer] = []

    def write() -> None:
        """Not from within a transfer: a full card must not look like a fault on the bus."""
        try:
            lines.write(b"".join(msgspec.json.encode(transfer) + b"\n" for transfer in transfers))
        except OSError as error:
            raise StorageError(f"{file} cannot be written: {error.strerror}; free some space") from error
        transfers.clear()

    def told(fact: Fact) -> None:
        write()
        _show(fact)

    try:
        with lines, until_interrupted():
            _measure(config, every_ms, seconds, told, lambda bus: RecordingBus(bus, _now_us, transfers.append))
            write()
    finally:
        if file.stat().st_size == 0:
            file.unlink()  # nothing was recorded: the same command may be tried again


@sensor.command(epilog="Example: gatepost sensor replay session.jsonl")
def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What gatepost sensor record wrote.")],
    json: Json = False,
) -> None:
    """Show what the driver makes of a recording: every word, every reading, and the share of what was refused."""
    from edge import replaying
    from edge.drivers import capture

    try:
        transfers = capture.lines_of(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise typer.BadParameter(f"{file}: {error}") from error
    _be_quiet()
    with until_interrupted():
        for one in replaying.replay(transfers):
            if json:
                print_json({type(one).__name__.lower(): one})
            elif isinstance(one, replaying.Word):
                typer.echo(_word(one))
            elif isinstance(one, replaying.Total):
                typer.echo(_total(one))
            else:
                _show(one)


@sensor.command(epilog="Example: gatepost sensor watch")
def watch(
    json: Json = False,
    config: Config = None,
    runtime_directory: Directory = None,
    seconds: Seconds = None,
    every_ms: EveryMs = 1000,
) -> None:
    """Show what the sensor says, until Ctrl-C (exit code 0).

    Where the daemon runs, it is asked, and the bus is left alone. Where none runs and --config is given, the sensor is
    read from here.
    """
    path = directory_of(config, runtime_directory) / VIEW_SOCKET
    with until_interrupted():
        try:
            _watch_daemon(path, every_ms, seconds, json)
        except NotReachableError:
            if config is None or (path.exists() and not os.access(path, os.W_OK)):
                raise
            typer.echo("No daemon answers: reading the sensor from here.", err=True)
            _measure(config, every_ms, seconds, print_json if json else _show, lambda bus: bus)


def _watch_daemon(path: Path, every_ms: int, seconds: float | None, json: bool) -> None:
    """Ask the daemon again and again; say what has changed."""
    client = Client(path)
    end_s = None if seconds is None else time.monotonic() + seconds
    shown = None
    while True:
        kiosk = client.ask("status").get("kiosk")
        if kiosk is None:
            raise RefusedError("this gate's daemon has no thermometer: its settings have no [thermometer] table")
        said = kiosk.get("sensor", {})
        if said != shown:
            shown = said
            if json:
                print_json(said)
            else:
                typer.echo(time.strftime("%H:%M:%S  ") + _said(said))
        if end_s is not None and time.monotonic() >= end_s:
            return
        time.sleep(every_ms / 1000)


def _measure(
    config: Path,
    every_ms: int,
    seconds: float | None,
    show: Callable[[Fact], None],
    around: Callable[[Bus], Bus],
) -> None:
    """Read the sensor from here with the gate's own hand, until the time is over or Ctrl-C."""
    from edge import sensing, settings
    from edge.drivers.clock import SystemClock
    from edge.drivers.i2c import I2cBus
    from edge.ports import BusError

    _be_quiet()
    loaded = settings.load(config)
    if loaded.thermometer is None:
        raise SettingsError([f"{config}: thermometer: given nothing; allowed: a table that names the sensor's part"])
    clock = SystemClock(loaded.clock)
    bus = I2cBus(loaded.thermometer.i2c_bus, clock)
    try:
        bus.open()
    except BusError as error:
        raise DeviceError(
            f"{error}. Switch I2C on (raspi-config, Interface Options), check thermometer.i2c_bus, and let the user"
            " into group i2c."
        ) from error
    end_ms = None if seconds is None else clock.now_ms() + round(seconds * 1000)

    def told(fact: Fact) -> None:
        show(fact)
        if end_ms is not None and clock.now_ms() >= end_ms:
            hand.close()

    hand = sensing.thermopile(loaded.thermometer, clock, told, _tried_again, around(bus))
    hand.measure_every(every_ms)
    hand.run()


def _now_us() -> int:
    return time.monotonic_ns() // 1_000


def _be_quiet() -> None:
    """What the drivers would write to a journal is shown here in a better way."""
    logging.getLogger("edge").addHandler(logging.NullHandler())


def _tried_again(what: str) -> None:
    typer.echo(f"             {what}", err=True)


# --- words ----------------------------------------------------------------------------------------------------------


def _show(fact: Any) -> None:
    """One reading, or that there was none."""
    from edge.measuring import ReferenceRead, SkinMissed, SkinRead

    text = f"{'':4}-> {fact}"
    match fact:
        case SkinRead():
            text = f"{'':4}-> sees {fact.object_celsius:.2f}, is itself {fact.ambient_celsius:.2f} degrees"
        case SkinMissed():
            text = f"{'':4}-> no reading: {fact.reason}"
        case ReferenceRead():
            text = f"{'':4}-> reference {fact.celsius:.2f} degrees"
    typer.echo(text)


def _word(word: Word) -> str:
    bytes_read = "-" if word.read is None else word.read
    verdict = f"refused: {word.refused}" if word.refused else "" if word.celsius is None else f"{word.celsius:.2f}"
    return f"{word.at_us / 1_000_000:10.3f} s  0x{word.address:02X} {word.what:9} {bytes_read:6}  {verdict}"


def _total(total: Total) -> str:
    def counts(reasons: Any) -> str:
        return ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items())) or "none"

    lines = [
        f"{total.words} words, {total.word_error_share:.1%} refused: {counts(total.refused)}",
        f"{total.readings} readings, {total.reading_error_share:.1%} missed: {counts(total.missed)}",
    ]
    if total.object_celsius is not None:
        lowest, middle, highest = total.object_celsius
        lines.append(f"saw {lowest:.2f} to {highest:.2f} degrees, median {middle:.2f}, corrected for nothing")
    return "\n".join(lines)


def _said(sensor: dict[str, Any]) -> str:
    """What the daemon's view says of its sensor; whatever it lacks is not claimed."""
    names = {
        "ambient_celsius": "is itself {} degrees",
        "error_share": "error share {}",
        "detector": "faces by {}",
    }
    known = [text.format(sensor[key]) for key, text in names.items() if sensor.get(key) is not None]
    state = "FAULT" if sensor.get("fault") else "well"
    return ", ".join([state, *known])

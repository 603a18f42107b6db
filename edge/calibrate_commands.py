"""``gatepost calibrate``: the infrared thermometer against a reference, and the offset written to the settings."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.errors import DeviceError, NotReachableError, RefusedError, SettingsError, StorageError
from edge.options import SETTINGS_FILE, InLanguage, Json, SettingsFile, language, print_json, spoken

if TYPE_CHECKING:
    from edge.calibrating import Measured
    from edge.events import Fact
    from edge.kiosk_settings import ThermometerSettings
    from edge.languages import Language
    from edge.operator_identity import Operator

HELP = spoken(
    """Set the thermometer against a reference.

    The infrared sensor is compared with a known temperature, and thermometer.offset_celsius is set in the settings.

    The reference: a black body, or a dull black plate with a contact thermometer on it, at 33 to 38 degrees, that has
    been warm for ten minutes and fills all that the sensor sees. The daemon may go on.

    The line in the settings tells when and by whom; the gate's log as well. --dry-run only measures.

    Exit code 0 when the offset is set (or would be), 1 when the readings do not allow it.""",
    """用参考源校准测温。

    将红外传感器与已知温度比较，并把 thermometer.offset_celsius 写入设置。

    参考源：黑体，或贴有接触式温度计的哑光黑板，33 至 38 度，预热十分钟，并充满传感器的视野。主程序可以继续运行。

    设置文件的该行和校门记录都会写明时间和人员。--dry-run 只测量。

    退出码：0 已写入（或可以写入），1 读数不允许。""",
)
EXAMPLES = spoken(
    "Examples: sudo gatepost calibrate --reference 35.0    gatepost calibrate --reference 35.0 --dry-run --yes --json",
    "示例：sudo gatepost calibrate --reference 35.0    gatepost calibrate --reference 35.0 --dry-run --yes --json",
)

PATIENCE = 3
"""So many times as long as the readings should take, and the sensor is given up."""

Reference = Annotated[
    float,
    typer.Option(
        "--reference", min=20, max=45, help=spoken("The reference's temperature in degrees.", "参考源温度（度）。")
    ),
]
Emissivity = Annotated[
    float | None,
    typer.Option(
        "--emissivity", min=0.9, max=1.0, help=spoken("Of the reference; else as set.", "参考源的发射率，默认按设置。")
    ),
]
EveryMs = Annotated[int, typer.Option(min=150, max=5000, help=spoken("How often to read.", "读取间隔（毫秒）。"))]
Samples = Annotated[int, typer.Option("--samples", min=20, max=600, help=spoken("How many readings.", "读数个数。"))]
DryRun = Annotated[bool, typer.Option("--dry-run", help=spoken("Measure, and write nothing.", "只测量，不写入。"))]
Yes = Annotated[bool, typer.Option("--yes", help=spoken("Ask nothing.", "不询问。"))]


def calibrate(
    reference: Reference, samples: Samples = 30, every_ms: EveryMs = 500, emissivity: Emissivity = None,
    dry_run: DryRun = False, yes: Yes = False, json: Json = False, given: InLanguage = None,
    config: SettingsFile = SETTINGS_FILE,
) -> None:  # fmt: skip
    """Guide, measure, judge, write, tell."""
    from edge import calibrating, settings, skin
    from edge.operator_identity import operator

    spoken_in = language(given)
    loaded = settings.load(config)
    table = loaded.thermometer
    if table is None:
        raise SettingsError([f"{config}: thermometer: given nothing; allowed: a table that names the sensor's part"])
    if loaded.pins.factory == "mock":
        raise RefusedError("this gate's sensor is simulated: calibrate a real one")
    if not dry_run and not os.access(config, os.W_OK):
        raise StorageError(f"{config} cannot be written: Permission denied; use sudo, or --dry-run to measure only")
    if not yes:
        _say(_guide(reference, spoken_in))
        typer.confirm({"en": "Ready?", "zh": "准备好了吗？"}[spoken_in], abort=True, err=True)
    reads, missed = _read(table, samples, every_ms, quiet=json)
    of_reference = table.emissivity if emissivity is None else emissivity
    measured = calibrating.judged(
        reads, missed, skin.PARTS[table.part], table.supply_volts, of_reference, reference
    )  # fmt: skip
    result = {"result": "FAIL" if measured.wrong else "PASS", "before_celsius": table.offset_celsius, "written": False}
    if not json:
        _say(_words(measured, table.offset_celsius, spoken_in))
    if not measured.wrong and not dry_run:
        if not yes:
            typer.confirm({"en": "Write it?", "zh": "写入吗？"}[spoken_in], abort=True, err=True)
        who = operator()
        _write(config, measured, reference, table.offset_celsius, who)
        result["written"] = True
        told = _tell(Path(loaded.gate.runtime_directory), measured, reference, table.offset_celsius, who)
        if not json:
            _say(_done(config, told, spoken_in))
    if json:
        print_json({**result, **_plain(measured, spoken_in)})
    raise typer.Exit(1 if measured.wrong else 0)


def _read(table: ThermometerSettings, samples: int, every_ms: int, *, quiet: bool) -> tuple[list[Any], int]:
    """So many readings with the gate's own hand, and how many failed meanwhile. Raises DeviceError."""
    from edge import sensing
    from edge.drivers.clock import SystemClock
    from edge.drivers.i2c import I2cBus
    from edge.measuring import SkinMissed, SkinRead
    from edge.ports import BusError
    from edge.settings import ClockSettings

    logging.getLogger("edge").addHandler(logging.NullHandler())  # what fails is counted and told here
    clock = SystemClock(ClockSettings())
    bus = I2cBus(table.i2c_bus, clock)
    try:
        bus.open()
    except BusError as error:
        raise DeviceError(f"{error}. Use sudo, or join the group i2c; look at: gatepost doctor --only i2c") from error
    reads: list[SkinRead] = []
    failed = 0
    end_s = time.monotonic() + PATIENCE * samples * every_ms / 1000

    def told(fact: Fact) -> None:
        nonlocal failed
        match fact:
            case SkinRead():
                reads.append(fact)
                if not quiet:
                    sys.stderr.write(f"\r{len(reads)}/{samples}  {fact.object_celsius:.2f}  ")
            case SkinMissed():
                failed += 1
        if len(reads) >= samples or time.monotonic() >= end_s:
            hand.close()

    hand = sensing.thermopile(table, clock, told, lambda _why: None, bus)
    hand.measure_every(every_ms)
    hand.run()
    if not quiet:
        sys.stderr.write("\n")
    return reads, failed


def _write(config: Path, measured: Measured, reference: float, before: float, who: Operator) -> None:
    """The settings with the new offset, in the old file's place. Raises SettingsError, StorageError."""
    from edge import settings, settings_edit
    from edge.settings_file import replace_text

    comment = (
        f"{time.strftime('%Y-%m-%d %H:%M %z')} by {who}: {measured.samples} readings of a reference of"
        f" {reference:.2f} degrees, before {before:+.2f}"
    )
    try:
        text = config.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{config} cannot be read: {error}; look at the file") from error
    changed = settings_edit.with_number(
        text, "thermometer", "offset_celsius", measured.offset_celsius, comment, after="part"
    )
    settings.parse(changed, str(config))
    replace_text(config, changed)


def _tell(runtime_directory: Path, measured: Measured, reference: float, before: float, who: Operator) -> bool:
    """Have the daemon write it into the gate's log; whether it did."""
    from edge.client import Client
    from edge.requests import CONTROL_SOCKET

    try:
        Client(runtime_directory / CONTROL_SOCKET).ask(
            "calibrated", by=who.name, key_fingerprint=who.key_fingerprint, before_celsius=before,
            offset_celsius=measured.offset_celsius, reference_celsius=reference, samples=measured.samples,
        )  # fmt: skip
    except (NotReachableError, RefusedError) as error:
        sys.stderr.write(f"The gate's log was not told: {error}\n")
        return False
    return True


def _plain(measured: Measured, spoken_in: Language) -> dict[str, object]:
    """What was measured, for programs."""
    return {
        "offset_celsius": measured.offset_celsius,
        "seen_celsius": round(measured.seen_celsius, 2),
        "spread_celsius": round(measured.spread_celsius, 3),
        "samples": measured.samples,
        "wrong": [text.of(spoken_in) for text in measured.wrong],
    }


# --- words ----------------------------------------------------------------------------------------------------------


def _say(text: str) -> None:
    typer.echo(text)


def _guide(reference: float, spoken_in: Language) -> str:
    from edge.languages import Text

    return Text(
        f"1. Warm the reference to {reference:.2f} degrees and wait ten minutes.\n"
        "2. Hold it where a forehead would be, so near that the sensor sees nothing else.\n"
        "3. Keep sun, wind and hands off the sensor until the last reading.",
        f"1. 把参考源加热到 {reference:.2f} 度，等待十分钟。\n"
        "2. 放在额头的位置，近到传感器只看到它。\n"
        "3. 到最后一个读数之前，避免阳光、风和手影响传感器。",
    ).of(spoken_in)


def _words(measured: Measured, before: float, spoken_in: Language) -> str:
    from edge.languages import Text

    if measured.wrong:
        head = Text("FAIL: these readings do not allow a calibration:", "FAIL：这些读数不能用于校准：").of(spoken_in)
        return "\n".join([head, *(f"  - {text.of(spoken_in)}" for text in measured.wrong)])
    return Text(
        f"The sensor says {measured.seen_celsius:.2f} (spread {measured.spread_celsius:.2f},"
        f" {measured.samples} readings): offset_celsius = {measured.offset_celsius:+.2f}, until now {before:+.2f}.",
        f"传感器读数 {measured.seen_celsius:.2f}（波动 {measured.spread_celsius:.2f}，{measured.samples} 个读数）。"
        f"offset_celsius = {measured.offset_celsius:+.2f}，此前为 {before:+.2f}。",
    ).of(spoken_in)


def _done(config: Path, told: bool, spoken_in: Language) -> str:
    from edge.languages import NOTHING, Text

    log = NOTHING if not told else Text(" The gate's log has it.", "校门记录已写入。")
    return Text(
        f"Written to {config}.{log.en} It holds from the daemon's next start: sudo systemctl restart gatepost, while"
        " nobody needs the button.",
        f"已写入 {config}。{log.zh}下次启动主程序后生效：sudo systemctl restart gatepost，请在不需要按钮时进行。",
    ).of(spoken_in)

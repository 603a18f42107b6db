"""Every setting of a gate: its unit (in the name), range and default. Parsed once, at start.

A mistake never hides another: ``load`` gathers all of them and says file, key, what was given and what is allowed.
A relative path in a settings file is taken from the file's own directory.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from edge.claim import SETTLE_MS_MIN, settle_ms
from edge.errors import SettingsError
from edge.kiosk_settings import CameraSettings, KioskSettings, PrivacySettings, ThermometerSettings
from edge.selftest_settings import SelfTestSettings, check_selftest
from edge.setting_types import FilePath, Gpio, Host, Name, Table
from edge.tables import Mistakes, check

FILE_BYTES_MAX = 1_000_000  # the fully commented file is about 10,000; this stops a device file given by mistake


class Gate(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where this gate stands, and where it keeps its things. Names are 1 to 40 of a-z, 0-9 and '-'."""

    county: Annotated[Name, Meta(description="the county in every topic")]
    school: Annotated[Name, Meta(description="the school in every topic")]
    gate: Annotated[Name, Meta(description="this gate in every topic")]
    state_directory: FilePath = "/var/lib/gatepost"
    runtime_directory: FilePath = "/run/gatepost"


class Pins(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which library drives the pins. Named, never found by fallback: ``lgpio`` on a gate, ``mock`` on a bench."""

    factory: Literal["lgpio", "mock"] = "lgpio"


class ButtonSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The panic button: a contact to ground, pulled up."""

    key_gpio: Annotated[Gpio, Meta(description="the panic button's contact to ground")]
    normally_closed_gpio: Gpio | None = None
    confirm_ms: Annotated[int, Meta(ge=0, le=40)] = 10
    release_ms: Annotated[int, Meta(ge=10, le=500)] = 50
    disagree_ms: Annotated[int, Meta(ge=100, le=900)] = 500
    stuck_s: Annotated[int, Meta(ge=5, le=3600)] = 60
    poll_ms: Annotated[int, Meta(ge=20, le=100)] = 50


class ResetSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The optional reset key: a contact to ground."""

    key_gpio: Annotated[Gpio, Meta(description="the reset key's contact to ground")]


class LampSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The guard's lamps, driven high."""

    status_gpio: Annotated[Gpio, Meta(description="the lamp that shows how far the alarm got")]
    fault_gpio: Annotated[Gpio, Meta(description="the lamp that says something is wrong")]


class SirenSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The optional siren. Silent unless made audible (Contact ID 122 and 123)."""

    relay_gpio: Annotated[Gpio, Meta(description="the siren's relay")]
    mode: Literal["silent", "audible"] = "silent"
    sound_s_max: Annotated[int, Meta(ge=1, le=1800)] = 180


class AlarmSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When an alarm is done, and when its failure to communicate is said (Contact ID 354)."""

    done_on: Literal["receipt", "broker"] = "receipt"
    communicate_s_max: Annotated[int, Meta(ge=5, le=240)] = 30


class StoreSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The event log. Alarms are never evicted; routine events drop oldest first above the limit."""

    routine_events_max: Annotated[int, Meta(ge=1000, le=5_000_000)] = 200_000


class BrokerSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One broker. The first listed is preferred; alarms without a receipt also go by the next."""

    name: Annotated[Name, Meta(description="the broker's name in logs and views")]
    host: Annotated[Host, Meta(description="where the broker is")]
    port: Annotated[int, Meta(ge=1, le=65535)] = 8883
    tls: bool = True
    ca_file: FilePath | None = None
    certificate_file: FilePath | None = None
    private_key_file: FilePath | None = None
    username: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    password_file: FilePath | None = None
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    keepalive_s: Annotated[int, Meta(ge=5, le=120)] = 15
    connect_s_max: Annotated[int, Meta(ge=1, le=30)] = 5


class CentreSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose signature makes a word the centre's. With a key, what is not signed by it is refused."""

    public_key_file: FilePath | None = None


class UplinkSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Pace and patience towards the centre."""

    heartbeat_s: Annotated[int, Meta(ge=5, le=30)] = 30
    probe_s: Annotated[int, Meta(ge=2, le=30)] = 10
    acknowledge_s_max: Annotated[int, Meta(ge=1, le=60)] = 10
    failover_s: Annotated[int, Meta(ge=1, le=60)] = 5
    reconnect_s_max: Annotated[int, Meta(ge=1, le=300)] = 60
    flight_events_max: Annotated[int, Meta(ge=1, le=16)] = 16


class ClockSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the gate knows that its wall clock is set: the kernel's word, or a file touched each time it is.

    Where the service may not ask the kernel (ProtectClock=, as in the unit that comes with this), the file counts.
    """

    source: Literal["kernel", "file"] = "kernel"
    synced_file: FilePath = "/run/systemd/timesync/synchronized"
    # systemd-timesyncd corrects every 2048 s at the longest, and the kernel's bound grows by 500 us a second: 1024 ms.
    error_ms_max: Annotated[int, Meta(ge=10, le=60_000)] = 2000


class UpdateSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``gatepost update``: whose signature counts, and how long a new version has to prove itself."""

    key_file: FilePath | None = None
    receipt_s_max: Annotated[int, Meta(ge=30, le=3600)] = 300
    arm_s_max: Annotated[int, Meta(ge=3, le=60)] = 6


class LogSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What goes to the journal."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole settings file."""

    gate: Gate
    pins: Pins = msgspec.field(default_factory=Pins)
    button: ButtonSettings
    lamps: LampSettings
    reset: ResetSettings | None = None
    siren: SirenSettings | None = None
    alarm: AlarmSettings = msgspec.field(default_factory=AlarmSettings)
    store: StoreSettings = msgspec.field(default_factory=StoreSettings)
    broker: Annotated[list[BrokerSettings], Meta(min_length=1, max_length=4)]
    centre: CentreSettings = msgspec.field(default_factory=CentreSettings)
    uplink: UplinkSettings = msgspec.field(default_factory=UplinkSettings)
    clock: ClockSettings = msgspec.field(default_factory=ClockSettings)
    update: UpdateSettings = msgspec.field(default_factory=UpdateSettings)
    log: LogSettings = msgspec.field(default_factory=LogSettings)
    selftest: SelfTestSettings = msgspec.field(default_factory=SelfTestSettings)
    thermometer: ThermometerSettings | None = None
    camera: CameraSettings | None = None
    kiosk: KioskSettings | None = None
    privacy: PrivacySettings = msgspec.field(default_factory=PrivacySettings)


def load(path: str | Path) -> Settings:
    """Read and check a settings file; relative paths in it become absolute. Raises SettingsError with every mistake."""
    file = Path(path)
    try:
        with file.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError([f"{file}: cannot be read: {reason}; give the path of a settings file"]) from error
    if len(content) > FILE_BYTES_MAX:
        raise SettingsError([f"{file}: too long: a settings file has at most {FILE_BYTES_MAX} bytes"])
    try:
        text = content.decode("utf-8-sig")  # some editors put a byte order mark in front
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError([f"{file}: line {line}: not UTF-8 text; save the file as UTF-8"]) from error
    settings = parse(text, str(file))
    return msgspec.convert(_absolute(msgspec.to_builtins(settings), file.resolve().parent), Settings, strict=True)


def parse(text: str, name: str) -> Settings:
    """Check a settings text; ``name`` stands for the file in messages. Leaves paths alone. Raises SettingsError."""
    mistakes = Mistakes(name)
    try:
        document = tomllib.loads(text)
        _check_rules(check(Settings, document, "", mistakes), mistakes)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{name}: {_where(str(error), text)}"]) from error
    except ValueError as error:  # a number of thousands of digits: Python neither reads nor prints it
        raise SettingsError([f"{name}: {str(error).partition(';')[0]}; correct the number there"]) from error
    except RecursionError as error:
        raise SettingsError([f"{name}: nested too deeply; a settings file has tables and keys, no more"]) from error
    if mistakes.lines:
        raise SettingsError(mistakes.lines)
    return msgspec.convert(document, Settings, strict=True)


def _where(reason: str, text: str) -> str:
    """TOML's complaint (``Expected '=' (at line 3, column 5)`` or ``... (at end of document)``), its line in front."""
    complaint, _, place = reason.rpartition(" (at ")
    place = place.rstrip(")")
    if not place.startswith("line "):
        place = f"line {text.count(chr(10), 0, len(text.rstrip())) + 1}, the last"
    return f"{place}: {complaint}; correct the TOML there"


def _absolute(tables: dict[str, Any], directory: Path) -> dict[str, Any]:
    for table in [*tables.values(), *tables["broker"]]:
        if isinstance(table, dict):
            for key, value in table.items():
                if key.endswith(("_file", "_directory")) and value is not None:
                    table[key] = str(directory / value)
    return tables


def _check_rules(good: Mapping[str, Any], mistakes: Mistakes) -> None:
    """What no single key can tell. A rule about a key that is wrong in itself keeps quiet."""
    _check_gpios(good, mistakes)
    gate = good.get("gate", {})
    if {"state_directory", "runtime_directory"} <= gate.keys():
        state, runtime = Path(gate["state_directory"]), Path(gate["runtime_directory"])
        if state == runtime or runtime in state.parents:
            # systemd empties the runtime directory at every stop, and a power cut does too.
            mistakes.add("gate.state_directory", repr(str(state)), "a directory outside gate.runtime_directory")
    kiosk = good.get("kiosk") or {}
    if kiosk.get("teacher_host") is not None and kiosk.get("teacher_token_file", "") is None:
        allowed = "a file: kiosk.teacher_host opens the teacher's page to the school's network"
        mistakes.add("kiosk.teacher_token_file", "nothing", allowed)
    check_selftest(good.get("selftest", {}), mistakes)
    _check_loopback(good, mistakes)
    _check_reference(good, mistakes)
    names: set[str] = set()
    for number, broker in enumerate(good.get("broker", ()), 1):
        _check_broker(broker, f"broker[{number}]", mistakes)
        if broker.get("name") in names:
            mistakes.add(f"broker[{number}].name", repr(broker["name"]), "a name that no other broker has")
        names |= {broker["name"]} if "name" in broker else set()


def _check_reference(good: Mapping[str, Any], mistakes: Mistakes) -> None:
    thermometer = good.get("thermometer") or {}
    reference, address = thermometer.get("reference", "none"), thermometer.get("i2c_address")
    if reference != "none" and address is not None and address == thermometer.get("reference_address"):
        allowed = f"another address than the infrared sensor's: thermometer.i2c_address is {address} on the same bus"
        mistakes.add("thermometer.reference_address", str(address), allowed)
    presence = thermometer.get("presence", "camera")
    if reference == "black_body" and (presence != "camera" or good.get("camera", {}) is None):
        # As warm as skin, it leaves the sensor no jump to see a face by.
        allowed = 'presence = "camera" and a table [camera]: the sensor alone cannot tell a face from the black body'
        mistakes.add("thermometer.reference", "'black_body'", allowed)


def _check_loopback(good: Mapping[str, Any], mistakes: Mistakes) -> None:
    """A relay must have time to let go before a quick press could end beside it."""
    confirm_ms = good.get("button", {}).get("confirm_ms")
    fitted = good.get("selftest", {}).get("loopback_gpio") is not None
    if fitted and confirm_ms is not None and settle_ms(confirm_ms) < SETTLE_MS_MIN:
        most = next(ms for ms in range(confirm_ms, -1, -1) if settle_ms(ms) >= SETTLE_MS_MIN)
        allowed = f"at most {most} ms together with selftest.loopback_gpio: a quick press could hide beside the relay"
        mistakes.add("button.confirm_ms", str(confirm_ms), allowed)


def _check_gpios(good: Mapping[str, Any], mistakes: Mistakes) -> None:
    used: dict[int, str] = {}
    for key, gpio in _gpios(good):
        if gpio in used:
            mistakes.add(key, str(gpio), f"a GPIO number that no other key has ({used[gpio]} has {gpio})")
        used.setdefault(gpio, key)


def _gpios(good: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for table, keys in good.items():
        if isinstance(keys, dict):
            for key, value in keys.items():
                if key.endswith("_gpio") and value is not None:
                    yield f"{table}.{key}", value


_TOGETHER = (
    ("certificate_file", "private_key_file"),
    ("private_key_file", "certificate_file"),
    ("username", "password_file"),
    ("password_file", "username"),
)


def _check_broker(broker: Mapping[str, Any], where: str, mistakes: Mistakes) -> None:
    given = {key for key, value in broker.items() if value is not None}
    missing = {key for key, value in broker.items() if value is None}
    for one, other in _TOGETHER:
        if one in given and other in missing:
            mistakes.add(f"{where}.{other}", "nothing", f"a value: {where}.{one} is of no use without it")
    if broker.get("tls") is True and "ca_file" in missing:
        allowed = "the file of the authority that signed the broker's certificate, or tls = false without encryption"
        mistakes.add(f"{where}.ca_file", "nothing", allowed)
    if broker.get("tls") is False:
        for key in ("ca_file", "certificate_file"):
            if key in given:
                mistakes.add(f"{where}.{key}", repr(broker[key]), "only together with tls = true")

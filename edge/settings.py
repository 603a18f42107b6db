"""Every setting of a gate: its unit (in the name), range and default. Parsed once, at start.

A mistake never hides another: ``load`` gathers all of them and says file, key, what was given and what is allowed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Gpio = Annotated[int, Meta(ge=0, le=27)]
FilePath = Annotated[str, Meta(min_length=1, max_length=4096)]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all tables of the settings file."""


class Gate(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where this gate stands, and where it keeps its things. Names are 1 to 40 of a-z, 0-9 and '-'."""

    county: Name
    school: Name
    gate: Name
    state_directory: FilePath = "/var/lib/gatepost"
    runtime_directory: FilePath = "/run/gatepost"


class Pins(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which library drives the pins. Named, never found by fallback: ``lgpio`` on a gate, ``mock`` on a bench."""

    factory: Literal["lgpio", "mock"] = "lgpio"


class ButtonSettings(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The panic button: a contact to ground, pulled up."""

    key_gpio: Gpio
    normally_closed_gpio: Gpio | None = None
    confirm_ms: Annotated[int, Meta(ge=0, le=40)] = 10
    release_ms: Annotated[int, Meta(ge=10, le=500)] = 50
    disagree_ms: Annotated[int, Meta(ge=100, le=900)] = 500
    stuck_s: Annotated[int, Meta(ge=5, le=3600)] = 60
    poll_ms: Annotated[int, Meta(ge=20, le=100)] = 50


class ResetSettings(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The optional reset key: a contact to ground."""

    key_gpio: Gpio


class LampSettings(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The guard's lamps, driven high."""

    status_gpio: Gpio
    fault_gpio: Gpio


class SirenSettings(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The optional siren. Silent unless made audible (Contact ID 122 and 123)."""

    relay_gpio: Gpio
    mode: Literal["silent", "audible"] = "silent"
    sound_s_max: Annotated[int, Meta(ge=1, le=1800)] = 180


class AlarmSettings(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When an alarm is done, and when its failure to communicate is said (Contact ID 354)."""

    done_on: Literal["receipt", "broker"] = "receipt"
    communicate_s_max: Annotated[int, Meta(ge=5, le=240)] = 30


class StoreSettings(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The event log. Alarms are never evicted; routine events drop oldest first above the limit."""

    routine_events_max: Annotated[int, Meta(ge=1000, le=5_000_000)] = 200_000


class BrokerSettings(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One broker. The first listed is preferred; alarms without a receipt also go by the next."""

    name: Name
    host: Annotated[str, Meta(min_length=1, max_length=253)]
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


class UplinkSettings(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Pace and patience towards the centre."""

    heartbeat_s: Annotated[int, Meta(ge=5, le=30)] = 30
    probe_s: Annotated[int, Meta(ge=2, le=30)] = 10
    acknowledge_s_max: Annotated[int, Meta(ge=1, le=60)] = 10
    failover_s: Annotated[int, Meta(ge=1, le=60)] = 5
    reconnect_s_max: Annotated[int, Meta(ge=1, le=300)] = 30
    flight_events_max: Annotated[int, Meta(ge=1, le=16)] = 16


class ClockSettings(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the gate knows that its wall clock is set: the kernel's word, or a file that exists once it is."""

    source: Literal["kernel", "file"] = "kernel"
    synced_file: FilePath = "/run/systemd/timesync/synchronized"
    error_ms_max: Annotated[int, Meta(ge=10, le=60_000)] = 1000


class LogSettings(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What goes to the journal."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(_Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
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
    uplink: UplinkSettings = msgspec.field(default_factory=UplinkSettings)
    clock: ClockSettings = msgspec.field(default_factory=ClockSettings)
    log: LogSettings = msgspec.field(default_factory=LogSettings)


def load(path: str | Path) -> Settings:
    """Read and check a settings file. Raises SettingsError with every mistake in it."""
    raise NotImplementedError


def parse(text: str, name: str) -> Settings:
    """Check a settings text; ``name`` stands for the file in messages. Raises SettingsError."""
    raise NotImplementedError

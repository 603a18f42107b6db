"""What the settings say to each machine of the brain, and which line each contact is on."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from edge import __version__, alarm, contact, kiosk_rules, links, schedule, school_days, selftest, state, uplink
from edge.drivers.bench import Bench
from edge.errors import SettingsError
from edge.events import Contact
from edge.evidence import Fitted
from edge.selftest_rules import schedule_rules_of
from edge.settings import Settings


def contacts_of(settings: Settings) -> dict[Contact, int]:
    """The fitted contacts and their lines (BCM numbers)."""
    gpios = {Contact.KEY: settings.button.key_gpio}
    if settings.button.normally_closed_gpio is not None:
        gpios[Contact.KEY_NC] = settings.button.normally_closed_gpio
    if settings.reset is not None:
        gpios[Contact.RESET] = settings.reset.key_gpio
    return gpios


def selftest_of(settings: Settings) -> selftest.SelfTestRules:
    """What a self-test can exercise at this gate, and how its report names software and settings."""
    test, siren = settings.selftest, settings.siren is not None
    return selftest.SelfTestRules(
        fitted=Fitted(
            brokers=tuple(broker.name for broker in settings.broker),
            receipts=settings.alarm.done_on == "receipt",
            loopback=test.loopback_gpio is not None,
            supervised=settings.button.normally_closed_gpio is not None,
            siren=siren,
            siren_sense=siren and test.siren_sense_gpio is not None,
            lamp_sense=test.lamp_sense_gpio is not None,
            thermometer=settings.thermometer is not None,
            ledger=True,
            officer_ms=test.officer_s_max * 1000,
        ),
        confirm_ms=settings.button.confirm_ms,
        software=__version__,
        configuration=sha256(msgspec.json.encode(settings)).hexdigest()[:16],
    )


def schedule_of(settings: Settings) -> tuple[schedule.ScheduleRules | None, str | None]:
    """When this gate tests itself, and what is wrong with its calendar: without one, no day is a holiday.

    None where this machine has lost its time zones: the button works on, and no test is planned.
    """
    test, gate, problem, holidays = settings.selftest, settings.gate, None, frozenset[int]()
    if test.calendar_file is not None:
        try:
            holidays = school_days.read(test.calendar_file)
        except SettingsError as error:
            problem = str(error)
    try:
        return schedule_rules_of(test, f"{gate.county}/{gate.school}/{gate.gate}", holidays), problem
    except ValueError as error:
        return None, f"no self-test is planned: {error}"


def rules_of(
    settings: Settings, seed: str, tests: schedule.ScheduleRules | None = None, *, power_is_new: bool = False
) -> state.Rules:
    """What the settings say to each machine. ``seed`` spreads the dials of a county's gates; ``tests``: when.

    ``power_is_new``: it may have come back to the whole county.
    """
    button, up = settings.button, settings.uplink
    names = tuple(broker.name for broker in settings.broker)
    on_broker = settings.alarm.done_on == "broker"
    siren = settings.siren
    return state.Rules(
        selftest=selftest_of(settings),
        schedule=tests,
        contact=contact.ContactRules(
            confirm_ms=button.confirm_ms,
            release_ms=button.release_ms,
            disagree_ms=button.disagree_ms,
            stuck_ms=button.stuck_s * 1000,
            supervised=button.normally_closed_gpio is not None,
        ),
        alarm=alarm.AlarmRules(
            done_on_broker=on_broker,
            communicate_ms=settings.alarm.communicate_s_max * 1000,
            audible=siren is not None and siren.mode == "audible",
            siren_ms_max=180_000 if siren is None else siren.sound_s_max * 1000,
        ),
        links=links.LinkRules(
            brokers=names,
            mqtt5_first=tuple(broker.protocol != "3.1.1" for broker in settings.broker),
            mqtt3_allowed=tuple(broker.protocol != "5" for broker in settings.broker),
            heartbeat_ms=up.heartbeat_s * 1000,
            probe_ms=up.probe_s * 1000,
            acknowledge_ms=up.acknowledge_s_max * 1000,
            reconnect_ms_max=up.reconnect_s_max * 1000,
            flight_max=up.flight_events_max,
            jitter_seed=int(seed, 16),
            spread_start=power_is_new,
        ),
        uplink=uplink.UplinkRules(
            brokers=names,
            done_on_broker=on_broker,
            failover_ms=up.failover_s * 1000,
            reserve=links.ALARM_FLIGHT_MAX,
        ),
        kiosk=state.KioskRules(
            thermometer=None
            if settings.thermometer is None
            else kiosk_rules.rules_of(settings.thermometer, settings.camera, settings.privacy),
            alarm_pictures=settings.camera is not None and settings.camera.alarm_pictures,
            kept_days=settings.privacy.temperature_kept_days,
        ),
    )


def bench_of(settings: Settings, pin_factory: Any) -> Bench:
    """The wires of a bench: the key, the loopback across it, and what senses lamp and siren, where they are named."""
    test = settings.selftest
    senses = {}
    if test.lamp_sense_gpio is not None:
        senses[settings.lamps.status_gpio] = test.lamp_sense_gpio
    if settings.siren is not None and test.siren_sense_gpio is not None:
        senses[settings.siren.relay_gpio] = test.siren_sense_gpio
    return Bench(contacts_of(settings), pin_factory, test.loopback_gpio, senses)

"""Everything a gate knows, in one value: the state that ``core.step`` takes and gives back."""

from __future__ import annotations

from collections.abc import Mapping

from edge import alarm, contact, health, links, schedule, selftest, thermometer, timekeeping, uplink
from edge.certificate_words import CertificateRead
from edge.crowd import Member
from edge.events import Boot, ShowLamp, StoreOpened, Value
from edge.measuring import CrowdKept, Verdict
from edge.screening import ThermometerRules


class KioskRules(Value, frozen=True):
    """Settings of the kiosk. ``thermometer`` None: a gate without one. ``kept_days``: how long temperatures stay."""

    thermometer: ThermometerRules | None = None
    alarm_pictures: bool = False
    kept_days: int = 14


class Kiosk(Value, frozen=True):
    """The kiosk's side of a gate. ``ticked_ms``: when time last passed for it; ``forgot_ms``: the last deletion.

    ``crowd_awaited`` is the crowd of an earlier life until its age can be told. ``crowd_written`` is the one that the
    store holds, None where that is another's; ``today_written`` are the day's counts kept with it, ``crowd_written_ms``
    is when they were given.
    """

    rules: KioskRules = KioskRules()
    thermometer: thermometer.Thermometer | None = None
    ticked_ms: int = 0
    forgot_ms: int | None = None
    crowd_awaited: CrowdKept | None = None
    crowd_written: tuple[Member, ...] | None = ()
    today_written: Mapping[Verdict, int] = {}
    crowd_written_ms: int | None = None


class Rules(Value, frozen=True):
    """What the settings say to each machine. ``schedule`` None: the gate tests itself only when it is asked to."""

    contact: contact.ContactRules = contact.ContactRules()
    alarm: alarm.AlarmRules = alarm.AlarmRules()
    links: links.LinkRules = links.LinkRules()
    uplink: uplink.UplinkRules = uplink.UplinkRules()
    kiosk: KioskRules = KioskRules()
    selftest: selftest.SelfTestRules = selftest.SelfTestRules()
    schedule: schedule.ScheduleRules | None = None


class State(Value, frozen=True):
    """Everything the gate knows. ``counter`` numbers the events of this boot.

    ``certificates``: what was read of each broker's, by its number; ``certificates_ms``: when their days were counted.
    """

    boot: Boot
    contacts: contact.Contacts
    alarm: alarm.Alarm
    links: links.Links
    uplink: uplink.Uplink
    clock: timekeeping.Timekeeping
    health: health.Health
    kiosk: Kiosk = Kiosk()
    test: selftest.SelfTest = selftest.SelfTest()
    schedule: schedule.Schedule | None = None
    counter: int = 0
    armed: bool = False
    opened: StoreOpened | None = None
    restarted: bool = False
    lamp: ShowLamp | None = None
    alive_ms: int | None = None
    certificates: dict[int, CertificateRead] = {}
    certificates_ms: int = 0
    now_ms: int = 0


def parts(state: State) -> tuple[object, ...]:
    """All that is known but the time, field by field. Where each is the same object as before, nothing has changed."""
    return tuple(getattr(state, name) for name in state.__struct_fields__ if name != "now_ms")


def begin(boot: Boot, rules: Rules, now_ms: int) -> State:
    """The state at start. The first fact should be a ClockRead, so that every event can be dated."""
    return State(
        boot=boot,
        contacts=contact.Contacts(rules=rules.contact),
        alarm=alarm.Alarm(rules=rules.alarm, kernel_boot=boot.kernel_boot, boot=boot.id),
        links=links.begin(rules.links, now_ms),
        uplink=uplink.Uplink(rules=rules.uplink),
        clock=timekeeping.Timekeeping(kernel_boot=boot.kernel_boot),
        health=health.Health(started_ms=now_ms),
        kiosk=Kiosk(
            rules.kiosk,
            None if rules.kiosk.thermometer is None else thermometer.begin(rules.kiosk.thermometer, now_ms),
        ),
        test=selftest.SelfTest(rules.selftest),
        schedule=None if rules.schedule is None else schedule.Schedule(rules.schedule),
        now_ms=now_ms,
    )

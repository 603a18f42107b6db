"""What a contact hand promises, run over every contact of gpiozero's on mock pins.

The simulator has no contact hand: its terminals are wires without a driver, and ``edge.sim.gate`` posts for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from edge.drivers.bench import Bench
from edge.drivers.button import LATE_MS_MAX, GpioContacts
from edge.drivers.clock import FixedClock
from edge.drivers.pins import open_factory
from edge.errors import DeviceError
from edge.events import Contact, ContactEdge, Fact, LevelRead, Origin

GPIOS = {Contact.KEY: 17, Contact.KEY_NC: 27, Contact.RESET: 5}


class StallingClock(FixedClock):
    """A clock whose reader may be made to stand still right after it has read it."""

    stalls_ms = 0

    def now_ms(self) -> int:
        told = super().now_ms()
        stalls_ms, self.stalls_ms = self.stalls_ms, 0
        self.advance(stalls_ms)
        return told


class Wiring:
    """Contacts on wires that a test moves. ``said`` is what was posted since it was last taken."""

    def __init__(self, pins: Any) -> None:
        self.pins = pins
        self.clock = StallingClock(1_000)
        self.said: list[Fact] = []
        self.contacts = GpioContacts(GPIOS, pin_factory=pins, clock=self.clock, post=self.said.append)
        self.bench = Bench(GPIOS, pins)

    def take(self) -> list[Fact]:
        taken = self.said[:]
        self.said.clear()
        return taken


@pytest.fixture
def pins() -> Iterator[Any]:
    factory = open_factory("mock")
    yield factory
    factory.close()


@pytest.fixture
def wiring(pins: Any) -> Iterator[Wiring]:
    made = Wiring(pins)
    made.take()
    yield made
    made.contacts.close()


@pytest.fixture(params=GPIOS, ids=lambda contact: contact.value)
def contact(request: pytest.FixtureRequest) -> Contact:
    return Contact(request.param)


def test_every_level_is_told_at_the_start(pins: Any) -> None:
    """Pulled up, nothing closed: with no edge to come, the brain would otherwise not know."""
    assert Wiring(pins).said[:3] == [LevelRead(contact, False, 1_000) for contact in GPIOS]


def test_an_edge_is_told_at_once_with_its_time_and_the_poll_has_nothing_to_add(
    wiring: Wiring, contact: Contact
) -> None:
    for closed in (not wiring.contacts.level(contact), wiring.contacts.level(contact)):
        wiring.clock.advance(7)
        wiring.bench.set(contact, closed=closed)
        (told,) = wiring.take()
        # How late it was heard is by the pins' own clock, which runs on here.
        assert isinstance(told, ContactEdge)
        assert replace(told, late_ms=0) == ContactEdge(contact, closed, wiring.clock.now_ms(), Origin.PERSON)
        assert 0 <= told.late_ms < LATE_MS_MAX
        assert wiring.contacts.level(contact) is closed
        wiring.contacts.poll()
        assert wiring.take() == []


def test_an_edge_that_is_heard_late_says_how_late(wiring: Wiring, contact: Contact) -> None:
    """The library hands the kernel's own date of an edge on."""
    pin = wiring.pins.pin(GPIOS[contact])
    pin.edges = "none"
    closed = not wiring.contacts.level(contact)
    wiring.bench.set(contact, closed=closed)
    pin._last_change -= 0.2
    pin._call_when_changed()
    (told,) = wiring.take()
    assert isinstance(told, ContactEdge)
    assert 200 <= told.late_ms < LATE_MS_MAX


def test_an_edge_is_dated_when_its_delay_was_measured_though_the_thread_stands_still_in_between(
    wiring: Wiring, contact: Contact
) -> None:
    """Else the two dates differ by the standstill, and a press of 60 ms would seem to have lasted none."""
    wiring.clock.stalls_ms = 60
    wiring.bench.set(contact, closed=not wiring.contacts.level(contact))
    (told,) = wiring.take()
    assert isinstance(told, ContactEdge)
    assert told.at_ms == 1_060
    assert told.late_ms < 60


def test_a_level_that_is_read_after_a_standstill_is_not_dated_before_it(wiring: Wiring) -> None:
    """Else a press that came and went before it would count once more."""
    wiring.contacts.look(Contact.KEY)
    wiring.clock.stalls_ms = 60
    wiring.contacts.poll()
    assert wiring.take() == [LevelRead(Contact.KEY, False, 1_060)]


def test_a_level_whose_edge_was_lost_is_found_by_the_poll_and_told_once(wiring: Wiring, contact: Contact) -> None:
    wiring.pins.pin(GPIOS[contact]).edges = "none"
    closed = not wiring.contacts.level(contact)
    wiring.bench.set(contact, closed=closed)
    assert wiring.take() == []
    wiring.clock.advance(40)
    wiring.contacts.poll()
    wiring.contacts.poll()
    assert wiring.take() == [LevelRead(contact, closed, wiring.clock.now_ms())]


def test_a_look_that_is_asked_for_is_told_once_though_nothing_changed(wiring: Wiring, contact: Contact) -> None:
    wiring.contacts.look(contact)
    wiring.contacts.poll()
    wiring.contacts.poll()
    assert wiring.take() == [LevelRead(contact, wiring.contacts.level(contact), wiring.clock.now_ms())]


def test_every_bounce_is_passed_on(wiring: Wiring) -> None:
    """What counts as a press is for the brain to say. Mock pins do not debounce: of that only the setting shows."""
    assert wiring.pins.pin(GPIOS[Contact.KEY]).bounce is None
    for closed in (True, False, True, False, True):
        wiring.bench.set(Contact.KEY, closed=closed)
    assert [fact.closed for fact in wiring.take() if isinstance(fact, ContactEdge)] == [True, False, True, False, True]


def test_an_inbox_that_fails_does_not_end_the_librarys_thread(pins: Any) -> None:
    """An exception there would silence every later edge on every line."""
    said: list[Fact] = []
    failures = [RuntimeError("inbox")]

    def post(fact: Fact) -> None:
        if isinstance(fact, ContactEdge) and failures:
            raise failures.pop()
        said.append(fact)

    contacts = GpioContacts(GPIOS, pin_factory=pins, clock=FixedClock(), post=post)
    key = pins.pin(GPIOS[Contact.KEY])
    key.drive_low()
    key.drive_high()
    contacts.close()
    assert failures == []
    assert said[-1] == ContactEdge(Contact.KEY, False, 0, Origin.PERSON)


def test_after_the_end_nothing_is_told_and_the_lines_are_free(pins: Any) -> None:
    first = Wiring(pins)
    first.contacts.close()
    first.take()
    second = Wiring(pins)
    second.take()
    second.bench.press(0)
    assert first.said == []
    assert ContactEdge(Contact.KEY, True, 1_000, Origin.PERSON) in second.said


def test_a_line_that_is_taken_is_named_and_the_others_are_let_go(pins: Any) -> None:
    taken = GpioContacts({Contact.RESET: 5}, pin_factory=pins, clock=FixedClock(), post=lambda _: None)
    with pytest.raises(DeviceError, match="reset on GPIO 5 cannot be used") as refused:
        Wiring(pins)
    taken.close()
    Wiring(pins).contacts.close()
    assert refused.value.__traceback__ is not None, "it keeps what was half made alive: nothing was let go by chance"

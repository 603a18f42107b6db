"""What is an alarm and what a test; how presses, a reset and an officer's acts change an incident. Pure; no clock.

An incident is named by the id of its first press. It is done, and leaves the officer's list, when the gate has
ended it (465) *and* an officer has closed it: a reset at the gate may be forced on the guard, so it closes nothing.

A test must say so twice, by its topic and by its origin. Where the two contradict each other the press is an alarm: a
false alarm costs a telephone call, a hidden one may cost a life.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from edge.errors import RefusedError
from edge.events import Code, Origin, Stage, Topic
from edge.wire import Address, Event

PRESS_CODES = (Code.SILENT_PANIC, Code.AUDIBLE_PANIC)


class Incident(msgspec.Struct, frozen=True):
    """One incident as the centre knows it. ``wall_ms`` values are the centre's clock, 0 while it has not happened.

    ``verified``: the gate's own key has signed every press of it.
    """

    address: Address
    id: str
    stage: Stage = Stage.RECEIVED
    by: str = ""
    ended: bool = False
    presses: int = 0
    origin: Origin = Origin.PERSON
    received_wall_ms: int = 0
    acted_wall_ms: int = 0
    ended_wall_ms: int = 0
    reopened: int = 0
    verified: bool = False

    @property
    def done(self) -> bool:
        """Nothing is left to do, at the gate or at the desk."""
        return self.ended and self.stage is Stage.CLOSED


def is_alarm(event: Event) -> bool:
    """True for a press that somebody must look at: any that is not a test by both its topic and its origin."""
    return event.code in PRESS_CODES and not _tests(event)


def is_mark(event: Event) -> bool:
    """True for a test's own press, as the officer sees it. Whatever its body says, it is no report."""
    return event.code in PRESS_CODES and _tests(event)


def contradicts(event: Event) -> bool:
    """True for a press whose topic says one thing and whose origin another."""
    return event.code in PRESS_CODES and (event.topic is Topic.SELF_TEST) is (event.origin is Origin.PERSON)


def _tests(event: Event) -> bool:
    return event.topic is Topic.SELF_TEST and event.origin is not Origin.PERSON


def incident_id(event: Event) -> str | None:
    """The incident an event belongs to, None if to none. A person's press always makes one; a test never joins one."""
    if event.topic is Topic.SELF_TEST and not is_alarm(event):
        return None
    if event.incident is not None:
        return event.incident
    return event.id if is_alarm(event) else None


def changes(event: Event) -> bool:
    """True if this event changes an incident: an alarm, or its end. A test cannot end one."""
    if incident_id(event) is None:
        return False
    return is_alarm(event) or (event.code is Code.PANIC_RESET and event.origin is Origin.PERSON)


def take(
    incident: Incident | None, address: Address, event: Event, wall_ms: int, *, verified: bool = False
) -> Incident:
    """The incident after a new event for which ``changes`` is true. ``wall_ms`` is when the centre got it.

    Events may come in any order. A press that comes after the officer closed opens the incident again: nobody has
    looked at it, and a repeated close would otherwise end it at the gate.
    """
    if incident is None:
        id = incident_id(event)
        assert id is not None
        incident = Incident(address, id, origin=event.origin, received_wall_ms=wall_ms, verified=verified)
    if event.code is Code.PANIC_RESET:
        return replace(incident, ended=True, ended_wall_ms=wall_ms)
    person = Origin.PERSON in (incident.origin, event.origin)
    incident = replace(
        incident,
        presses=incident.presses + 1,
        origin=Origin.PERSON if person else incident.origin,
        verified=incident.verified and verified,
    )
    if incident.stage is Stage.CLOSED:
        return replace(incident, stage=Stage.RECEIVED, by="", reopened=incident.reopened + 1)
    return incident


def act(incident: Incident, stage: Stage, by: str, wall_ms: int) -> Incident:
    """The incident after an officer's act. The same act again is fine; going back is refused (RefusedError)."""
    assert stage in (Stage.SEEN, Stage.DISPATCHED, Stage.CLOSED)
    if stage < incident.stage:
        raise RefusedError(
            f"incident {incident.id} is already {incident.stage.name.lower()} by {incident.by}: "
            f"{stage.name.lower()} would go back"
        )
    return replace(incident, stage=stage, by=by, acted_wall_ms=wall_ms)


def to_repeat(incident: Incident) -> bool:
    """True while the gate may not know the officer's last word.

    RECEIVED is never repeated from here: it would name the first press, which may still be on its way.
    """
    return not incident.ended and incident.stage >= Stage.SEEN

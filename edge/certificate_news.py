"""The trouble when a certificate of the gate has few days left. Pure, and a part of the core.

Nothing is held back for it: a gate whose certificate has ended, or whose clock is wrong, dials all the same, keeps what
it owes, and sends it by every broker that lets it in.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge import timekeeping
from edge.certificate_view import RENEW_DAYS, days_left
from edge.certificate_words import CertificateRead
from edge.events import ClockQuality, Command, Trouble
from edge.making import tell
from edge.state import State

CHECK_MS = 60_000
"""How often the days are counted: a wrong clock that was set must not leave a false trouble for long."""


def certificate_read(state: State, fact: CertificateRead, out: list[Command]) -> State:
    """A broker's certificate was read, or read again after it was replaced."""
    state = replace(state, certificates={**state.certificates, fact.broker: fact})
    return _told(state, fact, fact.at_ms, out)


def certificates_dated(state: State, at_ms: int, out: list[Command]) -> State:
    """The clocks were read."""
    if not state.certificates or at_ms - state.certificates_ms < CHECK_MS:
        return state
    state = replace(state, certificates_ms=at_ms)
    for fact in state.certificates.values():
        state = _told(state, fact, at_ms, out)
    return state


def _told(state: State, fact: CertificateRead, at_ms: int, out: list[Command]) -> State:
    days = days_left(state.clock, fact, at_ms)
    name = state.links.rules.brokers[fact.broker]
    unset = timekeeping.stamp(state.clock, at_ms).quality is ClockQuality.UNSYNCED
    doubt = " by a clock that is not set" if unset else ""
    if days is None:
        detail = f"{name}: {fact.problem}"
    elif days < 0:
        detail = f"{name}: the certificate ended {-days} days ago{doubt}"
    else:
        detail = f"{name}: the certificate ends in {days} days{doubt}"
    return tell(state, Trouble.CERTIFICATE_ENDING, name, days is None or days < RENEW_DAYS, detail, at_ms, out)

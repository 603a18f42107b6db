"""The centre's test windows: when one opens, what speaks against it, and what ends it. Both sides log them.

Pure, and a part of the core. While a window is open one quiet press of a person is a test (``edge.claim``).
"""

from __future__ import annotations

from msgspec.structs import replace

from edge import alarm, claim, contact, health, links, selftest, timekeeping
from edge.chain import WindowOpened
from edge.events import ClockQuality, Code, Command, Qualifier
from edge.making import Body, note
from edge.selftest import Window
from edge.state import State

NONCES_MAX = 256
"""Windows remembered in one life, so that none is opened twice."""


def opened(state: State, fact: WindowOpened, out: list[Command]) -> State:
    """The centre opens a window. Whatever speaks against it, and the next press is an alarm."""
    test = state.test
    refused = _refused(state, fact)
    if refused:
        return replace(state, health=health.count(state.health, f"refused_window_{refused}"))
    until_ms = state.now_ms + min(fact.for_ms, selftest.WINDOW_MS_MAX)
    nonces = (*test.nonces, fact.nonce)[-NONCES_MAX:]
    window = Window(fact, until_ms)
    test = replace(
        test, window=window, claim=claim.of_window(state.now_ms, until_ms - state.now_ms), nonces=nonces
    )  # fmt: skip
    return _note(replace(state, test=test), window, Qualifier.NEW, "", out)


def _refused(state: State, fact: WindowOpened) -> str:
    """Why a window is not opened, as a key of the counters; empty where it is."""
    stamp = timekeeping.stamp(state.clock, state.now_ms)
    if fact.nonce in state.test.nonces:
        return "repeated"  # by the other broker, or by somebody who kept it
    if fact.expires_wall_ms is not None:
        if stamp.quality is ClockQuality.UNSYNCED:
            return "clock_unset"  # one that was kept for days could not be told from a new one
        if stamp.wall_ms > fact.expires_wall_ms:
            return "expired"
    if state.test.run is not None or state.test.window is not None:
        return "busy"
    if alarm.is_open(state.alarm) or state.alarm.waiting:
        return "alarm"
    if state.contacts.key.phase is not contact.Phase.OPEN:
        return "pressed"
    return ""


def passed(state: State, out: list[Command]) -> State:
    """A window ends by itself, and when nobody at the centre could see what comes of it."""
    test = state.test
    if test.window is None or test.run is not None:
        return state
    if test.window.used:
        return over(state, "its press has been tested", out)
    if state.now_ms >= test.window.until_ms:
        return over(state, "its time is over", out)
    if not links.connected(state.links):
        return over(state, "no broker is connected", out)
    return state


def over(state: State, why: str, out: list[Command]) -> State:
    """The window ends, for this reason; nothing where none is open."""
    window = state.test.window
    if window is None:
        return state
    held = state.test.claim
    # The press that the window took is still watched until it is let go: held long enough, it is an alarm.
    keep = held is not None and (held.relay or held.taken_ms is not None)
    state = replace(state, test=replace(state.test, window=None, claim=held if keep else None))
    return _note(state, window, Qualifier.RESTORE, why, out)


def _note(state: State, window: Window, qualifier: Qualifier, why: str, out: list[Command]) -> State:
    opened = window.opened
    body: Body = {"nonce": opened.nonce, "kind": opened.kind.value, "by": opened.by, "for_ms": opened.for_ms}
    if why:
        body["why"] = why
    return note(state, Code.WALK_TEST, qualifier, body, state.now_ms, out)

"""How long a gate keeps what it knows of students: crowd and counts over a restart, temperatures for their days.

Pure, and a part of the core. All of it is done when the clocks are read, once a second: none of it is urgent.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge import crowd, kiosk_news, thermometer, timekeeping
from edge.crowd import Crowd, Member
from edge.events import (
    PERSONAL,
    ClockQuality,
    Code,
    Command,
    Forget,
    Forgotten,
    Journal,
    KeepCrowd,
    Qualifier,
    StoreOpened,
)
from edge.making import Body, note
from edge.measuring import CrowdKept
from edge.state import State
from edge.tally import Tally

CROWD_MS = 10_000
"""A crowd that changes is kept no more often than this: after a restart those who came since are missing from it."""

DAY_MS = 86_400_000


def opened(state: State, fact: StoreOpened) -> State:
    """The store says which crowd it holds. One in memory is newer than that of a file that began anew."""
    kiosk, kept = state.kiosk, fact.crowd
    if kept is None or not (kept.residuals_celsius or kept.today):
        return replace(state, kiosk=replace(kiosk, crowd_written=(), today_written={}))
    machine = kiosk.thermometer
    if machine is not None and not (fact.renumbered and (machine.crowd.members or machine.tally.today)):
        kiosk = replace(kiosk, crowd_awaited=kept)
    return replace(state, kiosk=replace(kiosk, crowd_written=None))


def dated(state: State, at_ms: int, out: list[Command]) -> State:
    """The clocks were read: take up a crowd whose age can be told now, keep today's, delete what is too old."""
    try:
        state = _kept(_recalled(state, at_ms, out), at_ms, out)
    except Exception as error:  # noqa: BLE001 - counted and told; it must not end the brain that the button needs
        state = replace(state, kiosk=replace(state.kiosk, crowd_awaited=None))
        if state.kiosk.thermometer is not None:
            state = kiosk_news.failed(state, state.kiosk.thermometer.rules, error, at_ms, out)
    clock, forgot_ms = state.clock, state.kiosk.forgot_ms
    if not clock.synced or (forgot_ms is not None and at_ms - forgot_ms < DAY_MS):
        return state
    before_wall_ms = clock.trusted_ms + at_ms - state.kiosk.rules.kept_days * DAY_MS
    out.extend(Forget(topic, before_wall_ms) for topic in PERSONAL)
    return replace(state, kiosk=replace(state.kiosk, forgot_ms=at_ms))


def forgotten(state: State, fact: Forgotten, out: list[Command]) -> State:
    """The store deleted what was too old, and counted what is left of it: told where anything was, or is."""
    if not (fact.rows or fact.left or fact.files or fact.files_left):
        return state
    body: Body = {
        "topic": fact.topic.value, "deleted": fact.rows, "left": fact.left, "damaged_files_deleted": fact.files,
        "damaged_files_left": fact.files_left, "before_wall_ms": fact.before_wall_ms,
        "kept_days": state.kiosk.rules.kept_days,
    }  # fmt: skip
    return note(state, Code.PERSONAL_FORGOTTEN, Qualifier.STATUS, body, fact.at_ms, out)


# --- the crowd --------------------------------------------------------------------------------------------------------


def _recalled(state: State, at_ms: int, out: list[Command]) -> State:
    """With the crowd of an earlier life, once its age is known: a Pi that was off learns the time after a while."""
    kiosk = state.kiosk
    kept, machine = kiosk.crowd_awaited, kiosk.thermometer
    if kept is None or machine is None:
        return state
    now = timekeeping.stamp(state.clock, at_ms)
    if kept.kernel_boot == state.boot.kernel_boot:
        age_ms = at_ms - kept.at_ms
    elif kept.synced and now.quality is not ClockQuality.UNSYNCED:
        age_ms = now.wall_ms - kept.wall_ms
    elif kept.synced and at_ms - machine.began_ms <= machine.rules.crowd.kept_ms:
        return state
    else:
        age_ms = None
    if age_ms is not None and kept.today and age_ms >= 0:
        last_ms = at_ms - age_ms - kept.last_ago_ms
        machine = thermometer.counts_recalled(machine, kept.today, last_ms, at_ms)
    if age_ms is not None and not machine.sound.fault:  # what the sensor said before its fault is no comparison after
        came = len(machine.crowd.members)
        machine = thermometer.recalled(machine, _crowd_of(kept), age_ms, at_ms)
        told = f"of the crowd kept {age_ms // 1000} s ago {len(machine.crowd.members) - came} students still count"
        out.append(Journal("info", told))
    return replace(state, kiosk=replace(kiosk, thermometer=machine, crowd_awaited=None))


def _kept(state: State, at_ms: int, out: list[Command]) -> State:
    """Tell the store of a crowd that changed. One that is forgotten, or has grown too old, is told so at once."""
    kiosk, machine = state.kiosk, state.kiosk.thermometer
    if not state.restarted or kiosk.crowd_awaited is not None:
        return state  # the store has not said what it holds, or what it holds is still to be taken up
    people = Crowd() if machine is None else crowd.aged(thermometer.keep(machine), machine.rules.crowd, at_ms)
    counts = Tally() if machine is None else machine.tally
    last_ms, forgot = kiosk.crowd_written_ms, bool(kiosk.crowd_written) and not people.members
    soon = not forgot and last_ms is not None and at_ms - last_ms < CROWD_MS
    if (people.members, counts.today) == (kiosk.crowd_written, kiosk.today_written) or soon:
        return state
    now = timekeeping.stamp(state.clock, at_ms)
    out.append(KeepCrowd(CrowdKept(
        residuals_celsius=tuple(one.residual_celsius for one in people.members),
        ago_ms=tuple(at_ms - one.at_ms for one in people.members),
        mark=people.mark,
        wall_ms=now.wall_ms,
        synced=now.quality is not ClockQuality.UNSYNCED,
        kernel_boot=state.boot.kernel_boot,
        at_ms=at_ms,
        today=counts.today,
        last_ago_ms=at_ms - (at_ms if counts.last_ms is None else counts.last_ms),
    )))  # fmt: skip
    kiosk = replace(kiosk, crowd_written=people.members, today_written=counts.today, crowd_written_ms=at_ms)
    return replace(state, kiosk=kiosk)


def _crowd_of(kept: CrowdKept) -> Crowd:
    pairs = zip(kept.residuals_celsius, kept.ago_ms, strict=False)
    members = tuple(Member(celsius, kept.at_ms - ago_ms) for celsius, ago_ms in pairs)
    return Crowd(members, kept.at_ms, kept.mark)

"""What the wall clock is worth. A Pi has no battery-backed clock: every event carries its time with its quality.

Pure. Order never depends on anything here; it is (boot counter, monotonic time, counter).
"""

from __future__ import annotations

from msgspec.structs import replace

from edge.events import ClockFix, ClockQuality, ClockRead, Record, Trouble, Value, WallStamp

DRIFT_PER_MILLION = 100
"""Bound of a Pi's crystal while nothing corrects it (alarm-standards, section 5)."""

STEP_MS = 500
"""A jump of the wall clock above this is an event (Contact ID 625)."""

UNSYNCED_TROUBLE_MS = 600_000
"""Unsynchronised for so long is a trouble (Contact ID 626)."""


class Timekeeping(Value, frozen=True):
    """``offset_ms`` is wall minus monotonic time as last read.

    ``trusted_ms`` is that difference when the clock was last synchronised, at ``synced_ms`` and within ``error_ms``:
    holdover counts on from there, whatever hands do to the wall clock meanwhile.
    """

    kernel_boot: str = ""
    offset_ms: int = 0
    read_ms: int | None = None
    synced: bool = False
    trusted_ms: int = 0
    synced_ms: int | None = None
    error_ms: int = 0
    fix: ClockFix | None = None
    unsynced_since_ms: int | None = None
    troubled: bool = False


class ClockStepped(Value, frozen=True):
    """The wall clock was set or jumped by ``by_ms``; ``fix`` is not None the first time it can be trusted."""

    by_ms: int
    fix: ClockFix | None
    at_ms: int


class ClockTrouble(Value, frozen=True):
    """The clock has been, or is no longer, untrustworthy for ten minutes."""

    trouble: Trouble
    raised: bool
    detail: str
    at_ms: int


News = ClockStepped | ClockTrouble


def step(clock: Timekeeping, fact: ClockRead) -> tuple[Timekeeping, tuple[News, ...]]:
    """Take a reading of both clocks; tell what changed."""
    news: list[News] = []
    offset_ms = fact.wall_ms - fact.at_ms
    jump_ms = 0 if clock.read_ms is None else offset_ms - clock.offset_ms
    synced = fact.error_ms is not None
    fix = None
    if fact.error_ms is not None and clock.fix is None:
        fix = ClockFix(clock.kernel_boot, fact.at_ms, fact.wall_ms, fact.error_ms)
    if fix is not None or abs(jump_ms) > STEP_MS:
        news.append(ClockStepped(jump_ms, fix, fact.at_ms))
    if synced:
        since_ms = None
        if clock.troubled:
            news.append(ClockTrouble(Trouble.CLOCK_UNSYNCED, False, "synchronised", fact.at_ms))
    else:
        since_ms = fact.at_ms if clock.unsynced_since_ms is None else clock.unsynced_since_ms
    late = since_ms is not None and fact.at_ms - since_ms >= UNSYNCED_TROUBLE_MS
    if late and not clock.troubled:
        detail = "not synchronised for 10 min: check the time server and the network"
        news.append(ClockTrouble(Trouble.CLOCK_UNSYNCED, True, detail, fact.at_ms))
    return replace(
        clock,
        offset_ms=offset_ms,
        read_ms=fact.at_ms,
        synced=synced,
        trusted_ms=offset_ms if synced else clock.trusted_ms,
        synced_ms=fact.at_ms if synced else clock.synced_ms,
        error_ms=fact.error_ms if fact.error_ms is not None else clock.error_ms,
        fix=fix or clock.fix,
        unsynced_since_ms=since_ms,
        troubled=late,
    ), tuple(news)


def stamp(clock: Timekeeping, at_ms: int) -> WallStamp:
    """The wall time of a monotonic moment of this boot, with its quality."""
    if clock.synced_ms is None:
        return WallStamp(clock.offset_ms + at_ms, ClockQuality.UNSYNCED, None)
    wall_ms = clock.trusted_ms + at_ms
    if clock.synced:
        return WallStamp(wall_ms, ClockQuality.SYNCED, clock.error_ms)
    return WallStamp(wall_ms, ClockQuality.HOLDOVER, clock.error_ms + _drift_ms(at_ms - clock.synced_ms))


def dated(clock: Timekeeping, record: Record, stored: WallStamp | None) -> WallStamp:
    """The best wall time of a record now: its own, or worked out from the first synchronisation after it."""
    if record.wall.quality is not ClockQuality.UNSYNCED:
        return record.wall
    fix = clock.fix
    if fix is not None and fix.kernel_boot == record.kernel_boot:
        ago_ms = fix.at_ms - record.at_ms
        return WallStamp(fix.wall_ms - ago_ms, ClockQuality.BACKFILLED, fix.bound_ms + _drift_ms(ago_ms))
    return stored if stored is not None else record.wall


def age_ms(clock: Timekeeping, record: Record, stamp_: WallStamp, now_ms: int) -> int | None:
    """How long ago a record happened; None where neither clock can tell."""
    if record.kernel_boot == clock.kernel_boot:
        return max(0, now_ms - record.at_ms)
    if clock.synced_ms is None or stamp_.quality is ClockQuality.UNSYNCED:
        return None
    return max(0, clock.trusted_ms + now_ms - stamp_.wall_ms)


def _drift_ms(interval_ms: int) -> int:
    return -(-abs(interval_ms) * DRIFT_PER_MILLION // 1_000_000)

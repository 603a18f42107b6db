"""What is wrong now, and whether the supervisor may be told that all is well.

Pure. Health is work done, not a timer: the watchdog is fed only while the duties that the alarm stands on have met
their deadlines. A sick contact or lamp starves it and the daemon is restarted; a sick store or network is reported and
worked around, because a restart would not mend it.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge.events import Alive, FeedWatchdog, MessageRefused, Ticked, Trouble, Value

CONTACT = "contact"
LAMPS = "lamps"
STORE = "store"

DEADLINE_MS = {CONTACT: 3_000, LAMPS: 10_000, STORE: 15_000}
"""Longest silence of a duty. The contact hand reports once a second, the lamps every two, the idle store every five."""

VITAL = (CONTACT, LAMPS)
"""Duties whose failure only a restart mends."""

FEED_MS = 1_000
"""How often the watchdog is fed; the unit allows three seconds."""

START_MS = 10_000
"""Patience with a duty that has not yet reported since the start."""


class Standing(Value, frozen=True):
    """A trouble that has begun and not ended. ``part`` tells troubles of the same kind apart (a broker's name)."""

    trouble: Trouble
    part: str
    detail: str
    since_ms: int


class Health(Value, frozen=True):
    """Troubles that stand, duties last heard of, and counters of everything that was refused or lost."""

    started_ms: int = 0
    standing: tuple[Standing, ...] = ()
    heard_ms: dict[str, int] = {}
    counters: dict[str, int] = {}
    fed_ms: int = -FEED_MS
    hungry: str | None = None


class Told(Value, frozen=True):
    """Some machine or hand says that a trouble begins (``raised``) or ends. Saying it twice is harmless."""

    trouble: Trouble
    part: str
    raised: bool
    detail: str
    at_ms: int


class Reported(Value, frozen=True):
    """A trouble really began or ended: worth an event."""

    trouble: Trouble
    part: str
    raised: bool
    detail: str
    at_ms: int


Outcome = FeedWatchdog | Reported


def wake_at(health: Health) -> int:
    """When the watchdog is to be fed next, in monotonic milliseconds."""
    return health.fed_ms + FEED_MS


def count(health: Health, what: str, by: int = 1) -> Health:
    """Add to a counter that the view and the heartbeat show."""
    return replace(health, counters={**health.counters, what: health.counters.get(what, 0) + by})


def step(
    health: Health, news: Told | Alive | MessageRefused | Ticked, *, callbacks_dead: bool = False, status: str = ""
) -> tuple[Health, tuple[Outcome, ...]]:
    """Take one piece of news. ``callbacks_dead`` and ``status`` matter to the passing of time only."""
    match news:
        case Alive(duty=duty, at_ms=at_ms):
            return replace(health, heard_ms={**health.heard_ms, duty: at_ms}), ()
        case MessageRefused(reason=reason):
            return count(health, f"refused_{reason}"), ()
        case Told():
            return _told(health, news)
        case Ticked(at_ms=at_ms):
            return _time(health, at_ms, callbacks_dead, status)


def _told(health: Health, news: Told) -> tuple[Health, tuple[Outcome, ...]]:
    others = tuple(one for one in health.standing if (one.trouble, one.part) != (news.trouble, news.part))
    stood = len(others) != len(health.standing)
    if stood == news.raised:
        return health, ()
    if news.raised:
        others = (*others, Standing(news.trouble, news.part, news.detail, news.at_ms))
    reported = Reported(news.trouble, news.part, news.raised, news.detail, news.at_ms)
    return replace(health, standing=others), (reported,)


def _time(health: Health, now_ms: int, callbacks_dead: bool, status: str) -> tuple[Health, tuple[Outcome, ...]]:
    if now_ms < health.fed_ms + FEED_MS:
        return health, ()
    out: list[Outcome] = []
    late = [duty for duty in DEADLINE_MS if _late(health, duty, now_ms)]
    for duty in DEADLINE_MS:
        detail = f"{duty}: no sign of work for {DEADLINE_MS[duty] // 1000} s" if duty in late else f"{duty}: works"
        health, said = _told(health, Told(Trouble.DUTY_LATE, duty, duty in late, detail, now_ms))
        out += said
    vital = [duty for duty in late if duty in VITAL]
    hungry = "contact: the library's callback thread is dead" if callbacks_dead else ", ".join(vital) or None
    if hungry is None:
        out.append(FeedWatchdog(status))
    return replace(health, fed_ms=now_ms, hungry=hungry), tuple(out)


def _late(health: Health, duty: str, now_ms: int) -> bool:
    heard_ms = health.heard_ms.get(duty)
    if heard_ms is None:
        return now_ms - health.started_ms > START_MS
    return now_ms - heard_ms > DEADLINE_MS[duty]

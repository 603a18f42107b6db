"""The connections to the brokers: when to dial, whether a connection is alive, and how much it may carry.

Pure. A link is judged alive by what it acknowledged, never by what the library believes: whatever was handed to it
and stays unanswered too long condemns it. Heartbeats and, in between, short probes see that something is always asked.
"""

from __future__ import annotations

from enum import Enum

from msgspec.structs import replace

from edge.events import (
    Acked,
    CentreStatus,
    Command,
    Connect,
    Disconnect,
    LinkDown,
    LinkUp,
    Ticked,
    Trouble,
    Value,
)

ALARM_FLIGHT_MAX = 4
"""Alarms handed to one broker beyond the common flight; 16 + 4 is mosquitto's Receive Maximum of 20."""

ALARM_RECONNECT_MS_MAX = 8_000
"""With an alarm to send a gate dials at least this often (less than the 15 s of the standards' note, R5)."""

TROUBLE_MS = 60_000
"""A broker lost for so long is a trouble; shorter flaps are only counted."""


class LinkRules(Value, frozen=True):
    """Settings of the links; ranges are in ``edge.settings``. The tuples are by broker, in order of preference.

    ``spread_start``: the power has just come back, perhaps to the whole county; the first dial is spread as well.
    """

    brokers: tuple[str, ...] = ("broker",)
    mqtt5_first: tuple[bool, ...] = (True,)
    mqtt3_allowed: tuple[bool, ...] = (True,)
    heartbeat_ms: int = 30_000
    probe_ms: int = 10_000
    acknowledge_ms: int = 10_000
    reconnect_ms_max: int = 60_000
    flight_max: int = 16
    jitter_seed: int = 0
    spread_start: bool = False


class Phase(Enum):
    """Where the connection to one broker stands."""

    DOWN = "down"
    DIALLING = "dialling"
    UP = "up"
    CLOSING = "closing"


class Link(Value, frozen=True):
    """One broker. ``unanswered`` publishes are out; ``progress_ms`` is when last one was answered or the first sent.

    ``hurried``: an alarm waits, and this broker is not connected.
    """

    phase: Phase = Phase.DOWN
    mqtt5: bool = True
    attempts: int = 0
    retry_ms: int = 0
    unanswered: int = 0
    progress_ms: int = 0
    beat_ms: int = 0
    lost_ms: int | None = None
    troubled: bool = False
    reason: str = "not yet connected"
    centre: bool | None = None
    losses: int = 0
    hurried: bool = False


class Links(Value, frozen=True):
    """All brokers of a gate. ``deaf``: every connected broker says that the centre's application is not listening."""

    rules: LinkRules = LinkRules()
    links: tuple[Link, ...] = (Link(),)
    deaf: bool = False


class Beat(Value, frozen=True):
    """Publish a heartbeat (or the short probe) to this broker; the core adds what it says."""

    broker: int
    probe: bool


class LineTrouble(Value, frozen=True):
    """A trouble of the way to the centre begins or ends. ``broker`` tells whose, None for the centre itself."""

    trouble: Trouble
    raised: bool
    detail: str
    at_ms: int
    broker: int | None


Outcome = Command | Beat | LineTrouble
Step = tuple[Links, tuple[Outcome, ...]]


def begin(rules: LinkRules, now_ms: int = 0) -> Links:
    """The state at start: every broker still to be dialled."""
    waits_ms = [0] * len(rules.brokers)
    if rules.spread_start:
        range_ms = rules.reconnect_ms_max * 2 // 3
        waits_ms = [_jittered_ms(rules, broker, 0, range_ms) for broker in range(len(rules.brokers))]
    first = zip(rules.mqtt5_first, waits_ms, strict=True)
    return Links(rules, tuple(Link(mqtt5=mqtt5, retry_ms=now_ms + wait_ms) for mqtt5, wait_ms in first))


def room(links: Links) -> tuple[int, ...]:
    """How many more alarms each broker may be handed; 0 where not connected. Others leave ALARM_FLIGHT_MAX free."""
    most = links.rules.flight_max + ALARM_FLIGHT_MAX
    return tuple([max(0, most - link.unanswered) if link.phase is Phase.UP else 0 for link in links.links])


def connected(links: Links) -> bool:
    """True while any broker is connected."""
    return any(link.phase is Phase.UP for link in links.links)


def wake_at(links: Links) -> int:
    """When time alone will change something, in monotonic milliseconds."""
    times = []
    for link in links.links:
        if link.phase is Phase.DOWN:
            times.append(link.retry_ms)
        elif link.phase is Phase.UP:
            times.append(link.beat_ms)
            patience_ms = links.rules.acknowledge_ms if link.unanswered else links.rules.probe_ms
            times.append(link.progress_ms + patience_ms)
        if link.lost_ms is not None and not link.troubled:
            times.append(link.lost_ms + TROUBLE_MS)
    return min(times, default=1 << 62)


def spoken(links: Links, broker: int, now_ms: int) -> Links:
    """Something was handed to the broker: its answer is awaited from now."""
    link = links.links[broker]
    progress_ms = link.progress_ms if link.unanswered else now_ms
    return _with(links, broker, replace(link, unanswered=link.unanswered + 1, progress_ms=progress_ms))


def hurry(links: Links, now_ms: int, *, waits: bool) -> Links:
    """While an alarm ``waits``, dial whatever is not connected now, and again after short pauses; then as others do.

    Gives the same links where nothing changes.
    """
    for number, link in enumerate(links.links):
        if link.phase is Phase.UP or link.hurried is waits:
            continue
        if waits:
            link = replace(link, attempts=0, retry_ms=min(link.retry_ms, now_ms))
        links = _with(links, number, replace(link, hurried=waits))
    return links


def step(links: Links, news: Acked | LinkUp | LinkDown | CentreStatus | Ticked) -> Step:
    """Take one piece of news; give the new state and what follows from it."""
    match news:
        case Acked():
            link = links.links[news.broker]
            link = replace(link, unanswered=max(0, link.unanswered - 1), progress_ms=news.at_ms)
            return _with(links, news.broker, link), ()
        case Ticked(at_ms=at_ms):
            return _time(links, at_ms)
        case LinkUp():
            return _up(links, news)
        case LinkDown():
            return _down(links, news)
        case CentreStatus():  # pragma: no branch - mypy knows that it is the last
            link = replace(links.links[news.broker], centre=news.listening)
            return _listening(_with(links, news.broker, link), news.at_ms)


def _up(links: Links, news: LinkUp) -> Step:
    old = links.links[news.broker]
    link = Link(Phase.UP, news.mqtt5, progress_ms=news.at_ms, beat_ms=news.at_ms, reason="", losses=old.losses)
    out: tuple[Outcome, ...] = ()
    if old.troubled:
        name = links.rules.brokers[news.broker]
        out = (LineTrouble(Trouble.BROKER_LOST, False, f"{name}: connected", news.at_ms, news.broker),)
    return _with(links, news.broker, link), out


def _down(links: Links, news: LinkDown) -> Step:
    """The next dial waits a jittered time; it goes at once, and by MQTT 3.1.1, where only the protocol was wrong.

    The whole county loses its broker in one moment, and 2,000 gates that came back within a second would bring it down
    again. One that has an alarm to send does not wait for them.

    One fallback is good for one dial: a broker that hung up while it restarted must not cost MQTT 5's reasons for good.
    """
    old = links.links[news.broker]
    fallback = old.mqtt5 and news.old_protocol and links.rules.mqtt3_allowed[news.broker]
    mqtt5 = links.rules.mqtt5_first[news.broker] and not fallback
    attempts = old.attempts + 1
    pause_ms = 0 if fallback else _pause_ms(links.rules, news.broker, old, attempts)
    link = Link(
        Phase.DOWN,
        mqtt5,
        attempts,
        news.at_ms + pause_ms,
        lost_ms=news.at_ms if old.lost_ms is None else old.lost_ms,
        troubled=old.troubled,
        reason=news.reason,
        losses=old.losses + (old.phase in (Phase.UP, Phase.CLOSING)),
        hurried=old.hurried,
    )
    return _listening(_with(links, news.broker, link), news.at_ms)


def _pause_ms(rules: LinkRules, broker: int, link: Link, attempts: int) -> int:
    """Until the next dial: the first anywhere in two thirds of the longest pause, others in the upper two thirds.

    So a broker that comes back is dialled by as many gates in each second, whether it was gone for a moment or a day.
    With an alarm to send the pauses grow from 1 s to ALARM_RECONNECT_MS_MAX.
    """
    turn, longest_ms = link.losses + attempts, rules.reconnect_ms_max
    if link.hurried:
        range_ms = min(longest_ms, ALARM_RECONNECT_MS_MAX, 1_000 << min(attempts - 1, 9))
        return _jittered_ms(rules, broker, turn, range_ms)
    least_ms = longest_ms // 3 if attempts > 1 else 0
    return least_ms + _jittered_ms(rules, broker, turn, longest_ms * 2 // 3)


def _jittered_ms(rules: LinkRules, broker: int, attempts: int, range_ms: int) -> int:
    """Full jitter: anywhere in the range, by a hash of the gate's own seed. A simulator dials at the same times."""
    mixed = (rules.jitter_seed * 2_654_435_761 + broker * 40_503 + attempts * 2_246_822_519) & 0xFFFFFFFF
    mixed ^= mixed >> 15
    mixed = (mixed * 2_246_822_519) & 0xFFFFFFFF
    mixed ^= mixed >> 13
    return 50 + mixed % range_ms


def _listening(links: Links, at_ms: int) -> Step:
    words = [link.centre for link in links.links if link.phase is Phase.UP and link.centre is not None]
    if not words or links.deaf == (not any(words)):
        return links, ()
    deaf = not links.deaf
    detail = "the centre's application is not listening" if deaf else "the centre listens"
    return replace(links, deaf=deaf), (LineTrouble(Trouble.CENTRE_LOST, deaf, detail, at_ms, None),)


def _time(links: Links, now_ms: int) -> Step:
    out: list[Outcome] = []
    for number, link in enumerate(links.links):
        if link.phase is Phase.DOWN and now_ms >= link.retry_ms:
            link = replace(link, phase=Phase.DIALLING)
            out.append(Connect(number, link.mqtt5))
        elif link.phase is Phase.UP:
            link = _alive(links.rules, number, link, now_ms, out)
        if link.lost_ms is not None and not link.troubled and now_ms >= link.lost_ms + TROUBLE_MS:
            link = replace(link, troubled=True)
            detail = f"{links.rules.brokers[number]}: {link.reason}"
            out.append(LineTrouble(Trouble.BROKER_LOST, True, detail, now_ms, number))
        links = _with(links, number, link)
    return links, tuple(out)


def _alive(rules: LinkRules, number: int, link: Link, now_ms: int, out: list[Outcome]) -> Link:
    """Ask a connected broker for an answer in time, and condemn it when none comes."""
    quiet_ms = now_ms - link.progress_ms
    if link.unanswered and quiet_ms >= rules.acknowledge_ms:
        out.append(Disconnect(number, f"no acknowledgement for {rules.acknowledge_ms // 1000} s"))
        return replace(link, phase=Phase.CLOSING)
    if now_ms >= link.beat_ms:
        out.append(Beat(number, probe=False))
        return replace(link, beat_ms=now_ms + rules.heartbeat_ms)
    if not link.unanswered and quiet_ms >= rules.probe_ms:
        out.append(Beat(number, probe=True))
    return link


def _with(links: Links, number: int, link: Link) -> Links:
    return replace(links, links=(*links.links[:number], link, *links.links[number + 1 :]))

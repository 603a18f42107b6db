"""Makes events: gives each its name and date, has it kept, and sends it on its way.

Pure. Who must hear of what is for ``edge.core`` to say; how anything is judged, for the machines.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge import alarm, health, links, timekeeping, uplink
from edge.events import (
    Code,
    Command,
    EventId,
    Journal,
    Lane,
    Origin,
    Publish,
    Qualifier,
    Record,
    Store,
    Topic,
    Trouble,
)
from edge.state import State

REPLAYED_MS = 10_000
"""An event older than this when it is sent is marked as replayed, and its age is said."""

UNTOLD = (Topic.TEMPERATURE, Topic.PICTURE)
"""Topics whose bodies stay out of the journal: it is not emptied when their days are over."""

Body = dict[str, str | int | float | bool | None]


def to_uplink(state: State, news: uplink.News, out: list[Command]) -> State:
    """Tell the uplink; what it wants said is dated now and becomes a Publish."""
    machine, said = uplink.step(state.uplink, news, links.room(state.links))
    state = replace(state, uplink=machine)
    for one in said:
        match one:
            case uplink.Say(broker=broker, owed=owed):
                out.append(_publish(state, broker, owed))
                state = replace(state, links=links.spoken(state.links, broker, state.now_ms))
            case uplink.RefusalTrouble():
                state = tell(state, one.trouble, "", one.raised, one.detail, one.at_ms, out)
            case _:
                out.append(one)
    return state


def next_id(state: State) -> tuple[State, EventId]:
    """The name of the next event: never used before, in this boot or another."""
    counter = state.counter + 1
    return replace(state, counter=counter), EventId(state.boot.id, counter)


def alarm_event(state: State, draft: alarm.Draft, out: list[Command]) -> State:
    """What the alarm drafted becomes a record. Publish and store set out together: a press waits for neither."""
    record = Record(
        draft.id, state.boot.counter, state.boot.kernel_boot, draft.at_ms, timekeeping.stamp(state.clock, draft.at_ms),
        draft.origin, draft.lane, draft.topic, draft.code, draft.qualifier, draft.incident, draft.body,
    )  # fmt: skip
    state = to_uplink(state, uplink.Owe(record, state.now_ms), out)
    out.append(Store(record, draft.latch))
    out.append(Journal("warning", record))
    return state


def tell(state: State, trouble: Trouble, part: str, raised: bool, detail: str, at_ms: int, out: list[Command]) -> State:
    """A trouble begins or ends: an event of it, unless it stood, or did not stand, already."""
    machine, said = health.step(state.health, health.Told(trouble, part, raised, detail, at_ms))
    state = replace(state, health=machine)
    for one in said:
        if isinstance(one, health.Reported):
            state = report(state, one, out)
    return state


def report(state: State, news: health.Reported, out: list[Command]) -> State:
    """The event of a trouble that really began or ended."""
    qualifier = Qualifier.NEW if news.raised else Qualifier.RESTORE
    body: Body = {"trouble": news.trouble.value, "part": news.part, "detail": news.detail}
    return event(state, Lane.TROUBLE, Topic.TROUBLE, news.trouble.code, qualifier, body, news.at_ms, out)


def note(state: State, code: Code, qualifier: Qualifier, body: Body, at_ms: int, out: list[Command]) -> State:
    """An event for the log: nothing is wrong."""
    return event(state, Lane.TROUBLE, Topic.LOG, code, qualifier, body, at_ms, out)


def event(
    state: State,
    lane: Lane,
    topic: Topic,
    code: Code,
    qualifier: Qualifier,
    body: Body,
    at_ms: int,
    out: list[Command],
    *,
    incident: EventId | None = None,
    origin: Origin = Origin.PERSON,
) -> State:
    """An event that is not an alarm: stored first, sent after. ``origin`` is another only for a test's report."""
    state, id = next_id(state)
    record = Record(
        id, state.boot.counter, state.boot.kernel_boot, at_ms, timekeeping.stamp(state.clock, at_ms), origin,
        lane, topic, code, qualifier, incident, body,
    )  # fmt: skip
    state = to_uplink(state, uplink.Owe(record, state.now_ms), out)
    out.append(Store(record, None))
    out.append(Journal("warning" if topic is Topic.TROUBLE else "info", record))
    return state


def send_everywhere(state: State, id: EventId, out: list[Command]) -> State:
    """A test's mark goes by each broker that has room at once; an alarm's own way is for the uplink to find."""
    machine, said = uplink.also(state.uplink, id, links.room(state.links))
    state = replace(state, uplink=machine)
    for one in said:
        out.append(_publish(state, one.broker, one.owed))
        state = replace(state, links=links.spoken(state.links, one.broker, state.now_ms))
    return state


def line(record: Record) -> str:
    """An event in the journal's words, without what must not stay there."""
    told = "" if record.topic in UNTOLD else f" {dict(record.body)}"
    return f"{record.topic.value} {record.code.value}{told}"


def _publish(state: State, broker: int, owed: uplink.Owed) -> Publish:
    stamp = timekeeping.dated(state.clock, owed.record, owed.backfilled)
    age_ms = timekeeping.age_ms(state.clock, owed.record, stamp, state.now_ms)
    return Publish(broker, owed.record, stamp, owed.recovered or age_ms is None or age_ms >= REPLAYED_MS, age_ms)

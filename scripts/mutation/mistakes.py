"""The mistakes: each one tempting, each one a lost, late, doubled or faked alarm, or a lamp that lies."""

from __future__ import annotations

from mutation.kiosk_mistakes import KIOSK_MISTAKES
from mutation.mistake import Mistake
from mutation.schedule_mistakes import SCHEDULE_MISTAKES
from mutation.selftest_mistakes import SELFTEST_MISTAKES
from mutation.store_mistakes import STORE_MISTAKES

MISTAKES = (
    *KIOSK_MISTAKES,
    *SELFTEST_MISTAKES,
    *SCHEDULE_MISTAKES,
    *STORE_MISTAKES,
    Mistake(
        "id without the boot",
        "edge/making.py",
        "EventId(state.boot.id, counter)",
        'EventId("0" * 16, counter)',
    ),
    Mistake(
        "id counter stands still",
        "edge/making.py",
        "counter = state.counter + 1",
        "counter = max(1, state.counter)",
    ),
    Mistake(
        "forgets at boot what the store holds",
        "edge/uplink.py",
        "    if uplink.store_open:\n        uplink = read_ahead(uplink, out.append)",
        "    if False:\n        uplink = read_ahead(uplink, out.append)",
    ),
    Mistake(
        "alarm done at the broker's acknowledgement",
        "edge/uplink.py",
        "if lane is Lane.ALARM and not uplink.rules.done_on_broker:",
        "if False:",
    ),
    Mistake(
        "no retry on time",
        "edge/sending.py",
        "due_ms=now_ms + wait_ms,",
        "due_ms=1 << 60,",
    ),
    Mistake(
        "not stored",
        "edge/making.py",
        "    out.append(Store(record, draft.latch))",
        "    pass",
    ),
    Mistake(
        "store before publish",
        "edge/making.py",
        "    state = to_uplink(state, uplink.Owe(record, state.now_ms), out)\n"
        "    out.append(Store(record, draft.latch))",
        "    out.append(Store(record, draft.latch))\n"
        "    state = to_uplink(state, uplink.Owe(record, state.now_ms), out)",
    ),
    Mistake(
        "alarms have no room of their own",
        "edge/sending.py",
        "    space = free[broker] - uplink.rules.reserve",
        "    space = free[broker]",
    ),
    Mistake(
        "any receipt will do",
        "edge/alarm.py",
        "if id != news.id}",
        "if False}",
    ),
    Mistake(
        "received at the broker's acknowledgement",
        "edge/alarm.py",
        "_SHOWN: dict[Stage, Show] = {stage: Show[stage.name] for stage in Stage if stage is not Stage.CLOSED}",
        "_SHOWN: dict[Stage, Show] = {s: Show[Stage(3 if s == 2 else s).name] for s in Stage if s is not Stage.CLOSED}",
    ),
    Mistake(
        "memory counts as stored",
        "edge/alarm.py",
        '"stored", at_ms) if durable else (alarm, ())',
        '"stored", at_ms) if True else (alarm, ())',
    ),
    Mistake(
        "lamp shows the most advanced press",
        "edge/alarm.py",
        "_SHOWN[min(",
        "_SHOWN[max(",
    ),
    Mistake(
        "incident forgotten at a restart",
        "edge/alarm.py",
        "    if kept is None or not kept.ids:",
        "    if True:",
    ),
    Mistake(
        "latch told before the owed alarms",
        "edge/core.py",
        "        state = replace(state, opened=replace(fact, latch=strange))",
        "        state = _alarm(state, alarm.Recovered(strange, (), fact.at_ms), out)",
    ),
    Mistake(
        "an ended incident comes back with an old file",
        "edge/core.py",
        "unheard((*state.alarm.ids, *state.alarm.ended), fact.latch)",
        "unheard(state.alarm.ids, fact.latch)",
    ),
    Mistake(
        "an alarm that ended before the store was read comes back",
        "edge/latching.py",
        "older = kept.before if kept.unread and kept.boot == latch.boot else replace(kept, before=None)",
        "older = replace(kept, before=None)",
    ),
    Mistake(
        "incident ends when the siren stops",
        "edge/alarm.py",
        "alarm = replace(alarm, siren_on=False, siren_until_ms=None)",
        "alarm = replace(alarm, siren_on=False, siren_until_ms=None, ids=())",
    ),
    Mistake(
        "a test opens an incident",
        "edge/alarm.py",
        "    if press.origin is not Origin.PERSON:",
        "    if False:",
    ),
    Mistake(
        "spikes are presses",
        "edge/contact.py",
        "    return line.since_ms + rules.confirm_ms if",
        "    return line.since_ms + rules.confirm_ms - 6 if",
    ),
    Mistake(
        "chatter is many presses",
        "edge/contact.py",
        "            return replace(line, phase=Phase.RELEASING, since_ms=at_ms, true_ms=_true_ms(fact))",
        "            return replace(line, phase=Phase.OPEN, since_ms=at_ms)",
    ),
    Mistake(
        "the level poll is not believed",
        "edge/contact.py",
        "(fact.at_ms > line.told_ms or isinstance(fact, ContactEdge)):",
        "isinstance(fact, ContactEdge):",
    ),
    Mistake(
        "a stuck key blocks the next press",
        "edge/contact.py",
        "return replace(line, phase=Phase.OPEN, stuck=False)",
        "return replace(line, phase=Phase.DOWN if line.stuck else Phase.OPEN)",
    ),
    Mistake(
        "a press whose edges are heard late is a spike",
        "edge/contact.py",
        "        if lasted_ms >= rules.confirm_ms:",
        "        if lasted_ms < 0:",
    ),
    Mistake(
        "a spike whose end is heard late is a press",
        "edge/contact.py",
        "    if line.asked_ms is None and rules.confirm_ms > 0 and line.origin is Origin.PERSON:",
        "    if False:",
    ),
    Mistake(
        "a look that nobody answers loses the press",
        "edge/contact.py",
        "else line.asked_ms + LOOK_MS_MAX",
        "else line.asked_ms + (1 << 40)",
    ),
    Mistake(
        "a closure in doubt is none",
        "edge/contact.py",
        "        return replace(_pressed(line, contact, found), phase=Phase.RELEASING, since_ms=line.open_ms)",
        "        return replace(line, phase=Phase.RELEASING, since_ms=line.open_ms)",
    ),
    Mistake(
        "a press that the poll has seen is another one by its late edge",
        "edge/contact.py",
        "return late and line.phase is Phase.OPEN and",
        "return False and",
    ),
    Mistake(
        "a press soon after an opening that the poll saw first is none",
        "edge/contact.py",
        "return replace(line, true_ms=min(_true_ms(fact), line.true_ms))",
        "return line",
    ),
    Mistake(
        "a press that the poll sees before its late edge is none",
        "edge/contact.py",
        "(line.phase is Phase.DOWN and line.unproven_ms is not None)",
        "False",
    ),
    Mistake(
        "nobody subscribes counts as success",
        "edge/uplink.py",
        "return reason < 0x80 and reason != NO_SUBSCRIBERS",
        "return reason < 0x80",
    ),
    Mistake(
        "a refusal counts as success",
        "edge/uplink.py",
        "return reason < 0x80 and reason != NO_SUBSCRIBERS",
        "return reason != NO_SUBSCRIBERS",
    ),
    Mistake(
        "the cursor stands still",
        "edge/uplink.py",
        "seq = max(cursor.seq, news.rows[-1].seq) if news.rows else cursor.seq",
        "seq = cursor.seq",
    ),
    Mistake(
        "reading brings back what was done meanwhile",
        "edge/uplink.py",
        "if row.record.id not in held and row.record.id not in cursor.done_meanwhile",
        "if row.record.id not in held",
    ),
    Mistake(
        "no second broker",
        "edge/sending.py",
        "    if untried:\n        return untried[0]",
        "    if 0 in able:\n        return 0",
    ),
    Mistake(
        "a live press waits for a week's older ones",
        "edge/sending.py",
        "else _live_first(alarms, now_ms):",
        "else alarms.items():",
    ),
    Mistake(
        "today's settings speak for a press of yesterday",
        "edge/alarm.py",
        "Stage.AT_BROKER if alarm.done_on_broker else",
        "Stage.AT_BROKER if alarm.rules.done_on_broker else",
    ),
    Mistake(
        "a lost link keeps what it had",
        "edge/uplink.py",
        "        case LinkDown():\n            uplink, said = _fallen(uplink, news), ()",
        "        case LinkDown():\n            said = ()",
    ),
    Mistake(
        "a silent broker is believed",
        "edge/links.py",
        "if link.unanswered and quiet_ms >= rules.acknowledge_ms:",
        "if False:",
    ),
    Mistake(
        "all gates redial at once",
        "edge/links.py",
        "return 50 + mixed % range_ms",
        "return 50 + range_ms // 2",
    ),
    Mistake(
        "watchdog fed though the contact is silent",
        "edge/health.py",
        "VITAL = (CONTACT, LAMPS)",
        "VITAL = (LAMPS,)",
    ),
    Mistake(
        "watchdog fed though callbacks are dead",
        "edge/health.py",
        "if callbacks_dead else",
        "if False else",
    ),
    Mistake(
        "time worked out in the wrong direction",
        "edge/timekeeping.py",
        "WallStamp(fix.wall_ms - ago_ms,",
        "WallStamp(fix.wall_ms + ago_ms,",
    ),
    Mistake(
        "another kernel's clock is believed",
        "edge/timekeeping.py",
        "if fix is not None and fix.kernel_boot == record.kernel_boot:",
        "if fix is not None:",
    ),
)

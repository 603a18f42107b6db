"""The state as plain values: for the heartbeat, for ``gatepost status`` and for screens. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from edge import alarm, kiosk_view, links, schedule, selftest_view, timekeeping
from edge.certificate_view import days_left
from edge.events import Lane, Show
from edge.state import State


def status_line(state: State) -> str:
    """One line for the supervisor and for people."""
    shown = "starting" if state.lamp is None else state.lamp.show.value
    up = sum(link.phase is links.Phase.UP for link in state.links.links)
    owed = _owed(state)
    return (
        f"lamp {shown}; brokers {up} of {len(state.links.links)}; owed {sum(owed.values())}"
        f" ({owed['alarm']} alarms); troubles {len(state.health.standing)}"
    )


def heartbeat(state: State) -> Mapping[str, object]:
    """What the centre hears every half minute: health, backlog, the newest event, and the end of the ledger."""
    last, head = state.uplink.backlog.last_id, state.uplink.backlog.ledger
    return {
        "schema": 1,
        "boot": state.boot.id,
        "boot_counter": state.boot.counter,
        "monotonic_ms": state.now_ms,
        "lamp": Show.READY.value if state.lamp is None else state.lamp.show.value,
        "owed": _owed(state),
        "last_id": None if last is None else str(last),
        "next_test_due_wall_ms": None if state.schedule is None else schedule.due_wall_ms(state.schedule),
        "ledger": None if head is None else {"number": head.number, "hash": head.hash},
        "troubles": [f"{one.trouble.value}{':' + one.part if one.part else ''}" for one in state.health.standing],
        "counters": dict(state.health.counters),
        "clock": timekeeping.stamp(state.clock, state.now_ms).quality.value,
        "certificate_days": {
            state.links.rules.brokers[broker]: days_left(state.clock, read, state.now_ms)
            for broker, read in state.certificates.items()
        },
    }


def _owed(state: State) -> dict[str, int]:
    """What is owed, by lane: what the store counts, or what memory holds where the store has not seen it yet."""
    counted, held = state.uplink.backlog, state.uplink.held
    return {
        "alarm": max(counted.alarm, len(held[Lane.ALARM])),
        "trouble": max(counted.trouble, len(held[Lane.TROUBLE])),
        "routine": max(counted.routine, len(held[Lane.ROUTINE])),
        "pending": len(state.uplink.pending),
    }


def view(state: State) -> Mapping[str, object]:
    """The whole state for ``gatepost status`` and screens: plain values only."""
    machine = state.alarm
    return {
        **heartbeat(state),
        "armed": state.armed,
        "fault": state.lamp is not None and state.lamp.fault,
        "uptime_ms": state.now_ms - state.health.started_ms,
        "incident": {
            "ids": [str(id) for id in machine.ids],
            "presses": machine.presses,
            "officer": None if machine.officer is None else machine.officer.name.lower(),
            "unreceived": len(machine.waiting),
            "unstored": sum(not press.stored for press in machine.waiting.values()),
            "siren": machine.siren_on,
        },
        "last_press": None if machine.track is None else _track(machine.track, state.now_ms),
        "done_on": "broker" if machine.rules.done_on_broker else "receipt",
        "contacts": {
            "key_closed": state.contacts.key.closed,
            "key_nc_closed": state.contacts.key_nc.closed if state.contacts.rules.supervised else None,
            "reset_closed": state.contacts.reset.closed,
            "edges_lost": state.contacts.key.lost,
        },
        "brokers": [
            {
                "name": name,
                "phase": link.phase.value,
                "mqtt5": link.mqtt5,
                "reason": link.reason,
                "unanswered": link.unanswered,
                "losses": link.losses,
                "centre_listening": link.centre,
            }
            for name, link in zip(state.links.rules.brokers, state.links.links, strict=True)
        ],
        "standing": [
            {
                "trouble": one.trouble.value,
                "part": one.part,
                "detail": one.detail,
                "for_s": (state.now_ms - one.since_ms) // 1000,
            }
            for one in state.health.standing
        ],
        "delivered": state.uplink.done,
        "refusals": state.uplink.refusals,
        "dropped": state.uplink.dropped,
        "hungry": state.health.hungry,
        "selftest": selftest_view.view(state.test, state.schedule, state.now_ms),
        "kiosk": _kiosk(state),
    }


def _kiosk(state: State) -> Mapping[str, object] | None:
    """The kiosk's part. None also after a mistake of ours in it: screens then say out of order, the button goes on."""
    machine = state.kiosk.thermometer
    try:
        return None if machine is None else kiosk_view.view(machine, state.clock, state.now_ms)
    except Exception:  # noqa: BLE001 - a look must not end the brain that the button needs; screens show it
        return None


def _track(track: alarm.Track, now_ms: int) -> Mapping[str, object]:
    """When the newest press reached each stage, counted from its closing edge."""
    moments = {
        "stored": track.stored_ms,
        "at_broker": track.at_broker_ms,
        "received": track.received_ms,
        "seen": track.seen_ms,
        "dispatched": track.dispatched_ms,
    }
    return {
        "id": str(track.id),
        "ago_ms": now_ms - track.pressed_ms,
        "after_ms": {stage: None if moment is None else moment - track.pressed_ms for stage, moment in moments.items()},
    }

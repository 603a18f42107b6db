"""What the evidence of one test says about each of the eighteen links, and which of them the whole needs.

Pure. A link that was not exercised is NOT_TESTED with its reason, never PASS; where an earlier link failed, the later
ones that hang on it are not blamed. The limits are those of the standards' note, section 4.
"""

from __future__ import annotations

from edge.chain import PATH_LINKS, Kind, Link, LinkResult, Stimulus, Verdict
from edge.evidence import Evidence, Fitted
from edge.proving import LinkProbed

APART_MS = 50
EDGE_MS = 50
STORE_MS = 1_000
"""One commit slower than this is a sick card. The note's 200 ms is for 99 of 100: ``scripts/bench`` measures that."""
UPLINK_MS = 5_000
CENTRE_MS = 10_000
TIME_MS = 1_000
LAMP_MS = 300
PLAUSIBLE_CELSIUS = (-20.0, 60.0)

DAY_MS = 86_400_000
FRESH_MS = {Link.KEY: 31 * DAY_MS, Link.LOOP: 31 * DAY_MS, Link.POWER: 7 * DAY_MS, Link.TAMPER: 93 * DAY_MS,
            Link.LOG: DAY_MS, Link.WATCHDOG: 31 * DAY_MS}  # fmt: skip
"""How long what was found out about a link outside any test is good for."""

THE_ALARMS = (Link.CABLE, Link.GPIO, Link.DECISION, Link.LAMPS, Link.RETURN, Link.SIREN)
"""What a real press takes away from a test: it cannot be blamed then for what it did not show."""

UNPROVED = {
    Link.KEY: "only a finger moves the key",
    Link.LOOP: "nothing here opens and shorts the loop",
    Link.POWER: "no battery supply that can be asked",
    Link.TAMPER: "no tamper switch fitted",
    Link.LOG: "the ledger has not been looked through since the start",
    Link.WATCHDOG: "needs a deliberate stop, once a month by a technician",
}


def needed(kind: Kind, fitted: Fitted) -> tuple[Link, ...]:
    """The links that must be proved for the whole to pass: all that are fitted at this gate and belong to the kind."""
    links = {Link.GPIO, Link.DECISION, Link.STORE, Link.UPLINK, Link.CENTRE, Link.TIME}
    if fitted.lamp_sense:
        links |= {Link.LAMPS} if kind is Kind.PATH else {Link.LAMPS, Link.RETURN}
    if fitted.siren_sense:
        links.add(Link.SIREN)
    if fitted.ledger:
        links.add(Link.LOG)
    if kind is not Kind.PATH:
        links.add(Link.OFFICER)
        if fitted.thermometer:
            links.add(Link.THERMOMETER)
        if fitted.loopback:
            links.add(Link.CABLE)
    if kind in (Kind.HUMAN, Kind.DRILL):
        links |= {Link.KEY, Link.CABLE}
    return tuple(sorted(links))


def verdicts(
    kind: Kind,
    stimulus: Stimulus,
    fitted: Fitted,
    seen: Evidence,
    probed: dict[Link, LinkProbed],
    now_ms: int,
    mark: str,
) -> tuple[LinkResult, ...]:
    """One result for each link, in their order."""
    judged: dict[Link, LinkResult] = {
        **_contact(stimulus, fitted, seen),
        **_travel(fitted, seen, mark),
        **_people(kind, fitted, seen),
        **_outputs(kind, fitted, seen),
        **{link: _probed(link, probed.get(link), now_ms) for link in UNPROVED if link is not Link.KEY},
        Link.TIME: _time(seen),
        Link.THERMOMETER: _thermometer(fitted, seen),
    }
    key = probed.get(Link.KEY)
    if key is not None and not key.good and judged[Link.KEY].verdict is Verdict.NOT_TESTED:
        judged[Link.KEY] = _probed(Link.KEY, key, now_ms)  # somebody pressed it, and nothing came
    if Link.LOG not in probed and seen.entries is not None:
        judged[Link.LOG] = _log(seen.entries, seen.log_fault)
    if seen.loop_fault:
        judged[Link.LOOP] = _fail(Link.LOOP, f"{seen.loop_fault} stands")
    if seen.alarms:
        judged |= {link: _spared(judged[link]) for link in THE_ALARMS}
    if kind is Kind.PATH:
        outside = {link: _not_tested(link, "not part of a path test") for link in Link if link not in PATH_LINKS}
        judged |= {link: one for link, one in outside.items() if judged[link].verdict is not Verdict.FAIL}
    return tuple(judged[link] for link in Link)


# --- the contact, links 1 to 5 ----------------------------------------------------------------------------------


def _contact(stimulus: Stimulus, fitted: Fitted, seen: Evidence) -> dict[Link, LinkResult]:
    match stimulus:
        case Stimulus.PERSON:
            key = LinkResult(Link.KEY, Verdict.PASS)
            gpio = _edge(seen) if not seen.polled else _fail(Link.GPIO, "no edge was told: the poll alone saw it")
            return {Link.KEY: key, Link.CABLE: _pair(fitted, seen), Link.GPIO: gpio, Link.DECISION: _decision(seen)}
        case Stimulus.CONTACT_PORT:
            none = {link: _not_tested(link, "no loopback fitted") for link in (Link.KEY, Link.CABLE)}
            gpio = LinkResult(Link.GPIO, Verdict.SIMULATED, "set off at the contact port: no wire was moved")
            if seen.failed:
                gpio = _fail(Link.GPIO, seen.failed)
            return {**none, Link.GPIO: gpio, Link.DECISION: _decision(seen, blamed=seen.failed != "")}
        case Stimulus.LOOPBACK:  # pragma: no branch - mypy knows that it is the last
            return _loopback(fitted, seen)


def _loopback(fitted: Fitted, seen: Evidence) -> dict[Link, LinkResult]:
    judged = {Link.KEY: _not_tested(Link.KEY, UNPROVED[Link.KEY])}
    if seen.failed or (seen.edge_ms is None and not seen.polled and not seen.held_closed):
        reason = seen.failed or "the relay was driven and the contact did not close"
        judged[Link.CABLE] = _fail(Link.CABLE, reason)
        later = (Link.GPIO, Link.DECISION)
        return judged | {link: _behind(link, Link.CABLE) for link in later}
    judged[Link.CABLE] = _pair(fitted, seen)
    if seen.edge_ms is None:
        judged[Link.GPIO] = _fail(Link.GPIO, "the contact closed and no edge was told")
    else:
        judged[Link.GPIO] = _edge(seen)
    judged[Link.DECISION] = _decision(seen, blamed=seen.edge_ms is None and seen.marked_ms is None)
    return judged


def _pair(fitted: Fitted, seen: Evidence) -> LinkResult:
    """Both halves of the key move, no more than APART_MS from one another."""
    if not fitted.supervised:
        return LinkResult(Link.CABLE, Verdict.PASS, "one contact: no second half fitted")
    if seen.edge_ms is None and seen.held_closed:
        return LinkResult(Link.CABLE, Verdict.PASS, "the level was read; no edge to time it by")
    if seen.quiet_ms is None or seen.edge_ms is None:
        return _fail(Link.CABLE, "the normally-closed half did not move")
    return _within(Link.CABLE, abs(seen.quiet_ms - seen.edge_ms), APART_MS, "the halves moved too far apart")


def _edge(seen: Evidence) -> LinkResult:
    if seen.began_ms is None or seen.edge_ms is None:
        return LinkResult(Link.GPIO, Verdict.PASS)
    return _within(Link.GPIO, seen.edge_ms - seen.began_ms, EDGE_MS, "the edge was told late")


def _decision(seen: Evidence, *, blamed: bool = False) -> LinkResult:
    if seen.marked_ms is not None:
        return LinkResult(Link.DECISION, Verdict.PASS)
    return _behind(Link.DECISION, Link.GPIO) if blamed else _fail(Link.DECISION, "the closure made no event")


# --- the way to the centre and back, links 6, 9, 10, 11, 15 ------------------------------------------------------


def _travel(fitted: Fitted, seen: Evidence, mark: str) -> dict[Link, LinkResult]:
    if seen.marked_ms is None:
        return {link: _behind(link, Link.DECISION) for link in (Link.STORE, Link.UPLINK, Link.CENTRE)}
    if not fitted.receipts:
        centre = _not_tested(Link.CENTRE, "this county's platform sends no receipts")
    elif seen.received_ms is None and not any(one is not None for one in seen.acked_ms):
        centre = _behind(Link.CENTRE, Link.UPLINK)
    elif seen.received_ms is None:
        centre = _fail(Link.CENTRE, f"no receipt within {CENTRE_MS // 1000} s")
    else:
        centre = _within(Link.CENTRE, seen.received_ms - seen.marked_ms, CENTRE_MS, "the receipt came late", mark)
    return {Link.STORE: _store(seen, mark), Link.UPLINK: _uplink(fitted, seen, mark), Link.CENTRE: centre}


def _store(seen: Evidence, mark: str) -> LinkResult:
    assert seen.marked_ms is not None
    if seen.stored_ms is None:
        return _fail(Link.STORE, "not committed to the card")
    if seen.read_back is not True:
        found = "it could not be looked for" if seen.read_back is None else "it was not found"
        return _fail(Link.STORE, f"committed, and read back on a second connection {found}")
    confirmed_ms = seen.marked_ms if seen.confirmed_ms is None else seen.confirmed_ms
    return _within(Link.STORE, seen.stored_ms - confirmed_ms, STORE_MS, "the card is slow", mark)


def _uplink(fitted: Fitted, seen: Evidence, mark: str) -> LinkResult:
    """Each broker by itself: a second path that nobody tries is found dead on the day it is needed."""
    assert seen.marked_ms is not None
    missing = []
    for number, name in enumerate(fitted.brokers):
        if seen.acked_ms[number] is None:
            reason = seen.refused[number]
            missing.append(f"{name} did not answer" if reason is None else f"{name} refused it ({reason:#04x})")
    if missing:
        return _fail(Link.UPLINK, "; ".join(missing))
    slowest_ms = max(one for one in seen.acked_ms if one is not None)
    return _within(Link.UPLINK, slowest_ms - seen.marked_ms, UPLINK_MS, "a broker was slow", mark)


def _people(kind: Kind, fitted: Fitted, seen: Evidence) -> dict[Link, LinkResult]:
    if not fitted.receipts:
        return {Link.OFFICER: _not_tested(Link.OFFICER, "this county's platform sends no receipts")}
    if seen.received_ms is None or seen.marked_ms is None:
        return {Link.OFFICER: _behind(Link.OFFICER, Link.CENTRE)}
    if seen.seen_ms is None:
        why = f"no officer confirmed within {fitted.officer_ms // 1000} s"
        # For a drill somebody was booked; for a test nobody had to be at the screen.
        return {Link.OFFICER: (_fail if kind is Kind.DRILL else _not_tested)(Link.OFFICER, why)}
    after_ms = seen.seen_ms - seen.marked_ms
    return {Link.OFFICER: LinkResult(Link.OFFICER, Verdict.PASS, seen.officer, after_ms, fitted.officer_ms)}


def _time(seen: Evidence) -> LinkResult:
    if seen.received_ms is None:
        return _behind(Link.TIME, Link.CENTRE)
    if seen.offset_ms is None:
        return _not_tested(Link.TIME, "the receipt does not carry the centre's time")
    # Half the way there and back is the most that the reading itself can be wrong by.
    off_ms = max(0, abs(seen.offset_ms) - seen.round_ms // 2)
    return _within(Link.TIME, off_ms, TIME_MS, f"this clock is {seen.offset_ms / 1000:+.1f} s off the centre's")


# --- lamps, siren, and what others found out: links 3, 7, 8, 12 to 14, 16 to 18 ----------------------------------


def _outputs(kind: Kind, fitted: Fitted, seen: Evidence) -> dict[Link, LinkResult]:
    if not fitted.lamp_sense:
        why = "no light sensor at the lamp"
        lamps, back = _not_tested(Link.LAMPS, why), _not_tested(Link.RETURN, why)
    else:
        blinked = seen.light_on and seen.light_off
        stuck = "the light does not go out" if seen.light_on else "the lamp was lit and no light was seen"
        lamps = LinkResult(Link.LAMPS, Verdict.PASS) if blinked else _fail(Link.LAMPS, stuck)
        if not blinked:
            back = _behind(Link.RETURN, Link.LAMPS)
        elif seen.received_ms is None:
            back = _behind(Link.RETURN, Link.CENTRE)
        elif seen.return_ms is None:
            back = _fail(Link.RETURN, "the lamp did not show the receipt")
        else:
            back = _within(Link.RETURN, seen.return_ms - seen.received_ms, LAMP_MS, "the lamp showed the receipt late")
    return {Link.LAMPS: lamps, Link.RETURN: back, Link.SIREN: _siren(kind, fitted, seen)}


def _siren(kind: Kind, fitted: Fitted, seen: Evidence) -> LinkResult:
    if not fitted.siren:
        return _not_tested(Link.SIREN, "no siren fitted")
    if not fitted.siren_sense:
        sounded = "it was sounded, and " if kind is Kind.DRILL else ""
        return _not_tested(Link.SIREN, f"{sounded}no current sensor is fitted")
    if seen.siren_moved:
        return LinkResult(Link.SIREN, Verdict.PASS)
    if seen.siren_pulsed is False:
        return _not_tested(Link.SIREN, "the siren was needed for an alarm")
    return _fail(Link.SIREN, "the relay was driven and no current flowed")


def _log(entries: int, fault: str) -> LinkResult:
    if fault:
        return _fail(Link.LOG, fault, entries)
    return LinkResult(Link.LOG, Verdict.PASS, "the newest entries hold together", entries)


def _probed(link: Link, probed: LinkProbed | None, now_ms: int) -> LinkResult:
    if probed is None:
        return _not_tested(link, UNPROVED[link])
    if now_ms - probed.at_ms > FRESH_MS[link]:
        return _not_tested(link, f"last proved {(now_ms - probed.at_ms) // 86_400_000} days ago")
    verdict = Verdict.PASS if probed.good else Verdict.FAIL
    return LinkResult(link, verdict, probed.detail, probed.measured, probed.limit)


def _thermometer(fitted: Fitted, seen: Evidence) -> LinkResult:
    link = Link.THERMOMETER
    if not fitted.thermometer:
        return _not_tested(link, "no thermometer fitted")
    if seen.sensor_fault or seen.ambient_celsius is None:
        return _fail(link, "the sensor gives no reading that can be believed")
    low, high = PLAUSIBLE_CELSIUS
    if not low <= seen.ambient_celsius <= high:
        return _fail(link, f"{seen.ambient_celsius:.1f} degrees are not plausible", seen.ambient_celsius, high)
    return LinkResult(link, Verdict.PASS, "", seen.ambient_celsius, high)


# --- small things -----------------------------------------------------------------------------------------------


def _within(link: Link, measured_ms: int, limit_ms: int, otherwise: str, evidence: str = "") -> LinkResult:
    if measured_ms <= limit_ms:
        return LinkResult(link, Verdict.PASS, "", measured_ms, limit_ms, evidence)
    return LinkResult(link, Verdict.FAIL, otherwise, measured_ms, limit_ms, evidence)


def _fail(link: Link, reason: str, measured: float | None = None, limit: float | None = None) -> LinkResult:
    return LinkResult(link, Verdict.FAIL, reason, measured, limit)


def _not_tested(link: Link, reason: str) -> LinkResult:
    return LinkResult(link, Verdict.NOT_TESTED, reason)


def _spared(one: LinkResult) -> LinkResult:
    failed = one.verdict is Verdict.FAIL
    return _not_tested(one.link, f"a real press came: {one.reason}") if failed else one


def _behind(link: Link, failed: Link) -> LinkResult:
    """Not reached: the link before it is to blame, or what was before that."""
    return _not_tested(link, f"not reached: link {failed:d} did not do its part")

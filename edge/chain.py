"""What a self-test says: the eighteen links of the alarm chain, the four verdicts, and the report in two forms.

Pure. A link that was not exercised is never reported as passed (issue 4; architecture, decision 7). A report is kept
and sent as the plain body of an event: the centre, the ledger and the technician's commands read the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum

from edge.value import Value

Body = Mapping[str, str | int | float | bool | None]


class Link(IntEnum):
    """The chain from the finger to the officer and back, in the order of the table in the standards' note."""

    KEY = 1
    CABLE = 2
    LOOP = 3
    GPIO = 4
    DECISION = 5
    STORE = 6
    LAMPS = 7
    SIREN = 8
    UPLINK = 9
    CENTRE = 10
    OFFICER = 11
    RETURN = 12
    POWER = 13
    TAMPER = 14
    TIME = 15
    LOG = 16
    WATCHDOG = 17
    THERMOMETER = 18


class Verdict(Enum):
    """What one link is said to be. ``SIMULATED``: it worked, set off by software further down the chain."""

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_TESTED = "NOT_TESTED"
    SIMULATED = "SIMULATED"


class Kind(Enum):
    """What kind of test. A drill sounds the siren, booked with the centre; a path test is the daily quiet one."""

    FULL = "full"
    PATH = "path"
    HUMAN = "human"
    DRILL = "drill"


class Result(Enum):
    """The whole test. Only ``PASS`` counts for the week; ``PARTIAL``: nothing failed, and something was not proved."""

    PASS = "PASS"
    FAIL = "FAIL"
    PARTIAL = "PARTIAL"


class Stimulus(Enum):
    """What closed the contact: a finger, a relay across the button, or software at the contact port."""

    PERSON = "person"
    LOOPBACK = "loopback"
    CONTACT_PORT = "contact_port"


PATH_LINKS = (
    Link.GPIO,
    Link.DECISION,
    Link.STORE,
    Link.LAMPS,
    Link.SIREN,
    Link.UPLINK,
    Link.CENTRE,
    Link.TIME,
    Link.LOG,
)
"""What the daily quiet path test covers (links 4 to 10, 15 and 16; standards' note, section 4)."""

UNITS = {
    Link.CABLE: "ms",
    Link.LOOP: "ms",
    Link.GPIO: "ms",
    Link.STORE: "ms",
    Link.UPLINK: "ms",
    Link.CENTRE: "ms",
    Link.OFFICER: "ms",
    Link.RETURN: "ms",
    Link.POWER: "s",
    Link.TIME: "ms",
    Link.LOG: "entries",
    Link.WATCHDOG: "ms",
    Link.THERMOMETER: "celsius",
}
"""What a link's measured value and limit are counted in; a link that is not here has neither."""


class LinkResult(Value, frozen=True):
    """The verdict on one link. ``reason``: why it failed, why not tested, or from which link it was simulated."""

    link: Link
    verdict: Verdict
    reason: str = ""
    measured: float | None = None
    limit: float | None = None
    evidence: str = ""


class Report(Value, frozen=True):
    """One test, whole. Ids are those of events; ``mark`` is the test's own press as the officer sees it.

    ``planned_wall_ms`` None: somebody asked for it. ``operator`` and ``key_fingerprint`` name the technician,
    ``window`` the centre's nonce where a window was open. ``alarms`` counts the real alarms during the test,
    ``troubles`` names those that stood.
    """

    kind: Kind
    result: Result
    stimulus: Stimulus
    mark: str
    links: tuple[LinkResult, ...]
    started_ms: int
    ended_ms: int
    planned_wall_ms: int | None = None
    operator: str = ""
    key_fingerprint: str = ""
    window: str = ""
    receipt_wall_ms: int | None = None
    officer: str = ""
    alarms: int = 0
    troubles: str = ""
    software: str = ""
    configuration: str = ""


_PLAIN = (
    "mark", "started_ms", "ended_ms", "planned_wall_ms", "operator", "key_fingerprint", "window", "receipt_wall_ms",
    "officer", "alarms", "troubles", "software", "configuration",
)  # fmt: skip


_KEYS = {link: f"link_{link:02d}" for link in Link}
_DETAILS = {
    link: [(name, f"{key}_{name}") for name in ("reason", "measured", "limit", "evidence")]
    for link, key in _KEYS.items()
}


class WindowOpened(Value, frozen=True):
    """The centre lets a person's press count as a test, or a drill, for ``for_ms``, 1,800,000 at most.

    ``expires_wall_ms``: a command that arrives later was held back by somebody, and is not obeyed. None: it has proved
    that it is new (``edge.challenges``), and no clock is asked.
    """

    nonce: str
    kind: Kind
    by: str
    for_ms: int
    expires_wall_ms: int | None
    at_ms: int


class WindowClosed(Value, frozen=True):
    """The centre ends the window with this nonce before its time."""

    nonce: str
    by: str
    at_ms: int


def body_of(report: Report) -> dict[str, str | int | float | bool | None]:
    """The report as an event's body: scalars, a group of keys for each link (``link_04``, ``link_04_measured``)."""
    body: dict[str, str | int | float | bool | None] = {
        "report": 1,
        "kind": report.kind.value,
        "result": report.result.value,
        "stimulus": report.stimulus.value,
        **{name: getattr(report, name) for name in _PLAIN},
    }
    for one in report.links:
        body[_KEYS[one.link]] = one.verdict.value
        for name, key in _DETAILS[one.link]:
            value = getattr(one, name)
            if value not in ("", None):
                body[key] = value
    return body


def is_report(body: Body) -> bool:
    """True where an event's body is a test's report, and not the test's mark."""
    return body.get("report") == 1


def report_of(body: Body) -> Report:
    """The report that ``body_of`` wrote. Raises ValueError, KeyError or TypeError where the body is none."""
    links = tuple(_link_of(body, link) for link, key in _KEYS.items() if key in body)
    plain = {name: body[name] for name in _PLAIN if name in body}
    return Report(
        kind=Kind(body["kind"]),
        result=Result(body["result"]),
        stimulus=Stimulus(body["stimulus"]),
        links=links,
        **plain,  # type: ignore[arg-type]  # what each is, ``body_of`` wrote
    )


def _link_of(body: Body, link: Link) -> LinkResult:
    given = {name: body[key] for name, key in _DETAILS[link] if key in body}
    return LinkResult(link, Verdict(body[_KEYS[link]]), **given)  # type: ignore[arg-type]


def result_of(links: tuple[LinkResult, ...], needed: tuple[Link, ...]) -> Result:
    """The whole: any FAIL is FAIL; a ``needed`` link that is neither PASS nor SIMULATED makes it PARTIAL."""
    verdicts = {one.link: one.verdict for one in links}
    if Verdict.FAIL in verdicts.values():
        return Result.FAIL
    proved = (Verdict.PASS, Verdict.SIMULATED)
    return Result.PASS if all(verdicts.get(link) in proved for link in needed) else Result.PARTIAL

"""The report of a test in its two forms, and what the whole is worth."""

from __future__ import annotations

import pytest

from edge.chain import (
    Kind,
    Link,
    LinkResult,
    Report,
    Result,
    Stimulus,
    Verdict,
    body_of,
    is_report,
    report_of,
    result_of,
)

LINKS = (
    LinkResult(Link.CABLE, Verdict.NOT_TESTED, "no loopback fitted"),
    LinkResult(Link.STORE, Verdict.PASS, "", 4.5, 200.0, "0123456789abcdef-7"),
    LinkResult(Link.UPLINK, Verdict.SIMULATED, "from link 5"),
)


def test_a_report_comes_back_from_its_body_whole() -> None:
    report = Report(
        kind=Kind.FULL,
        result=Result.PARTIAL,
        stimulus=Stimulus.CONTACT_PORT,
        mark="0123456789abcdef-7",
        links=LINKS,
        started_ms=5,
        ended_ms=9,
        planned_wall_ms=1_790_000_000_000,
        operator="Li Wei",
    )
    body = body_of(report)
    assert is_report(body)
    assert report_of(body) == report


def test_a_body_that_is_no_report_is_refused() -> None:
    assert not is_report({"press": 1})
    with pytest.raises((KeyError, ValueError)):
        report_of({"report": 1, "kind": "full"})


@pytest.mark.parametrize(
    ("verdict", "result"),
    [
        (Verdict.PASS, Result.PASS),
        (Verdict.SIMULATED, Result.PASS),
        (Verdict.NOT_TESTED, Result.PARTIAL),
        (Verdict.FAIL, Result.FAIL),
    ],
)
def test_the_whole_is_no_better_than_its_links(verdict: Verdict, result: Result) -> None:
    links = (LinkResult(Link.STORE, Verdict.PASS), LinkResult(Link.UPLINK, verdict))
    assert result_of(links, (Link.STORE, Link.UPLINK)) is result


def test_a_needed_link_that_nobody_looked_at_is_not_passed() -> None:
    assert result_of((), (Link.UPLINK,)) is Result.PARTIAL

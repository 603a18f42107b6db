"""What a test's evidence proves, link by link: where the whole test's road would hide it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edge.chain import Kind, Link, LinkResult, Stimulus, Verdict
from edge.evidence import Evidence, Fitted
from edge.verdicts import verdicts

T = 5_000
SEEN = Evidence(
    began_ms=T, ended_ms=T + 30, edge_ms=T, marked_ms=T + 10, confirmed_ms=T + 10, stored_ms=T + 20, read_back=True,
    acked_ms=(T + 30,), refused=(None,), received_ms=T + 40,
)  # fmt: skip


def store(**changes: object) -> LinkResult:
    judged = verdicts(Kind.FULL, Stimulus.CONTACT_PORT, Fitted(), replace(SEEN, **changes), {}, T + 1_000, "a-1")
    return next(one for one in judged if one.link is Link.STORE)


def test_what_was_stored_and_read_again_proves_the_store() -> None:
    assert store().verdict is Verdict.PASS


@pytest.mark.parametrize("read_back", [None, False])
def test_what_was_stored_and_never_read_again_does_not(read_back: bool | None) -> None:
    assert store(read_back=read_back).verdict is Verdict.FAIL


def test_what_was_never_stored_fails_whatever_was_read() -> None:
    assert store(stored_ms=None).verdict is Verdict.FAIL

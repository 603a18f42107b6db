"""What the brain hears of its certificates. Nothing here acts."""

from __future__ import annotations

from edge.value import Value


class CertificateRead(Value, frozen=True):
    """A broker's certificate ends then; None where it cannot be read, and ``problem`` says why."""

    broker: int
    until_wall_ms: int | None
    problem: str
    at_ms: int

"""Every check there is, in the order in which a technician would look."""

from __future__ import annotations

from collections.abc import Iterator

from edge.checks import card, clock, daemon, device, line, proof, rights
from edge.checks.gate import Gate
from edge.findings import Finding


def findings(gate: Gate) -> Iterator[Finding]:
    """One after the other, as each is found: a broker that does not answer holds up only what follows it."""
    for part in (daemon, proof, device, card, clock, rights, line):
        yield from part.checks(gate)

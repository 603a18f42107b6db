"""How many days a gate's certificates have left, by its own clock. Pure."""

from __future__ import annotations

from edge.certificate_words import CertificateRead
from edge.timekeeping import Timekeeping, stamp

RENEW_DAYS = 21
"""A certificate that ends sooner is a trouble now: a county's office needs its time."""

DAY_MS = 86_400_000


def days_left(clock: Timekeeping, read: CertificateRead, at_ms: int) -> int | None:
    """Whole days, negative after the end; None where the certificate cannot be read."""
    if read.until_wall_ms is None:
        return None
    return (read.until_wall_ms - stamp(clock, at_ms).wall_ms) // DAY_MS

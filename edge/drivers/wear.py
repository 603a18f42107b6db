"""How much this process has had written to the card, as the kernel counts it: a card wears by what is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ACCOUNTS = Path("/proc/self/io")
RATE_AFTER_MS = 3_600_000
"""Before an hour has passed, what the start wrote would make the day look worse than it is."""

_DAY_MS = 86_400_000


def written(uptime_ms: int, accounts: Path = ACCOUNTS) -> Mapping[str, int | None]:
    """Bytes since the start, and in a day at this pace; None where it cannot be said. Any thread; never raises.

    The kernel counts the pages that this process made it write; the file system's own journal comes on top.
    """
    try:
        lines = dict(line.split(": ") for line in accounts.read_text().splitlines())
        count = int(lines["write_bytes"])
    except (OSError, ValueError, KeyError):  # a kernel that keeps no accounts
        return {"written_bytes": None, "written_bytes_a_day": None}
    rate = None if uptime_ms < RATE_AFTER_MS else count * _DAY_MS // uptime_ms
    return {"written_bytes": count, "written_bytes_a_day": rate}

"""A moment as a technician writes it, in the machine's time zone: ``2h`` ago, ``10:30`` today, or a date."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

ALLOWED = (
    "a date (2026-11-24), a date and a time (2026-11-24 10:30), a time of today (10:30), or so long ago (15min, 2h, 3d)"
)

_AGO = re.compile(r"(\d{1,6})\s*(s|min|h|d)")
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")


def wall_ms_of(text: str, now: datetime) -> int:
    """The moment in milliseconds since 1970 UTC; ``now`` has a time zone. Raises ValueError: what is allowed."""
    words = text.strip()
    ago = _AGO.fullmatch(words)
    try:
        if ago is not None:
            moment = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        elif _TIME.fullmatch(words):
            moment = datetime.fromisoformat(f"{now:%Y-%m-%d} {words:0>5}")
        else:
            moment = datetime.fromisoformat(words)
        # A moment without a zone is the machine's own, with the offset that was in force then.
        return round(moment.astimezone().timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text!r} is no moment; give {ALLOWED}") from None


def shown(wall_ms: int) -> str:
    """As people read it, to the second."""
    return f"{datetime.fromtimestamp(wall_ms / 1000).astimezone():%Y-%m-%d %H:%M:%S}"

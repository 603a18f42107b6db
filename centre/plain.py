"""Words on a terminal: what gates wrote is text only (no markup, no control characters), times are the reader's."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console
from rich.text import Text


def console() -> Console:
    """The terminal; wide enough for a table when it is a pipe."""
    found = Console()
    return found if found.is_terminal else Console(width=160)


def plain(value: object, style: str = "") -> Text:
    """Any outside text, harmless."""
    return Text("".join(c if c.isprintable() else "?" for c in str(value)), style=style)


def moment(wall_ms: object) -> str:
    """A wall time in the reader's time zone, '-' for none."""
    if not isinstance(wall_ms, int) or wall_ms <= 0:
        return "-"
    try:
        shown = datetime.fromtimestamp(wall_ms / 1000).astimezone()
    except (OverflowError, OSError, ValueError):
        return str(wall_ms)
    return f"{shown:%Y-%m-%d %H:%M:%S}.{wall_ms % 1000:03d}"

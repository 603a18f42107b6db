"""The list, live; and a screen that confirms test cards by itself, where a centre wants that."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.live import Live

from centre.plain import console
from centre.screen import overview
from edge.errors import RefusedError

WATCH_S = 1.0

Act = Callable[[Mapping[str, object]], object]
Shown = Callable[[Mapping[str, Any]], None]
"""Called with what was on the screen, after it was."""


def confirming(name: str, act: Act) -> Shown:
    """Confirm each test card once it has been shown, in a name that says that software did it.

    This proves the way as far as this screen, and nothing about a person (standards' note, link 11). An alarm is
    never touched. Raises RefusedError for a name that is too long to travel.
    """
    by = f"software {name}"
    if not name.strip() or len(by) > 80:
        raise RefusedError("--confirm-tests-as needs a name of 1 to 71 characters")

    def shown(answer: Mapping[str, Any]) -> None:
        for card in answer["cards"]:
            if card["seen_by"] or not card["left_ms"]:
                continue
            try:
                act({"do": "act", "id": card["test"], "stage": "seen", "by": by})
            except RefusedError:
                continue  # its report came at this moment, or an officer was quicker

    return shown


def watch(look: Callable[[], Any], shown: Shown, times: int, print_json: Callable[[object], None] | None) -> None:
    """Look once a second. Ctrl-C ends it."""
    try:
        if print_json is not None:
            _again(look, print_json, shown, times)
            return
        with Live(console=console(), auto_refresh=False) as live:
            _again(look, lambda answer: live.update(overview(answer), refresh=True), shown, times)
    except KeyboardInterrupt:
        return


def _again(look: Callable[[], Any], show: Callable[[Any], None], shown: Shown, times: int) -> None:
    looks = 0
    while True:
        answer = look()
        show(answer)
        shown(answer)
        looks += 1
        if looks == times:
            return
        time.sleep(WATCH_S)

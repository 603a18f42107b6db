"""Proves this gate's own ledger again and again, a few entries at a time between two jobs: link 16 of a self-test.

The store's thread calls everything; a press waits for one piece at most. Judged are the chain, the signatures, and the
head that was told in heartbeats: a file that was cut or put back under the running gate does not fit it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge.chain import Link, Result
from edge.errors import GatepostError
from edge.ledger import Entry, Head
from edge.ledger_check import Checker, Judge
from edge.ports import Clock
from edge.proving import LinkProbed

PIECE = 32
"""Entries that one step looks at: about a millisecond on a desktop machine."""

EVERY_MS = 6 * 3_600_000
"""Four times a day: a self-test takes a proof of the last 24 h."""

AGAIN_MS = 600_000
"""After a round that found something: a card that is back shall not be called bad for hours."""

Read = Callable[[int, int], Sequence[Entry | None]]
"""Entries after a number, at most so many, None for a row that is none. Raises GatepostError."""


class Auditing:
    """One round after another. ``step`` never raises what reading the file raises: that is a finding."""

    def __init__(
        self,
        read: Read,
        head: Callable[[], Head | None],
        judge: Callable[[], Judge | None],
        clock: Clock,
        tell: Callable[[LinkProbed], None],
    ) -> None:
        """``head`` is the newest entry that this life has written, ``judge`` the gate's own public key."""
        self._read = read
        self._head = head
        self._judge = judge
        self._clock = clock
        self._tell = tell
        self._due_ms = clock.now_ms()
        self._checker: Checker | None = None
        self._after = 0

    def step(self) -> bool:
        """Look at a little of it, if a round is due; True while there is more."""
        if self._clock.now_ms() < self._due_ms:
            return False
        if self._checker is None:
            judge = self._judge()
            self._checker, self._after = Checker([] if judge is None else [judge], head=self._head()), 0
        try:
            entries = self._read(self._after, PIECE)
        except GatepostError as error:
            self._end(False, str(error), 0)
            return False
        for entry in entries:
            if entry is None:
                self._end(False, f"the row after entry {self._after} is not readable", 0)
                return False
            self._checker.take(entry)
            self._after = entry.number
        if not entries:
            self._judge_round(self._checker)
        return bool(entries)

    def _judge_round(self, checker: Checker) -> None:
        outcome = checker.outcome()
        found = outcome.findings[0] if outcome.findings else None
        detail = "" if found is None else f"{found.fault.value}: entry {found.first}; see gatepost ledger verify"
        self._end(outcome.result is not Result.FAIL, detail, outcome.entries)

    def _end(self, good: bool, detail: str, entries: int) -> None:
        self._checker, self._due_ms = None, self._clock.now_ms() + (EVERY_MS if good else AGAIN_MS)
        self._tell(LinkProbed(Link.LOG, good, detail, self._clock.now_ms(), float(entries)))

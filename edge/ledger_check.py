"""Finds what was done to a ledger: an edit, a deletion, another order, a cut tail, a signature that is not the gate's.

Pure; the keys are handed in. Where every link of a run of entries holds, one genuine signature at its end vouches for
all of them: a hundred thousand entries take seconds on a Pi instead of minutes, and no byte goes unproved.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from edge.chain import Result, Verdict
from edge.ledger import NOTHING, Entry, Head, Note, What, content_of, digest_of, is_whole
from edge.value import Value

FINDINGS_MAX = 200
"""Findings that are told one by one; of more, the number is enough."""

RUN_MAX = 4096
"""Every so many entries of a run a signature is looked at: a few megabytes of memory, however long the ledger."""


class Fault(Enum):
    """What is wrong. The last three are no proof that anybody did anything."""

    MALFORMED = "malformed"
    EDITED = "edited"
    DELETED = "deleted"
    REORDERED = "reordered"
    REPLACED = "replaced"
    CUT = "cut"
    REWRITTEN = "rewritten"
    OTHER_START = "other_start"
    FORGED = "forged"
    WRONG_KEY = "wrong_key"
    UNSIGNED = "unsigned"
    BEGAN_ANEW = "began_anew"
    ROLLED_BACK = "rolled_back"


MERE_DOUBTS = (Fault.UNSIGNED, Fault.BEGAN_ANEW)
"""Something is not proved. Everything else is a failure."""

_CHAIN = (
    Fault.MALFORMED, Fault.EDITED, Fault.DELETED, Fault.REORDERED, Fault.REPLACED, Fault.ROLLED_BACK,
)  # fmt: skip
_SIGNATURES = (Fault.FORGED, Fault.WRONG_KEY, Fault.UNSIGNED)


class Judge(Protocol):
    """A public key."""

    public_key: str

    def is_genuine(self, digest: bytes, signature: str) -> bool:
        """True where its private half made this signature of this digest."""


class Finding(Value, frozen=True):
    """What is wrong with the entries ``first`` to ``last`` (for MALFORMED: with these lines or rows)."""

    fault: Fault
    first: int
    last: int
    detail: str = ""


class Outcome(Value, frozen=True):
    """What was found. Each part says of itself whether it was looked at; ``more`` findings are not told singly.

    ``start``: nothing is missing before the first entry. ``end``: nothing is missing after the last one.
    """

    result: Result
    entries: int
    first: int
    head: Head | None
    start: Verdict
    chain: Verdict
    signatures: Verdict
    end: Verdict
    findings: tuple[Finding, ...] = ()
    more: int = 0


class _Signed(NamedTuple):
    """What is needed of an entry to judge its signature."""

    number: int
    digest: bytes
    signature: str


class Checker:
    """Takes the entries in the order in which they stand. ``keys`` are those that the reader trusts."""

    def __init__(
        self,
        keys: Sequence[Judge],
        after: Head | None = None,
        head: Head | None = None,
        *,
        every_signature: bool = False,
        judge_of: Callable[[str], Judge | None] = lambda _: None,
    ) -> None:
        """``after`` is the entry before the first one, ``head`` the newest that somebody outside knows.

        ``judge_of`` makes a judge of a key that the ledger itself names: only to say whose a strange signature is.
        """
        self._keys = keys
        self._after = after
        self._outer_head = head
        self._every = every_signature
        self._judge_of = judge_of
        self._entries = 0
        self._first = 0
        self._last: Head | None = None
        self._last_whole = True
        self._highest: Head | None = None
        self._start = Verdict.NOT_TESTED
        self._head_seen = False
        self._gaps: list[tuple[int, int]] = []
        self._strays: set[int] = set()
        self._run: list[Entry] = []
        self._unproved: list[_Signed] = []
        self._why_unsigned = ""
        self._declared: list[str] = []
        self._findings: list[Finding] = []
        self._faults: set[Fault] = set()
        self._more = 0

    def malformed(self, place: int) -> None:
        """Line or row ``place`` (from 1) is not an entry at all."""
        self._find(Fault.MALFORMED, place, place)
        self._end_run()
        if self._last is not None:
            self._last = Head(self._last.number + 1, "")
        self._last_whole = False

    def take(self, entry: Entry) -> None:
        """The next entry."""
        self._entries += 1
        whole = is_whole(entry)
        last = self._last
        if last is None:
            self._first = entry.number
            if self._last_whole and whole:
                self._begin(entry)
        elif not (self._last_whole and whole and (entry.number, entry.previous) == (last.number + 1, last.hash)):
            self._break(entry, last, whole)
        if not whole:
            # Its number may be what was changed: it counts as the one that should stand here.
            number = entry.number if last is None else last.number + 1
            self._find(Fault.EDITED, number, number)
            self._last, self._last_whole = Head(number, entry.hash), False
            return
        stray = self._last_whole and last is not None and entry.number <= last.number
        if not stray:
            self._last, self._last_whole = entry.head, True
        if self._highest is None or entry.number > self._highest.number:
            self._highest = entry.head
        self._compare(entry)
        if entry.record.startswith('{"note":'):
            self._heed(entry)
        self._run.append(entry)
        if stray:
            self._end_run()
        elif len(self._run) == RUN_MAX:
            self._look_at_run()

    def outcome(self) -> Outcome:
        """What was found, once all entries were given."""
        self._end_run()
        for first, last in self._gaps:
            for missing in _without(first, last, self._strays):
                self._find(Fault.DELETED, *missing)
        end = self._judge_end()
        findings = tuple(sorted(self._findings, key=lambda one: (one.first, one.last)))
        faults = self._faults
        chain = Verdict.FAIL if faults & set(_CHAIN) else Verdict.PASS if self._entries else Verdict.NOT_TESTED
        signatures = Verdict.PASS
        if faults & set(_SIGNATURES):
            signatures = Verdict.FAIL if faults & {Fault.FORGED, Fault.WRONG_KEY} else Verdict.NOT_TESTED
        elif not self._keys or not self._entries:
            signatures = Verdict.NOT_TESTED
        parts = (self._start, chain, signatures, end)
        result = Result.PARTIAL
        if faults - set(MERE_DOUBTS):
            result = Result.FAIL
        elif all(part is Verdict.PASS for part in parts):
            result = Result.PASS
        return Outcome(
            result, self._entries, self._first, self._highest, self._start, chain, signatures, end, findings, self._more
        )

    # --- the chain ------------------------------------------------------------------------------------------------

    def _begin(self, entry: Entry) -> None:
        """Is this the first entry of all, or the one that follows what the reader knows?"""
        before = Head(0, NOTHING) if self._after is None else self._after
        if (entry.number, entry.previous) == (before.number + 1, before.hash):
            self._start = Verdict.PASS
        elif self._after is not None or entry.number == 1:
            self._start = Verdict.FAIL
            self._find(Fault.OTHER_START, entry.number, entry.number, f"{before.number}:{before.hash}")

    def _break(self, entry: Entry, last: Head, whole: bool) -> None:
        """The entry does not follow the one that stands before it."""
        self._end_run()
        if not whole:
            return  # told as an edit
        if entry.number > last.number + 1:
            self._gaps.append((last.number + 1, entry.number - 1))
        elif entry.number <= last.number:
            self._strays.add(entry.number)
            self._find(Fault.REORDERED, entry.number, entry.number, str(last.number))
        elif self._last_whole:
            self._find(Fault.REPLACED, last.number, entry.number)

    def _compare(self, entry: Entry) -> None:
        outer = self._outer_head
        if outer is not None and entry.number == outer.number:
            self._head_seen = True
            if entry.hash != outer.hash:
                self._find(Fault.REWRITTEN, entry.number, entry.number, outer.hash)

    def _judge_end(self) -> Verdict:
        outer = self._outer_head
        if outer is None:
            return Verdict.NOT_TESTED
        if self._head_seen:
            return Verdict.FAIL if Fault.REWRITTEN in self._faults else Verdict.PASS
        highest = 0 if self._highest is None else self._highest.number
        if outer.number > highest:
            self._find(Fault.CUT, highest + 1, outer.number)
            return Verdict.FAIL
        return Verdict.NOT_TESTED  # known from before the first entry, or of an entry that is told as lost

    def _heed(self, entry: Entry) -> None:
        """The ledger's own notes say which key is used, why none is, and what went before."""
        note = content_of(entry.record)
        if not isinstance(note, Note):
            return
        if note.public_key:
            self._declared.append(note.public_key)
        if note.note is What.UNSIGNED:
            self._why_unsigned = note.why
        if note.note is What.BEGAN:
            if note.last is not None and note.last.number >= entry.number:
                self._find(Fault.ROLLED_BACK, entry.number, note.last.number, note.why)
            elif note.why and entry.number == self._first:
                self._find(Fault.BEGAN_ANEW, entry.number, entry.number, note.why)

    # --- signatures -----------------------------------------------------------------------------------------------

    def _look_at_run(self) -> None:
        """What is proved so far need not be kept; the rest waits for a signature further on that vouches for it."""
        run, self._run = self._run, []
        if not self._keys:
            return
        for first, last in _ranges(entry.number for entry in run if not entry.signature):
            self._find(Fault.UNSIGNED, first, last, self._why_unsigned)
        signed = [entry for entry in run if entry.signature]
        if self._every:
            self._tell_bad([one for one in map(_signed, signed) if not self._genuine(one)])
        elif signed and self._genuine(_signed(signed[-1])):
            self._unproved.clear()
        else:
            self._unproved.extend(map(_signed, signed))

    def _end_run(self) -> None:
        """Up to here every link holds: judge it by its signatures.

        Where the last one is not genuine, none can be from the first entry on that was touched: each entry repeats the
        hash of the one before.
        """
        self._look_at_run()
        left, self._unproved = self._unproved, []
        self._tell_bad(left[bisect_left(left, True, key=lambda one: not self._genuine(one)) :])

    def _tell_bad(self, bad: Sequence[_Signed]) -> None:
        strange: dict[str, list[int]] = {}
        for one in bad:
            strange.setdefault(self._other_key(one), []).append(one.number)
        for key, numbers in strange.items():
            for first, last in _ranges(numbers):
                self._find(Fault.WRONG_KEY if key else Fault.FORGED, first, last, key)

    def _genuine(self, one: _Signed) -> bool:
        return _is_of(self._keys, one)

    def _other_key(self, one: _Signed) -> str:
        """The key that the ledger itself names and the reader does not trust, if it made this signature."""
        for public_key in self._declared:
            judge = self._judge_of(public_key)
            if judge is not None and _is_of([judge], one):
                return public_key
        return ""

    def _find(self, fault: Fault, first: int, last: int, detail: str = "") -> None:
        self._faults.add(fault)
        if len(self._findings) < FINDINGS_MAX:
            self._findings.append(Finding(fault, first, last, detail))
        else:
            self._more += 1


def _signed(entry: Entry) -> _Signed:
    return _Signed(entry.number, digest_of(entry), entry.signature)


def _is_of(keys: Sequence[Judge], one: _Signed) -> bool:
    return any(key.is_genuine(one.digest, one.signature) for key in keys)


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Rising numbers as ranges without a hole."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def _without(first: int, last: int, strays: Iterable[int]) -> list[tuple[int, int]]:
    """The ranges of ``first`` to ``last`` without the strays. Never counts up: an entry may claim any number."""
    ranges = []
    for stray in sorted(number for number in strays if first <= number <= last):
        if stray > first:
            ranges.append((first, stray - 1))
        first = stray + 1
    return [*ranges, (first, last)] if first <= last else ranges

"""Whether a word of the centre is new: it quotes a challenge that this gate drew, and a number that rises under it.

Every heartbeat carries a challenge. What an officer says quotes the newest that the centre has heard, so that neither
side needs to know the time, nor to write anything down: a word is too old when its challenge is, by the gate's own
monotonic clock, and after a restart no challenge of an earlier life is known. Pure; times are monotonic milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.value import Value
from edge.wire import Proof, WireError

DRAW_MS = 1_000
"""Heartbeats to several brokers in the same second carry the same challenge."""

KNOWN_MAX = 64
"""Challenges that are remembered: more than four brokers' heartbeats of KNOWN_MS_MAX."""

KNOWN_MS_MAX = 300_000
"""No word is obeyed that answers an older challenge, whatever it says itself."""

NUMBERS_MAX = 256
"""Numbers obeyed that are remembered, to tell what was repeated from what was overtaken."""


class Drawn(Value, frozen=True):
    """A challenge. ``place`` counts challenges in the order in which they were drawn."""

    place: int
    at_ms: int


class Challenges:
    """One for the gate, whichever broker a word comes by. Guarded by its owner's lock."""

    def __init__(self, draw: Callable[[], str]) -> None:
        """``draw`` gives 16 hexadecimal digits that nobody can guess."""
        self._draw = draw
        self._known: dict[str, Drawn] = {}
        self._newest: tuple[str, Drawn] | None = None
        self._last = (0, 0)
        self._obeyed: list[tuple[int, int]] = []

    def current(self, now_ms: int) -> str:
        """The challenge for a heartbeat that leaves now."""
        if self._newest is not None and now_ms - self._newest[1].at_ms < DRAW_MS:
            return self._newest[0]
        place = 1 if self._newest is None else self._newest[1].place + 1
        self._newest = (self._draw(), Drawn(place, now_ms))
        self._known[self._newest[0]] = self._newest[1]
        while len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]
        return self._newest[0]

    def obey(self, proof: Proof | None, now_ms: int) -> None:
        """Take note of a word that is about to be obeyed, once.

        Raises WireError where it is not new: ``unproved`` (it quotes nothing), ``challenge`` (one that this life of
        the gate has not drawn, or long ago), ``expired``, ``replayed``, or ``reordered`` (a later word was obeyed).
        """
        if proof is None:
            raise WireError("unproved", "it quotes no challenge of this gate")
        drawn = self._known.get(proof.challenge)
        if drawn is None:
            raise WireError("challenge", f"{proof.challenge} was not drawn by this gate since it started, or long ago")
        age_ms = now_ms - drawn.at_ms
        if age_ms > min(proof.within_ms, KNOWN_MS_MAX):
            raise WireError("expired", f"its challenge is {age_ms} ms old, {proof.within_ms} allowed")
        this = (drawn.place, proof.number)
        if this in self._obeyed:
            raise WireError("replayed", f"number {proof.number} was obeyed before")
        if this < self._last:
            raise WireError("reordered", f"number {proof.number}: a later word was obeyed")
        self._last = this
        self._obeyed = [*self._obeyed, this][-NUMBERS_MAX:]

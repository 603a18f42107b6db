"""Whose finger was it? Tells what a test does to the contact from a real press, where both look alike on the wire.

Pure. There are two ways in which a closure of the real key may be a test's, and each may claim one closure only.

The relay of a test holds the contact for less time than the shortest press that counts (``hold_ms``), and must have let
go soon after (``settle_ms``). Both together are shorter than SHORTEST_PRESS_MS, so that every press of a person sticks
out: it began before the relay moved, or the contact is closed when the relay must have let go. The standards' note
allows 250 ms here; a quick press would be lost in that.

In a window that the centre has opened, a person's quiet press is a test. Held for HELD_MS, or followed by another, it
is a real alarm after all.
"""

from __future__ import annotations

from msgspec.structs import replace

from edge.events import Contact, ContactEdge, LevelRead
from edge.proving import StimulusBegan, StimulusEnded, StimulusLooked
from edge.value import Value

SHORTEST_PRESS_MS = 50
"""A closure this long is always taken for a press (standards' note, R1)."""

RELAY_MS = 15
"""What a relay needs to pull in and stop bouncing, on top of the time that the contact must stay closed to count."""

HOLD_MS_MIN = 25

SPIKE_MS = 6
"""Two looks so far apart that both find the contact closed: that is no disturbance, which lasts 5 ms at most."""

LATE_MS = 5
"""So much later than told, relay and look may happen: threads on a busy machine. Taken off the time to let go."""

HELD_MS = 2_000
"""A press held for so long is a call for help, window or not."""

PULL_IN_MS_MAX = 250
"""A closure that begins later after the relay was driven is not the relay's."""

SETTLE_MS_MIN = 10
"""A relay that is to let go any sooner is none."""

STALE_MS = 15_000
"""A relay's claim ends so long after its command, whatever its hand says or does not say."""


class Claim(Value, frozen=True):
    """What a test may take for its own. ``taken_ms`` is the closing edge that it took, ``person`` that it was wrong.

    ``relay``: a relay closes the contact, of which the moments are ``began_ms`` and ``ended_ms``, told by its hand.
    Otherwise a window lasts from ``began_ms`` to ``until_ms``.
    ``looked_ms``: a look found it closed when the relay must have let go; ``held``: a second one did as well.
    ``again_ms``: the contact closed once more after the relay was told to let go; from ``sure_ms`` on that counts.
    """

    relay: bool
    began_ms: int | None = None
    ended_ms: int | None = None
    until_ms: int = 0
    settle_ms: int = 0
    taken_ms: int | None = None
    person: bool = False
    sure_ms: int | None = None
    again_ms: int | None = None
    looked_ms: int | None = None
    held: bool = False


def hold_ms(confirm_ms: int) -> int:
    """How long the relay is to hold the contact: as long as it takes to count, and no longer than must be."""
    return max(HOLD_MS_MIN, confirm_ms + RELAY_MS)


def settle_ms(confirm_ms: int) -> int:
    """How soon the relay must have let go. Below 1 where ``confirm_ms`` leaves no room for a relay at all."""
    return SHORTEST_PRESS_MS - 1 - LATE_MS - SPIKE_MS - hold_ms(confirm_ms)


def of_relay(confirm_ms: int, now_ms: int) -> Claim:
    """The claim of a relay that is commanded now."""
    return Claim(relay=True, settle_ms=settle_ms(confirm_ms), until_ms=now_ms + STALE_MS)


def of_window(at_ms: int, for_ms: int) -> Claim:
    """The claim of a window that opens."""
    return Claim(relay=False, began_ms=at_ms, until_ms=at_ms + for_ms)


def takes(claim: Claim, closed_ms: int) -> bool:
    """True if a closure with this closing edge may be the test's own. The first that fits is, and no other."""
    if claim.taken_ms is not None or claim.began_ms is None or closed_ms < claim.began_ms:
        return False
    if not claim.relay:
        return closed_ms < claim.until_ms
    let_go = claim.ended_ms is not None and closed_ms > claim.ended_ms
    return not (let_go or claim.held) and closed_ms <= claim.began_ms + PULL_IN_MS_MAX


def taken(claim: Claim, closed_ms: int) -> Claim:
    """With this closure as the test's own."""
    return replace(claim, taken_ms=closed_ms)


def is_over(claim: Claim, *, at_rest: bool, now_ms: int) -> bool:
    """True once nothing of the contact can be the claim's any more. ``at_rest``: the contact has been open a while."""
    if not claim.relay:
        return at_rest and (claim.taken_ms is not None or now_ms >= claim.until_ms)
    if claim.ended_ms is None:
        return now_ms >= claim.until_ms
    return at_rest and now_ms > claim.ended_ms + SHORTEST_PRESS_MS


def wake_at(claim: Claim) -> int | None:
    """When time alone will change something, in monotonic milliseconds; None if never."""
    if claim.taken_ms is None:
        return claim.until_ms if claim.ended_ms is None else claim.ended_ms + SHORTEST_PRESS_MS + 1
    if claim.person:
        return None
    return claim.taken_ms + HELD_MS if claim.sure_ms is None else claim.sure_ms


def step(claim: Claim, fact: Value, now_ms: int, *, down: bool, confirm_ms: int) -> tuple[Claim, int | None]:
    """Take any fact, and the time. ``down``: the key is down, and has been since the closure that was taken.

    Gives the moment of a person's press that the claim hid until now, once; else None.
    """
    if claim.relay:
        match fact:
            case StimulusBegan(at_ms=at_ms):
                claim = replace(claim, began_ms=at_ms)
            case StimulusEnded(at_ms=at_ms):
                claim = replace(claim, ended_ms=at_ms)
            case StimulusLooked():
                claim = _looked(claim, fact)
            case ContactEdge(contact=Contact.KEY) | LevelRead(contact=Contact.KEY):
                claim = _moved(claim, fact, down=down, now_ms=now_ms, confirm_ms=confirm_ms)
    if claim.person or claim.taken_ms is None:
        return claim, None
    if down and now_ms >= claim.taken_ms + HELD_MS:
        return replace(claim, person=True), claim.taken_ms
    if claim.sure_ms is not None and now_ms >= claim.sure_ms:
        return replace(claim, person=True), claim.again_ms
    if claim.held and claim.ended_ms is not None:
        # Nobody but a person can hold it now. Came the finger while the relay held it, no wire can tell when.
        return replace(claim, person=True), claim.ended_ms if claim.again_ms is None else claim.again_ms
    return claim, None


def _looked(claim: Claim, look: StimulusLooked) -> Claim:
    """The relay must have let go: two looks that find the contact closed all the same are a finger."""
    if claim.ended_ms is None or look.at_ms < claim.ended_ms + claim.settle_ms:
        return claim
    if not look.closed:
        return replace(claim, looked_ms=None)
    if claim.looked_ms is None:
        return replace(claim, looked_ms=look.at_ms)
    return replace(claim, held=look.at_ms >= claim.looked_ms + SPIKE_MS)


def _moved(claim: Claim, fact: ContactEdge | LevelRead, *, down: bool, now_ms: int, confirm_ms: int) -> Claim:
    """A finger that comes down while the relay lets go.

    For the contact machine it is the same closure, which has not been open long enough in between. It counts when it
    has stood as long as any other.
    """
    if claim.ended_ms is None or (claim.sure_ms is not None and now_ms >= claim.sure_ms):
        return claim
    if not (fact.closed and down):
        return replace(claim, sure_ms=None, again_ms=None)
    if claim.again_ms is not None:
        return claim
    due_ms = claim.ended_ms + claim.settle_ms
    return replace(claim, again_ms=fact.at_ms, sure_ms=max(fact.at_ms, due_ms) + confirm_ms)

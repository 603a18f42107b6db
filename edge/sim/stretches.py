"""Stretches of time as sorted pairs that do not touch, and what can be worked out with them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

Stretches = list[tuple[int, int]]


def both(one: Stretches, other: Stretches) -> Stretches:
    """Where both are."""
    found: Stretches = []
    i = j = 0
    while i < len(one) and j < len(other):
        begin, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if begin < end:
            found.append((begin, end))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


def without(whole: Stretches, holes: Stretches) -> Stretches:
    """What is left of the first outside the second."""
    if not whole:
        return []
    edges = [whole[0][0], *(edge for hole in holes for edge in hole), whole[-1][1]]
    between = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
    return both(whole, between)


def joined(pairs: Iterable[tuple[int, int]]) -> Stretches:
    """Any pairs, sorted, with those that touch made one."""
    found: Stretches = []
    for begin, end in sorted(pairs):
        if begin >= end:
            continue
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def later(whole: Stretches, by: int) -> Stretches:
    """Each without its first ``by``."""
    return [(begin + by, end) for begin, end in whole if begin + by < end]


def length(whole: Stretches) -> int:
    """All of it together."""
    return sum(end - begin for begin, end in whole)


def within(whole: Stretches, begin: int, end: int) -> Stretches:
    """What of it lies between two moments."""
    first = max(0, bisect_right(whole, (begin, begin)) - 1)
    past = bisect_right(whole, (end, end))
    return [(max(one, begin), min(other, end)) for one, other in whole[first:past] if max(one, begin) < min(other, end)]


def moment_after(whole: Stretches, begin: int, amount: int) -> int | None:
    """When ``amount`` of it has passed since a moment; None if never."""
    for place in range(max(0, bisect_right(whole, (begin, begin)) - 1), len(whole)):
        one, end = max(whole[place][0], begin), whole[place][1]
        if end - one >= amount:
            return one + amount
        amount -= max(0, end - one)
    return None

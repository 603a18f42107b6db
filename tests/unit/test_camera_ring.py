"""Which pictures follow an alarm, and that what is kept stays small."""

from __future__ import annotations

from msgspec.structs import replace

from edge.camera.ring import AGAIN_MS, HANDOUTS_MAX, SERIES_MAX, STEP_MS, Ring, moments
from edge.camera_words import PICTURES_MAX, Picture, Take

PRESS = Take(incident="ab-1", press_ms=20_000, before_ms=3_000, after_ms=5_000)


def fill(ring: Ring, from_ms: int, to_ms: int) -> list[Picture]:
    """A camera that runs: a picture every STEP_MS, each marked with its time."""
    return [picture for at_ms in range(from_ms, to_ms + 1, STEP_MS) for picture in ring.add(at_ms, b"%d" % at_ms)]


def times(pictures: list[Picture]) -> list[int]:
    assert all(picture.jpeg == b"%d" % picture.at_ms for picture in pictures)
    return [picture.at_ms - PRESS.press_ms for picture in pictures]


def test_a_press_gets_pictures_from_before_and_after_it() -> None:
    ring = Ring(before_s=3)
    assert fill(ring, 0, 20_000) == []
    assert times(ring.take(PRESS)) == [-3000, -1500, 0]
    assert times(fill(ring, 20_500, 30_000)) == [1500, 3500, 5000]  # the kept ones nearest to 1667, 3333 and 5000


def test_the_moments_span_what_was_asked() -> None:
    asked = moments(PRESS)
    assert len(asked) == PICTURES_MAX
    assert (asked[0], asked[2], asked[-1]) == (17_000, 20_000, 25_000)
    assert asked == sorted(asked)


def test_without_a_press_nothing_leaves_the_ring() -> None:
    assert fill(Ring(before_s=10), 0, 600_000) == []


def test_the_ring_forgets_what_is_older_than_asked_for() -> None:
    ring = Ring(before_s=3)
    fill(ring, 0, 600_000)
    assert ring.pictures * STEP_MS <= 4_000


def test_a_picture_is_handed_out_once_for_each_press() -> None:
    """Even where moments lie so close together that the same picture is the nearest to two of them."""
    ring = Ring(before_s=1)
    fill(ring, 0, 20_000)
    close = Take(incident="ab-1", press_ms=20_000, before_ms=100, after_ms=100)
    handed_out = [*ring.take(close), *fill(ring, 20_500, 30_000)]
    assert len({picture.at_ms for picture in handed_out}) == len(handed_out)


def test_asked_again_for_the_same_incident_nothing_more_is_handed_out() -> None:
    ring = Ring(before_s=3)
    fill(ring, 0, 20_000)
    ring.take(PRESS)
    assert ring.take(PRESS) is None
    assert len(fill(ring, 20_500, 30_000)) == 3
    assert ring.take(PRESS) is None


def test_a_later_press_of_the_same_incident_has_pictures_of_its_own_but_not_without_end() -> None:
    ring = Ring(before_s=3)
    handed_out = 0
    for press_ms in range(20_000, 20_000 + 20 * AGAIN_MS, AGAIN_MS // 2):
        fill(ring, press_ms - 4_000, press_ms)
        handed_out += ring.take(replace(PRESS, press_ms=press_ms)) is not None
    assert handed_out == SERIES_MAX
    assert ring.take(replace(PRESS, incident="ab-2", press_ms=press_ms)) is not None, "another incident has its own"


def test_two_presses_are_served_side_by_side() -> None:
    ring = Ring(before_s=3)
    fill(ring, 0, 20_000)
    ring.take(PRESS)
    ring.take(Take(incident="ab-2", press_ms=20_000, before_ms=3_000, after_ms=5_000))
    after = fill(ring, 20_500, 30_000)
    assert [picture.incident for picture in after].count("ab-1") == 3
    assert [picture.incident for picture in after].count("ab-2") == 3


def test_a_flood_of_presses_stays_bounded() -> None:
    ring = Ring(before_s=3)
    fill(ring, 0, 20_000)
    for number in range(1000):
        ring.take(Take(incident=f"ab-{number}", press_ms=20_000, before_ms=3_000, after_ms=5_000))
    assert len(fill(ring, 20_500, 30_000)) == HANDOUTS_MAX * 3


def test_a_camera_that_stood_still_then_has_no_picture_of_then() -> None:
    """A picture from long after is none from before the press."""
    ring = Ring(before_s=3)
    fill(ring, 0, 10_000)
    assert ring.take(PRESS) == []
    assert times(fill(ring, 24_000, 30_000)) == [4000, 5000]


def test_a_ring_without_pictures_yet_serves_what_comes() -> None:
    ring = Ring(before_s=3)
    assert ring.take(PRESS) == []
    assert times(fill(ring, 20_000, 30_000)) == [0, 1500, 3500, 5000]

"""The figures: fits, rankings, operating points, estimates, and mornings drawn from real people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edge import crowd, skin
from edge.crowd import Crowd, CrowdRules
from edge.judging import Findings, JudgingRules, judge
from edge.measuring import Verdict
from validation.people import Numbers, People

FEVERISH_CELSIUS = 37.5
FEVER_CELSIUS = 38.0
SEED = 20260101
SPLITS = 200

Marks = NDArray[np.bool_]


@dataclass(frozen=True)
class Line:
    """A fit of one place on the forehead: mean skin in a room of 23 degrees, slope with the room, mouth, spreads."""

    skin: float
    per_room: float
    oral: float
    spread: float
    slope_least_squares: float


def statistic(rounds: Numbers) -> Numbers:
    """The second highest of four: what ``edge.judging`` takes of samples."""
    return np.sort(rounds, axis=1)[:, -2]


def fitted(people: People, values: Numbers) -> Line:
    """The room's slope from those below 37.5, the rest from everybody."""
    well = people.oral < FEVERISH_CELSIUS
    per_room = float(np.polyfit(people.room[well], values[well], 1)[0])
    flat = values - per_room * (people.room - skin.AMBIENT_CELSIUS)
    slope = float(np.polyfit(flat, people.oral, 1)[0])
    spread = float(people.oral.std() / flat.std())
    return Line(float(flat.mean()), per_room, float(people.oral.mean()), spread, slope)


def flattened(people: People, values: Numbers, line: Line) -> Numbers:
    """The skin as it would be in a room of 23 degrees, by the gate's own arithmetic."""
    fit = skin.Fit(line.skin, line.oral, line.per_room, line.spread)
    return np.array([skin.residual(fit, one, room) for one, room in zip(values, people.room, strict=True)])


def curve(values: Numbers, ill: Marks) -> tuple[Numbers, Numbers]:
    """The receiver's curve: shares of well and of ill ones called, from the highest threshold down."""
    falling = np.argsort(-values)
    called = ill[falling]
    return np.cumsum(~called) / (~called).sum(), np.cumsum(called) / called.sum()


def area(values: Numbers, ill: Marks) -> float:
    """Area under the receiver's curve: how often an ill one ranks above a well one."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]
    count = int(ill.sum())
    return float((rank[ill].sum() - count * (count + 1) / 2) / (count * (len(values) - count)))


def halves(people: People, seed: int = SEED, splits: int = SPLITS) -> list[tuple[People, People]]:
    """Random halves: one to learn on, one to be judged by."""
    random = np.random.default_rng(seed)
    out = []
    for _ in range(splits):
        first = np.zeros(len(people), dtype=bool)
        first[random.permutation(len(people))[: len(people) // 2]] = True
        out.append((people.some(first), people.some(~first)))
    return out


def ranking(people: People, site: str, *, rounds: int, fever: float) -> Numbers:
    """The area of each split's second half; ``rounds`` is 1, or 4 for the second highest of four."""
    areas = []
    for learn, test in halves(people):
        line = fitted(learn, _values(learn, site, rounds))
        areas.append(area(flattened(test, _values(test, site, rounds), line), test.oral >= fever))
    return np.array(areas)


def operating(people: People, site: str, specificity: float) -> dict[str, float]:
    """Threshold set on one half, judged on the other: means over the splits."""
    rows = []
    for learn, test in halves(people):
        line = fitted(learn, _values(learn, site, 4))
        known, new = (flattened(half, _values(half, site, 4), line) for half in (learn, test))
        limit = float(np.quantile(known[learn.oral < FEVERISH_CELSIUS], specificity))
        middle = float(np.median(known))
        rows.append(
            [
                (new[test.oral < FEVERISH_CELSIUS] >= limit).mean(),
                (new[test.oral >= FEVERISH_CELSIUS] >= limit).mean(),
                (new[test.oral >= FEVER_CELSIUS] >= limit).mean(),
                limit - middle,
            ]
        )
    return dict(zip(("false", "feverish", "fever", "above"), np.nanmean(rows, axis=0), strict=True))


def shown(people: People, site: str, kind: str, cut: float = FEVER_CELSIUS) -> dict[str, float]:
    """The number that people see, by ``constant_offset``, ``matched_spread`` or ``least_squares``."""
    rows = []
    for learn, test in halves(people):
        line = fitted(learn, _values(learn, site, 4))
        slope = {"constant_offset": 1.0, "matched_spread": line.spread, "least_squares": line.slope_least_squares}[kind]
        fit = skin.Fit(line.skin, line.oral, line.per_room, line.spread)
        flat = flattened(test, _values(test, site, 4), line)
        number = np.array([skin.estimate(fit, slope, one) for one in flat])
        ill = test.oral >= cut
        rows.append(
            [
                np.sqrt(np.mean((number - test.oral) ** 2)),
                (number[ill] >= cut).mean(),
                (number[~ill] < cut).mean(),
                slope,
            ]
        )
    return dict(zip(("rmse", "sensitivity", "specificity", "slope"), np.nanmean(rows, axis=0), strict=True))


def abroad(first: People, second: People, site: str) -> float:
    """Fitted in the rooms of group 1, mean error in those of group 2: how far the room's correction reaches."""
    line = fitted(first, _values(first, site, 4))
    fit = skin.Fit(line.skin, line.oral, line.per_room, line.spread)
    flat = flattened(second, _values(second, site, 4), line)
    return float(np.mean([skin.estimate(fit, 1.0, one) for one in flat] - second.oral))


@dataclass(frozen=True)
class Morning:
    """Shares of those sent to the teacher, once the crowd is known."""

    false: float
    sensitivity: float
    warm_up_false: float


def mornings(
    people: People, site: str, bias: float, *, again_above: float = 0.5, drift: float = 0.3, many: int = 30
) -> Morning:
    """Mornings of 400, 2 % with an oral temperature from 37.5, drawn from real people, judged by the gate's own code.

    A student who is told *again* is measured once more, with the same person's rounds drawn anew.
    """
    random = np.random.default_rng(SEED + 1)
    fit = skin.FOREHEAD_MAXIMUM if site == "maximum" else skin.FOREHEAD_CENTRE
    line = fitted(people, statistic(people.skin[site]))
    level = fit.skin_celsius - line.skin  # the camera's own offset is no weather
    rules, crowd_rules = JudgingRules(again_above_celsius=again_above, fit=fit, noise_celsius=0.18), CrowdRules()
    flat = people.skin[site] - line.per_room * (people.room - skin.AMBIENT_CELSIUS)[:, None] + level
    ill = np.flatnonzero(people.oral >= FEVERISH_CELSIUS)
    well = np.flatnonzero(people.oral < FEVERISH_CELSIUS)
    calls: dict[str, list[bool]] = {"well": [], "ill": [], "early": []}
    for _ in range(many):
        band = Crowd()
        for number in range(400):
            sick = random.random() < 0.02
            one = random.choice(ill if sick else well)
            samples = flat[one] + bias + drift * number / 400
            found = Findings(tuple(samples), ambient_celsius=skin.AMBIENT_CELSIUS)
            said = judge(rules, crowd_rules, band, found)
            if said.verdict is Verdict.AGAIN:
                # The same forehead a moment later: the same four rounds, drawn anew.
                again = tuple(random.choice(samples, len(samples)))
                said = judge(rules, crowd_rules, band, replace(found, samples=again, retake=True))
            kind = "early" if number < crowd_rules.warm_up else "ill" if sick else "well"
            if kind != "early" or not sick:
                calls[kind].append(said.verdict is Verdict.HIGH)
            if said.residual_celsius is not None:
                band = crowd.joined(band, crowd_rules, said.residual_celsius, number * 5_000)
    return Morning(*(float(np.mean(calls[kind])) for kind in ("well", "ill", "early")))


def outbreak(people: People, site: str, share: float) -> float:
    """How far the median of fifty moves when so many of them are ill: the mean of many windows."""
    random = np.random.default_rng(SEED + 2)
    line = fitted(people, statistic(people.skin[site]))
    flat = flattened(people, statistic(people.skin[site]), line)
    ill, well = flat[people.oral >= FEVERISH_CELSIUS], flat[people.oral < FEVERISH_CELSIUS]
    moved = []
    for _ in range(1_000):
        some = random.choice(well, 50)
        mixed = some.copy()
        mixed[: int(50 * share)] = random.choice(ill, int(50 * share))
        moved.append(np.median(mixed) - np.median(some))
    return float(np.mean(moved))


def _values(people: People, site: str, rounds: int) -> Numbers:
    return people.skin[site][:, 0] if rounds == 1 else statistic(people.skin[site])

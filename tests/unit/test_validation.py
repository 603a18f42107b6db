"""The script that works out what the judgement is worth: its arithmetic always, its figures where the data is."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import skin

np = pytest.importorskip("numpy", reason="numpy comes with the test extra: scripts/bootstrap test")

SCRIPTS = Path(__file__).parents[2] / "scripts"
DATA = os.environ.get("GATEPOST_FACE_DATA", "")
WHERE = "set GATEPOST_FACE_DATA to the directory of the open data: PhysioNet, DOI 10.13026/3bhc-9065"


@pytest.fixture(scope="module")
def validation() -> Iterator[Any]:
    sys.path.insert(0, str(SCRIPTS))
    yield importlib.import_module("validation.figures")
    sys.path.remove(str(SCRIPTS))


def some_people(validation: Any, many: int = 600) -> Any:
    """People whose foreheads follow mouth and room as we say."""
    random = np.random.default_rng(7)
    oral = np.where(random.random(many) < 0.1, random.normal(38.2, 0.4, many), random.normal(36.9, 0.25, many))
    room = random.uniform(20, 24, many)
    truth = 35.27 + 0.9 * (oral - 36.97) + 0.12 * (room - 23) + random.normal(0, 0.3, many)
    rounds = truth[:, None] + random.normal(0, 0.05, (many, 4))
    people = importlib.import_module("validation.people")
    return people.People(oral, room, {"maximum": rounds, "centre": rounds - 0.95})


def test_the_area_counts_pairs_and_halves_ties(validation: Any) -> None:
    values, ill = np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, True, False, True])
    assert validation.area(values, ill) == (2 + 1 + 0.5) / 4
    assert validation.area(np.arange(6.0), np.arange(6) > 2) == 1.0
    assert validation.area(-np.arange(6.0), np.arange(6) > 2) == 0.0


def test_the_statistic_is_the_gates_own(validation: Any) -> None:
    assert validation.statistic(np.array([[1.0, 4.0, 3.0, 2.0]])).tolist() == [3.0]


def test_a_fit_finds_what_the_people_were_made_of(validation: Any) -> None:
    people = some_people(validation)
    line = validation.fitted(people, validation.statistic(people.skin["maximum"]))
    assert line.per_room == pytest.approx(0.12, abs=0.03)
    assert line.oral - line.skin == pytest.approx(1.70, abs=0.1)


def test_least_squares_shows_smaller_errors_and_hides_the_ill(validation: Any) -> None:
    """Why the gate does not use it."""
    people = some_people(validation)
    offset, least = (validation.shown(people, "maximum", kind) for kind in ("constant_offset", "least_squares"))
    assert least["rmse"] <= offset["rmse"]
    assert least["sensitivity"] < offset["sensitivity"]


def test_a_threshold_set_on_one_half_calls_as_many_on_the_other(validation: Any) -> None:
    point = validation.operating(some_people(validation), "maximum", 0.95)
    assert 0.03 <= point["false"] <= 0.08


def test_data_that_is_not_there_is_said_to_be_missing(validation: Any, tmp_path: Path) -> None:
    people = importlib.import_module("validation.people")
    assert people.read(tmp_path, "FLIR", 1) is None
    assert "10.13026/3bhc-9065" in people.WHERE


@pytest.mark.skipif(not DATA, reason=WHERE)
@pytest.mark.slow
def test_the_real_data_reaches_what_was_promised_and_gives_the_numbers_the_gate_uses(
    validation: Any, tmp_path: Path
) -> None:
    people, report = (importlib.import_module(f"validation.{name}") for name in ("people", "report"))
    groups = {one: (people.read(Path(DATA), one, 1), people.read(Path(DATA), one, 2)) for one in people.CAMERAS}
    done = report.written(groups, tmp_path)
    # The published starting thresholds call too many with one of the two cameras, as the report says.
    assert [one for one in done.missed if not one.startswith("mornings by ICI")] == []
    for site, used in (("centre", skin.FOREHEAD_CENTRE), ("maximum", skin.FOREHEAD_MAXIMUM)):
        firsts = [both[0] for both in groups.values()]
        lines = [validation.fitted(one, validation.statistic(one.skin[site])) for one in firsts]
        assert used.skin_celsius == pytest.approx(np.mean([line.skin for line in lines]), abs=0.01)
        assert used.oral_celsius == pytest.approx(np.mean([line.oral for line in lines]), abs=0.01)
        assert used.skin_per_ambient == pytest.approx(np.mean([line.per_room for line in lines]), abs=0.01)
        assert used.spread == pytest.approx(max(0.8, np.mean([line.spread for line in lines])), abs=0.01)

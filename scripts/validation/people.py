"""Reads the open data: skin of four rounds, the room and the mouth, of each person and camera.

Wang et al., "Facial and oral temperature data from a large set of human subject volunteers", PhysioNet 1.0.0 (CC0),
DOI 10.13026/3bhc-9065. Three heading rows; the third names the columns.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CAMERAS = ("FLIR", "ICI")
SITES = {"centre": "T_FHCC", "maximum": "T_FH_Max"}
"""Forehead centre, the mean of nine pixels: nearest to a thermopile's spot; and the hottest of the whole forehead."""

ROUNDS = 4
WHERE = "the open data is not here; get it from PhysioNet, DOI 10.13026/3bhc-9065, and name its directory"

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class People:
    """Everybody with a mouth temperature, a room temperature and all four rounds. Degrees Celsius."""

    oral: Numbers
    room: Numbers
    skin: dict[str, Numbers]

    def __len__(self) -> int:
        return len(self.oral)

    def some(self, which: NDArray[np.bool_]) -> People:
        """Those of them."""
        return People(self.oral[which], self.room[which], {site: rounds[which] for site, rounds in self.skin.items()})


def read(directory: Path, camera: str, group: int) -> People | None:
    """One camera's group, None where its file is not there."""
    file = directory / f"{camera}_group{group}.csv"
    if not file.exists():
        return None
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.reader(lines))
    names = [name.strip() for name in rows[2]]

    def column(name: str) -> Numbers:
        place = names.index(name)
        return np.array([_number(row[place]) for row in rows[3:]])

    oral, room = column("aveOralM"), column("T_atm")
    skin = {
        site: np.stack([column(f"{name}{number}") for number in range(1, ROUNDS + 1)], axis=1)
        for site, name in SITES.items()
    }
    whole = ~np.isnan(oral) & ~np.isnan(room) & np.all([~np.isnan(one).any(axis=1) for one in skin.values()], axis=0)
    return People(oral, room, skin).some(whole)


def joined(first: People, second: People | None) -> People:
    """Both groups as one."""
    if second is None:
        return first
    return People(
        np.concatenate([first.oral, second.oral]),
        np.concatenate([first.room, second.room]),
        {site: np.concatenate([first.skin[site], second.skin[site]]) for site in SITES},
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")

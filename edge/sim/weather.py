"""How bad things are: the probabilities and delays that a storm sets and calm sets back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random


@dataclass(frozen=True)
class Weather:
    """Probabilities are for each message or commit; times are milliseconds, drawn evenly from 1 to the maximum."""

    delay_ms_max: int = 20
    late_ms_max: int = 0
    publish_lost: float = 0.0
    acknowledgement_lost: float = 0.0
    delivered_twice: float = 0.0
    refused: float = 0.0
    connect_fails: float = 0.0
    connect_ms_max: int = 200
    receipt_lost: float = 0.0
    receipt_twice: float = 0.0
    receipt_forged: float = 0.0
    receipt_retained: float = 0.0
    commit_ms_max: int = 10
    commit_fails: float = 0.0
    edge_lost: float = 0.0


CALM = Weather()


def storm(random: Random) -> Weather:
    """Weather of one storm: most things are a little wrong, some very."""

    def some(most: float) -> float:
        return random.choice((0.0, 0.0, most / 5, most))

    return replace(
        CALM,
        delay_ms_max=random.choice((5, 50, 400)),
        late_ms_max=random.choice((0, 0, 3_000, 20_000)),
        publish_lost=some(0.3),
        acknowledgement_lost=some(0.3),
        delivered_twice=some(0.5),
        refused=some(0.4),
        connect_fails=some(0.5),
        connect_ms_max=random.choice((100, 5_000)),
        receipt_lost=some(0.5),
        receipt_twice=some(0.5),
        receipt_forged=some(0.3),
        receipt_retained=some(0.2),
        commit_ms_max=random.choice((2, 20, 200, 3_000)),
        commit_fails=some(0.3),
        edge_lost=some(0.3),
    )

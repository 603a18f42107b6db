"""What was measured, against its limit: as a table, as JSON, as a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass
class Figure:
    """One line of the table. ``limit`` None: shown for information. ``least``: the limit is a lower one."""

    name: str
    value: float
    limit: float | None
    unit: str
    ours: str = ""
    beside: str = ""
    least: bool = False

    @property
    def held(self) -> bool:
        """Whether the limit, if there is one, is kept."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.least else self.value <= self.limit


@dataclass
class Results:
    """All figures, and the samples (in milliseconds) and the progress behind them for the picture."""

    figures: list[Figure] = field(default_factory=list)
    samples: dict[str, list[float]] = field(default_factory=dict)
    replay: list[tuple[float, int]] = field(default_factory=list)

    def add(self, figure: Figure) -> None:
        """Add a line."""
        self.figures.append(figure)

    @property
    def held(self) -> bool:
        """Whether every limit is kept."""
        return all(figure.held for figure in self.figures)


def share(samples: Sequence[float], part: float) -> float:
    """The value that this part of the samples does not exceed: 0.5 the median, 1 the greatest."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def milliseconds(name: str, samples: Sequence[float], part: float, limit: float | None) -> Figure:
    """A line about one share of the samples, with the median and the greatest beside it."""
    value = share(samples, part)
    rest = f"median {share(samples, 0.5):.2f}, max {share(samples, 1.0):.2f}, n {len(samples)}"
    return Figure(name, value, limit, "ms", rest)


def show(results: Results) -> None:
    """Print the table."""
    table = Table(title="gatepost: figures to reach")
    for heading in ("figure", "measured", "limit", "", "gatepost", "beside it"):
        table.add_column(heading, justify="right" if heading in ("measured", "limit") else "left")
    for one in results.figures:
        limit = "" if one.limit is None else f"{'>=' if one.least else '<='} {one.limit:g} {one.unit}"
        verdict = "" if one.limit is None else "[green]PASS[/]" if one.held else "[bold red]FAIL[/]"
        table.add_row(one.name, f"{one.value:,.2f} {one.unit}", limit, verdict, one.ours, one.beside)
    Console(width=None if Console().is_terminal else 140).print(table)


def save(results: Results, file: Path) -> None:
    """Write figures and samples as JSON."""
    figures = [{**one.__dict__, "held": one.held} for one in results.figures]
    content = {"held": results.held, "figures": figures, "samples_ms": results.samples, "replay": results.replay}
    file.write_text(json.dumps(content, indent=1) + "\n")


def plot(results: Results, file: Path) -> None:
    """Draw how the latencies are distributed, and how the replay went."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(14, 5))
    for name, samples in results.samples.items():
        ordered = sorted(samples)
        left.plot(ordered, [100 * (place + 1) / len(ordered) for place in range(len(ordered))], label=name)
    left.set(xscale="log", xlabel="milliseconds", ylabel="percent of presses within", title="Latency")
    left.grid(visible=True, which="both", alpha=0.3)
    if results.samples:
        left.legend(fontsize=8)
    steps = list(zip(results.replay, results.replay[1:], strict=False))
    rates = [(after - before) / (to_s - from_s) for (from_s, before), (to_s, after) in steps]
    right.plot([at_s for at_s, _ in results.replay[1:]], rates, label="gatepost")
    right.axhline(2_000, color="red", linestyle="--", label="limit")
    right.set(xlabel="seconds", ylabel="events a second", title="Replay of the backlog", ylim=(0, None))
    right.grid(visible=True, alpha=0.3)
    right.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(file, dpi=110)

"""Two pictures of the study: where intervals cover, and what the verdicts said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .cells import GOOD, LEVEL, BenchmarkCell

SHOWN = ("ips", "snips", "dr", "switch-dr", "dr-os")
COLOURS = {"trust": "#2a7f62", "caution": "#d9a441", "refuse": "#b23a48"}


def save_plots(cells: Sequence[BenchmarkCell], folder: Path) -> list[Path]:
    """Write ``ope_coverage.png`` and ``ope_verdicts.png`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    return [coverage(cells, folder / "ope_coverage.png"), verdicts(cells, folder / "ope_verdicts.png")]


def coverage(cells: Sequence[BenchmarkCell], path: Path) -> Path:
    """Coverage of delta intervals by scenario, coloured by the most frequent verdict."""
    from matplotlib.figure import Figure

    delta = [cell for cell in cells if cell.interval == "delta" and cell.estimator in SHOWN]
    names = list(dict.fromkeys(cell.scenario for cell in delta))
    figure = Figure(figsize=(11, 0.27 * len(names) + 1.9), layout="constrained")
    axes = figure.subplots(1, len(SHOWN), sharey=True)
    for axis, estimator in zip(axes, SHOWN, strict=True):
        axis.axvspan(*GOOD, color="#dddddd", lw=0)
        axis.axvline(LEVEL, color="#888888", lw=0.8)
        for cell in (c for c in delta if c.estimator == estimator):
            place = len(names) - 1 - names.index(cell.scenario)
            colour = COLOURS[_word(cell)]
            axis.plot([cell.coverage_low, cell.coverage_high], [place, place], color=colour, lw=1.5)
            axis.plot([cell.coverage], [place], "o", color=colour, ms=4)
        axis.set(title=estimator, xlim=(-0.02, 1.02), xlabel="coverage")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(names)), names[::-1])
    for word, colour in COLOURS.items():
        axes[-1].plot([], [], "o", color=colour, label=word, ms=4)
    # the panels may be full of points: the legend stands below
    figure.legend(
        *axes[-1].get_legend_handles_labels(),
        title="most frequent verdict",
        loc="outside lower center",
        ncols=3,
    )
    figure.savefig(path, dpi=110)
    return path


def verdicts(cells: Sequence[BenchmarkCell], path: Path) -> Path:
    """Relative error against coverage of every delta cell, coloured by the most frequent verdict."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.8), layout="constrained")
    axis = figure.subplots()
    axis.axhspan(*GOOD, color="#dddddd", lw=0)
    for word, colour in COLOURS.items():
        coloured = [cell for cell in cells if cell.interval == "delta" and _word(cell) == word]
        axis.plot(
            [max(cell.relative_error, 1e-3) for cell in coloured],
            [cell.coverage for cell in coloured],
            "o",
            color=colour,
            ms=4,
            alpha=0.7,
            label=f"{word} ({len(coloured)} cells)",
        )
    axis.set(xscale="log", xlabel="mean relative error", ylim=(-0.03, 1.03))
    axis.set_ylabel("coverage of the 95% interval")
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(title="most frequent verdict", loc="outside lower center", ncols=3)
    figure.savefig(path, dpi=110)
    return path


def _word(cell: BenchmarkCell) -> str:
    return max(COLOURS, key=lambda word: float(getattr(cell, word)))

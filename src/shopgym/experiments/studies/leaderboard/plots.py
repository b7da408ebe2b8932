"""The leaderboard as a picture."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ....evaluation.figures import GRID, INK, MUTED
from .config import LeaderboardConfig

COLOURS = {"bandit": "#d97706", "session": "#0f766e", "shopper": "#2563eb", "season": "#9333ea", "all": INK}


def write_plots(folder: Path, runs: pd.DataFrame, table: pd.DataFrame, config: LeaderboardConfig) -> None:
    """``leaderboard.png``: agents by their score over the baseline's, with intervals, one panel each."""
    from matplotlib.figure import Figure

    families = [*config.families, "all"]
    order = table[table["family"] == "all"].sort_values("relative")["agent"].tolist()
    size = (2.6 * len(families) + 1.2, 0.9 + 0.26 * len(order))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    panels = figure.subplots(1, len(families), sharey=True, squeeze=False)[0]
    for axes, family in zip(panels, families, strict=True):
        part = table[table["family"] == family].set_index("agent").loc[order]
        at = range(len(order))
        axes.axvline(1.0, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.hlines(at, part["low"], part["high"], color=COLOURS[family], linewidth=2)
        axes.plot(part["relative"], at, "o", color=COLOURS[family], markersize=4)
        axes.set_yticks(at, order, fontsize=8)
        axes.set_title(family, fontsize=9, loc="left", color=INK)
        axes.grid(axis="x", color=GRID)
        axes.tick_params(axis="x", labelsize=8)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
    figure.supxlabel(
        f"score over that of {config.baseline}: IQM of {config.seeds} seeds, {config.level:.0%} interval",
        fontsize=8,
        color=MUTED,
    )
    figure.savefig(folder / "leaderboard.png")

"""The leaderboard as a picture."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ....evaluation.figures import GRID, INK, MUTED
from .config import LeaderboardConfig

COLOURS = {"bandit": "#d97706", "session": "#0f766e", "shopper": "#2563eb", "season": "#9333ea", "all": INK}


MOST_CURVES = 10
"""Agents in a picture of curves that have a colour of their own; the others are grey."""


def write_plots(folder: Path, table: pd.DataFrame, config: LeaderboardConfig) -> None:
    """``leaderboard.png``, and with several budgets ``curves.png``."""
    first = table[table["budget"] == config.budgets[0]]
    _bars(folder / "leaderboard.png", first, config)
    if len(config.budgets) > 1:
        _curves(folder / "curves.png", table, config)


def _bars(file: Path, table: pd.DataFrame, config: LeaderboardConfig) -> None:
    """Agents by their score over the baseline's at the first budget, with intervals, one panel each."""
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
    figure.savefig(file)


def _curves(file: Path, table: pd.DataFrame, config: LeaderboardConfig) -> None:
    """Score over the baseline's against pages: a curve with a band for each agent, environments apart."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    families = list(config.families)
    figure = Figure(figsize=(4.6 * len(families) + 2.0, 4.6), dpi=150, layout="constrained")
    panels = figure.subplots(1, len(families), squeeze=False)[0]
    last = table[table["family"] != "all"].sort_values("budget").groupby("agent")["relative"].last()
    named = last.sort_values(ascending=False).index[:MOST_CURVES].tolist()
    colours = dict(zip(named, [colormaps["tab10"](at) for at in range(MOST_CURVES)], strict=False))
    for axes, family in zip(panels, families, strict=True):
        shown = table[table["family"] == family].sort_values("pages")
        for agent, part in shown.groupby("agent", sort=False):
            colour, width = colours.get(agent, MUTED), 1.8 if agent in colours else 0.8
            pages = part["pages"]
            axes.plot(pages, part["relative"], "o-", color=colour, markersize=3, linewidth=width)
            if agent in colours:
                axes.fill_between(pages, part["low"], part["high"], color=colour, alpha=0.12, linewidth=0)
        axes.set_xscale("log")
        ticks = sorted(shown["pages"].dropna().unique())
        axes.set_xticks(ticks, [f"{pages:,.0f}" for pages in ticks])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("pages shown", fontsize=8, color=MUTED)
        axes.set_title(family, fontsize=9, loc="left", color=INK)
        axes.grid(color=GRID)
        axes.tick_params(labelsize=8)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    for agent in named:
        panels[-1].plot([], [], "o-", color=colours[agent], label=agent)
    if len(last) > len(named):
        panels[-1].plot([], [], "o-", color=MUTED, label="others")
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    panels[0].set_ylabel(
        f"score over that of {config.baseline}: IQM of {config.seeds} seeds, {config.level:.0%} band",
        fontsize=8,
        color=MUTED,
    )
    figure.savefig(file)

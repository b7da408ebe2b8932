"""The study of cold start: a cell for each agent and seed, and the table of losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ....core.config import build
from ....evaluation.figures import GRID, INK, SERIES
from ....evaluation.intervals.normal import student_interval
from ...cells.cell import Cell, Row
from ...entries import agent_entries
from ..agent_cells import agent_cells
from ..study import ShownTable, Study
from .config import ColdStartConfig
from .measure import ITEM_ENDS, USER_ENDS, cold_start

VALUE = "kept"
"""Share of what the best pages are worth that the agent's pages were worth."""


def cold_start_cells(config: ColdStartConfig, prefix: str) -> list[Cell]:
    """A cell for each agent and seed."""
    seeds = range(config.seed, config.seed + config.seeds)
    return agent_cells(config, f"{__name__}:cold_start_rows", prefix, seeds, {})


def cold_start_rows(cell: Cell) -> list[Row]:
    """Train the one agent of the cell while items come on sale; one row."""
    config = build(ColdStartConfig, cell.config)
    (entry,) = agent_entries(config.agents)
    result = cold_start(entry, config.launch, int(cell.key["seed"]))
    losses = (*result.new_items, result.known_items, *result.users)
    return [{VALUE: result.kept, **dict(zip(loss_columns(), map(float, losses), strict=True)), "failed": ""}]


def loss_columns() -> list[str]:
    """Names of the losses: which deserved impression of a new item, known items, which page of a user."""
    new, pages = _ranges(ITEM_ENDS), _ranges(USER_ENDS)
    return [*(f"new {n}" for n in new), "known", *(f"page {n}" for n in pages)]


def _ranges(ends: Sequence[int]) -> list[str]:
    starts = (1, *(end + 1 for end in ends))
    return [str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends)] + [f"{starts[-1]}+"]


def summarise(runs: pd.DataFrame, config: ColdStartConfig) -> pd.DataFrame:
    """One row per agent: means over seeds, that of ``kept`` with its interval; or why it failed."""
    rows: list[Row] = []
    for agent in config.agents:
        part = runs[runs["agent"] == agent]
        reasons = part.loc[part["failed"] != "", "failed"]
        row: Row = {"agent": agent, "failed": reasons.iloc[0] if len(reasons) else ""}
        kept = part[VALUE].to_numpy(np.float64) if not row["failed"] else np.array([np.nan])
        row[VALUE], row["low"], row["high"] = student_interval(kept, config.level)
        means = part[loss_columns()].mean() if not row["failed"] else pd.Series(np.nan, loss_columns())
        rows.append(row | {str(name): float(value) for name, value in means.items()})
    return pd.DataFrame(rows)


def plot(folder: Path, runs: pd.DataFrame, table: pd.DataFrame, config: ColdStartConfig) -> None:
    """``cold_start.png``: the loss on new items by how many impressions they deserved before, by agent."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.0), dpi=150, layout="constrained")
    axes = figure.subplots()
    new = [name for name in loss_columns() if name.startswith("new ")]
    for number, row in enumerate(table[table["failed"] == ""].to_dict("records")):
        colour, marker = SERIES[number % len(SERIES)], "os^Dv"[number // len(SERIES) % 5]
        values = [100 * row[name] for name in new]
        axes.plot(range(len(new)), values, color=colour, marker=marker, label=row["agent"])
        axes.plot(len(new) + 0.2, 100 * row["known"], color=colour, marker=marker)
    labels = [name.removeprefix("new ") for name in new]
    axes.set_xticks([*range(len(new)), len(new) + 0.2], [*labels, "known\nitems"])
    axes.set_xlabel("which impression that the new item deserved", color=INK)
    axes.set_ylabel("clicks lost, % of the best slots'", color=INK)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=GRID)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(folder / "cold_start.png")


def show(table: pd.DataFrame, config: ColdStartConfig) -> list[ShownTable]:
    """Losses in percent of what the best slots are worth, by agent."""
    fine = table[table["failed"] == ""].sort_values(VALUE, ascending=False)
    rows = [
        {"agent": row["agent"], **{name: f"{100 * row[name]:.0f}" for name in loss_columns()}}
        for row in fine.to_dict("records")
    ]
    return [(f"clicks lost, in % of what the best slots bring; mean of {config.seeds} seeds", rows)]


def headline(summary: Mapping[str, Any]) -> str:
    """Which agent loses least."""
    fine = [row for row in summary["table"] if not row["failed"]]
    if not fine:
        return "every agent failed"
    best = max(fine, key=lambda row: row[VALUE])
    where = f"{best[VALUE]:.0%} [{best['low']:.0%}, {best['high']:.0%}] of what the best pages are worth"
    return f"{best['agent']} keeps {where}"


STUDY = Study(cold_start_cells, summarise, plot, show, headline)

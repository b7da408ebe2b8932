"""The leaderboard as a study: all agents in all environments over all seeds, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from ....core.errors import InvalidInput
from ....core.files import write_text
from ...cell_runs import HowToRun
from ...cells.cell import Row
from ...seeds import stage_rng
from ..study import ShownTable, Study
from .cell import leaderboard_cells
from .config import LeaderboardConfig
from .plots import write_plots
from .statistics import stratified_interval
from .tuning import BEST, best_entries

TIMES = ("training_seconds", "decisions_per_second")
"""What differs from run to run."""


def summarise(runs: pd.DataFrame, config: LeaderboardConfig) -> pd.DataFrame:
    """One row per agent, environment and budget, and per agent over all environments (family ``all``).

    ``relative`` is the IQM of the score over the baseline's mean score in that environment, with interval
    ``low`` to ``high``; every other metric is a mean over seeds. Where a run of an agent failed, it has no
    numbers and ``failed`` says why. A budget that an agent does not get has no row.
    """
    tables = [_of_budget(runs[runs["budget"] == budget], config) for budget in config.budgets]
    return pd.concat(tables, ignore_index=True)


def _of_budget(runs: pd.DataFrame, config: LeaderboardConfig) -> pd.DataFrame:
    """The rows of one budget."""
    reasons = runs.loc[(runs["agent"] == config.baseline) & (runs["failed"] != ""), "failed"]
    if len(reasons):
        raise InvalidInput("baseline", config.baseline, f"it failed, {reasons.iloc[0]}")
    base = runs[runs["agent"] == config.baseline].groupby("family")["score"].mean()
    rows, budget = [], float(runs["budget"].iloc[0])
    for family, mean in base.items():
        if not mean > 0:
            fix = "scores are relative to it: it must be > 0"
            raise InvalidInput("baseline", f"{mean:g} in {family}", fix)
    for agent in dict.fromkeys(runs["agent"]):
        mine = runs[runs["agent"] == agent]
        families = [family for family in config.families if family in set(mine["family"])]
        scores = {family: mine[mine["family"] == family]["score"].to_numpy() for family in families}
        relative = np.stack([scores[family] / base[family] for family in families])
        together = ["all"] if len(families) == len(config.families) else []
        for at, family in enumerate([*families, *together]):
            counted = mine if family == "all" else mine[mine["family"] == family]
            row: Row = {"agent": agent, "family": family, "budget": budget}
            row |= {"relative": np.nan, "low": np.nan, "high": np.nan}
            reasons = counted["failed"][counted["failed"] != ""]
            row["failed"] = reasons.iloc[0] if len(reasons) else ""
            if row["failed"]:
                rows.append(row)
                continue
            part = relative if family == "all" else relative[at : at + 1]
            rng = stage_rng(config.seed, "bootstrap", agent, family)
            level, draws = config.level, config.bootstrap
            middle, low, high = stratified_interval(part, level=level, bootstrap=draws, rng=rng)
            row |= {"relative": middle, "low": low, "high": high}
            means = counted.drop(columns=["agent", "family", "seed", "budget", "failed"]).mean()
            if family == "all":
                means = means.drop(["score", "pages"])  # of episodes of different kinds
            rows.append(row | {str(name): float(value) for name, value in means.items()})
    return pd.DataFrame(rows)


def write_results(folder: Path, runs: pd.DataFrame, table: pd.DataFrame, config: LeaderboardConfig) -> None:
    """The best options of each agent, and the pictures."""
    best = {"agents": best_entries(table, config)}
    write_text(folder / BEST, yaml.safe_dump(best, sort_keys=False))
    write_plots(folder, table, config)


def show(table: pd.DataFrame, config: LeaderboardConfig) -> list[ShownTable]:
    """A table for each budget: agents by their score over all environments."""
    shown = f"score over that of {config.baseline}: IQM of {config.seeds} seeds"
    tables: list[ShownTable] = []
    for budget, part in table.groupby("budget"):
        families = [name for name in (*config.families, "all") if name in set(part["family"])]
        times = f"; {budget:g} times the pages" if len(config.budgets) > 1 else ""
        title = f"{shown}{times}; {config.level:.0%} interval of {families[-1]}"
        tables.append((title, _shown_rows(part, families)))
    return tables


def _shown_rows(table: pd.DataFrame, families: Sequence[str]) -> list[Row]:
    """Agents that are in the last environment first, by their score there."""
    cells = table.set_index(["agent", "family"])
    last = table[table["family"] == families[-1]].sort_values("relative", ascending=False)
    rows: list[Row] = []
    for agent in dict.fromkeys([*last["agent"], *table["agent"]]):
        row: Row = {"agent": agent} | dict.fromkeys(families, "-")
        row |= {"interval": "-", "training": "-", "decisions": "-"}
        for family in families:
            if (agent, family) not in cells.index:
                continue
            cell = cells.loc[(agent, family)]
            row[family] = "failed" if cell["failed"] else f"{cell['relative']:.2f}"
            if family == families[-1] and not cell["failed"]:
                row["interval"] = f"[{cell['low']:.2f}, {cell['high']:.2f}]"
                row["training"] = f"{cell['training_seconds']:.1f} s"
                row["decisions"] = f"{cell['decisions_per_second']:,.0f}/s"
        rows.append(row)
    return rows


def headline(summary: Mapping[str, Any]) -> str:
    """The best agent over all environments, at the largest budget that has all of them."""
    whole = [row for row in summary["table"] if row["family"] == "all" and row["relative"]]
    largest = max(row["budget"] for row in whole)
    best = max((row for row in whole if row["budget"] == largest), key=lambda row: row["relative"])
    return f"{best['agent']} has {best['relative']:.2f} times the score of the baseline"


STUDY = Study(leaderboard_cells, summarise, write_results, show, headline, TIMES)


def run_leaderboard(config: LeaderboardConfig, folder: Path, how: HowToRun | None = None) -> pd.DataFrame:
    """Run it into ``folder``, or go on with it; returns the table of :func:`summarise`.

    Raises:
        InvalidInput: ``folder`` exists, and is no leaderboard or may not be replaced; or the baseline failed.
    """
    return STUDY.run(config, folder, how)

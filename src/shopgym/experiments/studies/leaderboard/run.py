"""The leaderboard as a study: all agents in all environments over all seeds, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ....core.errors import InvalidInput
from ...cell_runs import HowToRun
from ...cells.cell import Row
from ...seeds import stage_rng
from ..study import ShownTable, Study
from .cell import leaderboard_cells
from .config import LeaderboardConfig
from .plots import write_plots
from .statistics import stratified_interval

TIMES = ("training_seconds", "decisions_per_second")
"""What differs from run to run."""


def summarise(runs: pd.DataFrame, config: LeaderboardConfig) -> pd.DataFrame:
    """One row per agent and environment, and per agent over all of them (family ``all``).

    ``relative`` is the IQM of the score over the baseline's mean score in that environment, with interval
    ``low`` to ``high``; every other metric is a mean over seeds. Where a run of an agent failed, it has no
    numbers and ``failed`` says why.
    """
    reasons = runs.loc[(runs["agent"] == config.baseline) & (runs["failed"] != ""), "failed"]
    if len(reasons):
        raise InvalidInput("baseline", config.baseline, f"it failed, {reasons.iloc[0]}")
    base = runs[runs["agent"] == config.baseline].groupby("family")["score"].mean()
    families, rows = list(config.families), []
    for family, mean in base.items():
        if not mean > 0:
            fix = "scores are relative to it: it must be > 0"
            raise InvalidInput("baseline", f"{mean:g} in {family}", fix)
    for agent in config.agents:
        mine = runs[runs["agent"] == agent]
        scores = {family: mine[mine["family"] == family]["score"].to_numpy() for family in families}
        relative = np.stack([scores[family] / base[family] for family in families])
        for at, family in enumerate([*families, "all"]):
            counted = mine if family == "all" else mine[mine["family"] == family]
            row: Row = {"agent": agent, "family": family, "relative": np.nan, "low": np.nan, "high": np.nan}
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
            means = counted.drop(columns=["agent", "family", "seed", "failed"]).mean()
            if family == "all":
                means = means.drop("score")  # of episodes of different kinds
            rows.append(row | {str(name): float(value) for name, value in means.items()})
    return pd.DataFrame(rows)


def show(table: pd.DataFrame, config: LeaderboardConfig) -> list[ShownTable]:
    """Agents by their score over all environments."""
    families = [*config.families, "all"]
    cells = table.set_index(["agent", "family"])
    whole = table[table["family"] == "all"].sort_values("relative", ascending=False)
    rows: list[Row] = []
    for agent in whole["agent"]:
        own = {family: cells.loc[(agent, family)] for family in families}
        row: Row = {"agent": agent}
        for family, cell in own.items():
            row[family] = "failed" if cell["failed"] else f"{cell['relative']:.2f}"
        over_all, failed = own["all"], bool(own["all"]["failed"])
        row["interval"] = "-" if failed else f"[{over_all['low']:.2f}, {over_all['high']:.2f}]"
        row["training"] = "-" if failed else f"{over_all['training_seconds']:.1f} s"
        row["decisions"] = "-" if failed else f"{over_all['decisions_per_second']:,.0f}/s"
        rows.append(row)
    level = f"{config.level:.0%} interval of all"
    return [(f"score over that of {config.baseline}: IQM of {config.seeds} seeds; {level}", rows)]


def headline(summary: Mapping[str, Any]) -> str:
    """The best agent over all environments."""
    whole = [row for row in summary["table"] if row["family"] == "all" and row["relative"]]
    best = max(whole, key=lambda row: row["relative"])
    return f"{best['agent']} has {best['relative']:.2f} times the score of the baseline"


STUDY = Study(leaderboard_cells, summarise, write_plots, show, headline, TIMES)


def run_leaderboard(config: LeaderboardConfig, folder: Path, how: HowToRun | None = None) -> pd.DataFrame:
    """Run it into ``folder``, or go on with it; returns the table of :func:`summarise`.

    Raises:
        InvalidInput: ``folder`` exists, and is no leaderboard or may not be replaced; or the baseline failed.
    """
    return STUDY.run(config, folder, how)

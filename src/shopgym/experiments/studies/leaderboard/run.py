"""All agents in all environments over all seeds: the cells, and what they come to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ....core.errors import InvalidInput
from ....core.files import write_text
from ...cell_runs import HowToRun, rows_of, run_study, table_of
from ...cells.cell import CellResult, Row
from ...cells.exact_json import exact_json
from ...entries import import_agents
from ...results import environment, write_json
from ...run_folder import SUMMARY
from ...seeds import stage_rng
from .cell import leaderboard_cells
from .config import LeaderboardConfig
from .statistics import stratified_interval

RUNS, TABLE = "runs.csv", "table.csv"
TIMES = ("training_seconds", "decisions_per_second")
"""What differs from run to run."""


def run_leaderboard(config: LeaderboardConfig, folder: Path, how: HowToRun | None = None) -> pd.DataFrame:
    """Run it into ``folder``, or go on with it; returns the table of :func:`summarise`.

    Raises:
        InvalidInput: ``folder`` exists, and is no leaderboard or may not be replaced; or the baseline failed.
    """
    import_agents(config.agents)
    cells = leaderboard_cells(config, "")

    def finish(results: list[CellResult]) -> pd.DataFrame:
        from .plots import write_plots

        runs = table_of(rows_of(cells, results))
        table = summarise(runs, config)
        write_text(folder / TABLE, table.to_csv(index=False))
        write_json(folder / "environment.json", environment())
        write_plots(folder, runs, table, config)
        write_json(folder / SUMMARY, leaderboard_summary(config, table))
        write_text(folder / RUNS, runs.to_csv(index=False))
        return table

    return run_study(folder, config.stored(), RUNS, cells, finish, how or HowToRun())


def leaderboard_summary(config: LeaderboardConfig, table: pd.DataFrame) -> dict[str, object]:
    """The table without times: the same for every run of the config."""
    rows = table.drop(columns=[name for name in TIMES if name in table]).to_dict("records")
    return {"name": config.name, "config_hash": config.hash, "table": exact_json(rows)}


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

"""All agents in all environments over all seeds: the cells, and what they come to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

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
from .tuning import BEST, best_entries

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
        write_text(folder / BEST, yaml.safe_dump({"agents": best_entries(table, config)}, sort_keys=False))
        write_json(folder / "environment.json", environment())
        write_plots(folder, table, config)
        write_json(folder / SUMMARY, leaderboard_summary(config, table))
        write_text(folder / RUNS, runs.to_csv(index=False))
        return table

    return run_study(folder, config.stored(), RUNS, cells, finish, how or HowToRun())


def leaderboard_summary(config: LeaderboardConfig, table: pd.DataFrame) -> dict[str, object]:
    """The table without times: the same for every run of the config."""
    rows = table.drop(columns=[name for name in TIMES if name in table]).to_dict("records")
    return {"name": config.name, "config_hash": config.hash, "table": exact_json(rows)}


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

"""Of each agent the options that scored best: how a leaderboard tunes the agents of another."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...entries import AGENT, agent_entries
from .config import LeaderboardConfig

BEST = "best.yaml"
"""The file of a run that names them, ready to be included by another config."""


def best_entries(table: pd.DataFrame, config: LeaderboardConfig) -> dict[str, dict[str, Any]]:
    """Options by agent: of its entries the one with the highest score over all environments.

    Entries are compared at the largest budget that all of them have. Those that failed are left out.

    Args:
        table: of :func:`.run.summarise`.
        config: of the run.
    """
    whole = table[(table["family"] == "all") & (table["failed"] == "")]
    scores = whole.pivot(index="agent", columns="budget", values="relative")
    best: dict[str, dict[str, Any]] = {}
    entries = agent_entries(config.agents)
    for agent in dict.fromkeys(entry.agent for entry in entries):
        own = [entry for entry in entries if entry.agent == agent and entry.name in scores.index]
        shared = scores.loc[[entry.name for entry in own]].dropna(axis=1)
        if shared.empty:
            continue
        name = str(shared[shared.columns.max()].idxmax())
        options = config.agents[name]
        best[agent] = {option: value for option, value in options.items() if option != AGENT}
    return best

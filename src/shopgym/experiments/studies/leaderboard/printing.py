"""The leaderboard on the terminal."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.table import Table

from ...console import plain_console
from .config import LeaderboardConfig


def print_table(table: pd.DataFrame, config: LeaderboardConfig, folder: Path) -> None:
    """Agents by their score over all environments, and where the rest is."""
    console = plain_console(120)
    for budget, part in table.groupby("budget"):
        pages = f", budget x {budget:g}" if len(config.budgets) > 1 else ""
        console.print(_of_budget(part, config, pages))
    failed = table[table["failed"] != ""].groupby("agent")["failed"].first()
    for agent, reason in failed.items():
        console.print(f"{agent} failed, {reason}", soft_wrap=True)
    console.print(f"every metric: {folder / 'table.csv'}", soft_wrap=True)
    console.print(f"picture: {folder / 'leaderboard.png'}", soft_wrap=True)


def _of_budget(table: pd.DataFrame, config: LeaderboardConfig, pages: str) -> Table:
    """The table of one budget; agents that are not in every environment come last."""
    families = [name for name in (*config.families, "all") if name in set(table["family"])]
    shown = Table(
        title=f"{config.name}: score over that of {config.baseline}{pages}",
        title_justify="left",
        title_style="bold",
        caption=f"IQM of {config.seeds} seeds; {config.level:.0%} interval of the last column",
        caption_justify="left",
    )
    shown.add_column("agent", no_wrap=True)
    for name in (*families, "interval", "training", "decisions"):
        shown.add_column(name, justify="right", no_wrap=True)
    cells = table.set_index(["agent", "family"])
    last = table[table["family"] == families[-1]].sort_values("relative", ascending=False)["agent"].tolist()
    for agent in dict.fromkeys([*last, *table["agent"]]):
        own = [cells.loc[(agent, family)] if (agent, family) in cells.index else None for family in families]
        scores = [_score(cell) for cell in own]
        last_cell = own[-1]
        if last_cell is None or last_cell["failed"]:
            shown.add_row(str(agent), *scores, "-", "-", "-")
            continue
        shown.add_row(
            str(agent),
            *scores,
            f"[{last_cell['low']:.2f}, {last_cell['high']:.2f}]",
            f"{last_cell['training_seconds']:.1f} s",
            f"{last_cell['decisions_per_second']:,.0f}/s",
        )
    return shown


def _score(cell: pd.Series | None) -> str:
    if cell is None:
        return "-"
    return "failed" if cell["failed"] else f"{cell['relative']:.2f}"

"""The leaderboard on the terminal."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.table import Table

from ...console import plain_console
from .config import LeaderboardConfig


def print_table(table: pd.DataFrame, config: LeaderboardConfig, folder: Path) -> None:
    """Agents by their score over all environments, and where the rest is."""
    console, families = plain_console(120), [*config.families, "all"]
    shown = Table(
        title=f"{config.name}: score over that of {config.baseline}",
        title_justify="left",
        title_style="bold",
        caption=f"IQM of {config.seeds} seeds; {config.level:.0%} interval of all",
        caption_justify="left",
    )
    shown.add_column("agent", no_wrap=True)
    for name in (*families, "interval", "training", "decisions"):
        shown.add_column(name, justify="right", no_wrap=True)
    whole = table[table["family"] == "all"].set_index("agent").sort_values("relative", ascending=False)
    cells = table.set_index(["agent", "family"])
    for agent in whole.index:
        own = [cells.loc[(agent, family)] for family in families]
        scores = ["failed" if cell["failed"] else f"{cell['relative']:.2f}" for cell in own]
        if own[-1]["failed"]:
            shown.add_row(str(agent), *scores, "-", "-", "-")
            continue
        shown.add_row(
            str(agent),
            *scores,
            f"[{own[-1]['low']:.2f}, {own[-1]['high']:.2f}]",
            f"{own[-1]['training_seconds']:.1f} s",
            f"{own[-1]['decisions_per_second']:,.0f}/s",
        )
    console.print(shown)
    for agent, reason in whole["failed"].items():
        if reason:
            console.print(f"{agent} failed, {reason}", soft_wrap=True)
    console.print(f"every metric: {folder / 'table.csv'}", soft_wrap=True)
    console.print(f"picture: {folder / 'leaderboard.png'}", soft_wrap=True)

"""Does it pay to look beyond the page? An agent that looks ahead against myopic ones, in two shops.

A customer's worth of an item (what it turns out to be) is only loosely tied to how good it looks. Where
satisfaction bends return and churn, whoever shows what is clicked most loses customers; where it does not,
whoever looks ahead has nothing to gain. The shops are the same but for two numbers of
:class:`shopgym.simulators.RetentionConfig`, and every agent lives the same customers' lives with the same
luck.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ....core.errors import InvalidInput
from ....evaluation.figures import BLUE, GREY, INK
from ....evaluation.intervals.normal import student_interval
from ...cells.cell import Row
from ..study import ShownTable, Study
from .cell import long_term_cells
from .config import LongTermConfig

VALUE = "reward"
"""Clicks per customer."""
MEANS = ("visits", "satisfaction", "kept")


@dataclass(frozen=True)
class Gain:
    """Mean paired difference in a column between two agents, over seeds.

    Attributes:
        mean, low, high: and its interval by Student's t over seeds.
        boot_low, boot_high: the percentile bootstrap over seeds, which is too narrow for few of them.
        won, seeds: seeds in which the first agent did better, of how many.
    """

    mean: float
    low: float
    high: float
    boot_low: float
    boot_high: float
    won: int
    seeds: int

    def __str__(self) -> str:
        return f"{self.mean:+.1f} [{self.low:+.1f}, {self.high:+.1f}], {self.won:.0f} of {self.seeds:.0f}"


def gain(
    runs: pd.DataFrame, effect: str, first: str, second: str, column: str = VALUE, level: float = 0.95
) -> Gain:
    """How much better ``first`` did than ``second`` in the seeds that both have.

    Raises:
        InvalidInput: fewer than two such seeds.
    """
    wide = runs[runs["effect"] == effect].pivot(index="seed", columns="agent", values=column)
    both = wide[[first, second]].dropna()
    if len(both) < 2:
        raise InvalidInput("seeds", len(both), "give at least two seeds that both agents have")
    differences = (both[first] - both[second]).to_numpy(np.float64)
    mean, below, above = student_interval(differences, level)
    draws = np.random.default_rng(0).choice(differences, (10_000, len(both))).mean(axis=1)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    won = int((differences > 0).sum())
    return Gain(mean, below, above, float(low), float(high), won, len(both))


def summarise(runs: pd.DataFrame, config: LongTermConfig) -> pd.DataFrame:
    """One row per effect and agent: means over seeds, and the gain of ``config.ahead`` over it."""
    rows: list[Row] = []
    fine = runs[runs["failed"] == ""]
    for effect in config.effects:
        for agent in config.agents:
            mine = runs[(runs["effect"] == effect) & (runs["agent"] == agent)]
            reasons = mine.loc[mine["failed"] != "", "failed"]
            row: Row = {"effect": effect, "agent": agent, "failed": reasons.iloc[0] if len(reasons) else ""}
            if not row["failed"]:
                row |= {name: float(mine[name].mean()) for name in (VALUE, *MEANS)}
                if agent != config.ahead and config.ahead in set(fine["agent"]):
                    difference = gain(fine, effect, config.ahead, agent, level=config.level)
                    row |= {f"gain_{name}": value for name, value in vars(difference).items()}
            rows.append(row)
    columns = ["effect", "agent", "failed", VALUE, *MEANS, *(f"gain_{name}" for name in Gain.__annotations__)]
    return pd.DataFrame(rows).reindex(columns=columns)


def plot(folder: Path, runs: pd.DataFrame, table: pd.DataFrame, config: LongTermConfig) -> None:
    """``long_term.png``: clicks per customer by agent, one line a seed, one panel an effect."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(config.effects), 3.4), dpi=120, layout="constrained")
    names = list(config.agents)
    for at, effect in enumerate(config.effects, start=1):
        axes = figure.add_subplot(1, len(config.effects), at)
        wide = runs[runs["effect"] == effect].pivot(index="seed", columns="agent", values=VALUE)[names]
        for _, values in wide.iterrows():
            axes.plot(names, values, color=GREY, marker="o", markersize=3, linewidth=1)
        axes.plot(names, wide.mean(), color=BLUE, marker="o", linewidth=2.5, label="mean of seeds")
        axes.set_title(f"satisfaction effects: {effect}", color=INK)
        axes.set_ylabel("clicks per customer")
        axes.tick_params(axis="x", rotation=20)
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.savefig(folder / "long_term.png")


def show(table: pd.DataFrame, config: LongTermConfig) -> list[ShownTable]:
    """Means per customer, and what looking ahead gains over each."""
    rows: list[Row] = []
    for row in table[table["failed"] == ""].to_dict("records"):
        compared = not np.isnan(row["gain_mean"])
        difference = Gain(**{name: row[f"gain_{name}"] for name in Gain.__annotations__})
        rows.append(
            {
                "effect": row["effect"],
                "agent": row["agent"],
                "clicks": f"{row[VALUE]:.1f}",
                "visits": f"{row['visits']:.2f}",
                "satisfaction": f"{row['satisfaction']:.3f}",
                "still a customer": f"{row['kept']:.3f}",
                f"{config.ahead} gains": str(difference) if compared else "",
            }
        )
    title = f"mean per customer in {config.customers.days:.0f} days; gain in clicks"
    return [(f"{title}, {config.level:.0%} interval, seeds won", rows)]


def headline(summary: Mapping[str, Any]) -> str:
    """What looking ahead gains over the best of the others, in each shop."""
    parts = []
    for effect in dict.fromkeys(row["effect"] for row in summary["table"]):
        others = [row for row in summary["table"] if row["effect"] == effect and row["gain_mean"] is not None]
        if others:
            best = max(others, key=lambda row: row[VALUE])
            gained = f"{best['gain_mean']:+.1f} [{best['gain_low']:+.1f}, {best['gain_high']:+.1f}] clicks"
            parts.append(f"effects {effect}: looking ahead brings {gained} over {best['agent']}")
    return "; ".join(parts) or "no agent can be compared"


STUDY = Study(long_term_cells, summarise, plot, show, headline)

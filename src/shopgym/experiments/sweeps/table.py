"""What the cells of a sweep come to: a tidy table, means over seeds, and which points are told apart.

Points share their seeds, so that the same seed brings the same people and the same random draws: points are
compared seed by seed. Intervals are Student's, over seeds. Differences hold all at the same time
(Bonferroni over all pairs of a world), so that the best may be chosen by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...evaluation.intervals.normal import student_interval
from ..cell_runs import rows_of, table_of
from ..cells.cell import Cell, CellResult, Row
from .plan import Plan
from .points import label

TEXT_COLUMNS = ("dr_verdict", "gate", "failed")


def tidy_table(plan: Plan, cells: dict[str, list[Cell]], results: dict[str, CellResult]) -> pd.DataFrame:
    """One row per cell and agent: point, its settings, the cell's key, agent, then what was measured."""
    rows: list[Row] = []
    for point in plan.points:
        settings = {name: _plain(value) for name, value in point.settings.items()}
        own = cells[point.name]
        made = rows_of(own, [results[cell.name] for cell in own])
        rows += [{"point": point.name, **settings, **row} for row in made]
    return table_of(rows)


def _plain(value: Any) -> Any:
    """A value in a table: lists and mappings as text."""
    return str(value) if isinstance(value, list | dict) else value


def point_table(plan: Plan, table: pd.DataFrame) -> pd.DataFrame:
    """One row per point and agent: mean over seeds of every number, with its interval."""
    level = plan.options.sweep.level
    keys = ["point", *plan.kind.apart, "agent"]
    fixed = [*keys, *plan.settings, "seed", *TEXT_COLUMNS]
    numbers = [str(name) for name in table.select_dtypes("number") if name not in fixed]
    rows: list[Row] = []
    for of_keys, part in table[table["failed"] == ""].groupby(keys, sort=False):
        row: Row = {**dict(zip(keys, of_keys, strict=True)), **{n: part[n].iloc[0] for n in plan.settings}}
        row["seeds"] = part["seed"].nunique()
        for name in numbers:
            mean, low, high = student_interval(part[name].to_numpy(np.float64), level)
            row |= {name: mean, f"{name}.low": low, f"{name}.high": high}
        rows.append(row)
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Ranking:
    """The arms (a point and an agent) of one world, best first, with their distance to the best.

    Attributes:
        world: what its points share, e.g. ``shop.slate_size=4``; empty where all share everything.
        arms: one mapping each: point, agent, settings, mean, low, high, and ``behind``: (mean, low, high) of
            the best arm's value less its own; None without an interval.
        seeds: that all arms share.
        level: of each interval of a mean, and of all differences together.
    """

    world: str
    arms: list[dict[str, Any]]
    seeds: int
    level: float

    @property
    def together(self) -> int:
        """How many other arms are not told apart from the best."""
        return sum(arm["behind"] is None or arm["behind"][1] <= 0 for arm in self.arms[1:])

    @property
    def sentence(self) -> str:
        """The best arm, and how sure that is."""
        best = self.arms[0]
        where = f"with {self.world}: " if self.world else ""
        name = f"{best['agent']} at {best['settings']}" if best["settings"] else str(best["agent"])
        if self.seeds < 2:
            return (
                f"{where}{name} has {best['mean']:.4g} with one seed: that tells nothing apart, give seeds: 5"
            )
        text = f"{where}{name} has {best['mean']:.4g} [{best['low']:.4g}, {best['high']:.4g}]"
        others = len(self.arms) - 1
        if not others:
            return f"{text} over {self.seeds} seeds"
        told = (
            f"better than all {others} others"
            if not self.together
            else (f"the highest mean, but {self.together} of {others} others are not told apart from it")
        )
        return f"{text} over {self.seeds} seeds: {told}"


def rankings(plan: Plan, table: pd.DataFrame) -> list[Ranking]:
    """The arms of each world; an arm that failed with any seed is left out."""
    return [_ranking(plan, world, part) for world, part in _worlds(plan, table)]


def _worlds(plan: Plan, table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    names = [*plan.kind.world_of(plan.settings), *plan.kind.apart]
    fine = table[table["failed"] == ""]
    if not names:
        yield "", fine
        return
    for values, part in fine.groupby(names, sort=False, dropna=False):
        yield label(dict(zip(names, values, strict=True))), part


def _ranking(plan: Plan, world: str, table: pd.DataFrame) -> Ranking:
    level = plan.options.sweep.level
    wide = table.pivot_table(index="seed", columns=["point", "agent"], values=plan.kind.value, sort=False)
    wide = wide.loc[:, wide.notna().sum() == wide.notna().sum().max()].dropna()
    order = wide.mean().sort_values(ascending=False, kind="stable").index
    settings = {point.name: point.settings for point in plan.points}
    shared = plan.kind.world_of(plan.settings)
    pairs = max(len(order) * (len(order) - 1) // 2, 1)
    arms = []
    for point, agent in order:
        mean, low, high = student_interval(wide[point, agent].to_numpy(), level)
        behind = (wide[order[0]] - wide[point, agent]).to_numpy()
        difference = student_interval(behind, 1.0 - (1.0 - level) / pairs) if len(wide) > 1 else None
        own = {name: value for name, value in settings[point].items() if name not in shared}
        arms.append(
            {"point": point, "agent": agent, "settings": label(own), "mean": mean, "low": low, "high": high}
            | {"behind": difference}
        )
    return Ranking(world, arms, len(wide), level)

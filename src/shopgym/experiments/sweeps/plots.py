"""The picture of a sweep: every point against each setting, with its interval over seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...evaluation.figures import GRID, INK, MUTED
from ..report.plots import COLOURS
from .points import value_text

if TYPE_CHECKING:
    from .run import SweepResults

MOST_PANELS, MOST_AGENTS = 6, 8
LOG_FROM = 20.0
"""A setting whose greatest value is so many times its least is drawn on a log scale."""


def sweep_figure(results: SweepResults) -> Figure:
    """One panel for each setting, and for each group of rows that are never compared."""
    plan, points = results.plan, results.points
    settings: list[str | None] = [*plan.settings[:MOST_PANELS]] or [None]
    groups = list(points.groupby(list(plan.kind.apart), sort=False)) if plan.kind.apart else [("", points)]
    figure = Figure(
        figsize=(3.6 * len(settings) + 2.2, 3.2 * len(groups) + 0.4), dpi=150, layout="constrained"
    )
    panels = figure.subplots(len(groups), len(settings), squeeze=False)
    for row, (group, part) in zip(panels, groups, strict=True):
        name = " ".join(map(str, group)) if isinstance(group, tuple) else str(group)
        for axes, setting in zip(row, settings, strict=True):
            _panel(axes, part, setting, plan.kind.value)
            axes.set_title(name, fontsize=9, loc="left", color=INK)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8, frameon=False)
    level = plan.options.sweep.level
    over = f"mean and {level:.0%} interval over {plan.seeds} seeds" if plan.seeds > 1 else "one seed"
    figure.supxlabel(over, fontsize=8, color=MUTED)
    return figure


def _panel(axes: Axes, points: pd.DataFrame, setting: str | None, value: str) -> None:
    agents = list(dict.fromkeys(points["agent"]))[:MOST_AGENTS]
    places, ticks = _places(points[setting] if setting else points["agent"])
    on_log = ticks is None and places.min() > 0 and places.max() / places.min() >= LOG_FROM
    for at, agent in enumerate(agents):
        mine = points["agent"] == agent
        part, x = points[mine], places[mine.to_numpy()]
        beside = at - (len(agents) - 1) / 2  # so that intervals do not hide one another
        error: Any = np.stack([part[value] - part[f"{value}.low"], part[f"{value}.high"] - part[value]])
        style: dict[str, Any] = {"color": COLOURS[at % len(COLOURS)], "markersize": 4, "capsize": 2}
        alone = not part[setting].duplicated().any() if setting else False
        line = "-" if alone and ticks is None else "none"
        at_x = _moved(x, 0.0 if setting is None else beside, on_log, places)
        order = np.argsort(x, kind="stable")
        axes.errorbar(
            at_x[order], part[value].to_numpy()[order], yerr=np.nan_to_num(error)[:, order],
            fmt="o", linestyle=line, linewidth=1, label=agent, **style,
        )  # fmt: skip
    if ticks is not None:
        axes.set_xticks(range(len(ticks)), ticks, rotation=30 if max(map(len, ticks)) > 8 else 0)
    elif on_log:
        axes.set_xscale("log")
    axes.set_xlabel(setting or "", fontsize=8)
    axes.set_ylabel(value, fontsize=8)
    axes.tick_params(labelsize=8, colors=MUTED)
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _moved(x: Any, beside: float, on_log: bool, places: Any) -> Any:
    """``x`` moved a little, by 1% of the axis for each agent."""
    if on_log:
        return x * (places.max() / places.min()) ** (0.01 * beside)
    return x + 0.01 * beside * max(float(np.ptp(places)), 1.0)


def _places(values: pd.Series) -> tuple[Any, list[str] | None]:
    """(where each value stands on the axis, names of the places if the values are no numbers)."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return values.to_numpy(np.float64), None
    names = list(dict.fromkeys(values))
    return np.array([names.index(value) for value in values], np.float64), [value_text(n) for n in names]

"""Pictures of two shops side by side: real and simulated. Each returns a figure; nothing is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core.errors import InvalidInput
from ..core.types import F64
from .comparisons import ComparisonResult
from .next_item_facts import WORDS
from .shop_data import DAY, ShopData, weekday

REAL, SHOP, INK, MUTED, GRID = "#1f2933", "#d97706", "#1f2933", "#6b7785", "#e3e8ee"
NEAR_COLOUR, FAR_COLOUR = "#0f766e", "#b91c1c"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
TAIL, LOG_TAIL = 0.98, 0.998
"""Histograms end where this share of both shops lies below; on a log scale where more does."""
BINS = 30
LARGEST_RATIO = 4.0

Pair = tuple[ShopData, ShopData]


def figures(
    real: ShopData, simulated: ShopData, facts: pd.DataFrame, share: float = 1.0
) -> dict[str, Figure]:
    """All pictures that these records allow, by name; ``share`` of the shop's people were simulated."""
    drawn: dict[str, Figure | None] = {
        "facts": draw_facts(facts),
        "distributions": draw_distributions((real, simulated)),
        "weeks": draw_weeks((real, simulated), share),
        "hours": draw_hours((real, simulated)),
        "baskets": draw_baskets((real, simulated)),
        "paths": draw_paths(facts),
    }
    return {name: figure for name, figure in drawn.items() if figure is not None}


def draw_facts(facts: pd.DataFrame) -> Figure | None:
    """Value of the shop over that of the record, one row per fact, with the record's interval as a bar."""
    rows = facts[facts["near"].notna() & (facts["real"] != 0)]
    if rows.empty:
        return None
    figure, (axes,) = _new(7.4, 0.6 + 0.2 * len(rows), 1)
    values = rows[["real", "real_low", "real_high", "value"]].to_numpy(np.float64)
    with np.errstate(invalid="ignore"):
        ratio = values[:, 1:] / values[:, :1]
    ratio = np.clip(np.nan_to_num(ratio, nan=1.0), 1 / LARGEST_RATIO, LARGEST_RATIO)
    y = np.arange(len(rows))[::-1]
    low, high = np.minimum(ratio[:, 0], ratio[:, 1]), np.maximum(ratio[:, 0], ratio[:, 1])
    axes.axvspan(0.9, 1.1, color=GRID, alpha=0.6)
    axes.axvline(1.0, color=REAL, linewidth=1)
    axes.barh(y, np.maximum(high - low, 0.004), left=low, height=0.5, color=MUTED, alpha=0.6)
    colour = np.where(rows["near"].astype(bool), NEAR_COLOUR, FAR_COLOUR)
    axes.scatter(ratio[:, 2], y, c=colour, s=16, zorder=3)
    axes.set_yticks(y, [str(name) for name in rows["name"]], fontsize=7)
    axes.set_xscale("log")
    axes.set_xlim(0.9 / LARGEST_RATIO, 1.1 * LARGEST_RATIO)
    axes.set_xticks([0.25, 0.5, 1, 2, 4], ["1/4 or less", "1/2", "1", "2", "4 or more"])
    axes.minorticks_off()
    axes.set_ylim(-0.8, len(rows) - 0.2)
    axes.set_xlabel("shop / records; bars: interval of the records; shaded: within 10%")
    return figure


def draw_distributions(pair: Pair) -> Figure | None:
    """Histograms of order value, items an order, days between orders, and pages a visit."""
    panels = []
    for title, values, log in (
        ("order value", _order_column("value"), True),
        ("items an order", _order_column("items"), False),
        ("days between a customer's orders", _gaps, False),
        ("item pages a visit", _session_column("clicks"), False),
    ):
        both = [values(data) for data in pair]
        if all(len(v) > 1 for v in both):
            panels.append((title, both, log))
    if not panels:
        return None
    figure, axes = _new(7.4, 2.5 * ((len(panels) + 1) // 2), len(panels), columns=2)
    for ax, (title, both, log) in zip(axes, panels, strict=True):
        _histogram(ax, both, log)
        _title(ax, title)
    _legend(axes[0])
    return figure


def _histogram(ax: Axes, both: list[F64], log: bool) -> None:
    """Shares of each shop by bin; on a log scale where values spread over orders of magnitude."""
    tail = LOG_TAIL if log else TAIL
    if log:
        both = [v[v > 0] for v in both]
    end = max(float(np.quantile(v, tail)) for v in both)
    start = min(float(np.quantile(v, 1 - tail)) for v in both)
    whole = all((v == np.round(v)).all() for v in both)
    if log:
        edges = np.geomspace(max(start, 1e-6), max(end, 1.01 * max(start, 1e-6)), BINS + 1)
        ax.set_xscale("log")
    elif whole and end - start <= 2 * BINS:
        edges = np.arange(np.floor(start) - 0.5, np.ceil(end) + 1.5)
    else:
        edges = np.linspace(start, max(end, start + 1e-9), BINS + 1)
    for values, style in zip(both, _styles(), strict=True):
        count = np.histogram(values, edges)[0] / len(values)
        ax.stairs(count, edges, **style)
    ax.set_ylabel("share")


def draw_weeks(pair: Pair, share: float = 1.0) -> Figure | None:
    """Orders, or else visits, in each week of the record."""
    series = [_weekly(pair[0]), _weekly(pair[1]) / share]
    if any(len(s) < 2 for s in series):
        return None
    figure, (axes,) = _new(7.4, 2.4, 1)
    for weeks, style in zip(series, _styles(), strict=True):
        axes.plot(np.arange(len(weeks)), weeks, **style)
    axes.set_xlabel("week of the record")
    axes.set_ylabel("orders a week" if "purchase" in pair[0].kinds else "visits a week")
    axes.set_ylim(0, None)
    _legend(axes)
    return figure


def draw_hours(pair: Pair) -> Figure | None:
    """Shares of orders, or else visits, by hour and by weekday."""
    times = [_times(data) for data in pair]
    if any(t.empty for t in times):
        return None
    hourless = (times[0] % DAY == 0).all()
    figure, axes = _new(7.4, 2.4, 1 if hourless else 2, columns=2)
    for t, style in zip(times, _styles(), strict=True):
        day = np.bincount(weekday(t).astype(int), minlength=7) / len(t)
        axes[0].plot(range(7), day, marker="o", markersize=3, **style)
        if not hourless:
            hour = np.bincount((t % DAY // 3600).astype(int), minlength=24) / len(t)
            axes[1].plot(range(24), hour, marker="o", markersize=3, **style)
    axes[0].set_xticks(range(7), DAYS)
    _title(axes[0], "weekday")
    if not hourless:
        _title(axes[1], "hour")
    for ax in axes:
        ax.set_ylim(0, None)
    _legend(axes[0])
    return figure


def draw_baskets(pair: Pair) -> Figure | None:
    """What is bought: orders with each item, most popular first; and mean value by number of items."""
    if any("purchase" not in data.kinds or "items" not in data.orders for data in pair):
        return None
    figure, axes = _new(7.4, 2.6, 2, columns=2)
    for data, style in zip(pair, _styles(), strict=True):
        lines = data.select("purchase")[["order_id", "item_id"]].drop_duplicates()
        counts = lines["item_id"].value_counts().to_numpy(np.float64)
        axes[0].plot(np.arange(1, len(counts) + 1), counts / len(data.orders), **style)
        if "value" in data.orders:
            orders = data.orders
            size = np.minimum(orders["items"], np.quantile(orders["items"], TAIL))
            mean = orders.groupby(np.ceil(np.log2(size) * 2) / 2)["value"].mean()
            axes[1].plot(
                2.0 ** mean.index.to_numpy(np.float64), mean.to_numpy(), marker="o", markersize=3, **style
            )
    axes[0].set(xscale="log", yscale="log", xlabel="item, most popular first", ylabel="share of orders")
    axes[1].set(yscale="log", xlabel="items an order, about", ylabel="mean value")
    axes[1].set_xscale("log", base=2)
    axes[1].xaxis.set_major_formatter("{x:g}")
    _title(axes[0], "popularity")
    _title(axes[1], "value by size of the basket")
    _legend(axes[0])
    return figure


def draw_paths(facts: pd.DataFrame) -> Figure | None:
    """How often the next item is among the 20 that a simple recommender names."""
    rows = facts[facts["group"].eq("sequence") & facts["near"].notna()]
    if rows.empty:
        return None
    figure, (axes,) = _new(7.4, 0.9 + 0.34 * len(rows), 1)
    y = np.arange(len(rows))[::-1].astype(np.float64)
    real, shop = rows["real"].to_numpy(np.float64), rows["value"].to_numpy(np.float64)
    error = np.abs(rows[["real_low", "real_high"]].to_numpy(np.float64).T - real)
    axes.barh(
        y + 0.18, real, height=0.34, color=REAL, label="records", xerr=error, error_kw={"ecolor": MUTED}
    )
    axes.barh(y - 0.18, shop, height=0.34, color=SHOP, label="shop")
    axes.set_yticks(y, [_path_words(str(name)) for name in rows["name"]], fontsize=8)
    axes.set_xlabel("share of next items that are among 20 named ones")
    _legend(axes)
    return figure


def _path_words(name: str) -> str:
    what = "in orders" if name.startswith("basket") else "in visits"
    recommender = next(words for key, words in WORDS.items() if key in name)
    return f"{recommender}, {what}" + (", no item after itself" if name.endswith("no_repeat") else "")


def _order_column(name: str) -> Any:
    def values(data: ShopData) -> F64:
        if "purchase" not in data.kinds or name not in data.orders:
            return np.empty(0)
        return data.orders[name].to_numpy(np.float64)

    return values


def _session_column(name: str) -> Any:
    def values(data: ShopData) -> F64:
        if name not in data.sessions:
            return np.empty(0)
        return data.sessions[name].to_numpy(np.float64)

    return values


def _gaps(data: ShopData) -> F64:
    if "purchase" not in data.kinds:
        return np.empty(0)
    orders = data.orders.dropna(subset="user_id").sort_values(["user_id", "time"], kind="stable")
    return orders.groupby("user_id")["time"].diff().dropna().to_numpy(np.float64) / DAY


def _times(data: ShopData) -> pd.Series:
    return (
        data.orders["time"]
        if "purchase" in data.kinds
        else data.sessions.get("start", pd.Series(dtype=float))
    )


def _weekly(data: ShopData) -> F64:
    """(w,) orders or visits in each whole week watched."""
    if data.watched is None:
        raise InvalidInput("watched", None, "say how long the shop was watched")
    start, end = data.watched
    week = ((_times(data) - start) // (7 * DAY)).astype(int)
    whole = int((end - start) // (7 * DAY))
    return np.bincount(week[week.between(0, whole - 1)], minlength=whole).astype(np.float64)


def _styles() -> tuple[dict[str, Any], dict[str, Any]]:
    return {"color": REAL, "label": "records"}, {"color": SHOP, "label": "shop"}


def _new(width: float, height: float, panels: int, columns: int = 1) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), dpi=130, layout="constrained")
    rows = -(-panels // columns)
    axes = [figure.add_subplot(rows, columns, place + 1) for place in range(panels)]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(GRID)
        ax.tick_params(colors=MUTED, labelsize=8)
        ax.xaxis.label.set(color=MUTED, size=8)
        ax.yaxis.label.set(color=MUTED, size=8)
        ax.set_axisbelow(True)
    return figure, axes


def _title(ax: Axes, text: str) -> None:
    ax.set_title(text, loc="left", fontsize=9, color=INK, fontweight="bold")


def _legend(ax: Axes) -> None:
    ax.legend(frameon=False, fontsize=8)


def draw_distances(result: ComparisonResult) -> Figure | None:
    """Histograms of the features that a season and a real record are compared by."""
    tables = [data.sessions for data in (result.real, result.simulated)]
    names = [name for name in result.distances["feature"] if all(len(t[name].dropna()) > 1 for t in tables)]
    if not names:
        return None
    figure, axes = _new(7.4, 2.3 * ((len(names) + 1) // 2), len(names), columns=2)
    for ax, name in zip(axes, names, strict=True):
        both = [t[name].dropna().to_numpy(np.float64) for t in tables]
        _histogram(ax, both, name in ("duration", "dwell_mean"))
        _title(ax, name)
    _legend(axes[0])
    return figure

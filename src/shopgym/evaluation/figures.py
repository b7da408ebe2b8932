"""Figures for people who plot: estimates, comparisons and periods as intervals."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .answer import COLOURS
from .answer.sentences import earned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Grid = Literal["x", "y", "both"]
Panels = tuple["Axes", ...]

INK, MUTED, GRID, BLUE, GREY = "#1f2933", "#5f6b78", "#e3e8ee", "#2563eb", "#9aa5b1"
REWARD_COLOUR, STAR_COLOUR, ALARM_COLOUR = "#d97706", "#0f766e", "#b91c1c"
"""Of a reward, of what the business wants, and of what warns."""
SERIES = ("#2563eb", "#b45309", "#0f766e", "#9333ea", "#be123c", "#4d7c0f", "#0369a1", "#78716c")
"""Colours of several policies, in their order."""
FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Noto Sans JP",
    "Noto Sans KR",
    "Source Han Sans",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Arial Unicode MS",
    "Noto Emoji",
    "Segoe UI Emoji",
    "Last Resort High-Efficiency",
)
"""Searched in this order for each letter; the last has a box for each script."""


def figure_of_answer(answer: Mapping[str, Any]) -> Figure:
    """Every estimate with its interval; the dashed line is what was earned."""
    return _forest(
        [(e["estimator"], e["value"], e["low"], e["high"], e["verdict"]) for e in answer["estimates"]],
        f"{answer['unit']} a round; dashed: what was {earned(answer.get('minimise', False))}",
        answer["logged_value"],
    )


def figure_of_rows(answer: Mapping[str, Any], *, names: bool = True) -> Figure:
    """A comparison reward by reward: its periods over time if it has any, else its differences or values.

    Without ``names`` policies are told apart by their colours alone.
    """
    from matplotlib.figure import Figure

    compared = answer["baseline"] is not None
    kind = "difference" if compared else "value"
    rows = [row for row in answer["rows"] if row[kind] is not None]
    times = [row for row in rows if row["by"] and row["by"] == answer["period"]]
    shown = times or rows
    rewards = [reward for reward in answer["rewards"] if any(row["reward"] == reward for row in shown)]
    height = 2.6 if times else 0.9 + 0.3 * max((_count(shown, reward) for reward in rewards), default=1)
    figure = Figure(figsize=(6.4, height * max(1, len(rewards))), dpi=150, layout="constrained")
    with fonts():
        for i, reward in enumerate(rewards):
            axes = styled(figure.add_subplot(len(rewards), 1, i + 1))
            own = [row for row in shown if row["reward"] == reward]
            unit = f"{answer['units'][reward]} a round"
            label = f"{unit}, less {answer['baseline']}" if compared and names else unit
            base = 0.0 if compared else answer["logged_values"][reward]
            if times:
                _draw_periods(axes, own, kind, label, base)
                if names and len({row["policy"] for row in own}) > 1:
                    _legend(axes)
            else:
                named = [(_row_name(row, answer), *_interval(row, kind)) for row in own]
                _draw_intervals(axes, named, label, base)
        figure.draw_without_rendering()
    return figure


def png_of(figure: Figure) -> bytes:
    """The figure as PNG: the same figure, the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def image(png: bytes, name: str) -> str:
    """A picture inside a page of HTML."""
    return f'<img alt="{escape(name)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def fonts() -> Any:
    """A context in which letters of any script are drawn, by the fonts that are installed."""
    import matplotlib as mpl
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return mpl.rc_context({"font.family": [name for name in FONTS if name in installed]})


def _forest(rows: Sequence[tuple[Any, ...]], label: str, base: float) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 1.0 + 0.34 * len(rows)), dpi=150, layout="constrained")
    with fonts():
        _draw_intervals(styled(figure.add_subplot()), rows, label, base)
        figure.draw_without_rendering()
    return figure


def _count(rows: Sequence[Mapping[str, Any]], reward: str) -> int:
    return sum(row["reward"] == reward for row in rows)


def _row_name(row: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    where = f"{row['by']} {row['group']}" if row["by"] else ""
    policy = row["policy"] if len(answer["policies"]) > 1 or not where else ""
    return ": ".join(filter(None, (where, policy)))


def _interval(row: Mapping[str, Any], kind: str) -> tuple[Any, ...]:
    prefix = "" if kind == "value" else f"{kind}_"
    return row[kind], row[f"{prefix}low"], row[f"{prefix}high"], row[f"{prefix}verdict"]


def _draw_intervals(axes: Axes, rows: Sequence[tuple[Any, ...]], label: str, base: float) -> None:
    for i, (_, value, low, high, verdict) in enumerate(rows):
        colour = COLOURS[verdict]
        if low is not None and high is not None:
            axes.plot([low, high], [i, i], color=colour, linewidth=2.5, solid_capstyle="butt")
        axes.plot(value, i, "o", color=colour, markersize=6)
    axes.axvline(base, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(rows)), [row[0] for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(label)


def _draw_periods(axes: Axes, rows: Sequence[Mapping[str, Any]], kind: str, label: str, base: float) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    policies = list(dict.fromkeys(row["policy"] for row in rows))
    days = np.unique(np.array([row["group"] for row in rows], dtype="datetime64[D]"))
    gap = int(np.diff(days).astype(np.int64).min(initial=7))
    for number, policy in enumerate(policies):
        own, colour = [row for row in rows if row["policy"] == policy], SERIES[number % len(SERIES)]
        # policies side by side, so that their intervals do not hide each other
        aside = np.timedelta64(round(24 * 60 * gap * 0.1 * (number - (len(policies) - 1) / 2)), "m")
        place = np.array([row["group"] for row in own], dtype="datetime64[m]") + aside
        for x, row in zip(place, own, strict=True):
            _, low, high, _ = _interval(row, kind)
            if low is not None and high is not None:
                axes.plot([x, x], [low, high], color=colour, linewidth=1.5, alpha=0.6)
        axes.plot(place, [row[kind] for row in own], "o-", color=colour, markersize=4, label=policy)
    axes.axhline(base, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    locator: Any = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.set_ylabel(label)


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)


def new_figure(width: float, height: float, panels: int = 1, *, grid: Grid = "both") -> tuple[Figure, Panels]:
    """A figure in the style of the project, and its panels, one below the other with the same x."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    panel = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    return figure, tuple(styled(axes, grid) for axes in panel)


def titled(axes: Axes, text: str) -> None:
    """A title on the left."""
    axes.set_title(text, loc="left", fontsize=11, color=INK, fontweight="bold", pad=10)


def styled(axes: Axes, grid: Grid = "x") -> Axes:
    """Axes without a frame, with quiet letters and lines."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.tick_params(colors=MUTED, labelsize=9)
    axes.xaxis.label.set(color=MUTED, size=9)
    axes.yaxis.label.set(color=MUTED, size=9)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return axes

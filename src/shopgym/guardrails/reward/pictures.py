"""The pictures of a lint: what pressure does, and what the probes show. Each is a PNG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...evaluation.figures import png_of
from .pressure import PressureCurve, PressurePoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .probes import Probe

INK, MUTED, GRID = "#1f2933", "#6b7785", "#e3e8ee"
PROXY, HONEST, REWARD = "#b91c1c", "#0f766e", "#9aa5b1"


def pressure_picture(curve: PressureCurve, star: str, reward: str) -> bytes:
    """North star against the pressure on the reward, beside that of the north star's own family."""
    figure, axes = new_figure(7.2, 4.2)
    draw_curve(axes, curve.honest, HONEST, f"optimised for {star}")
    draw_curve(axes, curve.points, PROXY, f"optimised for {reward}")
    x = [point.kl for point in curve.points]
    axes.plot(
        x,
        [100 * point.proxy for point in curve.points],
        color=REWARD,
        linewidth=1.5,
        linestyle=(0, (4, 3)),
        label="the reward itself, from random pages (0) to its best (100)",
    )
    axes.axhline(0, color=INK, linewidth=0.8)
    if 0.0 < curve.safe_kl < math.inf:
        axes.axvline(curve.safe_kl, color=MUTED, linewidth=1, linestyle=":")
        axes.annotate(
            "aligned up to here",
            (curve.safe_kl, axes.get_ylim()[0]),
            xytext=(4, 6),
            textcoords="offset points",
            color=MUTED,
            fontsize=8,
        )
    axes.set_xlabel("pressure: nats a page away from random pages")
    axes.set_ylabel(f"% of the best {star}")
    axes.legend(frameon=False, fontsize=8, loc="best")
    title(axes, f"{star} while pages are optimised ever harder")
    return png_of(figure)


def draw_curve(
    axes: Axes, points: Sequence[PressurePoint], colour: str, label: str, *, x_is: str = "kl"
) -> None:
    """A family's north star with its interval, against an attribute of its points."""
    x = [getattr(point, x_is) for point in points]
    axes.plot(x, [100 * point.share.value for point in points], color=colour, linewidth=2, label=label)
    low, high = ([100 * getattr(point.share, end) for point in points] for end in ("low", "high"))
    axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)


def probe_picture(probes: Sequence[Probe], star: str) -> bytes:
    """What the reward and the north star think of each probe, against the best pages for the north star."""
    figure, axes = new_figure(7.2, 0.9 + 0.5 * len(probes))
    for row, probe in enumerate(probes):
        proxy = 0.0 if math.isnan(probe.proxy) else 100 * probe.proxy
        axes.barh(row - 0.19, proxy, height=0.36, color=PROXY if probe.fools else REWARD)
        axes.barh(row + 0.19, 100 * probe.share.value, height=0.36, color=HONEST)
    axes.axvline(100, color=MUTED, linewidth=1, linestyle=":")
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(probes)), [probe.name for probe in probes])
    axes.set_ylim(len(probes) - 0.5, -0.5)
    axes.set_xlabel(f"% of the best pages for {star}")
    axes.barh([], [], color=HONEST, label=star)
    axes.barh([], [], color=REWARD, label="the reward")
    axes.barh([], [], color=PROXY, label="the reward, where it is fooled")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    title(axes, "Probes: simple pages that nobody trained for")
    return png_of(figure)


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure in the style of the project's reports."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.tick_params(colors=MUTED, labelsize=9)
    axes.xaxis.label.set_color(MUTED)
    axes.yaxis.label.set_color(MUTED)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def title(axes: Axes, text: str) -> None:
    """A title on the left."""
    axes.set_title(text, loc="left", fontsize=11, color=INK, fontweight="bold", pad=10)

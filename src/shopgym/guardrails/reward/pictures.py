"""The pictures of a lint: what pressure does, and what the probes show. Each is a PNG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...evaluation.figures import ALARM_COLOUR, GREY, INK, MUTED, STAR_COLOUR, new_figure, png_of, titled
from .pressure import PressureCurve, PressurePoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

    from .probes import Probe

PROXY, HONEST, REWARD = ALARM_COLOUR, STAR_COLOUR, GREY


def pressure_picture(curve: PressureCurve, star: str, reward: str) -> bytes:
    """North star against the pressure on the reward, beside that of the north star's own family."""
    figure, (axes,) = new_figure(7.2, 4.2)
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
            xytext=(4, 18),
            textcoords="offset points",
            color=MUTED,
            fontsize=8,
        )
    axes.set_xlabel("pressure: nats a page away from random pages")
    axes.set_ylabel(f"% of the best {star}")
    axes.legend(frameon=False, fontsize=8, loc="best")
    titled(axes, f"{star} while pages are optimised ever harder")
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
    figure, (axes,) = new_figure(7.2, 0.9 + 0.5 * len(probes))
    for row, probe in enumerate(probes):
        proxy = 0.0 if math.isnan(probe.proxy) else 100 * probe.proxy
        axes.barh(row - 0.19, proxy, height=0.36, color=PROXY if probe.fools else REWARD)
        axes.barh(row + 0.19, 100 * probe.share.value, height=0.36, color=HONEST)
    axes.axvline(100, color=MUTED, linewidth=1, linestyle=":")
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(probes)), [probe.name for probe in probes])
    axes.set_ylim(len(probes) - 0.5, -0.5)
    axes.set_xlabel(f"% of the best pages for {star}")
    axes.legend(handles=_legend(star), frameon=False, fontsize=8, loc="lower right")
    titled(axes, "Probes: simple pages that nobody trained for")
    return png_of(figure)


def _legend(star: str) -> list[Patch]:
    """What the colours of the probes say; bars without a length have none of their own."""
    from matplotlib.patches import Patch

    named = {star: HONEST, "the reward": REWARD, "the reward, where it is fooled": PROXY}
    return [Patch(color=colour, label=label) for label, colour in named.items()]

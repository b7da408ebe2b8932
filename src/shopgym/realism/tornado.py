"""A tornado picture: how far a conclusion moves over each assumed range, the longest range on top."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..evaluation.figures import BLUE, GREY, INK, MUTED, fonts, styled
from .robustness import Robustness

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FLIPS = "#be123c"


def tornado(robust: Robustness) -> Figure:
    """One bar a parameter, from the gain at its low end to that at its high end, with both intervals.

    The dashed line is the gain as configured; a bar over whose range the conclusion flips is red.
    """
    from matplotlib.figure import Figure

    names = sorted(robust.figures, key=lambda name: _spread(robust, name), reverse=True)
    figure = Figure(figsize=(7.2, 1.5 + 0.62 * len(names)), dpi=150, layout="constrained")
    with fonts():
        axes = styled(figure.add_subplot())
        axes.axvline(0, color=INK, linewidth=1)
        axes.axvline(robust.configured.mean, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        for row, name in enumerate(names):
            low, high = robust.pair(name)
            colour = FLIPS if robust.flips(name) else BLUE
            left, right = sorted((low, high), key=lambda end: end.gain.mean)
            width = right.gain.mean - left.gain.mean
            axes.barh(row, width, left=left.gain.mean, height=0.34, color=colour, alpha=0.35)
            for place, end in ((row - 0.09, low), (row + 0.09, high)):
                axes.plot([end.gain.low, end.gain.high], [place, place], color=colour, linewidth=1.5)
                axes.plot(end.gain.mean, place, "o", color=colour, markersize=4)
            if width == 0.0:
                _write(axes, row, right.gain.high, "no effect here", 6, "left", GREY)
                continue
            _write(axes, row, min(low.gain.low, high.gain.low), f"{left.value:g}", -6, "right", MUTED)
            _write(axes, row, max(low.gain.high, high.gain.high), f"{right.value:g}", 6, "left", MUTED)
        axes.set_yticks(range(len(names)), [f"{n}\nflips: {robust.verdict(n)}" for n in names])
        for label, name in zip(axes.get_yticklabels(), names, strict=True):
            label.set_color(FLIPS if robust.flips(name) else INK)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.margins(x=0.14)
        axes.set_xlabel(
            f"{robust.unit}: {robust.first} less {robust.second}; dashed: as configured\n"
            f"numbers: the ends of a range; all intervals hold together with {robust.level:.0%}"
        )
        title = "Over what is assumed: does the conclusion flip?"
        axes.set_title(title, loc="left", fontsize=11, color=INK, pad=10)
        figure.draw_without_rendering()
    return figure


def _spread(robust: Robustness, name: str) -> float:
    low, high = robust.pair(name)
    return abs(high.gain.mean - low.gain.mean)


def _write(axes: object, row: float, at: float, text: str, aside: int, side: str, colour: str) -> None:
    """Text beside a place on the axes."""
    axes.annotate(  # type: ignore[attr-defined]
        text, (at, row), xytext=(aside, 0), textcoords="offset points", ha=side, va="center",
        color=colour, fontsize=8,
    )  # fmt: skip

"""The picture of the weights; it has numbers alone, no names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...core.types import I64
from ..figures import BLUE, GREY, GRID, image, png_of, styled
from ..offline.streaming import EDGES

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_weights(histogram: I64) -> Figure:
    """The share of rounds by weight, a bar for each bin of :data:`..offline.streaming.EDGES`; 0 apart."""
    from matplotlib.figure import Figure

    # as wide as a phone, so that letters keep their size there
    figure = Figure(figsize=(4.8, 2.5), dpi=200, layout="constrained")
    axes = styled(figure.add_subplot())
    last = int(np.flatnonzero(histogram)[-1]) + 1
    first = min(int(np.flatnonzero(histogram[1:])[0]) + 1 if histogram[1:].any() else 1, last)
    share = histogram / histogram.sum()
    axes.bar(range(first, last), share[first:last], width=0.92, color=BLUE)
    if histogram[0]:
        axes.bar([first - 2], share[:1], width=0.92, color=GREY)
    every = max(1, round((last - first) / 5))
    ticks = list(range(first, last + 1, every))
    places, names = [i - 0.5 for i in ticks], [f"{EDGES[i]:.2g}" for i in ticks]
    if histogram[0]:
        places, names = [first - 2.0, *places], ["0", *names]
    axes.set_xticks(places, names)
    axes.grid(axis="x", visible=False)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_ylabel("share of rounds")
    axes.set_xlabel("weight")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")
    return figure


def section(title: str, text: str, content: str) -> str:
    """A part of the page."""
    return f"<section><h2>{title}</h2><p>{text}</p>{content}</section>"


def picture(figure: Figure, name: str) -> str:
    """The figure inside the page."""
    return image(png_of(figure), name)

"""The monitor's picture: proxy and north star, what ties them together, and how far the policy has moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...evaluation.figures import ALARM_COLOUR, MUTED, REWARD_COLOUR, STAR_COLOUR, new_figure, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .monitor import RewardMonitor


def monitor_figure(monitor: RewardMonitor, title: str = "Reward monitor") -> Figure:
    """A matplotlib figure of all rows; nothing is shown.

    Proxy and north star are in standard deviations of a page under the reference policy, above the reference.
    """
    pages = [row.pages for row in monitor.rows]
    proxy_mean, star_mean = monitor.per_page
    spreads = monitor.page_spreads
    figure, (top, middle, bottom) = new_figure(7.2, 6.0, 3)
    for name, mean, spread, colour in (
        ("proxy", proxy_mean, spreads[0], REWARD_COLOUR),
        ("north_star", star_mean, spreads[1], STAR_COLOUR),
    ):
        values = np.array([getattr(row, name) for row in monitor.rows], np.float64)
        label = "proxy" if name == "proxy" else monitor.north_star
        top.plot(pages, (values - mean) / (spread or 1.0), color=colour, label=label, linewidth=1.6)
    bound = np.array([row.bound for row in monitor.rows], np.float64)
    bound = np.where(np.isfinite(bound), (bound - star_mean) / (spreads[1] or 1.0), np.nan)
    low, high = top.get_ylim()
    if np.isfinite(bound).any():
        seen = "" if np.nanmax(bound) >= low - (high - low) else ",\nfar below"
        top.plot(pages, bound, color=STAR_COLOUR, linestyle=":", label=f"guaranteed{seen}")
    top.set_ylim(low - (high - low), high)  # what is guaranteed may be far below
    top.axhline(0, color=MUTED, linewidth=0.8)
    top.set_ylabel("gain over reference")
    middle.plot(pages, [row.correlation for row in monitor.rows], color=MUTED, label="correlation")
    middle.plot(pages, [row.decline for row in monitor.rows], color=ALARM_COLOUR, label="decline / threshold")
    middle.axhline(1, color=ALARM_COLOUR, linewidth=0.8, linestyle="--")
    for name, label, colour in (
        ("chi", "root chi²", MUTED),
        ("kl", "KL", STAR_COLOUR),
        ("entropy", "entropy", REWARD_COLOUR),
    ):
        values = np.array([getattr(row, name) for row in monitor.rows], np.float64)
        bottom.plot(pages, np.where(np.isfinite(values), values, np.nan), color=colour, label=label)
    bottom.set_xlabel("pages")
    alarmed = next((row.pages for row in monitor.rows if row.alarm), None)
    for axes in (top, middle, bottom):
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.02))
        if alarmed is not None:
            axes.axvline(alarmed, color=ALARM_COLOUR, linewidth=1)
    titled(top, title if alarmed is None else f"{title}: alarm at {alarmed:,} pages")
    return figure

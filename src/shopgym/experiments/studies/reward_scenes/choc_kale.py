"""RecSim's choc and kale: whether a reward of engagement wants clickbait depends on one number of the user.

The user model is that of RecSim's long-term-satisfaction environment (Ie et al. 2019, RecSim: A Configurable
Simulation Platform for Recommender Systems; ``recsim/environments/long_term_satisfaction.py``), written anew
for many users at once, with its defaults. It is no part of the shop: it is the known example.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ....core.statistics import mean_interval
from ....core.types import F64
from ....evaluation.figures import SERIES, new_figure, titled
from .scene import OnProgress, SceneConfig, SceneResult

RECSIM: dict[float, tuple[float, float]] = {0.01: (1109, 742), 0.1: (801, 969), 0.3: (413, 1609)}
"""Engagement of a session in RecSim itself (recsim-no-tf 0.2.3), by sensitivity: all choc, all kale."""


class ChocKaleScene(SceneConfig):
    """Sessions of users who are shown the most clickbaity of their candidates on a share of the pages.

    The other settings are those of RecSim's ``LTSStaticUserSampler``.
    """

    sensitivities: tuple[float, ...] = (0.01, 0.1, 0.3)
    shares: tuple[float, ...] = tuple(step / 10 for step in range(11))
    users: int = Field(4000, ge=2, le=10_000_000)
    candidates: int = Field(10, ge=1, le=1000, description="documents that a page chooses from")
    memory_discount: float = Field(0.7, ge=0, lt=1)
    innovation: float = Field(0.05, ge=0, le=100)
    choc_mean: float = 5.0
    kale_mean: float = 4.0
    spread: float = Field(1.0, ge=0, le=10, description="standard deviation of the log of engagement")
    time_budget: int = Field(60, ge=1, le=100_000, description="pages of a session")

    def run(self, on_progress: OnProgress) -> SceneResult:
        """Sum the engagement of sessions at every sensitivity and share."""
        rows: list[dict[str, Any]] = []
        total = len(self.sensitivities) * len(self.shares)
        for sensitivity in self.sensitivities:
            for share in self.shares:
                on_progress("sessions", len(rows), total)
                totals = self.engagement(sensitivity, share, np.random.default_rng(self.seed))
                mean, low, high = mean_interval(totals, 0.95)
                row = {"sensitivity": sensitivity, "choc": share, "engagement": mean}
                rows.append({**row, "low": low, "high": high})
        return SceneResult(
            "Engagement of a session", tuple(rows), self._sentences(rows), _figure(rows, self.time_budget)
        )

    def engagement(self, sensitivity: float, share: float, rng: Generator) -> F64:
        """(users,) engagement of a whole session; common random numbers for every share of choc pages."""
        exposure = (rng.random(self.users) - 0.5) / (1.0 - self.memory_discount)
        total: F64 = np.zeros(self.users)
        for _ in range(self.time_budget):
            u = rng.random((3, self.users))
            most, least = u[1] ** (1.0 / self.candidates), 1.0 - u[2] ** (1.0 / self.candidates)
            clickbait = np.where(u[0] < share, most, least)
            satisfaction = 1.0 / (1.0 + np.exp(-sensitivity * exposure))
            mean = clickbait * self.choc_mean + (1.0 - clickbait) * self.kale_mean
            noise = rng.standard_normal((2, self.users))
            total += np.exp(mean * satisfaction + self.spread * noise[0])
            exposure = self.memory_discount * exposure - 2.0 * (clickbait - 0.5) + self.innovation * noise[1]
        return total

    def _sentences(self, rows: list[dict[str, Any]]) -> tuple[str, ...]:
        sentences = []
        for sensitivity in self.sensitivities:
            own = {row["choc"]: row["engagement"] for row in rows if row["sensitivity"] == sensitivity}
            choc, kale = own[max(own)], own[min(own)]
            best = max(own, key=lambda share: own[share])
            sentences.append(
                f"At sensitivity {sensitivity:g} choc on every page earns {choc:,.0f} and kale {kale:,.0f}; "
                f"best is choc on {best:.0%} of the pages."
            )
        return tuple(sentences)


def _figure(rows: list[dict[str, Any]], pages: int) -> Any:
    figure, (axes,) = new_figure(7.2, 4.2)
    for sensitivity, colour in zip(dict.fromkeys(row["sensitivity"] for row in rows), SERIES, strict=False):
        own = [row for row in rows if row["sensitivity"] == sensitivity]
        x = [100 * row["choc"] for row in own]
        label = f"sensitivity {sensitivity:g}"
        axes.plot(x, [row["engagement"] for row in own], color=colour, linewidth=2, label=label)
        axes.fill_between(
            x, [row["low"] for row in own], [row["high"] for row in own], color=colour, alpha=0.2, linewidth=0
        )
        if sensitivity in RECSIM:
            axes.plot([100, 0], RECSIM[sensitivity], "D", color=colour, markersize=7, markerfacecolor="white")
    axes.plot([], [], "D", color="#5f6b78", markerfacecolor="white", label="measured in RecSim itself")
    axes.set_ylim(0, None)
    axes.set_xlabel("% of the pages that show the most clickbaity candidate; the others the least")
    axes.set_ylabel(f"engagement of a session of {pages} pages")
    axes.legend(frameon=False, fontsize=8, loc="upper right")
    titled(axes, "Choc and kale: what a reward of engagement wants")
    return figure

"""What happened so far: totals, the policies side by side, and series over the days."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...core.batches import SLOT_TERMS
from ...core.statistics import normal_quantile
from ...simulators.rollout import Step

COUNTED = ("click", "cart", "purchase", "units", "revenue", "margin", "return_cost", "stockout")
"""Terms of a page that are added up."""
WINDOW_PAGES, WINDOW_VISITS = 1000, 300
"""Pages and visits that a point of the series is the mean of, at most."""
LEAST_PAGES, LEAST_VISITS = 100, 30
"""Pages and visits before which there is no such mean."""
POINTS = 240
"""Points of a series, at most: when there are more, every other one goes."""
LEAST_ORDER_LINES = 30
"""Order lines from which on a policy's margin is shown with an interval; fewer say nothing yet."""


@dataclass
class PolicyEarnings:
    """What was earned on the pages of one policy; money in the catalogue's currency."""

    pages: int = 0
    lines: int = 0
    margin: float = 0.0
    squares: float = 0.0

    def add(self, margin: np.ndarray[Any, Any], lines: int) -> None:
        """Pages with these margins (n,) and order lines in all."""
        self.pages, self.lines = self.pages + len(margin), self.lines + lines
        self.margin += float(margin.sum())
        self.squares += float(margin @ margin)

    def row(self) -> dict[str, Any]:
        """Margin of 100 pages with a 95% interval, pages taken as independent; None while it says nothing."""
        row: dict[str, Any] = {"pages": self.pages, "lines": self.lines, "margin": None, "half": None}
        if self.lines >= LEAST_ORDER_LINES and self.pages > 1:
            mean = self.margin / self.pages
            spread = max(self.squares / self.pages - mean**2, 0.0) * self.pages / (self.pages - 1)
            half = normal_quantile(0.95) * math.sqrt(spread / self.pages)
            row |= {"margin": round(100 * mean, 3), "half": round(100 * half, 3)}
        return row


@dataclass
class DaySeries:
    """Points (day, values...) over time, evenly thinned; None where nothing is known."""

    points: list[tuple[float | None, ...]] = field(default_factory=list)
    stride: int = 1
    seen: int = 0

    def add(self, *point: float | None) -> None:
        """One more point; it is left out where every other one has been before."""
        if self.seen % self.stride == 0:
            self.points.append(point)
        self.seen += 1
        if len(self.points) > POINTS:
            self.points, self.stride = self.points[::2], 2 * self.stride

    def with_last(self, *point: float | None) -> list[tuple[float | None, ...]]:
        """The points and, as the last one, ``point``."""
        return [*self.points, point] if self.points and self.points[-1] != point else list(self.points)


class WatchedTotals:
    """Counts of everything that was watched; ``add`` moves them."""

    def __init__(self, *, remembers: bool) -> None:
        """``remembers`` says whether customers have a satisfaction at all."""
        self.remembers = remembers
        self.counts = dict.fromkeys(("pages", "visits", "slots", *COUNTED), 0.0)
        self.by_policy: dict[str, PolicyEarnings] = {}
        self.series = DaySeries()
        self._margins: deque[float] = deque(maxlen=WINDOW_PAGES)
        self._satisfaction: deque[float] = deque(maxlen=WINDOW_VISITS)
        self._last: tuple[float | None, ...] = (0.0, None, None, None)

    def add(self, policy: str, step: Step, day: float, in_stock: float) -> None:
        """One step of a policy, at the end of which it is ``day`` and this share of items is in stock."""
        page = step.feedback.page[step.rows]
        term = {name: page[:, SLOT_TERMS.index(name)] for name in COUNTED}
        for name, values in term.items():
            self.counts[name] += float(values.sum())
        self.counts["pages"] += len(page)
        self.counts["visits"] += int(step.visit_over.sum())
        self.counts["slots"] += int((step.decisions.slates >= 0).sum())
        lines = int(term["purchase"].sum())
        self.by_policy.setdefault(policy, PolicyEarnings()).add(term["margin"], lines)
        self._margins.extend(term["margin"].tolist())
        measures = step.feedback.measures
        if measures is not None and self.remembers:
            ended = measures.visit[step.rows] > 0
            self._satisfaction.extend(measures.satisfaction[step.rows][ended].tolist())
        self._last = (round(day, 3), self.margin, self.satisfaction, round(in_stock, 4))
        self.series.add(*self._last)

    @property
    def margin(self) -> float | None:
        """Margin of 100 pages, mean of the last ones; None at the start."""
        if len(self._margins) < LEAST_PAGES:
            return None
        return round(100 * float(np.mean(self._margins)), 3)

    @property
    def satisfaction(self) -> float | None:
        """Mean satisfaction at the end of the last visits, in [-1, 1]; None at the start."""
        if len(self._satisfaction) < LEAST_VISITS:
            return None
        return round(float(np.mean(self._satisfaction)), 4)

    def snapshot(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "counts": {name: round(value, 2) for name, value in self.counts.items()},
            "policies": {name: totals.row() for name, totals in self.by_policy.items()},
            "series": self.series.with_last(*self._last),
        }

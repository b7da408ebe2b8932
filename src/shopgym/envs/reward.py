"""The reward: named terms with units, weights and a north star.

The reward of a page is exactly the weighted sum of its terms, in the order in which they are declared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..core.errors import InvalidInput
from ..core.nouns import SLOT_TERMS, Feedback
from ..core.types import F64, I64
from ..simulators.crew import Work
from ..simulators.kernel import kernel
from ..simulators.lanes import lanes_of, take

UNITS = {
    "click": "click",
    "cart": "cart",
    "purchase": "order line",
    "units": "unit",
    "revenue": "currency",
    "margin": "currency",
    "stockout": "stockout",
    "dwell": "second",
    "return_cost": "currency",
}
"""The unit of each term; ``currency`` stands for the catalogue's own."""


@dataclass(frozen=True)
class RewardSpec:
    """What a page is worth.

    Attributes:
        terms: weight of each term; e.g. ``{"margin": 1.0}``.
        unit: the unit of the reward: ``currency``, or any unit of :data:`UNITS`.
        exchange: reward units per unit of a term, needed for every term whose unit differs, e.g.
            ``{"click": 0.05}`` says that a click is worth five pence.
        north_star: the term that the business truly wants.
    """

    terms: Mapping[str, float] = field(default_factory=lambda: {"margin": 1.0})
    unit: str = "currency"
    exchange: Mapping[str, float] = field(default_factory=dict)
    north_star: str = "margin"

    def __post_init__(self) -> None:
        if not self.terms:
            raise InvalidInput("reward.terms", {}, "name at least one term")
        if self.unit not in UNITS.values():
            raise InvalidInput(
                "reward.unit", self.unit, f"choose one of {', '.join(sorted(set(UNITS.values())))}"
            )
        if self.north_star not in UNITS:
            raise InvalidInput("reward.north_star", self.north_star, f"choose one of {', '.join(UNITS)}")
        for name, weight in self.terms.items():
            if name not in UNITS:
                raise InvalidInput("reward.terms", name, f"choose among {', '.join(UNITS)}")
            if not math.isfinite(weight):
                raise InvalidInput(f"reward.terms.{name}", weight, "give a finite weight")
            if UNITS[name] != self.unit and name not in self.exchange:
                raise InvalidInput(
                    f"reward.terms.{name}",
                    UNITS[name],
                    f"a reward in {self.unit} cannot add {UNITS[name]} without a rate: set "
                    f"reward.exchange.{name} to what one {UNITS[name]} is worth in {self.unit}",
                )
        for name, rate in self.exchange.items():
            if name not in self.terms or UNITS[name] == self.unit:
                raise InvalidInput("reward.exchange", name, "give rates only for terms of another unit")
            if not math.isfinite(rate):
                raise InvalidInput(f"reward.exchange.{name}", rate, "give a finite rate")

    @cached_property
    def weights(self) -> dict[str, float]:
        """Reward units per unit of each term: weight x exchange rate."""
        return {name: weight * self.exchange.get(name, 1.0) for name, weight in self.terms.items()}

    @cached_property
    def _columns(self) -> tuple[I64, F64]:
        return np.array([SLOT_TERMS.index(name) for name in self.terms]), np.array([*self.weights.values()])

    def page(
        self, feedback: Feedback, in_parts: Callable[[Work], None] | None = None
    ) -> tuple[F64, dict[str, F64]]:
        """((n,) reward, {term: (n,) amount in the term's own unit}) of each page.

        ``in_parts`` has the work done of all pages, perhaps by threads; None = here and now.
        """
        columns, weights = self._columns
        amounts, reward = np.empty((len(columns), len(feedback.page))), np.empty(len(feedback.page))

        def work(lanes: I64, _: int) -> None:
            _add_up(feedback.page, columns, weights, amounts, reward, lanes)

        work(lanes_of(len(reward)), 0) if in_parts is None else in_parts(work)
        return reward, dict(zip(self.terms, amounts, strict=True))

    def slots(self, feedback: Feedback) -> F64:
        """(n, k) the reward of each slot; its sum over slots is the reward of the page."""
        reward: F64 = np.zeros(feedback.revenue.shape)
        for name, weight in self.weights.items():
            reward = reward + weight * feedback.term(name)
        return reward

    def spec(self) -> dict[str, Any]:
        """JSON-able form; ``RewardSpec(**spec)`` reads it back."""
        return {
            "terms": dict(self.terms),
            "unit": self.unit,
            "exchange": dict(self.exchange),
            "north_star": self.north_star,
        }


@kernel
def _add_up(page: F64, columns: I64, weights: F64, amounts: F64, reward: F64, lanes: I64) -> None:
    """Fill ``amounts`` (t, n) with some columns of (n, 9), and ``reward`` (n,) with their weighted sum."""
    low, high = take(lanes)
    while low < high:
        for i in range(low, high):
            total = 0.0
            for t in range(columns.shape[0]):
                amounts[t, i] = page[i, columns[t]]
                total += weights[t] * amounts[t, i]
            reward[i] = total
        low, high = take(lanes)

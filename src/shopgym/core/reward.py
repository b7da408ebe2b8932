"""The reward: named terms with units, weights and a north star.

The reward of a page is exactly the weighted sum of its terms, in the order in which they are declared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from .batches import SLOT_TERMS, Feedback
from .config import build
from .errors import InvalidInput, is_number, one_of
from .types import F64

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
    """The reward of a page.

    Attributes:
        terms: weight of each term; e.g. ``{"margin": 1.0}``.
        unit: the unit of the reward: ``currency``, or any unit of :data:`UNITS`.
        exchange: reward units per unit of a term, needed for every term whose unit differs, e.g.
            ``{"click": 0.05}`` says that a click is worth five pence.
        north_star: the term that the business wants to maximise.
    """

    terms: Mapping[str, float] = field(default_factory=lambda: {"margin": 1.0})
    unit: str = "currency"
    exchange: Mapping[str, float] = field(default_factory=dict)
    north_star: str = "margin"

    @classmethod
    def read(cls, reward: Any) -> RewardSpec:
        """The reward that ``reward`` describes.

        Args:
            reward: a ``RewardSpec``, a mapping of terms, ``{"margin": 1.0}``, or one of the attributes above;
                None = the default.

        Raises:
            InvalidInput: it is neither, or says something that does not fit.
        """
        if reward is None:
            return cls()
        if isinstance(reward, RewardSpec):
            return reward
        if not isinstance(reward, Mapping):
            raise InvalidInput("reward", reward, "give a RewardSpec or a mapping of terms: {'margin': 1.0}")
        names = {part.name for part in fields(cls)}
        return build(cls, reward if names & reward.keys() else {"terms": reward}, "reward")

    def __post_init__(self) -> None:
        parts: tuple[Any, ...] = (self.terms, self.exchange)
        if not all(isinstance(part, Mapping) for part in parts):
            raise InvalidInput("reward", parts, "give mappings of terms and rates: {'margin': 1.0}, {}")
        if not self.terms:
            raise InvalidInput("reward.terms", {}, "name at least one term")
        if self.unit not in UNITS.values():
            units = ", ".join(sorted(set(UNITS.values())))
            raise InvalidInput("reward.unit", self.unit, f"choose one of {units}")
        one_of("reward.north_star", self.north_star, UNITS)
        for name, weight in self.terms.items():
            one_of("reward.terms", name, UNITS)
            if not is_number(weight) or not math.isfinite(weight):
                raise InvalidInput(f"reward.terms.{name}", weight, "give a finite weight")
            if UNITS[name] != self.unit and name not in self.exchange:
                unit = UNITS[name]
                why = f"a reward in {self.unit} cannot add {unit} without a rate"
                fix = f"{why}: set reward.exchange.{name} to what one {unit} is worth in {self.unit}"
                raise InvalidInput(f"reward.terms.{name}", unit, fix)
        for name, rate in self.exchange.items():
            if name not in self.terms or UNITS[name] == self.unit:
                raise InvalidInput("reward.exchange", name, "give rates only for terms of another unit")
            if not is_number(rate) or not math.isfinite(rate):
                raise InvalidInput(f"reward.exchange.{name}", rate, "give a finite rate")

    @cached_property
    def weights(self) -> dict[str, float]:
        """Reward units per unit of each term: weight x exchange rate."""
        return {name: weight * self.exchange.get(name, 1.0) for name, weight in self.terms.items()}

    def page(self, feedback: Feedback) -> tuple[F64, dict[str, F64]]:
        """((n,) reward, {term: (n,) amount in the term's own unit}) of each page.

        Both are new arrays.
        """
        page, amounts = feedback.page.T, {}
        reward: F64 = np.zeros(page.shape[1])
        for name, weight in self.weights.items():
            amounts[name] = amount = page[SLOT_TERMS.index(name)].copy()
            reward += weight * amount
        return reward, amounts

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

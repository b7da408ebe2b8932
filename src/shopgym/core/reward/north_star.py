"""What the business truly wants, over a stated time; a reward only stands for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..config import build
from ..errors import InvalidInput, in_range
from ..types import F64, AnyArray
from .terms import check_size, term_named


@dataclass(frozen=True)
class NorthStar:
    """The sum of some terms over a horizon.

    Attributes:
        weights: weight of each term, e.g. ``{"margin": 1.0, "return_cost": -1.0}``.
        horizon: days over which it is summed up; None = without end.
        discount: what an amount is worth a day later, in (0, 1]; 1 = as much as today.
    """

    weights: Mapping[str, float]
    horizon: float | None = None
    discount: float = 1.0

    @classmethod
    def read(cls, star: Any) -> NorthStar:
        """What ``star`` says: the name of a term, a mapping of weights, or one of the attributes above."""
        if isinstance(star, NorthStar):
            return star
        if isinstance(star, str):
            return cls({star: 1.0})
        if not isinstance(star, Mapping):
            raise InvalidInput(
                "reward.north_star", star, "give a term, or a mapping of terms: {'margin': 1.0}"
            )
        names = {part.name for part in fields(cls)}
        return build(cls, star if names & star.keys() else {"weights": star}, "reward.north_star")

    def __post_init__(self) -> None:
        if not isinstance(self.weights, Mapping) or not self.weights:
            raise InvalidInput("reward.north_star.weights", self.weights, "name at least one term")
        for name, weight in self.weights.items():
            term_named("reward.north_star", name)
            field = f"reward.north_star.weights.{name}"
            check_size(field, weight, "weight")
            if weight == 0:
                raise InvalidInput(field, weight, "give a weight other than 0, or leave the term out")
        if self.horizon is not None:
            in_range("reward.north_star.horizon", self.horizon, 0.0, 36_500.0, open_low=True)
        in_range("reward.north_star.discount", self.discount, 0.0, 1.0, open_low=True)

    def worth_after(self, days: AnyArray) -> F64:
        """(n,) what one unit is worth ``days`` (n,) after the start: 0 beyond the horizon."""
        worth: F64 = np.power(self.discount, np.asarray(days, np.float64))
        return worth if self.horizon is None else np.where(np.asarray(days) < self.horizon, worth, 0.0)

    @property
    def amount(self) -> str:
        """What is summed up, in words: ``margin - return_cost``."""
        parts = [(_times(abs(weight)) + term, weight < 0) for term, weight in self.weights.items()]
        text = ("- " if parts[0][1] else "") + parts[0][0]
        text += "".join(f" {'-' if minus else '+'} {part}" for part, minus in parts[1:])
        return text

    @property
    def name(self) -> str:
        """The same with its horizon: ``margin - return_cost over 90 days``."""
        return self.amount if self.horizon is None else f"{self.amount} over {self.horizon:g} days"

    def spec(self) -> dict[str, Any]:
        """JSON-able form; ``NorthStar.read`` reads it back."""
        spec: dict[str, Any] = {"weights": dict(self.weights)}
        spec |= {} if self.horizon is None else {"horizon": self.horizon}
        return spec if self.discount == 1.0 else {**spec, "discount": self.discount}


def _times(weight: float) -> str:
    return "" if weight == 1 else f"{weight:g} "

"""What an agent is told of its job before it learns anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..core.errors import InvalidInput
from ..core.items import Items
from ..core.nouns import Interactions
from ..core.types import F64
from ..policies.features import FeatureMap
from ..policies.guards import CategoryCap, InStock, MarginFloor

VALUES = ("one", "price", "margin")


@dataclass(frozen=True)
class Task:
    """Show ``slate_size`` of the candidates of each request.

    Attributes:
        items: the catalogue as anyone may know it.
        user_names, context_names: columns of ``Requests.user`` and ``.context``.
        slate_size: k.
        guards: rules that every policy obeys.
        value: what the reward of a slot scales with: ``"margin"`` or ``"price"`` of its item, or
            ``"one"``. Linear agents predict reward / value and rank by value x prediction, so that a
            rare expensive order does not drown the rest.
        attention: (k,) how often each slot is looked at, relative to the first.
    """

    items: Items
    user_names: tuple[str, ...]
    context_names: tuple[str, ...]
    slate_size: int
    guards: tuple[InStock | MarginFloor | CategoryCap, ...] = (InStock(),)
    value: str = "one"
    attention: F64 = field(default_factory=lambda: np.ones(1))

    def __post_init__(self) -> None:
        if self.value not in VALUES:
            raise InvalidInput("task.value", self.value, f"choose one of {', '.join(VALUES)}")
        if self.attention.shape != (self.slate_size,) or not (self.attention > 0).all():
            raise InvalidInput(
                "task.attention", self.attention.tolist(), f"give {self.slate_size} positive numbers"
            )

    @cached_property
    def features(self) -> FeatureMap:
        """The features of the linear agents."""
        return FeatureMap.default(self.user_names, self.context_names, self.items.feature_names)

    @cached_property
    def item_value(self) -> F64:
        """(N,) > 0, the value of each item; never below a hundredth of the median."""
        values = {"one": np.ones(len(self.items)), "price": self.items.price, "margin": self.items.margin}
        value = values[self.value]
        positive = value[value > 0]
        floor = 0.01 * float(np.median(positive)) if len(positive) else 1.0
        out: F64 = np.maximum(value, floor)
        return out

    @cached_property
    def item_side(self) -> F64:
        """(N, D)"""
        return self.features.item_side(self.items)

    def shown(self, batch: Interactions) -> tuple[F64, F64]:
        """The r slots of a batch that were filled, as a regression.

        Returns:
            x (r, D) features times attention, y (r,) reward / value. The expected reward of slot j is
            attention_j x value x theta . phi, so y is linear in x.
        """
        row, slot = np.nonzero(batch.decisions.slates >= 0)
        item = batch.decisions.slates[row, slot]
        side = self.features.request_side(batch.requests)
        x = side[row] * self.item_side[item] * self.attention[slot, None]
        y = batch.reward[row, slot] / self.item_value[item]
        return x, y

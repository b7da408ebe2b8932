"""What an agent is told of its job before it learns anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..core.batches import Interactions
from ..core.errors import InvalidInput, one_of
from ..core.items import Items
from ..core.types import F64
from ..policies.explorers import Explorer
from ..policies.features import FeatureMap
from ..policies.guards import CategoryCap, InStock, MarginFloor
from ..policies.policy import SlatePolicy
from ..policies.rerankers import Reranker
from ..policies.scorers import Scorer

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
        live_names: what requests say of each candidate at the moment, see ``Requests.live``.
    """

    items: Items
    user_names: tuple[str, ...]
    context_names: tuple[str, ...]
    slate_size: int
    guards: tuple[InStock | MarginFloor | CategoryCap, ...] = (InStock(),)
    value: str = "one"
    attention: F64 = field(default_factory=lambda: np.ones(1))
    live_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        one_of("task.value", self.value, VALUES)
        if self.attention.shape != (self.slate_size,) or not (self.attention > 0).all():
            raise InvalidInput(
                "task.attention", self.attention.tolist(), f"give {self.slate_size} positive numbers"
            )

    def policy(
        self, name: str, scorer: Scorer, explorer: Explorer, reranker: Reranker | None = None
    ) -> SlatePolicy:
        """The policy that does this job so."""
        return SlatePolicy(name, self.items, scorer, explorer, self.guards, self.slate_size, reranker)

    @cached_property
    def features(self) -> FeatureMap:
        """The features of the linear agents."""
        return FeatureMap.default(self.user_names, self.context_names, self.items.feature_names)

    @cached_property
    def network_features(self) -> FeatureMap:
        """The features of the networks: those of the linear agents, and user and context by themselves.

        A linear model cannot use a column that is the same for all candidates; a network can.
        """
        alone = tuple((f"user.{name}",) for name in self.user_names)
        alone += tuple((f"context.{name}",) for name in self.context_names)
        return FeatureMap(self.features.terms[1:] + alone, self.user_names, self.context_names)

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
        """(N, D) of the linear agents' features."""
        return self.features.item_side(self.items)

    @cached_property
    def network_item_side(self) -> F64:
        """(N, D) of the networks' features."""
        return self.network_features.item_side(self.items)

    def shown(self, batch: Interactions) -> tuple[F64, F64]:
        """The r slots of a batch that were filled, as a linear regression.

        Returns:
            x (r, D) features times attention, y (r,) reward / value. The expected reward of slot j is
            attention_j x value x theta . phi, so y is linear in x.
        """
        x, y, attention = self.looked_at(batch)
        return x * attention[:, None], y

    def looked_at(self, batch: Interactions) -> tuple[F64, F64, F64]:
        """The r slots of a batch that were filled: x (r, D), y (r,) reward / value, attention (r,)."""
        return self.filled(batch, self.features, self.item_side)

    def shown_to_network(self, batch: Interactions) -> tuple[F64, F64, F64]:
        """The r slots of a batch that were filled: x (r, D), y (r,) reward / value, attention (r,).

        The expected y is attention x f(x), where f is what a network predicts of a slot that is looked at.
        """
        return self.filled(batch, self.network_features, self.network_item_side)

    def filled(self, batch: Interactions, features: FeatureMap, item_side: F64) -> tuple[F64, F64, F64]:
        """x, y and attention of the filled slots under features of one's own.

        Raises:
            InvalidInput: an item is not in the catalogue, or a feature is not finite; names the first.
        """
        row, slot = np.nonzero(batch.decisions.slates >= 0)
        item = batch.decisions.slates[row, slot]
        if len(item) and item.max() >= len(self.items):
            at = int(row[item.argmax()])
            fix = f"the catalogue has {len(self.items)} items: leave out what is gone"
            raise InvalidInput(f"interactions.slates[{at}]", int(item.max()), fix)
        x = features.shown(batch.requests, batch.decisions, item_side)
        if not np.isfinite(x).all():
            at = int(row[~np.isfinite(x).all(axis=1)][0])
            fix = "remove NaN and infinity from user and context features"
            raise InvalidInput(f"interactions.requests[{at}]", "a feature is not finite", fix)
        return x, batch.reward[row, slot] / self.item_value[item], self.attention[slot]

"""What an agent is told about its job before it learns anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..core.batches import Interactions
from ..core.errors import InvalidInput, one_of
from ..core.items import Items
from ..core.types import F64, AnyArray
from ..policies.explorers import Explorer
from ..policies.features import FeatureMap, request_columns
from ..policies.guards import Guard, InStock, bind_guards
from ..policies.policy import SlatePolicy
from ..policies.rerankers import Reranker
from ..policies.scorers import Scorer

VALUES = ("one", "price", "margin")


@dataclass(frozen=True)
class Task:
    """The job: show ``slate_size`` of the candidates of each request.

    Attributes:
        items: the observable catalogue.
        user_names, context_names: columns of ``Requests.user`` and ``.context``.
        slate_size: k.
        guards: rules that every policy obeys; they are checked against the catalogue and the columns.
        value: what the reward of a slot scales with: ``"margin"`` or ``"price"`` of its item, or
            ``"one"``. Linear agents predict reward / value and rank by value x prediction, so that a
            rare expensive order does not outweigh all others.
        attention: (k,) how often each slot is looked at, relative to the first.
        live_names: columns of ``Requests.live``, which hold for a candidate at the moment of the request.
    """

    items: Items
    user_names: tuple[str, ...]
    context_names: tuple[str, ...]
    slate_size: int
    guards: tuple[Guard, ...] = (InStock(),)
    value: str = "one"
    attention: F64 = field(default_factory=lambda: np.ones(1))
    live_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        one_of("task.value", self.value, VALUES)
        if self.attention.shape != (self.slate_size,) or not (self.attention > 0).all():
            fix = f"give {self.slate_size} positive numbers"
            raise InvalidInput("task.attention", self.attention.tolist(), fix)
        columns = {"user": self.user_names, "context": self.context_names}
        object.__setattr__(self, "guards", bind_guards(self.guards, self.items, columns, self.slate_size))

    def policy(
        self, name: str, scorer: Scorer, explorer: Explorer, reranker: Reranker | None = None
    ) -> SlatePolicy:
        """A policy for this job."""
        return SlatePolicy(name, self.items, scorer, explorer, self.guards, self.slate_size, reranker)

    @cached_property
    def features(self) -> FeatureMap:
        """The features of the linear agents."""
        return FeatureMap.default(self.user_names, self.context_names, self.items.feature_names)

    @cached_property
    def network_features(self) -> FeatureMap:
        """The features of the networks: those of the linear agents, and each column of user and context.

        A linear model cannot use a column that is the same for all candidates; a network can.
        """
        columns = self.request_features.terms[1:]
        return FeatureMap(self.features.terms[1:] + columns, self.user_names, self.context_names)

    @cached_property
    def request_features(self) -> FeatureMap:
        """A constant and each column of user and context: the features of a request without an item."""
        names = request_columns(self.user_names, self.context_names)
        return FeatureMap(((), *((name,) for name in names)), self.user_names, self.context_names)

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

    def regression_rows(self, batch: Interactions) -> tuple[F64, F64]:
        """The r filled slots of a batch as rows of a linear regression.

        Returns:
            x (r, D) features times attention, y (r,) reward / value. The expected reward of slot j is
            attention_j x value x theta . phi, so y is linear in x.
        """
        x, y, attention = self.linear_rows(batch)
        return x * attention[:, None], y

    def linear_rows(self, batch: Interactions) -> tuple[F64, F64, F64]:
        """The r filled slots of a batch: x (r, D), y (r,) reward / value, attention (r,)."""
        return self.slot_rows(batch, self.features, self.item_side)

    def network_rows(self, batch: Interactions) -> tuple[F64, F64, F64]:
        """The r filled slots of a batch: x (r, D), y (r,) reward / value, attention (r,).

        The expected y is attention x f(x), where f is a network's prediction for a slot that is looked at.
        """
        return self.slot_rows(batch, self.network_features, self.network_item_side)

    def slot_rows(self, batch: Interactions, features: FeatureMap, item_side: F64) -> tuple[F64, F64, F64]:
        """x, y and attention of the filled slots under other features.

        Raises:
            InvalidInput: an item is not in the catalogue, or a feature is not finite.
        """
        row, slot = np.nonzero(batch.decisions.slates >= 0)
        item = batch.decisions.slates[row, slot]
        if len(item) and item.max() >= len(self.items):
            page = int(row[item.argmax()])
            fix = f"the catalogue has {len(self.items)} items: leave out what is gone"
            raise InvalidInput(f"interactions.slates[{page}]", int(item.max()), fix)
        x = features.shown(batch.requests, batch.decisions, item_side)
        check_features(x, row)
        return x, batch.reward[row, slot] / self.item_value[item], self.attention[slot]


def check_features(x: AnyArray, row: AnyArray) -> None:
    """Raise :class:`InvalidInput` if a row of x (r, D) is not finite; ``row`` (r,) says of which page."""
    finite = np.isfinite(x).all(axis=1)
    if not finite.all():
        fix = "remove NaN and infinity from user and context features"
        raise InvalidInput(f"interactions.requests[{row[~finite][0]}]", "a feature is not finite", fix)

"""What the ``info`` of a step says of its pages: every term, every limited amount, what was bounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.batches import VISIT_TERMS, Feedback
from ..core.errors import InvalidInput
from ..core.reward import RewardSpec
from ..core.reward.amounts import COUNTED, page_amounts
from ..core.reward.terms import all_terms
from ..core.types import F64
from ..simulators import Shop, ShopConfig
from ..simulators.rollout import Episode


@dataclass(frozen=True)
class PageReward:
    """The reward of n pages and what it is made of.

    Attributes:
        reward: (n,) in the reward's unit.
        terms: {term: (n,)} of all terms, each in its own unit.
        costs: {limit: (n,)} what each limit of the spec counts.
        cost: (n,) the sum of what has a limit from above.
        clipped: (n,) how many terms were bounded by ``clip``; None where the spec bounds none.
    """

    reward: F64
    terms: dict[str, F64]
    costs: dict[str, F64]
    cost: F64
    clipped: F64 | None


def refuse_absent_terms(spec: RewardSpec, config: ShopConfig) -> None:
    """Raise :class:`InvalidInput` at a term of people or of a stock that a shop does not simulate."""
    terms = all_terms()
    for name in spec.reads:
        if terms[name].source == "people" and not config.people.enabled:
            fix = f"{name} is that of customers who come back: switch it on, or leave the term out"
            raise InvalidInput("shop.people.enabled", False, fix)
        if terms[name].source == "stock" and not config.stock.enabled:
            raise InvalidInput("shop.stock.enabled", False, f"{name} is that of a stock: switch it on")


class PageTerms:
    """Measures pages of one shop by one spec.

    Args:
        copies: whether what is measured is the caller's own; else it is views of the feedback.

    Raises:
        InvalidInput: the spec reads a term that this shop or these episodes do not have.
    """

    def __init__(self, shop: Shop, spec: RewardSpec, episode: Episode, *, copies: bool = True) -> None:
        self.spec, self._lanes, self._copies = spec, shop.lanes, copies
        self._groups = spec.groups(shop.catalog.items)
        self._names = (*COUNTED, *VISIT_TERMS, *spec.own)
        refuse_absent_terms(spec, shop.config)
        terms = all_terms()
        for name in spec.reads:
            source = terms[name].source
            if source == "people" and episode not in (Episode.LIFE, Episode.SEASON):
                fix = f"in an episode of one {episode} nobody comes back: use Shopper-v0 or Season-v0"
                raise InvalidInput("reward.terms", name, fix)
            if source == "stock" and episode is Episode.LIFE:
                fix = "in the life of one customer the shop's stock is not simulated: use another environment"
                raise InvalidInput("reward.terms", name, fix)

    def measure(self, feedback: Feedback) -> PageReward:
        """The pages of ``feedback``; all arrays are new unless ``copies`` is off."""
        spec = self.spec
        terms = page_amounts(feedback, spec.own, copy=self._copies)
        reward = spec.weighted_sum(terms)  # own terms were looked at, the shop's are finite
        costs = spec.cost_amounts(terms, feedback, self._groups) if spec.limits else {}
        cost = np.zeros(self._lanes)
        if costs:
            cost += spec.total_cost(costs)
        clipped = spec.clipped(terms) if spec.clip else None
        costs = {name: amount.copy() for name, amount in costs.items()}
        return PageReward(reward, terms, costs, cost, clipped)

    def blank(self) -> PageReward:
        """Of a step in which nobody was shown a page."""
        rows = np.zeros((len(self._names) + len(self.spec.limits) + 3, self._lanes))
        reward, cost, clipped, *amounts = rows
        terms = dict(zip(self._names, amounts, strict=False))
        labels = (limit.label for limit in self.spec.limits)
        costs = dict(zip(labels, amounts[len(self._names) :], strict=False))
        return PageReward(reward, terms, costs, cost, clipped if self.spec.clip else None)

"""Rules that choose pages and discounts: from exact means, which only the shop knows, or by a policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.random import Generator

from ...core.batches import EMPTY, Requests
from ...core.protocols import DecisionRule
from ...core.types import F64, I32
from ...policies.guards import Guard
from ...simulators import Shop
from .page_means import PageMeans, Pages, Weights


@dataclass(frozen=True)
class PageChoice:
    """The pages of n visits: (n, k) item rows and the (n,) share that is taken off their prices."""

    slates: I32
    price_off: F64


class PageRule(Protocol):
    """Chooses a page and a discount for every visit of a shop."""

    def choose(self, shop: Shop, requests: Requests, rng: Generator) -> PageChoice:
        """One page for each of the n visits of the shop."""
        ...


@dataclass(frozen=True)
class ExactRule:
    """The page that is best for a weighted sum of terms; or, under less pressure, one drawn in its favour.

    Attributes:
        weights: what one unit of each term counts for.
        discounts: shares that may be taken off all prices of a page.
        guards: candidates that they forbid are not shown.
        pressure: of :meth:`.PageMeans.tilted`; None = the best page.
        scale: of one unit of pressure; None = that of the page.
    """

    weights: Weights
    discounts: Sequence[float] = (0.0,)
    guards: Sequence[Guard] = ()
    pressure: float | None = None
    scale: float | None = None

    def choose(self, shop: Shop, requests: Requests, rng: Generator) -> PageChoice:
        """One page for each visit, by the exact means in the present state of the shop."""
        means = means_of(shop, requests, self.discounts, self.guards)
        if self.pressure is None:
            pages = means.best(self.weights)
        else:
            pages = means.tilted(self.weights, self.pressure, rng, self.scale)
        return as_choice(means, pages)


@dataclass(frozen=True)
class PolicyRule:
    """The pages of a policy, all at one discount."""

    policy: DecisionRule
    price_off: float = 0.0

    def choose(self, shop: Shop, requests: Requests, rng: Generator) -> PageChoice:
        """One page for each visit."""
        slates = self.policy.decide(requests, rng).slates
        return PageChoice(slates, np.full(shop.lanes, self.price_off))


def means_of(
    shop: Shop, requests: Requests, discounts: Sequence[float], guards: Sequence[Guard] = ()
) -> PageMeans:
    """The means of the candidates that the guards allow; of all items where a page chooses from all."""
    candidates = requests.candidates
    if not candidates.shape[1]:
        candidates = np.tile(np.arange(len(shop.catalog), dtype=np.int32), (len(requests), 1))
        requests = with_candidates(shop, requests, candidates)
    for guard in guards:
        candidates = np.where(guard.before(requests, shop.catalog.items), candidates, EMPTY)
    return PageMeans.of_shop(shop, candidates.astype(np.int32), discounts)


def as_choice(means: PageMeans, pages: Pages) -> PageChoice:
    """The item rows and discounts of pages of candidates."""
    rows = np.take_along_axis(means.candidates, np.maximum(pages.positions, 0), axis=1)
    slates = np.where(pages.positions >= 0, rows, EMPTY).astype(np.int32)
    return PageChoice(slates, means.discounts[pages.level])


def with_candidates(shop: Shop, requests: Requests, candidates: I32) -> Requests:
    """The requests with these candidates (n, m); what is in stock is read from the shop."""
    in_stock = shop.today.available[shop.visits.day_row[:, None], candidates]
    return replace(requests, candidates=candidates, in_stock=in_stock)

"""Exact means of every candidate of many pages, at several discounts, and the best pages for a sum of terms.

A reward is attacked before anybody trains on it: where the shop knows the mean of every term of every item,
the page that is best for a reward is found by sorting, and what that page earns of any other sum of terms is
known exactly.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator
from scipy.optimize import linear_sum_assignment

from ...core.batches import EMPTY
from ...core.types import F64, I32, I64, Bool
from ...policies.plackett_luce import draw, slot_propensities
from ...simulators import Shop
from .exact_terms import PER_IMPRESSION, exact_terms

Weights = Mapping[str, float]
"""What one unit of a term counts for, by name of :data:`.EXACT_TERMS`."""
MOST_NUMBERS = 2e7
"""Numbers that the means of one batch of pages may take (160 MB)."""


@dataclass(frozen=True, eq=False)
class Pages:
    """One page for each of n visits.

    Attributes:
        positions: (n, k) candidate of each slot; ``EMPTY`` = empty slot.
        level: (n,) index of the discount of the page.
        kl: (n,) log of the probability of the page over that of a uniform draw; 0 if it was not drawn.
    """

    positions: I32
    level: I64
    kl: F64


@dataclass(frozen=True, eq=False)
class PageMeans:
    """Exact means of the m candidates of n pages at L discounts, in one state of a shop.

    Attributes:
        discounts: (L,) shares taken off all prices of a page.
        candidates: (n, m) item rows; ``EMPTY`` = padding.
        terms: those of :func:`.exact_terms` by name, each (L, n, m).
        go_on: (L, n, m) probability of reading on after the candidate was examined.
        attention: (n, k) probability that a slot is examined when it is reached; 0 beyond the page's slots.
        slots: (n,) slots of the page.
        chained: (n,) whether reading may end before the last slot.
    """

    discounts: F64
    candidates: I32
    terms: Mapping[str, F64]
    go_on: F64
    attention: F64
    slots: I32
    chained: Bool

    @classmethod
    def of_shop(cls, shop: Shop, candidates: I32, discounts: Sequence[float] = (0.0,)) -> PageMeans:
        """The means in the present state of every visit of the shop.

        Where items compete for the order these are the means of an item alone on its page.

        Args:
            candidates: (n, m) item rows for the n visits of the shop, ``EMPTY`` = padding.
        """
        off = [np.full(shop.lanes, discount) for discount in discounts]
        levels = [exact_terms(shop, candidates, each) for each in off]
        return cls(
            discounts=np.array(discounts, np.float64),
            candidates=candidates,
            terms={name: np.stack([means[name] for means in levels]) for name in levels[0]},
            go_on=np.stack([_reading_on(shop, candidates, each) for each in off]),
            attention=shop.attention_curve,
            slots=shop.slots,
            chained=shop.reads_in_chains,
        )

    def __len__(self) -> int:
        return len(self.candidates)

    @cached_property
    def reach(self) -> Bool:
        """(n, k) slots that the page has."""
        return np.arange(self.attention.shape[1]) < self.slots[:, None]

    @cached_property
    def filled(self) -> Bool:
        """(n, m) candidates that are no padding."""
        return self.candidates >= 0

    def worth(self, weights: Weights) -> F64:
        """(L, n, m) the weighted sum of the terms of each candidate that count per examination."""
        return weighted({n: w for n, w in weights.items() if n not in PER_IMPRESSION}, self.terms)

    def shown_worth(self, weights: Weights) -> F64:
        """(L, n, m) the same of the terms that count per impression."""
        return weighted({n: w for n, w in weights.items() if n in PER_IMPRESSION}, self.terms)

    def page_terms(self, pages: Pages, names: Collection[str] | None = None) -> dict[str, F64]:
        """The exact mean of every term of the pages, or of those in ``names``, each (n,)."""
        rows, at = np.arange(len(self))[:, None], np.maximum(pages.positions, 0)
        level, filled = pages.level[:, None], pages.positions >= 0
        goes_on = np.where(filled, self.go_on[level, rows, at], 1.0)
        reached = np.cumprod(goes_on, axis=1)
        reached = np.concatenate([np.ones((len(self), 1)), reached[:, :-1]], axis=1)
        examined = np.where(filled, reached * self.attention, 0.0)
        shown = filled & self.reach
        out = {}
        for name in self.terms if names is None else names:
            means = self.terms[name]
            weight = shown if name in PER_IMPRESSION else examined
            out[name] = (weight * means[level, rows, at]).sum(axis=1)
        return out

    def value(self, weights: Weights, pages: Pages) -> F64:
        """(n,) exact mean of the weighted sum of terms of the pages."""
        total: F64 = np.zeros(len(self))
        for name, amount in self.page_terms(pages, weights).items():
            total = total + weights[name] * amount
        return total

    def best(self, weights: Weights) -> Pages:
        """The filled pages and discounts that are best for the weighted sum of terms.

        Sorting is exact where attention falls with the slot, an assignment where impressions count too. On
        pages whose reading may end, candidates are sorted by worth / (1 - probability of reading on): the
        best order of a set (Kempe & Mahdian 2008, lemma 1), not always the best set.
        """
        options = [self._best_at(level, weights) for level in range(len(self.discounts))]
        if len(options) == 1:
            return options[0]
        values = np.stack([self.value(weights, pages) for pages in options])
        level = values.argmax(axis=0)
        positions = np.stack([pages.positions for pages in options])[level, np.arange(len(self))]
        return self.pages(positions, level)

    def by_score(self, score: F64, level: int = 0) -> Pages:
        """The pages of the candidates with the highest ``score`` (n, m), all at one discount."""
        k = self.attention.shape[1]
        order = np.argsort(-np.where(self.filled, score, -np.inf), axis=1, kind="stable")[:, :k]
        positions = np.full((len(self), k), EMPTY, np.int32)
        positions[:, : order.shape[1]] = order
        rows = np.arange(len(self))[:, None]
        positions[~self.filled[rows, np.maximum(positions, 0)] | ~self.reach] = EMPTY
        return self.pages(positions, np.full(len(self), level))

    def uniform(self, rng: Generator) -> Pages:
        """Pages drawn uniformly, without a discount."""
        return self.by_score(rng.random(self.candidates.shape))

    def empty(self) -> Pages:
        """Pages without any item."""
        return self.pages(np.full(self.attention.shape, EMPTY, np.int32), np.zeros(len(self), np.int64))

    def pages(self, positions: I32, level: I64) -> Pages:
        """Pages that were not drawn."""
        return Pages(positions, level, np.zeros(len(self)))

    def tilted(self, weights: Weights, pressure: float, rng: Generator, scale: float | None = None) -> Pages:
        """Pages drawn with probabilities proportional to uniform x exp(pressure x reward).

        The discount is drawn first, by the mean reward of an examination of its best page; then the slots, by
        Plackett-Luce with the reward of each candidate. With the same generator two families meet the same
        random draws.

        Args:
            pressure: in units of 1 / ``scale``.
            scale: of the reward of a candidate; default its standard deviation (:meth:`spread`).
        """
        worth = self.worth(weights) + self.shown_worth(weights)
        log_rates = (pressure / (scale or self.spread(weights) or 1.0)) * worth
        n, k = self.attention.shape
        filled = np.where(self.filled, log_rates, -np.inf)
        top = -np.sort(-filled, axis=2)[:, :, :k]
        counted = np.where(np.isfinite(top), top, 0.0) * self.attention[:, : top.shape[2]]
        by_level = counted.sum(axis=2) / np.maximum(self.attention.sum(axis=1), 1e-12)
        noise = rng.gumbel(size=(n, len(self.discounts)))
        log_level = by_level.T - by_level.max(axis=0)[:, None]
        log_level -= np.log(np.exp(log_level).sum(axis=1, keepdims=True))
        level = (log_level + noise).argmax(axis=1)
        rates = log_rates[level, np.arange(n)]
        one = np.ones(1)
        positions = draw(rates[:, None, :], one, self.filled, k, rng)
        positions[~self.reach] = EMPTY
        now, even = (
            slot_propensities(values[:, None, :], one, self.filled, positions)
            for values in (rates, np.zeros_like(rates))
        )
        drawn = positions >= 0  # a page may have fewer candidates than slots
        ratio = (np.log(np.where(drawn, now, 1.0)) - np.log(np.where(drawn, even, 1.0))).sum(axis=1)
        kl = ratio + log_level[np.arange(n), level] + np.log(len(self.discounts))
        return Pages(positions, level, kl)

    def spread(self, weights: Weights) -> float:
        """Standard deviation of the reward of a candidate within a page, over all pages and discounts."""
        worth = self.worth(weights) + self.shown_worth(weights)
        filled = self.filled.any(axis=1)  # the guards may leave a page nothing
        kept = np.where(self.filled, worth, np.nan).transpose(1, 0, 2)[filled]
        within = np.nanvar(kept.reshape(len(kept), -1), axis=1)
        return float(np.sqrt(within.mean())) if len(within) else 0.0

    @cached_property
    def most_kl(self) -> float:
        """Nats a page of a rule that always shows one certain page, against pages drawn uniformly."""
        choices = self.filled.sum(axis=1)[:, None] - np.arange(self.attention.shape[1])
        nats = np.where(self.reach, np.log(np.maximum(choices, 1)), 0.0).sum(axis=1)
        return float(nats.mean() + np.log(len(self.discounts)))

    def _best_at(self, level: int, weights: Weights) -> Pages:
        worth = self.worth(weights)[level]
        shown = self.shown_worth(weights)[level]
        ratio = worth / np.maximum(1.0 - self.go_on[level], 1e-12)
        pages = self.by_score(np.where(self.chained[:, None], ratio, worth), level)
        if not shown.any():
            return pages
        positions = pages.positions.copy()
        for i in np.flatnonzero(~self.chained):
            slots, choices = int(self.slots[i]), np.flatnonzero(self.filled[i])
            gain = self.attention[i, :slots, None] * worth[i, choices] + shown[i, choices]
            slot, candidate = linear_sum_assignment(gain, maximize=True)
            positions[i] = EMPTY
            positions[i, slot] = choices[candidate]
        return self.pages(positions, pages.level)


def _reading_on(shop: Shop, candidates: I32, price_off: F64) -> F64:
    """(n, m) probability of reading on; where no visitor stops by what was read, it is not asked for."""
    if shop.reads_in_chains.any():
        return shop.reads_on(candidates, price_off=price_off)
    return np.ones(candidates.shape)


def weighted(weights: Weights, terms: Mapping[str, F64]) -> F64:
    """The weighted sum of the terms."""
    total: F64 = np.zeros(np.shape(terms["click"]))
    for name, weight in weights.items():
        total = total + weight * terms[name]
    return total

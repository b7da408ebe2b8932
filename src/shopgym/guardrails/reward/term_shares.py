"""Which of its terms a reward is really made of: their shares in its mean and in its variance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, Philox

from ...core.batches import EMPTY, SLOT_TERMS
from ...core.types import F64
from .linted_shop import LintedShop
from .page_means import Weights, weighted


@dataclass(frozen=True)
class TermShare:
    """One term of a reward, on pages drawn uniformly.

    Attributes:
        name, weight: of the term; what one unit of it counts for.
        amount: mean per page, in the term's own unit.
        mean: share of the sum of the terms' absolute contributions to the mean, signed.
        variance: covariance of the term's contribution with the reward, over the variance of the reward; they
            sum up to 1. This is what a learner sees: a term without it teaches nothing.
    """

    name: str
    weight: float
    amount: float
    mean: float
    variance: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def sampled_terms(shop: LintedShop, pages: int) -> dict[str, F64]:
    """What happened on as many pages that were drawn uniformly from what the guards allow, each (pages,)."""
    world = shop.open(pages)
    world.reset(shop.seed)
    world.start_visits(np.ones(pages, np.bool_))
    requests, rng = world.requests(), Generator(Philox(key=shop.seed))
    k = shop.config.slate_size
    if requests.candidates.shape[1]:
        allowed = requests.candidates >= 0
        for guard in shop.guards:
            allowed &= guard.before(requests, shop.catalog.items)
        noise = np.where(allowed, rng.random(allowed.shape), -1.0)
        order = np.argsort(-noise, axis=1)[:, :k]
        chosen = np.take_along_axis(requests.candidates, order, axis=1)
        slates = np.where(np.take_along_axis(noise, order, axis=1) >= 0, chosen, EMPTY)
    else:
        slates = rng.integers(len(shop.catalog), size=(pages, k))
    slates = np.where(np.arange(k) < world.slots[:, None], slates, EMPTY)
    feedback = world.counterfactual(slates.astype(np.int32))
    terms = {name: feedback.page[:, number].copy() for number, name in enumerate(SLOT_TERMS)}
    return {**terms, "impression": (slates >= 0).sum(axis=1).astype(np.float64)}


def cut_off(clip: Mapping[str, tuple[float, float]], terms: Mapping[str, F64]) -> dict[str, float]:
    """Share of the absolute amount of each bounded term that its bounds cut off on these pages."""
    cut = {}
    for name, bounds in clip.items():
        amount = terms.get(name, np.zeros(1))
        if (whole := float(np.abs(amount).sum())) > 0.0:
            cut[name] = float(np.abs(amount - np.clip(amount, *bounds)).sum()) / whole
    return cut


def term_shares(weights: Weights, terms: Mapping[str, F64]) -> tuple[TermShare, ...]:
    """The share of each term of a reward; ``variance`` is NaN if the reward never varies."""
    reward = weighted(weights, terms)
    spread = float(reward.var())
    parts = {name: weight * terms[name] for name, weight in weights.items()}
    whole = sum(abs(float(part.mean())) for part in parts.values())
    return tuple(
        TermShare(
            name=name,
            weight=weights[name],
            amount=float(terms[name].mean()),
            mean=float(part.mean()) / whole if whole else 0.0,
            variance=float(((part - part.mean()) * (reward - reward.mean())).mean()) / spread
            if spread > 0.0
            else float("nan"),
        )
        for name, part in parts.items()
    )

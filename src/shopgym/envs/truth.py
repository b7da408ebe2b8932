"""What the shop itself knows: the exact expected reward of a page, and the best page there is."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..core.types import F64, I32
from ..simulators import Shop
from .reward import RewardSpec


def slot_values(shop: Shop, reward: RewardSpec, items: I32) -> tuple[F64, F64]:
    """Exact expected reward of items (n, j) in each lane's present state.

    Returns:
        (per examination, per impression), each (n, j): slot j is worth examination_j x the first
        plus the second, because a shopper's clicks on different slots are independent.
    """
    means = shop.expected(items)
    seen, shown = np.zeros(items.shape), np.zeros(items.shape)
    for name, weight in reward.weights.items():
        if name == "stockout":
            shown += weight * means[name]
        else:
            seen += weight * means[name]
    return seen, shown


def page_values(shop: Shop, reward: RewardSpec, slates: I32) -> F64:
    """(n,) exact expected reward of the slates (n, k)."""
    seen, shown = slot_values(shop, reward, slates)
    value: F64 = (shop.examination * seen + shown).sum(axis=1)
    return value


def best_page_values(shop: Shop, reward: RewardSpec, candidates: I32) -> F64:
    """(n,) expected reward of the best slate of candidates (n, m): the oracle of a one-page visit.

    Attention falls with the slot, so the best page is the candidates sorted by value; where a reward
    counts impressions too it is an assignment problem. An empty slot is worth 0.
    """
    seen, shown = slot_values(shop, reward, candidates)
    k = len(shop.examination)
    if not shown.any():
        best = -np.sort(-np.maximum(seen, 0.0), axis=1)[:, :k]
        total: F64 = best @ shop.examination[: best.shape[1]]
        return total
    gain = np.maximum(shop.examination[None, :, None] * seen[:, None, :] + shown[:, None, :], 0.0)
    return np.array([page[linear_sum_assignment(page, maximize=True)].sum() for page in gain])

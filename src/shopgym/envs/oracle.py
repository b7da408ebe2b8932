"""The exact expected reward of a page, and of the best page: known to the shop, not to agents."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..core.errors import InvalidInput
from ..core.reward import RewardSpec
from ..core.types import F64, I32
from ..simulators import Shop


def slot_values(
    shop: Shop, reward: RewardSpec, items: I32, *, price_off: F64 | None = None
) -> tuple[F64, F64]:
    """Exact expected reward of items (n, j) in the present state of each visit.

    Returns:
        (per examination, per impression), each (n, j). The value of slot j is its attention x the first
        plus the second.
    """
    means = shop.expected(items, price_off=price_off)
    seen, shown = np.zeros(items.shape), np.zeros(items.shape)
    for name, weight in reward.weights.items():
        if name == "stockout":
            shown += weight * means[name]
        else:
            seen += weight * means[name]
    return seen, shown


def page_values(shop: Shop, reward: RewardSpec, slates: I32, *, price_off: F64 | None = None) -> F64:
    """(n,) exact expected reward of the slates (n, k)."""
    seen, shown = slot_values(shop, reward, slates, price_off=price_off)
    reach = np.arange(slates.shape[1]) < shop.slots[:, None]
    value: F64 = (shop.attention(slates) * seen + reach * shown).sum(axis=1)
    return value


def best_page_values(shop: Shop, reward: RewardSpec, candidates: I32) -> F64:
    """(n,) expected reward of the best slate of candidates (n, m): the oracle of a one-page visit.

    Where attention falls with the slot, the best page is the candidates sorted by value. If the reward
    counts impressions too, it is an assignment problem. Where a click can end the reading, see
    :func:`best_chain`. The value of an empty slot is 0.

    Raises:
        InvalidInput: the reward counts impressions on a page whose reading can end (no exact solution).
    """
    seen, shown = slot_values(shop, reward, candidates)
    attention = shop.attention_curve
    best = np.zeros(len(candidates))
    chain = shop.reads_in_chains
    if chain.any():
        if shown.any():
            raise InvalidInput(
                "reward.terms", "stockout", "leave it out: with cascade and dbn no best page is known for it"
            )
        go_on = shop.reads_on(candidates)
        opened = attention[chain, 0]
        best[chain] = opened * best_chain(seen[chain], go_on[chain], shop.slots[chain])
    curve = np.flatnonzero(~chain)
    if not shown.any():
        ranked = -np.sort(-np.maximum(seen[curve], 0.0), axis=1)[:, : attention.shape[1]]
        best[curve] = (ranked * attention[curve, : ranked.shape[1]]).sum(axis=1)
        return best
    reach = np.arange(attention.shape[1]) < shop.slots[:, None]
    for i in curve:
        gain = np.maximum(attention[i][:, None] * seen[i] + reach[i][:, None] * shown[i], 0.0)
        best[i] = gain[linear_sum_assignment(gain, maximize=True)].sum()
    return best


def best_chain(values: F64, go_on: F64, slots: I32) -> F64:
    """(n,) value of the best sequence where reading ends with a probability that depends on the item.

    Item i has the value ``values`` (n, m) when examined, and the reader goes on after it with probability
    ``go_on`` (n, m). The best order of a set is by value / (1 - go_on), largest first (Kempe &
    Mahdian 2008, A cascade model for externalities in sponsored search, lemma 1); the best set of
    ``slots`` (n,) items is then found from the back of that order by dynamic programming (their sec. 3).
    """
    ratio = values / np.maximum(1.0 - go_on, 1e-12)
    order = np.argsort(-ratio, axis=1, kind="stable")
    values, go_on = np.take_along_axis(values, order, axis=1), np.take_along_axis(go_on, order, axis=1)
    k = int(slots.max())
    best_of = np.zeros((len(values), k + 1))  # [:, j]: of at most j of the items from this one on
    for item in range(values.shape[1] - 1, -1, -1):
        taken = values[:, item, None] + go_on[:, item, None] * best_of[:, :-1]
        best_of[:, 1:] = np.maximum(best_of[:, 1:], taken)
    best: F64 = best_of[np.arange(len(values)), slots]
    return best

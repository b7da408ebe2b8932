"""What the shop itself knows: the exact expected reward of a page, and the best page there is."""

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
    """Exact expected reward of items (n, j) in each lane's present state.

    Returns:
        (per examination, per impression), each (n, j): slot j is worth its attention x the first plus the
        second.
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

    Where attention falls with the slot, the best page is the candidates sorted by value; where a reward
    counts impressions too it is an assignment problem. Where a click can end the reading, see
    :func:`best_chain`. An empty slot is worth 0.

    Raises:
        InvalidInput: the reward counts impressions on a page whose reading can end: no oracle is known.
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


def best_chain(worth: F64, go_on: F64, slots: I32) -> F64:
    """(n,) value of the best sequence where reading ends with a probability that depends on the item.

    Item i yields ``worth`` (n, m) when examined and is read past with probability ``go_on`` (n, m). Of a
    given set, swapping neighbours shows the best order to be by worth / (1 - go_on), largest first (Kempe &
    Mahdian 2008, A cascade model for externalities in sponsored search, lemma 1); the best set of
    ``slots`` (n,) items is then found from the back of that order by dynamic programming (their sec. 3).
    """
    ratio = worth / np.maximum(1.0 - go_on, 1e-12)
    order = np.argsort(-ratio, axis=1, kind="stable")
    worth, go_on = np.take_along_axis(worth, order, axis=1), np.take_along_axis(go_on, order, axis=1)
    k = int(slots.max())
    value = np.zeros((len(worth), k + 1))  # value[:, j]: of at most j of the items from here on
    for item in range(worth.shape[1] - 1, -1, -1):
        taken = worth[:, item, None] + go_on[:, item, None] * value[:, :-1]
        value[:, 1:] = np.maximum(value[:, 1:], taken)
    best: F64 = value[np.arange(len(worth)), slots]
    return best

"""The exact expected reward of a page, and of the best page: known to the shop, not to agents.

Where items of a page compete for the order (``choice.competition``), what an item sells depends on what else
is examined, and only bounds are known: :func:`page_bounds`, and :func:`best_page_values` with ``bound``.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..core.errors import InvalidInput
from ..core.reward import RewardSpec
from ..core.types import F64, I32
from ..simulators import Shop
from ..simulators.page.exact_means import COMPETED


def slot_values(
    shop: Shop, reward: RewardSpec, items: I32, *, price_off: F64 | None = None, bound: bool = False
) -> tuple[F64, F64]:
    """Exact expected reward of items (n, j) in the present state of each visit.

    ``bound``: the most that an item can be worth on any page; the same where items do not compete.

    Returns:
        (per examination, per impression), each (n, j). The value of slot j is its attention x the first
        plus the second.

    Raises:
        InvalidInput: items compete for a term of the reward, and no ``bound`` is asked for.
    """
    competes = bool(shop.params.competition) and any(name in COMPETED for name in reward.weights)
    if competes and not bound:
        fix = "items compete for the order, only bounds of a page are known: see page_bounds, or set it to 0"
        raise InvalidInput("shop.choice.competition", shop.params.competition, fix)
    means = shop.expected(items, price_off=price_off)
    shown = _weighted(reward, means, {"stockout"})
    if not competes:
        return _weighted(reward, means, set(means) - {"stockout"}), shown
    shared = _weighted(reward, means, COMPETED)
    return _weighted(reward, means, set(means) - {"stockout"} - COMPETED) + np.maximum(shared, 0.0), shown


def page_bounds(
    shop: Shop, reward: RewardSpec, slates: I32, *, price_off: F64 | None = None
) -> tuple[F64, F64]:
    """((n,) least, (n,) greatest) expected reward of the slates (n, k): equal where items do not compete.

    An item keeps at least its share of the demand on a page that is examined whole, and at most all of it.
    """
    means = shop.expected(slates, price_off=price_off)
    attention, reach = shop.attention(slates), np.arange(slates.shape[1]) < shop.slots[:, None]
    alone = _weighted(reward, means, set(means) - {"stockout"} - COMPETED)
    fixed = attention * alone + reach * _weighted(reward, means, {"stockout"})
    shared = _weighted(reward, means, COMPETED)
    least = shared * shop.least_shares(slates, price_off=price_off)
    low, high = (fixed + attention * either(shared, least) for either in (np.minimum, np.maximum))
    return low.sum(axis=1), high.sum(axis=1)


def _weighted(reward: RewardSpec, means: dict[str, F64], names: AbstractSet[str]) -> F64:
    """(n, j) the part of the reward that the terms ``names`` are.

    Raises:
        InvalidInput: the mean of a term is not known exactly.
    """
    unknown = [name for name in reward.weights if name not in means or name in reward.clip]
    if unknown:
        fix = "its exact mean on a page is not known: measure by simulation, or leave it out of this reward"
        field = "reward.clip" if unknown[0] in reward.clip else "reward.terms"
        raise InvalidInput(field, unknown[0], fix)
    total = np.zeros(means["click"].shape)
    for name, weight in reward.weights.items():
        if name in names:
            total += weight * means[name]
    return total


def page_values(shop: Shop, reward: RewardSpec, slates: I32, *, price_off: F64 | None = None) -> F64:
    """(n,) exact expected reward of the slates (n, k)."""
    seen, shown = slot_values(shop, reward, slates, price_off=price_off)
    reach = np.arange(slates.shape[1]) < shop.slots[:, None]
    value: F64 = (shop.attention(slates) * seen + reach * shown).sum(axis=1)
    return value


def best_page_values(shop: Shop, reward: RewardSpec, candidates: I32, *, bound: bool = False) -> F64:
    """(n,) expected reward of the best slate of candidates (n, m): the oracle of a one-page visit.

    Where attention falls with the slot, the best page is the candidates sorted by value. If the reward
    counts impressions too, it is an assignment problem. Where a click can end the reading, see
    :func:`best_chain`. The value of an empty slot is 0. Where items compete ``bound`` gives
    a value that no page exceeds.

    Raises:
        InvalidInput: the reward counts impressions on a page whose reading can end (no exact solution).
    """
    seen, shown = slot_values(shop, reward, candidates, bound=bound)
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

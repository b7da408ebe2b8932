"""What rankings or slates show: how much of the catalogue, how new, how unlike, and whose items.

``ranked`` is always (n, w) int32 item rows, the best rank first; ``EMPTY`` (-1) pads.
"""

from __future__ import annotations

import numpy as np

from ..batches import EMPTY
from ..errors import InvalidInput
from ..types import F64, I32, AnyArray


def exposures(ranked: I32, num_items: int) -> F64:
    """(N,) how often each of N items is shown."""
    shown = ranked[ranked != EMPTY]
    return np.bincount(shown, minlength=num_items).astype(np.float64)


def coverage(ranked: I32, num_items: int) -> float:
    """Share of N items that are shown to anybody."""
    return float(np.count_nonzero(exposures(ranked, num_items)) / num_items)


def entropy(counts: AnyArray) -> float:
    """Shannon entropy of exposures (N,) in bits: log2(N) when all items are shown equally often."""
    total = counts.sum()
    if not total > 0:
        return float("nan")
    share = counts[counts > 0] / total
    return float(-(share * np.log2(share)).sum())


def novelty(ranked: I32, users_of_item: AnyArray, num_users: int) -> float:
    """Mean surprisal of what is shown, bits: -log2(share of users who had the item before).

    Mean inverse user frequency (Zhou et al. 2010, Solving the apparent diversity-accuracy dilemma): the mean
    over places of a ranking, then over rankings. An item that nobody had counts as one that one user had.

    Args:
        users_of_item: (N,) users who had each item.
        num_users: users in all.
    """
    surprisal = -np.log2(np.maximum(users_of_item, 1) / num_users)
    return _mean_of_places(ranked, surprisal[np.maximum(ranked, 0)])


def serendipity(ranked: I32, gain: F64, popularity: AnyArray) -> float:
    """Mean over places of max(p - q, 0) where the item is relevant, else 0.

    p = (N + 1 - rank) / N says how strongly the item was recommended to this user, q the same of its rank by
    popularity: relevant items that are not popular count most. Items that nobody had have q = 0; equally
    popular items share a rank. This is the convention of RecTools 0.19.

    Args:
        gain: (n, w) > 0 where the item is relevant to its user.
        popularity: (N,) interactions of each item.
    """
    n_items = len(popularity)
    levels = np.unique(popularity[popularity > 0])[::-1]
    rank_of = {value: place + 1 for place, value in enumerate(levels.tolist())}
    anyone = np.array(
        [(n_items + 1 - rank_of[value]) / n_items if value else 0.0 for value in popularity.tolist()]
    )
    own = (n_items + 1 - np.arange(1, ranked.shape[1] + 1)) / n_items
    surprise = np.maximum(own - anyone[np.maximum(ranked, 0)], 0.0)
    return _mean_of_places(ranked, np.where(gain > 0, surprise, 0.0))


def pair_diversity(ranked: I32, embedding: F64) -> tuple[F64, AnyArray]:
    """For each ranking the sum of 1 - cosine over its pairs of items (n,), and the number of pairs (n,).

    Their ratio is the intra-list diversity (Ziegler et al. 2005); a ranking of one item has no pair.

    Args:
        embedding: (N, d) of the items.
    """
    norm = np.linalg.norm(embedding, axis=1, keepdims=True)
    unit = embedding / np.maximum(norm, 1e-12)
    filled = (ranked != EMPTY).astype(np.float64)
    each = unit[np.maximum(ranked, 0)] * filled[:, :, None]
    count = filled.sum(axis=1)
    pairs = count * (count - 1) / 2
    # |sum of vectors|^2 = sum of their own squares + 2 x the sum of cosines over pairs
    squares = (each**2).sum(axis=(1, 2))
    cosines = ((each.sum(axis=1) ** 2).sum(axis=1) - squares) / 2
    return pairs - cosines, pairs.astype(np.int64)


def exposure_by_group(ranked: I32, group: AnyArray) -> dict[object, float]:
    """Share of the exposure that each group of items has; a place has exposure 1 / log2(1 + rank).

    Singh and Joachims 2018 (Fairness of exposure in rankings), with the discounts of NDCG.

    Args:
        group: (N,) label of each item, such as its seller's size.
    """
    weight = np.where(ranked != EMPTY, 1.0 / np.log2(np.arange(2, ranked.shape[1] + 2)), 0.0)
    total = weight.sum()
    if not total > 0:
        raise InvalidInput("ranked", "nothing is shown", "give rankings with items")
    labels, code = np.unique(group, return_inverse=True)
    share = np.bincount(code[np.maximum(ranked, 0)].ravel(), weight.ravel(), minlength=len(labels)) / total
    return dict(zip(labels.tolist(), share.tolist(), strict=True))


def outcome_parity(outcome: F64, group: AnyArray) -> float:
    """The smallest over the largest group mean of an outcome (n,) >= 0: 1 = all groups fare equally.

    NaN with fewer than two groups, or where no group has any of it.
    """
    if (outcome < 0).any():
        raise InvalidInput(
            "outcome",
            float(outcome.min()),
            "give an outcome >= 0: a ratio of means of both signs says nothing",
        )
    _, code = np.unique(group, return_inverse=True)
    means = np.bincount(code, outcome) / np.bincount(code)
    return parity(means)


def parity(rates: F64) -> float:
    """The smallest over the largest rate (G,) >= 0 of groups; NaN with one group or where all are 0."""
    return float(rates.min() / rates.max()) if len(rates) > 1 and rates.max() > 0 else float("nan")


def _mean_of_places(ranked: I32, values: F64) -> float:
    """The mean over the filled places of each ranking, then over the rankings that have any."""
    filled = ranked != EMPTY
    count = filled.sum(axis=1)
    sums = np.where(filled, values, 0.0).sum(axis=1)
    return float((sums[count > 0] / count[count > 0]).mean()) if (count > 0).any() else float("nan")

"""The value of what follows a page: fitted Q evaluation, linear in the features of pages.

Q_h, with h pages to go, is a ridge regression of r + gamma V_(h-1)(next page) on the features of the page
(Le, Voloshin and Yue 2019, Batch policy learning under constraints, algorithm 3). With X the features of the
logged pages and Y the mean features of the next page under the target, its coefficients are

    theta_h = b + A theta_(h-1),   b = (X'X + penalty)^-1 X' r,   A = gamma (X'X + penalty)^-1 X' Y

and F with h pages to follow is X A theta_h. A leaves out the last pages of the longest episodes: nothing
could follow them, and this is known already. Every page is predicted without the episodes of its fold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ....core.types import F64, I64

if TYPE_CHECKING:
    from .slates import PageOrder

PENALTY = 10.0
"""As many rows of evidence that a coefficient is 0, for features of mean square 1."""
GROWTH = 0.999
"""Largest factor by which a model may let values grow from page to page; a larger one is scaled down to it.
The estimates with weights stay unbiased whatever F is, as long as it is linear in the features."""


@dataclass(frozen=True, eq=False)
class Following:
    """F of n pages: as logged, and its mean under the target; both (n,)."""

    shown: F64
    expected: F64


def fit_following(
    rewards: Mapping[str, F64], shown: F64, expected: F64, order: PageOrder, fold: I64, gamma: float
) -> dict[str, Following]:
    """F for each outcome.

    Args:
        rewards: (n,) reward of each page, by outcome.
        shown, expected: (n, p) features of each page, as logged and in the mean under the target.
        order: of the pages.
        fold: (n,) of each page; all pages of an episode are in one.
        gamma: discount a page.
    """
    scale = np.sqrt(np.square(shown).mean(axis=0))
    scale[scale == 0] = 1.0
    shown, expected = shown / scale, expected / scale
    next_row = np.maximum(order.following, 0)
    goes_on = (order.following >= 0)[:, None]
    out = {name: Following(np.zeros(len(fold)), np.zeros(len(fold))) for name in rewards}
    for held_out in np.unique(fold):
        rows = np.flatnonzero(fold != held_out)
        x = shown[rows]
        early = rows[order.step[rows] < order.longest - 1]
        follows = np.where(goes_on[early], expected[next_row[early]], 0.0)
        later = gamma * np.linalg.solve(_gram(shown[early]), shown[early].T @ follows)
        growth = float(np.abs(np.linalg.eigvals(later)).max())
        later *= min(1.0, GROWTH / growth) if growth > 0 else 1.0
        own = np.flatnonzero(fold == held_out)
        to_follow = order.longest - 1 - order.step[own]
        for name, reward in rewards.items():
            first = np.linalg.solve(_gram(x), x.T @ reward[rows])
            theta = np.zeros_like(first)
            for left in range(1, order.longest):
                theta = first + later @ theta
                at = own[to_follow == left]
                out[name].shown[at] = shown[at] @ (later @ theta)
                out[name].expected[at] = expected[at] @ (later @ theta)
    return out


def _gram(x: F64) -> F64:
    """X'X with the penalty."""
    gram = x.T @ x
    gram[np.diag_indices_from(gram)] += PENALTY
    return gram
